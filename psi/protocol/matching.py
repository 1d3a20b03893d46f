"""From the tags of both sides to what the receiver learns, in two steps that a peer could time differently.

`Comparison.join` does work whose amount depends on the two sizes alone. It is for a session that is still going on, in
the modes where it must: to compare with a minimum, to hide bits in a sum, or to sign counts that both sides know.
`Comparison.outcome` takes time for each match. It is for a session that is over.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from psi.agreement.modes import Reveal
from psi.labels.labels import SealedLabels
from psi.protocol.outcome import Outcome
from psi.protocol.run import RunContext
from psi.store.spool import Bools, Column, Joined
from psiselect.base import sorting
from psiselect.base.packed import I64, U8


class Comparison:
    """The tags of both sides of a run, and what belongs to them: a column a key, a row an item, in each argument.

    label_keys, sealed: what opens the peer's labels and the labels, where some travel.
    """

    def __init__(
        self,
        run: RunContext,
        own_tags: list[Column],
        peer_tags: list[Column],
        label_keys: Sequence[Column] = (),
        sealed: Sequence[Column] = (),
    ) -> None:
        self._run = run
        self._own_tags, self._peer_tags = own_tags, peer_tags
        self._label_keys, self._sealed = label_keys, sealed
        self._joined: list[Joined] | None = None

    def join(self) -> list[Joined]:
        """For each key the matches that it makes; the tags are dropped. Raises RemoteError when many of the peer's tags
        are alike. Time depends on the two sizes."""
        if self._joined is None:
            store = self._run.store
            equal = [store.join(own, peer) for own, peer in zip(self._own_tags, self._peer_tags, strict=True)]
            self._joined = one_to_one(equal, self._run.peer_size)
            for column in (*self._own_tags, *self._peer_tags):
                store.discard(column)
            self._own_tags, self._peer_tags = [], []
        return self._joined

    def counts(self) -> tuple[int, ...] | None:
        """For each key, how many matches it makes; None where noise is to hide that. Raises as `join`; time as
        there."""
        return None if self._run.offset is not None else self._equal()

    def _equal(self) -> tuple[int, ...]:
        return tuple(int(np.count_nonzero(joined.equal)) for joined in self.join())

    def bits(self) -> U8:
        """For each of the sender's items, in the order of its tags, 1 if it is a match, else 0. Raises as `join`; time
        as there."""
        bits = np.zeros(_twice(self._run.peer_size), np.uint8)
        for rows, equal in self.join():
            bits[_places(rows, equal, self._run.peer_size)] = 1
        return bits[: self._run.peer_size].copy()

    def outcome(self) -> Outcome:
        """What the receiver has learnt. Not before the session is over: it takes time for each match. Raises as
        `join`."""
        run, counts = self._run, self._equal()
        if run.offset is not None:
            return Outcome(noisy_count=sum(counts) - run.offset)
        return Outcome(counts=counts) if run.reveal is not Reveal.MATCHES else self._matches()

    def _matches(self) -> Outcome:
        """Which own items matched under each key and, if labels travel, theirs."""
        matched, labels = [], []
        for key, joined in enumerate(self.join()):
            own, peer = joined.pairs()
            numbers = self._run.tokens.numbers(own)
            real = np.flatnonzero(numbers >= 0)
            order = real[sorting.order(numbers[real].astype(np.uint64))]
            matched.append(numbers[order])
            if self._label_keys:
                keys, rows = self._label_keys[key].take(own[order]), self._sealed[key].take(peer[order])
                labels.append(SealedLabels(keys, rows))
        return Outcome(
            counts=tuple(map(len, matched)),
            matched=tuple(matched),
            labels=tuple(labels) if self._label_keys else None,
        )


def one_to_one(equal: Sequence[Joined], peer: int) -> list[Joined]:
    """For each key, in order of precedence, the pairs that it matches: those with equal tags under it of which neither
    row is taken by an earlier key. peer: the number of the peer's rows.

    On either side a row has one tag a key and no two rows share one, so no choice is left: both sides, and anybody who
    sees the equal tags, come to the same pairs. Time depends on the two sizes. One key: all its pairs.
    """
    found: list[Joined] = []
    gone = np.zeros(_twice(peer), np.bool_)
    for rows, same in equal:
        free = same & ~gone[rows] if found else same
        for earlier in found:
            free = free & ~earlier.equal
        gone[_places(rows, free, peer)] = True
        found.append(Joined(rows, free))
    return found


def _places(rows: I64, chosen: Bools, peer: int) -> I64:
    """Where to write about the peer's rows: at its number for a chosen one, beyond all numbers for others, so that as
    much is written, and as far apart, whichever are chosen."""
    return np.where(chosen, rows, rows + peer)


def _twice(peer: int) -> int:
    """Room for `_places`; one more, since without rows each number is 0."""
    return 2 * peer + 1
