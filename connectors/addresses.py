"""Which addresses we connect to: https on the public Internet, never a private network.

A name is resolved when the socket is opened, every address of it is checked, and the checked
address is the one connected to, so that a name cannot change its meaning in between. Loopback, with
plain http, is for the sandbox alone and needs SLA_SANDBOX.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NameResolutionError, NewConnectionError

_NAT64 = IPv6Network("64:ff9b::/96")


class AddressError(ValueError):
    """An address that we do not connect to; the message names it and says why."""


def sandbox_allowed() -> bool:
    """Say whether this process may talk to a sandbox on this machine (SLA_SANDBOX)."""
    return os.environ.get("SLA_SANDBOX", "").strip().lower() in {"1", "true", "yes", "on"}


def check_url(url: str) -> None:
    """Accept https to a name or public address, without user or password in it.

    Raises `AddressError`. What the name resolves to is checked when a connection is opened.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise AddressError(f"{url!r} is not an address ({error})") from error
    if not host or port == 0:
        raise AddressError(f"{url!r} names no host")
    if parts.username is not None or parts.password is not None:
        raise AddressError(f"the address for {host} must hold no user or password")
    if is_this_machine(host) and parts.scheme in {"http", "https"}:
        if not sandbox_allowed():
            raise AddressError(f"{host} is this machine; only a sandbox (SLA_SANDBOX=1) may be")
        return
    if parts.scheme != "https":
        raise AddressError(f"the address for {host} must begin with https://")
    literal = _literal(host)
    if literal is not None and not is_public(literal):
        raise AddressError(f"{host} is not a public address")


def is_this_machine(host: str) -> bool:
    """Say whether a host's spelling means this machine."""
    literal = _literal(host)
    return literal.is_loopback if literal is not None else host.rstrip(".").lower() == "localhost"


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Say whether an address is on the public Internet, seen through IPv4 wrapped in IPv6."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address.teredo:
            inner = address.teredo[1]
        if address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not (address.is_multicast or address.is_reserved)


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, all of them public. Raises `AddressError`, `OSError`."""
    found = {str(item[4][0]) for item in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    for text in found:
        address = ip_address(text.partition("%")[0])
        if not (is_public(address) or (address.is_loopback and sandbox_allowed())):
            raise AddressError(f"{host} resolves to {address}, which is not a public address")
    return sorted(found, key=lambda text: ":" in text)


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a host's spelling is, the old forms 127.1 and 0x7f000001 included."""
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        try:
            return IPv4Address(socket.inet_aton(host))
        except (OSError, UnicodeError, ValueError):
            return None


class GuardedAdapter(HTTPAdapter):
    """Connects only to what `resolve` lets pass."""

    def init_poolmanager(self, *given: Any, **options: Any) -> None:
        """Use connections that check where they go."""
        super().init_poolmanager(*given, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}


def _open(connection: Any, opened: Callable[[], socket.socket]) -> socket.socket:
    name = connection._dns_host
    try:
        addresses = resolve(name, connection.port)
    except socket.gaierror as error:
        raise NameResolutionError(name, connection, error) from error
    try:
        for address in addresses[:-1]:
            connection._dns_host = address
            try:
                found = opened()
            except NewConnectionError:
                continue
            return found
        connection._dns_host = addresses[-1]
        return opened()
    finally:
        connection._dns_host = name  # the certificate is checked against the name


class _Http(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _open(self, super()._new_conn)


class _Https(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _open(self, super()._new_conn)


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https
