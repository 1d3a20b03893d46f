"""The messages of the protocol (docs/protocol.md, "Messages") and what binds them to one session."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from Crypto.Hash import TupleHash256

from psi.agreement.modes import Side
from psi.agreement.terms import PROTOCOL_VERSION, Terms
from psi.transport.wire import Frame
from psiselect.base import strict_json
from psiselect.base.errors import MinimumError, PolicyError, PsiselectError, RemoteError

NONCE_BYTES = 32
SIGNATURE_BYTES = 64


class MessageType(IntEnum):
    """The type byte of a frame."""

    HELLO = 1  # both: terms, nonce, declared size, time
    AUTH = 2  # both: signature over the transcript
    ELEMENTS = 3  # receiver: masked elements
    ELEMENTS_END = 4
    REPLIES = 5  # sender: the receiver's elements, masked again
    REPLIES_END = 6
    TAGS = 7  # sender: tags of its own items
    TAGS_END = 8
    FINISH = 9  # both: signature over the session record
    ALIVE = 10  # either, at any time after AUTH: still computing
    RESUME = 13  # both, before all else, when both sides resume: which session, and how far it got
    BYE = 14  # both, after FINISH, when both sides resume: this side holds all that it needs
    ABORT = 15  # either, at any time: the session is over
    # In `sum`, after the tags:
    SEED_REQUEST = 16  # sender: masked choices of seeds
    SEED_ANSWER = 17  # receiver: seeds, masked again
    TRANSFERS = 18  # receiver: its bits, hidden in columns
    TRANSFERS_END = 19  # receiver: columns that only the check uses
    CHALLENGE = 20  # sender: seed of the check's hash
    PROOF = 21  # receiver: hashes of its columns
    CORRECTIONS = 22  # sender: what takes its values along
    TOTAL = 23  # sender: its share of the total


@dataclass(frozen=True, slots=True)
class Hello:
    """The first message of each side."""

    terms: Terms
    nonce: bytes
    sizes: tuple[int, ...]  # records that this side will put in, a number for each of its lists
    time: int  # seconds since 1970, UTC; the listener's dates the record

    def frame(self) -> Frame:
        """As sent."""
        body = {"terms": self.terms.to_json(), "nonce": self.nonce.hex(), "sizes": list(self.sizes), "time": self.time}
        return Frame(MessageType.HELLO, strict_json.encode(body))


def decode_hello(payload: bytes | bytearray | memoryview) -> dict[str, Any]:
    """Parse a peer's hello as far as its form goes; the terms are compared by `psi.agreement.terms.difference`.

    Raises RemoteError.
    """
    hello = strict_json.decode(payload, "hello")
    strict_json.field(hello, "terms", dict, "hello")
    # Another version may well have other fields; its version is what counts.
    if hello["terms"].get("version") == PROTOCOL_VERSION:
        strict_json.only(hello, {"terms", "nonce", "sizes", "time"}, "hello")
        nonce = strict_json.field(hello, "nonce", str, "hello")
        if len(nonce) != 2 * NONCE_BYTES or any(c not in "0123456789abcdef" for c in nonce):
            raise RemoteError("the peer's hello has a malformed nonce", term="nonce")
        if not 0 <= strict_json.field(hello, "time", int, "hello") < 1 << 40:
            raise RemoteError("the peer's hello has an impossible time", term="time")
    return hello


def transcript(hellos: dict[Side, bytes], fingerprints: dict[Side, bytes]) -> bytes:
    """64 bytes that stand for the session: both hellos as sent and both certificates' fingerprints (TupleHash256,
    NIST SP 800-185). Everything later is bound to it."""
    hasher = TupleHash256.new(digest_bytes=64, custom=b"psiselect-1 transcript")
    for part in (
        hellos[Side.LISTEN],
        hellos[Side.CONNECT],
        fingerprints[Side.LISTEN],
        fingerprints[Side.CONNECT],
    ):
        hasher.update(part)
    return bytes(hasher.digest())


def signed_bytes(purpose: str, side: Side, content: bytes) -> bytes:
    """What an identity key signs: the purpose and the signer's side make a signature useless anywhere else."""
    hasher = TupleHash256.new(digest_bytes=64, custom=b"psiselect-1 signature")
    for part in (purpose.encode(), side.value.encode(), content):
        hasher.update(part)
    return bytes(hasher.digest())


def abort_frame(error: BaseException) -> Frame:
    """What the peer is told when this side gives up: a code, and the term's name when terms differ. Nothing else, so
    that an abort is no oracle."""
    code, term = "failed", None
    if isinstance(error, MinimumError):
        code = "minimum"
    elif isinstance(error, PolicyError):
        code = "refused"
    elif isinstance(error, RemoteError):
        code, term = ("terms", error.term) if error.term else ("protocol", None)
    return Frame(MessageType.ABORT, strict_json.encode({"code": code, "term": term}))


# For a peer that has proved who it is when there is no place for one more session with it.
BUSY = Frame(MessageType.ABORT, strict_json.encode({"code": "busy", "term": None}))


def one_sided() -> RemoteError:
    """One side was started with --resume and the other without."""
    return RemoteError(
        "one side was started with --resume and the other without; start both with it, or neither", term="resume"
    )


_ABORTS = {
    "minimum": "the peer, which compares, found fewer matches than --min-matches: nothing is revealed",
    "refused": "the peer's policy refuses this session; ask its operator which limits it sets",
    "protocol": "the peer says that this side broke the protocol; check that both run the same version",
    "failed": "the peer gave up because of a fault on its own side; ask its operator",
    "busy": "the peer refuses this session for now, since it has as many as it allows; try again later",
    "terms": "the peer refuses these terms",
}


def decode_abort(payload: bytes | bytearray | memoryview) -> PsiselectError:
    """The error that a peer's ABORT amounts to here."""
    body = strict_json.decode(payload, "abort")
    code, term = body.get("code"), body.get("term")
    known = _ABORTS.get(code) if isinstance(code, str) else None
    if known is None:
        return RemoteError("the peer ended the session with an unknown code")
    if code == "minimum":
        return MinimumError(known, term="min_matches")
    if code == "terms" and isinstance(term, str) and len(term) <= 40 and term.isascii() and term.isprintable():
        return RemoteError(f"{known}: it names '{term}'", term=term)
    return RemoteError(known)
