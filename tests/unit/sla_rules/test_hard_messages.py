"""Messages that read like something else: errors put as wishes, wishes full of error words, tests.

The thirty of `hard_messages.jsonl` were written for this test. Only one of them (Italian,
"Collaudo") is about a test system: it says that production is fine. What counts is that no partner
loses an SLA.
"""

import json
from pathlib import Path

import pytest

from sla_rules.policy_file import load_policy
from sla_rules.ticket import Environment, Kind

LINES = Path(__file__).with_name("hard_messages.jsonl").read_text("utf-8").splitlines()
MESSAGES = [json.loads(line) for line in LINES]
WISHES = [one for one in MESSAGES if one["kind"] == "feature_request"]
OTHERS = [one for one in MESSAGES if one not in WISHES]


def judge(message):
    return load_policy().classifier.classify(message["subject"], message["body"])


def name(message):
    return f"{message['lang']} {message['subject']}"


def test_a_fault_on_a_test_system_while_production_is_fine_is_excluded():
    (message,) = [one for one in MESSAGES if one["subject"] == "Collaudo"]
    assert judge(message).environment is Environment.TEST


@pytest.mark.parametrize("message", [m for m in MESSAGES if m["subject"] != "Collaudo"], ids=name)
def test_no_hard_message_is_taken_for_one_about_a_test_system(message):
    assert judge(message).environment is not Environment.TEST


@pytest.mark.parametrize("message", OTHERS, ids=name)
def test_no_error_and_no_question_loses_its_sla(message):
    found = judge(message)
    assert found.kind is not Kind.FEATURE_REQUEST


def test_of_the_wishes_full_of_error_words_most_are_at_least_candidates():
    """Two of eight are not: `stornierte` reads like a favour that is asked for, `call us` too."""
    seen = [judge(message) for message in WISHES]
    assert sum(one.candidate or one.kind is Kind.FEATURE_REQUEST for one in seen) >= 6


@pytest.mark.parametrize(
    "trouble",
    [
        "Your system keeps throwing us out.",
        "It kicked me out three times.",
        "The old price still shows at checkout.",
        "La página se queda cargando.",
    ],
)
def test_being_thrown_out_and_what_hangs_or_stays_old_are_signs_of_an_error(trouble):
    assert load_policy().classifier.classify("", trouble).kind is Kind.ERROR_REPORT
