"""Runs one party over one channel: the loop, the deadline, the progress."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from psi.agreement.modes import Side
from psi.protocol import messages
from psi.protocol.messages import MessageType
from psi.protocol.outcome import Outcome
from psi.protocol.party import Party
from psi.protocol.run import Payload
from psi.protocol.setup import Setup
from psi.protocol.states import TABLE, State
from psi.protocol.words import one_sided
from psi.transport.channel import Channel
from psi.transport.wire import Frame
from psiselect.base import threads
from psiselect.base.errors import PsiselectError, TransportError
from psiselect.base.turns import SEND

# How long to wait for a frame while own work is held up by a full send queue.
_POLL_SECONDS = 0.02
# A side that computes for long says so at this rate; well below any sensible deadline.
_ALIVE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class SessionResult:
    """What a session gave this side. Sizes count distinct keys; record: what both sides know, and signatures over it;
    bytes are application bytes, without TLS."""

    outcome: Outcome
    own_size: int
    peer_size: int
    transcript: bytes
    record: dict[str, Any]
    signatures: dict[Side, bytes]
    seconds: float = 0.0
    bytes_sent: int = 0
    bytes_received: int = 0


class Driven(Protocol):
    """What the loop needs of a party; see psi.protocol.party.Party."""

    @property
    def state(self) -> State: ...

    @property
    def done_operations(self) -> int: ...

    @property
    def total_operations(self) -> int: ...

    def start(self) -> list[Frame]: ...

    def receive(self, frame: Frame) -> list[Frame]: ...

    def work(self) -> list[Frame] | None: ...


def run(
    channel: Channel, setup: Setup, progress: Callable[[int, int], None] = lambda done, total: None
) -> SessionResult:
    """Run the protocol to its end and close the channel.

    progress(done, total) counts this side's group operations. Raises RemoteError, TransportError, or what own policy
    decides; the peer is told a code first where the link allows.
    """
    started = time.monotonic()
    party = Party(setup)
    try:
        drive(party, channel, progress)
        channel.close()
        party.settle()
    except TransportError as error:
        raise last_word(channel, party.told) or error from None
    except BaseException as error:
        channel.abandon(messages.abort_frame(error))
        raise
    finally:
        party.close()
        channel.close()
    return result_of(party, time.monotonic() - started, channel.bytes_sent, channel.bytes_received)


def result_of(party: Party, seconds: float, bytes_sent: int, bytes_received: int) -> SessionResult:
    """What a party that is DONE has found."""
    return SessionResult(
        outcome=party.outcome,
        own_size=party.own_size,
        peer_size=party.peer_size,
        transcript=party.transcript,
        record=party.record,
        signatures=party.signatures,
        seconds=seconds,
        bytes_sent=bytes_sent,
        bytes_received=bytes_received,
    )


def drive(party: Driven, channel: Channel, progress: Callable[[int, int], None]) -> None:
    """Carry frames between a party and a channel until the party is DONE. Raises what either raises."""
    outlet = _Outlet(party, channel)
    idle = False
    with outlet.beating():
        outlet.send(party.start())
        while party.state is not State.DONE:
            # What has arrived goes first: the peer may be waiting for the answer. Own work fills the gaps.
            may_work = not idle and channel.ready_to_send()
            outlet.computing = may_work
            frame = channel.receive(0 if may_work else None if idle else _POLL_SECONDS)
            outlet.computing = True
            if frame is not None:
                if frame.type == MessageType.RESUME and party.state is State.GREETED:
                    raise one_sided()
                outlet.send(party.receive(frame))
                idle = False
            elif may_work:
                frames = party.work()
                idle = frames is None
                outlet.send(frames or [])
            progress(party.done_operations, party.total_operations)


class _Outlet:
    """What goes to the peer: the party's frames and, from a thread of its own, ALIVE while this side computes. One
    piece of work, such as matching two long lists, may take longer than the peer's deadline.

    computing: whether this side is not waiting for the peer. While both sides wait there is no sign of life, so that
    their deadlines end it.
    """

    def __init__(self, party: Driven, channel: Channel) -> None:
        self.computing = True
        self._party = party
        self._channel = channel
        self._sending = threading.Lock()
        self._last_sent = time.monotonic()
        self._over = threading.Event()

    def send(self, frames: list[Frame]) -> None:
        """Queue frames for the peer; waits for room."""
        with self._sending:
            for frame in frames:
                self._channel.send(frame)
            if frames:
                self._last_sent = time.monotonic()

    @contextlib.contextmanager
    def beating(self) -> Iterator[None]:
        """Send signs of life meanwhile."""
        thread = threads.start(self._beat, name="psiselect-alive")
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _beat(self) -> None:
        while not self._over.wait(_ALIVE_SECONDS / 2):
            # A lock that is taken, or a full queue, means that there is something else for the peer to read.
            if self._quiet() and self._sending.acquire(blocking=False):
                try:
                    if self._quiet() and self._channel.ready_to_send():
                        self._channel.send(Frame(MessageType.ALIVE, b""))
                        self._last_sent = time.monotonic()
                except PsiselectError:
                    return  # the session's own thread finds out too
                finally:
                    self._sending.release()

    def _quiet(self) -> bool:
        # The state may move on at once, but never back to one whose peer would not take a sign of life.
        allowed = (SEND, MessageType.ALIVE) in TABLE[self._party.state]
        return self.computing and allowed and time.monotonic() - self._last_sent >= _ALIVE_SECONDS


def last_word(channel: Channel, told: Callable[[Payload], PsiselectError]) -> PsiselectError | None:
    """Why the peer left, if it said so before the link broke: what it sent may be waiting behind what we failed to
    send. told: what an ABORT amounts to."""
    try:
        while (frame := channel.receive(0)) is not None:
            if frame.type == MessageType.ABORT:
                return told(frame.payload)
    except PsiselectError:
        pass
    return None
