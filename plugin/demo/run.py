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
from zoneinfo import ZoneInfo

import click
import requests
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from plugin.bootstrap import build_services
from plugin.connect import AccountRequest, connect_account
from plugin.console.passwords import hashed
from plugin.demo.mails import Mail, read_mails
from plugin.pipeline import Services
from plugin.settings import Settings
from plugin.store import TicketRow
from plugin.store.people import Purpose, Role
from plugin.supervisor import Service, Stopped, spawn
from sla_rules.decision import instant

READY_WITHIN = 60.0  # seconds
HANDLED_WITHIN = 120.0  # seconds
_CONTACT = ("Anna Berger", "anna.berger@support.example")


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
    service = Service(settings, signals=stopping)
    try:
        with console.status("Starting database, web, worker and two sandbox helpdesks"):
            service.start()
        with _sandbox(service) as sandbox:
            _wait_for(f"{address}/readyz", service)
            services = build_services(service.settings(), pool_size=2)
            account = datetime.now(UTC).strftime("demo-%H%M%S")
            _connect(services, sandbox, account, address)
            mails = _mails(services)
            sent = _send(console, service, services, sandbox, account, mails)
            _show(console, services, sent)
            welcome = f"{address}/welcome/{_demo_link(services)}"
            console.print("\nThe console, signed in (the link works once):")
            console.print(welcome, soft_wrap=True, style=f"link {welcome}")
            if stay:
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


def _connect(services: Services, sandbox: str, account: str, public_url: str) -> None:
    """Connect both accounts with the code that connects real ones."""
    credentials = {
        "zendesk": {"client_id": "sandbox-client", "client_secret": "sandbox-secret"},
        "freshdesk": {"api_key": "sandbox-key"},
    }
    for vendor, given in credentials.items():
        _act(sandbox, vendor, account, "strip")
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


def _mails(services: Services) -> list[Mail]:
    """The e-mails of the week after this one: their due dates lie ahead, as Freshdesk wants it."""
    zone = services.policies().current(services.clock()).zone
    today = services.clock().astimezone(zone).date()
    return read_mails(today + timedelta(days=7 - today.weekday()), zone)


def _send(
    console: Console,
    service: Service,
    services: Services,
    sandbox: str,
    account: str,
    mails: list[Mail],
) -> dict[tuple[str, str], Mail]:
    """Let the e-mails arrive and wait until each ticket was decided and written back."""
    known: set[tuple[str, str]] = set()
    sent: dict[tuple[str, str], Mail] = {}
    began = services.clock()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console) as progress:
        arriving = progress.add_task("Partner e-mails sent", total=len(mails))
        decided = progress.add_task("Tickets handled     ", total=len(mails))
        for vendor in ("zendesk", "freshdesk"):
            _act(sandbox, vendor, account, "agents", name=_CONTACT[0], email=_CONTACT[1])
        for mail in mails:
            service.restart_ended()
            _organization(sandbox, account, mail, known)
            ticket = _act(
                sandbox,
                mail.vendor,
                account,
                "emails",
                **{"from": mail.sender},
                name=mail.name,
                organization=mail.organization,
                subject=mail.subject,
                body=mail.body,
                at=instant(mail.at),
                channel=mail.channel,
                language=mail.language,
            )
            sent[f"{account}-{mail.vendor}", str(ticket["id"])] = mail
            progress.advance(arriving)
        deadline = time.monotonic() + HANDLED_WITHIN
        while time.monotonic() < deadline:
            done = _handled(services, sent, began)
            progress.update(decided, completed=len(done))
            if len(done) == len(sent):
                break
            service.restart_ended()
            time.sleep(0.2)
    return sent


def _handled(
    services: Services, sent: dict[tuple[str, str], Mail], began: datetime
) -> list[TicketRow]:
    rows = services.store.tickets.recent(len(sent) * 2)
    return [r for r in rows if (r.connection, r.ticket_id) in sent and r.updated_at >= began]


def _organization(sandbox: str, account: str, mail: Mail, known: set[tuple[str, str]]) -> None:
    if mail.organization is None or (mail.vendor, mail.organization) in known:
        return
    verb = "organizations" if mail.vendor == "zendesk" else "companies"
    _act(
        sandbox,
        mail.vendor,
        account,
        verb,
        name=mail.organization,
        tier=mail.tier,
        named_contact=mail.named_contact,
    )
    known.add((mail.vendor, mail.organization))


def _show(console: Console, services: Services, sent: dict[tuple[str, str], Mail]) -> None:
    rows = {
        (row.connection, row.ticket_id): row for row in services.store.tickets.recent(len(sent) * 2)
    }
    policy = services.policies().current(services.clock())
    zone = policy.zone
    console.print(f"\nWhat the contract gave them ({zone.key} time)\n", style="bold")
    console.print(_LINE.format("Vendor", "#", "Tier", "Received", "Due", "Priority"), style="bold")
    for key, mail in sent.items():
        row = rows.get(key)
        if row is None:
            console.print(f"{mail.vendor} {key[1]}: not handled in time", style="red")
            continue
        tier = policy.tiers[row.tier].label
        due = _local(row.due_at, zone) if row.due_at else "no clock"
        cells = (mail.vendor, row.ticket_id, tier, _local(mail.at, zone), due)
        console.print(_LINE.format(*cells, row.decision["priority"] or "-"), highlight=False)
        lines = Text(f"{mail.subject}\n", style="italic")
        if labels := _labels(row):
            lines.append(", ".join(labels) + "\n", style="not italic cyan")
        lines.append(_why(row), style="not italic dim")
        console.print(Padding(lines, (0, 0, 1, 2)))


_LINE = "{:<10} {:>3}  {:<11} {:<16}  {:<16}  {}"


def _labels(row: TicketRow) -> list[str]:
    """Our tags on the ticket, but for those that say tier and priority again."""
    tags: list[str] = row.decision["add_tags"]
    return [t for t in tags if not t.startswith("sla_priority_") and t != f"sla_{row.tier}"]


def _why(row: TicketRow) -> str:
    """The sentence that says most: what excluded the ticket, else what it was judged to be."""
    reasons = {reason["rule"]: reason["text"] for reason in reversed(row.decision["reasons"])}
    return str(reasons.get("exclude_ticket") or reasons.get("judge_message") or "")


def _local(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%a %d %b %H:%M")


def _act(sandbox: str, vendor: str, account: str, verb: str, **given: object) -> dict[str, object]:
    answer = requests.post(f"{sandbox}/sandbox/{vendor}/{account}/{verb}", json=given, timeout=10)
    answer.raise_for_status()
    return dict(answer.json())


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
