"""Errands: what an admin asks the console to do in a helpdesk account, done by a worker.

A page only asks for one and shows how far it came, so a slow helpdesk holds up nobody's browser.
What is done is in `plugin/connect/`; each is safe to repeat after a worker died in the middle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import structlog
from procrastinate import App

from connectors.addresses import AddressError
from connectors.errors import (
    ConnectorError,
    CredentialsRejected,
    RateLimited,
    VendorUnavailable,
)
from connectors.sentences import say, to_stored
from plugin import connect
from plugin.connect import AccountRequest, ConnectError, Plan, StepDone
from plugin.jobs import RUN_ERRAND, UPKEEP
from plugin.pipeline import Services
from plugin.secrets import SecretsError
from plugin.setbacks import describe
from plugin.store import StoreUnavailable
from plugin.store.errands import ErrandState

TRIAL_WAIT = 45.0  # seconds: a helpdesk's own delivery comes within a few
MENDABLE = (ConnectError, ConnectorError, AddressError, SecretsError)

log = structlog.get_logger()
Json = Mapping[str, Any]
Tell = Callable[[Json], None]


class ErrandKind(StrEnum):
    """What is asked for."""

    PLAN = "plan"
    CONNECT = "connect"
    TEST = "test"
    ROTATE = "rotate"
    DISCONNECT = "disconnect"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Came:
    """What came of an errand. `keep`: what was asked for is needed once more."""

    result: Json
    key: str | None = None
    keep: bool = False


def add_tasks(app: App, services: Services) -> None:
    """Give the job engine its task."""

    @app.task(name=RUN_ERRAND, queue=UPKEEP)
    def run(number: str) -> None:
        run_errand(services, number)


def run_errand(services: Services, number: str) -> None:
    """Do what was asked for, and note what came of it; one that has ended is not done again."""
    errands = services.store.errands
    if not errands.begin(number, services.clock()):
        return
    errand = errands.get(number)
    if errand is None:
        return

    def tell(line: Json) -> None:
        errands.tell(number, line, services.clock())

    try:
        request = errands.request(number) or {}
        came = _DO[ErrandKind(errand.kind)](services, errand.connection, request, tell)
    except StoreUnavailable:
        raise
    except MENDABLE as error:
        _fail(services, number, faults(error))
    except Exception as error:
        log.exception("errand failed", errand=errand.kind, connection=errand.connection)
        _fail(services, number, [to_stored(say("errand.bug", detail=describe(error)))])
    else:
        errands.end(
            number,
            ErrandState.DONE,
            came.result,
            services.clock(),
            connection=came.key,
            forget=not came.keep,
        )


def faults(error: Exception) -> list[Json]:
    """Return what a person can mend, a sentence each."""
    if isinstance(error, ConnectError):
        return [to_stored(one) for one in error.sentences]
    for kind, key in _VENDOR_FAULTS:
        if isinstance(error, kind):
            return [to_stored(say(key, detail=str(error)))]
    return [to_stored(str(error))]


_VENDOR_FAULTS = (
    (CredentialsRejected, "errand.credentials"),
    (RateLimited, "errand.rate_limited"),
    (VendorUnavailable, "errand.unavailable"),
    (ConnectorError, "errand.refused"),
)


def _fail(services: Services, number: str, said: list[Json]) -> None:
    services.store.errands.end(
        number,
        ErrandState.FAILED,
        {"faults": said},
        services.clock(),
        connection=None,
        forget=False,
    )


def _plan(services: Services, key: str | None, request: Json, tell: Tell) -> _Came:
    del key, tell
    found = connect.plan_account(services, AccountRequest(**request))
    shown = {
        "address": found.connection.base_url,
        "who": found.identity.name or found.identity.email,
        "findings": [
            {
                "level": one.level.value,
                "subject": to_stored(one.subject),
                "text": to_stored(one.text),
                "remedy": to_stored(one.remedy),
            }
            for one in found.inspection.findings
        ],
        "steps": list(_steps(found)),
    }
    return _Came(result=shown, keep=True)


def _steps(found: Plan) -> Iterator[Json]:
    for step in found.steps:
        standing = "keep"
        if step.conflict:
            standing = "conflict"
        elif step.found is None:
            standing = "make"
        elif step.stale:
            standing = "renew"
        note = step.conflict or step.stale or ""
        yield {"title": to_stored(step.title), "standing": standing, "note": to_stored(note)}


def _connect(services: Services, key: str | None, request: Json, tell: Tell) -> _Came:
    del key
    found = connect.plan_account(services, AccountRequest(**request))
    for done in connect.carry_out(services, found):
        tell(_line(done))
    return _Came(result={}, key=found.connection.key)


def _test(services: Services, key: str | None, request: Json, tell: Tell) -> _Came:
    def say_what_was_sent(text: str) -> None:
        tell({"title": to_stored(text), "did": None, "note": to_stored("")})

    arrival = connect.try_delivery(
        services,
        str(key),
        with_ticket=bool(request.get("with_ticket")),
        wait=TRIAL_WAIT,
        tell=say_what_was_sent,
    )
    return _Came(result={"text": to_stored(arrival.text), "arrived": arrival.arrived})


def _rotate(services: Services, key: str | None, request: Json, tell: Tell) -> _Came:
    del tell
    said = connect.rotate(services, str(key), finish=bool(request.get("finish")))
    return _Came(result={"text": to_stored(said)})


def _disconnect(services: Services, key: str | None, request: Json, tell: Tell) -> _Came:
    if services.store.connections.get(str(key)) is None:  # asked for twice
        return _Came(result={"text": to_stored(say("disconnect.already", key=key))})
    for done in connect.disconnect(services, str(key), **request):
        tell(_line(done))
    return _Came(result={})


_DO: Mapping[ErrandKind, Callable[[Services, str | None, Json, Tell], _Came]] = {
    ErrandKind.PLAN: _plan,
    ErrandKind.CONNECT: _connect,
    ErrandKind.TEST: _test,
    ErrandKind.ROTATE: _rotate,
    ErrandKind.DISCONNECT: _disconnect,
}


def _line(done: StepDone) -> Json:
    return {"title": to_stored(done.title), "did": done.did.value, "note": to_stored(done.note)}


def request_to_stored(request: AccountRequest) -> Json:
    """Return what an admin asks for as plain JSON, credentials included; it is kept sealed."""
    return {name: value for name, value in asdict(request).items() if name != "token_lasts"}
