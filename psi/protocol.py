"""One party of a session, without any input or output: frames in, frames out.

    party.start()          the first frames
    party.receive(frame)   the frames that answer one from the peer
    party.work()           one bounded piece of own computing, and the frames it yields; None when only waiting is left

until `party.state` is DONE. The order of messages is `psi.states.TABLE`; what the two roles do with them is in
`psi.receiver` and `psi.sender`; sockets, clocks and threads are in `psi.session`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from Crypto.Hash import TupleHash256

from dpselect.entropy import Entropy
from psi import messages, padding, strict_json, terms
from psi.curve25519.backend import Backend
from psi.curve25519.suite import DST
from psi.errors import PolicyError, PsiError, RemoteError
from psi.messages import Hello
from psi.messages import MessageType as M
from psi.outcomes import Outcome, Side
from psi.padding import Part
from psi.receiver import Receiver
from psi.run import Role, RunContext
from psi.sender import Sender
from psi.spool import Store
from psi.states import RECEIVE, SEND, State, after
from psi.terms import Terms
from psi.tokens import TokenSource
from psi.wire import Frame


class Signer(Protocol):
    """Own identity, as far as the protocol needs it."""

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the certificate in DER, 32 bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """An Ed25519 signature, 64 bytes."""
        ...


class Verifier(Protocol):
    """The peer's pinned identity."""

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the certificate in DER, 32 bytes."""
        ...

    def verify(self, signature: bytes, message: bytes) -> None:
        """Raises RemoteError unless the signature is the peer's."""
        ...


@dataclass(frozen=True)
class Setup:
    """What one side brings to a session.

    tokens: called once a run, so that each run has an order of its own; the party adds what the terms add, size is
    without it. max_peer_size and admit are private policy: admit(peer's size) is called once, when the peer has proved
    who it is and before anything derived from data moves; it raises PolicyError to refuse. now: seconds since 1970, for
    the record's date.
    """

    side: Side
    terms: Terms
    size: int
    tokens: Callable[[], TokenSource]
    signer: Signer
    verifier: Verifier
    backend: Backend
    stores: Callable[[], Store]
    entropy: Entropy
    max_peer_size: int
    now: int
    admit: Callable[[int], None] = lambda peer_size: None


