"""Ballots in a table, in two shapes told apart by the header; docs/elections.md defines both.

    approved          voter_id,approved_1,approved_2        Ada,Bo,Cy
    Ada;Bo            17,Ada,Bo                             1,1,0
    ""                18,Cy,                                0,0,1

List: columns named `approved`, or `approved_1`, `approved_2` and so on; cells hold names, separated by `;`, and empty
cells approve nobody. The candidates must be given by the user. Matrix: a column per candidate, cells 0 or 1; the header
is the list of candidates. Either may have a column `voter_id`, of which only repetition is looked at. A row that the
table's reader could not read is an invalid ballot like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from dpselect.ballots.model import BallotBox, CandidateList, Reading, Rules, VoterIds, fault
from dpselect.names import clean
from psiselect.base.errors import InputError
from psiselect.base.rows import Fault, Row, RowTable

_APPROVED = re.compile(r"approved([_ ]?[0-9]{1,4})?", re.ASCII)
_VOTER = "voter_id"


def read(table: RowTable, rules: Rules) -> Reading:
    """Read either shape. Raises InputError, with the table's name and the row's place."""
    try:
        return _read(table, rules)
    except InputError as error:
        if error.line is None:  # the reader's own
            raise
        raise table.error(error.line, str(error)) from None


def _read(table: RowTable, rules: Rules) -> Reading:
    columns = [clean(name) for name in table.header]
    if columns.count(_VOTER) > 1:
        raise fault(table.header_line, f"the column {_VOTER} appears twice")
    voter = columns.index(_VOTER) if _VOTER in columns else None
    places = [place for place in range(len(columns)) if place != voter]
    names = [columns[place] for place in places]
    if all(map(_APPROVED.fullmatch, names)) and names:
        return _read_lists(table, places, voter, rules)
    return _read_matrix(table, names, places, voter, rules)


def _read_lists(table: RowTable, places: list[int], voter: int | None, rules: Rules) -> Reading:
    if rules.candidates is None:
        raise fault(
            table.header_line,
            "ballots that hold names need the public list of candidates: --candidates FILE, one a line",
        )
    box = BallotBox({name: index for index, name in enumerate(rules.candidates)}, rules.on_invalid)
    voters = VoterIds()
    for line, row in _ballots(table, box):
        if voter is not None:
            voters.add(row[voter])
        cells = (row[place] for place in places)
        box.cast([clean(name) for cell in cells if cell.strip() for name in cell.split(";")], line)
    return box.reading(rules.candidates, _form(table), warnings=voters.warnings())


def _read_matrix(table: RowTable, names: list[str], places: list[int], voter: int | None, rules: Rules) -> Reading:
    listed = CandidateList()
    for name in names:
        listed.add(name, table.header_line)
    candidates = listed.done(rules, table.header_line)
    box = BallotBox({}, rules.on_invalid)
    voters = VoterIds()
    for line, row in _ballots(table, box):
        if voter is not None:
            voters.add(row[voter])
        cells = [row[place].strip() for place in places]
        wrong = next((i for i, cell in enumerate(cells) if cell not in ("0", "1")), None)
        if wrong is None:
            box.count(tuple(i for i, cell in enumerate(cells) if cell == "1"), line)
        else:
            box.refuse(line, f"column {candidates[wrong]!r}: expected 0 or 1{_hint(candidates)}")
    return box.reading(candidates, _form(table), warnings=voters.warnings())


def _form(table: RowTable) -> str:
    return "csv" if table.unit == "line" else "table"


def _hint(candidates: tuple[str, ...]) -> str:
    """What is likely wrong with a file that was taken for a matrix."""
    return " (ballots that list names need a header `approved`)" if len(candidates) == 1 else ""


def _ballots(table: RowTable, box: BallotBox) -> Iterator[tuple[int, Sequence[str]]]:
    """Rows that could be read. Blank lines may only end the file: elsewhere one might be meant as an empty ballot."""
    blank = None
    for row in table.rows:
        if isinstance(row, Row) and not row.cells:
            blank = blank or row.line
            continue
        if blank is not None:
            raise fault(blank, 'a blank line among the ballots: remove it, or write "" for an empty ballot')
        if isinstance(row, Fault):
            box.refuse(*row)
        else:
            yield row
