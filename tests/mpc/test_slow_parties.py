"""Parties that are slow, silent or gone, at each layer: handshake, sharing round, MPyC, last words."""

from __future__ import annotations

import asyncio
import queue
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support import mpc_memory
from support.mpc_inside import Inside
from support.mpc_memory import StubMesh
from support.mpc_network import roster, terms
from support.mpc_processes import free_port

from mpc import functions, mesh, session
from mpc.mesh import Connected, Event, Lost, Mesh, Received
from mpc.messages import Cause, Failure, Message
from mpc.parties import PartyEntry, PartyList, PartyRole
from mpc.securesum import SecureSum
from mpc.session import Driver
from psi.identity.identity import Identity
from psi.transport.address import Address
from psi.transport.wire import Frame
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import RemoteError, TransportError

PROMPT = 30.0  # seconds until what should end at once counts as hanging


class Clock:
    """A clock that only tests and waits move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class NotYet(threading.Event):
    """What is never set; waiting for it moves the clock."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        self.clock.sleep(timeout or 0)
        return False


class Dripping:
    """Events that never run out: each comes a tenth of a second after the one before."""

    def __init__(self, clock: Clock, event: Callable[[], Event | None]) -> None:
        self.clock, self.event, self.taken = clock, event, 0

    def get(self, timeout: float) -> Event:
        self.taken += 1
        assert self.taken < 5000, "the deadline never came"
        event = self.event()
        if event is None:
            self.clock.now += timeout
            raise queue.Empty
        self.clock.now += 0.1
        return event


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    for module in (session, mesh):
        monkeypatch.setattr(module, "time", made)
    return made


def driver(clock: Clock, event: Callable[[], Event | None], timeout: float) -> tuple[Driver, StubMesh]:
    links = StubMesh()
    links.events = Dripping(clock, event)  # type: ignore[assignment]
    machine = SecureSum(roster(3), "alice", terms(), [1], SystemEntropy())
    return Driver(machine, links, timeout), links  # type: ignore[arg-type]


@pytest.mark.parametrize("dripping", [False, True])
def test_the_deadline_is_one_for_the_whole_run(clock: Clock, dripping: bool) -> None:
    """Whether nothing comes at all, or a frame that changes nothing always waits to be read."""
    early = Received("bob", Frame(Message.MPYC, b"x"))
    run, links = driver(clock, lambda: early if dripping else None, 30)
    run.aside = lambda _peer, _frame: True
    run.handle(Connected("bob"))
    with pytest.raises(TransportError, match="carlos did not connect in time"):
        run.until(lambda: False)
    assert 30 <= clock.now - 1000 <= 30.2 + session._LATECOMER_SECONDS
    assert [peer for peer, frame in links.sent if frame.type == Message.ABORT] == ["bob"]


def test_a_party_that_never_confirms_is_named_and_the_result_stands(clock: Clock) -> None:
    run, _ = driver(clock, lambda: None, 30)
    for name in ("bob", "carlos"):
        run.handle(Connected(name))
    run.machine.result = b"{}"
    run.machine._peers["bob"].expects.clear()
    run.until(lambda: run.machine.finished)
    assert clock.now == 1030
    assert run.machine.failure is None
    assert run.machine.unconfirmed == ("carlos",)


def test_latecomers_are_told_for_a_moment_only(clock: Clock) -> None:
    run, _ = driver(clock, lambda: None, 30)
    run.machine.stopped()
    with pytest.raises(RemoteError, match="alice stopped"):
        run.until(lambda: False)
    assert clock.now == 1000 + session._LATECOMER_SECONDS


def test_a_latecomer_hears_why_there_is_no_result(clock: Clock) -> None:
    run, links = driver(clock, iter([Connected("bob"), Connected("carlos")]).__next__, 30)
    run.machine.stopped()
    with pytest.raises(RemoteError):
        run.until(lambda: False)
    assert [(peer, frame.type) for peer, frame in links.sent] == [("bob", Message.ABORT), ("carlos", Message.ABORT)]


def test_a_broken_link_waits_for_better_news_for_a_moment_only(clock: Clock) -> None:
    run, links = driver(clock, lambda: None, 30)
    run.handle(Connected("bob"))
    run.handle(Lost("bob", TransportError("gone")))
    assert run.machine.failure == Failure(Cause.LOST, "bob", "alice")
    assert clock.now == 1000 + session._HEARSAY_SECONDS
    assert links.sent


def test_better_news_names_who_really_left(clock: Clock) -> None:
    news = Failure(Cause.LATE, "bob", "carlos")
    run, _ = driver(clock, lambda: Received("carlos", news.frame()), 30)
    run.handle(Lost("carlos", TransportError("gone")))
    assert run.machine.failure == news


