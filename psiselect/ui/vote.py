"""An election as a task: its ballots, what the reader says of them, what is to be drawn, and the announcement.

The draw and its record are those of `psiselect vote winner`. The record is found by the election's name.
"""

from __future__ import annotations

import contextlib
import shlex
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from dpselect.approval import epsilon_text, factor_text, guarantee
from dpselect.ballots import HEAD, BallotColumnError, OnInvalid, Other, Reading, Repeated, Rules, recognise
from dpselect.privacy import NeighbouringRelation
from psi.tables.reading import Kind, ReadingOptions
from psiselect.base.errors import BudgetError, PsiselectError
from psiselect.elections.ballots import TABLE_FORMATS, GivenBallots, read_given, separator_of
from psiselect.elections.draws import DrawRecord, PastDraw
from psiselect.elections.expectation import EPSILONS, STRENGTH, Entitled, Expectation, chances, expect
from psiselect.elections.winner import Wish, draw_winner
from psiselect.tables import Table
from psiselect.ui import words
from psiselect.ui.lists import first_rows, is_text
from psiselect.ui.told import told
from psiselect.ui.uploads import Upload, first_bytes

_BLT = "blt"
TARGET = 0.95  # of the words about epsilon
STOPS = tuple(Fraction(tenths, 10) for tenths in range(1, 51))  # of the slider for epsilon


@dataclass(frozen=True)
class How:
    """How the ballots are read, as the person has chosen. Empty texts: not chosen."""

    column: str = ""
    separator: str = ""
    other: str = Other.REFUSE.value
    on_invalid: str = OnInvalid.ERROR.value
    voter_column: str = ""
    repeated: str = Repeated.ERROR.value

    def rules(self, candidates: tuple[str, ...] | None) -> Rules:
        """As the reader takes them. Raises UsageError."""
        return Rules(
            candidates=candidates,
            on_invalid=OnInvalid(self.on_invalid),
            ballot_column=self.column or None,
            separator=separator_of(self.separator) if self.separator else None,
            other=Other(self.other),
            voter_column=self.voter_column or None,
            repeated=None if self.repeated == Repeated.ERROR.value else Repeated(self.repeated),
        )


@dataclass(frozen=True)
class Announcement:
    """What everybody may read. candidates: none where only the record of an earlier draw is left."""

    election: str
    winners: tuple[str, ...]
    at: str
    epsilon: str
    promise: str
    candidates: tuple[str, ...] = ()
    titles: tuple[tuple[str, str], ...] = ()


