"""What people do in a Zendesk account: partners write, agents answer, edit, merge and delete.

The vendor's API is in the `*_api.py` modules; these verbs are also `POST /sandbox/zendesk/...`.
"""

from __future__ import annotations

from datetime import datetime

from plugin.sandbox.state import Json, instant
from plugin.sandbox.zendesk.admin import Admin
from plugin.sandbox.zendesk.event_types import TICKET_EVENTS
from plugin.sandbox.zendesk.records import not_found
from plugin.sandbox.zendesk.values import Wanted

WEB: Json = {"channel": "web", "source": {"from": {}, "to": {}, "rel": None}}
_CHANNELS = {"portal": "web", "phone": "voice"}


class ZendeskAccount(Admin):
    """Verbs take the sandbox's lock themselves. `at` is an instant (text or aware), default now.

    `agent` is an id, e-mail address or name of a member of staff; None is the first plain agent.
    """

    def create_agent(self, name: str, email: str, role: str = "agent", active: bool = True) -> Json:
        with self.lock:
            return self.add_user(name, email, role=role, active=active)

    def create_requester(
        self,
        name: str,
        email: str,
        organization: int | str | None = None,
        language: str = "en-US",
    ) -> Json:
        """Create an end user, in the organisation named or the one that owns the mail domain."""
        with self.lock:
            found = self.find_organization(organization)
            belongs = found["id"] if found else self.organization_for(email)
            return self.add_user(name, email, organization_id=belongs, locale=language)

    def receive_email(
        self,
        subject: str,
        body: str,
        sender: str = "partner@example.test",
        name: str | None = None,
        organization: int | str | None = None,
        at: datetime | str | None = None,
        channel: str = "email",
        language: str = "en-US",
        ticket: int | None = None,
        tags: list[str] | None = None,
    ) -> Json:
        """A partner writes: a new ticket, or a comment on `ticket`. Returns the ticket."""
        with self.lock:
            user = self.user_by_email(sender) or self.create_requester(
                name or sender, sender, organization, language
            )
            via = {
                "channel": _CHANNELS.get(channel, channel),
                "source": {"from": {"address": sender, "name": user["name"]},
                           "to": {"address": f"support@{self.name}.test", "name": self.name},
                           "rel": None},
            }  # fmt: skip
            when = _instant(at)
            if ticket is not None:
                known = self.ticket(ticket)
                change: Json = {"comment": {"body": body, "public": True}}
                if known["status"] in ("pending", "hold", "solved"):
                    change["status"] = "open"
                self.change_ticket(known, change, actor=user["id"], via=via, at=when)
                return known
            fields = {"subject": subject, "comment": {"body": body},
                      "requester_id": user["id"], "tags": tags or []}  # fmt: skip
            return self.create_ticket(fields, actor=user["id"], via=via, at=when)[0]

    def agent_replies(
        self,
        ticket: int,
        body: str = "We are looking into it.",
        agent: object = None,
        at: datetime | str | None = None,
        status: str | None = None,
        public: bool = True,
    ) -> Json:
        """An agent answers publicly; `status` is set with it, as `submit as` does."""
        fields: Json = {"comment": {"body": body, "public": public}}
        if status:
            fields["status"] = status
        return self.agent_edits(ticket, fields, agent, at)

    def agent_notes(
        self,
        ticket: int,
        body: str = "Internal note.",
        agent: object = None,
        at: datetime | str | None = None,
    ) -> Json:
        """An agent adds a private note."""
        return self.agent_replies(ticket, body, agent, at, public=False)

    def agent_edits(
        self, ticket: int, fields: Json, agent: object = None, at: datetime | str | None = None
    ) -> Json:
        """An agent changes fields by hand, recorded as that person's audit. Returns the ticket.

        Field names are the API's; a custom field may also go by its title.
        """
        with self.lock:
            found = self.ticket(ticket)
            titles = {f["title"]: f["id"] for f in self.custom_ticket_fields()}
            change = {k: v for k, v in fields.items() if k not in titles}
            custom = [{"id": titles[k], "value": v} for k, v in fields.items() if k in titles]
            if custom:
                change["custom_fields"] = [*change.get("custom_fields", []), *custom]
            actor = self.find_agent(agent)["id"]
            self.change_ticket(found, change, actor=actor, via=WEB, at=_instant(at))
            return found

    def merge(
        self, ticket: int, into: int, agent: object = None, at: datetime | str | None = None
    ) -> Json:
        """An agent merges `ticket` into `into`: it is closed, both get a comment."""
        with self.lock:
            old, new = self.ticket(ticket), self.ticket(into)
            actor, when = self.find_agent(agent)["id"], _instant(at)
            gone: Json = {"from": {"ticket_ids": [ticket]}, "to": {}, "rel": "merge"}
            kept: Json = {"from": {"ticket_id": into}, "to": {}, "rel": "merge"}
            text = f'Request #{ticket} "{old["subject"]}" was closed and merged into this request.'
            self.commit(new, {}, {"body": text, "public": False}, actor,
                        {"channel": "web", "source": gone}, at=when)  # fmt: skip
            note = {
                "body": f"This request was closed and merged into request #{into}",
                "public": False,
            }
            change: Wanted = {
                "status": "closed",
                "tags": sorted({*old["tags"], "closed_by_merge"}),
            }
            happened = {"merged": {"target_ticket_id": str(into)}}
            via: Json = {"channel": "web", "source": kept}
            self.commit(old, change, note, actor, via, at=when, happened=happened)
            return old

    def spam(self, ticket: int, agent: object = None) -> Json:
        """An agent marks a ticket as spam: it is deleted, its requester suspended."""
        return self._remove(ticket, agent, "marked_as_spam")

    def delete(self, ticket: int, agent: object = None) -> Json:
        """An agent deletes a ticket."""
        return self._remove(ticket, agent, "soft_deleted")

    def webhook_target(self, url: str, secret: str | None = None) -> Json:
        """Subscribe an address to every ticket event. Returns the webhook and its secret."""
        with self.lock:
            webhook = self.add_webhook(
                {"name": "sandbox target", "endpoint": url, "subscriptions": list(TICKET_EVENTS)},
                secret,
            )
            return {**webhook, "secret": self.webhook_secrets[webhook["id"]]}

    def undelete(self, ticket: int, agent: object = None) -> Json:
        """An agent restores a deleted ticket, also one deleted as spam."""
        with self.lock:
            found = self.tickets.get(ticket)
            if found is None or found["status"] != "deleted":
                raise not_found()
            actor = self.find_agent(agent)["id"]
            before = found.pop("previous_status", "open")
            self.commit(found, {"status": before}, None, actor, WEB, happened={"undeleted": {}})
            return found

    def _remove(self, ticket: int, agent: object, name: str) -> Json:
        with self.lock:
            found = self.ticket(ticket)
            if name == "marked_as_spam":
                self.users[found["requester_id"]]["suspended"] = True
            actor = self.find_agent(agent)["id"]
            found["previous_status"] = found["status"]
            happened: dict[str, Json] = {name: {}}
            self.commit(found, {"status": "deleted"}, None, actor, WEB, happened=happened)
            return found


def _instant(at: datetime | str | None) -> datetime | None:
    return None if at is None else instant(at)
