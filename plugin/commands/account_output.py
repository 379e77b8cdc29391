"""How accounts, plans and findings look on a terminal. Decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from connectors.base import Vendor
    from connectors.setup import Finding
    from plugin.connect import Plan, StepDone

_COLOURS = {
    "ok": "green",
    "there": "dim",
    "kept": "dim",
    "make": "green",
    "made": "green",
    "renew": "green",
    "renewed": "green",
    "removed": "green",
    "gone": "dim",
    "note": "cyan",
    "unknown": "magenta",
    "warning": "yellow",
    "refused": "yellow",
    "in the way": "bold red",
    "broken": "bold red",
}


def terminal() -> Console:
    """Return the terminal that the others print on."""
    from rich.console import Console

    return Console()


def show_plan(console: Console, vendor: Vendor, plan: Plan) -> None:
    """Print which account this is, whom we act as, and what was found in it."""
    who = plan.identity
    role = f" ({who.role})" if who.role else ""
    known = ", connected before" if plan.known else ""
    console.print(
        f"{vendor.title} {plan.connection.base_url}, here called {plan.connection.key}{known}; "
        f"acting as {who.name}{role}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    for finding in plan.inspection.findings:
        show_finding(console, finding)


def has_warnings(plan: Plan) -> bool:
    """Say whether an admin should read the findings before going on."""
    from connectors.setup import Level

    return any(finding.level is Level.WARNING for finding in plan.inspection.findings)


def show_steps(console: Console, plan: Plan) -> None:
    """Print what would be done."""
    console.print("Nothing was written. This would be done:")
    todo = 0
    for step in plan.steps:
        if step.conflict:
            word, more = "in the way", f": {step.conflict}"
        elif step.found is None:
            word, more = "make", ""
        elif step.stale:
            word, more = "renew", f" (it {step.stale})"
        else:
            word, more = "there", ""
        todo += word != "there"
        _line(console, word, step.title + more)
    if not todo:
        console.print("Everything is there already.")


def show_done(console: Console, done: StepDone) -> None:
    """Print what became of a step."""
    _line(console, done.did.value, done.title + (f" ({done.note})" if done.note else ""))


def show_finding(console: Console, finding: Finding) -> None:
    """Print a finding on one line, with what to do about it."""
    remedy = f" {finding.remedy}." if finding.remedy else ""
    _line(console, finding.level.value, f"{finding.subject}: {finding.text}.{remedy}")


def _line(console: Console, word: str, text: str) -> None:
    from rich.text import Text

    line = Text.assemble("  ", (f"{word:<10}", _COLOURS[word]), " ", text)
    console.print(line, soft_wrap=True)
