"""The health check: what it says, and that nobody can harm it."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from support.rawtls import dial

from psi.transport import health
from psi.transport.address import Address
from psi.transport.health import Health, HealthServer, TextPage
from psiselect.base.errors import TransportError


class Told:
    """What the server is to say, which a test may change."""

    def __init__(self) -> None:
        self.now = Health(True, {"status": "serving", "running": 1, "done": 2, "failed": 3})

    def __call__(self) -> Health:
        return self.now


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def server(told: Told) -> Iterator[HealthServer]:
    with HealthServer(Address("127.0.0.1", 0), told) as found:
        yield found


def ask(server: HealthServer, method: str = "GET", target: str = "/healthz") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(server.address, timeout=30)
    connection.request(method, target)
    response = connection.getresponse()
    found = response.status, response.read()
    connection.close()
    return found


def test_healthy_and_not(server: HealthServer, told: Told) -> None:
    status, body = ask(server)
    assert (status, json.loads(body)) == (200, {"status": "serving", "running": 1, "done": 2, "failed": 3})
    told.now = Health(False, {"status": "stopping"})
    assert ask(server) == (503, b'{"status": "stopping"}\n')
    assert ask(server, "HEAD") == (503, b"")
    assert ask(server, target="/healthz?verbose=1")[0] == 503
    assert ask(server, target="/")[0] == 404
    assert ask(server, "POST")[0] == 405


@pytest.mark.parametrize(
    "sent",
    [b"\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x00\xff" + bytes(100) + b"\r\n\r\n", b"GET /healthz\r\n\r\n"],
)
def test_nonsense_gets_an_answer_or_none(server: HealthServer, sent: bytes) -> None:
    with dial(server.address) as sock:
        sock.sendall(sent)
        answer = b"".join(iter(lambda: sock.recv(4096), b""))
        assert answer.startswith(b"HTTP/1.1 ")
    assert ask(server)[0] == 200


def test_a_request_has_a_size_and_a_time(server: HealthServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with dial(server.address) as sock:
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                sock.sendall(bytes(4096))
        with contextlib.suppress(ConnectionError):
            assert sock.recv(1) == b""
    monkeypatch.setattr(health, "_REQUEST_SECONDS", 0.2)
    with dial(server.address) as sock, contextlib.suppress(ConnectionError):
        sock.sendall(b"GET /healthz HTTP/1.1\r\n")
        assert sock.recv(1) == b""
    assert ask(server)[0] == 200


def test_a_crowd_costs_the_oldest_its_place(server: HealthServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_MAX_CONNECTIONS", 10)
    crowd: list[socket.socket] = [dial(server.address) for _ in range(50)]
    assert ask(server)[0] == 200
    assert len(server._tasks) <= 10
    for sock in crowd[:30]:
        with contextlib.suppress(ConnectionError):
            assert sock.recv(1) == b""
    for sock in crowd:
        sock.close()
    assert ask(server)[0] == 200


def test_closing_ends_open_connections_and_the_thread(told: Told) -> None:
    server = HealthServer(Address("127.0.0.1", 0), told)
    sock = dial(server.address)
    assert ask(server)[0] == 200
    server.close()
    server.close()
    with contextlib.suppress(ConnectionError):
        assert sock.recv(1) == b""
    sock.close()
    assert "psiselect-health" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(ConnectionError):
        dial(server.address)


def test_an_address_in_use_is_named(server: HealthServer, told: Told) -> None:
    host, port = server.address.split(":")
    with pytest.raises(TransportError, match=f"cannot answer health checks on {server.address}: .*in use"):
        HealthServer(Address(host, int(port)), told)


def test_floods_keep_no_deadline_open(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests without end, pieces of one, and bytes after the answer: others are answered, and closing ends."""
    monkeypatch.setattr(health, "_REQUEST_SECONDS", 0.5)
    over = threading.Event()

    def flood(sock: socket.socket, data: bytes) -> None:
        with contextlib.suppress(OSError):
            while not over.is_set():
                sock.sendall(data)

    with HealthServer(Address("127.0.0.1", 0), told) as server:
        sent = (b"GET /healthz HTTP/1.1\r\n\r\n" * 1000, b"GET /healthz", bytes(1 << 16), b"x: y\r\n")
        socks = [dial(server.address) for _ in sent]
        threads = [threading.Thread(target=flood, args=pair, daemon=True) for pair in zip(socks, sent, strict=True)]
        for thread in threads:
            thread.start()
        for _ in range(5):
            began = time.monotonic()
            assert ask(server)[0] == 200
            assert time.monotonic() - began < 2
            time.sleep(0.05)
        for thread in threads:
            thread.join(0.5 + 2)  # the server has closed each of them
            assert not thread.is_alive()
        began = time.monotonic()
    assert time.monotonic() - began < 2
    assert not server._thread.is_alive()
    over.set()
    for sock in socks:
        sock.close()


def test_other_pages_are_answered_each_by_its_own(told: Told) -> None:
    pages = {"/livez": lambda: Health(True, {"status": "alive"}), "/metrics": lambda: TextPage("text/plain", b"x 1\n")}
    told.now = Health(False, {"status": "stopping"})
    with HealthServer(Address("127.0.0.1", 0), told, pages) as server:
        assert ask(server) == (503, b'{"status": "stopping"}\n')
        assert ask(server, target="/livez") == (200, b'{"status": "alive"}\n')
        connection = http.client.HTTPConnection(server.address, timeout=30)
        connection.request("GET", "/metrics?a=b")
        response = connection.getresponse()
        assert (response.status, response.getheader("Content-Type"), response.read()) == (200, "text/plain", b"x 1\n")
        connection.close()
        assert ask(server, "HEAD", "/metrics") == (200, b"")
        status, body = ask(server, target="/livez/")
        assert (status, json.loads(body)) == (404, {"error": "only /healthz, /livez, /metrics"})


def test_a_star_answers_in_both_families(told: Told) -> None:
    with HealthServer(Address("*", 0), told) as server:
        port = int(server.address.rpartition(":")[2])
        for host in ("127.0.0.1", "::1")[: len(server._sockets)]:
            with socket.create_connection((host, port), timeout=30) as sock:
                sock.sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
                assert sock.recv(4096).startswith(b"HTTP/1.1 200 OK")
