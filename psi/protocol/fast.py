"""A side of a run of the fast protocol (psi.fast), driven like the roles of other runs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from psi.fast.comparison import FastComparison
from psi.fast.receiver import FastReceiver
from psi.fast.run import FastRun
from psi.fast.sender import FastSender
from psi.fast.states import FastState
from psi.group.curve25519.suite import DST
from psi.inputs.tokens import TokenSource
from psi.labels.labels import SealedLabels
from psi.protocol.messages import MessageType
from psi.protocol.outcome import Finding, Known, Outcome
from psi.protocol.run import Payload, Role
from psi.protocol.schedule import PlannedRun
from psi.protocol.setup import Setup
from psi.protocol.states import State
from psi.store.spool import Store
from psi.transport.wire import Frame


class FastRole:
    """A `Role`. What it may send and receive, and when, is in psi.fast.states."""

    def __init__(self, run: FastRun, tokens: TokenSource, advance: Callable[[int], None], *, sends: bool) -> None:
        """tokens: the run's items, for their owner's numbers. advance(k): k pieces of work are done, see FastSide."""
        self.opening = State.SENDING_FAST if sends else State.RECEIVING_FAST
        self.finding: Finding | None = None
        self.successor: Role | None = None
        self._side: FastSender | FastReceiver = FastSender(run) if sends else FastReceiver(run)
        self._tokens, self._advance = tokens, advance
        self._started = False
        self._told = 0

    def receive(self, message: MessageType, payload: Payload, state: State) -> list[Frame]:
        """See Role. Raises RemoteError."""
        return self._after(self._side.receive(Frame(message, payload)))

    def work(self, state: State) -> list[Frame] | None:
        """See Role."""
        if not self._started:
            self._started = True
            return self._side.start()
        frames = self._side.work()
        return None if frames is None else self._after(frames)

    def close(self) -> None:
        """See Role."""
        self._side.close()

    def _after(self, frames: list[Frame]) -> list[Frame]:
        """Tell how far the side is, and take what it has found when it is over."""
        done = self._side.done
        if done > self._told:  # a store that failed is made again
            self._advance(done - self._told)
            self._told = done
        if self._side.state is FastState.OVER:
            if isinstance(self._side, FastSender):
                self.finding = Known(Outcome())
            elif self._side.comparison is not None:
                self.finding = FastFinding(self._side.comparison, self._tokens)
        return frames


class FastFinding:
    """A `Finding`: the matches of one list under one key."""

    def __init__(self, comparison: FastComparison, tokens: TokenSource) -> None:
        self._comparison, self._tokens = comparison, tokens

    def counts(self) -> tuple[int, ...]:
        """See Finding. Raises RemoteError."""
        return (self._comparison.count(),)

    def outcome(self) -> Outcome:
        """See Finding. Raises RemoteError."""
        places, labels = self._comparison.matches()
        numbers = self._tokens.numbers(places)
        order = np.argsort(numbers)
        if labels is not None:
            labels = SealedLabels(labels.keys[order], labels.rows[order])
        return Outcome(counts=(len(numbers),), matched=(numbers[order],), labels=None if labels is None else (labels,))


def fast_role(
    setup: Setup,
    run: PlannedRun,
    tokens: TokenSource,
    peer_size: int,
    binding: bytes,
    store: Store,
    advance: Callable[[int], None],
) -> Role:
    """This side's role in a run. peer_size: as declared. binding: binds tags to this run of this session. Raises
    RemoteError, UsageError when a list is too long for the fast protocol."""
    if setup.kernels is None:
        raise RuntimeError("the fast protocol without its kernels")
    labels = setup.labels
    fast = FastRun(
        items=tokens,
        peer_size=peer_size,
        binding=binding,
        dst=DST,
        backend=setup.backend,
        kernels=setup.kernels,
        store=store,
        entropy=setup.entropy,
        chunk=setup.terms.chunk,
        label_width=setup.terms.label_width(run.receiver.other),
        payloads=None if labels is None else lambda numbers: labels.payloads(tokens.numbers(numbers)),
    )
    return FastRole(fast, tokens, advance, sends=run.receiver is not setup.side)
