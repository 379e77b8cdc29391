"""JSON under one path of an account: read, make, change, remove.

Knows no vendor's paths.
"""

from __future__ import annotations

from typing import Any

from .errors import TicketNotFound
from .http import AccountSession

Json = dict[str, Any]


class Api:
    """What stands below `root`, such as `/api/v2`. Every method may raise a `VendorError`."""

    def __init__(self, session: AccountSession, root: str) -> None:
        self.session = session
        self._root = session.base_url + root

    def get(self, path: str) -> Any:
        """Return what stands at a path."""
        return self.session.get(self._root + path).json()

    def post(self, path: str, body: Json) -> Json:
        """Make something and return it."""
        answer: Json = self.session.post(self._root + path, json=body).json()
        return answer

    def put(self, path: str, body: Json) -> None:
        """Change something."""
        self.session.put(self._root + path, json=body)

    def delete(self, path: str) -> bool:
        """Remove something; False where it is gone already."""
        try:
            self.session.delete(self._root + path)
        except TicketNotFound as error:
            if error.status != 404:
                raise
            return False
        return True
