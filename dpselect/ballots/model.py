"""What every reader of ballots fills, counted and never expanded; and the rules that hold for all formats.

A reader raises `InputError` with the 1-based line at fault, nothing else. Messages say where and what was expected;
they quote a ballot only where `Rules.show` asks for it.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from dpselect.ballots import words
from dpselect.names import clean
from psiselect.base.errors import InputError

MAX_BYTES = 256 << 20
MAX_CANDIDATES = 1_000_000
MAX_COUNT = 10**10  # ballots that one line may stand for; so no file has more than an int64 tally can hold
MAX_NAME = 500

_NATURAL = re.compile(r"[0-9]{1,15}", re.ASCII)
_JOINERS = re.compile("[\u200c\u200d]")

Numbers = npt.NDArray[np.int64]


class OnInvalid(enum.Enum):
    """What happens to a ballot that breaks a rule.

    DROP looks at each ballot alone and tells nobody. So one voter still changes one ballot, and the guarantee holds.
    ERROR stops and tells the tallier, which lies outside the guarantee.
    """

    ERROR = "error"
    DROP = "drop"


class Repeated(enum.Enum):
    """What happens when a voter has several ballots.

    LAST and FIRST look at that voter's ballots only. ERROR stops and tells the tallier, which lies outside the
    guarantee.
    """

    ERROR = "error"
    LAST = "last"
    FIRST = "first"


class Other(enum.Enum):
    """What becomes of a text on a ballot that is no candidate, such as the free text of a form's "Other:"."""

    REFUSE = "refuse"
    IGNORE = "ignore"


class Election(Protocol):
    """Public candidates, and how many ballots approve each."""

    @property
    def candidates(self) -> tuple[str, ...]:
        """Their names, in the order of the source."""
        ...

    @property
    def voters(self) -> int:
        """The number of ballots, empty ones included. Private under add/remove."""
        ...

    def tally(self) -> Numbers:
        """Approvals of each candidate, shape (candidates,), dtype int64. Private."""
        ...


@dataclass(frozen=True, slots=True)
class Profile:
    """An approval election as a multiset of ballots.

    Attributes:
        candidates: public, in the order of the source.
        ballots: how many ballots approve the same candidates, by their ascending indices into `candidates`.
    """

    candidates: tuple[str, ...]
    ballots: Mapping[tuple[int, ...], int]

    @property
    def voters(self) -> int:
        """The number of ballots, empty ones included. Private under add/remove."""
        return sum(self.ballots.values())

    def tally(self) -> npt.NDArray[np.int64]:
        """Approvals of each candidate, shape (candidates,), dtype int64. Private."""
        counts = np.zeros(len(self.candidates), np.int64)
        if self.ballots:
            flat = np.fromiter((i for ballot in self.ballots for i in ballot), np.int64)
            times = np.repeat(np.fromiter(self.ballots.values(), np.int64), [len(ballot) for ballot in self.ballots])
            np.add.at(counts, flat, times)
        return counts


@dataclass(frozen=True, slots=True)
class Counted:
    """An approval election as it was read. The ballots are counted and not kept.

    Attributes:
        candidates: public, in the order of the source.
        approvals: of each candidate.
        voters: the number of ballots, empty ones included.
    """

    candidates: tuple[str, ...]
    approvals: tuple[int, ...]
    voters: int

    def tally(self) -> Numbers:
        """Approvals of each candidate, shape (candidates,), dtype int64. Private."""
        return np.array(self.approvals, np.int64)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file holds.

    Attributes:
        profile: the election.
        format: the name of the file's format.
        notes: depend on options and on the file's public header only.
        warnings: depend on ballots too, so they are for the tallier alone.
        titles: what candidates are called besides their name, such as a project's name beside its id.
        public_order: whether the order of the candidates says nothing about the result.
        by_voter: whether each ballot is known to be of another voter.
        left_out: how many ballots were not counted, by reason; private.
    """

    profile: Counted
    format: str
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    public_order: bool = True
    by_voter: bool = False
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the caller decides about reading. All of it is public.

    Attributes:
        candidates: needed where the format has no list of its own. Otherwise they confirm its list.
        on_invalid: what happens to a ballot that breaks a rule.
        ballot_column: the column whose cells are lists of names.
        separator: the only text that separates names in a cell; None for the usual ones.
        other: what becomes of texts that are no candidate.
        yes, no: further texts that say yes or no in a matrix.
        voter_column: the column that says which voter a row is from.
        repeated: which ballot of a voter counts; None for ERROR, or for LAST under DROP.
        approve: the categories of a PrefLib file that are approval, by name or number.
        show: whether an error may show the cell at fault.

    Raises:
        UsageError: the rules do not go together.
    """

    candidates: tuple[str, ...] | None = None
    on_invalid: OnInvalid = OnInvalid.ERROR
    ballot_column: str | None = None
    separator: str | None = None
    other: Other = Other.REFUSE
    yes: tuple[str, ...] = ()
    no: tuple[str, ...] = ()
    voter_column: str | None = None
    repeated: Repeated | None = None
    approve: tuple[str, ...] = ()
    show: bool = False

    def __post_init__(self) -> None:
        if self.on_invalid is OnInvalid.DROP and self.repeated is Repeated.ERROR:
            raise words.error_while_dropping()

    @property
    def of_repeated(self) -> Repeated:
        """The rule for voters with several ballots."""
        default = Repeated.ERROR if self.on_invalid is OnInvalid.ERROR else Repeated.LAST
        return default if self.repeated is None else self.repeated


class InvalidBallotsError(InputError):
    """Ballots break rules. One message has all of them."""


