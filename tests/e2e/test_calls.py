"""How few calls the running service makes for a mail, its own echo and an answer."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import requests
from e2e.running import wait_until


def calls(running, vendor, ticket):
    """The service's requests about one ticket: what was read, and how many writes there were."""
    found = Counter()
    for call in requests.get(f"{running.sandbox}/sandbox/calls", timeout=30).json():
        path = call["path"].split("?")[0].removesuffix(".json")
        if call["vendor"] == vendor and f"/tickets/{ticket}" in path:
            found["write" if call["method"] == "PUT" else path.rpartition("/")[2]] += 1
    return found


@pytest.mark.parametrize("vendor", ["freshdesk", "zendesk"])
def test_a_mail_and_an_answer_take_one_write_each_and_the_echoes_one_read(running, vendor):
    running.act(vendor, "agents", name="Anna", email="anna@support.example")
    trail = lambda: running.services.store.tickets.audit_trail(  # noqa: E731
        running.names[vendor], str(ticket)
    )
    sent = running.act(
        vendor,
        "emails",
        **{"from": "luc@starter.example"},
        name="Luc",
        organization="starter",
        subject="Erreur",
        body="Le paiement ne fonctionne plus, erreur 500.",
        at=(datetime.now(UTC) - timedelta(minutes=5)).isoformat(),
    )
    ticket = sent["id"]
    wait_until(lambda: trail()[-1:] and trail()[-1].outcome == "no_change", what="the echo")
    assert [entry.outcome for entry in trail()].count("applied") == 1
    assert calls(running, vendor, ticket)["write"] == 1
    running.act(vendor, "replies", ticket=ticket, agent="Anna")
    wait_until(
        lambda: [entry.outcome for entry in trail()].count("applied") == 2, what="the second write"
    )
    found = calls(running, vendor, ticket)
    assert found["write"] == 2
    if vendor == "zendesk":
        assert found["audits"] == 2
    assert all(entry.calls == 1 for entry in trail() if entry.outcome == "no_change")
