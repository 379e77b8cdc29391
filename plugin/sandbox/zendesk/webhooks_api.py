"""Zendesk's routes for webhooks: their life, their secret, test calls, what became of each call.

Sends only the test call; events are sent by `events.py`.
"""

from __future__ import annotations

import requests
from flask import request

from plugin.sandbox.gate import Gate, request_json
from plugin.sandbox.state import ApiError, Json, Reply
from plugin.sandbox.webhooks import TIMEOUT_SECONDS, is_private_address
from plugin.sandbox.zendesk.account import ZendeskAccount
from plugin.sandbox.zendesk.answers import admins_only, cursor_page
from plugin.sandbox.zendesk.event_types import CONDITIONAL, EVENT_TYPES
from plugin.sandbox.zendesk.records import STATIC_SECRET

Caller = Json
Account = ZendeskAccount


def register(gate: Gate) -> None:
    """Add the routes."""
    base = "/api/v2/webhooks"
    gate.route("GET POST", base, webhooks)
    gate.route("POST", f"{base}/test", try_webhook, unlocked=True)
    gate.route("GET PUT PATCH DELETE", f"{base}/<webhook_id>", webhook)
    gate.route("GET POST", f"{base}/<webhook_id>/signing_secret", signing_secret)
    gate.route("GET", f"{base}/<webhook_id>/invocations", invocations)
    gate.route("GET", f"{base}/<webhook_id>/invocations/<invocation_id>/attempts", attempts)


def webhooks(account: Account, caller: Caller) -> Reply:
    admins_only(caller)
    if request.method == "GET":
        part = request.args.get("filter[name_contains]", "").lower()
        status = request.args.get("filter[status]")
        rows = [
            w
            for w in account.webhooks.values()
            if part in (w["name"] or "").lower() and status in (None, w["status"])
        ]
        shown, rest = cursor_page(rows, min(request.args.get("page[size]", 20, type=int), 100))
        return Reply({"webhooks": shown, **rest})
    cloned = request.args.get("clone_webhook_id")
    if cloned:
        given = dict(_webhook(account, cloned))
        return Reply({"webhook": account.add_webhook({**given, "name": f"{given['name']} (copy)"})},
                     201)  # fmt: skip
    given = request_json().get("webhook") or {}
    _check(given)
    if len(account.webhooks) >= 10 and account.settings.plan == "trial":
        raise _refused("a trial account has at most 10 webhooks")
    return Reply({"webhook": account.add_webhook(given)}, 201)


def _check(given: Json) -> None:
    """Raise the 400 of a webhook that lacks something, or mixes its two kinds."""
    subscriptions = set(given.get("subscriptions") or ())
    by_events = subscriptions <= set(EVENT_TYPES)
    if not given.get("name") or not given.get("endpoint"):
        raise _refused("name and endpoint are required")
    if not by_events and subscriptions != {CONDITIONAL}:
        unknown = sorted(subscriptions - set(EVENT_TYPES) - {CONDITIONAL})
        raise _refused(f"subscriptions are not valid: {', '.join(unknown) or CONDITIONAL}")
    if by_events and subscriptions and given.get("http_method", "POST") != "POST":
        raise _refused("http_method must be POST for events")


def webhook(account: Account, caller: Caller, webhook_id: str) -> Reply:
    admins_only(caller)
    found = _webhook(account, webhook_id)
    if request.method == "GET":
        return Reply({"webhook": found})
    if request.method == "DELETE":
        account.remove_webhook(webhook_id)
    else:
        given = request_json().get("webhook") or {}
        before, after = set(found["subscriptions"]), set(given.get("subscriptions") or ())
        if after and (CONDITIONAL in before) != (CONDITIONAL in after):
            raise _refused("the kind of a webhook cannot be changed")
        if request.method == "PUT" or after:
            _check({**found, **given})
        account.change_webhook(found, given)
    return Reply(None, 204)


def signing_secret(account: Account, caller: Caller, webhook_id: str) -> Reply:
    admins_only(caller)
    found = _webhook(account, webhook_id)
    if request.method == "POST":
        account.reset_secret(found["id"])
    secret = account.webhook_secrets[found["id"]]
    body = {"signing_secret": {"secret": secret, "algorithm": "SHA256"}}
    return Reply(body, 201 if request.method == "POST" else 200)


def try_webhook(account: Account, caller: Caller) -> Json:
    """Call a webhook once and show what it answered; one that does not exist yet is signed with
    the secret that Zendesk publishes for tests."""
    override = request_json().get("request") or {}
    with account.lock:
        admins_only(caller)
        webhook_id = request.args.get("webhook_id")
        found = _webhook(account, webhook_id) if webhook_id else {**override, "id": "test"}
        if not webhook_id:
            account.webhook_secrets.setdefault("test", STATIC_SECRET)
        body, headers = account.events.sample(found, override.get("payload"))
    url = str(override.get("endpoint") or found.get("endpoint") or "")
    if not is_private_address(url):
        raise _refused("the sandbox calls only private addresses")
    method = str(override.get("http_method") or found.get("http_method") or "POST")
    try:
        answer = requests.request(method, url, data=body, headers=headers, timeout=TIMEOUT_SECONDS)
    except requests.RequestException:
        return {"response": {"headers": [], "status_code": 504, "payload": ""}}
    shown = [{"key": key, "value": value} for key, value in answer.headers.items()]
    return {
        "response": {"headers": shown, "status_code": answer.status_code, "payload": answer.text}
    }


def invocations(account: Account, caller: Caller, webhook_id: str) -> Json:
    """List what was sent, newest first; `filter[status]` narrows."""
    admins_only(caller)
    _webhook(account, webhook_id)
    rows = account.events.history.invocations(webhook_id)
    status = request.args.get("filter[status]")
    rows = [row for row in rows if status in (None, row["status"])]
    shown, rest = cursor_page(rows, min(request.args.get("page[size]", 20, type=int), 100))
    return {"invocations": shown, **rest}


def attempts(account: Account, caller: Caller, webhook_id: str, invocation_id: str) -> Json:
    admins_only(caller)
    _webhook(account, webhook_id)
    return {"attempts": account.events.history.attempts(invocation_id)}


def _webhook(account: Account, webhook_id: str) -> Json:
    if webhook_id not in account.webhooks:
        raise ApiError(404, {"errors": [{"code": "WebhookNotFound", "title": "Webhook not found"}]})
    return account.webhooks[webhook_id]


def _refused(title: str) -> ApiError:
    return ApiError(400, {"errors": [{"code": "InvalidParameter", "title": title}]})
