"""Which columns of a table hold ballots, and how: by options and the header alone, never by a row.

    approved          voter_id,approved_1,approved_2        Ada,Bo,Cy
    "Ada, Bo"         17,Ada,Bo                             1,1,0
    ""                18,Cy,                                0,0,1

Lists: a column named `approved`, or the one that `ballot_column` names; a cell holds names. Numbered: `approved_1`,
`approved_2` and so on; a cell holds one name. Both need the public list of candidates. Matrix: a column per candidate;
the header is the list of candidates, or a column whose header ends in "[Ada]", as forms write it, is Ada's. Columns
that are no candidates are passed over when the candidates are given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dpselect.ballots import words
from dpselect.ballots.matrix import MARKS
from dpselect.ballots.model import BallotColumnError, CandidateList, Rules
from dpselect.names import clean

APPROVED = "approved"
VOTER = "voter_id"
_NUMBERED = re.compile(r"approved[_ ]?[0-9]{1,4}", re.ASCII)
_BRACKETS = re.compile(r"\[([^\[\]]+)\]$")
# Columns that forms add by themselves, folded.
_FORMS = frozenset({
    "timestamp", "zeitstempel", "horodateur", "marca temporal", "informazioni cronologiche", "sygnatura czasowa",
    "carimbo de data/hora", "tijdstempel", "email address", "email", "e-mail", "username", "id", "start time",
    "completion time", "last modified time", "name", "response id", "date submitted", "last page", "start language",
    "respondent id", "collector id", "start date", "end date", "ip address", "first name", "last name",
})  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """Where the ballots are in a row. One of `lists`, `numbered` and `matrix` is not empty.

    Attributes:
        candidates: public, in the order of the source.
        lists: columns whose cells hold names.
        numbered: columns whose cells hold one name.
        matrix: a column for each candidate, in the order of `candidates`.
        voter: the column of voters' ids.
        ignored: the names of the other columns.
    """

    candidates: tuple[str, ...]
    lists: tuple[int, ...] = ()
    numbered: tuple[int, ...] = ()
    matrix: tuple[int, ...] = ()
    voter: int | None = None
    ignored: tuple[str, ...] = ()

    @property
    def places(self) -> tuple[int, ...]:
        """The columns that hold ballots."""
        return self.lists or self.numbered or self.matrix


def choose(header: Sequence[str], line: int, rules: Rules) -> Shape:
    """The shape of a table with this header. Raises InputError for a header that fits none, UsageError."""
    names = [clean(name) for name in header]
    voter = _voter(names, line, rules)
    if rules.ballot_column is not None:
        if rules.candidates is None:
            raise words.no_list(line)
        place = _one(names, rules.ballot_column, line, "--ballot-column")
        if place == voter:
            raise words.same_column()
        return _shape(names, rules.candidates, voter, lists=(place,))
    others = [place for place in range(len(names)) if place != voter]
    if rules.candidates is not None:
        places = _columns_of(names, others, rules.candidates, line)
        if places is not None:
            candidates = tuple(sorted(rules.candidates, key=lambda name: places[name]))
            return _shape(names, candidates, voter, matrix=tuple(places[name] for name in candidates))
    lists = tuple(place for place in others if names[place] == APPROVED)
    numbered = tuple(place for place in others if _NUMBERED.fullmatch(names[place]))
    if lists or numbered:
        if rules.candidates is None:
            raise words.no_list(line)
        if lists and numbered:
            raise words.lists_and_numbered(line, APPROVED)
        return _shape(names, rules.candidates, voter, lists=lists, numbered=numbered)
    if rules.candidates is None:
        return Shape(_header_alone(names, others, line), matrix=tuple(others), voter=voter)
    raise _no_column(names, others, rules.candidates, line)


def maybe_ballots(header: Sequence[str], voter: int | None) -> list[int]:
    """The columns that no form adds by itself."""
    return [place for place, name in enumerate(header) if place != voter and clean(name).casefold() not in _FORMS]


def _shape(
    names: list[str],
    candidates: tuple[str, ...],
    voter: int | None,
    *,
    lists: tuple[int, ...] = (),
    numbered: tuple[int, ...] = (),
    matrix: tuple[int, ...] = (),
) -> Shape:
    used = {*lists, *numbered, *matrix, voter}
    ignored = tuple(name for place, name in enumerate(names) if place not in used)
    return Shape(candidates, lists, numbered, matrix, voter, ignored)


def _voter(names: list[str], line: int, rules: Rules) -> int | None:
    """The column that the caller names, or else one called voter_id."""
    if rules.voter_column is not None:
        return _one(names, rules.voter_column, line, "--voter-column")
    if VOTER in names and VOTER not in (rules.candidates or ()):
        return _one(names, VOTER, line, "--voter-column")
    if rules.repeated is not None:
        raise words.no_voter_column()
    return None


def _one(names: list[str], wanted: str, line: int, option: str) -> int:
    """The one column of this name."""
    found = [place for place, name in enumerate(names) if name == clean(wanted)]
    if not found:
        raise words.no_column(line, option, clean(wanted), names)
    if len(found) > 1:
        raise words.column_twice(line, option, clean(wanted))
    return found[0]


def _columns_of(names: list[str], others: list[int], candidates: tuple[str, ...], line: int) -> dict[str, int] | None:
    """The column of each candidate; None when no candidate has one."""
    wanted, found = set(candidates), {}
    for bracketed in (False, True):
        for place in others:
            match = _BRACKETS.search(names[place]) if bracketed else None
            name = clean(match[1]) if match else names[place]
            if (bracketed and (match is None or names[place] in wanted)) or name not in wanted:
                continue
            if name in found:
                raise words.two_columns(line, name)
            found[name] = place
        if found:
            break
    if not found:
        return None
    missing = sorted(wanted - found.keys())
    if missing:
        strange = next((names[place] for place in others if place not in found.values()), None)
        raise words.other_header(line, missing[0], strange)
    return found


def _header_alone(names: list[str], places: list[int], line: int) -> tuple[str, ...]:
    """The candidates of a matrix whose header is all there is."""
    present = [names[place] for place in places]
    if present and _is_a_ballot(present):
        raise words.looks_like_a_ballot(line)
    added = next((name for name in present if name.casefold() in _FORMS), None)
    if added is not None:
        raise words.column_of_a_form(line, added)
    listed = CandidateList()
    for name in present:
        listed.add(name, line)
    return listed.done(Rules(), line)


def _is_a_ballot(names: list[str]) -> bool:
    """Whether what should be names is more like a row: all yes and no, or numbers that do not count up from 0 or 1,
    with a 0 or 1 among them. Dates and the like are refused by the reader of tables."""
    if all(name.casefold() in MARKS for name in names):
        return True
    if not all(name.isascii() and name.isdigit() for name in names) or not {"0", "1"} & set(names):
        return False
    numbers = sorted(map(int, names))
    return numbers not in (list(range(len(names))), list(range(1, len(names) + 1)))


def _no_column(names: list[str], others: list[int], candidates: tuple[str, ...], line: int) -> BallotColumnError:
    problem = words.no_ballot_column(APPROVED, candidates[0], [names[place] for place in others])
    return BallotColumnError(problem, line=line, column=None)
