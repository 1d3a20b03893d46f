"""What the functions for votes and numbers hand back.

Rule: `repr` shows what is public before a draw, and never what was drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa

from dpselect.local_dp import PollEstimate
from psiselect import words
from psiselect.arguments import choice_of
from psiselect.budgets import Charged
from psiselect.elections.announcing import Announcement, Form
from psiselect.records import plain_json

Number = int | float


@dataclass(frozen=True, repr=False, eq=False)
class Result:
    """What every release has.

    Attributes:
        guarantee: what is protected and how much, in one line.
        charged: what a ledger has paid, None without one.
        notes: what else its user should know, a line each; public.
        record: everything public about the release, as the command's `--json` prints it.
    """

    guarantee: str
    charged: Charged | None
    notes: tuple[str, ...]
    record: Mapping[str, object]

    def to_dict(self) -> dict[str, Any]:
        """The record, in values that JSON has: what the command prints with `--json`."""
        return plain_json(self.record)

    def __repr__(self) -> str:
        shown = {name: self.record.get(name) for name in ("statistic", "mechanism", "epsilon_exact", "neighbors")}
        named = ", ".join(
            f"{name.removesuffix('_exact')}={value}" for name, value in shown.items() if value is not None
        )
        return f"{type(self).__name__}({named})"


@dataclass(frozen=True, repr=False, eq=False)
class Released(Result):
    """A release about private rows.

    Attributes:
        error: how far off a number is at most, in 19 of 20 releases; None where that depends on private data. For a
            quantile it counts rows, for a table it has one for each statistic.
        planned: whether only the plan was asked for, so that nothing was drawn.
    """

    error: Any
    planned: bool

    def _drawn(self, value: Any) -> Any:
        if self.planned:
            raise words.only_planned()
        return value


@dataclass(frozen=True, repr=False, eq=False)
class ReleasedNumber(Released):
    """A count, a sum, a mean or a quantile."""

    _value: Fraction | None

    @property
    def exact(self) -> Fraction:
        """The number that was drawn. Raises UsageError for a plan."""
        found: Fraction = self._drawn(self._value)
        return found

    @property
    def value(self) -> Number:
        """The number that was drawn: an int where it is whole, else the nearest float."""
        found = self.exact
        return found.numerator if found.denominator == 1 else float(found)


@dataclass(frozen=True, repr=False, eq=False)
class ReleasedCells(Released):
    """A histogram."""

    _cells: Mapping[str, Fraction] | None

    @property
    def values(self) -> dict[str, Number]:
        """The noisy count of each cell. Raises UsageError for a plan."""
        cells: Mapping[str, Fraction] = self._drawn(self._cells)
        return {cell: _plain(value) for cell, value in cells.items()}


@dataclass(frozen=True, repr=False, eq=False)
class ReleasedTable(Released):
    """Statistics by group. by: the columns of groups. statistics: what there is of each."""

    by: tuple[str, ...]
    statistics: tuple[str, ...]
    _groups: Mapping[tuple[str, ...], tuple[Fraction, ...]] | None

    @property
    def values(self) -> dict[tuple[str, ...], dict[str, Number]]:
        """For each group that is shown, its statistics. Raises UsageError for a plan."""
        groups: Mapping[tuple[str, ...], tuple[Fraction, ...]] = self._drawn(self._groups)
        return {group: dict(zip(self.statistics, map(_plain, values), strict=True)) for group, values in groups.items()}

    @property
    def rows(self) -> pa.Table:
        """The same as an Arrow table, with a column for each of `by` and of the statistics."""
        found = self.values
        named = [pa.array([group[place] for group in found], pa.string()) for place in range(len(self.by))]
        numbers = [pa.array([float(each[name]) for each in found.values()], pa.float64()) for name in self.statistics]
        return pa.Table.from_arrays([*named, *numbers], names=[*self.by, *self.statistics])


@dataclass(frozen=True, repr=False, eq=False)
class ReleasedFirst(Released):
    """The first of several values that is frequent enough."""

    _found: str | None

    @property
    def value(self) -> str | None:
        """Its name, None where none is. Raises UsageError for a plan."""
        found: str | None = self._drawn(self._found)
        return found


@dataclass(frozen=True, repr=False, eq=False)
class JointSum(Result):
    """The sum of all parties' numbers.

    Attributes:
        error: how far off each sum is at most, in 19 of 20 runs; None where sums are exact.
        unconfirmed: the parties that may not hold the result.
    """

    error: float | None
    unconfirmed: tuple[str, ...]
    _sums: Sequence[Fraction]

    @property
    def exact(self) -> Sequence[Fraction]:
        """The sums."""
        return self._sums

    @property
    def values(self) -> list[Number]:
        """The sums: ints where they are whole, else the nearest floats."""
        return [_plain(value) for value in self._sums]

    @property
    def value(self) -> Number:
        """The only sum. Raises UsageError where there are several."""
        if len(self._sums) != 1:
            raise words.several_sums(len(self._sums))
        return self.values[0]


@dataclass(frozen=True, repr=False, eq=False)
class Chosen(Result):
    """What was drawn from ballots or scores.

    Attributes:
        winners: one name, or those of a committee in the order of names.
        mechanism: how they were drawn.
    """

    winners: tuple[str, ...]
    mechanism: str

    @property
    def winner(self) -> str:
        """The only winner. Raises UsageError where several seats were filled."""
        if len(self.winners) != 1:
            raise words.several_winners()
        return self.winners[0]


@dataclass(frozen=True, repr=False, eq=False)
class Election(Chosen):
    """The winner of an election.

    Attributes:
        candidates: all of them, in their public order.
        titles: what candidates are called besides, such as a project's name beside its id.
        why: why this mechanism.
        warnings: what the tallier should know of the ballots; it depends on them and is not for publication.
    """

    candidates: tuple[str, ...]
    titles: Mapping[str, str]
    why: str
    warnings: tuple[str, ...]
    _page: Announcement

    def announcement(self, form: str = "html", *, question: str | None = None) -> str:
        """A page that you can print and publish: winner, date, promise, how it was computed, how to check.

        Args:
            form: "html" or "md".
            question: what the vote was about, one line; it becomes the heading.

        Raises:
            UsageError: another form, or a question that cannot be shown.
        """
        return replace(self._page, question=question).text(choice_of(Form, form, "form"))


@dataclass(frozen=True, repr=False, eq=False)
class Selection(Chosen):
    """The best candidate of a table of scores, or the best of several seats."""


@dataclass(frozen=True, repr=False, eq=False)
class PollResponse(Result):
    """A randomised response to a poll.

    Attributes:
        output: the file that it was written to, None where none was named.
    """

    output: Path | None
    _response: str
    _row: str

    @property
    def response(self) -> str:
        """What was drawn: an option, or a bit for each option."""
        return self._response

    @property
    def row(self) -> str:
        """A table with this one response, as CSV: send it to whoever asks. It has a token that names nobody."""
        return self._row


@dataclass(frozen=True, repr=False, eq=False)
class PollShares(Result):
    """How many hold each option of a poll.

    Attributes:
        responses: how many there were.
    """

    responses: int
    _shares: Mapping[str, PollEstimate]

    @property
    def shares(self) -> Mapping[str, PollEstimate]:
        """For each option its `estimate`, `standard_error` and `interval`, from 0 to 1."""
        return self._shares


def _plain(value: Fraction) -> Number:
    return value.numerator if value.denominator == 1 else float(value)
