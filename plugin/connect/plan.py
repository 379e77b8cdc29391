"""Connecting and disconnecting: a plan, its steps one after the other, and the way back.

Knows no vendor: what an account needs is in the vendor's `provision.py`, what is looked at in its
`checks.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from connectors.base import Connection
from connectors.errors import Rejected, TicketNotFound
from connectors.sentences import say
from connectors.setup import (
    Identity,
    Inspection,
    Level,
    Setup,
    Step,
    provisioned,
    with_settings,
)
from plugin.connect.request import (
    AccountRequest,
    ConnectError,
    open_setup,
    requested,
    require,
    vendor_of,
    wishes_of,
)
from plugin.pipeline import Services

_MAKING = "making"  # what was about to be made when the process ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What connecting would do: nothing was written yet."""

    connection: Connection
    known: bool
    identity: Identity
    inspection: Inspection
    steps: tuple[Step, ...]


class Did(StrEnum):
    """What became of a step."""

    KEPT = "kept"
    MADE = "made"
    RENEWED = "renewed"
    REMOVED = "removed"
    GONE = "gone"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDone:
    """One step carried out."""

    name: str
    title: str
    did: Did
    note: str = ""


def plan_account(services: Services, request: AccountRequest) -> Plan:
    """Check address and credentials, look at the account, and return what would be made.

    Raises `ConnectError` and `VendorError`; writes nothing, here or there.
    """
    vendor = vendor_of(services, request)
    connection, known = requested(services, vendor, request)
    wishes = wishes_of(services, connection, request.token_lasts)
    setup = services.setup(connection, wishes)
    identity = _identify(setup, connection, vendor.title)
    if identity.refusal:
        raise ConnectError(
            say(
                "request.refusal",
                vendor=vendor.title,
                who=_who(identity),
                refusal=identity.refusal,
            )
        )
    inspection = setup.inspect()
    connection = with_settings(
        connection,
        **{**inspection.settings, **request.settings},
        acting_user_id=identity.id,
        acting_user_name=identity.name,
    )
    setup = services.setup(connection, wishes)
    return Plan(
        connection=connection,
        known=known,
        identity=identity,
        inspection=inspection,
        steps=tuple(setup.steps()),
    )


def carry_out(services: Services, plan: Plan) -> Iterator[StepDone]:
    """Save the account and make what is missing, one step after the other.

    The connection is saved after each step, so that what failed in the middle goes on at the next
    attempt. Raises `ConnectError` before the first step where one conflicts, and `VendorError`.
    """
    stopping: list[str] = [
        say("request.broken", text=f.text, remedy=f.remedy)
        for f in plan.inspection.findings
        if f.level is Level.BROKEN
    ]
    stopping += [step.conflict for step in plan.steps if step.conflict and not step.optional]
    if stopping:
        raise ConnectError(*stopping)
    connection = _claim(services, plan)
    for step in plan.steps:
        connection, done = _carry_out(services, connection, step)
        yield done


def keep_account(services: Services, plan: Plan) -> Connection:
    """Save the account with what is kept on our side; nothing is made in the helpdesk."""
    connection = _claim(services, plan)
    for step in plan.steps:
        if step.here:
            connection, _ = _carry_out(services, connection, step)
    return connection


def connect_account(services: Services, request: AccountRequest) -> list[StepDone]:
    """Plan and carry out at once, as for an account whose plan nobody needs to see."""
    return list(carry_out(services, plan_account(services, request)))


def _claim(services: Services, plan: Plan) -> Connection:
    """Save the account, unless somebody else connected it since it was planned."""
    connection = plan.connection
    if not services.store.connections.claim(connection, known=plan.known):
        address, key = connection.base_url, connection.key
        raise ConnectError(say("request.overtaken", address=address, key=key))
    return connection


def _identify(setup: Setup, connection: Connection, title: str) -> Identity:
    """A mistyped name is another account's, or nobody's: the vendor redirects or finds nothing."""
    try:
        return setup.identify()
    except (Rejected, TicketNotFound) as error:
        raise ConnectError(
            say("request.no_account", address=connection.base_url, vendor=title, detail=error)
        ) from error


