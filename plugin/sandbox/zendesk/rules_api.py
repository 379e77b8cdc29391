"""Zendesk's routes for business rules: triggers and their categories, automations, views, SLAs.

Triggers are run by `triggers.py`; automations and SLA policies are stored, never run.
"""

from __future__ import annotations

from flask import request

from plugin.sandbox.gate import Gate, View, request_json
from plugin.sandbox.state import Json, Reply
from plugin.sandbox.zendesk.account import ZendeskAccount
from plugin.sandbox.zendesk.answers import admins_only, asked_ids, page, record, shown
from plugin.sandbox.zendesk.records import invalid, not_found
from plugin.sandbox.zendesk.triggers import in_view

Caller = Json
Account = ZendeskAccount


def register(gate: Gate) -> None:
    """Add the routes."""
    for name in ("triggers", "automations", "views"):
        gate.route("GET POST", f"/api/v2/{name}", _many(name))
        gate.route("GET", f"/api/v2/{name}/active", _many(name))
        gate.route("GET", f"/api/v2/{name}/search", _search(name))
        gate.route("GET PUT DELETE", f"/api/v2/{name}/<int:record_id>", _one(name))
    gate.route("GET POST", "/api/v2/trigger_categories", categories)
    gate.route("GET DELETE", "/api/v2/trigger_categories/<record_id>", category)
    gate.route("GET", "/api/v2/views/count_many", count_many)
    gate.route("GET", "/api/v2/views/<int:record_id>/count", view_count)
    gate.route("GET", "/api/v2/views/<int:record_id>/tickets", view_tickets)
    gate.route("GET", "/api/v2/views/<int:record_id>/execute", view_execute)
    gate.route("GET POST", "/api/v2/slas/policies", sla_policies)
    gate.route("GET PUT DELETE", "/api/v2/slas/policies/<int:record_id>", sla_policy)


def _many(name: str) -> View:
    def many(account: Account, caller: Caller) -> Reply:
        table = account.rules[name]
        if request.method == "GET":
            active = request.path.endswith("/active") or request.args.get("active") == "true"
            rows = [rule for rule in table.values() if rule["active"] or not active]
            return Reply(page(rows, name))
        admins_only(caller)
        given = request_json().get(name.removesuffix("s")) or {}
        if not given.get("title") or (name != "views" and not given.get("actions")):
            raise invalid("base", "Title and actions: cannot be blank")
        made = account.add(table, {"title": given["title"], "position": len(table) + 1})
        _fill(account, name, made, given)
        # views answer 200, the others 201: so says Zendesk's own OpenAPI
        return Reply({name.removesuffix("s"): made}, 200 if name == "views" else 201)

    return many


def _search(name: str) -> View:
    def search(account: Account, _caller: Caller) -> Json:
        part = request.args.get("query", "").casefold()
        rows = [r for r in account.rules[name].values() if part in r["title"].casefold()]
        return page(rows, name)

    return search


def _one(name: str) -> View:
    def one(account: Account, caller: Caller, record_id: int) -> Reply:
        found = record(account.rules[name], record_id)
        if request.method != "GET":
            admins_only(caller)
        if request.method == "DELETE":
            del account.rules[name][record_id]
            return Reply(None, 204)
        if request.method == "PUT":
            _fill(account, name, found, request_json().get(name.removesuffix("s")) or {})
            found["updated_at"] = account.now()
        return Reply({name.removesuffix("s"): found})

    return one


