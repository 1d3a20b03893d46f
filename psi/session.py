"""Runs one party over one channel: the loop, the deadline, the progress."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from psi import messages
from psi.errors import PsiError, TransportError
from psi.messages import MessageType
from psi.outcomes import Outcome, Side
from psi.protocol import Party, Setup
from psi.states import State
from psi.transport.channel import Channel
from psi.wire import Frame

# How long to wait for a frame while own work is held up by a full send queue.
_POLL_SECONDS = 0.02
# A side that computes for long says so at this rate; well below any sensible deadline.
_ALIVE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class SessionResult:
    """What a session gave this side. Sizes count distinct keys; bytes are application bytes, without TLS; signatures
    are over the record."""

    outcome: Outcome
    own_size: int
    peer_size: int
    transcript: bytes
    record: dict[str, Any]
    signatures: dict[Side, bytes]
    seconds: float
    bytes_sent: int
    bytes_received: int


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
        _drive(party, channel, progress)
    except TransportError as error:
        raise _last_word(channel) or error from None
    except BaseException as error:
        _tell(channel, messages.abort_frame(error))
        raise
    finally:
        party.close()
        channel.close()
    return SessionResult(
        outcome=party.outcome,
        own_size=setup.size,
        peer_size=party.peer_size,
        transcript=party.transcript,
        record=party.record,
        signatures=party.signatures,
        seconds=time.monotonic() - started,
        bytes_sent=channel.bytes_sent,
        bytes_received=channel.bytes_received,
    )


def _drive(party: Party, channel: Channel, progress: Callable[[int, int], None]) -> None:
    last_sent = time.monotonic()

    def send(frames: list[Frame]) -> None:
        nonlocal last_sent
        for frame in frames:
            channel.send(frame)
        if frames:
            last_sent = time.monotonic()

    send(party.start())
    idle = False
    while party.state is not State.DONE:
        # What has arrived goes first: the peer may be waiting for the answer. Own work fills the gaps.
        may_work = not idle and channel.ready_to_send()
        frame = channel.receive(0 if may_work else None if idle else _POLL_SECONDS)
        if frame is not None:
            send(party.receive(frame))
            idle = False
        elif may_work:
            frames = party.work()
            idle = frames is None
            send(frames or [])
            if not frames and not idle and time.monotonic() - last_sent > _ALIVE_SECONDS:
                send([Frame(MessageType.ALIVE, b"")])
        progress(party.done_operations, party.total_operations)


def _last_word(channel: Channel) -> PsiError | None:
    """Why the peer left, if it said so before the link broke: what it sent may be waiting behind what we failed to
    send."""
    try:
        while (frame := channel.receive(0)) is not None:
            if frame.type == MessageType.ABORT:
                return messages.decode_abort(frame.payload)
    except PsiError:
        pass
    return None


def _tell(channel: Channel, frame: Frame) -> None:
    """Say why we go, if the link still allows it; the error that is already on its way matters more."""
    try:
        channel.send(frame)
    except PsiError:
        return
