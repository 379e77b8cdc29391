"""Encrypts the accounts' secrets at rest under SLA_SECRET_KEY.

Several passphrases may be given, separated by commas: the first seals, all of them open, so that a
new one can be put before the old one until everything is sealed anew.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from plugin.logs import hide


class SecretsError(Exception):
    """Stored secrets cannot be read with this SLA_SECRET_KEY."""


class Vault:
    """Seals and opens small JSON documents."""

    def __init__(self, passphrases: str) -> None:
        self._fernet = MultiFernet([_key(one) for one in split_passphrases(passphrases)])

    def seal(self, secrets: Mapping[str, Any]) -> bytes:
        """Return the encrypted document."""
        return self._fernet.encrypt(json.dumps(secrets).encode())

    def open(self, sealed: bytes) -> dict[str, Any]:
        """Return the document. Raises `SecretsError`."""
        try:
            opened: dict[str, Any] = json.loads(self._fernet.decrypt(bytes(sealed)))
        except InvalidToken:
            message = "the stored secrets were sealed with another SLA_SECRET_KEY"
            raise SecretsError(message) from None
        hide(*_texts(opened))
        return opened

    def reseal(self, sealed: bytes) -> bytes:
        """Return the document sealed with the first passphrase. Raises `SecretsError`."""
        return self.seal(self.open(sealed))


def split_passphrases(passphrases: str) -> list[str]:
    """Return the passphrases of SLA_SECRET_KEY, the one that seals first."""
    return [one.strip() for one in passphrases.split(",") if one.strip()]


def _key(passphrase: str) -> Fernet:
    derive = HKDF(algorithm=SHA256(), length=32, salt=b"regiondo-sla", info=b"connections")
    return Fernet(base64.urlsafe_b64encode(derive.derive(passphrase.encode())))


def _texts(value: Any) -> list[str]:
    """Every text in a document but its keys and the secrets' names."""
    if isinstance(value, dict):
        pairs = value.items()
        return [text for name, one in pairs if name not in _NO_SECRET for text in _texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    return [value] if isinstance(value, str) else []


_NO_SECRET = {"client_id", "email"}