def _fill(account: Account, name: str, rule: Json, given: Json) -> None:
    """Store what a write gives: `all` and `any` stand under the rule, reads show `conditions`."""
    old = rule.get("conditions", {"all": [], "any": []})
    nested = given.get("conditions") or {}
    rule["conditions"] = {
        part: given.get(part, nested.get(part, old[part])) for part in ("all", "any")
    }
    plain: Json = {"title": None, "active": True, "position": None, "description": None}
    if name == "views":
        plain["restriction"] = None
        output = given.get("output") or {}
        execution = rule.get("execution", {"columns": [], "group_by": None, "sort_by": None})
        rule["execution"] = {**execution, **output}
        if "columns" in output:
            rule["execution"]["columns"] = [
                {"id": c, "title": str(c).capitalize()} for c in output["columns"]
            ]
    else:
        plain["actions"] = []
    if name == "triggers":
        plain["category_id"] = account.default_category
    for key, default in plain.items():
        rule[key] = given.get(key, rule.get(key, default))
    rule["raw_title"], rule["default"] = rule["title"], False
    rule["url"] = f"{account.base_url}/api/v2/{name}/{rule['id']}.json"


def categories(account: Account, caller: Caller) -> Reply:
    if request.method == "GET":
        return Reply(page(list(account.trigger_categories.values()), "trigger_categories"))
    admins_only(caller)
    given = request_json().get("trigger_category") or {}
    if not given.get("name"):
        raise invalid("name", "Name: cannot be blank")
    return Reply({"trigger_category": account.add_trigger_category(given["name"])})


def category(account: Account, caller: Caller, record_id: str) -> Reply:
    if record_id not in account.trigger_categories:
        raise not_found()
    if request.method == "DELETE":
        admins_only(caller)
        if any(t["category_id"] == record_id for t in account.rules["triggers"].values()):
            raise invalid("base", "Category still holds triggers")
        del account.trigger_categories[record_id]
        return Reply(None, 204)
    return Reply({"trigger_category": account.trigger_categories[record_id]})


def count_many(account: Account, _caller: Caller) -> Json:
    rows = [_count(account, n) for n in asked_ids() if n in account.rules["views"]]
    return {"view_counts": rows}


def view_count(account: Account, _caller: Caller, record_id: int) -> Json:
    record(account.rules["views"], record_id)
    return {"view_count": _count(account, record_id)}


def _count(account: Account, record_id: int) -> Json:
    number = len(_rows(account, record_id))
    return {"view_id": record_id, "value": number, "pretty": str(number), "fresh": True,
            "url": f"{account.base_url}/api/v2/views/{record_id}/count.json"}  # fmt: skip


def view_tickets(account: Account, _caller: Caller, record_id: int) -> Json:
    answer = page(_rows(account, record_id), "tickets")
    return {**answer, "tickets": [shown(t) for t in answer["tickets"]]}


def view_execute(account: Account, _caller: Caller, record_id: int) -> Json:
    account.take("views-execute", record_id)
    rows = [{"ticket": {"id": t["id"], "subject": t["subject"], "status": t["status"]},
             **t} for t in _rows(account, record_id)]  # fmt: skip
    return {**page(rows, "rows"), "view": {"id": record_id}, "columns": []}


def _rows(account: Account, record_id: int) -> list[Json]:
    view = record(account.rules["views"], record_id)
    return [t for t in account.seen_tickets() if in_view(t, view["conditions"])]


def sla_policies(account: Account, caller: Caller) -> Reply:
    admins_only(caller)
    if request.method == "GET":
        return Reply(page(list(account.sla_policies.values()), "sla_policies"))
    given = request_json().get("sla_policy") or {}
    if not given.get("title") or "filter" not in given:
        raise invalid("title", "Title: cannot be blank")
    made = account.add(account.sla_policies, {"description": None, "policy_metrics": [],
                       "position": len(account.sla_policies) + 1, **given})  # fmt: skip
    made["url"] = f"{account.base_url}/api/v2/slas/policies/{made['id']}.json"
    return Reply({"sla_policy": made}, 201)


def sla_policy(account: Account, caller: Caller, record_id: int) -> Reply:
    admins_only(caller)
    found = record(account.sla_policies, record_id)
    if request.method == "DELETE":
        del account.sla_policies[record_id]
        return Reply(None, 204)
    if request.method == "PUT":
        account.change_field(found, request_json().get("sla_policy") or {})
    return Reply({"sla_policy": found})
