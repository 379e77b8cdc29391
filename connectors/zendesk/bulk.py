"""Many Zendesk tickets at once: the incremental cursor export, `update_many` and its jobs.

One ticket at a time is `connector.py`'s; what a ticket means is `tickets.py`'s.
"""
# https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/
# https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#update-many-tickets
# (read 2026-11)

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.api import Api
from connectors.base import Connection
from connectors.bulk import Changes, Found, Page
from connectors.errors import Conflict, Rejected, VendorError, VendorUnavailable
from connectors.json_values import instant, mapping, mappings
from connectors.pace import Pace
from sla_rules.ticket import Channel, Status, Ticket, TicketPatch, Traits, Written

from . import export
from .account import ORGANIZATION_LIFE
from .connector import ZendeskConnector
from .hands import STAMP

_SIDELOADS = "users,organizations,metric_sets,comment_count"
_FIRST_POLL, _LONGEST_POLL = 1.0, 10.0  # seconds
_JOB_GIVEN_UP_AFTER = 300.0  # seconds
_MINUTE = timedelta(minutes=1)


class ZendeskBulk:
    """The account's export and batches; for one thread. The export needs an admin's rights."""

    batch = 100

    def __init__(self, connection: Connection, pace: Pace | None = None) -> None:
        self._connection = connection
        self._connector = ZendeskConnector(connection, pace)
        self._client = self._connector.client
        self._api = Api(self._client.session, "/api/v2")
        self._users: dict[str, Any] = {}

    @property
    def traits(self) -> Traits:
        """What Zendesk can do with a due date."""
        return self._connector.traits

    @property
    def calls(self) -> int:
        """HTTP requests sent so far."""
        return self._connector.calls

    def start(self, since: datetime) -> str:
        """Return the cursor before everything that changed at or after an instant."""
        return export.start(since)

    def changes(self, cursor: str) -> Changes:
        """Return the next thousand changes, those of organisations before those of tickets.

        An organisation's event may be lost, and an account that triggers tell of has none.
        """
        at = export.position(cursor)
        if not at.listed:
            organizations, at = export.organizations(self._api, at)
            return Changes(
                versions={},
                cursor=at.to_cursor(),
                more=True,
                organizations=organizations,
                stale_for=ORGANIZATION_LIFE,
            )
        answer = export.tickets(self._api, at.tickets)
        if answer is None:
            return Changes(versions={}, cursor=replace(at, listed=False).to_cursor(), more=False)
        versions = {
            str(raw.get("id")): instant(raw.get("updated_at"))
            for raw in mappings(answer.get("tickets"))
            if raw.get("id")
        }
        gone = {
            str(raw.get("id"))
            for raw in mappings(answer.get("tickets"))
            if str(raw.get("status") or "").lower() == "deleted"
        }
        more = not answer.get("end_of_stream", True)
        at = replace(at, tickets=export.after(answer, at.tickets), listed=more)
        return Changes(
            versions=versions, cursor=at.to_cursor(), more=more, known_only=frozenset(gone)
        )

    def page(self, cursor: str) -> Page:
        """Return the next thousand tickets with people, organisations and metrics: one call."""
        answer = export.tickets(self._api, cursor, include=_SIDELOADS)
        if answer is None:
            return Page(found=(), cursor=cursor, more=False)
        self._users = _by_id(answer, "users")
        organizations = list(_by_id(answer, "organizations").values())
        metrics = _by_id(answer, "metric_sets", "ticket_id")
        listed = _by_id(answer, "tickets")
        found = []
        for number, raw in listed.items():
            measured = mapping(raw.get("metric_set")) or mapping(metrics.get(number))
            ticket = self._connector.listed(raw, self._users, organizations)
            ticket = replace(ticket, first_response_at=_replied_at(ticket, measured))
            found.append(Found(ticket=ticket, settled=_is_settled(ticket, raw, measured)))
        return Page(
            found=tuple(found),
            cursor=export.after(answer, cursor),
            more=not answer.get("end_of_stream", True),
            changed_at=_changed_at(list(listed.values())),
            read_at=self._client.session.vendor_clock(),
            kept=(self._connector.listed_so_far(), self._users),
        )

    def take_over(self, page: Page) -> None:
        """Work on the tickets of a page that another thread has read."""
        if isinstance(page.kept, tuple):
            listed, self._users = page.kept
            self._connector.take_over(listed)

    def settle(self, ticket: Ticket) -> Ticket:
        """Return the ticket with its audits: start, response and hands are known then."""
        return self._connector.settle(ticket, self._users)

    def apply(
        self, writes: Sequence[tuple[Ticket, TicketPatch]]
    ) -> tuple[Written | VendorError, ...]:
        """Send one job, each ticket guarded by its own version, and wait for it.

        Afterwards the tickets are read once more together: a job does not tell their new versions.
        """
        updates = {t.id: self._connector.update_for(t, patch) for t, patch in writes}
        guard = {"safe_update": True, "metadata": {STAMP: self._connection.key}}
        bodies = [
            {
                **updates[ticket.id].body,
                "id": int(ticket.id),
                "updated_stamp": ticket.stamp,
                **guard,
            }
            for ticket, _ in writes
            if updates[ticket.id].body
        ]
        results = self._run(bodies) if bodies else {}
        stamps = self._stamps([number for number, error in results.items() if error is None])
        done: list[Written | VendorError] = []
        for ticket, _ in writes:
            update = updates[ticket.id]
            written = Written(
                values=update.taken if ticket.id in results else {},
                stamp=stamps.get(ticket.id, ticket.stamp),
                notes=tuple(update.notes),
                refused=frozenset(update.refused),
            )
            done.append(results.get(ticket.id) or written)
        return tuple(done)

    def count(self) -> int | None:
        """Return how many tickets the account has, about."""
        try:
            answer = self._api.get("/tickets/count.json")
        except VendorError:
            return None
        counted = answer.get("count")
        value = counted.get("value") if isinstance(counted, Mapping) else counted
        return value if isinstance(value, int) else None

    def ticket_url(self, ticket_id: str) -> str:
        """Return where an agent opens the ticket."""
        return self._connector.ticket_url(ticket_id)

    def _run(self, bodies: list[dict[str, Any]]) -> dict[str, VendorError | None]:
        """Send a job and return, by ticket, what went wrong, None for nothing."""
        session = self._client.session
        path = f"{session.base_url}/api/v2/tickets/update_many.json"
        job = session.put(path, json={"tickets": bodies}).json().get("job_status") or {}
        pause, waited = _FIRST_POLL, 0.0
        while str(job.get("status")) in {"queued", "working"}:
            if waited > _JOB_GIVEN_UP_AFTER:
                raise VendorUnavailable(f"Zendesk's job {job.get('id')} does not end")
            time.sleep(pause)
            waited += pause
            pause = min(_LONGEST_POLL, pause * 2)
            answer = self._api.get(f"/job_statuses/{job.get('id')}.json")
            job = answer.get("job_status") or {}
        found: dict[str, VendorError | None] = {}
        for position, result in enumerate(job.get("results") or ()):
            at = result.get("index", position)
            number = result.get("id") or (bodies[at]["id"] if at < len(bodies) else None)
            found[str(number)] = None if result.get("success", True) else _failure(result)
        missing = Conflict(f"Zendesk's job ended as {job.get('status')} without this ticket")
        return {str(body["id"]): found.get(str(body["id"]), missing) for body in bodies}

    def _stamps(self, numbers: list[str]) -> dict[str, str]:
        if not numbers:
            return {}
        answer = self._api.get(f"/tickets/show_many.json?ids={','.join(numbers)}")
        return {
            str(raw.get("id")): str(raw.get("updated_at"))
            for raw in mappings(answer.get("tickets"))
        }