def test_what_is_no_frame_is_the_peers_doing(clock: Clock) -> None:
    run, links = driver(clock, lambda: None, 30)
    run.handle(Connected("carlos"))
    run.handle(Lost("bob", RemoteError("a frame of 4 GiB")))
    assert run.machine.failure == Failure(Cause.PROTOCOL, "bob", "alice")
    assert [peer for peer, frame in links.sent if frame.type == Message.ABORT] == ["carlos"]


def test_a_party_that_is_interrupted_says_so(clock: Clock) -> None:
    def interrupt() -> Event:
        raise KeyboardInterrupt

    run, links = driver(clock, interrupt, 30)
    run.handle(Connected("bob"))
    with pytest.raises(KeyboardInterrupt), run.telling():
        run.until(lambda: False)
    assert run.machine.failure == Failure(Cause.LOST, "alice", "alice")
    assert [peer for peer, frame in links.sent if frame.type == Message.ABORT] == ["bob"]


def test_dialling_is_bounded_by_what_is_left_of_the_deadline(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    granted: list[tuple[float, float]] = []

    def connect(_a: object, _i: object, _p: object, *, timeout: float) -> None:
        granted.append((clock.now, timeout))
        clock.now += 7
        assert len(granted) < 20, "it dials for ever"
        raise TransportError("nobody")

    monkeypatch.setattr(mesh, "connect", connect)
    monkeypatch.setattr(Mesh, "__init__", lambda _self: None)
    links = Mesh()  # type: ignore[call-arg]
    links._closing, links._deadline, links.problems = NotYet(clock), clock.now + 30, {}
    links._identity = mpc_memory.NOBODY
    links._connect("alice", "127.0.0.1:9", None)  # type: ignore[arg-type]
    assert all(timeout == 1030 - at for at, timeout in granted)
    assert len(granted) == 5
    assert links.problems == {"alice": "nobody"}


# -- real links --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def identities(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Identity]:
    folder: Path = tmp_path_factory.mktemp("keys")
    return {name: Identity.create(name, folder) for name in ("alice", "bob")}


def two(identities: dict[str, Identity], port: int) -> PartyList:
    at = Address("127.0.0.1", port)
    return PartyList(tuple(PartyEntry(n, PartyRole.BOTH, i.public.der, at) for n, i in identities.items()))


def drip(sock: socket.socket, data: bytes, over: threading.Event) -> None:
    """One byte every hundredth of a second, until the other end or the test has had enough."""
    for byte in data:
        if over.wait(0.01):
            return
        try:
            sock.send(bytes((byte,)))
        except OSError:
            return


CLIENT_HELLO = bytes.fromhex("160301ffff01") + bytes(5000)  # the start of a handshake that never ends


def test_dripping_strangers_keep_nobody_out(identities: dict[str, Identity]) -> None:
    people = two(identities, free_port())
    over = threading.Event()
    with Mesh(people, "alice", identities["alice"], 60) as here:
        strangers = [socket.create_connection(people["alice"].address or ("", 0)) for _ in range(6)]
        threads = [threading.Thread(target=drip, args=(s, CLIENT_HELLO, over)) for s in strangers[:3]]
        for thread in threads:
            thread.start()
        with Mesh(people, "bob", identities["bob"], 60) as there:
            assert here.events.get(timeout=PROMPT) == Connected("bob")
            assert there.events.get(timeout=PROMPT) == Connected("alice")
            there.send("alice", Frame(Message.DONE, b""))
            assert here.events.get(timeout=PROMPT) == Received("bob", Frame(Message.DONE, bytearray()))
    over.set()
    for thread in threads:
        thread.join()
    for stranger in strangers:
        stranger.close()


@pytest.mark.parametrize("data", [b"", bytes.fromhex("16030300ff02") + bytes(5000)], ids=["silent", "dripping"])
def test_a_listener_that_drips_its_handshake_is_given_up_at_the_deadline(
    identities: dict[str, Identity], data: bytes
) -> None:
    over, heard = threading.Event(), []
    with socket.create_server(("127.0.0.1", 0)) as server:
        people = two(identities, server.getsockname()[1])

        def answer() -> None:
            sock, _ = server.accept()
            heard.append(sock)
            drip(sock, data, over)

        thread = threading.Thread(target=answer)
        thread.start()
        links = Mesh(people, "bob", identities["bob"], 0.3)
        until = time.monotonic() + PROMPT
        while "alice" not in links.problems and time.monotonic() < until:
            time.sleep(0.01)
        over.set()
        thread.join()
        links.close()
        heard[0].close()
    assert "did not answer in time" in links.problems["alice"]


# -- inside MPyC -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("peer", "frame", "kept"),
    [
        ("bob", Frame(Message.MPYC, b"early"), True),
        ("bob", Frame(Message.MPYC, bytes(functions._MAX_EARLY - 5)), True),
        ("bob", Frame(Message.MPYC, bytes(functions._MAX_EARLY - 4)), False),
        ("bob", Frame(Message.SHARE, b"early"), False),
        ("dave", Frame(Message.MPYC, b"early"), False),
    ],
    ids=["early", "as much as fits", "too much", "another message", "a stranger"],
)
def test_early_frames_are_kept_for_the_parties_that_compute_up_to_a_limit(peer: str, frame: Frame, kept: bool) -> None:
    phase = Inside(60).phase
    assert phase.early(peer, frame) == kept
    assert [(p, len(data)) for p, data in phase._early] == ([(peer, len(frame.payload))] if kept else [])


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_HEARSAY_SECONDS", 0.01)


