"""A listener that keeps running, as a process, among pinned peers that flood, drip, split, stall or close half."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from support import floods, rawtls
from support.checkout import ROOT, environment
from support.floods import Flooder, Sealer
from support.hostile import Background
from support.psi_processes import run
from support.served import PATIENCE, Served, options_of, serving

from psi.identity.identity import Identity

MIB = 1 << 20
HAVE_PROC = Path("/proc/self/statm").exists()
TIMEOUT, LONGEST, LATE = 2.0, 4.0, 2.0  # seconds: --timeout, --max-duration, and how late either may be

# The program, with each frame of elements cut into frames of one.
SPLITTING = """
from cli.main import main
from psi.protocol.messages import MessageType
from psi.transport.tlschannel import TlsChannel
from psi.transport.wire import Frame
send = TlsChannel.send
def split(self, frame):
    whole = frame.view()
    if frame.type != MessageType.ELEMENTS or len(whole) <= 32:
        return send(self, frame)
    for start in range(0, len(whole), 32):
        send(self, Frame(frame.type, whole[start : start + 32]))
TlsChannel.send = split
main()
"""


class Attackers(Background):
    """Mallory, a pinned peer: sessions of each kind until the block ends, in a thread for each group of kinds."""

    def __init__(self, place: Path, address: str, *groups: tuple[str, ...]) -> None:
        super().__init__()
        self._place, self._address = place, address
        self._acme, self._mallory = Identity.load(place / "acme").public, Identity.load(place / "mallory")
        self.made = dict.fromkeys((kind for group in groups for kind in group), 0)
        self._threads = [threading.Thread(target=self._repeat, args=(group,), daemon=True) for group in groups]

    def _repeat(self, kinds: tuple[str, ...]) -> None:
        for kind in itertools.cycle(kinds):
            if self._over.wait(0.02):
                return
            with contextlib.suppress(OSError):
                getattr(self, kind)()
            self.made[kind] += 1

    def _flooder(self) -> Flooder:
        return floods.client(self._address, self._acme, self._mallory)

    def _raw(self) -> rawtls.Socket:
        return rawtls.client(self._address, self._acme, self._mallory)

    def _until_closed(self, sock: socket.socket) -> None:
        """Wait for the other end to close, as long as its longest session may take."""
        sock.settimeout(LONGEST + LATE)
        with contextlib.suppress(OSError):
            while not self._over.is_set() and sock.recv(1 << 16):
                pass

    def flood(self) -> None:
        """KeyUpdates and nothing else."""
        peer = self._flooder()
        peer.flood(Sealer.key_updates_asked, most=1 << 22)
        peer.close()

    def flood_in_data(self) -> None:
        """KeyUpdates with as much data as the limit wants: a frame that grows for ever."""
        peer = self._flooder()
        peer.send(peer.sealer.data(b"\0\x0f\xff\xf0\x01"))
        peer.flood(lambda sealer: sealer.key_update() + sealer.data(b"{" * 8), most=1 << 18)
        peer.close()

    def drip(self) -> None:
        """A byte now and then."""
        with self._raw() as sock, contextlib.suppress(OSError):
            for byte in b"\0\0\x02\0\x01" + b"{" * 500:
                if self._over.wait(0.02):
                    return
                sock.send(bytes((byte,)))

    def one_element(self) -> None:
        """A session with a frame for each element."""
        words = map(str, options_of(self._place, self._address, "mallory"))
        subprocess.run(
            [sys.executable, "-c", SPLITTING, *words], env=environment(), cwd=ROOT, capture_output=True, timeout=120
        )

    def silent(self) -> None:
        with self._raw() as sock:
            self._until_closed(sock)

    def half_close(self) -> None:
        with self._raw() as sock, socket.socket(fileno=os.dup(sock.fileno())) as raw:
            raw.shutdown(socket.SHUT_WR)
            self._until_closed(sock)


def honest(place: Path, served: Served) -> None:
    """A session of Globex, which the others do not keep out."""
    found = run(*options_of(place, served.address, "globex"))
    assert found.code == 0, found
    assert found.json["matches"] == 2


def threads_of(served: Served) -> int:
    return len(list(Path(f"/proc/{served.process.pid}/task").iterdir()))


def attack(place: Path, *groups: tuple[str, ...], seconds: float, each: int) -> None:
    """Honest sessions while each kind attacks, for so long and at least `each` times; then nothing is left."""
    options = ("--health", "0", "--json", "--timeout", TIMEOUT, "--max-duration", LONGEST)
    slots = ("--max-sessions", 4, "--peer-sessions", 3)
    with serving(place, *options, *slots, peers=("globex", "mallory")) as served:
        honest(place, served)
        threads, sessions = threads_of(served), 2
        with Attackers(place, served.address, *groups) as attackers:
            honest(place, served)
            memory, began = served.memory(), time.monotonic()
            while time.monotonic() - began < seconds or min(attackers.made.values()) < each:
                honest(place, served)
                sessions += 1
                assert served.health()[0] == 200
                assert served.memory() < memory + 32 * MIB
                assert time.monotonic() - began < seconds + PATIENCE, attackers.made
        honest(place, served)
        deadline = time.monotonic() + LONGEST + LATE + 5
        while served.health()[1]["running"] or threads_of(served) > threads:
            assert time.monotonic() < deadline, threads_of(served)
            time.sleep(0.05)
        print(f"{attackers.made}, {sessions} honest, memory {memory / MIB:.1f} to {served.memory() / MIB:.1f} MiB")
        assert served.memory() < memory + 32 * MIB
        assert served.stop() == 0
    failed = served.all("session_failed")
    assert {event["peer"] for event in failed} == {"mallory"}
    assert {event["code"] for event in failed} <= {4, 5}
    assert any("TLS records without data" in event["reason"] for event in failed)
    assert any("did not begin the session within" in event["reason"] for event in failed)
    assert max(event["seconds"] for event in failed) < TIMEOUT + LATE
    done = [event for event in served.all("session_done") if event["peer"] == "globex"]
    assert len(done) == sessions + 1


@pytest.mark.skipif(not HAVE_PROC, reason="memory and threads are read from /proc")
def test_peers_that_flood_or_stall_keep_no_deadline_open(place: Path) -> None:
    attack(place, ("flood", "flood_in_data"), ("drip",), ("half_close", "silent"), seconds=0, each=1)


@pytest.mark.soak
def test_a_minute_of_peers_that_flood_or_stall(place: Path) -> None:
    # A group more than Mallory has slots, so that floods meet the listener while they wait for one as well.
    groups = ("flood",), ("flood_in_data", "one_element"), ("drip", "flood"), ("half_close", "silent")
    attack(place, *groups, seconds=60, each=5)
