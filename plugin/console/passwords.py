"""Passwords: which are long enough, and their argon2 hashes."""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 12
LONGEST = 256  # a hash of a megabyte would keep the processor busy

_hasher = PasswordHasher()


def is_acceptable(password: str) -> bool:
    """Say whether a password is long enough; what is in it is the person's affair."""
    return SHORTEST <= len(password) <= LONGEST


def hashed(password: str) -> str:
    """Return the hash to keep."""
    return _hasher.hash(password)


def is_right(password: str, kept: str | None) -> bool:
    """Compare with the kept hash; without one it takes as long and is wrong."""
    try:
        right = _hasher.verify(kept or _nobody(), password[:LONGEST])
    except (VerificationError, InvalidHashError):
        return False
    return right and kept is not None


@cache
def _nobody() -> str:
    return _hasher.hash("nobody's password")