def test_parties_that_stall_inside_mpyc_are_named_at_the_deadline() -> None:
    inside = Inside(0.05)
    with pytest.raises(TransportError, match="bob stopped answering"):
        inside.run()
    assert set(inside.told()) == {"bob", "carlos"}
    assert inside.machine.failure == Failure(Cause.LATE, "bob", "alice")


def test_a_party_that_drips_inside_mpyc_does_not_move_the_deadline() -> None:
    inside, over = Inside(0.3), threading.Event()

    def drip_frames() -> None:
        # A message that announces a million bytes, one byte each hundredth of a second.
        for byte in bytes(8) + (10**6).to_bytes(4, "little") + bytes(2000):
            if over.wait(0.01):
                return
            inside.links.events.put(Received("bob", Frame(Message.MPYC, bytes((byte,)))))

    thread = threading.Thread(target=drip_frames)
    thread.start()
    try:
        with pytest.raises(TransportError, match="carlos stopped answering"):
            inside.run()
        assert thread.is_alive()  # it went on to the end
    finally:
        over.set()
        thread.join()


def test_a_party_that_is_lost_inside_mpyc_ends_the_run(quick: None) -> None:
    inside = Inside(60)
    inside.links.events.put(Lost("carlos", TransportError("gone")))
    with pytest.raises(TransportError, match="carlos lost the connection"):
        inside.run()
    assert "bob" in inside.told()


def test_an_abort_inside_mpyc_ends_the_run_and_is_passed_on() -> None:
    inside = Inside(60)
    news = Failure(Cause.INPUT, "carlos", "carlos")
    inside.links.events.put(Received("carlos", news.frame()))
    with pytest.raises(RemoteError, match="carlos stopped"):
        inside.run()
    assert inside.machine.failure == news
    assert inside.told()["bob"] == news.frame().payload


def test_a_party_that_sends_far_more_than_was_asked_for_ends_the_run() -> None:
    inside = Inside(60)
    data = bytes(8) + b"\xff" * 4 + bytes(8 << 20)
    for _ in range(9):
        inside.links.events.put(Received("bob", Frame(Message.MPYC, data)))
    with pytest.raises(RemoteError, match="bob sent data that does not follow the protocol"):
        inside.run()
    assert set(inside.told()) == {"bob", "carlos"}


@pytest.mark.parametrize(("sender", "index"), [("bob", 0), ("alice", 1), ("bob", 2), ("bob", 7)])
def test_a_party_that_takes_anothers_place_inside_mpyc_ends_the_run(sender: str, index: int) -> None:
    inside = Inside(60, "carlos")
    inside.links.events.put(Received(sender, Frame(Message.MPYC, index.to_bytes(2, "little"))))
    with pytest.raises(RemoteError, match=f"{sender} sent data that does not follow the protocol"):
        inside.run()


def test_a_failure_of_mpyc_itself_is_told_to_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    inside = Inside(60)

    async def fails(runtime: object, *_: object) -> int:
        runtime._loop.call_exception_handler({"message": "x", "exception": ZeroDivisionError()})  # type: ignore[attr-defined]
        await asyncio.Event().wait()
        return 0

    monkeypatch.setattr(functions, "evaluate", fails)
    inside.links.events.put(Connected("bob"))
    for index, name in ((1, "bob"), (2, "carlos")):
        inside.phase.early(name, Frame(Message.MPYC, index.to_bytes(2, "little")))
    with pytest.raises(RemoteError, match="alice stopped"):
        inside.run()
    assert set(inside.told()) == {"bob", "carlos"}
