"""RESUME, the first message of each side over each link of a session that can be resumed (docs/protocol.md, "Resume").

It says which session a side holds (digests of both HELLOs) and how many of the peer's messages it has, durably.
"""

from __future__ import annotations

import enum
import hashlib
import re
from dataclasses import dataclass

from psi.protocol import messages
from psi.protocol.messages import MessageType
from psi.protocol.words import one_sided
from psi.resume import words
from psi.transport.channel import Channel
from psi.transport.wire import Frame
from psiselect.base import strict_json

_MOST_FRAMES = 1 << 62


class ResumeRelation(enum.Enum):
    """What two sides' RESUMEs say about each other."""

    SAME = enum.auto()  # one session
    OURS_IS_OVER = enum.auto()  # this side has finished its session, the peer begins another
    THEIRS_IS_OVER = enum.auto()  # the other way round
    APART = enum.auto()  # two sessions, and nothing says that either may be dropped


@dataclass(frozen=True, slots=True)
class Resume:
    """One side's state. hello, peer_hello: SHA-256 of the HELLOs' payloads; peer_hello None while it has not come.
    received: the peer's messages held. done: the peer's FINISH is among them."""

    hello: bytes
    peer_hello: bytes | None
    received: int
    done: bool

    def frame(self) -> Frame:
        """As sent."""
        body = {
            "done": self.done,
            "hello": self.hello.hex(),
            "peer_hello": None if self.peer_hello is None else self.peer_hello.hex(),
            "received": self.received,
        }
        return Frame(MessageType.RESUME, strict_json.encode(body))

    @classmethod
    def decode(cls, payload: bytes | bytearray | memoryview) -> Resume:
        """Raises RemoteError."""
        body = strict_json.decode(payload, "resume")
        strict_json.only(body, {"done", "hello", "peer_hello", "received"}, "resume")
        received = strict_json.field(body, "received", int, "resume")
        peer_hello = None if "peer_hello" in body and body["peer_hello"] is None else _digest(body, "peer_hello")
        done = strict_json.field(body, "done", bool, "resume")
        if not 0 <= received <= _MOST_FRAMES or (peer_hello is None) is (received > 0) or (done and not received):
            raise words.contradicts_itself()
        return cls(_digest(body, "hello"), peer_hello, received, done)

    def relation_to(self, theirs: Resume) -> ResumeRelation:
        """How this side's session and theirs go together."""
        here_fits = self.peer_hello in (None, theirs.hello)
        there_fits = theirs.peer_hello in (None, self.hello)
        if here_fits and there_fits:
            return ResumeRelation.SAME
        if self.done and theirs.peer_hello is None:
            return ResumeRelation.OURS_IS_OVER
        if theirs.done and self.peer_hello is None:
            return ResumeRelation.THEIRS_IS_OVER
        return ResumeRelation.APART


def digest(hello: bytes) -> bytes:
    """What stands for a HELLO."""
    return hashlib.sha256(hello).digest()


def expect(channel: Channel) -> Resume:
    """The peer's RESUME. Raises RemoteError when something else comes: the peer does not resume sessions, or gave
    up."""
    frame = channel.receive()
    while frame is not None and frame.type == MessageType.ALIVE:
        frame = channel.receive()
    if frame is None:
        raise RuntimeError("a channel that waits without limit gave nothing")
    if frame.type == MessageType.ABORT:
        raise messages.decode_abort(frame.payload)
    if frame.type == MessageType.HELLO:
        raise one_sided()
    if frame.type != MessageType.RESUME:
        raise words.other_message(frame.type)
    return Resume.decode(frame.payload)


def _digest(body: dict[str, object], name: str) -> bytes:
    text = strict_json.field(body, name, str, "resume")
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise words.no_field(name)
    return bytes.fromhex(text)
