"""The house rules of a listener that keeps running, without any protocol: places, deadlines, stopping, nothing left."""

from __future__ import annotations

import contextlib
import gc
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from support import floods, rawtls

from psi.accounts.session_file import new_file_of_session
from psi.identity.identity import Identity
from psi.protocol import messages
from psi.protocol.messages import BUSY, MessageType
from psi.serve.serving import Counts, ServedSession, ServeLimits, Server, SessionSlots
from psi.transport import listener as listening_end
from psi.transport import reception, stream
from psi.transport.listener import Listener
from psi.transport.tls import connect
from psi.transport.tlschannel import TlsChannel
from psi.transport.wire import Frame
from psiselect.base import threads
from psiselect.base.errors import InputError, RemoteError, TransportError


def test_a_session_is_overdue_by_proof_and_by_duration() -> None:
    rules, served = ServeLimits(1, 1, proof_seconds=10, session_seconds=100), ServedSession(1, None, began=1000.0)  # type: ignore[arg-type]
    assert served.overdue(rules, 1010) is None
    assert "did not begin the session within 10 s" in str(served.overdue(rules, 1010.1))
    served.prove()
    assert served.overdue(rules, 1100) is None
    assert "longer than 1 min 40 s" in str(served.overdue(rules, 1100.1))
    assert served.overdue(ServeLimits(1, 1, 10), 1e9) is None
    assert ServedSession(2, None).overdue(rules, 1e9) is None  # type: ignore[arg-type]  # this side still prepares


def test_a_sessions_file_is_named_by_its_transcript_and_never_written_over(tmp_path: Path) -> None:
    transcript = bytes(range(64))
    assert new_file_of_session(tmp_path / "plain.csv", transcript) == tmp_path / "plain.csv"
    found = new_file_of_session(tmp_path / "acme-{session}.csv", transcript)
    assert found == tmp_path / "acme-0001020304050607.csv"
    found.write_text("")
    with pytest.raises(InputError, match="exists already"):
        new_file_of_session(tmp_path / "acme-{session}.csv", transcript)


class Parties(NamedTuple):
    acme: Identity
    globex: Identity
    initech: Identity


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    folder = tmp_path_factory.mktemp("identities")
    return Parties(*(Identity.create(name, folder) for name in Parties._fields))


def limits(each: int = 1, total: int = 4, proof_seconds: float = 60, pause_seconds: float = 0) -> ServeLimits:
    return ServeLimits(total, each, proof_seconds, pause_seconds=pause_seconds)


class Host:
    """A server whose sessions wait for one frame and send it back."""

    def __init__(self, parties: Parties, rules: ServeLimits) -> None:
        self.parties = parties
        self.slots = SessionSlots(rules)
        self.listener = Listener(
            "127.0.0.1:0",
            parties.acme,
            [parties.globex.public, parties.initech.public],
            timeout=30,
            slots=self.slots,
            busy_frame=BUSY,
        )
        self.server = Server(self.listener, self.slots, rules, self.session)
        self.server.start()
        self.ended: list[str] = []

    def session(self, served: ServedSession) -> bool:
        served.begin()
        channel = served.channel
        assert isinstance(channel, TlsChannel)
        try:
            frame = channel.receive(60)
            assert frame is not None
            if frame.payload == b"bug":
                raise ZeroDivisionError
            channel.send(frame)
            self.ended.append("well")
            return True
        except (TransportError, RemoteError) as error:
            self.ended.append(str(error))
            return False
        finally:
            channel.close()

    def call(self, identity: Identity) -> TlsChannel:
        return connect(self.listener.address, identity, [self.parties.acme.public], timeout=30)


@contextlib.contextmanager
def hosting(parties: Parties, rules: ServeLimits) -> Iterator[Host]:
    host = Host(parties, rules)
    try:
        yield host
    finally:
        host.server.stop_accepting()
        host.server.break_off("the test is over")
        assert host.slots.wait_empty(30)


def echo(channel: TlsChannel, text: bytes = b"hello") -> bytes:
    with channel:
        channel.send(Frame(1, text))
        frame = channel.receive()
        assert frame is not None
        return bytes(frame.payload)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_peer_waits_at_the_door_and_enters_when_its_place_is_free(parties: Parties) -> None:
    with hosting(parties, limits()) as host:
        first, second = host.call(parties.globex), host.call(parties.globex)
        second.send(Frame(1, b"second"))
        assert echo(host.call(parties.initech)) == b"hello"
        assert second.receive(0) is None
        assert echo(first) == b"hello"
        assert second.receive() == Frame(1, b"second")
        second.close()
        until(lambda: host.slots.counts == Counts(0, 3, 0))


