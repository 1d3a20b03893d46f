"""One party of a session, without any input or output: frames in, frames out.

    party.start()          the first frames
    party.receive(frame)   the frames that answer one from the peer
    party.work()           one bounded piece of own computing, and the frames it yields; None when only waiting is left

until `party.state` is DONE. The order of messages is `psi.protocol.states.TABLE`; what the two roles do with them is in
`psi.protocol.receiver` and `psi.protocol.sender`; sockets, clocks and threads are in `psi.session.session`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from Crypto.Hash import TupleHash256

from psi.agreement.modes import Comparer, Reveal, Side
from psi.agreement.terms import Terms, decode_sizes, difference
from psi.group.curve25519.backend import Backend
from psi.group.curve25519.suite import DST
from psi.identity.signing import Signer, Verifier
from psi.inputs import padding
from psi.inputs.padding import Part
from psi.inputs.tokens import TokenSource
from psi.protocol import messages, schedule
from psi.protocol.gate import GateReceiver
from psi.protocol.messages import Hello
from psi.protocol.messages import MessageType as M
from psi.protocol.outcome import Outcome
from psi.protocol.receiver import Receiver
from psi.protocol.run import Labels, Role, RunContext, Values
from psi.protocol.schedule import PlannedRun
from psi.protocol.sender import Sender
from psi.protocol.states import RECEIVE, SEND, State, after
from psi.store.spool import Store
from psi.transport.wire import Frame
from psiselect.base import strict_json
from psiselect.base.entropy import Entropy
from psiselect.base.errors import MinimumError, PolicyError, PsiselectError, RemoteError, UsageError


@dataclass(frozen=True)
class Setup:
    """What one side brings to a session.

    sizes: items in each list, without what the terms add. tokens(number): one of the lists, called once a run, so
    that each run has an order of its own; the party adds what the terms add. labels: what travels along with own
    items, None for nothing. values: in `sum`, what own items add up. max_peer_size and admit are private policy:
    admit(peer's size) is called once, when the peer has proved who it is and before anything derived from data moves;
    it raises PolicyError to refuse. now: seconds since 1970, for the record's date.
    """

    side: Side
    terms: Terms
    sizes: tuple[int, ...]
    tokens: Callable[[int], TokenSource]
    signer: Signer
    verifier: Verifier
    backend: Backend
    stores: Callable[[], Store]
    entropy: Entropy
    max_peer_size: int
    now: int
    admit: Callable[[int], None] = lambda peer_size: None
    labels: Labels | None = None
    values: Values | None = None

    @property
    def size(self) -> int:
        """Items in all lists together."""
        return sum(self.sizes)

    @property
    def declared_sizes(self) -> tuple[int, ...]:
        """Items in each list, padding included. Raises InputError when one does not fit it."""
        return tuple(self.terms.declared_size(size) for size in self.sizes)


class Party:
    """One side of one session."""

    def __init__(self, setup: Setup) -> None:
        self.state = State.OPENING
        self.outcome = Outcome()
        self.transcript = b""
        self.peer_sizes: tuple[int, ...] = ()
        self.record: dict[str, Any] = {}
        self.signatures: dict[Side, bytes] = {}  # over the record, once it is made
        self.done_operations = 0
        self._setup = setup
        self.own_sizes = setup.declared_sizes
        self._hellos: dict[Side, bytes] = {}
        self._times = {setup.side: setup.now}
        self._plan = schedule.plan(setup.terms)
        self._runs: list[PlannedRun] = []  # still to come
        self._running: PlannedRun | None = None
        self._role: Role | None = None
        self._store: Store | None = None
        self._kept: Store | None = None  # has what the peer gave along with matches, until the session is over
        self._tokens: TokenSource | None = None

    @property
    def own_size(self) -> int:
        """Own items in all lists, with padding."""
        return sum(self.own_sizes)

    @property
    def peer_size(self) -> int:
        """The peer's items in all lists, with padding; 0 until it is known."""
        return sum(self.peer_sizes)

    @property
    def total_operations(self) -> int:
        """Group operations of this side over all runs; 0 until the peer's sizes are known."""
        if not self.transcript:
            return 0
        sizes = {self._setup.side: self.own_sizes, self._setup.side.other: self.peer_sizes}
        return schedule.operations(self._setup.terms, self._setup.side, sizes)

    def start(self) -> list[Frame]:
        """Our hello."""
        setup = self._setup
        hello = Hello(setup.terms, setup.entropy.read(messages.NONCE_BYTES), self.own_sizes, setup.now).frame()
        self._hellos[setup.side] = bytes(hello.payload)
        return self._send([hello])

    def receive(self, frame: Frame) -> list[Frame]:
        """Handle one frame from the peer. Raises RemoteError for anything out of place, PolicyError when own policy
        refuses the peer's declared size; the party is then FAILED for good."""
        with self._failing_for_good():
            if frame.type == M.ABORT and self.state is not State.DONE:
                raise self._believed(messages.decode_abort(frame.payload))
            before, self.state = self.state, after(self.state, RECEIVE, frame.type)
            return self._send(self._handle(M(frame.type), frame, before))

    def work(self) -> list[Frame] | None:
        """One piece of own computing. Raises RemoteError when it shows that the peer cheated."""
        if self._role is None:
            return None
        with self._failing_for_good():
            frames = self._role.work(self.state)
            return None if frames is None else self._send(frames)

    def settle(self) -> None:
        """Complete the outcome of a party that is DONE, and close it. Not before the link to the peer is closed: it
        takes time for each match, which a peer that is still connected could measure."""
        self.outcome = self.outcome.collected()
        self.close()

    def close(self) -> None:
        """Wipe the secrets and drop all columns. Safe to call twice."""
        self._end_run()
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _end_run(self) -> None:
        if self._role is not None:
            self._role.close()
            self._role = None
        if self._store is not None:
            self._store.close()
            self._store = None
        if self._tokens is not None:
            self._tokens.close()
            self._tokens = None

    @contextlib.contextmanager
    def _failing_for_good(self) -> Iterator[None]:
        try:
            yield
        except PsiselectError:
            self.close()
            self.state = State.FAILED
            raise

    def _handle(self, message: M, frame: Frame, before: State) -> list[Frame]:
        match message:
            case M.ALIVE:
                if len(frame.payload):
                    raise RemoteError("the peer's sign of life carries data")
                return []
            case M.HELLO:
                return self._greet(bytes(frame.payload))
            case M.AUTH:
                self._verify("auth", self.transcript, frame.payload)
                self._setup.admit(self.peer_size)
                self._runs = list(self._plan)
                return []
            case M.FINISH:
                self._verify("record", strict_json.encode(self.record), frame.payload)
                self.signatures[self._setup.side.other] = bytes(frame.payload)
                return []
            case _:
                if self._role is None:
                    raise RuntimeError(f"{message.name} without a run")
                return self._role.receive(message, frame.payload, before)

    def _believed(self, error: PsiselectError) -> PsiselectError:
        """What the peer gave as its reason, unless the terms leave it no such reason."""
        agreed = self._setup.terms
        compares = agreed.min_matches_by is Comparer.OTHER and self._setup.side in agreed.learn.receivers
        if isinstance(error, MinimumError) and not compares:
            return RemoteError("the peer ends the session for a minimum that it was not to compare")
        return error

    def _greet(self, payload: bytes) -> list[Frame]:
        setup = self._setup
        self.peer_sizes, self._times[setup.side.other] = read_hello(setup, payload)
        self._hellos[setup.side.other] = payload
        fingerprints = {setup.side: setup.signer.fingerprint, setup.side.other: setup.verifier.fingerprint}
        self.transcript = messages.transcript(self._hellos, fingerprints)
        signature = setup.signer.sign(messages.signed_bytes("auth", setup.side, self.transcript))
        return [Frame(M.AUTH, signature)]

    def _send(self, frames: Sequence[Frame]) -> list[Frame]:
        """Pass frames through the table; when that ends a run, go on to what comes next."""
        sent = list(frames)
        for frame in sent:
            self.state = after(self.state, SEND, frame.type)
        if self.state is State.RUN_OVER:
            if self._role is not None and self._role.successor is not None:
                self._hand_over(self._role.successor)
            elif self._role is None or self._role.outcome is not None:
                sent += self._next_run()
        return sent

    def _hand_over(self, successor: Role) -> None:
        """Another role goes on with the run, on the same store."""
        if self._role is not None:
            self._role.close()
        self._role, self.state = successor, successor.opening

    def _next_run(self) -> list[Frame]:
        self._take_outcome()
        self._end_run()
        if not self._runs:
            return self._finish()
        self._running = planned = self._runs.pop(0)
        setup = self._setup
        self._store = setup.stores()
        self._tokens = run_tokens(setup, planned)
        peer_size = self.peer_sizes[planned.list]
        self._role = make_role(setup, planned, self._tokens, peer_size, self.transcript, self._store, self._advance)
        self.state = self._role.opening
        return []

    def _take_outcome(self) -> None:
        """Keep what the run that is over gave. Raises PolicyError when this side compares and it is too little."""
        run = self._running
        if run is None or self._role is None or self._role.outcome is None or not self._role.outcome.learnt:
            return
        self.outcome = self.outcome.followed_by(self._role.outcome)
        last = not any(other.receiver is run.receiver for other in self._runs)
        if last and run.gate and self.outcome.at_least(self._setup.terms.min_matches).withheld:
            raise MinimumError(
                f"the lists have fewer than the {self._setup.terms.min_matches} matches of --min-matches; nothing was "
                "revealed to the side that learns but that",
                term="min_matches",
            )
        if last:
            self.outcome = self.outcome.at_least(self._setup.terms.min_matches)
        if self.outcome.uncollected is not None:
            self._kept, self._store = self._store, None

    def _finish(self) -> list[Frame]:
        self.record = self._record()
        content = messages.signed_bytes("record", self._setup.side, strict_json.encode(self.record))
        self.signatures[self._setup.side] = self._setup.signer.sign(content)
        frame = Frame(M.FINISH, self.signatures[self._setup.side])
        self.state = after(self.state, SEND, frame.type)
        return [frame]

    def _record(self) -> dict[str, Any]:
        """What both sides know of the session, the same on both."""
        both_know = len({run.receiver for run in self._plan}) == 2
        counts = self.outcome.counts if both_know else None
        return make_record(self._setup, self.peer_sizes, self.transcript, self._times[Side.LISTEN], counts)

    def _verify(self, purpose: str, content: bytes, signature: bytes | bytearray | memoryview) -> None:
        if len(signature) != messages.SIGNATURE_BYTES:
            raise RemoteError(f"the peer's {purpose} signature has {len(signature)} bytes, not 64")
        message = messages.signed_bytes(purpose, self._setup.side.other, content)
        self._setup.verifier.verify(bytes(signature), message)

    def _advance(self, operations: int) -> None:
        self.done_operations += operations


# What a session over a link and an exchange by files have in common.


def read_hello(setup: Setup, payload: bytes) -> tuple[tuple[int, ...], int]:
    """Hold the peer's hello against the own terms; returns its sizes and its time. Raises RemoteError, PolicyError when
    its lists are too long for this side, UsageError when values could add up to too much."""
    hello = messages.decode_hello(payload)
    differs = difference(setup.terms, hello["terms"])
    if differs is not None:
        raise differs
    sizes = decode_sizes(hello, setup.terms.lists)
    if setup.terms.pad_to is not None and set(sizes) != {setup.terms.pad_to}:
        raise RemoteError("the peer does not declare the size that both pad to", term="sizes")
    if sum(sizes) > setup.max_peer_size:
        raise PolicyError(
            f"the peer declares a list of {sum(sizes):,} items, more than --max-peer-size "
            f"{setup.max_peer_size:,} allows; raise the limit if that is right",
            term="max-peer-size",
        )
    setup.terms.check_totals({setup.side: sum(setup.declared_sizes), setup.side.other: sum(sizes)})
    return sizes, hello["time"]


def run_tokens(setup: Setup, run: PlannedRun) -> TokenSource:
    """A run's own tokens, in an order of their own, with what the terms add."""
    part = Part.RECEIVER if run.receiver is setup.side else Part.SENDER
    size, keys = setup.declared_sizes[run.list], setup.terms.keys_per_row
    return padding.pad(setup.tokens(run.list), size, setup.terms.noise, part, setup.entropy, keys)


def make_role(
    setup: Setup,
    run: PlannedRun,
    tokens: TokenSource,
    peer_size: int,
    transcript: bytes,
    store: Store,
    advance: Callable[[int], None],
) -> Role:
    """This side's role in a run. peer_size: as declared. Raises UsageError when values are to be added up and this side
    has none."""
    noise = setup.terms.noise
    binding = TupleHash256.new(digest_bytes=64, custom=b"psiselect-1 run")
    binding.update(transcript).update(bytes((run.number,)))
    sends = run.receiver is not setup.side
    if sends and run.reveal is Reveal.SUM and setup.values is None:
        raise UsageError("this side's values are to be added up, and it has none", term="value")
    context = RunContext(
        reveal=run.reveal,
        chunk=setup.terms.chunk,
        tokens=tokens,
        peer_size=peer_size + setup.terms.added,
        offset=None if noise is None else noise.bound,
        binding=bytes(binding.digest()),
        dst=DST,
        backend=setup.backend,
        store=store,
        entropy=setup.entropy,
        advance=advance,
        keys=setup.terms.keys_per_row,
        copies=run.copies(peer_size if sends else len(tokens)),
        label_width=setup.terms.label_width(run.receiver.other) if run.needs_labels else 0,
        labels=setup.labels if run.needs_labels and sends else None,
        values=setup.values if run.reveal is Reveal.SUM and sends else None,
    )
    if sends:
        return Sender(context)
    return GateReceiver(context) if run.gate else Receiver(context)


def make_record(
    setup: Setup, peer_sizes: tuple[int, ...], transcript: bytes, time: int, counts: tuple[int, ...] | None
) -> dict[str, Any]:
    """What both sides know, the same on both. time: the listener's; counts: where both know them."""
    here, there = setup.side, setup.side.other
    return {
        "record": "psiselect-1",
        "terms": setup.terms.to_json(),
        "time": time,
        "sizes": {here.value: list(setup.declared_sizes), there.value: list(peer_sizes)},
        "fingerprints": {here.value: setup.signer.fingerprint.hex(), there.value: setup.verifier.fingerprint.hex()},
        "transcript": transcript.hex(),
        "counts": None if counts is None else list(counts),
    }
