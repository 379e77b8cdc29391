"""An account's automation rules are found whichever way Freshdesk lists them."""

import pytest
import responses
from responses.matchers import query_param_matcher

from connectors.base import Connection
from connectors.freshdesk.admin import FreshdeskAdmin

BASE = "https://acme.freshdesk.com"
LIST = f"{BASE}/api/v2/automations/4/rules"
RULES = [{"id": number, "name": f"rule {number}"} for number in range(1, 68)]


def admin():
    return FreshdeskAdmin(
        Connection(key="acme", vendor="freshdesk", base_url=BASE, credentials={"api_key": "a key"})
    )


def answers(**pages):
    for page, body in pages.items():
        asked = {} if page == "page1" else {"page": page.removeprefix("page")}
        responses.get(LIST, json=body, match=[query_param_matcher(asked)])


@responses.activate
def test_one_answer_with_all_as_documented():
    meta = {"count": 2, "cascading_rules": False}
    answers(page1={"rules": RULES[:2], "meta": meta})
    assert admin().rules(4) == (RULES[:2], False)
    assert len(responses.calls) == 1


@responses.activate
@pytest.mark.parametrize("wrapped", [True, False])
def test_pages_of_thirty(wrapped):
    parts = [RULES[:30], RULES[30:60], RULES[60:]]
    bodies = [{"rules": part, "meta": {}} if wrapped else part for part in parts]
    answers(page1=bodies[0], page2=bodies[1], page3=bodies[2])
    assert admin().rules(4) == (RULES, True)


@responses.activate
def test_all_at_once_where_pages_are_not_known():
    answers(page1=RULES, page2=RULES)
    assert admin().rules(4) == (RULES, True)


@responses.activate
def test_thirty_rules_and_no_more():
    answers(page1=RULES[:30], page2=[])
    assert admin().rules(4) == (RULES[:30], True)
