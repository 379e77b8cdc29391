"""The commands that need no helpdesk: evaluate, classify and explain.

They read files and standard input; the rules themselves are in `sla_rules`.
"""

from __future__ import annotations

import codecs
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import click

from plugin.commands.json_lines import answer_each_line, read_json
from plugin.commands.policy import read_policies
from sla_rules.engine import NO_MEMORY, decide
from sla_rules.explain import explain as explain_decision
from sla_rules.sentences import LANGUAGES, language_of
from sla_rules.ticket_json import instant_from_text, message_from_json, ticket_from_json

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
    """Decide tickets from standard input, one JSON object a line.

    Prints one decision a line. A bad line gives {"id", "error"}; the rest goes on and the exit
    status is 1.

    \b
    Example:
      echo '{"id": 1, "channel": "email", "created_at": "2026-11-20T15:55:00Z"}' \\
        | regiondo-sla evaluate
    """
    policies, now = read_policies(policy_files), _now(now_text)

    def judge(raw: Any) -> dict[str, Any]:
        ticket = ticket_from_json(raw)
        decision = decide(ticket, policies.for_ticket(ticket, NO_MEMORY, now), now)
        return decision.to_json() | {"id": raw.get("id")}

    answer_each_line(judge)


@click.command()
@policy_option
def classify(policy_file: Path | None) -> None:
    """Judge messages from standard input, one JSON object a line.

    Says kind, environment, impact, and why.

    \b
    Example:
      echo '{"id": 1, "subject": "Panne", "body": "Le paiement ne fonctionne plus."}' \\
        | regiondo-sla classify
    """
    classifier = read_policies((policy_file,) if policy_file else ()).versions[0].classifier

    def judge(raw: Any) -> dict[str, Any]:
        seen = classifier.classify(*message_from_json(raw))
        keys = ("kind", "candidate", "environment", "impact", "because")
        return {"id": raw.get("id")} | {key: getattr(seen, key) for key in keys}

    answer_each_line(judge)


@click.command()
@click.argument("ticket_file", type=click.File("rb"), default="-")
@policies_option
@now_option
@click.option(
    "--lang",
    type=click.Choice(LANGUAGES),
    default=lambda: language_of(os.environ.get("LC_ALL") or os.environ.get("LANG")),
    help="Language of the explanation (default: the environment's, else English).",
)
def explain(
    ticket_file: BinaryIO, policy_files: tuple[Path, ...], lang: str, now_text: str | None
) -> None:
    """Explain the decision on one ticket.

    Prints rules, clauses, and the business time counted by day. TICKET_FILE holds one ticket as
    `evaluate` takes it; - is standard input.

    \b
    Example:
      regiondo-sla explain ticket.json --now 2026-11-23T09:00:00Z
    """
    policies, now = read_policies(policy_files), _now(now_text)
    text = ticket_file.read().removeprefix(codecs.BOM_UTF8)
    if not text.strip():
        raise click.ClickException(f"{ticket_file.name}: there is no ticket in it")
    try:
        ticket = ticket_from_json(read_json(text))
        policy = policies.for_ticket(ticket, NO_MEMORY, now)
        decision = decide(ticket, policy, now)
    except (ValueError, OverflowError) as error:
        raise click.ClickException(f"{ticket_file.name}: {error}") from error
    click.echo("\n".join(explain_decision(decision, policy, ticket, lang)))


def _now(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        return instant_from_text(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--now") from error


COMMANDS: tuple[click.Command, ...] = (evaluate, classify, explain)
