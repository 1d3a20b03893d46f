"""The messages of the protocol (docs/protocol.md, "Frames") and what binds them to one session."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from Crypto.Hash import TupleHash256

from psi.agreement.modes import Side
from psi.agreement.terms import MAX_SIZE, PROTOCOL_VERSION, Terms
from psi.protocol import words
from psi.transport.wire import Frame
from psiselect.base import strict_json
from psiselect.base.errors import MinimumError, PolicyError, PsiselectError, RemoteError

NONCE_BYTES = 32
SIGNATURE_BYTES = 64


class MessageType(IntEnum):
    """The type byte of a frame."""

    HELLO = 1  # both: terms, nonce, time
    AUTH = 2  # both: signature over the greeting
    ELEMENTS = 3  # receiver: masked elements
    ELEMENTS_END = 4
    REPLIES = 5  # sender: the receiver's elements, masked again
    REPLIES_END = 6
    TAGS = 7  # sender: tags of its own items
    TAGS_END = 8
    FINISH = 9  # both: signature over the session record
    ALIVE = 10  # either, at any time after its AUTH: still computing
    SIZES = 11  # both, after the peer's AUTH: declared sizes
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
    # In a run of the fast protocol, beside SEED_REQUEST, SEED_ANSWER and TAGS; see psi.fast.messages:
    TREES = 24  # receiver: what opens the sender's seeds, and a salt
    ENCODING = 25  # receiver: which attempt at its store succeeded
    MATRIX = 26  # receiver: a slice of its store, encoded and masked
    MATRIX_END = 27


@dataclass(frozen=True, slots=True)
class Hello:
    """The first message of each side."""

    terms: Terms
    nonce: bytes
    time: int  # seconds since 1970, UTC; the listener's dates the record

    def frame(self) -> Frame:
        """As sent."""
        body = {"terms": self.terms.to_json(), "nonce": self.nonce.hex(), "time": self.time}
        return Frame(MessageType.HELLO, strict_json.encode(body))


def decode_hello(payload: bytes | bytearray | memoryview) -> dict[str, Any]:
    """Parse a peer's hello as far as its form goes; the terms are compared by `psi.agreement.terms.difference`.

    Raises RemoteError.
    """
    hello = strict_json.decode(payload, "hello")
    strict_json.field(hello, "terms", dict, "hello")
    # Another version may well have other fields; its version is what counts.
    if hello["terms"].get("version") == PROTOCOL_VERSION:
        strict_json.only(hello, {"terms", "nonce", "time"}, "hello")
        nonce = strict_json.field(hello, "nonce", str, "hello")
        if len(nonce) != 2 * NONCE_BYTES or any(c not in "0123456789abcdef" for c in nonce):
            raise words.nonce()
        if not 0 <= strict_json.field(hello, "time", int, "hello") < 1 << 40:
            raise words.time()
    return hello


def sizes_frame(sizes: Sequence[int]) -> Frame:
    """How many items a side will put in, a number for each of its lists."""
    return Frame(MessageType.SIZES, strict_json.encode({"sizes": list(sizes)}))


def decode_sizes(payload: bytes | bytearray | memoryview, lists: int) -> tuple[int, ...]:
    """The peer's declared number of items in each of its lists. Raises RemoteError unless each is 0 to 2^40."""
    body = strict_json.decode(payload, "sizes")
    strict_json.only(body, {"sizes"}, "sizes")
    sizes = strict_json.field(body, "sizes", list, "sizes")
    if len(sizes) != lists or not all(type(size) is int and 0 <= size <= MAX_SIZE for size in sizes):
        raise words.sizes()
    return tuple(sizes)


def greeting(hellos: Mapping[Side, bytes], fingerprints: Mapping[Side, bytes]) -> bytes:
    """64 bytes that stand for both hellos as sent and both certificates' fingerprints (TupleHash256, NIST SP 800-185).
    AUTH signs them."""
    return tuple_hash(b"psiselect-2 greeting", hellos, fingerprints)


def transcript(greeted: bytes, sizes: Mapping[Side, bytes]) -> bytes:
    """64 bytes that stand for the session: its greeting, and both SIZES as sent. Everything later is bound to it."""
    return tuple_hash(b"psiselect-2 transcript", sizes, more=(greeted,))


def tuple_hash(purpose: bytes, *both: Mapping[Side, bytes], more: Iterable[bytes] = ()) -> bytes:
    """TupleHash256 (NIST SP 800-185), 64 bytes, of what both sides have, the listening side's first each time, and
    then of `more`."""
    hasher = TupleHash256.new(digest_bytes=64, custom=purpose)
    for part in both:
        hasher.update(part[Side.LISTEN]).update(part[Side.CONNECT])
    for one in more:
        hasher.update(one)
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
    if isinstance(error, KeyboardInterrupt | SystemExit):
        code = "stopped"
    elif isinstance(error, MinimumError):
        code = "minimum"
    elif isinstance(error, PolicyError):
        code = "refused"
    elif isinstance(error, RemoteError):
        code, term = ("terms", error.term) if error.term else ("protocol", None)
    return Frame(MessageType.ABORT, strict_json.encode({"code": code, "term": term}))


# For a peer that has proved who it is when there is no place for one more session with it.
BUSY = Frame(MessageType.ABORT, strict_json.encode({"code": "busy", "term": None}))
# For a peer whose session is broken off because this side ends.
STOPPED = Frame(MessageType.ABORT, strict_json.encode({"code": "stopped", "term": None}))


def decode_abort(payload: bytes | bytearray | memoryview, *, compares: bool = False) -> PsiselectError:
    """The error that a peer's ABORT amounts to here. compares: whether the terms let the peer compare the matches with
    a minimum, and this side wait for its word. Raises RemoteError for an ABORT that is not of this form."""
    body = strict_json.decode(payload, "abort")
    strict_json.only(body, {"code", "term"}, "abort")
    code, term = strict_json.field(body, "code", str, "abort"), body.get("term")
    if code not in words.ABORTS or (term is None) is (code == "terms"):
        raise words.unknown_abort()
    if code == "terms":
        if not isinstance(term, str) or not re.fullmatch("[a-z][a-z_-]{0,39}", term):
            raise words.abort_without_term()
        return words.terms_refused(term)
    if code == "minimum" and not compares:
        return words.abort_for_a_minimum()
    return words.aborted(code)
