"""The abcvoting library's .abc.yaml files: `num_cand`, `profile` (a list of approval sets), `committeesize`.

Candidates are the numbers 0 to num_cand - 1, which is also their name here. The safe loader gives the file as a stream
of YAML events. Nothing is constructed, aliases are refused, and the depth is capped, so a short file cannot become a
large one. The library writes a profile as plain `- [0, 2]` lines. These are read without YAML, many times faster, and
mean the same. Keys that a tally does not need (description, compute) are skipped. Voter weights are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import yaml

from dpselect.ballots import words, words_files
from dpselect.ballots.cells import index_of
from dpselect.ballots.model import MAX_CANDIDATES, BallotBox, CandidateList, Numbers, Reading, Rules, natural
from psiselect.base.linewise import blocks_of_lines

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one where PyYAML was built with it
_MAX_DEPTH = 8
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_KEYS = frozenset({"num_cand", "profile", "committeesize", "compute", "description", "voter_weights"})

# A profile in lines; what an approval set in them looks like.
_LINES = re.compile(rb"^profile: *\n(?=( *)- \[)", re.MULTILINE)
_SET = r"- \[(?:[0-9]+(?:, ?[0-9]+)*)?\] *"
_AROUND = r"\A *- \[|\] *\z"
_PIECE = 1 << 16  # ballots, or 16 bytes, that are looked at at once

# What a list of approval sets comes down to: the line of each ballot and its entries.
Ballot = tuple[int, list[str]]


def read(text: str, rules: Rules) -> Reading:
    """Read an .abc.yaml file. Raises InputError."""
    plain = _plain_lines(text.encode())
    if plain is None:
        return _counted(text, None, rules)
    # Keys below keep their lines.
    rest = b"profile: []\n" + b"\n" * plain.count
    return _counted((plain.data[: plain.key] + rest + plain.data[plain.end :]).decode(), plain, rules)


@dataclass(frozen=True)
class _PlainLines:
    """A profile as plain lines. key, start, end: where the key, the lines, and what is below them begin, in bytes.
    before: lines above the first, the last of which is the key's. count: lines."""

    data: bytes
    key: int
    start: int
    end: int
    before: int
    count: int

    def pieces(self) -> Iterator[tuple[int, pa.Array]]:
        """The lines, with how many came before."""
        blocks = (self.data[at : min(at + 16 * _PIECE, self.end)] for at in range(self.start, self.end, 16 * _PIECE))
        for before, block in blocks_of_lines(blocks, self.before):
            if block is not None:
                yield before, block.texts(np.ones(len(block), np.bool_))


def _plain_lines(data: bytes) -> _PlainLines | None:
    """The profile, if all of it is plain lines of one indentation; else it is left to the YAML parser."""
    found = _LINES.search(data)
    if found is None or b"\r" in data or b"\0" in data:
        return None
    start, count = found.end(), 0
    pattern = rf"\A{found[1].decode()}{_SET}\z"
    for _, block in blocks_of_lines((data[at : at + 16 * _PIECE] for at in range(start, len(data), 16 * _PIECE)), 0):
        if block is None:
            return None
        plain = pc.match_substring_regex(block.texts(np.ones(len(block), np.bool_)), pattern)
        ended = pc.index(plain, pa.scalar(False)).as_py()
        if ended < 0:
            count += len(block)
            continue
        count += ended
        begins = block.data[block.starts[ended] : block.ends[ended]]
        if not begins[:1].isalpha():  # no other key
            return None
        break
    end = start
    for _ in range(count):
        end = data.find(b"\n", end) + 1 or len(data)
    return _PlainLines(data, found.start(), start, end, data.count(b"\n", 0, start), count)


def _counted(text: str, plain: _PlainLines | None, rules: Rules) -> Reading:
    """plain: the ballots, where they are known already."""
    numbers: dict[str, tuple[int, str]] = {}
    ballots: list[Ballot] | None = None
    seen: set[str] = set()
    events = _events(text)
    line = _open(events)
    for key_line, key in _keys(events):
        if key in seen or key not in _KEYS:
            raise words_files.yaml_keys(key_line)
        if key == "voter_weights":
            raise words_files.voter_weights(key_line)
        seen.add(key)
        if key == "profile":
            ballots = list(_profile(events))
            if plain is not None and key_line != plain.before:  # its lines are inside another value
                return _counted(plain.data.decode(), None, rules)
        elif key == "num_cand":
            numbers[key] = _scalar(events, key)
        else:
            _skip(events)
    if "num_cand" not in numbers or ballots is None:
        raise words_files.keys_missing(line)
    line, value = numbers["num_cand"]
    count = natural(value, line, "num_cand")
    if not 1 <= count <= MAX_CANDIDATES:
        raise words_files.num_cand(line, MAX_CANDIDATES)
    listed = CandidateList()
    for number in range(count):
        listed.add(str(number), line)
    candidates = listed.done(rules, line)
    box = BallotBox(count, rules)
    for start in range(0, len(ballots), _PIECE):
        piece = ballots[start : start + _PIECE]
        sizes = np.array([len(approved) for _, approved in piece], np.int64)
        entries = pa.array([entry for _, approved in piece for entry in approved], pa.string())
        _count(np.array([line for line, _ in piece]), sizes, entries, candidates, box)
    for before, texts in plain.pieces() if plain is not None else ():
        inner = pc.replace_substring_regex(texts, _AROUND, "")
        parts = pc.split_pattern_regex(inner, ", ?")
        filled = pc.binary_length(inner).to_numpy(zero_copy_only=False) > 0
        sizes = parts.value_lengths().to_numpy(zero_copy_only=False) * filled
        entries = parts.filter(pa.array(filled)).flatten()
        _count(np.arange(before + 1, before + 1 + len(texts)), sizes, entries, candidates, box)
    return box.reading(candidates, "abc.yaml")