def _carry_out(
    services: Services, connection: Connection, step: Step
) -> tuple[Connection, StepDone]:
    """One step. What we were making when a process died is ours when it is found."""
    before = provisioned(connection).get(step.name, {})
    mine = bool(before.get("made")) and before["id"] == step.found
    mine = mine or connection.settings.get(_MAKING) == step.name
    if step.conflict:
        return connection, _done(step, Did.REFUSED, step.conflict)
    vendor_id = step.found
    did = Did.KEPT
    save = services.store.connections.save
    try:
        if vendor_id is None:
            save(with_settings(connection, **{_MAKING: step.name}))
            vendor_id, did, mine = step.make(connection), Did.MADE, True
        elif step.stale and step.renew:
            step.renew(connection, vendor_id)
            did = Did.RENEWED
        connection = step.settle(connection, vendor_id)
    except Rejected as error:
        save(with_settings(connection, **{_MAKING: None}))  # it was not made
        if not step.optional:
            raise
        return connection, _done(step, Did.REFUSED, str(error))
    known = provisioned(connection)
    before = known.get(step.name, {})
    if before.get("made") and before["id"] != vendor_id and not step.here:
        kind, _, what = step.name.partition(":")
        known[f"{kind}:{what}~{before['id']}"] = before  # ours still, replaced or renamed
    number = before.get("number") or len(known) + 1
    known[step.name] = {"id": vendor_id, "made": mine, "number": number}
    if step.here:
        known[step.name]["here"] = True
    connection = with_settings(connection, provisioned=known, **{_MAKING: None})
    save(connection)
    return connection, _done(step, did, step.stale or "" if did is Did.RENEWED else "")


def removable(connection: Connection, *, keep_fields: bool = False) -> list[StepDone]:
    """Return what `disconnect` would remove, the newest first; `did` says what stays."""
    known = provisioned(connection)
    return [
        StepDone(
            name=name,
            title=_title(name),
            did=Did.KEPT if keep_fields and _is_field(name) else Did.REMOVED,
        )
        for name in _made(known)
        if not known[name].get("here")
    ]


def disconnect(
    services: Services, key: str, *, keep_fields: bool = False, forget: bool = False
) -> Iterator[StepDone]:
    """Remove what we made in the account, the newest first, then forget the account.

    What was there before stays. `keep_fields` leaves fields with what stands in them; `forget`
    only forgets. Repeat it after a failure. Raises `ConnectError` and `VendorError`.
    """
    connection = require(services, key)
    setup = None if forget else open_setup(services, connection)
    known = provisioned(connection)
    for name in _made(known):
        vendor_id = str(known[name]["id"])
        is_there = not known[name].get("here")
        if forget and not is_there:
            continue
        if forget or (keep_fields and _is_field(name)):
            yield StepDone(name=name, title=_title(name), did=Did.KEPT)
            continue
        assert setup is not None  # noqa: S101  (for the type checker)
        there = setup.remove(name, vendor_id)
        connection = _without(connection, name)
        services.store.connections.save(connection)
        if is_there:
            did = Did.REMOVED if there else Did.GONE
            yield StepDone(name=name, title=_title(name), did=did)
    services.store.connections.delete(key)


def rotate(
    services: Services, key: str, *, finish: bool = False, token_lasts: timedelta | None = None
) -> str:
    """Change the webhook secret; older ones are accepted until `finish`. Returns one sentence.

    Raises `ConnectError` and `VendorError`.
    """
    connection = require(services, key)
    if finish:
        if len(connection.webhook_secrets) < 2:
            raise ConnectError(say("rotate.nothing_to_finish", key=key))
        newest = connection.webhook_secrets[:1]
        services.store.connections.save(replace(connection, webhook_secrets=newest))
        return say("rotate.finished")
    if not connection.webhook_secrets:
        raise ConnectError(say("rotate.no_secret", key=key))
    setup = open_setup(services, connection, token_lasts=token_lasts)
    for changed in setup.rotate():
        services.store.connections.save(changed)
    return say("rotate.begun", key=key)


def _made(known: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The names of what connecting made, the newest first."""
    made = [name for name, one in known.items() if one.get("made")]
    return sorted(made, key=lambda name: known[name].get("number", 0), reverse=True)


def _is_field(name: str) -> bool:
    return "_field:" in name


def _without(connection: Connection, name: str) -> Connection:
    known = {key: value for key, value in provisioned(connection).items() if key != name}
    return with_settings(connection, provisioned=known)


def _done(step: Step, did: Did, note: str = "") -> StepDone:
    return StepDone(name=step.name, title=step.title, did=did, note=note)


def _title(name: str) -> str:
    kind, _, what = name.partition("~")[0].partition(":")
    return say(f"thing.{kind}", name=what)


def _who(identity: Identity) -> str:
    role = f" ({identity.role})" if identity.role else ""
    return f"{identity.name or identity.email}{role}"
