"""Three identities, an honest session to check a listener with, and what a listener logs."""

from __future__ import annotations

import threading
import time
from typing import NamedTuple

import pytest

from psi.identity.identity import Identity
from psi.transport.tls import Listener, connect
from psi.transport.tlschannel import TlsChannel
from psi.transport.wire import Frame
from support import rawtls


class Parties(NamedTuple):
    """Acme listens, Globex is pinned there, and the stranger is not."""

    acme: Identity
    globex: Identity
    stranger: Identity


def expect_honest_peer_served(listener: Listener, parties: Parties) -> None:
    """Whatever came before, the pinned peer gets its channel."""
    there = connect(listener.address, parties.globex, [parties.acme.public], timeout=30)
    here = listener.accept()
    there.send(Frame(1, b"hello"))
    assert here.receive() == Frame(1, b"hello")
    assert here.peer_fingerprint == parties.globex.fingerprint
    close_both(here, there)


def close_both(*channels: TlsChannel) -> None:
    """At once: each waits a moment for the other's goodbye."""
    threads = [threading.Thread(target=channel.close) for channel in channels]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def wait_for_log(caplog: pytest.LogCaptureFixture, text: str) -> str:
    """The first message of the transport that holds `text`, once it is there."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for record in caplog.records:
            if record.name == "psiselect.transport" and text in record.getMessage():
                return record.getMessage()
        time.sleep(0.01)
    raise AssertionError(f"not logged: {text}; but {[r.getMessage() for r in caplog.records]}")


def http(address: str, parties: Parties) -> None:
    """Send a request of a web browser, and read until the listener hangs up."""
    with rawtls.dial(address) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while sock.recv(4096):
            pass
