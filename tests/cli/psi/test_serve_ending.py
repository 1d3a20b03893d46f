"""How `psiselect psi listen --serve` ends sessions and itself: signals, grace, and deadlines for its peers."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from pathlib import Path

import pytest
from support import rawtls
from support.jobs import agreed, specs
from support.psi_processes import run
from support.served import Call, hold, serving

from psi.agreement.modes import Learner, Reveal, Side
from psi.group.curve25519.backend import load_backend
from psi.identity.identity import Identity
from psi.protocol.messages import MessageType
from psi.protocol.party import Party
from psi.protocol.states import State
from psi.session.job import Job, Memory
from psi.tables import open_source
from psi.transport.wire import Frame
from psiselect.base.entropy import SystemEntropy


def test_told_to_stop_it_lets_sessions_end(place: Path) -> None:
    with serving(place, "--health", "0", "--grace", "60") as served:
        where = served.address
        with hold(place, served) as channel:
            served.wait("session_started")
            served.process.terminate()
            assert served.wait("stopping")["running"] == 1
            served.settle(503, status="stopping")
            late = run("psi", "connect", where, "--identity", place / "globex", "--peer", place / "acme.crt", "--json",
                       "--input", place / "globex.parquet", "--key", "e:email", "--timeout", "0.5")  # fmt: skip
            assert late.code == 5
            assert served.process.poll() is None
            channel.break_off("leaving")
        assert served.ended() == 0
    assert served.wait("stopped")["left"] == 0


def test_sessions_beyond_the_grace_are_broken_off(place: Path) -> None:
    with serving(place, "--grace", "0.2") as served, hold(place, served) as channel:
        served.wait("session_started")
        assert served.stop() == 0
        assert "stopped the listener on this side" in served.wait("session_failed")["reason"]
        assert channel.receive() is not None  # its hello


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_told_twice_it_breaks_sessions_off(place: Path, number: int, code: int) -> None:
    with serving(place, "--grace", "600") as served, hold(place, served):
        served.wait("session_started")
        served.process.send_signal(number)
        served.wait("stopping")
        assert served.stop(number) == code
        assert served.wait("session_failed")["kind"] == "transport"


def test_a_peer_that_does_not_begin_loses_its_place(place: Path, call: Call) -> None:
    """It sends a byte of its first frame now and then, which is progress to the channel."""
    with serving(place, "--timeout", "1.5") as served:
        acme, globex = Identity.load(place / "acme").public, Identity.load(place / "globex")
        sock = rawtls.client(served.address, acme, globex)
        sock.setblocking(True)
        dripping = threading.Event()

        def drip() -> None:
            try:
                sock.sendall(b"\0\0\x02\0\x01")
                while not dripping.wait(0.2):
                    sock.sendall(b"{")
            except OSError:
                pass

        thread = threading.Thread(target=drip)
        thread.start()
        failed = served.wait("session_failed")
        dripping.set()
        thread.join()
        sock.close()
        assert "did not begin the session within 1.5 s" in failed["reason"]
        assert call(served.address).code == 0


def test_a_peer_that_has_begun_may_take_its_time(place: Path) -> None:
    """It proves who it is and then computes, with signs of life, for longer than it had for the proof."""
    seconds = 3.0
    acme, globex = Identity.load(place / "acme").public, Identity.load(place / "globex")
    keys = specs("e:email")
    terms = agreed(keys, Reveal.MATCHES, Learner.CONNECT)
    with (
        serving(place, "--timeout", str(seconds)) as served,
        contextlib.closing(load_backend("portable", 1)) as backend,
        Job(open_source(place / "globex.parquet"), keys, Side.CONNECT, terms, Memory(1 << 30, place)) as job,
        hold(place, served) as channel,
    ):
        party = Party(job.setup(globex, acme, backend, SystemEntropy()))
        frames = party.start()
        while party.state not in (State.MASKING, State.MASKING_QUIETLY):
            for frame in frames:
                channel.send(frame)
            arrived = channel.receive()
            assert arrived is not None
            frames = party.receive(arrived)
        ready = time.monotonic()
        while time.monotonic() < ready + seconds + 2.5:  # the server looks once a second
            channel.send(Frame(MessageType.ALIVE, b""))
            time.sleep(0.1)
        assert not served.all("session_failed")
        channel.break_off("the test has seen enough")
        assert "did not begin" not in served.wait("session_failed")["reason"]
        party.close()


def test_a_session_has_a_longest_duration(place: Path) -> None:
    with serving(place, "--max-duration", "0.3") as served, hold(place, served):
        assert "longer than 0.3 s" in served.wait("session_failed")["reason"]
