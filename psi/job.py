"""A table, what to match it by, and what to reveal: everything of one side that is not the peer or the link."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

from dpselect.entropy import Entropy
from psi import items, tables
from psi.curve25519.backend import Backend
from psi.curve25519.suite import SUITE
from psi.distinct import SpooledKeys
from psi.errors import UsageError
from psi.items import Items, Report
from psi.noise import Noise
from psi.normalize import KeySpec
from psi.outcomes import Learner, Outcome, Reveal, Side
from psi.protocol import Setup, Signer, Verifier
from psi.spool import DiskStore, Store
from psi.spooled_tokens import shuffled
from psi.tables import Source
from psi.terms import PROTOCOL_VERSION, KeyTerm, Terms, noise_of
from psi.tokens import TokenSource

DEFAULT_CHUNK = 8192  # 256 KiB of elements: a tenth of a second of work, and far below the frame cap
KEY_TYPE = b"\x01"
_TYPE_TAG_BYTES = 8


@dataclass(frozen=True)
class Agreement:
    """What both sides must want alike, apart from the data."""

    reveal: Reveal
    learn: Learner
    chunk: int = DEFAULT_CHUNK
    epsilon: Fraction | None = None
    delta: Fraction | None = None
    min_matches: int | None = None
    pad_to: int | None = None

    def __post_init__(self) -> None:
        """Raises UsageError for a mode that does not exist."""
        self.terms(())

    @property
    def noise(self) -> Noise | None:
        """The noise of the result."""
        return noise_of(self.terms(()))

    @property
    def added(self) -> int:
        """Items that each side puts into each run beyond its own."""
        return 0 if self.noise is None else self.noise.added

    def declared_size(self, size: int) -> int:
        """What a list of `size` keys is declared as. Raises InputError when it does not fit the padding."""
        return self.terms(()).declared_size(size)

    def terms(self, keys: tuple[KeyTerm, ...]) -> Terms:
        """The session's terms, given the keys."""
        return Terms(
            PROTOCOL_VERSION,
            SUITE,
            self.reveal,
            self.learn,
            keys,
            self.chunk,
            None if self.epsilon is None else str(self.epsilon),
            None if self.delta is None else str(self.delta),
            self.min_matches,
            self.pad_to,
        )


@dataclass(frozen=True)
class Limits:
    """Private policy of one side."""

    max_peer_size: int = 1 << 30


@dataclass(frozen=True)
class Memory:
    """How much of it a side may use for keys and columns, in bytes, and the folder for what is beyond that.

    Keys may take one half, a run's columns the other (psi.cost counts on it).
    """

    limit: int
    folder: Path

    @classmethod
    def default(cls) -> Memory:
        """A quarter of the machine's memory, and the system's folder for temporary files."""
        return cls(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4, Path(tempfile.gettempdir()))

    @property
    def half(self) -> int:
        """Bytes for keys, and again for columns."""
        return self.limit // 2


class Job:
    """One side's table and key, read once. A context manager: on exit, what went to disk is removed."""

    def __init__(self, source: Source, key: KeySpec, memory: Memory, *, strict: bool = False) -> None:
        """Stream the table and gather its distinct keys. Raises InputError."""
        self.source = source
        self.key = key
        self._memory = memory
        self._stores: list[DiskStore] = []
        self._items: Items = items.collect(source, key, strict=strict, folder=memory.folder, memory_limit=memory.half)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if isinstance(self._items.keys, SpooledKeys):
            self._items.keys.close()

    @property
    def size(self) -> int:
        """Distinct keys."""
        return len(self._items.keys)

    @property
    def report(self) -> Report:
        """How rows became keys."""
        return self._items.report

    def terms(self, agreement: Agreement) -> Terms:
        """The session's terms, as this side holds them."""
        key = KeyTerm(self.key.describe(), self.key.digest().hex())
        return agreement.terms((key,))

    def setup(
        self,
        side: Side,
        agreement: Agreement,
        limits: Limits,
        signer: Signer,
        verifier: Verifier,
        backend: Backend,
        entropy: Entropy,
    ) -> Setup:
        """What `psi.session.run` needs of this side."""
        prefix = KEY_TYPE + self.key.digest()[:_TYPE_TAG_BYTES]

        def tokens() -> TokenSource:
            return shuffled(self._items.keys, prefix, entropy)

        return Setup(
            side=side,
            terms=self.terms(agreement),
            size=self.size,
            tokens=tokens,
            signer=signer,
            verifier=verifier,
            backend=backend,
            stores=self._store,
            entropy=entropy,
            max_peer_size=limits.max_peer_size,
            now=int(time.time()),
        )

    @property
    def disk_bytes(self) -> int:
        """The most that this side's temporary files held: its keys, and the columns of its largest run."""
        columns = max((store.disk_bytes for store in self._stores), default=0)
        return columns + (self._items.keys.peak_disk_bytes if isinstance(self._items.keys, SpooledKeys) else 0)

    def _store(self) -> Store:
        self._stores.append(DiskStore(self._memory.folder, self._memory.half))
        return self._stores[-1]

    def write_matches(self, outcome: Outcome, target: str | os.PathLike[str]) -> int:
        """Write the rows whose key matched, all columns, own order; returns how many. Raises InputError."""
        if outcome.matched is None:
            raise UsageError("this side did not learn which rows match")
        return tables.write_rows(self.source, self._items.matched_rows(outcome.matched), target)

    def count_rows(self, outcome: Outcome) -> int | None:
        """How many rows carry a matched key; None when this side did not learn which."""
        if outcome.matched is None:
            return None
        return int(self._items.matched_rows(outcome.matched).sum())
