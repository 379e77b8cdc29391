"""Examines the connected accounts: one finding a line, with what to do about it.

What is looked at in the vendor's account is in its `checks.py`; here stands what holds for all.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from connectors.addresses import AddressError
from connectors.base import Connection
from connectors.errors import CredentialsRejected, RateLimited, VendorError
from connectors.setup import Finding, Level, Setup, provisioned
from plugin.connect import open_setup
from plugin.pipeline import Services
from plugin.store.circuits import State
from plugin.store.dead_letters import SetAside

SKEW = timedelta(seconds=30)  # signatures are good for five minutes
LOOKS_BACK = timedelta(days=7)
SILENCE = timedelta(days=3)
SWEEPS_MISSED = 4


def examine(services: Services, connection: Connection) -> Iterator[Finding]:
    """Yield the findings of one account, as they are found.

    What cannot be asked is a finding too; nothing is raised but `StoreUnavailable`.
    """
    yield from _account(services, connection)
    yield from _secrets(connection)
    yield from _rest(services, connection)
    yield from _set_aside(services, connection)
    yield from _events(services, connection)
    yield from _sweep(services, connection)
    yield from _tickets(services, connection)


def is_broken(findings: list[Finding]) -> bool:
    """Say whether one of the findings stops the plugin from doing its work."""
    return any(finding.level is Level.BROKEN for finding in findings)


def _account(services: Services, connection: Connection) -> Iterator[Finding]:
    """Ask the vendor. Without credentials the rest would only fail in the same way."""
    again = f"Run `regiondo-sla connect {connection.vendor} --key {connection.key}` again"
    try:
        setup = open_setup(services, connection)
        yield from _identity(setup)
        yield from _clock(services, setup)
        yield from _things(setup, connection, again)
        yield from setup.diagnose()
    except CredentialsRejected as error:
        yield _broken("credentials", str(error), f"{again} with credentials that are accepted")
    except RateLimited as error:
        yield Finding(
            level=Level.WARNING,
            subject="limits",
            text=str(error),
            remedy="The account's limit is used up: examine it again in a minute",
        )
    except AddressError as error:
        yield _broken("address", str(error), again)
    except VendorError as error:
        yield _broken("address", str(error), f"See that {connection.base_url} answers from here")


def _identity(setup: Setup) -> Iterator[Finding]:
    identity = setup.identify()
    who = f"{identity.name or identity.email} {f'({identity.role})' if identity.role else ''}"
    yield Finding(level=Level.OK, subject="credentials", text=f"Accepted, acting as {who.strip()}")
    if identity.refusal:
        yield Finding(
            level=Level.WARNING,
            subject="role",
            text=f"{identity.name}: {identity.refusal}",
            remedy="Give the plugin's agent the role of an administrator",
        )


def _clock(services: Services, setup: Setup) -> Iterator[Finding]:
    theirs = setup.clock()
    if theirs is None:
        return
    apart = abs(services.clock() - theirs)
    if apart > SKEW:
        yield Finding(
            level=Level.WARNING,
            subject="clock",
            text=f"This machine's clock is {apart.total_seconds():.0f} s from the vendor's",
            remedy="Set it by NTP: beyond five minutes every delivery is refused",
        )
    else:
        yield Finding(level=Level.OK, subject="clock", text="Agrees with the vendor's")


def _things(setup: Setup, connection: Connection, again: str) -> Iterator[Finding]:
    steps = setup.steps()
    wrong = 0
    for step in steps:
        missing = "is missing" if step.found is None else None
        if step.conflict and step.found is not None:
            missing = f"cannot be used: {step.conflict}"
        fault = missing or step.stale
        if fault is None:
            continue
        wrong += 1
        yield Finding(
            level=Level.WARNING if step.optional else Level.BROKEN,
            subject=step.name.replace("_", " ").replace(":", " "),
            text=f"{step.title} {fault}",
            remedy=again,
        )
    if not wrong:
        made = sum(1 for one in provisioned(connection).values() if one.get("made"))
        text = f"All {len(steps)} things are there, {made} of them made by us"
        yield Finding(level=Level.OK, subject="fields and rules", text=text)


def _secrets(connection: Connection) -> Iterator[Finding]:
    """Say whether a change of the webhook secret was never finished."""
    older = len(connection.webhook_secrets) - 1
    if older > 0:
        yield Finding(
            level=Level.NOTE,
            subject="webhook secret",
            text=f"Older secrets that are still accepted: {older}",
            remedy="Once the helpdesk's repeated deliveries have arrived (a day): "
            f"`regiondo-sla rotate {connection.key} --finish`",
        )


def _rest(services: Services, connection: Connection) -> Iterator[Finding]:
    """Say whether the account rests: its events are taken in, its tickets wait."""
    circuit = services.store.circuits.of(connection.key)
    if circuit is None or circuit.state is State.WORKING:
        return
    since = f", began {_ago(circuit.since, services.clock())}" if circuit.since else ""
    resume = f"`regiondo-sla resume {connection.key}`"
    if circuit.state is State.PAUSED:
        yield Finding(
            level=Level.WARNING,
            subject="work",
            text=f"Paused ({circuit.reason}){since}; tickets waiting: {circuit.waiting}",
            remedy=f"{resume} works them off",
        )
        return
    if circuit.reason == SetAside.CREDENTIALS_REFUSED:
        again = f"regiondo-sla connect {connection.vendor} --key {connection.key}"
        remedy = f"Give it credentials that are accepted: `{again}`"
    else:
        remedy = f"It is tried again every few minutes by itself; {resume} tries at once"
    text = f"Rests{since}: {circuit.detail or circuit.reason}; tickets waiting: {circuit.waiting}"
    yield _broken("work", text, remedy)


def _set_aside(services: Services, connection: Connection) -> Iterator[Finding]:
    counts = services.store.dead_letters.counts(connection.key)
    if not counts:
        return
    reasons = ", ".join(f"{number} {reason}" for reason, number in sorted(counts.items()))
    replay = f"regiondo-sla replay --connection {connection.key}"
    yield Finding(
        level=Level.WARNING,
        subject="set aside",
        text=f"Tickets that could not be looked at: {sum(counts.values())} ({reasons})",
        remedy=f"`{replay} --dry-run` lists them with their errors; mend the cause, then "
        f"`{replay}`",
    )


def _events(services: Services, connection: Connection) -> Iterator[Finding]:
    last = services.store.inbox.last_received_at(connection.key)
    now = services.clock()
    if last is None:
        _, tried = services.store.connections.last_knock(connection.key)
        yield Finding(
            level=Level.NOTE if tried else Level.WARNING,
            subject="events",
            text="No ticket event yet"
            + (
                f"; a test delivery arrived {_ago(tried, now)}"
                if tried
                else ", nor a test delivery"
            ),
            remedy=""
            if tried
            else f"`regiondo-sla connect {connection.vendor} --key {connection.key}` ends with one",
        )
        return
    silent = now - last > SILENCE
    yield Finding(
        level=Level.WARNING if silent else Level.OK,
        subject="events",
        text=f"The last one arrived {_ago(last, now)}",
        remedy="Were there tickets since? Then see the webhook's activity in the helpdesk"
        if silent
        else "",
    )


def _sweep(services: Services, connection: Connection) -> Iterator[Finding]:
    """A sweep finds what no webhook told; without one a lost webhook stays lost."""
    now, last = services.clock(), services.store.sweeps.get(connection.key)
    if last is None or last.swept_at is None:
        text, ill = "The account was not swept yet", False
    else:
        text = f"The last one began {_ago(last.swept_at, now)}"
        text += f" and failed: {last.error}" if last.error else f"; tickets changed: {last.changed}"
        late = now - last.swept_at > SWEEPS_MISSED * timedelta(minutes=services.sweep_minutes)
        ill = late or bool(last.error)
    yield Finding(
        level=Level.WARNING if ill else Level.OK,
        subject="sweep",
        text=text,
        remedy="See that a worker runs; `regiondo-sla reconcile` sweeps now" if ill else "",
    )


def _tickets(services: Services, connection: Connection) -> Iterator[Finding]:
    since = services.clock() - LOOKS_BACK
    tag = services.policies().current(services.clock()).tag("due_not_kept")
    facts = services.store.facts.of(connection.key, since, tag)
    if facts.not_kept:
        yield Finding(
            level=Level.WARNING,
            subject="due dates",
            text=f"Tickets that lost the due date we wrote: {facts.not_kept}",
            remedy="A rule or SLA policy of the helpdesk sets them again: see these tickets "
            "(tag sla_due_not_kept)",
        )
    for note in facts.notes:
        if "ignored" in note:
            yield Finding(
                level=Level.WARNING,
                subject="ignored values",
                text=note,
                remedy="The helpdesk drops this in silence: report it with the plugin's version",
            )
    days = LOOKS_BACK.days
    if facts.failing:
        yield Finding(
            level=Level.WARNING,
            subject="tickets",
            text=f"The last look at {facts.failing} of {facts.looked_at} tickets in {days} days "
            f"failed: {facts.last_error}",
            remedy="What may pass is tried again by itself; else see these tickets in the console",
        )
    elif facts.looked_at:
        text = f"{facts.looked_at} looked at in {days} days, the last look at none failed"
        yield Finding(level=Level.OK, subject="tickets", text=text)


def _broken(subject: str, text: str, remedy: str) -> Finding:
    return Finding(level=Level.BROKEN, subject=subject, text=text, remedy=remedy)


def _ago(at: datetime, now: datetime) -> str:
    minutes = int((now - at).total_seconds() // 60)
    if minutes < 1:
        return "less than a minute ago"
    if minutes < 120:
        return f"{minutes} minutes ago" if minutes > 1 else "a minute ago"
    return f"{minutes // 60} hours ago" if minutes < 72 * 60 else f"{minutes // 1440} days ago"
