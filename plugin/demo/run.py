"""Runs the demo: sandbox, service, both connections, a week of e-mails, a table, the console.

Everything is the real thing but the helpdesks: provisioning, webhooks, database, worker.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import click
import requests
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from sqlalchemy import text

from plugin.bootstrap import build_services
from plugin.connect import AccountRequest, connect_account
from plugin.console.passwords import hashed
from plugin.demo.helpdesks import Helpdesks, act
from plugin.demo.mails import Mail, read_mails, read_past
from plugin.demo.week import show_week
from plugin.embedded import EmbeddedPostgres
from plugin.pipeline import Services
from plugin.settings import Settings
from plugin.store.people import Purpose, Role
from plugin.store.tables import metadata
from plugin.supervisor import Service, Stopped, spawn

READY_WITHIN = 60.0  # seconds
HANDLED_WITHIN = 120.0  # seconds


def run_demo(settings: Settings, stopping: list[int], *, stay: bool) -> None:
    """Show the demo; with `stay` the console remains until a signal fills `stopping`."""
    console = Console()
    os.environ["SLA_SANDBOX"] = "1"  # both helpdesks are on this machine
    settings = settings.model_copy(
        update={
            "port": _free_port(settings.port),
            "log_level": "ERROR",
            "web_workers": 1,
            "var": settings.var / "demo",  # its accounts are gone afterwards
        }
    )
    address = f"http://{settings.host}:{settings.port}"
    shared = bool(settings.database_url) or _other_demo_runs(settings)
    service = Service(settings, signals=stopping)
    try:
        with console.status("Starting database, web, worker and two sandbox helpdesks"):
            service.start()
        with _sandbox(service) as sandbox:
            _wait_for(f"{address}/readyz", service)
            services = build_services(service.settings(), pool_size=2)
            if not shared:
                _forget_earlier_runs(services)
            account = datetime.now(UTC).strftime("demo-%H%M%S")
            _connect(services, sandbox, account, address)
            helpdesks = Helpdesks(service, services, sandbox, account)
            past, mails = _mails(services)
            sent = _send(console, helpdesks, past, mails)
            show_week(console, services, sent)
            if stay:
                welcome = f"{address}/welcome/{_demo_link(services)}"
                console.print("\nThe console, signed in (the link works once):")
                console.print(welcome, soft_wrap=True, style=f"link {welcome}")
                console.print("It stays open; Ctrl-C stops everything.")
                service.watch()
    except Stopped:
        pass
    except RuntimeError as error:
        raise click.ClickException(str(error)) from error
    finally:
        service.stop()


@contextmanager
def _sandbox(service: Service) -> Iterator[str]:
    port = _free_port(8090)
    process = spawn(["sandbox", "--port", str(port)], service.environment, quiet=True)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(f"{address}/sandbox/", service)
        yield address
    finally:
        process.kill()  # it holds nothing that must be kept
        process.wait()


def _other_demo_runs(settings: Settings) -> bool:
    return settings.var.is_dir() and EmbeddedPostgres(settings.var).running() is not None


def _forget_earlier_runs(services: Services) -> None:
    """Empty the demo's own database: the helpdesks of earlier runs are gone."""
    names = ", ".join(table.name for table in metadata.sorted_tables)
    with services.store.database.transaction() as database:
        database.execute(text(f"truncate {names} restart identity"))


def _connect(services: Services, sandbox: str, account: str, public_url: str) -> None:
    """Connect both accounts with the code that connects real ones."""
    credentials = {
        "zendesk": {"client_id": "sandbox-client", "client_secret": "sandbox-secret"},
        "freshdesk": {"api_key": "sandbox-key"},
    }
    for vendor, given in credentials.items():
        act(sandbox, vendor, account, "strip")
        connect_account(
            services,
            AccountRequest(
                vendor=vendor,
                key=f"{account}-{vendor}",
                address=f"{sandbox}/{vendor}/{account}",
                public_url=public_url,
                credentials=given,
                settings={} if vendor == "zendesk" else {"engine": "legacy"},
            ),
        )


def _demo_link(services: Services) -> str:
    """Return the token of a link that signs in an admin of the demo's own."""
    people, now = services.store.people, services.clock()
    email = now.strftime("demo-%H%M%S@example.com")
    person = people.add(email, hashed(secrets.token_urlsafe(32)), Role.ADMIN, now)
    return people.make_link(Purpose.SIGN_IN, now, valid=timedelta(days=1), person_id=person)


def _mails(services: Services) -> tuple[list[Mail], list[Mail]]:
    """Answered e-mails of this week and those before, and the e-mails of the next.

    The latter's due dates lie ahead, as Freshdesk wants it.
    """
    zone = services.policies().current(services.clock()).zone
    today = services.clock().astimezone(zone).date()
    monday = today + timedelta(days=7 - today.weekday())
    return read_past(services.clock(), zone), read_mails(monday, zone)


def _send(
    console: Console, helpdesks: Helpdesks, past: list[Mail], mails: list[Mail]
) -> dict[tuple[str, str], Mail]:
    """Let the e-mails arrive, wait until each ticket was decided and written back.

    Returns those of the week, by connection and ticket.
    """
    services, began = helpdesks.services, helpdesks.services.clock()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console) as progress:
        before = progress.add_task("E-mails of past weeks", total=len(past))
        arriving = progress.add_task("Partner e-mails sent ", total=len(mails))
        decided = progress.add_task("Tickets handled      ", total=len(past) + len(mails))
        earlier = set()
        with helpdesks.resting():
            for mail in past:
                earlier.add(helpdesks.receive(mail))
                progress.advance(before)
        sent = {}
        for mail in mails:
            sent[helpdesks.receive(mail)] = mail
            progress.advance(arriving)
        deadline = time.monotonic() + HANDLED_WITHIN
        while time.monotonic() < deadline:
            done = _handled(services, earlier | sent.keys(), began)
            progress.update(decided, completed=done)
            if done == len(past) + len(mails):
                break
            helpdesks.service.restart_ended()
            time.sleep(0.2)
    return sent


def _handled(services: Services, sent: set[tuple[str, str]], began: datetime) -> int:
    rows = services.store.tickets.recent(len(sent) * 2)
    return sum((r.connection, r.ticket_id) in sent and r.updated_at >= began for r in rows)


def _wait_for(url: str, service: Service) -> None:
    _until(lambda: _answers(url), service, f"{url} did not answer")


def _until(holds: Callable[[], bool], service: Service, otherwise: str) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError(otherwise)
        service.restart_ended()
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


def _free_port(wanted: int) -> int:
    """The wanted port, or any other where it is taken."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise RuntimeError("no port is free")
