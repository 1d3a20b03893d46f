"""What a side is told of its own list once it is read: which rows cannot match, why, and what mends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psi.normalize import KeySpec
from psi.session.read_list import ReadList
from psiselect.matching import words
from psiselect.talk import Talk

_SHOWN_ROWS = 3


@dataclass(frozen=True)
class _Group:
    """Rows that share a reason. key: the columns of the key. first: the numbers of the first of them."""

    key: str
    rows: int
    why: str
    first: tuple[int, ...] = ()
    placeholder: bool = False

    @property
    def numbers(self) -> str:
        """As many row numbers as people want to see."""
        more = ", ..." if self.rows > _SHOWN_ROWS else ""
        return ", ".join(map(str, self.first[:_SHOWN_ROWS])) + more if self.first else "-"

    @property
    def line(self) -> str:
        """The group in one line."""
        said = words.may_be_placeholder if self.placeholder else words.skipped
        return said(self.rows, self.why, self.numbers if self.first else None)


def tell(job: ReadList, talk: Talk) -> None:
    """Tell which rows were left out: for people one table, for a log one line for each reason."""
    source, several = job.source.name, len(job.keys) > 1
    for key, advice in zip(job.keys, job.advice, strict=True):
        if advice is not None:
            talk.tell(f"{source}{f', key {_name(key)}' if several else ''}: {advice}")
    groups = _groups(job)
    if talk.table is None or len(groups) < 2:
        for group in groups:
            talk.tell(f"{source}{f', key {group.key}' if several else ''}: {group.line}")
        return
    rows = [(group.key, f"{group.rows:,}", group.why, group.numbers) for group in groups]
    names = ("key", "rows", "why", "first rows")
    talk.tell(words.rows_of_no_use(source, job.reports[0].rows))
    talk.table(names, rows) if several else talk.table(names[1:], [row[1:] for row in rows])
    if any(group.placeholder for group in groups):
        talk.tell(words.PLACEHOLDER)


def _groups(job: ReadList) -> Sequence[_Group]:
    """Of each key, the most frequent reason first. Blank rows are among them where there is something else to tell:
    many lists have them, and they are no fault."""
    found: list[_Group] = []
    blank: list[_Group] = []
    for key, report in zip(job.keys, job.reports, strict=True):
        name = _name(key)
        for reason, count in sorted(report.unreadable.items(), key=lambda item: (-item[1], item[0])):
            found.append(_Group(name, count, reason.words, report.first_unreadable[reason]))
        for same in report.frequent:
            found.append(_Group(name, same.rows, "the same key", same.first, placeholder=True))
        if report.blank:
            blank.append(_Group(name, report.blank, "blank"))
    return [*found, *blank] if found else []


def _name(key: KeySpec) -> str:
    return "+".join(key.columns)
