"""PrefLib's categorical (.cat) and weak-order (.toc, .toi) files.

A header of `# KEY: value` lines, then `count: group,group,...`; a group is `{a,b}`, a bare `a` when single, `{}` when
empty. The first group is what the voters approve: category 1 of a .cat file, the first indifference class of an order.
Alternatives are numbered from 0 or from 1. Format: preflib.org/format.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dpselect.ballots import words, words_files
from dpselect.ballots.model import (
    MAX_CANDIDATES,
    MAX_COUNT,
    BallotBox,
    CandidateList,
    Numbers,
    Reading,
    Rules,
    natural,
    total_warning,
)
from dpselect.ballots.numbered import count_members, refuse
from psiselect.base.columns import BLANK
from psiselect.base.linewise import TOO_LONG, LineBlock, Stream, after_lines, blocks_of_lines, head_lines

_HEADER = re.compile(r"#\s*([A-Z][A-Z ]*[A-Z])(?:\s+([0-9]{1,9}))?\s*:(.*)", re.ASCII)
_COUNTED = r"\A\s*[0-9]{1,15}\s*:"
_NUMBER = r"[0-9]{1,9}"
_GROUP = rf"(?:\{{\s*(?:{_NUMBER}\s*(?:,\s*{_NUMBER}\s*)*)?\}}|{_NUMBER})"
_BALLOT = rf"{_COUNTED}\s*{_GROUP}\s*(?:,\s*{_GROUP}\s*)*\z"


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


def read_cat(stream: Stream, rules: Rules) -> Reading:
    """Read a .cat file: approval is the first category, or what `Rules.approve` says. Raises InputError."""
    return _read(stream, rules, "cat")


def read_toc(stream: Stream, rules: Rules) -> Reading:
    """Read a .toc file: approval is the first indifference class. Raises InputError."""
    return _read(stream, rules, "toc")


def read_toi(stream: Stream, rules: Rules) -> Reading:
    """Read a .toi file: approval is the first indifference class. Raises InputError."""
    return _read(stream, rules, "toi")


def _read(stream: Stream, rules: Rules, form: str) -> Reading:
    header, end = _header(stream)
    candidates, first = _candidates(header, rules, end)
    categories = header.totals.get("NUMBER CATEGORIES") if form == "cat" else None
    if categories == 0:
        raise words_files.no_categories(end)
    approved = _approved(header, rules, form)
    box = BallotBox(len(candidates), rules)
    blank: list[Numbers] = []
    last = 0
    for before, block in blocks_of_lines(after_lines(stream, end), end):
        if block is None:
            box.refuse_lines({TOO_LONG: np.array([before + 1])})
            continue
        faults = block.numbered(before)
        blank.append(faults.pop(BLANK, np.zeros(0, np.int64)))
        box.refuse_lines(faults)
        _count(block, before, box, first, categories, approved)
        filled = np.flatnonzero(block.ends > block.starts)
        last = before + int(filled[-1]) + 1 if len(filled) else last
    inner = np.concatenate([np.zeros(0, np.int64), *blank])
    box.refuse_lines({words.BLANK_LINE: inner[inner < last]})
    warnings = total_warning("voters", header.totals.get("NUMBER VOTERS"), box.voters)
    return box.reading(candidates, form, notes=_notes(header, form, approved), warnings=warnings)


def _header(stream: Stream) -> tuple[_Header, int]:
    """The header, and its number of lines. It ends with the last of the alternatives that it announces, so that no line
    below can be taken for a part of it; else before the first line that does not begin with #."""
    header, number = _Header(), 0
    for number, (text, problem) in enumerate(head_lines(stream), 1):
        if problem is not None:
            raise words.fault(number, problem)
        line = text.rstrip("\r\n")
        if line.strip() and not line.startswith("#"):
            return header, number - 1
        _take(header, line, number)
        if len(header.alternatives) == header.totals.get("NUMBER ALTERNATIVES"):
            break
    return header, number


def _take(header: _Header, line: str, number: int) -> None:
    """Take one line of the header; remarks say nothing."""
    match = _HEADER.fullmatch(line)
    if match is None:
        return
    key, index, value = match[1], match[2], match[3].strip()
    if key in ("NUMBER ALTERNATIVES", "NUMBER VOTERS", "NUMBER CATEGORIES") and index is None:
        if key in header.totals:
            raise words_files.header_twice(number, key)
        header.totals[key] = natural(value, number, key)
    elif key == "ALTERNATIVE NAME":
        if index is None or int(index) in header.alternatives:
            raise words_files.numbered_key(number, key)
        header.alternatives[int(index)] = (value, number)
    elif key == "CATEGORY NAME":
        if index is None or int(index) in header.categories:
            raise words_files.numbered_key(number, key)
        header.categories[int(index)] = value


def _candidates(header: _Header, rules: Rules, end: int) -> tuple[tuple[str, ...], int]:
    """The candidates, and the number of the first."""
    count = header.totals.get("NUMBER ALTERNATIVES")
    if count is None or not 1 <= count <= MAX_CANDIDATES:
        raise words_files.no_alternatives(end, MAX_CANDIDATES)
    if len(header.alternatives) != count:
        raise words_files.other_alternatives(end, count, len(header.alternatives))
    first = min(header.alternatives)
    if first > 1 or max(header.alternatives) != first + count - 1:
        raise words_files.gap_in_numbers(end)
    listed = CandidateList()
    for number in sorted(header.alternatives):
        listed.add(*header.alternatives[number])
    return listed.done(rules, end), first