class Party:
    """One side of one session."""

    def __init__(self, setup: Setup) -> None:
        self.state = State.OPENING
        self.outcome = Outcome()
        self.transcript = b""
        self.peer_size = 0
        self.record: dict[str, Any] = {}
        self.signatures: dict[Side, bytes] = {}  # over the record, once it is made
        self.done_operations = 0
        self._setup = setup
        self._noise = terms.noise_of(setup.terms)
        self.own_size = setup.terms.declared_size(setup.size)
        self._hellos: dict[Side, bytes] = {}
        self._times = {setup.side: setup.now}
        self._runs: list[tuple[Side, int]] = []  # (receiver, number), still to come
        self._role: Role | None = None
        self._store: Store | None = None
        self._tokens: TokenSource | None = None

    @property
    def total_operations(self) -> int:
        """Group operations of this side over all runs; 0 until the peer's size is known."""
        if not self.transcript:
            return 0
        own, peer = self.own_size + self._added, self.peer_size + self._added
        receiving = self._setup.side in self._setup.terms.learn.receivers
        sending = self._setup.side.other in self._setup.terms.learn.receivers
        return receiving * 2 * own + sending * (own + peer)

    @property
    def _added(self) -> int:
        return 0 if self._noise is None else self._noise.added

    def start(self) -> list[Frame]:
        """Our hello."""
        setup = self._setup
        hello = Hello(setup.terms, setup.entropy.read(messages.NONCE_BYTES), self.own_size, setup.now).frame()
        self._hellos[setup.side] = bytes(hello.payload)
        return self._send([hello])

    def receive(self, frame: Frame) -> list[Frame]:
        """Handle one frame from the peer. Raises RemoteError for anything out of place, PolicyError when own policy
        refuses the peer's declared size; the party is then FAILED for good."""
        with self._failing_for_good():
            if frame.type == M.ABORT and self.state is not State.DONE:
                raise messages.decode_abort(frame.payload)
            before, self.state = self.state, after(self.state, RECEIVE, frame.type)
            return self._send(self._handle(M(frame.type), frame, before))

    def work(self) -> list[Frame] | None:
        """One piece of own computing. Raises RemoteError when it shows that the peer cheated."""
        if self._role is None:
            return None
        with self._failing_for_good():
            frames = self._role.work(self.state)
            return None if frames is None else self._send(frames)

    def close(self) -> None:
        """Wipe the secrets and drop the columns of the run. Safe to call twice."""
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
        except PsiError:
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
                self._runs = [(side, n) for n, side in enumerate(self._setup.terms.learn.receivers, start=1)]
                return []
            case M.FINISH:
                self._verify("record", strict_json.encode(self.record), frame.payload)
                self.signatures[self._setup.side.other] = bytes(frame.payload)
                return []
            case _:
                if self._role is None:
                    raise RuntimeError(f"{message.name} without a run")
                return self._role.receive(message, frame.payload, before)

    def _greet(self, payload: bytes) -> list[Frame]:
        setup = self._setup
        hello = messages.decode_hello(payload)
        differs = terms.difference(setup.terms, hello["terms"])
        if differs is not None:
            raise differs
        self.peer_size = terms.decode_size(hello)
        if setup.terms.pad_to not in (None, self.peer_size):
            raise RemoteError("the peer does not declare the size that both pad to", term="size")
        if self.peer_size > setup.max_peer_size:
            raise PolicyError(
                f"the peer declares a list of {self.peer_size:,} items, more than --max-peer-size "
                f"{setup.max_peer_size:,} allows; raise the limit if that is right",
                term="max-peer-size",
            )
        self._hellos[setup.side.other] = payload
        self._times[setup.side.other] = hello["time"]
        fingerprints = {setup.side: setup.signer.fingerprint, setup.side.other: setup.verifier.fingerprint}
        self.transcript = messages.transcript(self._hellos, fingerprints)
        signature = setup.signer.sign(messages.signed_bytes("auth", setup.side, self.transcript))
        return [Frame(M.AUTH, signature)]

    def _send(self, frames: Sequence[Frame]) -> list[Frame]:
        """Pass frames through the table; when that ends a run, go on to what comes next."""
        sent = list(frames)
        for frame in sent:
            self.state = after(self.state, SEND, frame.type)
        if self.state is State.RUN_OVER and (self._role is None or self._role.outcome is not None):
            sent += self._next_run()
        return sent

    def _next_run(self) -> list[Frame]:
        if self._role is not None and self._role.outcome is not None and self._role.outcome.learnt:
            self.outcome = self._role.outcome.at_least(self._setup.terms.min_matches)
        self.close()
        if not self._runs:
            return self._finish()
        receiver, number = self._runs.pop(0)
        setup = self._setup
        binding = TupleHash256.new(digest_bytes=64, custom=b"psiselect-1 run")
        binding.update(self.transcript).update(bytes((number,)))
        part = Part.RECEIVER if receiver is setup.side else Part.SENDER
        self._store = setup.stores()
        self._tokens = padding.pad(setup.tokens(), self.own_size, self._noise, part, setup.entropy)
        run = RunContext(
            setup.terms.reveal,
            setup.terms.chunk,
            self._tokens,
            self.peer_size + self._added,
            None if self._noise is None else self._noise.bound,
            bytes(binding.digest()),
            DST,
            setup.backend,
            self._store,
            setup.entropy,
            self._advance,
        )
        self._role = Receiver(run) if part is Part.RECEIVER else Sender(run)
        self.state = self._role.opening
        return []

    def _finish(self) -> list[Frame]:
        self.record = self._record()
        content = messages.signed_bytes("record", self._setup.side, strict_json.encode(self.record))
        self.signatures[self._setup.side] = self._setup.signer.sign(content)
        frame = Frame(M.FINISH, self.signatures[self._setup.side])
        self.state = after(self.state, SEND, frame.type)
        return [frame]

    def _record(self) -> dict[str, Any]:
        """What both sides know of the session, the same on both."""
        setup = self._setup
        both_learn = len(setup.terms.learn.receivers) == 2
        return {
            "record": "psiselect-1",
            "terms": setup.terms.to_json(),
            "time": self._times[Side.LISTEN],
            "sizes": {setup.side.value: self.own_size, setup.side.other.value: self.peer_size},
            "fingerprints": {
                setup.side.value: setup.signer.fingerprint.hex(),
                setup.side.other.value: setup.verifier.fingerprint.hex(),
            },
            "transcript": self.transcript.hex(),
            "matches": self.outcome.matches if both_learn else None,
        }

    def _verify(self, purpose: str, content: bytes, signature: bytes | bytearray | memoryview) -> None:
        if len(signature) != messages.SIGNATURE_BYTES:
            raise RemoteError(f"the peer's {purpose} signature has {len(signature)} bytes, not 64")
        message = messages.signed_bytes(purpose, self._setup.side.other, content)
        self._setup.verifier.verify(bytes(signature), message)

    def _advance(self, operations: int) -> None:
        self.done_operations += operations
