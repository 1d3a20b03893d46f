"""The sockets that a listener waits at: one for each address, two for `*`."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterable

from psi.transport import words
from psi.transport.address import EVERY_HOST, Address

_TRIES = 20  # to find a port that is free in both families


def open_sockets(addresses: Iterable[Address], doing: str) -> list[socket.socket]:
    """Sockets that listen at these addresses and never block. `*` stands for all addresses of this machine, IPv4 and
    IPv6, with a socket for each, since a socket for both would show IPv4 callers as IPv6 ones.

    doing: what cannot be done when one fails, as in "cannot listen". Raises TransportError.
    """
    with contextlib.ExitStack() as on_error:
        found = []
        for address in addresses:
            try:
                opened = _every(address.port) if address.host == EVERY_HOST else [_one(address)]
            except OSError as error:
                # `socket` adds the address as a tuple to the system's own words.
                why = str(error.strerror or error).partition(" (while ")[0]
                raise words.cannot(doing, address, why, _remedy(error)) from None
            for sock in opened:
                on_error.callback(sock.close)
                sock.setblocking(False)
            found += opened
        on_error.pop_all()
    return found


def address_of(sock: socket.socket) -> Address:
    """Where a socket listens, with its real port."""
    return Address(*sock.getsockname()[:2])


def _remedy(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return words.PORT_TAKEN
    if error.errno == errno.EADDRNOTAVAIL:
        return words.NOT_OURS
    if error.errno == errno.EACCES:
        return words.LOW_PORT
    return ""


def _one(address: Address) -> socket.socket:
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return _listen(found[0][0], found[0][4])


def _every(port: int) -> list[socket.socket]:
    """IPv4 and IPv6; one of them alone on a machine that has only that."""
    for left in reversed(range(_TRIES)):
        try:
            first = _listen(socket.AF_INET, ("0.0.0.0", port))  # noqa: S104 - asked for
        except OSError as error:
            if error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
                raise
            return [_listen(socket.AF_INET6, ("::", port))]
        try:
            return [first, _listen(socket.AF_INET6, ("::", first.getsockname()[1]))]
        except OSError as error:
            if error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
                return [first]
            first.close()
            if port or not left or error.errno != errno.EADDRINUSE:
                raise
    raise AssertionError("the last try returns or raises")


def _listen(family: int, name: tuple[object, ...]) -> socket.socket:
    return socket.create_server(name, family=family, backlog=1024)
