"""BLT files, as voting software for ranked ballots writes them (OpenSTV, OpaVote): numbers above, names below.

    4 1            how many candidates and seats
    3 1 2 0        three ballots that list the candidates 1 and 2
    1 4=2 3 0
    0              the end of the ballots
    "Ada"          the candidates' names, in order
    ...
    "The title"

Every candidate that a ballot lists is approved, whatever the rank. A weight is a number of equal ballots. A # begins a
remark, except inside a name's quotes; a line among the ballots that is nothing else is passed over. Names are found
from the end of the file, so that no ballot can be taken for the end of the ballots.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dpselect.ballots import words, words_files
from dpselect.ballots.model import MAX_CANDIDATES, MAX_COUNT, BallotBox, CandidateList, Reading, Rules
from dpselect.ballots.numbered import count_members, refuse
from psiselect.base.columns import BLANK
from psiselect.base.linewise import NOT_UTF8, Stream, blocks_of_lines, head_lines

_FIRST = re.compile(r"\s*([0-9]{1,7})\s+([0-9]{1,7})\s*(?:#.*)?", re.ASCII)
_BALLOT = r"\A\s*[0-9]{1,15}(?:\s+(?:-|[0-9]{1,7}(?:=[0-9]{1,7})*))*\s+0\s*(?:#.*)?\z"
_REMARK = r"\s*#.*\z"
_END = re.compile(r"0\s*(?:#.*)?")
_NAME = re.compile(r'"([^"]*)"\s*(?:#.*)?')
_TAIL = 1 << 16


def read(stream: Stream, rules: Rules) -> Reading:
    """Read a BLT file. Raises InputError."""
    text, problem = next(iter(head_lines(stream)), ("", None))
    first = _FIRST.fullmatch(text.rstrip("\r\n"))
    if problem is not None or first is None:
        raise words.fault(1, problem) if problem else words_files.no_sizes()
    count = int(first[1])
    if not 1 <= count <= MAX_CANDIDATES:
        raise words_files.candidates_range(MAX_CANDIDATES)
    candidates, end = _names(stream, count, rules)
    box = BallotBox(count, rules)
    for before, block in blocks_of_lines(stream(), 0):
        if before + 1 >= end:
            break
        if block is None:
            box.refuse(words_files.LINE_TOO_LONG, 1, before + 1)
            continue
        numbers = np.arange(before + 1, before + 1 + len(block))
        inside = (numbers > 1) & (numbers < end)
        for problem, lines in block.faults.items():
            where = numbers[lines & inside]
            box.refuse_lines({words.BLANK_LINE if problem == BLANK else problem: where})
        chosen = block.good & inside
        _count(block.texts(chosen), numbers[chosen], box)
    return box.reading(candidates, "blt", notes=[words_files.ALL_LISTED])


def _names(stream: Stream, count: int, rules: Rules) -> tuple[tuple[str, ...], int]:
    """The names, and the line that ends the ballots."""
    tail: list[tuple[int, str | None]] = []
    for before, block in blocks_of_lines(stream(), 0):
        if block is None:
            tail.append((before + 1, None))
            continue
        good = block.good
        begin = max(0, len(block) - count - _TAIL) if len(block) > count + _TAIL else 0
        filled = [line for line in range(begin, len(block)) if block.ends[line] > block.starts[line]]
        for line in filled[-(count + 3) :]:
            tail.append((before + line + 1, block.text(line).strip() if good[line] else None))
        tail = [entry for entry in tail if entry[1] != ""][-(count + 3) :]
    for titled in (0, 1):
        # Without a title first: with a title, the line here is a name. The other way round, a ballot may be there.
        at = len(tail) - count - titled - 1
        if at >= 0 and _END.fullmatch(tail[at][1] or ""):
            listed = CandidateList()
            for line, text in tail[at + 1 : at + 1 + count]:
                if text is None:
                    raise words.fault(line, NOT_UTF8)
                quoted = _NAME.fullmatch(text)
                listed.add(quoted[1] if quoted else text.removeprefix('"').removesuffix('"'), line)
            return listed.done(rules, tail[at][0]), tail[at][0]
    last = tail[-1][0] if tail else 1
    raise words_files.no_names(last, count)


def _count(texts: pa.Array, lines: np.ndarray, box: BallotBox) -> None:
    sound = pc.match_substring_regex(texts, _BALLOT).to_numpy(zero_copy_only=False)
    bad = ~sound & ~pc.match_substring_regex(texts, rf"\A{_REMARK}").to_numpy(zero_copy_only=False)
    if bad.any():
        first = int(np.argmax(bad))
        withdrawn = words_files.WITHDRAWN if texts[first].as_py().lstrip().startswith("-") else None
        box.refuse(words_files.NO_BALLOT, int(bad.sum()), int(lines[first]), withdrawn)
    texts, lines = pc.replace_substring_regex(texts.filter(pa.array(sound)), _REMARK, ""), lines[sound]
    if not len(lines):
        return
    plain = pc.utf8_trim_whitespace(pc.replace_substring(texts, "-", " "))
    parts = pc.split_pattern_regex(plain, r"[\s=]+")
    sizes = parts.value_lengths().to_numpy(zero_copy_only=False).astype(np.int64)
    numbers = parts.flatten().cast(pa.int64()).to_numpy(zero_copy_only=False)
    ends = np.cumsum(sizes)
    starts = ends - sizes
    counts = numbers[starts]
    inner = np.ones(len(numbers), np.bool_)
    inner[starts] = inner[ends - 1] = False
    ballot, index = np.repeat(np.arange(len(lines)), sizes)[inner], numbers[inner] - 1
    good = (counts > 0) & (counts <= MAX_COUNT)
    refuse(box, lines, ~good, None, words_files.weight_range(MAX_COUNT))
    count_members(box, lines, counts, good, (ballot, index), words_files.UNKNOWN_NUMBER)
