"""Addresses as people write them, and names that nobody knows yet."""

from __future__ import annotations

import socket
from types import SimpleNamespace

import pytest

from psi.transport import tls
from psi.transport.address import Address
from psiselect.base.errors import TransportError, UsageError

LABEL = "a" * 63
NAME = ".".join([LABEL, LABEL, LABEL, "a" * 61])  # 253 bytes


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:7000", "127.0.0.1", 7000),
        ("[::1]:0", "::1", 0),
        ("acme.example:65535", "acme.example", 65535),
        ("acme.example.:7000", "acme.example.", 7000),
        ("db_1.crm-7.4you.example:7000", "db_1.crm-7.4you.example", 7000),
        ("bücher.example:7000", "bücher.example", 7000),
        ("xn--bcher-kva.example:7000", "xn--bcher-kva.example", 7000),
        (f"{NAME}:7000", NAME, 7000),
        (f"{NAME}.:7000", f"{NAME}.", 7000),
        ("[fe80::1%eth0.100]:7000", "fe80::1%eth0.100", 7000),
        ("[fe80::1%br-lan]:7000", "fe80::1%br-lan", 7000),
        ("[fe80::1%2]:7000", "fe80::1%2", 7000),
        ("[::ffff:192.0.2.1]:7000", "::ffff:192.0.2.1", 7000),
    ],
)
def test_addresses_are_read_and_written(text: str, host: str, port: int) -> None:
    assert Address.parse(text) == (host, port)
    assert str(Address.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        *((text, "write HOST:PORT") for text in ["", "host", "host:", ":7000", "::1:7000", "[::1]", "a b:1"]),
        *((text, "write HOST:PORT") for text in ["host:-1", "[]:1", "host:123456", "[fe80::1%a b]:1"]),
        ("host:65536", "the highest port is 65535"),
        ("[::1]:65536", "the highest port is 65535"),
        *(
            (f"{host}:7000", "cannot be the name of a machine")
            for host in ["a..b", ".a", ".", "-a.example", "a-.example", f"{LABEL}a.example", f"a.{NAME}", "a/b", "a@b",
                         "a,b", "a%eth0", "*"]
        ),
        *((f"{host}:7000", "not an IPv4 address") for host in ["256.0.0.1", "1.2.3", "1.2.3.4.5", "7", "01.2.3.4"]),
        *((f"[{host}]:7000", "not an IPv6 address") for host in ["::g", "1:2", "127.0.0.1", "a.example", "::1%"]),
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        Address.parse(text)


@pytest.mark.parametrize(
    ("host", "name"),
    [("acme.example", True), ("4you", True), ("127.0.0.1", False), ("::1", False), ("fe80::1%eth0", False)],
)
def test_names_are_told_from_numbers(host: str, name: bool) -> None:
    assert Address(host, 1).is_name is name


class _Network:
    """A network and a clock: `errors` are what the next calls meet; after them, the last one for ever."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *errors: OSError | socket.socket) -> None:
        self.now = 0.0
        self.left = list(errors)
        self.calls = 0
        monkeypatch.setattr(tls, "time", SimpleNamespace(monotonic=lambda: self.now, sleep=self._sleep))
        monkeypatch.setattr(tls.socket, "create_connection", self._call)

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def _call(self, _: Address, timeout: float) -> socket.socket:
        self.calls += 1
        found = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        if isinstance(found, OSError):
            raise found
        return found


UNKNOWN = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
LATER = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


def test_a_name_is_looked_up_until_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container, or a service whose name is not announced yet."""
    with socket.socket() as sock:
        network = _Network(monkeypatch, LATER, UNKNOWN, ConnectionRefusedError(111, "refused"), sock)
        assert tls._dial(Address("acme.example", 7000), 30, 30) is sock
    assert network.now < 5


def test_a_name_that_stays_unknown_is_named_when_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    network = _Network(monkeypatch, UNKNOWN)
    with pytest.raises(
        TransportError, match=r"cannot find the machine 'acme\.example', although the program tried for 30 s.*not known"
    ):
        tls._dial(Address("acme.example", 7000), 30, 30)
    assert 28 <= network.now <= 30
    assert network.calls <= 31  # a name server is not asked five times a second


def test_a_zone_that_this_machine_does_not_have_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    network = _Network(monkeypatch, UNKNOWN)
    with pytest.raises(TransportError, match=r"cannot connect to \[fe80::1%eth9\]:7000"):
        tls._dial(Address("fe80::1%eth9", 7000), 30, 30)
    assert network.calls == 1
