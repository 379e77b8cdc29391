"""We connect to public https addresses only, and to the very address that was checked."""

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from connectors import http
from connectors.addresses import AddressError, check_url, resolve
from connectors.base import Connection
from connectors.errors import VendorUnavailable
from connectors.http import AccountSession, check_address
from connectors.time_limit import time_limit
from plugin import outgoing


@pytest.fixture
def no_sandbox(monkeypatch):
    monkeypatch.delenv("SLA_SANDBOX")


def names(monkeypatch, *answers):
    """Let every name resolve to the next of these addresses, the last for good."""
    left = list(answers)

    def answer(host, port, *rest, **options):
        address = left.pop(0) if len(left) > 1 else left[0]
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/x",
        "ftp://hooks.example.com/x",
        "file:///etc/passwd",
        "https://user:secret@hooks.example.com/",
        "https://",
        "https://[::1",
        "https://hooks.example.com:0/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://localhost/",
        "https://LOCALHOST./",
        "https://10.0.0.8/",
        "https://172.16.5.4/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://[::1]/",
        "https://[::]/",
        "https://[fe80::1]/",
        "https://[fd00:ec2::254]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:169.254.169.254]/",
        "https://[64:ff9b::10.0.0.1]/",
        "https://[2002:7f00:1::]/",
    ],
)
def test_an_address_that_is_not_public_https_is_refused(no_sandbox, url):
    with pytest.raises(AddressError):
        check_url(url)
    with pytest.raises(AddressError):
        outgoing.post(url, b"{}", {})


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "100.100.100.200", "::1", "::ffff:10.0.0.1"],
)
def test_a_name_that_resolves_to_a_private_address_is_refused(no_sandbox, monkeypatch, address):
    names(monkeypatch, address)
    with pytest.raises(AddressError, match="not a public address"):
        resolve("hooks.example.com", 443)
    with pytest.raises(AddressError):
        outgoing.fetch("https://hooks.example.com/calendar.ics")


def test_one_private_address_among_public_ones_refuses_the_name(no_sandbox, monkeypatch):
    def answer(host, port, *rest, **options):
        return [(2, 1, 6, "", (a, port)) for a in ("93.184.215.14", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    with pytest.raises(AddressError):
        resolve("hooks.example.com", 443)


def test_the_connection_goes_to_the_address_that_was_checked(no_sandbox, monkeypatch):
    names(monkeypatch, "93.184.215.14", "127.0.0.1")  # the second answer would be the attack
    went_to = []

    def refuse(address, *rest, **options):
        went_to.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr("urllib3.util.connection.create_connection", refuse)
    with pytest.raises(outgoing.OutgoingError):
        outgoing.post("https://hooks.example.com/x", b"{}", {})
    assert went_to == [("93.184.215.14", 443)]


def test_a_vendor_s_address_is_under_the_vendor_s_domain(no_sandbox):
    check_address("https://acme.zendesk.com", "zendesk.com")
    for wrong in (
        "https://zendesk.com",
        "https://acme.zendesk.com.evil.example",
        "https://evilzendesk.com",
        "https://acme.zendesk.com@evil.example",
        "http://acme.zendesk.com",
        "http://127.0.0.1:8090/zendesk/acme",
    ):
        with pytest.raises(AddressError):
            check_address(wrong, "zendesk.com")


def test_a_vendor_s_name_that_points_inside_is_not_called_and_may_work_later(
    no_sandbox, monkeypatch
):
    names(monkeypatch, "10.0.0.5")
    session = AccountSession("Zendesk", "https://acme.zendesk.com", "zendesk.com")
    with pytest.raises(VendorUnavailable, match="AddressError"):
        session.get("https://acme.zendesk.com/api/v2/tickets/1.json")


def test_a_helpdesk_that_does_not_answer_is_named_by_its_host_and_nothing_else(
    no_sandbox, monkeypatch
):
    names(monkeypatch, "10.0.0.5")
    session = AccountSession("Freshdesk", "https://acme.freshdesk.com/", "freshdesk.com")
    with pytest.raises(VendorUnavailable) as failed:
        session.post("https://acme.freshdesk.com/api/v2/tickets/71?email=luc@a.example")
    said = "Freshdesk (acme.freshdesk.com) did not answer POST (AddressError)"
    assert str(failed.value) == said


def test_this_machine_is_for_the_sandbox_alone(monkeypatch):
    check_url("http://127.0.0.1:8090/zendesk/acme")
    monkeypatch.delenv("SLA_SANDBOX")
    with pytest.raises(AddressError, match="SLA_SANDBOX"):
        check_url("http://127.0.0.1:8090/zendesk/acme")


@pytest.fixture
def server():
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            kinds = {"/away": (302, b""), "/large": (200, b"x" * (5 * 1024 * 1024))}
            status, body = kinds.get(self.path, (200, b"hello"))
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "http://169.254.169.254/latest/meta-data/")
            self.send_header("Content-Length", "1000" if self.path == "/drips" else str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            while self.path == "/drips":
                time.sleep(0.02)
                self.wfile.write(b"x")

        def log_message(self, *given):
            pass

    httpd = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def test_redirects_are_not_followed_and_answers_are_bounded(server):
    assert outgoing.fetch(f"{server}/") == b"hello"
    with pytest.raises(outgoing.OutgoingError, match="answered 302"):
        outgoing.fetch(f"{server}/away")
    with pytest.raises(outgoing.OutgoingError, match="larger than 4 MiB"):
        outgoing.fetch(f"{server}/large")


def test_an_answer_that_drips_is_given_up_at_the_time_limit(server):
    session = AccountSession("Zendesk", server, "zendesk.com")
    began_at = time.monotonic()
    with time_limit(0.3), pytest.raises(VendorUnavailable, match="did not end its answer"):
        session.get(f"{server}/drips")
    assert time.monotonic() - began_at < 5
    assert session.get(f"{server}/").text == "hello"


def test_an_answer_without_end_is_given_up(server, monkeypatch):
    monkeypatch.setattr(http, "LARGEST_ANSWER", 1024 * 1024)
    session = AccountSession("Zendesk", server, "zendesk.com")
    with pytest.raises(VendorUnavailable, match="did not end its answer"):
        session.get(f"{server}/large")


def test_a_connection_shows_none_of_its_secrets():
    connection = Connection(
        key="acme", vendor="zendesk", base_url="x", credentials={"client_secret": "hush"}
    )
    assert "hush" not in repr(connection)
