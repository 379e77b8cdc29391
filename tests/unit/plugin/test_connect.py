"""Connecting and disconnecting accounts: over real HTTP to the sandbox, with a real database and
a web process that receives the test delivery."""

import re
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest
import yaml
from installation import CREDENTIALS, serve

from connectors.base import Connection
from connectors.errors import CredentialsRejected, RateLimited, VendorUnavailable
from connectors.freshdesk.connector import VENDOR as FRESHDESK
from connectors.freshdesk.provision import FreshdeskSetup
from connectors.setup import Finding, Level, provisioned
from connectors.zendesk.connector import VENDOR as ZENDESK
from plugin.connect import (
    ConnectError,
    Did,
    account_address,
    carry_out,
    connect_account,
    disconnect,
    keep_account,
    open_setup,
    plan_account,
    rotate,
    try_delivery,
)
from plugin.doctor import examine
from plugin.sandbox.faults import Fault

OPENAPI = Path(__file__).parents[4] / "shared" / "reference" / "zendesk-oas.yaml"
TITLES = {"SLA due", "SLA note", "SLA kind", "SLA environment", "SLA impact"}
both = pytest.mark.parametrize("vendor", ["zendesk", "freshdesk"])


def field_titles(account, vendor):
    key = "title" if vendor == "zendesk" else "label"
    return {field[key] for field in account.ticket_fields.values()} & TITLES


@both
def test_connecting_makes_the_fields_and_whatever_tells_us_of_tickets(here, vendor):
    account = here.account(vendor)
    done = connect_account(here.services, here.request(vendor))
    assert field_titles(account, vendor) == TITLES
    assert {step.did for step in done} == {Did.MADE}
    told = account.webhooks if vendor == "zendesk" else account.rules[1]
    assert len(told) == 1
    connection = here.connected()
    assert connection.webhook_secrets
    assert connection.settings["acting_user_id"] == str(account.admin["id"])


@both
def test_connecting_again_changes_nothing_and_says_so(here, vendor):
    here.account(vendor)
    connect_account(here.services, here.request(vendor))
    before = here.connected()
    here.writes()
    done = connect_account(here.services, here.request(vendor))
    assert here.writes() == []
    assert {step.did for step in done} == {Did.KEPT}
    assert here.connected() == before


@both
def test_a_plan_writes_nothing_neither_here_nor_there(here, vendor):
    here.account(vendor)
    plan = plan_account(here.services, here.request(vendor))
    assert {step.found for step in plan.steps} == {None}
    assert here.writes() == []
    assert here.connected() is None


@both
def test_connecting_waits_for_its_turn_like_every_other_request(here, vendor):
    here.account(vendor)
    key = f"paced-{vendor}"
    request = here.request(vendor, key=key)
    connect_account(here.services, request)
    asked = len(here.sandbox.calls)
    here.services.store.budgets.hold(key, "account", live=60, bulk=60)
    with pytest.raises(RateLimited):
        plan_account(here.services, request)
    assert next(examine(here.services, here.connected(key))).subject == "limits"
    assert len(here.sandbox.calls) == asked


@both
def test_disconnecting_removes_what_we_made_and_nothing_else(here, vendor):
    account = here.account(vendor)
    if vendor == "zendesk":
        theirs = account.add_ticket_field({"type": "text", "title": "SLA due"})
    else:
        theirs = account.add_ticket_field("SLA due", "custom_text")
    connect_account(here.services, here.request(vendor))
    done = list(disconnect(here.services, "acme"))
    assert {step.did for step in done} == {Did.REMOVED}
    assert field_titles(account, vendor) == {"SLA due"}
    assert theirs["id"] in account.ticket_fields
    assert here.connected() is None
    if vendor == "zendesk":
        assert not account.webhooks
        assert not account.organization_fields
    else:
        assert not any(account.rules.values())
        assert not account.company_fields


@both
def test_disconnecting_may_leave_the_fields_with_what_stands_in_them(here, vendor):
    account = here.account(vendor)
    connect_account(here.services, here.request(vendor))
    list(disconnect(here.services, "acme", keep_fields=True))
    assert field_titles(account, vendor) == TITLES
    assert here.connected() is None


