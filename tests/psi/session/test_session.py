"""The session's loop over a channel: a peer that stops is given up, a peer that computes for long is not."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np
import pytest
from support.entropy import FixedEntropy
from support.parties import KEYS, backend, setup, terms
from support.tapped import Tap, tapped_pair

from psi.agreement.modes import Learner, Reveal, Side
from psi.protocol import words
from psi.protocol.messages import MessageType
from psi.protocol.party import Party
from psi.protocol.setup import Setup
from psi.protocol.states import State
from psi.session import local, session
from psi.store.spool import Column, Joined, Store
from psi.transport.channel import Channel
from psi.transport.wire import Frame
from psiselect.base import strict_json
from psiselect.base.errors import InputError, PsiselectError, RemoteError, TransportError
from psiselect.base.packed import U8

ITEMS = [b"%d" % i for i in range(300)]


def channels(taps: tuple[Tap | None, Tap | None] = (None, None), **options: object) -> dict[Side, Channel]:
    prints = (KEYS[Side.CONNECT].fingerprint, KEYS[Side.LISTEN].fingerprint)
    first, second = tapped_pair(fingerprints=prints, taps=taps, **options)
    return {Side.CONNECT: first, Side.LISTEN: second}


def background(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("queue_bytes", [1000, 1 << 20])
@pytest.mark.parametrize("receiver", Side)
def test_a_peer_that_stops_reading_ends_the_session(receiver: Side, queue_bytes: int) -> None:
    """With a short queue, own frames pile up; with a long one, all are sent and the wait is for the peer's."""
    ends = channels(timeout=1.0, queue_bytes=queue_bytes)
    agreed = terms(chunk=4, learn=Learner(receiver.value))
    peer = Party(setup(Side.LISTEN, ITEMS, agreed))

    def stop_after_the_proof() -> None:
        for frame in peer.start():
            ends[Side.LISTEN].send(frame)
        while peer.state not in (State.ANSWERING, State.MASKING):
            frame = ends[Side.LISTEN].receive()
            for answer in peer.receive(frame) if frame else ():
                ends[Side.LISTEN].send(answer)

    caught: list[TransportError] = []

    def play() -> None:
        with pytest.raises(TransportError, match="no progress for 1 s") as raised:
            session.run(ends[Side.CONNECT], setup(Side.CONNECT, ITEMS, agreed))
        caught.append(raised.value)

    background(stop_after_the_proof)
    background(play).join(30)
    assert caught


class SlowStore(Store):
    """Sorts, and if that is during the session matches, only once the peer has been told that this side still
    computes."""

    def __init__(self, told: threading.Event, during: bool) -> None:
        super().__init__()
        self._told, self._during = told, during

    def join(self, own: Column, peer: Column) -> Joined:
        if self._during:
            self._wait()
        return super().join(own, peer)

    def ascending(self, column: Column) -> Iterator[U8]:
        self._wait()
        return super().ascending(column)

    def _wait(self) -> None:
        self._told.clear()
        if not self._told.wait(30):
            raise AssertionError("no sign of life while matching or sorting")


@pytest.mark.parametrize("learner", Learner)
@pytest.mark.parametrize("reveal", [Reveal.MATCHES, Reveal.COUNT])
def test_matching_and_sorting_send_signs_of_life(
    monkeypatch: pytest.MonkeyPatch, reveal: Reveal, learner: Learner
) -> None:
    monkeypatch.setattr(session, "_ALIVE_SECONDS", 0.01)
    told = {side: threading.Event() for side in Side}

    def watch(side: Side) -> Tap:
        def tap(position: int, frame: Frame) -> tuple[Frame]:
            if frame.type == MessageType.ALIVE:
                told[side].set()
            return (frame,)

        return tap

    ends = channels((watch(Side.CONNECT), watch(Side.LISTEN)))
    setups: dict[Side, Setup] = {
        side: setup(
            side,
            ITEMS[50:],
            terms(reveal=reveal, learn=learner),
            stores=lambda side=side: SlowStore(told[side], during=learner is Learner.BOTH),
        )
        for side in Side
    }
    results: dict[Side, session.SessionResult] = {}

    def play(side: Side) -> None:
        results[side] = session.run(ends[side], setups[side])

    other = background(lambda: play(Side.LISTEN))
    play(Side.CONNECT)
    other.join(30)
    assert set(results) == set(Side)
    for side in learner.receivers:
        assert results[side].outcome.matches == 250
        if reveal is Reveal.MATCHES:
            assert np.array_equal(results[side].outcome.matched[0], np.arange(250))
    here, there = results[Side.CONNECT], results[Side.LISTEN]
    assert (here.bytes_sent, here.bytes_received) == (there.bytes_received, there.bytes_sent)


