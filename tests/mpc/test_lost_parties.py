"""Parties that are gone: whom the others name, in schedules that once named somebody else or lost a message."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from support.clocks import Clock, until
from support.mpc_inside import Inside
from support.mpc_memory import StubMesh
from support.mpc_network import NAMES, roster, terms

from mpc import functions, mesh, session
from mpc.mesh import Connected, Event, Lost, Mesh, Received
from mpc.messages import Cause, Failure, Message
from mpc.securesum import SecureSum
from mpc.session import Driver
from psi.transport.pinning import HungUpError
from psi.transport.wire import Frame
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import PsiselectError, TransportError

# -- before all have met -----------------------------------------------------------------------------------------------


class Schedule:
    """Events that come at stated seconds after the start of a run."""

    def __init__(self, clock: Clock, events: list[tuple[float, Event]]) -> None:
        self.clock, self.left, self.start = clock, events, clock.now

    def get(self, timeout: float) -> Event:
        if not self.left or self.start + self.left[0][0] >= self.clock.now + timeout:
            self.clock.now += timeout
            raise queue.Empty
        at, event = self.left.pop(0)
        self.clock.now = max(self.clock.now, self.start + at)
        return event


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock().install(monkeypatch, session)


def played(clock: Clock, *events: tuple[float, Event], count: int = 4) -> tuple[Driver, PsiselectError, float]:
    """How a sum of alice's and others' ends for alice, with a deadline of 30 seconds, and after how many."""
    links = StubMesh()
    links.events = Schedule(clock, list(events))  # type: ignore[assignment]
    driver = Driver(machine("alice", count), links, 30)  # type: ignore[arg-type]
    began = clock.now
    with pytest.raises(PsiselectError) as raised, driver.telling():
        driver.until(lambda: driver.machine.finished)
    return driver, raised.value, clock.now - began


def machine(name: str, count: int = 4) -> SecureSum:
    return SecureSum(roster(count), name, terms(), [1], SystemEntropy())


def said(name: str, count: int = 4) -> Received:
    """The first message of a party."""
    (shown,) = machine(name, count).connected("alice")
    return Received(name, shown.frame)


HUNG_UP = HungUpError("it dropped the connection")


def test_a_party_that_hangs_up_without_a_word_is_not_blamed_while_another_is_missing(clock: Clock) -> None:
    """Bob left because carlos was lost, just when alice reached him. She cannot know: she names all whom she missed."""
    events = [(0, Connected("bob")), (0, Lost("bob", HUNG_UP)), (1, Connected("david")), (1, said("david"))]
    driver, error, seconds = played(clock, *events)
    assert driver.machine.failure == Failure(Cause.MISSING, "bob", "alice")
    assert (
        str(error)
        == "there is no result: alice reports that bob did not connect in time. Check that bob's program is running "
        "and can be reached, then start all parties again. alice has no connection to carlos either"
    )
    assert error.term == "bob"
    assert 30 <= seconds < 33


def test_better_news_names_whom_a_silent_party_left_for(clock: Clock) -> None:
    news = Failure(Cause.LOST, "carlos", "david")
    events = [(0, Connected("bob")), (0, Lost("bob", HUNG_UP)), (9, Connected("david"))]
    driver, error, seconds = played(clock, *events, (9, Received("david", news.frame())))
    assert driver.machine.failure == news
    assert error.term == "carlos"
    assert seconds < 9 + 3


@pytest.mark.parametrize("silent_first", [False, True])
def test_a_silent_party_is_named_at_once_when_all_others_are_there(clock: Clock, silent_first: bool) -> None:
    silent = [(1.0, Connected("bob")), (1.0, Lost("bob", HUNG_UP))]
    others = [(2.0 * silent_first, event(n)) for n in ("carlos", "david") for event in (Connected, said)]
    driver, _, seconds = played(clock, *(silent + others if silent_first else others + silent))
    assert driver.machine.failure == Failure(Cause.LOST, "bob", "alice")
    assert seconds == (2 if silent_first else 1) + session._HEARSAY_SECONDS


def test_of_two_silent_parties_none_is_blamed_alone(clock: Clock) -> None:
    events = [e for n in ("bob", "carlos") for e in ((0, Connected(n)), (0, Lost(n, HUNG_UP)))]
    _, error, seconds = played(clock, *events, (1, Connected("david")), (1, said("david")))
    assert "alice has no connection to carlos either" in str(error)
    assert seconds == 30


def test_a_party_that_has_only_connected_is_not_there_yet(clock: Clock) -> None:
    """It may be about to say who left."""
    events = [(0, Connected("bob")), (0, Lost("bob", HUNG_UP)), (0, Connected("carlos")), (0, Connected("david"))]
    news = Failure(Cause.LOST, "david", "carlos")
    driver, _, _ = played(clock, *events, (0, said("david")), (8, Received("carlos", news.frame())))
    assert driver.machine.failure == news


def test_a_silent_party_that_is_back_is_a_peer_as_any_other(clock: Clock) -> None:
    events = [(0, Connected("bob")), (0, Lost("bob", HUNG_UP)), (0.5, Connected("bob")), (0.5, said("bob", 2))]
    driver, _, seconds = played(clock, *events, (9, Lost("bob", HUNG_UP)), count=2)
    assert driver.machine.failure == Failure(Cause.LOST, "bob", "alice")
    assert seconds == 9 + session._HEARSAY_SECONDS
    assert [frame.type for _, frame in driver.mesh.sent].count(Message.TERMS) == 2  # type: ignore[attr-defined]
    assert driver._connected == {"bob"}


@pytest.mark.parametrize(
    ("before", "error"),
    [([said("bob")], HUNG_UP), ([], TransportError("it refused this side's certificate"))],
    ids=["it had spoken", "it said why"],
)
def test_any_other_broken_link_names_its_peer_at_once(clock: Clock, before: list[Event], error: TransportError) -> None:
    driver, _, _ = played(clock, (0, Connected("bob")), *((0, e) for e in before), (0, Lost("bob", error)))
    assert driver.machine.failure == Failure(Cause.LOST, "bob", "alice")


def test_what_another_missed_is_told_with_what_this_side_missed(clock: Clock) -> None:
    news = Failure(Cause.MISSING, "bob", "david")
    _, error, _ = played(clock, (0, Connected("david")), (5, Received("david", news.frame())))
    assert (
        str(error)
        == "there is no result: david reports that bob did not connect in time. Check that bob's program is running "
        "and can be reached, then start all parties again. alice has no connection to carlos either"
    )


# -- links that come too late ------------------------------------------------------------------------------------------


class Channel:
    """A link over which these frames come, before `end`."""

    bytes_sent = bytes_received = 0

    def __init__(self, frames: list[Frame], end: PsiselectError) -> None:
        self.frames, self.end, self.sent, self.closed = frames, end, list[Frame](), False

    def receive(self, _wait: float) -> Frame:
        if self.frames:
            return self.frames.pop(0)
        raise self.end

    def send(self, frame: Frame) -> None:
        self.sent.append(frame)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def links(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Mesh:
    """Bob's links; he calls alice."""
    clock.install(monkeypatch, mesh)
    made = Mesh.__new__(Mesh)
    made.events, made.problems, made._channels, made._closing = queue.SimpleQueue(), {}, {}, threading.Event()
    made._lock, made._me, made.farewell, made._deadline = threading.Lock(), "bob", None, clock.now + 30
    made._identity = None  # type: ignore[assignment]
    return made


