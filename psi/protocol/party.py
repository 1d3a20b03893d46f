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
from typing import Any

from Crypto.Hash import TupleHash256

from psi.agreement.modes import Comparer, Reveal, SessionProtocol, Side
from psi.group.curve25519.suite import DST
from psi.inputs import padding
from psi.inputs.padding import Part
from psi.inputs.tokens import TokenSource
from psi.protocol import messages, schedule, words
from psi.protocol.gate import GateReceiver
from psi.protocol.messages import Hello
from psi.protocol.messages import MessageType as M
from psi.protocol.outcome import Findings, Outcome
from psi.protocol.receiver import Receiver
from psi.protocol.run import Payload, Role, RunContext
from psi.protocol.schedule import PlannedRun
from psi.protocol.sender import Sender
from psi.protocol.setup import Setup, read_hello, read_sizes
from psi.protocol.states import State, after
from psi.store.spool import Store
from psi.transport.wire import Frame
from psiselect.base import strict_json
from psiselect.base.errors import PsiselectError
from psiselect.base.turns import RECEIVE, SEND


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
        self._greeting = b""
        self._sizes: dict[Side, bytes] = {}  # as sent
        self._times = {setup.side: setup.now}
        self._plan = schedule.plan(setup.terms)
        self._runs: list[PlannedRun] = []  # still to come
        self._running: PlannedRun | None = None
        self._role: Role | None = None
        self._store: Store | None = None
        self._findings = Findings(setup.terms.min_matches)
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
        hello = Hello(setup.terms, setup.entropy.read(messages.NONCE_BYTES), setup.now).frame()
        self._hellos[setup.side] = bytes(hello.payload)
        return self._send([hello])

    def receive(self, frame: Frame) -> list[Frame]:
        """Handle one frame from the peer. Raises RemoteError for anything out of place, PolicyError when own policy
        refuses the peer's declared size; the party is then FAILED for good."""
        with self._failing_for_good():
            if frame.type == M.ABORT and self.state is not State.DONE:
                raise self.told(frame.payload)
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
        """Find the outcome of a party that is DONE, and close it. Matches may matter from here on and not before: the
        link to the peer must be closed, since a peer that is still connected could measure the time that they take.
        Raises RemoteError when the peer's tags are no honest ones."""
        try:
            self.outcome = self._findings.outcome()
        finally:
            self.close()

    def close(self) -> None:
        """Wipe the secrets and drop all columns. Safe to call twice."""
        self._end_run()
        self._findings.close()

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
                    raise words.carries_data(words.SIGN_OF_LIFE)
                return []
            case M.HELLO:
                return self._greet(bytes(frame.payload))
            case M.AUTH:
                self._verify("auth", self._greeting, frame.payload)
                self._setup.admit()
                return [self._declare()]
            case M.SIZES:
                self._take_sizes(bytes(frame.payload))
                return []
            case M.FINISH:
                self._verify("record", strict_json.encode(self.record), frame.payload)
                self.signatures[self._setup.side.other] = bytes(frame.payload)
                return []
            case _:
                if self._role is None:
                    raise RuntimeError(f"{message.name} without a run")
                return self._role.receive(message, frame.payload, before)

    def told(self, payload: Payload) -> PsiselectError:
        """What the peer's ABORT amounts to: its reason, unless the terms leave it no such reason."""
        agreed = self._setup.terms
        compares = agreed.min_matches_by is Comparer.OTHER and self._setup.side in agreed.learn.receivers
        return messages.decode_abort(payload, compares=compares and self.transcript != b"")

    def _greet(self, payload: bytes) -> list[Frame]:
        setup = self._setup
        self._times[setup.side.other] = read_hello(setup, payload)
        self._hellos[setup.side.other] = payload
        fingerprints = {setup.side: setup.signer.fingerprint, setup.side.other: setup.verifier.fingerprint}
        self._greeting = messages.greeting(self._hellos, fingerprints)
        signature = setup.signer.sign(messages.signed_bytes("auth", setup.side, self._greeting))
        return [Frame(M.AUTH, signature)]

    def _declare(self) -> Frame:
        frame = messages.sizes_frame(self.own_sizes)
        self._sizes[self._setup.side] = bytes(frame.payload)
        return frame

    def _take_sizes(self, payload: bytes) -> None:
        setup = self._setup
        self.peer_sizes = read_sizes(setup, payload)
        self._sizes[setup.side.other] = payload
        self.transcript = messages.transcript(self._greeting, self._sizes)
        self._runs = list(self._plan)

    def _send(self, frames: Sequence[Frame]) -> list[Frame]:
        """Pass frames through the table; when that ends a run, go on to what comes next."""
        sent = list(frames)
        for frame in sent:
            self.state = after(self.state, SEND, frame.type)
        if self.state is State.RUN_OVER:
            if self._role is not None and self._role.successor is not None:
                self._hand_over(self._role.successor)
            elif self._role is None or self._role.finding is not None:
                sent += self._next_run()
        return sent

    def _hand_over(self, successor: Role) -> None:
        """Another role goes on with the run, on the same store."""
        if self._role is not None:
            self._role.close()
        self._role, self.state = successor, successor.opening

    def _next_run(self) -> list[Frame]:
        self._take_finding()
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

    def _take_finding(self) -> None:
        """Keep what the run that is over gave. Raises MinimumError when this side compares and it is too little."""
        run, role = self._running, self._role
        if run is None or role is None or role.finding is None or run.receiver is not self._setup.side:
            return
        self._findings.add(role.finding, [part for part in (self._store, self._tokens) if part is not None])
        self._store = self._tokens = None
        if self._both_know:
            role.finding.counts()
        if run.gate and not any(other.gate for other in self._runs) and self._findings.below_minimum:
            raise words.too_few_matches(self._setup.terms.min_matches)

    @property
    def _both_know(self) -> bool:
        """Whether both sides know the counts of matches, so that they are in the record."""
        return len({run.receiver for run in self._plan}) == 2

    def _finish(self) -> list[Frame]:
        self.record = self._record()
        content = messages.signed_bytes("record", self._setup.side, strict_json.encode(self.record))
        self.signatures[self._setup.side] = self._setup.signer.sign(content)
        frame = Frame(M.FINISH, self.signatures[self._setup.side])
        self.state = after(self.state, SEND, frame.type)
        return [frame]

    def _record(self) -> dict[str, Any]:
        """What both sides know of the session, the same on both."""
        counts = self._findings.counts if self._both_know and not self._findings.below_minimum else None
        return make_record(self._setup, self.peer_sizes, self.transcript, self._times[Side.LISTEN], counts)

    def _verify(self, purpose: str, content: bytes, signature: bytes | bytearray | memoryview) -> None:
        if len(signature) != messages.SIGNATURE_BYTES:
            raise words.length(f"{purpose} signature", len(signature), messages.SIGNATURE_BYTES)
        message = messages.signed_bytes(purpose, self._setup.side.other, content)
        self._setup.verifier.verify(bytes(signature), message)

    def _advance(self, operations: int) -> None:
        self.done_operations += operations


