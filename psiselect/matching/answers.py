"""What the calls of this room return. None of it shows a key, a row or a tally when it is printed."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from psi.distributed.own_list import EngineList
from psi.session.job import JobRows
from psiselect.base.errors import OutputError, UsageError
from psiselect.matching import words_calls as words
from psiselect.matching.by_files import Written
from psiselect.matching.results import Found
from psiselect.records import plain_json
from psiselect.tables import AnyTable, HeldTable


@dataclass(frozen=True, eq=False, repr=False)
class MatchResult:
    """What this side has found in a session.

    What a mode does not give is no None: asking for it raises UsageError, which says what would give it.

    Attributes:
        protocol: how matches were found: ecdh, or fast, which is experimental and not reviewed.
        reveal: the mode: matches, count, sum or noisy-count.
        learn: who learns, as this side says it: me, peer or both.
        peer: the peer's name in its certificate; None where both parties are here.
        peer_fingerprint: SHA-256 of that certificate, hexadecimal.
        own_size, peer_size: distinct keys of each side, or what both lists were padded to.
        transcript: what both sides have of one session, hexadecimal: compare it to see that it is the same session.
        record: what both sides signed, as a dict; None where both parties are here.
        output: the file or address that the matched rows were written to; None where none was named.
        seconds, bytes_sent, bytes_received: of the session, without reading the table.
        backend: which implementation computed it.
    """

    protocol: str
    reveal: str
    learn: str
    peer: str | None
    peer_fingerprint: str | None
    own_size: int
    peer_size: int
    transcript: str
    record: dict[str, Any] | None
    output: Path | str | None
    seconds: float
    bytes_sent: int
    bytes_received: int
    backend: str
    _json: dict[str, object] = field(repr=False)
    _total: Decimal | None = field(repr=False)
    _rows: JobRows | None = field(repr=False)
    _rows_wanted: bool = field(repr=False)
    _source: HeldTable | None = field(repr=False)
    _own_columns: tuple[str, ...] = field(repr=False)
    _by_engine: bool = field(repr=False)
    _trouble: OutputError | None = field(repr=False)

    @classmethod
    def of(cls, found: Found, table: AnyTable, *, rows_wanted: bool) -> Self:
        """From what a session has found in a table."""
        json = found.to_json()
        exact = json["sum_exact"]
        schema = found.job.source.schema
        return cls(
            protocol=found.terms.protocol.value,
            reveal=found.terms.reveal.value,
            learn=str(json["learn"]),
            peer=None if found.peer is None else found.peer.name,
            peer_fingerprint=None if found.peer is None else found.peer.fingerprint.hex(),
            own_size=found.result.own_size,
            peer_size=found.result.peer_size,
            transcript=found.result.transcript.hex(),
            record=None if found.peer is None else found.result.record,
            output=found.written,
            seconds=found.result.seconds,
            bytes_sent=found.result.bytes_sent,
            bytes_received=found.result.bytes_received,
            backend=found.backend,
            _json=json,
            _total=None if exact is None else Decimal(str(exact)),
            _rows=found.rows,
            _rows_wanted=rows_wanted,
            _source=table if isinstance(table, HeldTable) and table.library else None,
            _own_columns=tuple(schema.names),
            _by_engine=isinstance(found.job, EngineList),
            _trouble=found.trouble,
        )

    @property
    def learnt(self) -> bool:
        """Whether this side is one that learns the result."""
        return self.learn != "peer"

    @property
    def count(self) -> int:
        """How many keys matched or, one-to-one, how many rows. Raises UsageError where this side does not learn it."""
        return self._number("matches", words.NUMBER_OF_MATCHES, "noisy_count" if self.reveal == "noisy-count" else None)

    @property
    def matched_rows(self) -> int:
        """How many rows of the own table matched. Raises UsageError unless this side learns which."""
        return self._number("matched_rows", words.WHICH_ROWS, None)

    @property
    def noisy_count(self) -> int:
        """The number of matches with noise. Raises UsageError in other modes, and where this side does not learn it."""
        return self._number("noisy_count", "a noisy count", "count" if self.reveal == "count" else None)

    @property
    def total(self) -> Decimal:
        """The peer's values over the matches, exact. Raises UsageError in other modes than sum, and where this side
        does not learn it."""
        if self._total is None:
            raise self._absent("a sum", None)
        return self._total

    @property
    def matches_by_key(self) -> list[dict[str, Any]]:
        """For each key its rule and how many matches it made. Raises UsageError where this side does not learn it."""
        found = self._json["matches_by_key"]
        if not isinstance(found, list):
            raise self._absent(words.MATCHES_BY_KEY, None)
        return [dict(each) for each in found]

    @property
    def rows(self) -> Any:
        """The matched rows as a `pyarrow.Table`, in the order of the own table; with columns that the peer gave, a row
        for each pair. Raises UsageError where this side has no rows."""
        return self._held.table

    @property
    def frame(self) -> Any:
        """The matched rows as what came in: a pandas or polars frame, whose types and index stay, else a
        `pyarrow.Table`. Raises UsageError as `rows`."""
        library = None if self._source is None else self._source.library
        return {"pandas": self.to_pandas, "polars": self.to_polars}[library]() if library else self.rows

    def to_pandas(self) -> Any:
        """The matched rows as a pandas frame. Raises UsageError as `rows`, and where pandas is missing."""
        if self._source is None or self._source.library != "pandas":
            _library("pandas")
            return self.rows.to_pandas()
        held = self._held
        columns = [name for name in held.table.column_names if name in self._own_columns]
        original = self._source.held
        frame = original.iloc[held.numbers]
        index = [level for level in original.index.names if level is not None]
        positions = {str(name): place for place, name in enumerate(original.columns)}
        frame = frame.iloc[:, [positions[name] for name in columns if name not in index]]
        added = [name for name in held.table.column_names if name not in self._own_columns]
        for place, name in enumerate(held.table.column_names):
            if name in added:
                frame.insert(min(place, frame.shape[1]), name, held.table.column(name).to_pandas().to_numpy())
        return frame

    def to_polars(self) -> Any:
        """The matched rows as a polars frame. Raises UsageError as `rows`, and where polars is missing."""
        if self._source is None or self._source.library != "polars":
            return _library("polars").from_arrow(self.rows)
        held, polars = self._held, _library("polars")
        own = self._source.held[held.numbers]
        columns = [
            own.get_column(name) if name in self._own_columns else polars.Series(name, held.table.column(name))
            for name in held.table.column_names
        ]
        return polars.DataFrame(columns)

    def to_dict(self) -> dict[str, Any]:
        """What the command prints with `--json`, counts included, in values that JSON has."""
        return plain_json(self._json)

    to_json = to_dict  # its older name

    @property
    def _held(self) -> JobRows:
        if self._rows is not None:
            return self._rows
        if self.output is not None:
            raise words.rows_are_written(self.output)
        if self.reveal == "matches" and self.learnt and self._by_engine:
            raise words.engine_writes_rows()
        if self.reveal == "matches" and self.learnt and not self._rows_wanted:
            raise words.rows_not_asked_for()
        raise self._absent(words.WHICH_ROWS, None)

    def _number(self, name: str, what: str, instead: str | None) -> int:
        found = self._json[name]
        if not isinstance(found, int):
            raise self._absent(what, instead)
        return found

    def _absent(self, what: str, instead: str | None) -> UsageError:
        if not self.learnt:
            return words.not_learnt(self.learn)
        return words.not_in_the_result(self.reveal, what, instead)

    def __repr__(self) -> str:
        whom = "both parties here" if self.peer is None else f"with {self.peer}"
        return f"<psiselect.MatchResult: {self.reveal}, {whom}, transcript {self.transcript[:16]}>"


@dataclass(frozen=True, eq=False, repr=False)
class FileResult:
    """A file for the peer that was written by `offer` or `answer`.

    Attributes:
        file: where it is; text for an address of an engine. Send it to the peer.
        state: for an offer, where this side keeps what is secret until the answer is here; None for an answer.
        peer: the peer's name. peer_fingerprint: SHA-256 of its certificate, hexadecimal.
        own_size: distinct keys of this side. peer_size: of the peer; None for an offer, which has not met it.
        seconds, bytes_sent: of making the file. backend: which implementation computed it.
    """

    file: Path | str
    state: Path | None
    peer: str
    peer_fingerprint: str
    own_size: int
    peer_size: int | None
    seconds: float
    bytes_sent: int
    backend: str
    _json: dict[str, object] = field(repr=False)

    @classmethod
    def of(cls, made: Written) -> Self:
        """From what was written."""
        return cls(
            file=made.file,
            state=made.state,
            peer=made.peer.name,
            peer_fingerprint=made.peer.fingerprint.hex(),
            own_size=made.result.own_size,
            peer_size=None if made.state else made.result.peer_size,
            seconds=made.result.seconds,
            bytes_sent=made.result.bytes_sent,
            backend=made.backend,
            _json=made.to_json(),
        )

    def to_dict(self) -> dict[str, Any]:
        """What the command prints with `--json`, in values that JSON has."""
        return plain_json(self._json)

    to_json = to_dict  # its older name

    def __repr__(self) -> str:
        return f"<psiselect.FileResult: {self.file} for {self.peer}>"


def _library(name: str) -> Any:
    """A library that this package does not bring along. Raises UsageError."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise words.not_installed(name) from None
