"""The door of a Zendesk account: whose credentials these are, and how many requests are left.

Knows nothing of what a request asks for.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import dataclass

from flask import request

from plugin.sandbox.state import ApiError, Json, RateWindow
from plugin.sandbox.zendesk.records import API_TOKEN, CLIENT_ID, CLIENT_SECRET
from plugin.sandbox.zendesk.settings import WINDOWS
from plugin.sandbox.zendesk.tickets import Tickets


@dataclass
class Token:
    """An OAuth token: whom it acts as, until when on the sandbox's clock."""

    number: int
    value: str
    user: Json
    expires: float
    scopes: str
    created_at: str
    refresh: str

    def shown(self) -> Json:
        """Return the token as lists show it: its secret cut off."""
        return {"id": self.number, "client_id": 1, "user_id": self.user["id"],
                "token": self.value[:10], "refresh_token": None, "scopes": self.scopes.split(),
                "created_at": self.created_at, "used_at": self.created_at,
                "expires_at": None}  # fmt: skip


class Door(Tickets):
    """Credentials and limits. Not locked: callers hold the sandbox's lock."""

    def token(self, given: Json) -> Json:
        """Issue a token. Raises the 401 of wrong credentials, the 400 of a life out of range.

        https://developer.zendesk.com/api-reference/ticketing/oauth/grant_type_tokens/
        """
        if (given.get("client_id"), given.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            raise ApiError(401, {"error": "invalid_client",
                                 "error_description": "Client authentication failed"})  # fmt: skip
        if given.get("grant_type") == "refresh_token":
            self._revoke_by_refresh(str(given.get("refresh_token")))
        seconds = self.settings.token_seconds
        if given.get("expires_in") is not None:
            seconds = int(given["expires_in"])
            if not 300 < seconds < 172800:
                text = "expires_in must be more than 300 and less than 172800"
                raise ApiError(400, {"error": "invalid_request", "error_description": text})
        token = Token(
            number=self.next_id(),
            value=secrets.token_hex(32),
            user=self.admin,
            expires=self.clock.elapsed() + seconds,
            scopes=str(given.get("scope") or "read write"),
            created_at=self.now(),
            refresh=secrets.token_hex(32),
        )
        self.tokens[token.value] = token
        return {"access_token": token.value, "refresh_token": token.refresh,
                "token_type": "bearer", "scope": token.scopes, "expires_in": seconds}  # fmt: skip

    def _revoke_by_refresh(self, refresh: str) -> None:
        for value, token in self.tokens.items():
            if token.refresh == refresh:
                del self.tokens[value]
                return
        text = "The refresh token is invalid, expired or revoked"
        raise ApiError(400, {"error": "invalid_grant", "error_description": text})

    def expire_tokens(self) -> Json:
        """Let every token die now, before its time."""
        with self.lock:
            ended = len(self.tokens)
            self.tokens.clear()
            return {"expired": ended}

    def admit(self, path: str) -> Json | None:
        """Count the request and return the user it acts as; None is the anonymous user."""
        self.base_url = f"{request.host_url}zendesk/{self.name}"
        self.jobs.settle()
        if path.endswith("/oauth/tokens") and request.method == "POST":
            return None
        self.rate.limit = self.settings.rate_limit
        if not self.rate.take():
            raise self.too_many_requests(self.rate.resets_in)
        caller = self._caller(request.headers.get("Authorization", ""))
        if caller is not None or path.endswith("/users/me"):
            return caller
        raise ApiError(401, {"error": "Couldn't authenticate you"})

    def _caller(self, header: str) -> Json | None:
        """Find who calls: an OAuth token's user, or whoever `email/token:TOKEN` names."""
        kind, _, value = header.partition(" ")
        if kind.lower() == "bearer":
            token = self.tokens.get(value)
            alive = token is not None and token.expires > self.clock.elapsed()
            return token.user if token is not None and alive else None
        if kind.lower() != "basic" or not self.settings.api_tokens:
            return None
        try:
            login, _, password = base64.b64decode(value).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        email, _, word = login.rpartition("/")
        user = self.user_by_email(email) if word == "token" and password == API_TOKEN else None
        return user if user is not None and user["active"] else None

    def rate_headers(self) -> dict[str, str]:
        total, left, resets = self.rate.limit, self.rate.remaining, self.rate.resets_in
        return {
            "x-rate-limit": str(total), "x-rate-limit-remaining": str(left),
            "ratelimit-limit": str(total), "ratelimit-remaining": str(left),
            "ratelimit-reset": str(resets),
        }  # fmt: skip

    def too_many_requests(self, retry_after: int) -> ApiError:
        text = "Number of allowed API requests per minute exceeded"
        return ApiError(429, text, Retry_After=str(retry_after))

    def take(self, name: str, key: object = None) -> dict[str, str]:
        """Count a call of a sub-limit, per `key` where it has one. Raises the 429.

        Returns the header that tells what is left of it.
        """
        setting, seconds = WINDOWS[name]
        limit = int(getattr(self.settings, setting))
        window = self.windows.setdefault((name, key), RateWindow(self.clock, limit, seconds))
        window.limit = limit
        if not window.take():
            raise self.too_many_requests(window.resets_in)
        text = f"total={limit}; remaining={window.remaining}; resets={window.resets_in}"
        return {f"zendesk-ratelimit-{name}": text}

    def take_update(self, user_id: int, ticket_id: int) -> dict[str, str]:
        """Count an update of a ticket, against the account's limit and that ticket's own."""
        headers = self.take("tickets-update")
        return {**headers, **self.take("per-ticket-updates", (user_id, ticket_id))}
