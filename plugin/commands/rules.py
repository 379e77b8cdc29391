"""The commands that need no helpdesk: evaluate, classify, explain and policy.

They read files and standard input; the rules themselves are in `sla_rules`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import click

from sla_rules.engine import decide
from sla_rules.errors import PolicyError
from sla_rules.explain import explain as explain_decision
from sla_rules.memory import Memory
from sla_rules.policy import Policy
from sla_rules.policy_file import DEFAULT_POLICY, load_policy
from sla_rules.policy_history import PolicyHistory
from sla_rules.ticket_json import TicketError, ticket_from_json

policy_option = click.option(
    "--policy", "policy_file", type=click.Path(path_type=Path), help="Policy file (TOML)."
)
policies_option = click.option(
    "--policy",
    "policy_files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Policy file (TOML); several are versions, each from its effective_from.",
)
now_option = click.option(
    "--now",
    "now_text",
    metavar="INSTANT",
    help="Judge as of this instant, ISO 8601 (default: the current time).",
)


@click.command()
@policies_option
@now_option
def evaluate(policy_files: tuple[Path, ...], now_text: str | None) -> None:
    """Decide tickets in JSON Lines from standard input, one decision a line.

    A bad line gives {"id", "error"}; the rest goes on and the exit status is 1.

    \b
    Example:
      echo '{"id": 1, "channel": "email", "created_at": "2026-11-20T15:55:00Z",
             "organization": {"tier": "Enterprise"}}' | regiondo-sla evaluate
    """
    policies, now = _policies(policy_files), _now(now_text)

    def judge(raw: Any) -> dict[str, Any]:
        ticket = ticket_from_json(raw)
        return decide(ticket, policies.for_ticket(ticket, Memory(), now), now).to_json()

    _each_line(judge)


@click.command()
@policy_option
def classify(policy_file: Path | None) -> None:
    """Judge messages in JSON Lines from standard input: kind, environment, impact, and why.

    \b
    Example:
      echo '{"id": 1, "subject": "Panne", "body": "Le paiement ne fonctionne plus."}' \\
        | regiondo-sla classify
    """
    classifier = _policy(policy_file).classifier

    def judge(raw: Any) -> dict[str, Any]:
        if not isinstance(raw, dict):
            raise TicketError("expected a JSON object")
        texts = [raw.get("subject") or "", raw.get("body") or ""]
        if not all(isinstance(text, str) for text in texts):
            raise TicketError("subject, body: expected texts")
        seen = asdict(classifier.classify(texts[0], texts[1], raw.get("lang") or None))
        keys = ("kind", "candidate", "environment", "impact", "because")
        return {"id": raw.get("id")} | {key: seen[key] for key in keys}

    _each_line(judge)


@click.command()
@click.argument("ticket_file", type=click.File("r"), default="-")
@policies_option
@now_option
def explain(ticket_file: TextIO, policy_files: tuple[Path, ...], now_text: str | None) -> None:
    """Explain the decision on one ticket: rules, clauses, and the business time counted by day.

    TICKET_FILE holds one ticket as `evaluate` takes it; - is standard input.

    \b
    Example:
      regiondo-sla explain ticket.json --now 2026-11-23T09:00:00Z
    """
    policies, now = _policies(policy_files), _now(now_text)
    try:
        ticket = ticket_from_json(json.load(ticket_file))
        policy = policies.for_ticket(ticket, Memory(), now)
        decision = decide(ticket, policy, now)
    except (TicketError, PolicyError, json.JSONDecodeError) as error:
        raise click.ClickException(f"{ticket_file.name}: {error}") from error
    click.echo("\n".join(explain_decision(decision, policy)))


@click.group()
def policy() -> None:
    """Check and show policy files."""


@policy.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Check a policy file; faults are named with file, line and key.

    \b
    Example:
      regiondo-sla policy check my-policy.toml
    """
    found = _policy(file)
    click.echo(f"{file}: good. {found.name} {found.version}, {len(found.tiers)} tiers.")


@policy.command()
@click.argument("file", type=click.Path(path_type=Path), default=DEFAULT_POLICY)
def show(file: Path) -> None:
    """Show a policy: tiers, hours, zone, priorities, with the clauses of the contract.

    \b
    Example:
      regiondo-sla policy show
    """
    from rich.console import Console
    from rich.table import Table

    found = _policy(file)
    console = Console()
    console.print(f"[bold]{found.title or found.name}[/bold]  version {found.version}")
    for key, hours in found.schedules.items():
        closed = ", ".join(hours.holiday_calendars) or (
            f"{len(hours.holidays)} days" if hours.holidays else "none"
        )
        console.print(
            f"Hours {key}: {hours.hours}, zone {hours.time_zone}, holidays {closed} "
            f"(§{hours.clause})"
        )
    console.print(f"Counted channels: {', '.join(sorted(found.clock.counted_channels))}")
    table = Table("Tier", "First response", "Commitment", "Blocking", "Degraded", "Minor", "None")
    for key, tier in found.tiers.items():
        hours_ = f"{tier.first_response.total_seconds() / 3600:g} h"
        row = (str(priority) for priority in found.priority.matrix[key].values())
        default = " (default)" if key == found.default_tier else ""
        table.add_row(tier.label + default, hours_, tier.commitment, *row)
    console.print(table)


def _policy(path: Path | None) -> Policy:
    try:
        return load_policy(path)
    except PolicyError as error:
        raise click.ClickException(str(error)) from error


def _policies(paths: tuple[Path, ...]) -> PolicyHistory:
    try:
        return PolicyHistory(load_policy(path) for path in paths or (None,))
    except PolicyError as error:
        raise click.ClickException(str(error)) from error


def _now(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        now = datetime.fromisoformat(text)
    except ValueError:
        now = None
    if now is None or now.tzinfo is None:
        raise click.BadParameter(
            f"{text!r} is not an instant with an offset, such as 2026-11-23T09:00:00Z",
            param_hint="--now",
        )
    return now


def _each_line(judge: Callable[[Any], dict[str, Any]]) -> None:
    failed = False
    for line in _progress(sys.stdin):
        if not line.strip():
            continue
        identifier = None
        try:
            raw = json.loads(line)
            identifier = raw.get("id") if isinstance(raw, dict) else None
            out = judge(raw)
        except (TicketError, PolicyError, ValueError, OverflowError, RecursionError) as error:
            failed = True
            out = {"id": identifier, "error": str(error)}
        sys.stdout.write(json.dumps(out, ensure_ascii=False) + "\n")
    sys.stdout.flush()
    if failed:
        sys.exit(1)


def _progress(lines: Iterable[str]) -> Iterable[str]:
    """Count on a terminal's standard error, where the output goes elsewhere."""
    if sys.stdout.isatty() or not sys.stderr.isatty():
        return lines
    from rich.console import Console
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    def counted() -> Iterable[str]:
        columns = (TextColumn("{task.completed:,} tickets"), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True)) as progress:
            task = progress.add_task("tickets", total=None)
            for line in lines:
                yield line
                progress.advance(task)

    return counted()


COMMANDS: tuple[click.Command, ...] = (evaluate, classify, explain, policy)