class BallotColumnError(InputError):
    """No column is known to hold ballots. column: the one that fits, if there is one."""

    def __init__(self, message: str, *, line: int, column: str | None) -> None:
        super().__init__(message, line=line)
        self.column = column


class CandidateList:
    """Collects public candidates with the rules for names; `done` gives them in order."""

    def __init__(self) -> None:
        self._lines: dict[str, int] = {}

    def add(self, name: str, line: int) -> None:
        """One more name. Raises InputError when it is empty, too long, unprintable or already there."""
        name = clean(name)
        if not name or len(name) > MAX_NAME or not printable(name):
            raise words.candidate_name(line, MAX_NAME)
        if name in self._lines:
            raise words.listed_twice(line, name, self._lines[name])
        if len(self._lines) >= MAX_CANDIDATES:
            raise words.too_many_candidates(line, MAX_CANDIDATES)
        self._lines[name] = line

    def done(self, rules: Rules, line: int) -> tuple[str, ...]:
        """The candidates. Raises InputError when there are none, or when they are not those given by the user."""
        names = tuple(self._lines)
        if not names:
            raise words.no_candidates(line)
        if rules.candidates is not None and set(rules.candidates) != set(names):
            missing, more = sorted(set(rules.candidates) - set(names)), sorted(set(names) - set(rules.candidates))
            raise words.only_in_list(line, missing[0]) if missing else words.only_in_file(line, more[0])
        return names


@dataclass(slots=True)
class _Refusal:
    """A rule that ballots break: how many do, and the first of them."""

    count: int
    line: int
    detail: str


@dataclass(slots=True)
class BallotBox:
    """Counts ballots under the rules shared by all formats.

    Attributes:
        size: the number of candidates.
        unit: what lines are called in messages.
    """

    size: int
    rules: Rules
    unit: str = "line"
    voters: int = 0
    replaced: int = 0
    _tally: Numbers = field(init=False)
    _refusals: dict[str, _Refusal] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._tally = np.zeros(self.size, np.int64)

    @property
    def refused(self) -> int:
        """How many ballots broke a rule."""
        return sum(refusal.count for refusal in self._refusals.values())

    def count(self, ballots: int, approved: npt.NDArray[np.integer], times: Numbers | None = None) -> None:
        """Count valid ballots. approved: candidates' indices, once for each approval; or for `times` approvals."""
        self.voters += ballots
        if times is None:
            self._tally += np.bincount(approved, minlength=self.size)
        else:
            np.add.at(self._tally, approved, times)

    def refuse(self, rule: str, ballots: int, line: int, detail: str | None = None) -> None:
        """Leave out ballots that break a rule. line: of the first of them. detail: what is wrong with that one."""
        known = self._refusals.get(rule)
        if known is None:
            self._refusals[rule] = _Refusal(ballots, line, detail or rule)
            return
        known.count += ballots
        if line < known.line:
            known.line, known.detail = line, detail or rule

    def refuse_lines(self, faults: Mapping[str, Numbers], hints: Mapping[str, str] | None = None) -> None:
        """Leave out rows that could not be read, by what is wrong with them. hints: what may be done about it."""
        for problem, lines in faults.items():
            if len(lines):
                self.refuse(problem, len(lines), int(lines.min()), (hints or {}).get(problem))

    def reading(
        self,
        candidates: tuple[str, ...],
        form: str,
        *,
        notes: Iterable[str] = (),
        warnings: Iterable[str] = (),
        titles: Mapping[str, str] | None = None,
        public_order: bool = True,
        by_voter: bool = False,
    ) -> Reading:
        """The reader's result. Under DROP no warning is made of ballots. Raises InvalidBallotsError under ERROR, once
        all ballots are read, if any broke a rule."""
        drop = self.rules.on_invalid is OnInvalid.DROP
        if self._refusals and not drop:
            raise self._error()
        counted = Counted(candidates, tuple(self._tally.tolist()), self.voters)
        left_out = {rule: refusal.count for rule, refusal in self._refusals.items()}
        if self.replaced:
            left_out[words.ANOTHER_COUNTS] = self.replaced
        warned = () if drop else tuple(warnings)
        return Reading(counted, form, tuple(notes), warned, titles or {}, public_order, by_voter, left_out)

    def _error(self) -> InvalidBallotsError:
        total = self.voters + self.refused
        rules = sorted(self._refusals.values(), key=lambda refusal: refusal.line)
        told = " ".join(
            words.invalid_ballots(refusal.count, total, self.unit, refusal.line, refusal.detail)
            for refusal in rules[:_TOLD]
        )
        more = words.more_problems(len(rules) - _TOLD) if len(rules) > _TOLD else ""
        return InvalidBallotsError(told + more, line=rules[0].line)


_TOLD = 5


def placed(name: str, error: InputError) -> InputError:
    """The error with where it is: `name` and the line, unless the message names lines itself."""
    line = max(error.line or 1, 1)
    if isinstance(error, InvalidBallotsError):
        return InvalidBallotsError(f"{name}: {error}", line=line)
    return words.at_line(name, line, error)


def printable(name: str) -> bool:
    """No control, bidirectional or unassigned character; the joiners that some scripts need are fine."""
    return _JOINERS.sub("", name).isprintable()


def natural(text: str, line: int, what: str) -> int:
    """A natural number of at most 15 digits. Raises InputError."""
    if not _NATURAL.fullmatch(text.strip()):
        raise words.no_whole_number(line, what)
    return int(text)


def total_warning(what: str, stated: int | None, read: int) -> list[str]:
    """For the tallier: the header's total is not what was read."""
    return [] if stated is None or stated == read else [words.other_total(what, stated, read)]
