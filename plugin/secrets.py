"""Encrypts the accounts' secrets at rest under SLA_SECRET_KEY."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class SecretsError(Exception):
    """Stored secrets cannot be read with this SLA_SECRET_KEY."""


class Vault:
    """Seals and opens small JSON documents."""

    def __init__(self, passphrase: str) -> None:
        derive = HKDF(algorithm=SHA256(), length=32, salt=b"regiondo-sla", info=b"connections")
        self._fernet = Fernet(base64.urlsafe_b64encode(derive.derive(passphrase.encode())))

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
        return opened
