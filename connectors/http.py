"""HTTP to one vendor account: address check, time limits, one table from status to error.

Knows no vendor's paths; each `client.py` does.
"""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random
from urllib3.exceptions import HTTPError

from connectors.json_values import mapping, mappings, text

from .addresses import AddressError, GuardedAdapter, check_url, is_this_machine
from .errors import (
    Conflict,
    CredentialsRejected,
    RateLimited,
    Rejected,
    TicketNotFound,
    VendorError,
    VendorUnavailable,
)
from .pace import Limits, Pace
from .time_limit import seconds_left

TIMEOUT = (3.05, 10.0)  # seconds to connect, to wait for the next bytes
LONGEST_ANSWER = 60.0  # seconds until the last byte of an answer
LARGEST_ANSWER = 64 * 2**20  # bytes; a full page of Zendesk's export has some five million
WITHOUT_RETRY_AFTER = 10.0  # seconds to keep off after a 429 that names none
_BY_STATUS: dict[int, type[VendorError]] = {
    401: CredentialsRejected,
    403: CredentialsRejected,
    404: TicketNotFound,
    405: TicketNotFound,
    409: Conflict,
    429: RateLimited,
}


class AccountSession(requests.Session):
    """A session for one account. Anything but 2xx is raised as a typed error.

    `calls` counts the requests sent, `answered` holds the headers of the last answer. No redirects
    are followed, no netrc is read. With `limits` and a `pace` each request waits for its turn;
    without, nobody is asked.
    """

    def __init__(
        self,
        vendor: str,
        base_url: str,
        domain: str,
        *,
        limits: Limits | None = None,
        pace: Pace | None = None,
    ) -> None:
        super().__init__()
        self._limits = limits
        self._pace = pace
        check_address(base_url, domain)
        self.vendor = vendor
        self._where = f"{vendor} ({urlsplit(base_url).netloc})"
        self.base_url = base_url.rstrip("/")
        self.calls = 0
        self.answered: Mapping[str, str] = {}
        self.trust_env = False
        self.headers["User-Agent"] = "regiondo-sla"
        self.headers["Accept"] = "application/json"
        for scheme in ("http://", "https://"):
            self.mount(scheme, GuardedAdapter(max_retries=0, pool_maxsize=4))

    def request(self, method: str, url: str, **options: Any) -> requests.Response:  # type: ignore[override]
        """Send a request; a read that found no connection is tried once more.

        Raises a `VendorError`.
        """
        attempts = 2 if method.upper() == "GET" else 1
        for attempt in Retrying(
            stop=stop_after_attempt(attempts),
            wait=wait_random(0.05, 0.3),
            retry=retry_if_exception(_is_dropped),
            reraise=True,
        ):
            with attempt:
                response = self._send(method, url, options)
        return response

    def vendor_clock(self) -> datetime | None:
        """Return the vendor's clock in its last answer, to the second; None where it told none."""
        try:
            return parsedate_to_datetime(self.answered.get("Date", ""))
        except (TypeError, ValueError):
            return None

    def _send(self, method: str, url: str, options: dict[str, Any]) -> requests.Response:
        parts = urlsplit(url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        charges = self._limits.charges(method.upper(), path) if self._limits else ()
        if self._pace:
            self._pace.take(charges)
        longest = self._longest(method)
        options |= {"timeout": tuple(min(one, longest) for one in TIMEOUT)}
        options |= {"allow_redirects": False, "stream": True}
        ends_at = time.monotonic() + longest
        self.calls += 1
        try:
            response = super().request(method, url, **options)
            response.raw = io.BytesIO(self._whole(method, response, ends_at))
        except (requests.RequestException, HTTPError, AddressError) as error:
            raise VendorUnavailable(
                f"{self._where} did not answer {method} ({type(error).__name__})",
                code=type(error).__name__,
            ) from error
        self.answered = response.headers
        if self._pace and self._limits:
            blocked = _blocked(response)
            self._pace.learn(charges, self._limits.readings(response.headers, charges), blocked)
        if not 200 <= response.status_code < 300:
            raise self._error(method, response)
        return response

    def _longest(self, method: str) -> float:
        """Seconds that this request may take: the usual ones, or what is left of the limit."""
        left = seconds_left()
        if left is None:
            return LONGEST_ANSWER
        if left <= 0:
            raise VendorUnavailable(
                f"{self._where} took too long in all, {method} was not sent", code="OutOfTime"
            )
        return min(LONGEST_ANSWER, left)

    def _whole(self, method: str, response: requests.Response, ends_at: float) -> bytes:
        """The body; one that drips or does not end is given up."""
        body = bytearray()
        while part := response.raw.read1(2**16, decode_content=True):
            body += part
            if time.monotonic() > ends_at or len(body) > LARGEST_ANSWER:
                response.close()
                raise VendorUnavailable(
                    f"{self._where} did not end its answer to {method}", code="EndlessAnswer"
                )
        return bytes(body)

    def _error(self, method: str, response: requests.Response) -> VendorError:
        status = response.status_code
        kind = _BY_STATUS.get(status) or (VendorUnavailable if status >= 500 else Rejected)
        request_id = response.headers.get("X-Zendesk-Request-Id") or response.headers.get(
            "X-Request-Id"
        )
        code = _code(response)
        where = urlsplit(response.url).path
        message = f"{self.vendor} answered {status} {code}".rstrip() + f" to {method} {where}"
        return kind(
            message + (f" (request {request_id})" if request_id else ""),
            status=status,
            retry_after=retry_after(response.headers.get("Retry-After"), datetime.now(UTC)),
            request_id=request_id,
            code=code,
            named=_named(response),
        )


def check_address(base_url: str, domain: str) -> None:
    """Accept https on the vendor's domain, and a sandbox on this machine where one is allowed.

    Raises `AddressError`.
    """
    check_url(base_url)
    host = urlsplit(base_url).hostname or ""
    if not is_this_machine(host) and not host.endswith("." + domain):
        raise AddressError(f"{base_url!r} is not an https address under {domain}")


def retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for, given as a number or a date."""
    if not value:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - now).total_seconds())
    except (TypeError, ValueError):
        return None


def _blocked(response: requests.Response) -> float | None:
    """The seconds for which a 429 forbids requests, None for any other answer."""
    if response.status_code != 429:
        return None
    given = retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
    return WITHOUT_RETRY_AFTER if given is None else given


def _is_dropped(error: BaseException) -> bool:
    return isinstance(error, VendorUnavailable) and error.code == "ConnectionError"


def _named(response: requests.Response) -> dict[str, str]:
    """The fields that an answer names: Freshdesk's `errors`, Zendesk's `details`."""
    try:
        body = mapping(response.json())
    except ValueError:
        return {}
    found = dict.fromkeys(mapping(body.get("details")), "")
    for error in mappings(body.get("errors")):
        name = text(error.get("field"))
        if name:
            found[name] = text(error.get("message")) or ""
    return found


def _code(response: requests.Response) -> str:
    """The vendor's own short word for the fault, from any of its envelopes; never a text."""
    try:
        body = response.json()
    except ValueError:
        return ""
    if not isinstance(body, dict):
        return ""
    errors = body.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        return ", ".join(
            " ".join(str(one[key]) for key in ("field", "code", "title") if one.get(key))
            for one in mappings(errors)
        )[:200]
    error = body.get("error") or body.get("code") or ""
    if isinstance(error, dict):
        error = error.get("title") or ""
    return str(error)[:80]
