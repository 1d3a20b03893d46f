"""A table, what to match it by, and what to reveal: everything of one side that is not the peer or the link."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from dpselect.entropy import Entropy
from psi import items, tables
from psi.curve25519.backend import Backend
from psi.curve25519.suite import SUITE
from psi.errors import UsageError
from psi.items import Items, Report
from psi.normalize import KeySpec
from psi.outcomes import Learner, Outcome, Reveal, Side
from psi.protocol import Setup, Signer, Verifier
from psi.spool import Store
from psi.tables import Source
from psi.terms import PROTOCOL_VERSION, KeyTerm, Terms
from psi.tokens import KeyTokens, TokenSource

DEFAULT_CHUNK = 8192  # 256 KiB of elements: a tenth of a second of work, and far below the frame cap
KEY_TYPE = b"\x01"
_TYPE_TAG_BYTES = 8


@dataclass(frozen=True)
class Agreement:
    """What both sides must want alike, apart from the data."""

    reveal: Reveal
    learn: Learner
    chunk: int = DEFAULT_CHUNK


@dataclass(frozen=True)
class Limits:
    """Private policy of one side."""

    max_peer_size: int = 1 << 30


class Job:
    """One side's table and key, read once."""

    def __init__(self, source: Source, key: KeySpec, *, strict: bool = False) -> None:
        """Stream the table and gather its distinct keys. Raises InputError."""
        self.source = source
        self.key = key
        self._items: Items = items.collect(source, key, strict=strict)

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
        return Terms(PROTOCOL_VERSION, SUITE, agreement.reveal, agreement.learn, (key,), agreement.chunk)

    def setup(
        self,
        side: Side,
        agreement: Agreement,
        limits: Limits,
        signer: Signer,
        verifier: Verifier,
        backend: Backend,
        stores: Callable[[], Store],
        entropy: Entropy,
    ) -> Setup:
        """What `psi.session.run` needs of this side."""
        prefix = KEY_TYPE + self.key.digest()[:_TYPE_TAG_BYTES]

        def tokens() -> TokenSource:
            return KeyTokens.shuffled(self._items.keys, prefix, entropy)

        return Setup(
            side=side,
            terms=self.terms(agreement),
            size=self.size,
            tokens=tokens,
            signer=signer,
            verifier=verifier,
            backend=backend,
            stores=stores,
            entropy=entropy,
            max_peer_size=limits.max_peer_size,
            now=int(time.time()),
        )

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
