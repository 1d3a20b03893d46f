"""Where a party listens, and what every TCP connection of ours is set to."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
from typing import NamedTuple

from psi.transport import words

# Text in which the last part is a number is never a name (RFC 1123, section 2.1).
_NUMBERS = re.compile(r"(?:.*\.)?[0-9]+\.?")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_NAME_BYTES = 253

EVERY_HOST = "*"


class Address(NamedTuple):
    """A host (name, IPv4 or IPv6 address) and a TCP port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str, *, every: bool = False) -> Address:
        """Read `HOST:PORT` or `[IPV6]:PORT`, the latter with a zone where it needs one (RFC 4007: `[fe80::1%eth0]`).

        A name keeps its spelling. Raises UsageError for what no host can have: a label that is empty, longer than 63
        bytes or has a hyphen at an end, other characters (RFC 1123, and _), a name of more than 253 bytes, four
        numbers that are no IPv4 address, a port above 65535.

        every: `*` is a host too, which stands for all addresses of this machine (`psi.transport.listening`).
        """
        match = re.fullmatch(r"(?:\[([^\s\[\]]+)\]|([^\s:\[\]]+)):([0-9]{1,5})", text)
        problem = words.FORM
        if match is not None:
            problem = _ipv6_problem(match[1]) if match[1] else _name_problem(match[2])
            if every and match[2] == EVERY_HOST:
                problem = ""
            if int(match[3]) > 65535:
                problem = words.HIGHEST_PORT
        if match is None or problem:
            raise words.no_address(text, problem)
        return cls(match[1] or match[2], int(match[3]))

    @property
    def is_name(self) -> bool:
        """Whether the host is a name, which somebody has to look up."""
        return ":" not in self.host and not _NUMBERS.fullmatch(self.host)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _ipv6_problem(host: str) -> str:
    """What is wrong with an IPv6 address, or nothing."""
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return words.no_ipv6(host)
    return ""


def _name_problem(host: str) -> str:
    """What is wrong with a host name or an IPv4 address, or nothing."""
    if _NUMBERS.fullmatch(host):
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            return words.no_ipv4(host)
        return ""
    try:
        plain = host.encode("idna").decode("ascii")
    except UnicodeError:  # an empty label or a long one, or characters that names do not have
        plain = ""
    plain = plain.removesuffix(".")  # the root's
    if len(plain) > _NAME_BYTES or not all(map(_LABEL.fullmatch, plain.split("."))):
        return words.no_host(host)
    return ""


def tune(sock: socket.socket) -> None:
    """No waiting to fill packets, and signs of life while nothing is said."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def close(sock: socket.socket) -> None:
    """Close it, whatever state it is in."""
    with contextlib.suppress(OSError):
        sock.close()