def _by_id(answer: Mapping[str, Any], name: str, key: str = "id") -> dict[str, Any]:
    return {str(one.get(key)): one for one in mappings(answer.get(name)) if one.get(key)}


def _changed_at(rows: Sequence[Mapping[str, Any]]) -> datetime | None:
    """The last change in a page of the export, which goes by `generated_timestamp`."""
    stamp = rows[-1].get("generated_timestamp") if rows else None
    return datetime.fromtimestamp(stamp, UTC) if isinstance(stamp, int) else None


def _failure(result: Mapping[str, Any]) -> VendorError:
    """A ticket's failure in a job; a conflict where the vendor says so, final otherwise."""
    code = str(result.get("error") or result.get("status") or "")[:80]
    message = f"Zendesk's job refused ticket {result.get('id')}: {code}"
    return (Conflict if code == "UpdateConflict" else Rejected)(message, code=code)


def _replied_at(ticket: Ticket, metrics: Mapping[str, Any]) -> datetime | None:
    """The first public answer of an agent, to the minute, as the metrics tell it."""
    minutes = mapping(metrics.get("reply_time_in_minutes")).get("calendar")
    seconds = mapping(metrics.get("reply_time_in_seconds")).get("calendar")
    if ticket.created_at is None:
        return None
    if isinstance(seconds, int):
        return ticket.created_at + timedelta(seconds=seconds)
    return ticket.created_at + minutes * _MINUTE if isinstance(minutes, int) else None


def _is_settled(ticket: Ticket, raw: Mapping[str, Any], metrics: Mapping[str, Any]) -> bool:
    """Whether the export tells start and first response for sure.

    An e-mail that the requester sent starts the clock at its creation, and its metrics tell an
    agent's first public reply, to the minute. The audits are needed for a ticket that was reopened,
    that an agent opened, or whose channel may not count, unless that message is its only one.
    """
    if ticket.status in {Status.DELETED, Status.MERGED}:
        return True
    if not metrics:
        return False
    own = str(raw.get("submitter_id")) == str(raw.get("requester_id"))
    alone = raw.get("comment_count") == 1
    by_mail = ticket.channel is Channel.EMAIL
    return own and not metrics.get("reopens") and (by_mail or alone)