@both
@pytest.mark.parametrize("forget", [True, False])
def test_what_was_replaced_since_is_taken_back_too(here, vendor, forget):
    account = here.account(vendor)
    connect_account(here.services, here.request(vendor))
    if vendor == "zendesk":
        account.webhooks.clear()  # somebody deleted it
    else:
        rotate(here.services, "acme")
    connect_account(here.services, here.request(vendor))
    done = list(disconnect(here.services, "acme", forget=forget))
    assert "Token" not in {step.title for step in done}, "it is nothing in the helpdesk"
    assert {step.did for step in done} <= ({Did.KEPT} if forget else {Did.REMOVED, Did.GONE})
    assert here.connected() is None
    if not forget:
        assert not account.webhooks if vendor == "zendesk" else not any(account.rules.values())


@both
def test_a_field_of_that_name_and_type_made_by_a_person_is_used(here, vendor):
    account = here.account(vendor)
    if vendor == "zendesk":
        theirs = account.add_ticket_field({"type": "text", "title": "SLA note"})
    else:
        theirs = account.add_ticket_field("SLA note", "custom_text")
    done = {step.name: step.did for step in connect_account(here.services, here.request(vendor))}
    assert done["ticket_field:note"] is Did.KEPT
    known = provisioned(here.connected())["ticket_field:note"]
    assert (known["id"], known["made"]) == (str(theirs["id"]), False)


@both
def test_a_field_of_that_name_but_another_type_stops_before_anything_is_made(here, vendor):
    account = here.account(vendor)
    if vendor == "zendesk":
        account.add_ticket_field({"type": "checkbox", "title": "SLA kind"})
    else:
        account.add_ticket_field("SLA kind", "custom_checkbox")
    with pytest.raises(ConnectError, match=r"'SLA kind' of type \w*checkbox is there already"):
        connect_account(here.services, here.request(vendor))
    assert here.writes() == []
    assert here.connected() is None
    connect_account(here.services, here.request(vendor, titles={"kind": "What it is"}))
    assert here.connected().settings["titles"]["kind"] == "What it is"


@both
def test_the_connector_writes_to_the_fields_that_were_made(here, vendor):
    account = here.account(vendor)
    connect_account(here.services, here.request(vendor, titles={"due": "Frist"}))
    from sla_rules.ticket import TicketPatch

    number = account.receive_email("Hello", "Help", sender="a@b.test")["id"]
    connector = here.services.connector(here.connected())
    written = connector.apply(connector.fetch(str(number)), TicketPatch(due_text="2026-12-01"))
    assert written.values
    assert connector.fetch(str(number)).due_text == "2026-12-01"


def test_wrong_credentials_are_refused_before_anything_is_kept(here):
    for vendor, wrong, words in (
        ("zendesk", {"access_token": "stolen"}, "Anonymous user"),
        ("zendesk", {"client_id": "a", "client_secret": "b"}, "refuses the OAuth client"),
        ("freshdesk", {"api_key": "wrong"}, "401"),
    ):
        with pytest.raises(CredentialsRejected, match=words):
            plan_account(here.services, here.request(vendor, credentials=wrong))
    with pytest.raises(ConnectError, match=r"needs client_id \+ client_secret / "):
        plan_account(here.services, here.request("zendesk", credentials={"client_id": "a"}))
    assert here.services.store.connections.every() == []


def test_an_agent_who_is_no_administrator_is_told_so(here):
    account = here.account("zendesk")
    account.admin["role"] = "agent"
    with pytest.raises(ConnectError, match="only administrators"):
        plan_account(here.services, here.request("zendesk"))
    account = here.account("freshdesk")
    account.admin["ticket_scope"] = 2
    with pytest.raises(ConnectError, match="see only some tickets"):
        plan_account(here.services, here.request("freshdesk"))


