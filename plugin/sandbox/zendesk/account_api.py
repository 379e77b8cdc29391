"""Zendesk's routes for the account itself: OAuth tokens and settings.

Which credentials are accepted is decided in `door.py`.
"""

from __future__ import annotations

from flask import request

from plugin.sandbox.gate import Gate, request_json
from plugin.sandbox.state import ApiError, Json, Reply
from plugin.sandbox.zendesk.account import ZendeskAccount
from plugin.sandbox.zendesk.answers import admins_only, page
from plugin.sandbox.zendesk.records import not_found

Caller = Json
Account = ZendeskAccount


def register(gate: Gate) -> None:
    """Add the routes."""
    gate.route("POST", "/oauth/tokens", oauth_token)
    gate.route("GET", "/api/v2/oauth/tokens", tokens)
    gate.route("GET", "/api/v2/oauth/tokens/current", current_token)
    gate.route("GET DELETE", "/api/v2/oauth/tokens/<int:token_id>", one_token)
    gate.route("GET", "/api/v2/oauth/clients", clients)
    gate.route("GET", "/api/v2/account/settings", account_settings)


def oauth_token(account: Account, _caller: Caller | None) -> Reply:
    """Issue a token for `client_credentials`, or for a `refresh_token` that it replaces."""
    body = request_json() or request.form.to_dict()
    basic = request.authorization
    if basic is not None and basic.type == "basic":
        body = {**body, "client_id": basic.username, "client_secret": basic.password}
    if body.get("grant_type") not in ("client_credentials", "refresh_token"):
        raise ApiError(400, {"error": "unsupported_grant_type",
                             "error_description": "The grant type is not supported."})  # fmt: skip
    return Reply(account.token(body))


def tokens(account: Account, caller: Caller) -> Json:
    admins_only(caller)
    return page([token.shown() for token in account.tokens.values()], "tokens")


def current_token(account: Account, _caller: Caller) -> Json:
    value = request.headers.get("Authorization", "").partition(" ")[2]
    if value not in account.tokens:
        raise not_found()
    return {"token": account.tokens[value].shown()}


def one_token(account: Account, caller: Caller, token_id: int) -> Reply:
    admins_only(caller)
    for value, token in account.tokens.items():
        if token.number == token_id:
            if request.method == "DELETE":
                del account.tokens[value]
                return Reply(None, 204)
            return Reply({"token": token.shown()})
    raise not_found()


def clients(account: Account, caller: Caller) -> Json:
    """Show the one OAuth client; whose tokens act as its user."""
    admins_only(caller)
    client = {"id": 1, "identifier": "sandbox-client", "name": "sandbox", "kind": "confidential",
              "user_id": account.admin["id"], "company": account.name, "global": False,
              "created_at": account.admin["created_at"]}  # fmt: skip
    return page([client], "clients")


def account_settings(account: Account, _caller: Caller) -> Json:
    """A part of what Zendesk shows."""
    custom = account.settings.custom_statuses
    return {
        "settings": {
            "active_features": {
                "ticket_forms": True, "ticket_tagging": True, "user_org_fields": True,
                "on_hold_status": True, "custom_statuses_enabled": custom, "business_hours": True,
                "sandbox": account.settings.plan == "trial",
            },
            "api": {"accepted_api_agreement": True, "api_password_access": "false",
                    "api_token_access": str(account.settings.api_tokens).lower()},
            "localization": {"locale_ids": [1]},
            "tickets": {"agent_can_change_requester": True, "comments_public_by_default": True,
                        "list_newest_comments_first": True, "tagging": True},
            "user": {"tagging": True, "timezone": True},
            "brands": {"default_brand_id": next(iter(account.brands))},
            "groups": {"check_group_name_uniqueness": True},
        }
    }  # fmt: skip
