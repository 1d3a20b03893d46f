"""The offline exchange without files: frames in, frames out, through the receiver and the sender of a session.

    offer    hello, sizes, elements                        by the receiver, who will learn, as the connecting side
    answer   hello, sizes, replies, tags, signed record    by the sender, as the listening side
    finish   nothing goes out: the receiver compares

The receiver is made twice from one seed, and knows what binds it to the exchange only the second time: its elements do
not depend on that, tags do.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from psi.agreement.modes import Comparer, Learner, Reveal, SessionProtocol, Side
from psi.agreement.terms import Terms
from psi.offline import words
from psi.offline.run import OfflineRun, Send
from psi.protocol import messages
from psi.protocol.messages import Hello
from psi.protocol.messages import MessageType as M
from psi.protocol.outcome import Findings, Outcome
from psi.protocol.party import make_record
from psi.protocol.schedule import operations, plan, size_of
from psi.protocol.setup import Setup, read_hello, read_sizes
from psi.protocol.states import State
from psi.session.session import SessionResult
from psi.transport.wire import Frame
from psiselect.base import strict_json
from psiselect.base.errors import InputError

Progress = Callable[[int, int], None]


def require_offline(agreed: Terms) -> None:
    """Raises UsageError for terms that two files cannot carry out."""
    if agreed.protocol is not SessionProtocol.ECDH:
        raise words.fast_by_files()
    if agreed.learn is not Learner.CONNECT:
        raise words.one_way()
    if agreed.reveal is Reveal.SUM:
        raise words.sum_by_files()
    if agreed.min_matches_by is Comparer.OTHER:
        raise words.compared_by_files()


def offer(setup: Setup, send: Send, progress: Progress) -> bytes:
    """Write an offer; returns 64 bytes for each run that stand for all that is in it so far, for `finish`.

    `setup.entropy` is one that can be drawn again (`psiselect.base.seeded`). `setup.admit` is asked before anything is
    written; the peer's size is not known yet.
    """
    require_offline(setup.terms)
    begun = beginning(setup)
    setup.admit()
    contents, marks = _Contents(), b""

    def both(frame: Frame) -> None:
        contents.add(frame)
        send(frame)

    for frame in begun:
        both(frame)
    sizes = {setup.side: setup.declared_sizes, setup.side.other: (0,) * setup.terms.lists}  # the peer's, as yet
    count = OperationCount(progress, sum(size_of(run, setup.terms, sizes).elements for run in plan(setup.terms)))
    for planned in plan(setup.terms):
        with OfflineRun(setup, planned, 0, b"", count) as run:
            run.work_until(State.UNMASKING, both)
        marks += contents.digest()
    return marks


def answer(setup: Setup, offer_id: bytes, frames: Iterator[Frame], send: Send, progress: Progress) -> SessionResult:
    """Read an offer, whose author has been verified, and write its answer.

    Raises RemoteError when the offer breaks the protocol or its terms differ, PolicyError when own policy refuses it;
    differing terms and policy before anything of the own list is used.
    """
    require_offline(setup.terms)
    exchange = Exchange(setup, offer_id, own=beginning(setup), theirs=beginning_of_peer(frames))
    setup.admit()
    for frame in exchange.own:
        send(frame)
    count = OperationCount(progress, operations(setup.terms, setup.side, exchange.sizes))
    for planned in plan(setup.terms):
        with OfflineRun(setup, planned, exchange.peer_sizes[planned.list], exchange.transcript, count) as run:
            while run.state in (State.ANSWERING, State.COLLECTING):
                run.receive(_next(frames), send)
            run.work_until(State.RUN_OVER, send)
    if next(frames, None) is not None:
        raise words.offer_goes_on()
    signature = exchange.sign()
    send(Frame(M.FINISH, signature))
    return exchange.result(Outcome(), {Side.LISTEN: signature})


def finish(
    setup: Setup, offer_id: bytes, contents: bytes, frames: Iterator[Frame], progress: Progress
) -> SessionResult:
    """Read an answer, whose author has been verified and which answers the offer `offer_id`.

    `setup` is as for the offer, its entropy of the same seed. Raises InputError when the offer cannot be made again as
    it was, because the list has changed; RemoteError when the answer breaks the protocol or its terms differ;
    PolicyError when own policy refuses the peer's size. A result below the agreed minimum is withheld.
    """
    with contextlib.closing(Findings(setup.terms.min_matches)) as findings:
        exchange, signatures = _read_answer(setup, offer_id, contents, frames, progress, findings)
        return exchange.result(findings.outcome(), signatures)


def _read_answer(
    setup: Setup, offer_id: bytes, contents: bytes, frames: Iterator[Frame], progress: Progress, findings: Findings
) -> tuple[Exchange, dict[Side, bytes]]:
    """All that does not depend on matches."""
    exchange = Exchange(setup, offer_id, own=beginning(setup), theirs=beginning_of_peer(frames))
    again, marks = _Contents(), b""
    for frame in exchange.own:
        again.add(frame)
    count = OperationCount(progress, operations(setup.terms, setup.side, exchange.sizes))
    for planned in plan(setup.terms):
        with OfflineRun(setup, planned, exchange.peer_sizes[planned.list], exchange.transcript, count) as run:
            # What goes out here goes nowhere: the peer has it. It shows that list, order and mask are the offer's.
            run.work_until(State.UNMASKING, again.add)
            marks += again.digest()
            if not contents.startswith(marks):
                raise changed()
            while run.state is not State.RUN_OVER:
                run.receive(_next(frames), _nowhere)
            run.give(findings)
    signature = _next(frames)
    if signature.type != M.FINISH or next(frames, None) is not None:
        raise words.no_record_signature("answer")
    exchange.verify(bytes(signature.payload))
    return exchange, {Side.LISTEN: bytes(signature.payload), Side.CONNECT: exchange.sign()}


class Exchange:
    """Both sides' hello and sizes, and what follows from them. Raises RemoteError, PolicyError when the peer's do not
    do."""

    def __init__(self, setup: Setup, offer_id: bytes, *, own: Beginning, theirs: Beginning) -> None:
        self.own = own
        self._setup = setup
        time = read_hello(setup, bytes(theirs.hello.payload))
        self.peer_sizes = read_sizes(setup, bytes(theirs.sizes.payload))
        self.sizes = {setup.side: setup.declared_sizes, setup.side.other: self.peer_sizes}
        side = setup.side
        both = {side: own, side.other: theirs}
        self.transcript = transcript(
            {side: bytes(beginning.hello.payload) for side, beginning in both.items()},
            {side: bytes(beginning.sizes.payload) for side, beginning in both.items()},
            {side: setup.signer.fingerprint, side.other: setup.verifier.fingerprint},
            offer_id,
        )
        answered_at = setup.now if side is Side.LISTEN else time
        self.record = make_record(setup, self.peer_sizes, self.transcript, answered_at, None)

    def sign(self) -> bytes:
        """Own signature over the record."""
        return self._setup.signer.sign(self._signed(self._setup.side))

    def verify(self, signature: bytes) -> None:
        """Check the peer's. Raises RemoteError."""
        if len(signature) != messages.SIGNATURE_BYTES:
            raise words.signature_length(len(signature), messages.SIGNATURE_BYTES)
        self._setup.verifier.verify(signature, self._signed(self._setup.side.other))

    def result(self, outcome: Outcome, signatures: dict[Side, bytes]) -> SessionResult:
        """What this side has now, as after a session; time and bytes are the caller's to fill in."""
        own_size, peer_size = sum(self._setup.declared_sizes), sum(self.peer_sizes)
        return SessionResult(outcome, own_size, peer_size, self.transcript, self.record, signatures)

    def _signed(self, side: Side) -> bytes:
        return messages.signed_bytes("record", side, strict_json.encode(self.record))


