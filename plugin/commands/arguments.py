"""What several commands take as an argument: an instant."""

from __future__ import annotations

from datetime import UTC, datetime

import click


class _Instant(click.ParamType[datetime]):
    """An ISO 8601 instant with its zone, or a date (midnight UTC)."""

    name = "instant"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return it aware, or fail with a sentence."""
        text = str(value)
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            self.fail(f"{text!r} is no instant such as 2026-11-24T10:00Z", param, ctx)
        if at.tzinfo is None and len(text) > len("2026-11-24"):
            self.fail(f"{text!r} names no zone: write {text}Z for UTC", param, ctx)
        return at if at.tzinfo else at.replace(tzinfo=UTC)


INSTANT = _Instant()
