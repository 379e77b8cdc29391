"""What can go wrong with a vendor, and what the caller does next.

ConnectorError                    what happened                    what the caller does
├── VerificationError             unsigned, wrong, too old or new  401, counted, nothing stored
├── PayloadError                  signed but unreadable            400, nothing stored
└── VendorError                   (retryable, retry_after)
    ├── CredentialsRejected       401, 403                         pause the account, tell an admin
    ├── TicketNotFound            404, or 405 on spam and deleted  drop, note it
    │   └── TicketGone            404, and the account knows us    note it as cancelled
    ├── Conflict                  409                              fetch and decide again
    ├── Rejected                  400, 422 and the other 4xx       final, note it
    ├── RateLimited               429                              wait `retry_after`
    └── VendorUnavailable         5xx, timeout, no route           back off

Messages name vendor, ticket and request id; never a body, a subject or a secret.
"""

from __future__ import annotations

from collections.abc import Mapping


class ConnectorError(Exception):
    """Anything that goes wrong between a vendor and us."""


class VerificationError(ConnectorError):
    """A webhook not shown to come from the vendor. The message says which step failed."""


class PayloadError(ConnectorError):
    """A genuine webhook whose body cannot be read."""


class VendorError(ConnectorError):
    """A vendor's API said no. `retry_after` is in seconds, None where the vendor named none.

    `named` are the fields that the vendor's answer names, with its own words (to
    read, never to log).
    """

    retryable = False

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        retry_after: float | None = None,
        request_id: str | None = None,
        code: str = "",
        named: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
        self.request_id = request_id
        self.code = code
        self.named = dict(named or {})


class CredentialsRejected(VendorError):
    """The account refuses our credentials or our rights."""


class TicketNotFound(VendorError):
    """The ticket is gone, or in a place where it cannot be changed."""

    def as_gone(self) -> TicketGone:
        """Return the same, where the account was seen to know us."""
        return TicketGone(str(self), status=self.status, request_id=self.request_id, code=self.code)


class TicketGone(TicketNotFound):
    """The account accepts our credentials and shows us no such ticket."""


class Conflict(VendorError):
    """Somebody changed the ticket after we read it."""

    retryable = True


class Rejected(VendorError):
    """The vendor understood and refuses; the same request will be refused again."""


class RateLimited(VendorError):
    """The account's limit is used up."""

    retryable = True


class VendorUnavailable(VendorError):
    """The vendor did not answer, or answered that it cannot."""

    retryable = True
