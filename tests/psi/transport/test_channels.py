"""What every `Channel` promises: one contract, run for each implementation."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from psi.identity.identity import Identity
from psi.transport.channel import Channel
from psi.transport.memory import memory_pair
from psi.transport.queue import QUEUE_BYTES, FrameQueue
from psi.transport.tls import Listener, connect
from psi.transport.wire import HEADER_BYTES, MAX_FRAME_BYTES, Frame
from psiselect.base.errors import TransportError, UsageError

MakePair = Callable[..., tuple[Channel, Channel]]


@dataclass(frozen=True)
class Parties:
    a: Identity
    b: Identity


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    folder = tmp_path_factory.mktemp("identities")
    return Parties(Identity.create("a", folder), Identity.create("b", folder))


@pytest.fixture(params=["memory", "tls"])
def pair(request: pytest.FixtureRequest, parties: Parties) -> Iterator[MakePair]:
    """Makes two connected channels, a's and b's; closes them in the end."""
    with ExitStack() as stack:

        def make(timeout: float = 30.0) -> tuple[Channel, Channel]:
            prints = (parties.a.fingerprint, parties.b.fingerprint)
            if request.param == "memory":
                first, second = memory_pair(timeout=timeout, fingerprints=prints)
            else:
                with Listener("127.0.0.1:0", parties.a, [parties.b.public], timeout=timeout) as listener:
                    second = connect(listener.address, parties.b, [parties.a.public], timeout=timeout)
                    first = listener.accept()
            stack.callback(first.close)
            stack.callback(second.close)
            return first, second

        yield make


def in_thread(work: Callable[[], Any]) -> Callable[[], Any]:
    """Start `work`; the returned function waits for its result, or raises what it raised."""
    result: list[Any] = []
    error: list[BaseException] = []

    def run() -> None:
        try:
            result.append(work())
        except BaseException as raised:  # noqa: BLE001  handed to the waiting thread
            error.append(raised)

    thread = threading.Thread(target=run)
    thread.start()

    def wait() -> Any:
        thread.join(30)
        assert not thread.is_alive()
        if error:
            raise error[0]
        return result[0]

    return wait


def send_many(channel: Channel, frame: Frame, count: int) -> None:
    for _ in range(count):
        channel.send(frame)


def test_frames_arrive_whole_and_in_order_both_ways(pair: MakePair) -> None:
    first, second = pair()
    rng = np.random.default_rng(1)
    sizes = [0, 1, 5, 16378, 16379, 16380, 16384, 70_000, MAX_FRAME_BYTES - HEADER_BYTES, *rng.integers(0, 50_000, 100)]
    sent = [Frame(i % 256, rng.bytes(int(size))) for i, size in enumerate(sizes)]

    def send_all(channel: Channel) -> int:
        for frame in sent:
            channel.send(frame)
        return channel.bytes_sent

    waits = [in_thread(lambda c=c: send_all(c)) for c in (first, second)]
    for channel in (second, first):
        assert [channel.receive() for _ in sent] == sent
    total = sum(len(frame) for frame in sent)
    assert [wait() for wait in waits] == [total, total]
    assert first.bytes_received == second.bytes_received == total


def test_each_end_knows_both_fingerprints(pair: MakePair, parties: Parties) -> None:
    first, second = pair()
    assert (first.own_fingerprint, first.peer_fingerprint) == (parties.a.fingerprint, parties.b.fingerprint)
    assert (second.own_fingerprint, second.peer_fingerprint) == (parties.b.fingerprint, parties.a.fingerprint)


def test_arrays_are_sent_as_their_bytes_and_arrive_as_a_buffer_of_ones_own(pair: MakePair) -> None:
    first, second = pair()
    array = np.arange(96, dtype=np.uint8).reshape(3, 32)
    first.send(Frame(9, array.data))
    frame = second.receive()
    assert frame is not None
    assert isinstance(frame.payload, bytearray)
    assert frame.payload == array.tobytes()


def test_receive_polls_and_waits(pair: MakePair) -> None:
    first, second = pair()
    assert second.receive(0) is None
    assert second.receive(0.01) is None
    first.send(Frame(1, b"x"))
    assert second.receive(10) == Frame(1, b"x")


def test_close_delivers_what_was_sent_then_the_peer_gets_an_error(pair: MakePair) -> None:
    first, second = pair()
    sent = [Frame(1, bytes([i]) * 300_000) for i in range(10)]
    for frame in sent:
        first.send(frame)
    closing = in_thread(first.close)
    assert [second.receive() for _ in sent] == sent
    with pytest.raises(TransportError, match="closed the connection before the session was over"):
        second.receive()
    with pytest.raises(TransportError, match="closed the connection before the session was over"):
        second.send(Frame(1, b""))
    closing()


def test_a_closed_channel_cannot_be_used_but_closed_again(pair: MakePair) -> None:
    first, second = pair()
    closing = in_thread(first.close)
    second.close()
    closing()
    first.close()
    with pytest.raises(UsageError, match="closed the connection already"):
        first.send(Frame(1, b""))
    with pytest.raises(UsageError, match="closed the connection already"):
        first.receive(0)


def test_a_frame_beyond_the_cap_is_the_senders_mistake(pair: MakePair) -> None:
    first, second = pair()
    with pytest.raises(UsageError, match="too long to send"):
        first.send(Frame(1, bytes(MAX_FRAME_BYTES)))
    first.send(Frame(1, b"small"))
    assert second.receive() == Frame(1, b"small")


def test_a_silent_peer_ends_receive_at_the_deadline(pair: MakePair) -> None:
    first, _ = pair(timeout=0.2)
    with pytest.raises(
        TransportError, match=r"no progress for 0.2 s while this program waited for the peer's next message"
    ):
        first.receive()


def test_a_peer_that_does_not_read_stops_the_sender_within_bounds(pair: MakePair) -> None:
    """Neither side takes more than its queue and what the kernel buffers for a socket."""
    first, second = pair(timeout=1.0)
    frame = Frame(1, bytes(MAX_FRAME_BYTES - HEADER_BYTES))
    with pytest.raises(
        TransportError,
        match=r"no progress for 1 s while this program waited for the peer to read what this program had sent",
    ):
        send_many(first, frame, 1000)
    kernel = 32 << 20
    assert QUEUE_BYTES <= first.bytes_sent <= 2 * (QUEUE_BYTES + MAX_FRAME_BYTES) + kernel
    assert second._incoming._bytes <= QUEUE_BYTES + MAX_FRAME_BYTES + 1024  # type: ignore[attr-defined]
    assert first._outgoing._bytes <= QUEUE_BYTES + MAX_FRAME_BYTES + 1024  # type: ignore[attr-defined]


def test_empty_frames_are_charged_for_the_objects_they_make() -> None:
    queue = FrameQueue(limit=1 << 20)
    count = 0
    while not queue.full and count < 1 << 20:
        queue.offer(Frame(1, b""))
        count += 1
    assert count < 1 << 12


def test_a_queue_that_is_cut_keeps_an_unbroken_beginning() -> None:
    """A side that gives up drops what it has not sent yet; a hole would hide its reason behind a message out of
    place."""
    queue = FrameQueue(limit=1 << 20)
    sent = [Frame(1, bytes([number]) * 1000) for number in range(10)]
    for frame in sent:
        queue.offer(frame)
    queue.cut(5000)
    kept = []
    while (frame := queue.take()) is not None:
        kept.append(bytes(frame.payload))
    assert 0 < len(kept) < 10
    assert kept == [bytes(frame.payload) for frame in sent[: len(kept)]]


def test_ready_to_send_tells_when_send_would_wait(pair: MakePair) -> None:
    first, second = pair()
    frame = Frame(1, bytes(MAX_FRAME_BYTES - HEADER_BYTES))
    assert first.ready_to_send()
    count = 0
    while first.ready_to_send() and count < 100:
        first.send(frame)
        count += 1
    assert 0 < count < 100
    for _ in range(count):
        assert second.receive() == frame
    waited = 0
    while not first.ready_to_send() and waited < 1000:
        second.receive(0.01)
        waited += 1
    assert first.ready_to_send()


def test_frames_that_arrived_can_be_read_after_the_link_has_failed(pair: MakePair) -> None:
    """The peer's parting word is not lost because this side noticed the end by sending."""
    first, second = pair()
    second.send(Frame(7, b"I refuse"))
    closing = in_thread(second.close)

    with pytest.raises(TransportError):
        send_many(first, Frame(1, bytes(100_000)), 1000)
    assert first.receive() == Frame(7, b"I refuse")
    closing()
