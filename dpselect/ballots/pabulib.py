"""Pabulib's participatory budgeting files (.pb): sections META, PROJECTS and VOTES, each with a header row.

Only approval votes of equal weight are taken, `choose-1` among them: one project a ballot. Candidates are named by
project_id, in the file's order, which in real files gives away the result: nothing is ever printed in it. Columns that
hold results (votes, score, selected) are not read. Each line below the header of VOTES is a ballot. Format:
pabulib.org/format.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dpselect.ballots import words, words_files
from dpselect.ballots.cells import CellReader
from dpselect.ballots.model import (
    BallotBox,
    CandidateList,
    Reading,
    Rules,
    natural,
    printable,
    total_warning,
)
from dpselect.ballots.shapes import VOTER
from dpselect.ballots.tabular import ListCounter, sound_chunks
from dpselect.ballots.voters import ALL, electorate
from dpselect.names import clean
from psiselect.base.columns import Chunk, ColumnTable
from psiselect.base.linewise import Stream, after_lines, head_lines, line_chunks
from psiselect.base.rows import Fault, Row
from psiselect.base.splitting import split

_SECTIONS = ("META", "PROJECTS", "VOTES")
_WEIGHTS = frozenset({"weight", "weights", "points", "voter_weight", "voting_power"})
_ONE = "choose-1"


@dataclass(frozen=True, slots=True)
class _Section:
    """The line of a section's title, and its rows; of VOTES only the header."""

    title: int
    rows: list[Row]


def read(stream: Stream, rules: Rules) -> Reading:
    """Read a .pb file with `vote_type;approval` or `vote_type;choose-1`. Raises InputError, UsageError."""
    sections = _split(stream)
    meta = _meta(sections["META"])
    candidates, titles = _projects(sections["PROJECTS"], rules)
    width, column = _column(sections["VOTES"], "VOTES")
    header = sections["VOTES"].rows[0].line
    vote, voter = _vote_columns(column, header, rules)

    def chunks(places: Sequence[int]) -> Iterator[Chunk]:
        return line_chunks(after_lines(stream, header), ";", width, places, header)

    table = ColumnTable("votes", tuple(column), header, chunks)
    box = BallotBox(len(candidates), rules)
    longest = _bound(meta, "max_length")
    bounds = _bound(meta, "min_length") or 0, 1 if _kind(meta) == _ONE else longest
    counter = ListCounter(CellReader(candidates, ","), rules.show, bounds)
    voters = ALL
    if voter is not None:
        voters = electorate(((c.lines, c.columns[0]) for c in chunks([voter])), rules.of_repeated, box)
    for chunk in sound_chunks(table, [vote], box):
        counter.count(chunk.lines, chunk.columns, voters.chosen(chunk.lines), box)
    box.replaced = voters.earlier
    counted = total_warning("projects", _bound(meta, "num_projects"), len(candidates))
    warnings = total_warning("votes", _bound(meta, "num_votes"), box.voters)
    return box.reading(
        candidates,
        "pb",
        notes=counted,
        warnings=warnings,
        titles=titles,
        public_order=False,
        by_voter=voter is not None,
    )


def _split(stream: Stream) -> dict[str, _Section]:
    """The public sections: all up to the header of VOTES."""
    sections: dict[str, _Section] = {}
    line = 1
    for row in split(head_lines(stream), ";"):
        line = row.line
        if isinstance(row, Fault):
            if not sections:
                raise words_files.no_meta(line)
            raise words.fault(*row)
        cells = [cell for cell in row.cells if cell.strip()]
        if not cells:
            continue
        title = cells[0].strip()
        if len(cells) == 1 and title in _SECTIONS[len(sections) :]:
            if title != _SECTIONS[len(sections)]:
                raise words_files.section_too_early(line, _SECTIONS[len(sections)], title)
            sections[title] = _Section(line, [])
        elif not sections:
            raise words_files.no_meta(line)
        else:
            sections[_SECTIONS[len(sections) - 1]].rows.append(row)
            if "VOTES" in sections:
                return sections
    if len(sections) < len(_SECTIONS):
        raise words_files.no_section(line, _SECTIONS[len(sections)])
    return sections


def _meta(section: _Section) -> dict[str, Row]:
    """META's keys with the line and the cells of each."""
    meta: dict[str, Row] = {}
    for line, row in section.rows[1:]:
        key = row[0].strip()
        if key in meta:
            raise words_files.meta_twice(line, key)
        meta[key] = Row(line, row[1:])
    if _kind(meta) not in ("approval", _ONE):
        line = meta["vote_type"].line if "vote_type" in meta else section.title
        raise words_files.no_approvals(line)
    return meta


def _kind(meta: dict[str, Row]) -> str:
    return ";".join(value.strip().lower() for value in meta.get("vote_type", Row(0, [])).cells if value.strip())


def _bound(meta: dict[str, Row], key: str) -> int | None:
    """A whole number from META; None when it is missing or empty."""
    line, values = meta.get(key, Row(0, []))
    text = "".join(values).strip()
    return natural(text, line, f"META {key}") if text else None


def _column(section: _Section, name: str) -> tuple[int, dict[str, int]]:
    """The section's header row: its width, and the place of each column."""
    line, row = section.rows[0] if section.rows else Row(section.title, [])
    names = [clean(cell).lower() for cell in row]
    if len(set(names)) != len(names) or not names:
        raise words_files.no_header(line, name)
    return len(names), {column: place for place, column in enumerate(names)}


def _projects(section: _Section, rules: Rules) -> tuple[tuple[str, ...], dict[str, str]]:
    """The ids, and the name of each project that has one."""
    width, column = _column(section, "PROJECTS")
    if "project_id" not in column:
        raise words_files.no_projects(section.title + 1)
    listed = CandidateList()
    titles: dict[str, str] = {}
    for line, row in section.rows[1:]:
        if len(row) != width:
            raise words_files.other_width(line, len(row), width)
        listed.add(row[column["project_id"]], line)
        name = clean(" ".join(row[column["name"]].split())) if "name" in column else ""
        if name and printable(name):
            titles[clean(row[column["project_id"]])] = name
    return listed.done(rules, section.title), titles


def _vote_columns(column: dict[str, int], line: int, rules: Rules) -> tuple[int, int | None]:
    """The columns of votes and of voters' ids."""
    if "vote" not in column:
        raise words_files.no_votes(line)
    if _WEIGHTS & column.keys():
        raise words_files.weights(line, min(_WEIGHTS & column.keys()))
    named = VOTER if rules.voter_column is None else clean(rules.voter_column).lower()
    if rules.voter_column is not None and named not in column:
        raise words.no_column(line, "--voter-column", named, list(column))
    if rules.repeated is not None and named not in column:
        raise words.no_voter_column()
    return column["vote"], column.get(named)
