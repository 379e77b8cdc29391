"""A test delivery: have the helpdesk send one, and wait until it has arrived here."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from connectors.sentences import say
from plugin.connect.request import open_setup, require
from plugin.pipeline import Services

TRIAL_WAIT = 60.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What became of a test delivery; `text` is one sentence."""

    arrived: bool
    text: str


def try_delivery(
    services: Services,
    key: str,
    *,
    with_ticket: bool = False,
    wait: float = TRIAL_WAIT,
    tell: Callable[[str], None] | None = None,
) -> Arrival:
    """Have the vendor send a delivery and wait up to `wait` seconds until it has arrived here.

    `tell` gets what was sent, or what a person has to do, while it waits. Raises `VendorError`.
    """
    connection = require(services, key)
    vendor = services.vendors[connection.vendor]
    setup = open_setup(services, connection)
    began = services.clock()
    nonce = secrets.token_hex(8)
    trial = setup.trial(nonce, with_ticket=with_ticket)
    if tell:
        tell(trial.sent or trial.ask)
    deadline = time.monotonic() + (0 if trial.fault is not None else wait)
    try:
        while True:
            if _has_arrived(services, key, nonce, began):
                return Arrival(arrived=True, text=say("trial.arrived", vendor=vendor.title))
            if time.monotonic() >= deadline:
                break
            time.sleep(0.25)
    finally:
        trial.finish()
    where = f"{connection.settings.get('public_url')}/webhooks/{vendor.name}/{key}"
    if trial.fault is not None:
        return Arrival(arrived=False, text=_fault(vendor.title, trial.fault, where))
    return Arrival(
        arrived=False,
        text=say("trial.nothing", address=where, seconds=f"{wait:.0f}"),
    )


def _has_arrived(services: Services, key: str, nonce: str, began: datetime) -> bool:
    if services.store.connections.last_knock(key)[0] == nonce:
        return True
    received = services.store.inbox.last_received_at(key)
    return received is not None and received >= began


def _fault(vendor: str, fault: str, where: str) -> str:
    why = {"401": "refused", "403": "refused", "404": "unknown"}.get(fault, "unreached")
    return say(
        "trial.fault",
        vendor=vendor,
        answer=fault or say("trial.no_answer"),
        address=where,
        why=say(f"trial.{why}"),
    )