@pytest.mark.parametrize(
    "address",
    [
        "http://acme.zendesk.com",
        "https://acme.zendesk.com.evil.example",
        "https://10.0.0.5",
        "https://evil.example/acme.zendesk.com",
        "https://user@acme.zendesk.com",
        "https://zendesk.com",
        "ftp://acme.zendesk.com",
        "http://[::ffff:10.0.0.5]/",
    ],
)
def test_an_address_that_is_not_the_vendors_is_refused(address):
    with pytest.raises(ConnectError, match="address"):
        account_address(ZENDESK, address)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("acme", "https://acme.zendesk.com"),
        ("ACME.zendesk.com", "https://acme.zendesk.com"),
        ("https://acme.zendesk.com/agent/tickets/5?x=1", "https://acme.zendesk.com"),
        ("https://Acme.Zendesk.com:443/", "https://acme.zendesk.com"),
        ("http://127.0.0.1:8090/zendesk/acme/", "http://127.0.0.1:8090/zendesk/acme"),
    ],
)
def test_an_account_may_be_named_in_any_usual_way(typed, meant):
    assert account_address(ZENDESK, typed) == meant


def test_a_helpdesk_in_the_cloud_needs_a_public_address(here):
    for public_url in (
        "http://sla.example.com",
        "https://127.0.0.1",
        "https://10.1.2.3",
        "nonsense",
    ):
        with pytest.raises(ConnectError, match="public URL"):
            plan_account(
                here.services,
                here.request("freshdesk", address="acme", public_url=public_url),
            )


def test_an_account_is_connected_once_and_a_key_names_one_account(here):
    connect_account(here.services, here.request("zendesk", key="first"))
    with pytest.raises(ConnectError, match="connected already, as 'first'"):
        plan_account(here.services, here.request("zendesk", key="second"))
    with pytest.raises(ConnectError, match="'first' is taken by"):
        plan_account(here.services, here.request("freshdesk", key="first"))
    with pytest.raises(ConnectError, match="may hold"):
        plan_account(here.services, here.request("freshdesk", key="not a key"))
    with pytest.raises(ConnectError, match="choose another"):
        plan_account(here.services, here.request("freshdesk", key="upkeep"))


@pytest.mark.parametrize("key", [None, "second"])
@pytest.mark.parametrize("does", [lambda *given: list(carry_out(*given)), keep_account])
def test_of_two_who_connect_an_account_at_once_the_second_is_told(here, key, does):
    here.account("zendesk")
    address = here.address("zendesk")
    first = plan_account(here.services, here.request("zendesk"))
    second = plan_account(here.services, here.request("zendesk", address=f" {address}/ ", key=key))
    list(carry_out(here.services, first))
    before = here.connected()
    here.writes()
    with pytest.raises(ConnectError, match="somebody else connected http"):
        does(here.services, second)
    assert here.writes() == []
    assert here.services.store.connections.every() == [before]


def test_of_many_who_claim_an_address_at_the_same_moment_one_has_it(here):
    def claim(number):
        together.wait()
        account = Connection(key=f"k{number}", vendor="zendesk", base_url="https://a.zendesk.com")
        return here.services.store.connections.claim(account, known=False)

    together = Barrier(5)  # as many as the pool has connections
    with ThreadPoolExecutor(5) as pool:
        assert sorted(pool.map(claim, range(5))) == [False] * 4 + [True]
    assert len(here.services.store.connections.keys()) == 1


def test_several_accounts_of_both_vendors_stand_side_by_side(here):
    for vendor in ("zendesk", "freshdesk"):
        for name in ("acme", "other"):
            connect_account(here.services, here.request(vendor, name))
    keys = [one.key for one in here.services.store.connections.every()]
    assert keys == ["acme", "acme-freshdesk", "other", "other-freshdesk"]


@both
def test_what_failed_in_the_middle_goes_on_at_the_next_attempt(here, vendor):
    account = here.account(vendor)
    plan = plan_account(here.services, here.request(vendor))
    here.sandbox.faults.add(Fault(kind="503", method="POST", path="fields", count=1))
    steps = carry_out(here.services, plan)
    with pytest.raises(VendorUnavailable):
        list(steps)
    made = connect_account(here.services, here.request(vendor))
    assert field_titles(account, vendor) == TITLES
    assert len(account.ticket_fields) == len({*map(str, account.ticket_fields)})
    assert Did.MADE in {step.did for step in made}


