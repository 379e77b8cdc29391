"""What the sandbox's Zendesk answers, held against Zendesk's own OpenAPI of April 2025.

Requests are held against it in `test_connectors.py`. A null is not judged: recorded tickets have
nulls where the file allows none (type, priority).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from openapi_schema_validator import OAS30ReadValidator
from sandbox_http import Json, ZendeskApi

from plugin.sandbox.clock import SetClock
from plugin.sandbox.server import create_sandbox, serving

OPENAPI = Path(__file__).parents[3] / "shared" / "reference" / "zendesk-oas.yaml"
pytestmark = pytest.mark.skipif(not OPENAPI.exists(), reason="Zendesk's OpenAPI is not at hand")
RULE = {"title": "t", "all": [{"field": "status", "operator": "is", "value": "open"}],
        "actions": [{"field": "status", "value": "open"}]}  # fmt: skip
CALLS: tuple[tuple[str, str, Json | None], ...] = (
    ("GET", "tickets", None),
    ("POST", "tickets", {"ticket": {"subject": "s", "comment": {"body": "b"}}}),
    ("GET", "tickets/1", None),
    ("PUT", "tickets/1", {"ticket": {"priority": "high", "comment": {"body": "b"}}}),
    ("GET", "tickets/count", None),
    ("GET", "tickets/show_many?ids=1,2", None),
    ("PUT", "tickets/update_many?ids=1", {"ticket": {"priority": "low"}}),
    ("GET", "tickets/1/audits", None),
    ("GET", "tickets/1/comments", None),
    ("GET", "tickets/1/tags", None),
    ("POST", "tickets/create_many", {"tickets": [{"subject": "s", "comment": {"body": "b"}}]}),
    ("DELETE", "tickets/destroy_many?ids=1,2", None),
    ("GET", "job_statuses", None),
    ("GET", "job_statuses/show_many?ids=x", None),
    ("GET", "incremental/tickets/cursor?start_time=1000000000", None),
    ("GET", "incremental/users/cursor?start_time=1000000000", None),
    ("GET", "organization_memberships", None),
    ("GET", "search?query=type:ticket", None),
    ("GET", "search/count?query=type:ticket", None),
    ("GET", "search/export?query=a&filter[type]=ticket", None),
    ("GET", "organizations", None),
    ("POST", "organizations", {"organization": {"name": "New"}}),
    ("GET", "organizations/search?name=New", None),
    ("GET", "organizations/show_many?external_ids=A-1", None),
    ("GET", "organizations/autocomplete?name=Al", None),
    ("GET", "organizations/count", None),
    ("GET", "organization_fields", None),
    ("POST", "organization_fields",
     {"organization_field": {"key": "k", "title": "t", "type": "text"}}),
    ("GET", "ticket_fields", None),
    ("POST", "ticket_fields", {"ticket_field": {"title": "t", "type": "text"}}),
    ("GET", "ticket_forms", None),
    ("GET", "custom_statuses", None),
    ("GET", "brands", None),
    ("GET", "users", None),
    ("POST", "users", {"user": {"name": "n", "email": "n@alpen.test"}}),
    ("GET", "users/me", None),
    ("GET", "users/search?query=eva", None),
    ("GET", "users/count", None),
    ("GET", "groups", None),
    ("GET", "group_memberships", None),
    ("GET", "triggers", None),
    ("POST", "triggers", {"trigger": RULE}),
    ("GET", "trigger_categories", None),
    ("POST", "trigger_categories", {"trigger_category": {"name": "n"}}),
    ("POST", "automations", {"automation": RULE}),
    ("GET", "automations", None),
    ("POST", "views", {"view": RULE}),
    ("GET", "views", None),
    ("POST", "slas/policies", {"sla_policy": {"title": "t", "filter": {"all": [], "any": []}}}),
    ("GET", "slas/policies", None),
    ("GET", "account/settings", None),
    ("GET", "oauth/tokens", None),
    ("GET", "deleted_tickets", None),
)  # fmt: skip
# Served though the file does not know them: webhooks, and lists that clients call under the record
# they belong to.
UNKNOWN_TO_THE_FILE = re.compile(
    "/api/v2/(webhooks|oauth/tokens/current"
    "|(organizations|groups|users)/1/(tickets(/requested|/assigned|/ccd)?|users|groups|organizations"
    "|(group_|organization_)?memberships)$)"
)


@pytest.fixture(scope="module")
def openapi() -> Json:
    with OPENAPI.open("rb") as file:
        return dict(yaml.load(file, yaml.CSafeLoader))


@pytest.fixture
def api() -> Iterator[ZendeskApi]:
    sandbox = create_sandbox(SetClock(datetime(2026, 11, 23, 8, 30, tzinfo=UTC)))
    with serving(sandbox) as address:
        client = ZendeskApi(address, sandbox)
        client.account.create_organization(
            "Alpen Tours", "enterprise", domains=["alpen.test"], external_id="A-1"
        )
        for subject in ("Checkout is down", "Question"):
            client.account.receive_email(subject, "Error 500", "eva@alpen.test", "Eva")
        client.account.agent_replies(1)
        sandbox.clock.advance(90)
        yield client


def known_path(openapi: Json, path: str) -> str | None:
    """Return the file's path for a real one, a literal one before one with a parameter."""
    for name in sorted(openapi["paths"], key=lambda name: name.count("{")):
        if re.fullmatch(re.sub(r"\{[^}]+\}", r"[^/]+", name), path):
            return str(name)
    return None


def complaints(openapi: Json, schema: Json, body: object) -> list[str]:
    validator = OAS30ReadValidator({"components": openapi["components"], "allOf": [schema]})
    errors = sorted(validator.iter_errors(without_nulls(body)), key=lambda error: error.json_path)
    return [f"{error.json_path}: {error.message[:200]}" for error in errors]


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    return [without_nulls(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("method", "path", "body"), CALLS, ids=lambda v: str(v)[:40])
def test_an_answer_is_what_zendesk_says_of_it(
    openapi: Json, api: ZendeskApi, method: str, path: str, body: Json | None
) -> None:
    answer = api(method, path, body)
    name = known_path(openapi, "/api/v2/" + path.split("?", maxsplit=1)[0])
    assert name is not None, path
    responses = openapi["paths"][name][method.lower()]["responses"]
    assert str(answer.status_code) in responses, answer.text
    schema = responses[str(answer.status_code)]["content"]["application/json"]["schema"]
    assert complaints(openapi, schema, answer.json()) == []


def test_a_list_of_each_kind_is_not_empty_here(api: ZendeskApi) -> None:
    for name in ("tickets", "organizations", "ticket_fields", "users", "brands", "ticket_forms"):
        assert api.get(name)[name], name


def test_the_sandbox_serves_no_path_that_zendesk_does_not_have(
    openapi: Json, api: ZendeskApi
) -> None:
    prefix = "/zendesk/<account_name>"
    unknown = []
    for rule in api.sandbox.app.url_map.iter_rules():
        path = re.sub(r"<[^>]+>", "1", rule.rule.removeprefix(prefix))
        if not rule.rule.startswith(prefix + "/api/") or UNKNOWN_TO_THE_FILE.match(path):
            continue
        name = known_path(openapi, path) or known_path(openapi, path + ".json")
        known = openapi["paths"].get(name, {})
        methods = {m.lower() for m in rule.methods or ()} - {"head", "options"}
        unknown += [f"{method} {rule.rule}" for method in sorted(methods) if method not in known]
    assert unknown == []
