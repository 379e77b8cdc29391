"""Connecting and disconnecting accounts: over real HTTP to the sandbox, with a real database and
a web process that receives the test delivery."""

import threading
import uuid
from dataclasses import replace

import pytest
from sqlalchemy import text
from werkzeug.serving import make_server

from connectors.errors import CredentialsRejected, VendorUnavailable
from connectors.freshdesk.connector import VENDOR as FRESHDESK
from connectors.freshdesk.provision import FreshdeskSetup
from connectors.setup import provisioned
from connectors.zendesk.connector import VENDOR as ZENDESK
from plugin.app import create_app
from plugin.bootstrap import build_services
from plugin.connect import (
    AccountRequest,
    ConnectError,
    Did,
    account_address,
    carry_out,
    connect_account,
    disconnect,
    plan_account,
    rotate,
    try_delivery,
)
from plugin.sandbox.faults import Fault
from plugin.sandbox.server import create_sandbox
from plugin.settings import Settings
from plugin.store.database import make_engine
from plugin.store.migrate import migrate

CREDENTIALS = {
    "zendesk": {"client_id": "sandbox-client", "client_secret": "sandbox-secret"},
    "freshdesk": {"api_key": "sandbox-key"},
}
TITLES = {"SLA due", "SLA note", "SLA kind", "SLA environment"}


@pytest.fixture(scope="module")
def own_database(database_url):
    """A database of this module's own, so that it sees no other test's accounts."""
    name = f"connect_{uuid.uuid4().hex[:12]}"
    with make_engine(database_url).connect() as server:
        server.execution_options(isolation_level="AUTOCOMMIT").execute(
            text(f"create database {name}")
        )
    url = make_engine(database_url).url.set(database=name, drivername="postgresql")
    migrate(url.render_as_string(hide_password=False))
    return url.render_as_string(hide_password=False)


def serve(app):
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class Installation:
    """A sandbox, a web process and the services, all in this process."""

    def __init__(self, url):
        self.settings = Settings(database_url=url, secret_key="a secret of the tests")
        self.services = build_services(self.settings)
        with self.services.store.database.transaction() as database:
            database.execute(text("truncate connections, inbox, dedupe_keys"))
        self.sandbox = create_sandbox()
        self.helpdesks = serve(self.sandbox.app)
        self.web = serve(create_app(self.settings, self.services))
        self.public_url = f"http://127.0.0.1:{self.web.port}"

    def close(self):
        for server in (self.web, self.helpdesks):
            server.shutdown()
            server.server_close()
        self.sandbox.close()
        self.services.store.close()

    def account(self, vendor, name="acme"):
        """The sandbox's account as one finds it: without anything of ours."""
        account = getattr(self.sandbox, vendor).account(name)
        account.strip()
        return account

    def request(self, vendor, name="acme", **given):
        values = {
            "vendor": vendor,
            "address": f"http://127.0.0.1:{self.helpdesks.port}/{vendor}/{name}",
            "public_url": self.public_url,
            "credentials": CREDENTIALS[vendor],
        }
        return AccountRequest(**{**values, **given})

    def writes(self):
        """The requests that changed something in a helpdesk, since the last call."""
        calls = [
            call
            for call in self.sandbox.calls
            if call["method"] != "GET"
            and not call["path"].endswith("/oauth/tokens")
            and call["status"] < 400
        ]
        self.sandbox.journal.clear()
        return [f"{call['method']} {call['path'].split('/api/v2')[1]}" for call in calls]

    def connected(self, key="acme"):
        return self.services.store.connections.get(key)


@pytest.fixture
def here(own_database):
    installation = Installation(own_database)
    yield installation
    installation.close()


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
    with pytest.raises(ConnectError, match="needs client_id and client_secret or"):
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
    from datetime import timedelta

    here.account("freshdesk")
    connect_account(here.services, here.request("freshdesk", token_lasts=timedelta(days=20)))
    assert here.connected().settings["token_expires_at"]


def test_the_vendors_tag_words_are_those_that_the_connector_reads():
    from connectors.zendesk import provision, tickets

    fields = tickets.Fields(kind=1, environment=2)
    for name, number in (("kind", 1), ("environment", 2)):
        for _, tag in provision.OPTIONS[name]:
            raw = {"id": 5, "custom_fields": [{"id": number, "value": tag}]}
            ticket = tickets.to_ticket(raw, options=tickets.Options(fields=fields))
            assert getattr(ticket, name) is not None


def test_both_vendors_take_the_preferred_credentials_first():
    assert ZENDESK.credential_sets[0] == ("client_id", "client_secret")
    assert FRESHDESK.credential_sets == (("api_key",),)
    assert FRESHDESK.setup.__module__ == FreshdeskSetup.__module__