def called(links: Mesh, monkeypatch: pytest.MonkeyPatch, *channels: Channel) -> int:
    """Have bob call alice; how often he did before he had his link, or gave up at the deadline."""
    answers: Iterator[Channel] = iter(channels)
    calls = 0

    def answer(*_: object, timeout: float) -> Channel:
        nonlocal calls
        calls += 1
        if (channel := next(answers, None)) is None:
            mesh.time.sleep(timeout)
            raise TransportError("nobody")
        return channel

    monkeypatch.setattr(mesh, "connect", answer)
    links._connect("alice", "127.0.0.1:9", None)  # type: ignore[arg-type]
    return calls


WORD = Frame(Message.DONE, b"")


def test_a_listener_that_hangs_up_without_a_word_is_called_again(links: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was about to end. If its run is started again, this side takes part in that."""
    silent, second = Channel([], HUNG_UP), Channel([WORD], HUNG_UP)
    assert called(links, monkeypatch, silent, second) == 2
    assert links._channels == {"alice": second}
    happened = [links.events.get() for _ in range(5)]
    assert [type(e) for e in happened] == [Connected, Lost, Connected, Received, Lost]


@pytest.mark.parametrize(
    "channel", [Channel([WORD], HUNG_UP), Channel([], TransportError("refused"))], ids=["it spoke", "it said why"]
)
def test_any_other_listener_is_called_once(links: Mesh, monkeypatch: pytest.MonkeyPatch, channel: Channel) -> None:
    assert called(links, monkeypatch, channel) == 1


def test_calling_again_ends_at_the_deadline(links: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    assert called(links, monkeypatch, *(Channel([], HUNG_UP) for _ in range(3))) == 4


@pytest.mark.parametrize("last", [None, Failure(Cause.LOST, "carlos", "bob").frame()])
def test_a_party_that_leaves_says_why_to_whom_it_reaches_then(links: Mesh, last: Frame | None) -> None:
    links.farewell, links._closing = last, threading.Event()
    links._closing.set()
    channel = Channel([], HUNG_UP)
    assert links._read("alice", channel)  # type: ignore[arg-type]
    assert channel.sent == ([] if last is None else [last])
    assert channel.closed
    assert links.events.empty()


def test_a_run_that_failed_leaves_its_reason_for_those(clock: Clock) -> None:
    driver, _, _ = played(clock, (0, Connected("bob")), (0, said("bob")), (0, Lost("bob", HUNG_UP)))
    assert driver.mesh.farewell == Failure(Cause.LOST, "bob", "alice").frame()


# -- inside MPyC -------------------------------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_HEARSAY_SECONDS", 0.2)


@pytest.fixture
def inside(quick: None) -> Inside:
    """Alice, whom bob and carlos have greeted."""
    made = Inside(60)
    for index, name in enumerate(NAMES[1:3], 1):
        made.phase.early(name, Frame(Message.MPYC, index.to_bytes(2, "little")))
    return made


def computing(monkeypatch: pytest.MonkeyPatch, compute: Callable[[Any], Awaitable[int]]) -> None:
    """In place of MPyC's computation; it gets MPyC's runtime."""
    monkeypatch.setattr(functions, "evaluate", lambda runtime, *_: compute(runtime))


def test_what_comes_while_a_party_waits_for_better_news_reaches_mpyc(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bob has confirmed and is killed. What alice needs of carlos comes while she waits for better news."""
    inside.machine.received("bob", WORD)
    deliver, hear, came = functions.Bridge.deliver, inside.driver._hear_others, asyncio.Event()

    def delivered(bridge: functions.Bridge, peer: int, data: bytes) -> None:
        if data == b"needed":
            came.set()
        else:
            deliver(bridge, peer, data)

    def hear_others() -> None:
        inside.links.events.put(Received("carlos", Frame(Message.MPYC, b"needed")))
        hear()

    async def compute(_: object) -> int:
        inside.links.events.put(Lost("bob", HUNG_UP))
        await came.wait()
        return 1

    monkeypatch.setattr(functions.Bridge, "deliver", delivered)
    monkeypatch.setattr(inside.driver, "_hear_others", hear_others)
    computing(monkeypatch, compute)
    assert inside.run() == 1
    assert inside.machine.failure is None


def test_better_news_is_heard_inside_mpyc(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    """Carlos left because bob was stopped. Bob's own word comes while alice waits."""
    news, hear = Failure(Cause.LOST, "bob", "bob"), inside.driver._hear_others

    def hear_others() -> None:
        inside.links.events.put(Received("bob", news.frame()))
        until(lambda: inside.links.events.empty())  # the thread has taken it
        hear()

    monkeypatch.setattr(session, "_HEARSAY_SECONDS", 5.0)
    monkeypatch.setattr(inside.driver, "_hear_others", hear_others)
    inside.links.events.put(Lost("carlos", HUNG_UP))
    with pytest.raises(TransportError, match="bob's program was stopped"):
        inside.run()


def test_a_link_that_takes_nothing_more_blames_nobody(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bob has ended because carlos was lost. Alice sends to him before she reads why."""
    news = Failure(Cause.LOST, "carlos", "bob")
    events = [Received("bob", news.frame()), Lost("bob", HUNG_UP)]

    def send(peer: str, frame: Frame) -> None:
        if (peer, frame.type) == ("bob", Message.MPYC):
            while events:
                inside.links.events.put(events.pop(0))
            raise TransportError("it dropped the connection")
        StubMesh.send(inside.links, peer, frame)

    monkeypatch.setattr(inside.links, "send", send)
    with pytest.raises(TransportError, match="carlos lost the connection"):
        inside.run()
    assert inside.machine.failure == news


def test_a_party_that_leaves_once_the_result_is_known_undoes_nothing(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It leaves when the computation is over and the result not yet announced."""

    def value(*_: object) -> int:
        inside.links.events.put(Lost("carlos", HUNG_UP))
        until(lambda: not inside.driver.events.empty())
        return 1

    monkeypatch.setattr(functions, "_value", value)
    assert inside.run() == 1
    assert inside.machine.failure is None
    inside.driver.send(inside.machine.announce(b"{}"))
    inside.links.events.put(Received("bob", Frame(Message.MPYC, b"late")))
    inside.links.events.put(Received("bob", WORD))
    inside.driver.until(lambda: inside.machine.finished)
    assert inside.machine.unconfirmed == ("carlos",)
    assert [frame.type for _, frame in inside.links.sent if frame.type != Message.MPYC] == [Message.DONE] * 2


def test_no_result_leaves_a_run_that_failed_in_its_last_moment(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others have been told that there is none."""

    async def compute(_: object) -> int:
        inside.driver.send(inside.machine.lost("carlos"))
        return 1

    computing(monkeypatch, compute)
    with pytest.raises(TransportError, match="carlos lost the connection"):
        inside.run()


@pytest.mark.parametrize("stalled", NAMES[1:3])
def test_who_says_nothing_for_longest_inside_mpyc_is_named_at_the_deadline(stalled: str) -> None:
    inside = Inside(0.3)
    for name in (stalled, *(n for n in NAMES[1:3] if n != stalled)):
        index = NAMES.index(name)
        inside.phase.early(name, Frame(Message.MPYC, index.to_bytes(2, "little")))
    with pytest.raises(TransportError, match=f"{stalled} stopped answering"):
        inside.run()
