"""The names of the events that a Zendesk webhook can subscribe to.

What each says is in `events.py`.
"""

PREFIX = "zen:event-type:"
CONDITIONAL = "conditional_ticket_events"
TICKET_EVENTS = tuple(
    f"{PREFIX}ticket.{name}"
    for name in (
        "agent_assignment_changed", "attachment_linked_to_comment",
        "attachment_redacted_from_comment", "brand_changed", "comment_added",
        "comment_made_private", "comment_redacted", "created", "csat_received",
        "csat_requested", "custom_field_changed", "custom_status_changed", "description_changed",
        "email_ccs_changed", "external_id_changed", "followers_changed", "form_changed",
        "group_assignment_changed", "marked_as_spam", "merged", "next_sla_breach_changed",
        "ola_policy_changed", "organization_changed", "permanently_deleted", "priority_changed",
        "problem_link_changed", "requester_changed", "schedule_changed", "sla_policy_changed",
        "soft_deleted", "status_changed", "subject_changed", "submitter_changed", "tags_changed",
        "task_due_at_changed", "type_changed", "undeleted",
    )
)  # fmt: skip
ORGANIZATION_EVENTS = tuple(
    f"{PREFIX}organization.{name}"
    for name in ("created", "custom_field_changed", "deleted", "external_id_changed",
                 "name_changed", "tags_changed")
)  # fmt: skip
USER_EVENTS = tuple(
    f"{PREFIX}user.organization_membership_{name}" for name in ("created", "deleted")
)
EVENT_TYPES = (*TICKET_EVENTS, *ORGANIZATION_EVENTS, *USER_EVENTS)
# Fields whose event is not called `<field>_changed`.
OTHER_NAMES = {
    "assignee_id": "agent_assignment_changed", "group_id": "group_assignment_changed",
    "organization_id": "organization_changed", "requester_id": "requester_changed",
    "due_at": "task_due_at_changed", "problem_id": "problem_link_changed",
    "custom_status_id": "custom_status_changed", "brand_id": "brand_changed",
    "ticket_form_id": "form_changed",
}  # fmt: skip