class Vote:
    """One election under way. Its methods are for one thread at a time, which `lock` sees to.

    Attributes:
        reading: what the ballots hold; None while they cannot be read, and then `problem` says why.
        fitting: whether the reader has found the column by itself.
        columns: of the table, none where the ballots are no table. preview: its first rows, as text.
    """

    def __init__(self, election: str, record: Path, upload: Upload, candidates: tuple[str, ...] | None) -> None:
        self.election, self.upload, self.candidates = election, upload, candidates
        self.record = DrawRecord(record)
        self.how = How()
        self.wish: Wish | None = None
        self.entitled: int | None = None
        self.lead: int | None = None
        self.reading: Reading | None = None
        self.problem: str | None = None
        self.fitting = False
        self.announced: Announcement | None = None
        self.lock = threading.Lock()
        self.columns: tuple[str, ...] = ()
        self.preview: list[list[str]] = []
        with contextlib.suppress(PsiselectError):  # the reader says what is wrong
            self._look()
        self.read(self.how)

    def read(self, how: How) -> None:
        """Read the ballots in this way. Where no column is chosen and one fits, that one is read."""
        self.how, self.fitting, self.reading, self.problem = how, False, None, None
        try:
            try:
                self.reading = self._read(how)
            except BallotColumnError as error:
                if error.column is None:
                    raise
                self.how = replace(how, column=error.column)
                self.fitting = True
                self.reading = self._read(self.how)
        except PsiselectError as error:
            self.problem = told(error)

    def _read(self, how: How) -> Reading:
        return read_given(GivenBallots(self._table(), how.rules(self.candidates), self._form))

    def _look(self) -> None:
        """Note the columns and the first rows, if the ballots are a table. Raises InputError."""
        form = self._form or recognise(first_bytes(self.upload, HEAD), self.upload.called)
        if form in TABLE_FORMATS:
            table = self._table()
            source = table.open(otherwise=".csv")
            self.columns = tuple(source.schema.names)
            self.preview = first_rows(source, is_text(self.upload))

    def _table(self) -> Table:
        kind = self.upload.kind
        return Table(self.upload.path, None, ReadingOptions() if kind is None else ReadingOptions(form=Kind(kind)))

    @property
    def _form(self) -> str | None:
        """The format, None where the content shows it. A BLT file is known by its name alone, which the kept file does
        not have."""
        return self.upload.kind or (_BLT if self.upload.called.lower().endswith(f".{_BLT}") else None)

    @property
    def names(self) -> list[str]:
        """The candidates as read, with their titles; in an order that says nothing of the ballots."""
        if self.reading is None:
            return []
        names = self.reading.profile.candidates
        titles = self.reading.titles
        ordered = names if self.reading.public_order else sorted(names)
        return [f"{name} ({titles[name]})" if name in titles else name for name in ordered]

    def expectations(self) -> list[tuple[str, str, str, Expectation | None]]:
        """For each usual epsilon: itself, its strength in words, its factor, and what to expect of it where it is known
        how many people may vote. From public numbers only."""
        found = []
        for epsilon in EPSILONS:
            expected = None
            if self.entitled is not None and self.reading is not None:
                relation = NeighbouringRelation.ADD_REMOVE if self.wish is None else self.wish.neighbors
                seats = 1 if self.wish is None else self.wish.seats
                size = Entitled(self.entitled, len(self.reading.profile.candidates), seats, relation)
                expected = expect(size, epsilon, TARGET)
            found.append((epsilon_text(epsilon), STRENGTH[epsilon], factor_text(epsilon), expected))
        return found

    def stops(self) -> list[tuple[str, str, int | None]]:
        """For each stop of the slider: epsilon, its factor, and in how many of 100 draws the right result comes out
        with the lead that was guessed; None without a guess. From public numbers only."""
        odds: list[float | None] = [None] * len(STOPS)
        if self.lead is not None and self.reading is not None:
            relation = NeighbouringRelation.ADD_REMOVE if self.wish is None else self.wish.neighbors
            seats = 1 if self.wish is None else self.wish.seats
            odds = [*chances(len(self.reading.profile.candidates), seats, relation, self.lead, STOPS)]
        return [
            (epsilon_text(epsilon), factor_text(epsilon), None if chance is None else min(99, int(100 * chance)))
            for epsilon, chance in zip(STOPS, odds, strict=True)
        ]

    def command(self, wish: Wish) -> str:
        """What does the same in a terminal."""
        words = ["psiselect", "vote", "winner", self.upload.called]
        if self.candidates is not None:
            words += ["--candidates", "candidates.txt"]
        how, usual = self.how, How()
        for option, value, default in (
            ("--ballot-column", how.column, usual.column),
            ("--separator", how.separator, usual.separator),
            ("--other", how.other, usual.other),
            ("--on-invalid", how.on_invalid, usual.on_invalid),
            ("--voter-column", how.voter_column, usual.voter_column),
            ("--repeated-voter", how.repeated, usual.repeated),
        ):
            if value != default:
                words += [option, value]
        words += ["--epsilon", epsilon_text(wish.epsilon), "--neighbors", wish.neighbors.value]
        return shlex.join([*words, *(["--seats", str(wish.seats)] if wish.seats > 1 else [])])

    def draw(self) -> None:
        """Draw the winner, once. Where the election was drawn before, announce what is on record.

        Raises InputError when the ballots or the record cannot be read, BudgetError when nothing can be recorded.
        """
        if self.reading is None or self.wish is None:
            raise words.not_ready_to_draw()
        try:
            drawn = draw_winner(self.reading, self.wish, record=self.record)
        except BudgetError:
            earlier = on_record(self.election, self.record)
            if earlier is None:
                raise
            self.announced = earlier
        else:
            titles = tuple((name, drawn.reading.titles.get(name, "")) for name in drawn.winners)
            self.announced = replace(
                _announcement(self.election, self.record.past()[-1]),
                promise=drawn.promise,
                candidates=tuple(self.names),
                titles=titles,
            )
        self.upload.close()

    def close(self) -> None:
        """Let the ballots go."""
        self.upload.close()


def on_record(election: str, record: DrawRecord) -> Announcement | None:
    """The result of an election that was drawn. Raises InputError when the record is damaged, BudgetError."""
    past = record.past()
    return _announcement(election, past[0]) if past else None


def _announcement(election: str, draw: PastDraw) -> Announcement:
    winners: Sequence[str] = draw.winners or ()
    return Announcement(
        election,
        tuple(winners),
        draw.at,
        epsilon_text(draw.epsilon),
        guarantee(draw.epsilon, draw.neighbors, by_voter=draw.by_voter),
        titles=tuple((name, draw.titles.get(name, "")) for name in winners),
    )


def wish_of(epsilon: Fraction, relation: str, seats: int) -> Wish:
    """What is to be drawn. Raises UsageError."""
    return Wish(epsilon, NeighbouringRelation.parse(relation), None, seats)
