"""The demo's two accounts in the sandbox, where partners write and agents answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import requests

from plugin.demo.mails import Mail
from plugin.pipeline import Services
from plugin.supervisor import Service
from sla_rules.decision import instant

_ANSWER = "Thank you for your message, we have looked into it."
_VENDORS = ("zendesk", "freshdesk")
_CONTACT = ("Anna Berger", "anna.berger@support.example")


class Helpdesks:
    """The two accounts of the sandbox, where partners write and agents answer."""

    def __init__(self, service: Service, services: Services, sandbox: str, account: str) -> None:
        self.service = service
        self.services = services
        self._sandbox = sandbox
        self._account = account
        self._known: set[tuple[str, str]] = set()
        for vendor in _VENDORS:
            self._act(vendor, "agents", name=_CONTACT[0], email=_CONTACT[1])

    def receive(self, mail: Mail) -> tuple[str, str]:
        """Let an e-mail arrive, and its answer if it has one; return connection and ticket."""
        self.service.restart_ended()
        self._organization(mail)
        ticket = self._act(
            mail.vendor,
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
        if mail.answered_at:
            at = instant(mail.answered_at)
            self._act(mail.vendor, "replies", ticket=ticket["id"], body=_ANSWER, at=at)
        return f"{self._account}-{mail.vendor}", str(ticket["id"])

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Let what happens meanwhile wait, so that a look sees a ticket as it became."""
        circuits = self.services.store.circuits
        keys = [f"{self._account}-{vendor}" for vendor in _VENDORS]
        for key in keys:
            circuits.pause(key, "the past weeks arrive")
        yield
        for key in keys:
            circuits.resume(key)

    def _organization(self, mail: Mail) -> None:
        if mail.organization is None or (mail.vendor, mail.organization) in self._known:
            return
        verb = "organizations" if mail.vendor == "zendesk" else "companies"
        self._act(
            mail.vendor,
            verb,
            name=mail.organization,
            tier=mail.tier,
            named_contact=mail.named_contact,
        )
        self._known.add((mail.vendor, mail.organization))

    def _act(self, vendor: str, verb: str, **given: object) -> dict[str, object]:
        return act(self._sandbox, vendor, self._account, verb, **given)


def act(sandbox: str, vendor: str, account: str, verb: str, **given: object) -> dict[str, object]:
    """Do what a person does in an account of the sandbox; return the ticket or record."""
    answer = requests.post(f"{sandbox}/sandbox/{vendor}/{account}/{verb}", json=given, timeout=10)
    answer.raise_for_status()
    return dict(answer.json())