def test_who_waited_in_vain_is_told(parties: Parties, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception, "_SLOT_SECONDS", 0.2)
    with hosting(parties, limits()) as host, host.call(parties.globex) as first:
        with host.call(parties.globex) as second:
            told = second.receive()
            assert told == BUSY
            assert isinstance(messages.decode_abort(told.payload), RemoteError)
            with pytest.raises(TransportError):
                second.receive()
        first.send(Frame(1, b"still here"))
        assert first.receive() == Frame(1, b"still here")


def test_a_crowd_of_one_peer_is_turned_away_at_once(parties: Parties, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception, "_SLOT_SECONDS", 600)
    with hosting(parties, limits()) as host:
        crowd = [host.call(parties.globex) for _ in range(1 + reception._MAX_WAITING + 3)]
        told = []
        for channel in crowd[-3:]:
            frame = channel.receive()
            assert frame is not None
            told.append(frame.type)
        assert told == [MessageType.ABORT] * 3
        assert echo(host.call(parties.initech)) == b"hello"
        for channel in crowd:
            channel.break_off("the test is over")
            channel.close()


def test_those_who_wait_for_a_slot_are_told_when_the_listener_closes(parties: Parties) -> None:
    with hosting(parties, limits()) as host:
        inside = host.call(parties.globex)
        until(lambda: host.slots.counts.running == 1)
        waiting = host.call(parties.globex)
        until(lambda: len(host.listener._reception._waiting()) == 1)
        host.server.stop_accepting()
        assert waiting.receive() == BUSY
        assert echo(inside) == b"hello"
        waiting.close()