def _approved(header: _Header, rules: Rules, form: str) -> frozenset[int]:
    """The places, from 0, of the groups that are approval."""
    if not rules.approve:
        return frozenset([0])
    if form != "cat":
        raise words_files.only_categories(form)
    total = header.totals.get("NUMBER CATEGORIES", len(header.categories))
    names = {name: number - 1 for number, name in header.categories.items()}
    found = set()
    for text in rules.approve:
        number = int(text) - 1 if text.isascii() and text.isdigit() and len(text) < 10 else -1
        place = names.get(text, number)
        if not 0 <= place < total:
            raise words_files.unknown_category(text, list(names), total)
        found.add(place)
    return frozenset(found)


def _count(
    block: LineBlock, before: int, box: BallotBox, first: int, categories: int | None, approved: frozenset[int]
) -> None:
    """Count the lines of a block. The groups of a ballot must be disjoint."""
    lines = np.flatnonzero(block.good) + before + 1
    texts = block.texts(block.good)
    sound = _matches(texts, _BALLOT)
    counted = _matches(texts, _COUNTED)
    refuse(box, lines, ~counted, None, words_files.NO_ORDER)
    texts, lines, sound = texts.filter(pa.array(counted)), lines[counted], sound[counted]
    if not len(lines):
        return
    parts = pc.split_pattern(pc.replace_substring_regex(texts, r"\s+", ""), ":", max_splits=1).flatten()
    counts = parts.take(pa.array(np.arange(0, len(parts), 2))).cast(pa.int64()).to_numpy(zero_copy_only=False)
    sized = (counts > 0) & (counts <= MAX_COUNT)
    refuse(box, lines, ~sized, None, words_files.count_range(MAX_COUNT))
    refuse(box, lines, sized & ~sound, counts, words_files.NO_GROUPS)
    kept = sized & sound
    groups = parts.take(pa.array(np.flatnonzero(kept) * 2 + 1))
    _count_groups(groups, lines[kept], counts[kept], box, first, categories, approved)


def _count_groups(
    groups: pa.Array,
    lines: Numbers,
    counts: Numbers,
    box: BallotBox,
    first: int,
    categories: int | None,
    approved: frozenset[int],
) -> None:
    ballot, group, number = _members(groups)
    index = number - first
    good = np.ones(len(lines), np.bool_)
    if categories is not None:
        commas = pc.count_substring(pc.replace_substring_regex(groups, r"\{[^}]*\}", ""), ",")
        many = commas.to_numpy(zero_copy_only=False) >= categories
        refuse(box, lines, many, counts, words_files.too_many_categories(categories))
        good &= ~many
    approving = np.isin(group, list(approved))
    count_members(box, lines, counts, good, (ballot, index), words_files.UNKNOWN_ALTERNATIVE, approving)


def _members(groups: pa.Array) -> tuple[Numbers, Numbers, Numbers]:
    """Every number of ballots such as "{1,4},2": the place of its ballot, the place of its group, and itself."""
    _, ends, data = groups.buffers()
    offsets = np.frombuffer(ends, np.int32)[groups.offset : groups.offset + len(groups) + 1].astype(np.int64)
    if data is None or not len(groups):
        return (np.zeros(0, np.int64),) * 3
    text = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]
    offsets = offsets - offsets[0]
    digit = (text >= 48) & (text <= 57)
    begins, stops = _runs(digit, offsets)
    ballot = np.searchsorted(offsets, begins, side="right") - 1
    number = np.zeros(len(begins), np.int64)
    for place in range(int((stops - begins).max(initial=0))):
        here = begins + place < stops
        number[here] = number[here] * 10 + (text[begins[here] + place] - 48)
    depth = np.cumsum((text == ord("{")).astype(np.int8) - (text == ord("}")), dtype=np.int64)
    commas = np.append(0, np.cumsum((text == ord(",")) & (depth == 0)))
    return ballot, commas[begins] - commas[offsets[ballot]], number


def _runs(digit: npt.NDArray[np.bool_], offsets: Numbers) -> tuple[Numbers, Numbers]:
    """Where runs of digits begin and end; none goes on from one ballot to the next."""
    before = np.append(False, digit[:-1])
    before[offsets[:-1][offsets[:-1] < len(digit)]] = False
    begins = np.flatnonzero(digit & ~before)
    after = np.append(digit[1:], False)
    after[offsets[1:] - 1] = False
    return begins, np.flatnonzero(digit & ~after) + 1


def _matches(texts: pa.Array, pattern: str) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False)
    return found


def _notes(header: _Header, form: str, approved: frozenset[int]) -> Sequence[str]:
    if form != "cat":
        return [words_files.FIRST_CLASS]
    if not header.categories:
        places = [place + 1 for place in sorted(approved)]
        return [words_files.FIRST_CATEGORY if places == [1] else words_files.places_approved(places)]
    names = [(header.categories[number], number - 1 in approved) for number in sorted(header.categories)]
    yes, no = ([name for name, chosen in names if chosen is wanted] for wanted in (True, False))
    return [words_files.categories_approved(yes, no)]
