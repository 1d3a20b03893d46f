"""PrefLib's categorical (.cat) and weak-order (.toc, .toi) files.

A header of `# KEY: value` lines, then `count: group,group,...`; a group is `{a,b}`, a bare `a` when single, `{}` when
empty. The first group is what the voters approve: category 1 of a .cat file, the first indifference class of an order.
Alternatives are numbered from 0 or from 1. Format: preflib.org/format.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from dpselect.ballots.model import (
    MAX_CANDIDATES,
    BallotBox,
    CandidateList,
    Reading,
    Rules,
    fault,
    natural,
    total_warning,
)

_HEADER = re.compile(r"#\s*([A-Z][A-Z ]*[A-Z])(?:\s+([0-9]{1,9}))?\s*:(.*)", re.ASCII)
_BALLOTS = re.compile(r"\s*([0-9]{1,15})\s*:(.*)", re.ASCII | re.DOTALL)
_GROUP = re.compile(r"\s*(?:\{([^{}]*)\}|([0-9]+))\s*(,|$)", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)


@dataclass(slots=True)
class _Header:
    alternatives: dict[int, tuple[str, int]] = field(default_factory=dict)  # number -> name, line
    categories: dict[int, str] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    type: str | None = None


def data_type(text: str) -> str | None:
    """The header's DATA TYPE, lower case, if it has one."""
    found = re.search(r"^#\s*DATA TYPE\s*:\s*(\w{1,10})\s*$", text, re.ASCII | re.MULTILINE)
    return found[1].lower() if found else None


def read_cat(text: str, rules: Rules) -> Reading:
    """Read a .cat file: approval is the first category. Raises InputError."""
    return _read(text, rules, "cat")


def read_toc(text: str, rules: Rules) -> Reading:
    """Read a .toc file: approval is the first indifference class. Raises InputError."""
    return _read(text, rules, "toc")


def read_toi(text: str, rules: Rules) -> Reading:
    """Read a .toi file: approval is the first indifference class. Raises InputError."""
    return _read(text, rules, "toi")


def _read(text: str, rules: Rules, form: str) -> Reading:
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    header, end = _header(lines)
    candidates, labels = _candidates(header, rules, end)
    categories = header.totals.get("NUMBER CATEGORIES") if form == "cat" else None
    if categories == 0:
        raise fault(end, "NUMBER CATEGORIES is 0, so nothing says what approval is")
    box = BallotBox(labels, rules.on_invalid)
    for number, line in enumerate(lines[end:], end + 1):
        if not line.strip():
            continue
        if line.startswith("#"):
            raise fault(number, "a header line after the first ballot")
        match = _BALLOTS.fullmatch(line)
        if match is None or int(match[1]) == 0:
            raise fault(number, "expected `count: groups`, with a count of 1 or more, such as `3: {1,4},2`")
        _cast(box, match[2], number, int(match[1]), categories)
    warnings = total_warning("voters", header.totals.get("NUMBER VOTERS"), box.voters)
    return box.reading(candidates, form, notes=_notes(header, form), warnings=warnings)


def _header(lines: list[str]) -> tuple[_Header, int]:
    """The header, and the number of lines before the first ballot."""
    header = _Header()
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            return header, number - 1
        match = _HEADER.fullmatch(line)
        if match is None:
            continue  # a remark
        key, index, value = match[1], match[2], match[3].strip()
        if key in ("NUMBER ALTERNATIVES", "NUMBER VOTERS", "NUMBER CATEGORIES") and index is None:
            if key in header.totals:
                raise fault(number, f"{key} appears twice")
            header.totals[key] = natural(value, number, key)
        elif key == "ALTERNATIVE NAME":
            if index is None or int(index) in header.alternatives:
                raise fault(number, "expected a number after ALTERNATIVE NAME that no other line has")
            header.alternatives[int(index)] = (value, number)
        elif key == "CATEGORY NAME":
            if index is None or int(index) in header.categories:
                raise fault(number, "expected a number after CATEGORY NAME that no other line has")
            header.categories[int(index)] = value
    return header, len(lines)


def _candidates(header: _Header, rules: Rules, end: int) -> tuple[tuple[str, ...], dict[str, int]]:
    count = header.totals.get("NUMBER ALTERNATIVES")
    if count is None or not 1 <= count <= MAX_CANDIDATES:
        raise fault(end, f"the header needs a line `# NUMBER ALTERNATIVES:` with 1 to {MAX_CANDIDATES}")
    if len(header.alternatives) != count:
        raise fault(
            end, f"NUMBER ALTERNATIVES is {count}, and {len(header.alternatives)} ALTERNATIVE NAME lines follow"
        )
    first = min(header.alternatives)
    if first > 1 or max(header.alternatives) != first + count - 1:
        raise fault(end, "alternatives are numbered from 0 or from 1, without gaps")
    listed = CandidateList()
    for number in sorted(header.alternatives):
        listed.add(*header.alternatives[number])
    labels = {str(number): index for index, number in enumerate(sorted(header.alternatives))}
    return listed.done(rules, end), labels


def _cast(box: BallotBox, text: str, line: int, count: int, categories: int | None) -> None:
    """Count one line's ballots. The groups must be disjoint; the first is cast."""
    groups = list(_groups(text))
    if not groups or None in groups:
        return box.refuse(line, "expected groups such as `{1,4},2`, separated by commas")
    if categories is not None and len(groups) > categories:
        return box.refuse(line, f"the ballot has {len(groups)} categories, the header {categories}")
    members = [member for group in groups if group is not None for member in group]
    if len(set(members)) != len(members):
        return box.refuse(line, "the ballot names a candidate twice")
    if any(member not in box.labels for member in members):
        return box.refuse(line, "the ballot holds a number that no ALTERNATIVE NAME has")
    return box.cast(groups[0] or [], line, count)


def _groups(text: str) -> Iterator[list[str] | None]:
    """The groups of a ballot line, as canonical numbers; None where the grammar breaks off."""
    position, text = 0, text.strip()
    while position < len(text):
        match = _GROUP.match(text, position)
        # A comma promises one more group.
        if match is None or (match[3] and match.end() == len(text)):
            yield None
            return
        inside = match[2] if match[1] is None else match[1]
        numbers = [number.strip() for number in inside.split(",")] if inside.strip() else []
        yield [str(int(n)) for n in numbers] if all(map(_NUMBER.fullmatch, numbers)) else None
        position = match.end()


def _notes(header: _Header, form: str) -> list[str]:
    if form != "cat":
        return ["approved: the first indifference class of each order"]
    if not header.categories:
        return ["approved: the first category of each ballot"]
    first, *others = (repr(header.categories[number]) for number in sorted(header.categories))
    return [f"approved: category {first}" + (f"; not approved: {', '.join(others)}" if others else "")]
