"""The commands on policy files: check, show, diff and schema."""

from __future__ import annotations

import json
from pathlib import Path

import click

from plugin.calendars import Calendars
from plugin.settings import Settings
from sla_rules.errors import PolicyError
from sla_rules.policy import Policy
from sla_rules.policy_file import DEFAULT_POLICY, load_policy
from sla_rules.policy_history import PolicyHistory
from sla_rules.policy_schema import schema_text
from sla_rules.rules.choose_schedule import conditions_text
from sla_rules.rules.judge_response import duration_text
from sla_rules.ticket import Impact


@click.group()
def policy() -> None:
    """Check, show and compare policy files.

    \b
    Example:
      regiondo-sla policy show
    """


@policy.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Check a policy file; faults are named with file, line and key.

    \b
    Example:
      regiondo-sla policy check my-policy.toml
    """
    found = read_policy_file(file)
    click.echo(f"{file}: good. {found.name} {found.version}, {len(found.tiers)} tiers.")


@policy.command()
@click.argument("file", type=click.Path(path_type=Path), default=DEFAULT_POLICY)
def show(file: Path) -> None:
    """Show a policy: tiers, hours, priorities, clauses.

    \b
    Example:
      regiondo-sla policy show
    """
    from rich.console import Console
    from rich.table import Table

    found = read_policy_file(file)
    console = Console(soft_wrap=True)
    console.print(f"[bold]{found.title or found.name}[/bold]  version {found.version}")
    since = f"{found.effective_from:%Y-%m-%d %H:%M %Z}" if found.effective_from else "the beginning"
    moves = "moves open tickets too" if found.applies_to_open else "leaves older tickets alone"
    console.print(f"In force from {since}; {moves}")
    choice = dict.fromkeys(found.our_choice, f" ({_OUR_CHOICE})")
    for key, hours in found.schedules.items():
        calendars = ", ".join(hours.holiday_calendars)
        single = f"{len(hours.holidays)} single days" if hours.holidays else ""
        closed = ", ".join(filter(None, (calendars, single))) or "none"
        console.print(f"Hours {key}: {hours.hours}, holidays {closed} (§{hours.clause})")
        console.print(f"  zone {hours.time_zone}{choice.get('time_zone', '')}")
        if hours.source:
            console.print(f"  source: {hours.source}")
    for number, rule in enumerate(found.schedule_rules, start=1):
        conditions = conditions_text(rule.conditions) or "every other ticket"
        console.print(f"Schedule rule {number}: {conditions} -> {rule.schedule}")
    channels = ", ".join(sorted(found.clock.counted_channels))
    console.print(f"The clock starts with the first message by {channels} (§{found.clock.clause})")
    default = found.tiers[found.default_tier].label
    console.print(f"No package in the helpdesk: {default}{choice.get('default_tier', '')}")
    table = Table("Tier", "First response", "Commitment", "Contact", "§")
    priorities = Table("Priority", *(impact.value for impact in Impact))
    for key, tier in found.tiers.items():
        contact = "named" if tier.named_contact else "-"
        business = duration_text(tier.first_response)
        table.add_row(tier.label, business, tier.commitment, contact, tier.clause)
        priorities.add_row(tier.label, *(found.priority.matrix[key][impact] for impact in Impact))
    console.print(table)
    console.print(priorities)
    if "priority" in choice:
        console.print(f"The priorities are {_OUR_CHOICE}.")
    group = found.it.group or "none (only the tag)"
    console.print(f"Group for production errors: {group} (§{found.it.clause})")
    if not found.it.targets:
        console.print("IT targets: none in this policy (it.targets is their place)")


_OUR_CHOICE = "our choice, not in the contract"


@policy.command()
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
def diff(before: Path, after: Path) -> None:
    """Show what changes from one policy file to another, key by key.

    \b
    Example:
      regiondo-sla policy diff old.toml new.toml
    """
    old, new = (_flat(read_policy_file(path)) for path in (before, after))
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            click.echo(f"{key}: {old.get(key, '(none)')} -> {new.get(key, '(none)')}")


@policy.command()
def schema() -> None:
    """Print the JSON Schema of policy files, for editors.

    \b
    Example:
      regiondo-sla policy schema > policy.schema.json
    """
    click.echo(schema_text(), nl=False)


def read_policies(paths: tuple[Path, ...]) -> PolicyHistory:
    """Return the versions in these files, by default ours. Raises `click.ClickException`."""
    if not paths:
        return PolicyHistory([load_policy()])
    try:
        return PolicyHistory(read_policy_file(path) for path in paths)
    except PolicyError as error:
        raise click.ClickException(str(error)) from error


def read_policy_file(path: Path) -> Policy:
    """Return the policy, the calendars it subscribes to fetched. Raises `click.ClickException`."""
    try:
        return load_policy(path, Calendars(Settings().var).of_file(path))
    except PolicyError as error:
        raise click.ClickException(str(error)) from error


def _flat(found: Policy) -> dict[str, str]:
    flat: dict[str, str] = {}

    def walk(key: str, value: object) -> None:
        if isinstance(value, dict) and value:
            for name, below in value.items():
                walk(f"{key}.{name}" if key else str(name), below)
        else:
            flat[key] = json.dumps(value, ensure_ascii=False)

    walk("", found.model_dump(mode="json"))
    return flat


COMMANDS: tuple[click.Command, ...] = (policy,)