class _Contents:
    """A digest of frames."""

    def __init__(self) -> None:
        self._hash = hashlib.sha512()

    def add(self, frame: Frame) -> None:
        """One more."""
        self._hash.update(frame.header())
        self._hash.update(frame.view())

    def digest(self) -> bytes:
        """Of all so far, 64 bytes."""
        return self._hash.digest()


class OperationCount:
    """Group operations so far, over all runs."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def __call__(self, operations: int) -> None:
        self._done += operations
        self._progress(self._done, self._total)


def transcript(
    hellos: Mapping[Side, bytes], sizes: Mapping[Side, bytes], fingerprints: Mapping[Side, bytes], offer_id: bytes
) -> bytes:
    """64 bytes that stand for the exchange (TupleHash256), and never for a session over a link."""
    return messages.tuple_hash(b"psiselect-2 offline transcript", hellos, sizes, fingerprints, more=(offer_id,))


class Beginning(NamedTuple):
    """The first two messages of a file."""

    hello: Frame
    sizes: Frame

    def digest(self) -> bytes:
        """64 bytes that stand for both."""
        contents = _Contents()
        for frame in self:
            contents.add(frame)
        return contents.digest()


def beginning(setup: Setup) -> Beginning:
    """Own hello and sizes; the hello has a fresh nonce."""
    hello = Hello(setup.terms, setup.entropy.read(messages.NONCE_BYTES), setup.now).frame()
    return Beginning(hello, messages.sizes_frame(setup.declared_sizes))


def beginning_of_peer(frames: Iterator[Frame]) -> Beginning:
    """The peer's hello and sizes, not parsed. Raises RemoteError."""
    found = Beginning(_next(frames), _next(frames))
    if (found.hello.type, found.sizes.type) != (M.HELLO, M.SIZES):
        raise words.of_another_protocol()
    return found


def _next(frames: Iterator[Frame]) -> Frame:
    frame = next(frames, None)
    if frame is None:
        raise words.ends_early("file")
    return frame


def _nowhere(frame: Frame) -> None:
    """A receiver that has sent its elements sends no more."""
    raise RuntimeError(f"message type {frame.type} at the end of an exchange")


def changed() -> InputError:
    """The error of a list that is not the offer's."""
    return words.other_list()