def test_a_session_that_raises_ends_alone(parties: Parties, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    with hosting(parties, limits(total=2)) as host:
        with host.call(parties.globex) as channel:
            channel.send(Frame(1, b"bug"))
            with pytest.raises(TransportError):
                channel.receive()
        assert echo(host.call(parties.globex)) == b"hello"
        until(lambda: host.slots.counts == Counts(0, 1, 1))
        assert host.server.alive


def test_overdue_sessions_are_expelled_and_stopping_breaks_off(parties: Parties) -> None:
    with hosting(parties, limits(total=2, proof_seconds=0.1)) as host:
        with host.call(parties.globex):
            until(lambda: host.slots.counts.running == 1)
            time.sleep(0.2)
            host.server.expel_overdue()
            until(lambda: host.slots.counts.failed == 1)
        assert "did not begin" in host.ended[0]
        with host.call(parties.globex):
            until(lambda: host.slots.counts.running == 1)
            host.server.stop_accepting()
            assert not host.server.alive
            assert not host.slots.wait_empty(0.05)
            host.server.break_off("somebody stopped this listener")
            assert host.slots.wait_empty(30)
        assert host.ended[1] == "somebody stopped this listener"


@pytest.mark.parametrize("error", [OSError(24, "Too many open files"), threads.refused()])
def test_no_room_for_a_channel_gives_the_place_back(
    parties: Parties, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def no_room(*args: object, **options: object) -> TlsChannel:
        raise error

    plain = listening_end.TlsChannel
    with hosting(parties, limits(total=1)) as host:
        monkeypatch.setattr(listening_end, "TlsChannel", no_room)
        with host.call(parties.globex) as channel:
            with contextlib.suppress(TransportError):  # it may have been turned away by now
                channel.send(Frame(1, b"what a session begins with"))
            assert channel.receive() == BUSY
        monkeypatch.setattr(listening_end, "TlsChannel", plain)
        assert echo(host.call(parties.globex)) == b"hello"


def test_a_bug_met_by_one_visitor_does_not_end_the_listener(
    parties: Parties, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: object) -> None:
        raise ValueError("a fault")

    plain = reception.pinned_peer
    with hosting(parties, limits(total=1)) as host:
        monkeypatch.setattr(reception, "pinned_peer", broken)
        with host.call(parties.globex) as channel, pytest.raises(TransportError):
            channel.receive()
        monkeypatch.setattr(reception, "pinned_peer", plain)
        assert echo(host.call(parties.globex)) == b"hello"
    assert "a bug" in caplog.text


def test_nothing_is_left_of_sessions_that_are_over(parties: Parties) -> None:
    """Objects of ours, threads and sockets, after 5 visits of each kind and after 50 more."""

    def visits(count: int) -> None:
        for _ in range(count):
            assert echo(host.call(parties.globex)) == b"hello"
            with host.call(parties.globex) as silent:
                silent.break_off("gone")
            with contextlib.suppress(OSError):
                rawtls.client(host.listener.address, parties.acme.public, None).close()
            rawtls.dial(host.listener.address).close()
        until(lambda: host.slots.counts.running == 0 and not host.listener._reception._callers)
        until(lambda: threading.active_count() == running)

    def left() -> Counter[str]:
        gc.collect()
        names = {
            "TlsChannel",
            "TlsStream",
            "PinnedTls",
            "MemoryBIO",
            "FrameQueue",
            "Frame",
            "ServedSession",
            "_Caller",
        }
        return Counter(kind for kind in (type(found).__name__ for found in gc.get_objects()) if kind in names)

    with hosting(parties, limits()) as host:
        running = threading.active_count()
        visits(5)
        before = left()
        visits(50)
        # A thread that waits may still name the last one or two it saw; 50 visits that stayed would show.
        assert all(count <= 2 for count in (left() - before).values())


def test_a_failed_session_keeps_its_place_for_a_while(parties: Parties) -> None:
    with hosting(parties, limits(pause_seconds=600)) as host:
        with host.call(parties.globex) as channel:
            channel.break_off("gone")
        until(lambda: host.slots.counts.failed == 1)
        assert not host.slots.wait_empty(0.2)
        assert echo(host.call(parties.initech)) == b"hello"
        host.server.stop_accepting()
        assert host.slots.wait_empty(30), "stopping does not wait for it"


@pytest.mark.parametrize("limited", [True, False])
def test_a_peer_that_floods_loses_its_slot_in_time(
    parties: Parties, monkeypatch: pytest.MonkeyPatch, limited: bool
) -> None:
    """By the limit of records without data; were there none, by the deadline of the proof. Its thread ends too."""
    if not limited:
        monkeypatch.setattr(stream, "_SPARE_BYTES", 1 << 60)
    with hosting(parties, limits(proof_seconds=60 if limited else 0.5)) as host:
        running = threading.active_count()
        peer = floods.client(host.listener.address, parties.acme.public, parties.globex)
        with peer.flooding(floods.Sealer.key_updates_asked):
            until(lambda: host.slots.counts.running == 1)
            began = time.monotonic()
            while not host.ended:
                assert time.monotonic() - began < 50  # less than the proof has where there is a limit
                host.server.expel_overdue()
                time.sleep(0.01)
            assert echo(host.call(parties.initech)) == b"hello"
        expected = "TLS records without data" if limited else "the peer did not begin the session within"
        assert expected in host.ended[0]
        until(lambda: threading.active_count() == running)
        assert host.slots.enter(parties.globex.fingerprint)
        host.slots.leave(parties.globex.fingerprint)


def test_a_listener_that_stops_is_alive_and_one_whose_listening_ended_is_not(parties: Parties) -> None:
    stopping, broken = Host(parties, limits()), Host(parties, limits())
    assert (stopping.server.alive, stopping.server.live) == (True, True)
    stopping.server.stop_accepting()
    assert (stopping.server.alive, stopping.server.live) == (False, True)
    broken.listener.close()
    assert (broken.server.alive, broken.server.live) == (False, False)
    starting = Server(broken.listener, broken.slots, limits(), broken.session)  # its health address answers already
    assert (starting.alive, starting.live) == (False, True)


def test_a_session_whose_result_is_withheld_counts_as_done_and_keeps_its_slot_for_the_pause(parties: Parties) -> None:
    host = Host(parties, limits(pause_seconds=3600))

    def withheld(served: ServedSession) -> bool:
        served.withheld = True
        served.channel.break_off("withheld")
        return False

    host.server._run = withheld
    with host.call(parties.globex):
        until(lambda: host.slots.counts.done == 1)
        assert host.slots.counts.failed == 0
        assert not host.slots.wait_empty(0.2)
    host.server.stop_accepting()


@pytest.mark.parametrize("well", [True, False])
def test_a_session_that_is_over_is_gone_at_once(parties: Parties, well: bool) -> None:
    """With all that TLS kept for it; the interpreter need not look for it first."""
    gc.collect()
    gc.disable()
    try:
        with hosting(parties, limits()) as host:
            seen: list[weakref.ref[object]] = []
            run = host.server._run

            def session(served: ServedSession) -> bool:
                seen.append(weakref.ref(served.channel))
                return run(served)

            host.server._run = session
            calling = host.call(parties.globex)
            if well:
                assert echo(calling) == b"hello"
            else:
                calling.close()
            until(lambda: bool(seen) and seen[0]() is None)
    finally:
        gc.enable()
