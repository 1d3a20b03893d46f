"""Pabulib's participatory budgeting files (.pb): sections META, PROJECTS and VOTES, each with a header row.

Only approval votes of equal weight are taken. Candidates are named by project_id, in the file's order, which in real
files gives away the result: nothing is ever printed in it. Columns that hold results (votes, score, selected) are not
read. Format: pabulib.org/format.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

from dpselect.ballots.model import (
    BallotBox,
    CandidateList,
    Reading,
    Rules,
    VoterIds,
    fault,
    natural,
    total_warning,
)
from dpselect.names import clean
from psiselect.base.rows import Fault, Row
from psiselect.base.splitting import split

_SECTIONS = ("META", "PROJECTS", "VOTES")
_WEIGHTS = frozenset({"weight", "weights", "points", "voter_weight", "voting_power"})

# The line of a section's title and the rows below it.
_Section = tuple[int, list[Row | Fault]]


def read(text: str, rules: Rules) -> Reading:
    """Read a .pb file with `vote_type;approval`. Raises InputError."""
    sections = _split(text)
    meta = _meta(*_whole(sections["META"]))
    candidates = _projects(*_whole(sections["PROJECTS"]), rules)
    box = BallotBox(
        {name: index for index, name in enumerate(candidates)},
        rules.on_invalid,
        shortest=_bound(meta, "min_length") or 0,
        longest=_bound(meta, "max_length"),
    )
    voters = _votes(*sections["VOTES"], box)
    counted = total_warning("projects", _bound(meta, "num_projects"), len(candidates))
    warnings = total_warning("votes", _bound(meta, "num_votes"), box.voters)
    return box.reading(candidates, "pb", notes=counted, warnings=warnings + voters.warnings())


def _split(text: str) -> dict[str, _Section]:
    """The rows of each section with the line of its title."""
    sections: dict[str, _Section] = {}
    line = 1
    for row in split(((line, None) for line in io.StringIO(text, newline="")), ";"):
        line = row.line
        cells = [cell for cell in row.cells if cell.strip()] if isinstance(row, Row) else ["fault"]
        if not cells:
            continue
        title = cells[0].strip()
        if len(cells) == 1 and title in _SECTIONS[len(sections) :]:
            if title != _SECTIONS[len(sections)]:
                raise fault(line, f"expected the section {_SECTIONS[len(sections)]} before {title}")
            sections[title] = (line, [])
        elif not sections:
            raise fault(line, "expected the section META first")
        else:
            sections[_SECTIONS[len(sections) - 1]][1].append(row)
    if len(sections) < len(_SECTIONS):
        raise fault(line, f"the section {_SECTIONS[len(sections)]} is missing")
    return sections


def _whole(section: _Section) -> tuple[int, list[Row]]:
    """A section of public data, in which every row must be readable."""
    title, records = section
    for record in records:
        if isinstance(record, Fault):
            raise fault(*record)
    return title, [record for record in records if isinstance(record, Row)]


def _meta(title: int, records: list[Row]) -> dict[str, Row]:
    """META's keys with the line and the cells of each."""
    meta: dict[str, Row] = {}
    for line, row in records[1:]:
        key = row[0].strip()
        if key in meta:
            raise fault(line, f"META has {key!r} twice")
        meta[key] = Row(line, row[1:])
    line, values = meta.get("vote_type", Row(title, []))
    if [value.strip().lower() for value in values if value.strip()] != ["approval"]:
        raise fault(line, "META needs `vote_type;approval`: other kinds of votes are not approvals")
    return meta


def _bound(meta: dict[str, Row], key: str) -> int | None:
    """A whole number from META; None when it is missing or empty."""
    line, values = meta.get(key, Row(0, []))
    text = "".join(values).strip()
    return natural(text, line, f"META {key}") if text else None


def _column(title: int, records: list[Row], section: str) -> tuple[int, dict[str, int]]:
    """The section's header row: its width, and the place of each column."""
    line, row = records[0] if records else Row(title, [])
    names = [clean(cell).lower() for cell in row]
    if len(set(names)) != len(names) or not names:
        raise fault(line, f"{section} needs a header row without repeated columns")
    return len(names), {name: place for place, name in enumerate(names)}


def _projects(title: int, records: list[Row], rules: Rules) -> tuple[str, ...]:
    width, column = _column(title, records, "PROJECTS")
    if "project_id" not in column:
        raise fault(title + 1, "PROJECTS needs a column project_id")
    listed = CandidateList()
    for line, row in records[1:]:
        if len(row) != width:
            raise fault(line, f"{len(row)} columns where the header of PROJECTS has {width}")
        listed.add(row[column["project_id"]], line)
    return listed.done(rules, title)


def _votes(title: int, records: list[Row | Fault], box: BallotBox) -> VoterIds:
    width, column = _column(*_whole((title, records[:1])), "VOTES")
    if "vote" not in column:
        raise fault(title + 1, "VOTES needs a column vote")
    if _WEIGHTS & column.keys():
        raise fault(title + 1, f"VOTES has the column {min(_WEIGHTS & column.keys())}: weighted votes are not taken")
    voters = VoterIds()
    for line, row in _of_width(records[1:], width, box):
        if "voter_id" in column:
            voters.add(row[column["voter_id"]])
        vote = row[column["vote"]]
        box.cast([clean(name) for name in vote.split(",")] if vote.strip() else [], line)
    return voters


def _of_width(records: list[Row | Fault], width: int, box: BallotBox) -> Iterator[Row]:
    for record in records:
        if isinstance(record, Fault):
            box.refuse(*record)
        elif len(record.cells) == width:
            yield record
        else:
            box.refuse(record.line, f"{len(record.cells)} columns where the header of VOTES has {width}")