@both
def test_what_was_made_though_its_answer_was_lost_is_ours_all_the_same(here, vendor):
    account = here.account(vendor)
    plan = plan_account(here.services, here.request(vendor))
    lost = Fault(kind="reset", method="POST", path="ticket_fields", after=True, count=1)
    here.sandbox.faults.add(lost)
    with pytest.raises(VendorUnavailable):
        list(carry_out(here.services, plan))
    connect_account(here.services, here.request(vendor))
    titles = [f.get("title") or f.get("label") for f in account.ticket_fields.values()]
    assert titles.count("SLA due") == 1
    assert provisioned(here.connected())["ticket_field:due"]["made"] is True
    list(disconnect(here.services, "acme"))
    assert field_titles(account, vendor) == set()


def test_new_credentials_replace_the_old_and_others_are_kept(here):
    connect_account(here.services, here.request("freshdesk"))
    connect_account(here.services, here.request("freshdesk", credentials={}))
    assert here.connected().credentials == CREDENTIALS["freshdesk"]
    connect_account(
        here.services,
        here.request("zendesk", key="z", credentials={**CREDENTIALS["zendesk"], "api_key": "x"}),
    )
    assert here.connected("z").credentials == CREDENTIALS["zendesk"]


def test_zendesk_s_test_delivery_arrives(here):
    connect_account(here.services, here.request("zendesk"))
    arrival = try_delivery(here.services, "acme", wait=30)
    assert arrival.arrived
    assert "arrived" in arrival.text


def test_a_test_delivery_that_is_refused_names_the_likely_reason(here):
    connect_account(here.services, here.request("zendesk"))
    connection = here.connected()
    secret = replace(connection.webhook_secrets[0], value="another")
    here.services.store.connections.save(replace(connection, webhook_secrets=(secret,)))
    arrival = try_delivery(here.services, "acme", wait=30)
    assert not arrival.arrived
    assert "got 401" in arrival.text
    assert "SLA_SECRET_KEY" in arrival.text


def test_a_web_process_that_does_not_run_is_named(here):
    connect_account(here.services, here.request("zendesk"))
    here.web.shutdown()
    here.web.server_close()
    with socket.socket() as held:  # else another program may get the port, and answer
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", here.web.port))
        arrival = try_delivery(here.services, "acme", wait=30)
    assert not arrival.arrived
    assert "see that the web process runs" in arrival.text
    here.web = serve(here.sandbox.app)  # for the fixture's end


def test_freshdesk_is_tested_by_a_ticket_that_is_deleted_again(here):
    account = here.account("freshdesk")
    connect_account(here.services, here.request("freshdesk"))
    arrival = try_delivery(here.services, "acme", with_ticket=True, wait=30)
    assert arrival.arrived
    assert [ticket["deleted"] for ticket in account.tickets.values()] == [True]


def test_freshdesk_opens_no_ticket_unasked_but_waits_for_one(here):
    account = here.account("freshdesk")
    connect_account(here.services, here.request("freshdesk"))
    told = []
    arrival = try_delivery(here.services, "acme", wait=0, tell=told.append)
    assert not arrival.arrived
    assert "Nothing arrived" in arrival.text
    assert "send an e-mail to your support address" in told[0]
    assert not account.tickets

    def write(text):
        account.receive_email("Hello", "Help", sender="a@b.test")

    assert try_delivery(here.services, "acme", wait=30, tell=write).arrived


