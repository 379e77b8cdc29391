"""What is said about connecting an account: in three languages, with the same gaps in each."""

import re
from pathlib import Path
from string import Formatter

import pytest

from connectors.base import Connection
from connectors.registry import VENDORS
from connectors.sentences import catalog, in_language, say, to_stored

ROOT = Path(__file__).parents[3]
LANGUAGES = ("en", "fr", "de")


def gaps(text):
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("language", ["fr", "de"])
def test_every_sentence_is_said_in_every_language_with_the_same_gaps(language):
    english, other = catalog("en"), catalog(language)
    assert other.keys() == english.keys()
    for key, text in english.items():
        assert gaps(other[key]) == gaps(text), key
        assert text.count("`") % 2 == other[key].count("`") % 2 == 0, key


def test_every_key_in_the_code_is_in_the_catalog_and_none_is_there_for_nothing():
    used, begun = set(), set()
    for folder in ("connectors", "plugin"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text("utf-8")
            used |= set(re.findall(r'"([a-z_]+\.[a-z_]+)"', text))
            begun |= set(re.findall(r'say\(\s*f"([a-z_]+\.[a-z_]*)\{', text))
    said = set(re.findall(r'say\(\s*"([a-z_]+\.[a-z_]+)"', _code()))
    assert said <= catalog("en").keys()
    loose = [key for key in catalog("en") if key not in used and not key.startswith(tuple(begun))]
    assert loose == []


def _code():
    paths = [*(ROOT / "connectors").rglob("*.py"), *(ROOT / "plugin").rglob("*.py")]
    return "\n".join(path.read_text("utf-8") for path in paths)


def test_a_stored_sentence_is_read_in_another_language_with_its_parts():
    title = say("step.ticket_field", name="SLA due", type=say("field_type.text"))
    assert title == "Ticket field 'SLA due' (text)"
    assert in_language(to_stored(title), "de") == "Ticketfeld „SLA due“ (Text)"
    assert in_language(to_stored(title), "en") == title


def test_what_has_no_other_language_stays_as_it_was_said():
    assert in_language(to_stored("Zendesk 500"), "fr") == "Zendesk 500"
    gone = {**to_stored(say("stale.events")), "key": "stale.of_an_older_version"}
    assert in_language(gone, "fr") == "does not tell of every event"


@pytest.mark.parametrize("vendor", VENDORS.values(), ids=list(VENDORS))
def test_the_steps_by_hand_are_told_in_three_languages(vendor):
    account = Connection(key="acme", vendor=vendor.name, base_url=f"https://acme.{vendor.domain}")
    steps = vendor.manual_steps(account, "https://sla.example.com")
    told = [[in_language(to_stored(step), one) for one in LANGUAGES] for step in steps]
    assert all(len(set(said)) == 3 for said in told)
    for said in zip(*told, strict=True):
        text = "\n".join(said)
        assert f"https://sla.example.com/webhooks/{vendor.name}/acme" in text
        assert '{"ticket_id": "{{ticket.id}}"}' in text
