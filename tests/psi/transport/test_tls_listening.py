"""Where a listener is, and how long either side waits: addresses, deadlines, silent strangers, closing."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest
from support import rawtls
from support.handshakes import Parties, close_both, expect_honest_peer_served, http, wait_for_log

from psi.transport import reception
from psi.transport.tls import Listener, connect
from psiselect.base.errors import TransportError, UsageError


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_an_identity_is_not_bound_to_an_address(parties: Parties, host: str) -> None:
    if host == "[::1]" and not has_ipv6():
        pytest.skip("no IPv6 loopback here")
    with Listener(f"{host}:0", parties.acme, [parties.globex.public], timeout=30) as listening:
        expect_honest_peer_served(listening, parties)


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def test_oneself_and_nobody_are_no_peers(parties: Parties) -> None:
    for peers, message in (([parties.acme.public], "must not be your own"), ([], "no certificate of a peer")):
        with pytest.raises(UsageError, match=message):
            Listener("127.0.0.1:0", parties.acme, peers, timeout=1)
        with pytest.raises(UsageError, match=message):
            connect("127.0.0.1:1", parties.acme, peers, timeout=1)


def test_connect_waits_for_the_listener_to_come_up(parties: Parties) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    came: list[Listener] = []

    def come_late() -> None:
        time.sleep(0.5)
        came.append(Listener(f"127.0.0.1:{port}", parties.acme, [parties.globex.public], timeout=30))

    thread = threading.Thread(target=come_late)
    thread.start()
    there = connect(f"127.0.0.1:{port}", parties.globex, [parties.acme.public], timeout=30)
    thread.join()
    close_both(came[0].accept(), there)
    came[0].close()


def test_nobody_there_ends_both_sides_at_the_deadline(parties: Parties) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(TransportError, match=rf"no program was listening at 127.0.0.1:{port} within 0.3 s"):
        connect(f"127.0.0.1:{port}", parties.globex, [parties.acme.public], timeout=0.3)
    with Listener("127.0.0.1:0", parties.acme, [parties.globex.public], timeout=0.2) as listening:
        with pytest.raises(
            TransportError, match=r"none of the peers that you named has connected to 127.0.0.1:\d+ within 0.2 s$"
        ):
            listening.accept()
        http(listening.address, parties)
        with pytest.raises(TransportError, match="another connection was refused because the other program does not"):
            listening.accept()


def test_a_listener_that_accepts_but_says_nothing_ends_connect(parties: Parties) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(
            TransportError,
            match=f"cannot begin a session with the program at {address}: the other program did not answer in",
        ):
            connect(address, parties.globex, [parties.acme.public], timeout=0.3)


def test_silent_and_slow_strangers_do_not_keep_the_peer_out(
    parties: Parties, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three times as many as the listener holds at once."""
    monkeypatch.setattr(reception, "_MAX_CALLERS", 20)
    with Listener("127.0.0.1:0", parties.acme, [parties.globex.public], timeout=30) as listening:
        strangers = [rawtls.dial(listening.address) for _ in range(60)]
        for sock in strangers[::2]:
            sock.setblocking(False)
            with contextlib.suppress(ConnectionError):
                sock.send(b"\x16\x03\x01")
        expect_honest_peer_served(listening, parties)
        wait_for_log(caplog, "this one had to give way")
        assert len(listening._reception._callers) <= 20
        for sock in strangers:
            sock.close()


def test_a_handshake_has_a_deadline(
    parties: Parties, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the thread that waits for it; to the moment in `test_slow_callers.py`."""
    with Listener("127.0.0.1:0", parties.acme, [parties.globex.public], timeout=30) as listening:
        with monkeypatch.context() as patch:
            patch.setattr(reception, "_HANDSHAKE_SECONDS", 0.2)
            with rawtls.dial(listening.address) as silent:
                wait_for_log(caplog, "did not complete the beginning of the connection")
                assert silent.recv(1) == b""
        expect_honest_peer_served(listening, parties)


def test_a_closed_listener_refuses(parties: Parties) -> None:
    listening = Listener("127.0.0.1:0", parties.acme, [parties.globex.public], timeout=30)
    raised: list[UsageError] = []

    def wait() -> None:
        try:
            listening.accept()
        except UsageError as error:
            raised.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    listening.close()
    listening.close()
    waiting.join(20)
    assert raised
    with pytest.raises(UsageError, match="is closed already"):
        listening.accept()
    with pytest.raises(TransportError, match="no program was listening"):
        connect(listening.address, parties.globex, [parties.acme.public], timeout=0.1)


def test_an_address_in_use_is_named(listener: Listener, parties: Parties) -> None:
    with pytest.raises(TransportError, match=f"cannot listen on {listener.address}: .*in use"):
        Listener(listener.address, parties.acme, [parties.globex.public], timeout=1)