class Gone(Exception):
    """The peer's process died."""


@pytest.mark.parametrize("side", Side)
def test_a_peer_that_dies_after_any_of_its_frames_is_a_transport_error(side: Side) -> None:
    """All but the last, its FINISH: after that it has nothing more to say."""
    agreed = terms(chunk=64, learn=Learner.BOTH)
    frames, last = 1, False  # how many arrive; whether the last one does
    while not last:
        seen: list[int] = []

        def die(position: int, frame: Frame, seen: list[int] = seen, at: int = frames) -> tuple[Frame]:
            if position == at:
                raise Gone
            seen.append(frame.type)
            return (frame,)

        taps = (die, None) if side is Side.CONNECT else (None, die)
        ends = channels(taps, timeout=20.0)

        def peer(ends: dict[Side, Channel] = ends) -> None:
            with contextlib.suppress(Gone):
                session.run(ends[side], setup(side, ITEMS, agreed))

        thread = background(peer)
        error: TransportError | None = None
        try:
            session.run(ends[side.other], setup(side.other, ITEMS, agreed))
        except TransportError as raised:
            error = raised
        thread.join(20)
        last = error is None
        assert last or "closed" in str(error)
        assert (seen[-1] == MessageType.FINISH) is last
        frames += 1
    assert frames > 15


@pytest.mark.parametrize(
    ("code", "term", "error"),
    [
        ("busy", None, RemoteError),
        ("refused", None, RemoteError),
        ("failed", None, RemoteError),
        ("protocol", None, RemoteError),
        ("terms", "reveal", RemoteError),
        ("stopped", None, TransportError),
    ],
)
def test_what_the_peer_said_before_it_left_is_the_reason_although_sending_failed_first(
    code: str, term: str | None, error: type[PsiselectError]
) -> None:
    """Its ABORT waits to be read behind the failure of this side's own first frame."""
    ends = channels()
    ends[Side.LISTEN].abandon(Frame(MessageType.ABORT, strict_json.encode({"code": code, "term": term})))
    with pytest.raises(error) as caught:
        session.run(ends[Side.CONNECT], setup(Side.CONNECT, ITEMS))
    expected = words.ABORTS[code] if term is None else str(words.terms_refused(term))
    assert str(caught.value) == expected


@pytest.mark.parametrize("last", [None, Frame(MessageType.ABORT, b"nonsense"), Frame(MessageType.HELLO, b"{}")])
def test_a_peer_that_left_without_a_reason_is_a_broken_link(last: Frame | None) -> None:
    ends = channels()
    ends[Side.LISTEN].abandon(last)
    with pytest.raises(TransportError, match="closed the connection before the session was over"):
        session.run(ends[Side.CONNECT], setup(Side.CONNECT, ITEMS))


@pytest.mark.parametrize("side", Side)
def test_the_fault_of_one_side_is_told_and_not_what_the_other_saw_of_it(side: Side) -> None:
    """With both sides in one process: the other side's error says only that its peer has gone."""

    def fails(*given: object, **policy: object) -> Setup:
        raise InputError("row 7 of the table")

    def plays(*given: object, **policy: object) -> Setup:
        return setup(side.other, ITEMS)

    jobs = {side: SimpleNamespace(setup=fails), side.other: SimpleNamespace(setup=plays)}
    with pytest.raises(InputError, match="row 7"):
        local.run(jobs, backend(), FixedEntropy())  # type: ignore[arg-type]
