"""The token that a Freshdesk rule carries: a JWT in a header, HS256.

Freshdesk signs nothing, so this is a shared secret with a name; the body is only a hint. Judges
authenticity only; what the payload means is events.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import jwt

from connectors.base import Connection, Delivery
from connectors.errors import VerificationError

LEEWAY = timedelta(minutes=5)
_ALGORITHM = "HS256"


def mint_token(
    secret: str,
    *,
    kid: str,
    audience: str,
    issued_at: datetime,
    expires_at: datetime | None = None,
) -> str:
    """Return the token to put into a rule's header; without `expires_at` it lasts until revoked."""
    claims: dict[str, object] = {"aud": audience, "iat": int(issued_at.timestamp())}
    if expires_at is not None:
        claims["exp"] = int(expires_at.timestamp())
    return jwt.encode(claims, secret, algorithm=_ALGORITHM, headers={"kid": kid})


def verify(
    headers: Mapping[str, str], body: bytes, connection: Connection, now: datetime
) -> Delivery:
    """Return the delivery if its token is one of this connection's. Raises `VerificationError`."""
    given = {name.lower(): value for name, value in headers.items()}
    name = str(connection.settings.get("webhook_header") or "Authorization")
    token = given.get(name.lower(), "").removeprefix("Bearer ").strip()
    if not token:
        raise VerificationError(f"the header {name} with its token is missing")
    try:
        kid = jwt.get_unverified_header(token).get("kid")
        secret = next((s for s in connection.webhook_secrets if s.kid == kid), None)
        if secret is None:
            raise VerificationError("the token's kid is not one of this connection's")
        claims = jwt.decode(
            token,
            secret.value,
            algorithms=[_ALGORITHM],
            audience=connection.key,
            options={"require": ["iat", "aud"], "verify_exp": False, "verify_iat": False},
        )
    except jwt.InvalidTokenError as error:
        raise VerificationError(f"the token is not valid ({type(error).__name__})") from None
    _check_times(claims, now)
    return Delivery(connection=connection.key, vendor="freshdesk", body=body, received_at=now)


def _check_times(claims: Mapping[str, object], now: datetime) -> None:
    """Times are judged by the caller's clock, so that it can be set in tests."""
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int | float) or issued > (now + LEEWAY).timestamp():
        raise VerificationError("the token was issued in the future")
    if expires is not None and (
        not isinstance(expires, int | float) or expires <= (now - LEEWAY).timestamp()
    ):
        raise VerificationError("the token has expired")
