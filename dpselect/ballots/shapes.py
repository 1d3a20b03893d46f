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

from dpselect.ballots.matrix import MARKS
from dpselect.ballots.model import BallotColumnError, CandidateList, Rules, fault
from dpselect.names import clean
from psiselect.base.errors import UsageError

APPROVED = "approved"
VOTER = "voter_id"
_NUMBERED = re.compile(r"approved[_ ]?[0-9]{1,4}", re.ASCII)
_BRACKETS = re.compile(r"\[([^\[\]]+)\]$")
_SHOWN = 20
# Columns that forms add by themselves, folded.
_FORMS = frozenset({
    "timestamp", "zeitstempel", "horodateur", "marca temporal", "informazioni cronologiche", "sygnatura czasowa",
    "carimbo de data/hora", "tijdstempel", "email address", "email", "e-mail", "username", "id", "start time",
    "completion time", "last modified time", "name", "response id", "date submitted", "last page", "start language",
    "respondent id", "collector id", "start date", "end date", "ip address", "first name", "last name",
})  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """Where ballots are in a row. Of the places, one group is not empty.

    lists: columns whose cells hold names. numbered: columns whose cells hold one name. matrix: a column for each
    candidate, in the order of `candidates`. voter: the column of voters' ids. ignored: the names of the other columns.
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
            raise _needs_candidates(line)
        place = _one(names, rules.ballot_column, line, "--ballot-column")
        if place == voter:
            raise UsageError("--ballot-column and --voter-column name the same column")
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
            raise _needs_candidates(line)
        if lists and numbered:
            raise fault(line, "columns named approved and approved_1 are both there; name one by --ballot-column")
        return _shape(names, rules.candidates, voter, lists=lists, numbered=numbered)
    if rules.candidates is None:
        return Shape(_header_alone(names, others, line), matrix=tuple(others), voter=voter)
    raise _no_column(names, others, rules.candidates, line)


def told(names: Sequence[str]) -> str:
    """Names for a message: at most 20, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


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
        raise UsageError("--repeated-voter needs the column that names the voter of each ballot: --voter-column NAME")
    return None


def _one(names: list[str], wanted: str, line: int, option: str) -> int:
    """The one column of this name."""
    found = [place for place, name in enumerate(names) if name == clean(wanted)]
    if len(found) != 1:
        problem = "appears twice; give each column its own name" if found else "is not there"
        listed = told([repr(name) for name in names])
        raise fault(line, f"the column {clean(wanted)!r} of {option} {problem}; the columns are {listed}")
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
                raise fault(line, f"the candidate {name!r} has two columns; remove one")
            found[name] = place
        if found:
            break
    if not found:
        return None
    missing = sorted(wanted - found.keys())
    if missing:
        strange = next((names[place] for place in others if place not in found.values()), None)
        instead = "" if strange is None else f", found {strange!r}"
        raise fault(
            line,
            f"the column headers are not your candidates: expected {missing[0]!r}{instead}. "
            "Correct the header or the list of candidates; a file without a header needs one, such as `approved`",
        )
    return found


def _header_alone(names: list[str], places: list[int], line: int) -> tuple[str, ...]:
    """The candidates of a matrix whose header is all there is."""
    present = [names[place] for place in places]
    if present and _is_a_ballot(present):
        raise fault(
            line,
            "the first line looks like a ballot. Add a header line with the candidates' names; if these are the names, "
            "confirm them by --candidates FILE",
        )
    added = next((name for name in present if name.casefold() in _FORMS), None)
    if added is not None:
        raise fault(
            line,
            f"the column {added!r} is one that forms add, no candidate. Give the public list of candidates: "
            "--candidates FILE, one a line",
        )
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


def _needs_candidates(line: int) -> Exception:
    return fault(line, "ballots that hold names need the public list of candidates: --candidates FILE, one a line")


def _no_column(names: list[str], others: list[int], candidates: tuple[str, ...], line: int) -> BallotColumnError:
    found = told([repr(names[place]) for place in others])
    return BallotColumnError(
        f"no column is known to hold ballots: none is named {APPROVED!r}, and the column headers are not your "
        f"candidates (expected {candidates[0]!r}, found {found}). If the candidates stand in a second line of the "
        "header, say --header-lines 2; else name the column whose cells list candidates: --ballot-column NAME",
        line=line,
        column=None,
    )
