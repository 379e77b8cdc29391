"""The Zendesk signature check: HMAC-SHA256 over timestamp + raw body, base64.

Judges authenticity only; what the payload means is events.py.
"""
# https://developer.zendesk.com/documentation/webhooks/verifying/  (read 2026-11)

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from connectors.base import Connection, Delivery
from connectors.errors import VerificationError
from connectors.payloads import dedupe_key

TOLERANCE = timedelta(minutes=5)
_SIGNATURE = "x-zendesk-webhook-signature"
_TIMESTAMP = "x-zendesk-webhook-signature-timestamp"
_INVOCATION = "x-zendesk-webhook-invocation-id"


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Return the signature that Zendesk sends. The key is the secret's own bytes."""
    digest = hmac.new(secret.encode(), timestamp.encode() + body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def verify(
    headers: Mapping[str, str], body: bytes, connection: Connection, now: datetime
) -> Delivery:
    """Return the delivery if one of the live secrets signed it within five minutes of `now`.

    The age is that of the signature, never of the event: a throttled event comes late and is
    signed when it is sent. Raises `VerificationError`.
    """
    given = {name.lower(): value for name, value in headers.items()}
    signature, timestamp = given.get(_SIGNATURE), given.get(_TIMESTAMP)
    if not signature or not timestamp:
        raise VerificationError(f"the header {_SIGNATURE} or {_TIMESTAMP} is missing")
    expected = [sign(secret.value, timestamp, body) for secret in connection.webhook_secrets]
    if not expected:
        raise VerificationError("the connection has no webhook secret")
    matches = [hmac.compare_digest(signature.encode(), one.encode()) for one in expected]
    if not any(matches):
        raise VerificationError("the signature does not match")
    if abs(now - _signed_at(timestamp)) > TOLERANCE:
        raise VerificationError("the signature is too old or too new")
    return Delivery(
        connection=connection.key,
        vendor="zendesk",
        body=body,
        received_at=now,
        dedupe_keys=dedupe_key("invocation", given.get(_INVOCATION)),
    )


def _signed_at(timestamp: str) -> datetime:
    try:
        if timestamp.isdigit():
            return datetime.fromtimestamp(int(timestamp), UTC)
        at = datetime.fromisoformat(timestamp)
    except (ValueError, OverflowError, OSError):
        raise VerificationError("the signature's timestamp is not a time") from None
    if at.tzinfo is None:
        raise VerificationError("the signature's timestamp has no zone")
    return at