@both
def test_a_rotated_secret_is_used_at_once_and_the_old_one_accepted_until_the_end(here, vendor):
    here.account(vendor)
    connect_account(here.services, here.request(vendor))
    old = here.connected().webhook_secrets[0]
    rotate(here.services, "acme")
    new, kept = here.connected().webhook_secrets
    assert kept == old
    assert new.value != old.value
    assert try_delivery(here.services, "acme", with_ticket=True, wait=30).arrived
    rotate(here.services, "acme", finish=True)
    assert here.connected().webhook_secrets == (new,)
    assert try_delivery(here.services, "acme", with_ticket=True, wait=30).arrived
    with pytest.raises(ConnectError, match="nothing to finish"):
        rotate(here.services, "acme", finish=True)
    here.writes()
    connect_account(here.services, here.request(vendor))
    assert here.writes() == []


@pytest.mark.parametrize(("vendor", "parts"), [("zendesk", 2), ("freshdesk", 1)])
def test_a_change_of_secret_begun_anew_after_a_worker_died_drops_none_in_use(here, vendor, parts):
    account = here.account(vendor)
    connect_account(here.services, here.request(vendor))
    save = here.services.store.connections.save
    (old,) = here.connected().webhook_secrets
    changes = open_setup(here.services, here.connected()).rotate()
    save(next(changes))
    for _ in range(parts - 1):
        next(changes)  # done in the helpdesk, and the worker dies before it is saved

    changes = open_setup(here.services, here.connected()).rotate()
    save(next(changes))
    account.receive_email("Hello", "Help", sender="a@b.test")
    assert here.sandbox.wait_idle(30)
    assert here.services.store.inbox.last_received_at("acme") is not None
    for changed in changes:
        save(changed)
    assert len(here.connected().webhook_secrets) == 3
    assert old in here.connected().webhook_secrets
    assert try_delivery(here.services, "acme", with_ticket=True, wait=30).arrived
    rotate(here.services, "acme", finish=True)
    assert len(here.connected().webhook_secrets) == 1
    assert try_delivery(here.services, "acme", with_ticket=True, wait=30).arrived


def test_zendesk_may_tell_us_by_triggers(here):
    account = here.account("zendesk")
    connect_account(here.services, here.request("zendesk", via="triggers"))
    assert len(account.rules["triggers"]) == 2
    account.receive_email("Hello", "Help", sender="a@b.test")
    assert here.sandbox.wait_idle(30)
    assert here.services.store.inbox.last_received_at("acme") is not None
    with pytest.raises(ConnectError, match="use --via triggers"):
        connect_account(here.services, here.request("zendesk", via="events"))
    list(disconnect(here.services, "acme"))
    assert not account.rules["triggers"]
    assert not account.webhooks


@both
def test_a_new_public_address_is_put_where_the_old_one_stood(here, vendor):
    account = here.account(vendor)
    connect_account(here.services, here.request(vendor))
    elsewhere = here.public_url.replace("127.0.0.1", "localhost")
    done = connect_account(here.services, here.request(vendor, public_url=elsewhere))
    assert Did.RENEWED in {step.did for step in done}
    told = account.webhooks if vendor == "zendesk" else account.rules[1]
    assert len(told) == 1
    assert try_delivery(here.services, "acme", with_ticket=True, wait=30).arrived


def test_an_account_has_the_time_zone_and_channels_that_were_answered(here):
    answers = {"time_zone": "Europe/Lisbon", "counted_channels": ["email", "web"]}
    connect_account(here.services, here.request("zendesk", settings=answers))
    connection = here.connected()
    policy = here.services.policies_for(connection).current(here.services.clock())
    assert policy.zone.key == "Europe/Lisbon"
    assert {channel.value for channel in policy.clock.counted_channels} == {"email", "web"}
    assert here.services.policies().current(here.services.clock()).zone.key == "Europe/Berlin"
    with pytest.raises(ConnectError, match="not an IANA zone"):
        plan_account(here.services, here.request("zendesk", settings={"time_zone": "Mars"}))


def test_a_freshdesk_token_can_end(here):
    here.account("freshdesk")
    connect_account(here.services, here.request("freshdesk", token_lasts=timedelta(days=20)))
    assert here.connected().settings["token_expires_at"]