def _count(lines: Numbers, sizes: Numbers, entries: pa.Array, candidates: tuple[str, ...], box: BallotBox) -> None:
    """Count ballots. sizes: how many of the entries each one has."""
    ballot = np.repeat(np.arange(len(lines)), sizes)
    index = index_of(entries, candidates)
    bad = np.zeros(len(lines), np.bool_)
    bad[ballot[index < 0]] = True  # an empty text is no number either
    kept = ~bad[ballot]
    keys = np.sort(ballot[kept] * box.size + index[kept])
    twice = np.zeros(len(lines), np.bool_)
    twice[keys[1:][keys[1:] == keys[:-1]] // box.size] = True
    if bad.any():
        first = int(np.argmax(bad))
        place = int(np.flatnonzero(index[ballot == first] < 0)[0]) + 1
        box.refuse(words.STRANGER, int(bad.sum()), int(lines[first]), words.not_a_candidate(place))
    if twice.any():
        box.refuse(words.TWICE, int(twice.sum()), int(lines[np.argmax(twice)]))
    good = ~bad & ~twice
    box.count(int(good.sum()), index[good[ballot]])


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _events(text: str) -> Iterator[yaml.Event]:
    """The document's events. Raises InputError on anything that is no plain YAML."""
    depth = 0
    unprintable = _UNPRINTABLE.search(text)
    if unprintable:
        raise words_files.control_character(text.count("\n", 0, unprintable.start()) + 1)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            line = _line(event)
            if getattr(event, "anchor", None):  # aliases name their anchor, too
                raise words_files.aliases(line)
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > _MAX_DEPTH:
                raise words_files.too_deep(line, _MAX_DEPTH)
            yield event
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise words_files.not_yaml(mark.line + 1 if mark else 1, getattr(error, "problem", error)) from None


def _open(events: Iterator[yaml.Event]) -> int:
    """Go to the first key of the one mapping that the file is."""
    for event in events:
        if isinstance(event, yaml.MappingStartEvent):
            return _line(event)
        if not isinstance(event, yaml.StreamStartEvent | yaml.DocumentStartEvent):
            raise words_files.no_key_lines(_line(event))
    raise words_files.no_key_lines(1)


def _keys(events: Iterator[yaml.Event]) -> Iterator[tuple[int, str]]:
    """The mapping's keys, each to be followed by taking its value; then the end of the document."""
    for event in events:
        if isinstance(event, yaml.MappingEndEvent):
            break
        if not isinstance(event, yaml.ScalarEvent):
            raise words_files.no_yaml_key(_line(event))
        yield _line(event), event.value
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            raise words_files.several_documents(_line(event))


def _scalar(events: Iterator[yaml.Event], key: str) -> tuple[int, str]:
    event = next(events)
    line = _line(event)
    if not isinstance(event, yaml.ScalarEvent):
        raise words_files.no_single_value(line, key)
    return line, event.value


def _skip(events: Iterator[yaml.Event]) -> None:
    """Pass over one value, however deep."""
    depth = 0
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth == 0:
            return


def _profile(events: Iterator[yaml.Event]) -> Iterator[Ballot]:
    """The approval sets, entries as they are written."""
    event = next(events)
    if not isinstance(event, yaml.SequenceStartEvent):
        raise words_files.no_list_of_sets(_line(event))
    for event in events:
        if isinstance(event, yaml.SequenceEndEvent):
            return
        line = _line(event)
        if not isinstance(event, yaml.SequenceStartEvent):
            raise words_files.no_approval_set(line)
        approved = []
        for entry in events:
            if isinstance(entry, yaml.SequenceEndEvent):
                break
            if not isinstance(entry, yaml.ScalarEvent):
                raise words_files.no_number_in_set(_line(entry))
            approved.append(entry.value.strip())
        yield line, approved