# What a session over a link and an exchange by files have in common.


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
    if setup.terms.protocol is SessionProtocol.FAST:
        from psi.protocol.fast import fast_role  # here, since other sessions do not need it

        return fast_role(setup, run, tokens, peer_size, run_binding(transcript, run.number), store, advance)
    context = run_context(setup, run, tokens, peer_size, transcript, store, advance)
    if run.receiver is not setup.side:
        return Sender(context)
    return GateReceiver(context) if run.gate else Receiver(context)


def run_context(
    setup: Setup,
    run: PlannedRun,
    tokens: TokenSource,
    peer_size: int,
    transcript: bytes,
    store: Store,
    advance: Callable[[int], None],
) -> RunContext:
    """What this side's role in a run stands on; arguments and errors as for `make_role`."""
    noise = setup.terms.noise
    sends = run.receiver is not setup.side
    if sends and run.reveal is Reveal.SUM and setup.values is None:
        raise words.no_values()
    return RunContext(
        reveal=run.reveal,
        chunk=setup.terms.chunk,
        tokens=tokens,
        peer_size=peer_size + setup.terms.added,
        offset=None if noise is None else noise.bound,
        binding=run_binding(transcript, run.number),
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


def run_binding(transcript: bytes, number: int) -> bytes:
    """64 bytes that bind tags to one run of one session. number: of the run, from 1."""
    binding = TupleHash256.new(digest_bytes=64, custom=b"psiselect-1 run")
    binding.update(transcript).update(bytes((number,)))
    return bytes(binding.digest())


def make_record(
    setup: Setup, peer_sizes: tuple[int, ...], transcript: bytes, time: int, counts: tuple[int, ...] | None
) -> dict[str, Any]:
    """What both sides know, the same on both. time: the listener's; counts: where both know them."""
    here, there = setup.side, setup.side.other
    status = setup.terms.protocol.status
    return {
        **({} if status is None else {"status": status}),
        "record": "psiselect-1",
        "terms": setup.terms.to_json(),
        "time": time,
        "sizes": {here.value: list(setup.declared_sizes), there.value: list(peer_sizes)},
        "fingerprints": {here.value: setup.signer.fingerprint.hex(), there.value: setup.verifier.fingerprint.hex()},
        "transcript": transcript.hex(),
        "counts": None if counts is None else list(counts),
    }
