"""Requests to addresses that an administrator typed: notifications, subscribed calendars.

Vendors' APIs have sessions of their own (`connectors/http.py`) with the same guard.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import requests

from connectors.addresses import AddressError, GuardedAdapter, check_url

__all__ = ["AddressError", "OutgoingError", "check_url", "fetch", "post"]

TIMEOUT = (3.05, 10.0)  # seconds to connect, to read
LARGEST_ANSWER = 4 * 1024 * 1024


class OutgoingError(Exception):
    """The other side did not answer, or not with 2xx; the message names host and status only."""


def post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Send a body. Raises `AddressError` or `OutgoingError`; no redirect is followed."""
    _send("POST", url, body, headers)


def fetch(url: str, headers: Mapping[str, str] | None = None) -> bytes:
    """Return what is at an address, at most 4 MiB. Raises `AddressError` or `OutgoingError`."""
    return _send("GET", url, None, headers or {})


def _send(method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
    check_url(url)
    with requests.Session() as session:
        session.trust_env = False  # no proxy and no netrc decides where this goes
        session.headers["User-Agent"] = "regiondo-sla"
        for scheme in ("http://", "https://"):
            session.mount(scheme, GuardedAdapter(max_retries=0))
        host = urlsplit(url).hostname
        try:
            response = session.request(
                method,
                url,
                data=body,
                headers=dict(headers),
                timeout=TIMEOUT,
                allow_redirects=False,
                stream=True,
            )
            if not 200 <= response.status_code < 300:
                raise OutgoingError(f"{host} answered {response.status_code}")
            answer = b""
            for part in response.iter_content(64 * 1024):
                answer += part
                if len(answer) > LARGEST_ANSWER:
                    raise OutgoingError(f"the answer of {host} is larger than 4 MiB")
        except requests.RequestException as error:
            raise OutgoingError(f"{host} did not answer ({type(error).__name__})") from error
        return answer
