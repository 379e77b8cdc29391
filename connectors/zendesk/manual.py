"""The settings to type into Zendesk by hand, for admins who prefer that."""

from __future__ import annotations

from connectors.base import Connection


def manual_steps(connection: Connection, public_url: str) -> list[str]:
    """Return the steps, in order."""
    address = f"{public_url}/webhooks/zendesk/{connection.key}"
    return [
        "Admin Center > Apps and integrations > APIs > OAuth clients: add a confidential client "
        "for a dedicated agent; note its identifier and secret.",
        "Admin Center > Apps and integrations > Webhooks > Create webhook: connect it to "
        "Zendesk events, and choose all ticket events.",
        f"Endpoint URL: {address}   Request method: POST   Request format: JSON",
        "Authentication: none (every request is signed). Save, then reveal the signing secret.",
        "Where you prefer a trigger: connect the webhook to triggers instead, condition "
        '"Ticket is created" or "Ticket is updated", body {"ticket_id": "{{ticket.id}}"}.',
        "Admin Center > Objects and rules > Tickets > Fields: add the text fields `SLA due` and "
        "`SLA note`; the drop-down `SLA kind` with the tags sla_kind_error, sla_kind_question, "
        "sla_kind_feature_request; the drop-down `SLA environment` with sla_env_production and "
        "sla_env_test; the drop-down `SLA impact` with sla_impact_blocking, sla_impact_degraded, "
        "sla_impact_minor and sla_impact_none.",
        "Admin Center > People > Configuration > Organization fields: add the drop-down "
        "`sla_tier` (enterprise, advanced, starter, free) and the text `sla_named_contact` "
        "(an agent's e-mail address).",
        "Due dates show on tickets of type task: an empty type becomes task. Look for triggers, "
        "views and reports that use the type before you go on.",
        "Views > Add view: `Due next` (status below Solved, one of the tags sla_enterprise, "
        "sla_advanced, sla_starter, sla_free, none of sla_met, sla_breached, sla_excluded, "
        "sorted by due date), `At risk` (tag sla_at_risk or sla_breached), `Feature requests` "
        "(tag feature_request or feature_request_candidate).",
        f"Then run `regiondo-sla connect zendesk --key {connection.key} --account "
        f"{connection.base_url} --public-url {public_url}`: it finds what is there, takes the "
        "signing secret, and says what is missing.",
    ]
