"""Ballots as CSV, in two shapes told apart by the header; docs/elections.md defines both.

    approved          voter_id,approved_1,approved_2        Ada,Bo,Cy
    Ada;Bo            17,Ada,Bo                             1,1,0
    ""                18,Cy,                                0,0,1

List: columns named `approved`, or `approved_1`, `approved_2` and so on; cells hold names, separated by `;`, and empty
cells approve nobody. The candidates must be given by the user. Matrix: a column a candidate, cells 0 or 1; the header
is the list of candidates. Either may have a column `voter_id`, of which only repetition is looked at.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from dpselect.ballots.model import BallotBox, CandidateList, Reading, Rules, VoterIds, clean, fault

_APPROVED = re.compile(r"approved([_ ]?[0-9]{1,4})?", re.ASCII)
_VOTER = "voter_id"


def rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The records with the line each starts in. Raises InputError on broken quoting and on fields beyond 128 KiB."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise fault(line, f"not a well-formed row: {error}") from None
        yield line, row


def read(text: str, rules: Rules) -> Reading:
    """Read either shape. Raises InputError."""
    records = rows(text, ",")
    line, header = next(((line, row) for line, row in records if any(map(str.strip, row))), (1, []))
    columns = [clean(cell) for cell in header]
    if not columns:
        raise fault(line, "expected a header: `approved`, or the candidates' names")
    if columns.count(_VOTER) > 1:
        raise fault(line, f"the column {_VOTER} appears twice")
    voter = columns.index(_VOTER) if _VOTER in columns else None
    places = [place for place in range(len(columns)) if place != voter]
    names = [columns[place] for place in places]
    if all(map(_APPROVED.fullmatch, names)) and names:
        return _read_lists(records, line, len(columns), places, voter, rules)
    return _read_matrix(records, line, columns, places, voter, rules)


def _read_lists(
    records: Iterator[tuple[int, list[str]]], line: int, width: int, places: list[int], voter: int | None, rules: Rules
) -> Reading:
    if rules.candidates is None:
        raise fault(line, "ballots that hold names need the public list of candidates: --candidates FILE, one a line")
    box = BallotBox({name: index for index, name in enumerate(rules.candidates)}, rules.on_invalid)
    voters = VoterIds()
    for line, row in _ballots(records, width, box):
        if voter is not None:
            voters.add(row[voter])
        cells = (row[place] for place in places)
        box.cast([clean(name) for cell in cells if cell.strip() for name in cell.split(";")], line)
    return box.reading(rules.candidates, "csv", warnings=voters.warnings())


def _read_matrix(
    records: Iterator[tuple[int, list[str]]],
    line: int,
    columns: list[str],
    places: list[int],
    voter: int | None,
    rules: Rules,
) -> Reading:
    listed = CandidateList()
    for place in places:
        listed.add(columns[place], line)
    candidates = listed.done(rules, line)
    box = BallotBox({}, rules.on_invalid)
    voters = VoterIds()
    for line, row in _ballots(records, len(columns), box):
        if voter is not None:
            voters.add(row[voter])
        cells = [row[place].strip() for place in places]
        wrong = next((i for i, cell in enumerate(cells) if cell not in ("0", "1")), None)
        if wrong is None:
            box.count(tuple(i for i, cell in enumerate(cells) if cell == "1"), line)
        else:
            box.refuse(line, f"column {candidates[wrong]!r}: expected 0 or 1{_hint(candidates)}")
    return box.reading(candidates, "csv", warnings=voters.warnings())


def _hint(candidates: tuple[str, ...]) -> str:
    """What is likely wrong with a file that was taken for a matrix."""
    if len(candidates) > 1:
        return ""
    name = candidates[0]
    if ";" in name or "\t" in name:
        return " (is the file separated by semicolons or tabs? Commas are expected)"
    return " (ballots that list names need a header `approved`)"


def _ballots(records: Iterator[tuple[int, list[str]]], width: int, box: BallotBox) -> Iterator[tuple[int, list[str]]]:
    """Rows of the right width. Blank lines may only end the file: elsewhere one might be meant as an empty ballot."""
    blank = None
    for line, row in records:
        if not row:
            blank = blank or line
            continue
        if blank is not None:
            raise fault(blank, 'a blank line among the ballots: remove it, or write "" for an empty ballot')
        if len(row) == width:
            yield line, row
        else:
            box.refuse(line, f"{len(row)} columns where the header has {width}")
