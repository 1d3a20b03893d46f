"""A table, what to match it by, and what to reveal: everything of one side that is not the peer or the link."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from psi import tables
from psi.agreement.amounts import Amounts
from psi.agreement.modes import Matching, SessionProtocol, Side
from psi.agreement.terms import KeyTerm, Terms
from psi.fast import cost as fast_cost
from psi.group.curve25519.backend import Backend
from psi.identity.signing import Signer, Verifier
from psi.inputs import items, values
from psi.inputs.advice import Sample, advise
from psi.inputs.distinct import SpooledKeys
from psi.inputs.items import Items, Report
from psi.inputs.linked import Linked
from psi.inputs.row_tokens import RowTokens
from psi.inputs.spooled_tokens import shuffled
from psi.inputs.tokens import TokensInOrder, TokenSource
from psi.inputs.values import SummedValues
from psi.labels import columns
from psi.labels.columns import ReceivedColumns, SentColumns
from psi.normalize import KeySpec
from psi.protocol.outcome import Outcome
from psi.protocol.setup import Setup
from psi.session import machine_memory, words
from psi.store.spool import Store
from psi.tables import Chosen, KeyNames, Source
from psiselect.base import later, working
from psiselect.base.entropy import Entropy
from psiselect.base.packed import I64, Packed

if TYPE_CHECKING:
    from psi.fast.kernels import choice
else:
    choice = later.Module("psi.fast.kernels.choice")

MAX_PEER_SIZE = 1 << 30  # elements of a peer that learns nothing, unless this side says otherwise
LEAST_PEER_SIZE = 100_000  # and of one that learns, however short this side's list is
_TIMES_OWN = 4
KEY_TYPE = b"\x01"
_TYPE_TAG_BYTES = 8


@dataclass(frozen=True)
class Memory:
    """How much of it a side may use for keys and columns, in bytes, and the folder for what is beyond that.

    Keys may take one half, a run's columns the other (psi.session.cost counts on it).
    """

    limit: int
    folder: Path

    @classmethod
    def default(cls) -> Memory:
        """A quarter of the memory that this process may use, and the system's folder for temporary files. Raises
        InputError."""
        return cls(cls.usual_limit(), working.folder())

    @staticmethod
    def usual_limit() -> int:
        """A quarter of the memory that this process may use (its container's, where it is in one), in bytes."""
        return machine_memory.usable_bytes() // 4

    @property
    def half(self) -> int:
        """Bytes for keys, and again for columns."""
        return self.limit // 2


@dataclass(frozen=True, eq=False)
class JobRows:
    """Matched rows in memory. numbers: int64, of each row of `table` its place in the own table, from 0; a row stands
    there once for each of the peer's rows that it matches, where the peer gave columns. table: `pyarrow.Table`."""

    numbers: I64
    table: Any = field(repr=False)


class Job:
    """One side's table and keys, read once, and what they become under the terms. A context manager; see `close`."""

    def __init__(
        self,
        source: Source,
        keys: tuple[KeySpec, ...],
        side: Side,
        terms: Terms,
        memory: Memory,
        *,
        value: str | None = None,
        nulls: tuple[str, ...] = (),
        strict: bool = False,
    ) -> None:
        """Stream the table and gather the distinct values of each key. One-to-one, they stay in memory whatever the
        limit: items are read in random order. value: the column that `sum` adds up. nulls: texts that stand for nothing
        in a key column. strict: refuse rows that a rule cannot read. Raises InputError."""
        if terms.keys != tuple(map(KeyTerm.of, keys)):
            raise ValueError("the keys are not those of the terms")
        self.source = source
        self.keys = keys
        self.side = side
        self.terms = terms
        self._memory = memory
        self._stores: list[Store] = []
        self._sent: SentColumns | None = None
        self._value = value
        self._summed: SummedValues | None = None
        one_to_one = terms.matching is Matching.ONE_TO_ONE
        folder, limit = (None, None) if one_to_one else (memory.folder, memory.half // len(keys))
        self._items: list[Items] = []
        advice: list[str | None] = []
        try:
            for key in keys:
                sample = Sample(key)
                self._items.append(
                    items.collect(
                        *(source, key),
                        nulls=nulls,
                        strict=strict,
                        folder=folder,
                        memory_limit=limit,
                        see=sample.add,
                    )
                )
                advice.append(advise(key, self._items[-1].report, sample))
        except BaseException:
            self.close()
            raise
        self.advice = tuple(advice)  # for each key what is wrong with it, None where nothing is
        self._linked = Linked.of(self._items) if one_to_one else None

    def close(self) -> None:
        """Remove what went to disk. Safe to call twice."""
        for found in self._items:
            if isinstance(found.keys, SpooledKeys):
                found.keys.close()
        if self._sent is not None:
            self._sent.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def sizes(self) -> tuple[int, ...]:
        """Distinct values of each key or, one-to-one, the number of items."""
        if self._linked is not None:
            return (len(self._linked.rows),)
        return tuple(len(found.keys) for found in self._items)

    @property
    def size(self) -> int:
        """All of `sizes` together."""
        return sum(self.sizes)

    @property
    def usual_peer_size(self) -> int:
        """Elements that a peer may declare when nothing else was said."""
        return usual_peer_size(self.side, self.terms, self.sizes)

    @property
    def reports(self) -> tuple[Report, ...]:
        """How rows became keys, for each key."""
        return tuple(found.report for found in self._items)

    def setup(
        self,
        signer: Signer,
        verifier: Verifier,
        backend: Backend,
        entropy: Entropy,
        *,
        max_peer_size: int | None = None,
        admit: Callable[[], None] = lambda: None,
        check_size: Callable[[int], None] = lambda peer_size: None,
    ) -> Setup:
        """What `psi.session.session.run` needs of this side. max_peer_size, admit, check_size: see
        `psi.protocol.setup.Setup`; None for `usual_peer_size`. Raises InputError and UsageError, see `gather`."""
        self.gather()
        stores: list[Store] = []  # this session's: a job may have many
        self._stores = stores
        prefixes = [token_prefix(number, key) for number, key in enumerate(self.keys, start=1)]

        fast = self.terms.protocol is SessionProtocol.FAST

        def tokens(number: int) -> TokenSource:
            if fast:  # one key for each list: see Terms
                rows = None if self._linked is None else self._linked.table[:, 0]
                return TokensInOrder(self._items[number].keys, prefixes[number], rows)
            if self._linked is None:
                return shuffled(self._items[number].keys, prefixes[number], entropy)
            values = [found.keys for found in self._items if isinstance(found.keys, Packed)]
            return RowTokens(values, prefixes, self._linked.table, entropy)

        return Setup(
            side=self.side,
            terms=self.terms,
            sizes=self.sizes,
            tokens=tokens,
            signer=signer,
            verifier=verifier,
            backend=backend,
            stores=lambda: self._store(stores),
            entropy=entropy,
            max_peer_size=self.usual_peer_size if max_peer_size is None else max_peer_size,
            now=int(time.time()),
            admit=admit,
            check_size=check_size,
            labels=self._sent,
            values=None if self._summed is None else self._summed.of,
            kernels=choice.kernels_beside(backend.name) if fast else None,
        )

    def gather(self) -> None:
        """Read the values that add up and the columns that this side gives along with its matches, unless that was
        done: once the peer waits it is late to find out that they cannot be used. Raises InputError, and UsageError for
        lists that the fast protocol cannot take."""
        self._check_room()
        amounts = self.terms.amounts_of(self.side)
        if amounts is not None and self._summed is None:
            self._summed = self._add_up(amounts, self.terms.declared_size(self.size))
        given = self.terms.columns_of(self.side)
        if not given or self.terms.label_bytes is None or self._sent is not None:
            return
        self._sent = columns.gather(
            self.source,
            given,
            self._owners,
            self.sizes[0],
            self.terms.label_bytes,
            folder=self._memory.folder,
            memory_limit=self._memory.half // 2,
        )

    def _check_room(self) -> None:
        """Whether the fast protocol can take this side's lists. It keeps items in memory, one list at a time."""
        if self.terms.protocol is SessionProtocol.FAST:
            receives = self.side in self.terms.learn.receivers
            fast_cost.check_room(max(self.sizes), self._memory.limit, receives=receives)

    def _add_up(self, amounts: Amounts, declared: int) -> SummedValues:
        """The value of each item: of one key the sum of its rows, of several the row's own."""
        if self._value is None:
            raise words.no_value_column()
        amounts.check_room(declared)
        column = values.read(self.source, self._value, amounts)
        if len(self.keys) > 1:
            groups, count = self._owners, self.sizes[0]
        else:
            groups, count = self._items[0].row_to_key, len(self._items[0].keys)
        sums = values.add_up(column, groups, count, amounts, self.source, self._value)
        if self._linked is not None and len(self.keys) == 1:
            sums = sums[self._linked.table[:, 0]]
        return SummedValues(np.append(sums, 0), column.blank)

    @property
    def blank_values(self) -> int:
        """Rows that have no value where values add up."""
        return 0 if self._summed is None else self._summed.blank

    @property
    def disk_bytes(self) -> int:
        """What this side's temporary files held at most: what a database returned, its keys, what it gives along, and
        the columns of its runs."""
        most = sum(store.disk_bytes for store in self._stores)
        most += 0 if self._sent is None else self._sent.peak_disk_bytes
        most += self.source.disk_bytes
        return most + sum(f.keys.peak_disk_bytes for f in self._items if isinstance(f.keys, SpooledKeys))

    def _store(self, stores: list[Store]) -> Store:
        room = self._memory.half if self._sent is None else self._memory.half // 2
        stores.append(Store(self._memory.folder, room // self.terms.lists))
        return stores[-1]

    def write_matches(self, outcome: Outcome, target: tables.Target, chosen: Chosen = tables.ALL) -> int:
        """Write the rows whose key matched, their chosen columns, own order; returns how many. Raises InputError."""
        if outcome.matched is None:
            raise words.no_rows_learnt()
        keys = self._key_names(outcome.matched)
        return tables.write_rows(self.source, keys.bits != 0, target, chosen, keys)

    def write_joined(
        self, outcome: Outcome, received: ReceivedColumns, target: tables.Target, chosen: Chosen = tables.ALL
    ) -> int:
        """Write each matched row once for each of the peer's rows that it matches, with the columns that the peer gave;
        returns how many lines. Raises RemoteError when the peer gave something unreadable, InputError."""
        if outcome.matched is None:
            raise words.no_rows_learnt()
        keys = self._key_names(outcome.matched)
        partners = self._partners(outcome.matched)
        return tables.write_joined(self.source, partners, received, target, chosen, keys)

    def read_rows(self, outcome: Outcome, received: ReceivedColumns | None, chosen: Chosen = tables.ALL) -> JobRows:
        """What `write_matches` would write or, with columns that the peer gave, `write_joined`, in memory. Raises as
        they do."""
        if outcome.matched is None:
            raise words.no_rows_learnt()
        keys = self._key_names(outcome.matched)
        if received is not None:
            return JobRows(*tables.read_joined(self.source, self._partners(outcome.matched), received, chosen, keys))
        return JobRows(np.flatnonzero(keys.bits), tables.read_rows(self.source, keys.bits != 0, chosen, keys))

    def _partners(self, matched: tuple[I64, ...]) -> I64:
        """For each row the place of its key among the matches, -1 for none."""
        partner = np.full(self.sizes[0] + 1, -1, np.int64)  # the last one stands for a row without a key
        together = np.concatenate(matched)
        partner[together] = np.arange(len(together))
        found: I64 = partner[self._owners]
        return found

    def received(self, outcome: Outcome) -> ReceivedColumns | None:
        """What the peer gave along with the matches, opened; None where nothing was to travel. Call it when the session
        is over. Raises RemoteError when some of it does not open."""
        if outcome.labels is None:
            return None
        opened = [labels.open() for labels in outcome.labels]
        return ReceivedColumns(self.terms.columns_of(self.side.other), np.concatenate(opened))

    @property
    def _owners(self) -> I64:
        """The number that each row belongs to in the one list of this side, -1 for none."""
        if self._linked is None:
            return self._items[0].row_to_key
        owners = np.full(self._items[0].report.rows, -1, np.int64)
        owners[self._linked.rows] = np.arange(len(self._linked.rows))
        return owners

    def count_rows(self, outcome: Outcome) -> int | None:
        """How many rows carry a matched key, or are matched items; None when this side did not learn which."""
        return None if outcome.matched is None else int(np.count_nonzero(self._key_names(outcome.matched).bits))

    def _key_names(self, matched: tuple[I64, ...]) -> KeyNames:
        """By which keys each row is matched, of all rows. Where two keys have the same columns, their rules are named
        too."""
        bits = np.zeros(self._items[0].report.rows, np.int64)
        for number, some in enumerate(matched):
            if self._linked is None:
                bits[self._items[number].matched_rows(some)] |= 1 << number
            else:
                bits[self._linked.rows[some]] |= 1 << number
        columns = ["+".join(key.columns) for key in self.keys]
        plain = len(set(columns)) == len(columns)
        return KeyNames(
            bits, columns if plain else [f"{c}:{k.describe()}" for c, k in zip(columns, self.keys, strict=True)]
        )


def usual_peer_size(side: Side, terms: Terms, sizes: Sequence[int]) -> int:
    """Elements that a peer may declare when nothing else was said. A peer that learns may put in 4 times what this side
    does, so that it cannot try every telephone number of a country: a brake, not a guarantee."""
    if side.other not in terms.learn.receivers:
        return MAX_PEER_SIZE
    own = sum(map(terms.declared_size, sizes)) * terms.keys_per_row
    return max(LEAST_PEER_SIZE, _TIMES_OWN * own)


def token_prefix(number: int, key: KeySpec) -> bytes:
    """What goes before the values of a key (docs/protocol.md, "Items"). The number, from 1, keeps two keys under one
    rule apart: a telephone number that is one item's first and another's second must not be two equal tokens."""
    return KEY_TYPE + bytes((number,)) + key.digest()[:_TYPE_TAG_BYTES]