def test_the_vendors_tag_words_are_those_that_the_connector_reads():
    from connectors.zendesk import fields as made
    from connectors.zendesk import tickets

    fields = tickets.Fields(kind=1, environment=2, impact=3)
    for name, number in (("kind", 1), ("environment", 2), ("impact", 3)):
        for _, tag in made.OPTIONS[name]:
            raw = {"id": 5, "custom_fields": [{"id": number, "value": tag}]}
            ticket = tickets.to_ticket(raw, options=tickets.Options(fields=fields))
            assert getattr(ticket, name) is not None


def test_both_vendors_take_the_preferred_credentials_first():
    assert ZENDESK.credential_sets[0] == ("client_id", "client_secret")
    assert FRESHDESK.credential_sets == (("api_key",),)
    assert FRESHDESK.setup.__module__ == FreshdeskSetup.__module__


@pytest.mark.skipif(not OPENAPI.exists(), reason="Zendesk's OpenAPI file is not at hand")
def test_every_request_of_connecting_is_one_that_zendesk_s_openapi_knows(here):
    here.account("zendesk")
    connect_account(here.services, here.request("zendesk", via="triggers"))
    list(examine(here.services, here.connected()))
    list(disconnect(here.services, "acme"))
    with OPENAPI.open("rb") as file:
        known = yaml.load(file, yaml.CSafeLoader)["paths"]
    paths = {
        re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path) + r"(\.json)?"): methods
        for path, methods in known.items()
    }
    for call in here.sandbox.calls:
        path = call["path"].split("?")[0].removeprefix("/zendesk/acme")
        if path.startswith(("/oauth/", "/api/v2/webhooks")):
            continue  # documented elsewhere, not in that file
        methods = [found for one, found in paths.items() if one.fullmatch(path)]
        assert any(call["method"].lower() in found for found in methods), path


def test_a_field_that_was_made_under_an_older_name_is_still_ours(here):
    account = here.account("zendesk")
    connect_account(here.services, here.request("zendesk"))
    connect_account(here.services, here.request("zendesk", titles={"due": "Frist"}))
    titles = {field["title"] for field in account.ticket_fields.values()}
    assert {"SLA due", "Frist"} <= titles
    list(disconnect(here.services, "acme"))
    titles = {field["title"] for field in account.ticket_fields.values()}
    assert not {"SLA due", "Frist"} & titles


def test_a_freshdesk_field_whose_label_was_translated_is_still_ours(here):
    account = here.account("freshdesk")
    connect_account(here.services, here.request("freshdesk"))
    for field in account.ticket_fields.values():
        if field["label"] == "SLA due":
            field["label"] = field["label_for_customers"] = "SLA fällig"
    for field in account.company_fields.values():
        if field["label"] == "SLA tier":
            field["label"] = "SLA-Paket"
    here.writes()
    done = connect_account(here.services, here.request("freshdesk"))
    assert {step.did for step in done} == {Did.KEPT}
    assert here.writes() == []
    assert here.connected().settings["due_field"] == "cf_sla_due"


def test_a_name_that_is_no_account_is_told_as_such(here):
    nobody = f"http://127.0.0.1:{here.helpdesks.port}/nowhere/acme"
    with pytest.raises(ConnectError, match="does not answer as a Freshdesk account"):
        plan_account(here.services, here.request("freshdesk", address=nobody))


def test_a_plan_of_freshdesk_without_api_stops_before_anything_is_made(here):
    here.account("freshdesk")
    plan = plan_account(here.services, here.request("freshdesk"))
    free = Finding(level=Level.BROKEN, subject="plan", text="The plan Free", remedy="Growth")
    plan = replace(plan, inspection=replace(plan.inspection, findings=(free,)))
    with pytest.raises(ConnectError, match="The plan Free"):
        list(carry_out(here.services, plan))
    assert here.connected() is None


def test_a_wrong_secret_is_noticed_though_an_older_token_still_holds(here):
    connect_account(here.services, here.request("zendesk"))
    wrong = {**CREDENTIALS["zendesk"], "client_secret": "mistyped"}
    with pytest.raises(CredentialsRejected):
        plan_account(here.services, here.request("zendesk", credentials=wrong))
