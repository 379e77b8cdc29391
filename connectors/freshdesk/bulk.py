"""Many Freshdesk tickets at once: lists by `updated_since`, a hundred a page, and single updates.

One ticket at a time is `connector.py`'s; what a ticket means is `tickets.py`'s.
"""
# https://developers.freshdesk.com/api/#list_all_tickets  (read 2026-11)

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from connectors.api import Api
from connectors.base import Connection
from connectors.bulk import Changes, Found, Page
from connectors.errors import CredentialsRejected, Rejected, TicketNotFound, VendorError
from connectors.json_values import instant
from connectors.pace import Pace
from sla_rules.ticket import Channel, Ticket, TicketPatch, Traits, Written

from .account import COMPANY_LIFE
from .connector import FreshdeskConnector
from .updates import iso

_PAGE = 100
_LAST_PAGE = 300  # the vendor's
_OVERLAP = timedelta(minutes=2)  # how late a list may be is not documented
_BINS = ("spam", "deleted")  # not in a plain list
_LISTED = len(_BINS) + 1  # what a sweep asks for before the plain list
_EMBEDS = "stats,requester,description"


class FreshdeskBulk:
    """The account's lists and updates; for one thread.

    There is no guard against a change between list and write, so a batch is small. `bulk_update`
    is not used: it sets the same values on all its tickets, and due dates differ.
    """

    batch = 10

    def __init__(self, connection: Connection, pace: Pace | None = None) -> None:
        self._connector = FreshdeskConnector(connection, pace)
        self._client = self._connector.client
        self._api = Api(self._client.session, "/api/v2")

    @property
    def traits(self) -> Traits:
        """What Freshdesk can do with a due date."""
        return self._connector.traits

    @property
    def calls(self) -> int:
        """HTTP requests sent so far."""
        return self._connector.calls

    def start(self, since: datetime) -> str:
        """Return the cursor before everything that changed at or after an instant."""
        return _cursor(iso(since), 1, 0)

    def changes(self, cursor: str) -> Changes:
        """Return the next hundred changes; before them spam, the bin, and changed companies.

        The cursor after the last page lies two minutes back: nothing tells how late lists are.
        """
        since, page, emptied = _position(cursor)
        if emptied < len(_BINS):
            rows = self._list(since, page, filter=_BINS[emptied], order_type="desc")
            return Changes(
                versions=_versions(rows),
                cursor=_cursor(since, 1, emptied + 1),
                more=True,
                known_only=frozenset(_versions(rows)),
            )
        if emptied == len(_BINS):  # no event tells of a company
            return Changes(
                versions={},
                cursor=_cursor(since, 1),
                more=True,
                organizations=self._companies(since),
                stale_for=COMPANY_LIFE,
            )
        rows = self._list(since, page)
        if len(rows) == _PAGE:
            return Changes(versions=_versions(rows), cursor=_next(since, page, rows), more=True)
        last = max([instant(since), *map(_updated_at, rows)], key=lambda at: at or _EPOCH)
        begun = max(instant(since) or _EPOCH, (last or _EPOCH) - _OVERLAP)
        now = self._client.session.vendor_clock() or datetime.now(UTC)
        begun = min(begun, now - _OVERLAP)  # a ticket dated ahead must not hide what comes
        return Changes(versions=_versions(rows), cursor=_cursor(iso(begun), 1, 0), more=False)

    def page(self, cursor: str) -> Page:
        """Return the next hundred tickets with what a decision needs: one call of seven credits."""
        since, page, _ = _position(cursor)
        rows = self._list(since, page, include=_EMBEDS)
        found = tuple(self._found(raw) for raw in rows)
        return Page(
            found=found,
            cursor=_next(since, page, rows),
            more=len(rows) == _PAGE,
            changed_at=_updated_at(rows[-1]) if rows else None,
            read_at=self._client.session.vendor_clock(),
            kept=self._connector.listed_so_far(),
        )

    def take_over(self, page: Page) -> None:
        """Work on the tickets of a page that another thread has read."""
        self._connector.take_over(page.kept)

    def settle(self, ticket: Ticket) -> Ticket:
        """Return the ticket with its conversation."""
        return self._connector.settle(ticket)

    def apply(
        self, writes: Sequence[tuple[Ticket, TicketPatch]]
    ) -> tuple[Written | VendorError, ...]:
        """Write one ticket after the other; what goes wrong with one stops none of the others."""
        done: list[Written | VendorError] = []
        for ticket, patch in writes:
            try:
                done.append(self._connector.apply(ticket, patch))
            except VendorError as error:
                done.append(error)
        return tuple(done)

    def count(self) -> int | None:
        """Return None: Freshdesk does not tell."""
        return None

    def ticket_url(self, ticket_id: str) -> str:
        """Return where an agent opens the ticket."""
        return self._connector.ticket_url(ticket_id)

    def _list(self, since: str, page: int, **more: str) -> list[dict[str, Any]]:
        query = {"updated_since": since, "order_by": "updated_at", "order_type": "asc"}
        query |= {"page": str(page), "per_page": str(_PAGE), **more}
        rows: list[dict[str, Any]] = self._api.get(f"/tickets?{urlencode(query, safe=':,')}")
        return rows

    def _companies(self, since: str) -> dict[str, datetime | None]:
        """The companies changed at or after an instant; none where the account cannot say."""
        try:
            rows = self._client.companies(since)
        except (CredentialsRejected, Rejected, TicketNotFound):
            return {}
        versions = _versions(rows)
        return {one: at for one, at in versions.items() if at and at >= (instant(since) or _EPOCH)}

    def _found(self, raw: Mapping[str, Any]) -> Found:
        ticket = self._connector.listed(raw)
        # The requester's own e-mail starts the clock at its creation; `stats` tell the first
        # response. A ticket by another channel may have had an e-mail since.
        return Found(ticket=ticket, settled=ticket.channel is Channel.EMAIL and "stats" in raw)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _updated_at(raw: Mapping[str, Any]) -> datetime | None:
    return instant(raw.get("updated_at"))


def _versions(rows: Sequence[Mapping[str, Any]]) -> dict[str, datetime | None]:
    return {str(raw["id"]): _updated_at(raw) for raw in rows if raw.get("id")}


def _next(since: str, page: int, rows: Sequence[Mapping[str, Any]]) -> str:
    """Go on from the last row's change: tickets that move meanwhile shift no page.

    Only where a whole page changed in one second do the page numbers lead on.
    """
    last = _updated_at(rows[-1]) if rows else None
    if last is None or (last <= (instant(since) or _EPOCH) and page < _LAST_PAGE):
        return _cursor(since, page + 1 if rows else page)
    return _cursor(iso(last), 1)


def _cursor(since: str, page: int, emptied: int = _LISTED) -> str:
    return json.dumps([since, page, emptied])


def _position(cursor: str) -> tuple[str, int, int]:
    since, page, emptied = json.loads(cursor)
    return str(since), int(page), int(emptied)
