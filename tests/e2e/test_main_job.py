"""The main job over real HTTP: sandbox, web and worker as processes, a real database.

Every due date is computed a second time here, minute by minute, from the contract's text alone.
"""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import requests
from e2e.running import wait_until

BERLIN = ZoneInfo("Europe/Berlin")
HOURS = {"enterprise": 4, "advanced": 6, "starter": 8, "free": 10}
TICKETS, FOLLOW_UPS = 150, 50
NEXT_WEEK = datetime.now(BERLIN).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(7)


def due_by_walking(starts_at, hours):
    """Walk minute by minute through the contract's hours: Mon-Fri 9-12 and 14-17."""
    at, left = starts_at.astimezone(UTC), hours * 60
    while left:
        local = at.astimezone(BERLIN)
        if local.weekday() < 5 and local.hour in {9, 10, 11, 14, 15, 16}:
            left -= 1
        at += timedelta(minutes=1)
    return at


def send_mails(running, count):
    """Partner e-mails over both vendors, all tiers, at awkward times and out of order."""
    sent = {}
    for number in range(count):
        vendor = ("zendesk", "freshdesk")[number % 2]
        tier = list(HOURS)[number // 2 % 4]
        at = NEXT_WEEK + timedelta(minutes=(number * 397) % (7 * 24 * 60))
        ticket = running.act(
            vendor,
            "emails",
            **{"from": f"{tier}@{tier}.example"},
            name=tier,
            organization=tier,
            subject="Erreur",
            body="Le paiement ne fonctionne plus, erreur 500.",
            at=at.isoformat(),
        )
        sent[vendor, ticket["id"]] = due_by_walking(at, HOURS[tier])
    return sent


def wrong_dates(running, sent):
    wrong = {}
    for (vendor, ticket), expected in sent.items():
        found = running.due(vendor, ticket)
        if found is None or datetime.fromisoformat(found) != expected:
            wrong[vendor, ticket] = (found, expected)
    return wrong


def write_again(running, sent):
    """Partners and agents write to their tickets; none of it moves a due date."""
    later = (NEXT_WEEK + timedelta(days=8)).isoformat()
    for number, (vendor, ticket) in enumerate(list(sent)[:FOLLOW_UPS]):
        if number % 2:
            running.act(vendor, "notes", ticket=ticket, agent="Anna", body="Seen.")
        else:
            mail = {"sender": "a@b.example", "subject": "", "body": "?", "at": later}
            running.act(vendor, "emails", **mail, ticket=ticket)


def unwelcome_writes(running, sent):
    """What the helpdesks received that the contract does not give: a wrong date, another field."""
    ours = {"id", "due_at", "fr_due_by", "due_by", "type", "priority", "tags", "custom_fields"}
    ours |= {"updated_stamp", "safe_update", "metadata"}
    found = []
    for call in requests.get(f"{running.sandbox}/sandbox/calls", timeout=30).json():
        ticket = re.search(r"/tickets/(\d+)", call["path"])
        if call["method"] != "PUT" or not ticket:
            continue
        body = call["body"].get("ticket", call["body"])
        due = body.get("fr_due_by" if call["vendor"] == "freshdesk" else "due_at")
        expected = sent[call["vendor"], int(ticket[1])]
        if (due and datetime.fromisoformat(due) != expected) or set(body) - ours:
            found.append(call)
    return found


def test_every_ticket_ends_with_the_due_date_of_the_contract_though_the_worker_is_killed(running):
    for vendor in running.names:
        running.act(vendor, "agents", name="Anna", email="anna@support.example")
    faults = [{"kind": "duplicate", "count": 60}, {"kind": "reorder", "count": 60, "seconds": 2}]
    requests.post(f"{running.sandbox}/sandbox/faults", json=faults, timeout=10)
    sent = send_mails(running, TICKETS // 2)
    running.service.kill("worker")
    sent |= send_mails(running, TICKETS - TICKETS // 2)
    write_again(running, sent)
    running.service.restart_ended()
    wait_until(
        lambda: not wrong_dates(running, sent), within=200, what="the last due date", every=3
    )
    assert unwelcome_writes(running, sent) == []


def test_a_forged_delivery_is_refused_and_leaves_no_row(running):
    url = f"{running.address}/webhooks/zendesk/{running.names['zendesk']}"
    forged = requests.post(
        url,
        data=b'{"ticket_id": 1}',
        headers={
            "X-Zendesk-Webhook-Signature": "bm8=",
            "X-Zendesk-Webhook-Signature-Timestamp": datetime.now(UTC).isoformat(),
        },
        timeout=10,
    )
    assert forged.status_code == 401
    assert forged.json()["error"] == "not_verified"
    assert (
        requests.post(f"{running.address}/webhooks/zendesk/nobody", timeout=10).status_code == 404
    )
    too_large = requests.post(url, data=b"x" * 300_000, timeout=10)
    assert too_large.status_code == 413
    assert running.services.store.tickets.audit_trail(running.names["zendesk"], "1") == []


def test_an_agent_s_priority_is_left_alone(running):
    running.act("zendesk", "agents", name="Anna", email="anna@support.example")
    sent = send_mails(running, 1)
    wait_until(lambda: not wrong_dates(running, sent), what="the due date")
    ((_, ticket),) = sent
    running.act("zendesk", "edits", ticket=ticket, fields={"priority": "low"}, agent="Anna")
    trail = lambda: running.services.store.tickets.audit_trail(  # noqa: E731
        running.names["zendesk"], str(ticket)
    )
    wait_until(lambda: "sla_manual" in trail()[-1].decision["add_tags"], what="the look")
    assert all(entry.patch.get("priority") != "urgent" for entry in trail()[1:])
