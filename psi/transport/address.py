"""Where a party listens, and what every TCP connection of ours is set to."""

from __future__ import annotations

import contextlib
import re
import socket
from typing import NamedTuple

from psiselect.base.errors import UsageError


class Address(NamedTuple):
    """A host (name, IPv4 or IPv6 address) and a TCP port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `HOST:PORT` or `[IPV6]:PORT`. Raises UsageError."""
        match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+(?:%\w+)?)\]|([^\s:\[\]]+)):([0-9]{1,5})", text)
        if match is None or int(match[3]) > 65535:
            raise UsageError(f"{text!r} is not an address; expected HOST:PORT, such as 127.0.0.1:7000 or [::1]:7000")
        return cls(match[1] or match[2], int(match[3]))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def tune(sock: socket.socket) -> None:
    """No waiting to fill packets, and signs of life while nothing is said."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def close(sock: socket.socket) -> None:
    """Close it, whatever state it is in."""
    with contextlib.suppress(OSError):
        sock.close()
