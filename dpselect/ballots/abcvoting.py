"""The abcvoting library's .abc.yaml files: `num_cand`, `profile` (a list of approval sets), `committeesize`.

Candidates are the numbers 0 to num_cand - 1, which is their name here too. The file is taken as a stream of YAML
events from the safe loader: nothing is constructed, aliases are refused and depth is capped, so a short file cannot
become a large one. A profile written as plain `- [0, 2]` lines, which is how the library writes it, means the same to
YAML and is read without it, many times faster. Keys that a tally does not need (description, compute) are skipped;
voter weights are refused.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import yaml

from dpselect.ballots.cells import STRANGER, index_of
from dpselect.ballots.model import MAX_CANDIDATES, BallotBox, CandidateList, Reading, Rules, fault, natural

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one where PyYAML was built with it
_MAX_DEPTH = 8
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_KEYS = frozenset({"num_cand", "profile", "committeesize", "compute", "description", "voter_weights"})

# A profile in lines; the next line, if there is one, begins another key.
_LINES = re.compile(
    r"^profile:[ ]*\n((?:(?: *)- \[(?:\d+(?:, ?\d+)*)?\][ ]*\n)+)(?=[A-Za-z]|\Z)", re.ASCII | re.MULTILINE
)
_INDENTS = re.compile(r"^ *(?=-)", re.MULTILINE)
_PIECE = 1 << 16  # ballots that are counted at once

# What a list of approval sets comes down to: the line of each ballot and its entries.
Ballot = tuple[int, list[str]]


def read(text: str, rules: Rules) -> Reading:
    """Read an .abc.yaml file. Raises InputError."""
    found = _LINES.search(text)
    plain = found[1].splitlines() if found else []
    if found and len(set(_INDENTS.findall(found[1]))) == 1:
        start = text.count("\n", 0, found.start(1)) + 1
        # Keys below keep their lines.
        rest = text[: found.start()] + "profile: []\n" + "\n" * len(plain) + text[found.end() :]
        ballots: Iterator[Ballot] = (
            (line, [entry.strip() for entry in ballot[ballot.index("[") + 1 : ballot.index("]")].split(",") if entry])
            for line, ballot in enumerate(plain, start)
        )
        return _counted(rest, ballots, rules)
    return _counted(text, None, rules)


def _counted(text: str, plain: Iterator[Ballot] | None, rules: Rules) -> Reading:
    """plain: the ballots, where they are known already."""
    numbers: dict[str, tuple[int, str]] = {}
    ballots: list[Ballot] | None = None
    seen: set[str] = set()
    events = _events(text)
    line = _open(events)
    for key_line, key in _keys(events):
        if key in seen or key not in _KEYS:
            raise fault(key_line, "expected each of num_cand, profile, committeesize, compute, description once")
        if key == "voter_weights":
            raise fault(key_line, "voter_weights: weighted votes are not taken")
        seen.add(key)
        if key == "profile":
            ballots = list(_profile(events))
        elif key == "num_cand":
            numbers[key] = _scalar(events, key)
        else:
            _skip(events)
    if "num_cand" not in numbers or ballots is None:
        raise fault(line, "the keys num_cand and profile are needed")
    line, value = numbers["num_cand"]
    count = natural(value, line, "num_cand")
    if not 1 <= count <= MAX_CANDIDATES:
        raise fault(line, f"num_cand: expected 1 to {MAX_CANDIDATES}")
    listed = CandidateList()
    for number in range(count):
        listed.add(str(number), line)
    candidates = listed.done(rules, line)
    box = BallotBox(count, rules)
    waiting = iter(ballots) if plain is None else plain
    while piece := list(itertools.islice(waiting, _PIECE)):
        _count(piece, candidates, box)
    return box.reading(candidates, "abc.yaml")


def _count(ballots: list[Ballot], candidates: tuple[str, ...], box: BallotBox) -> None:
    sizes = np.fromiter((len(approved) for _, approved in ballots), np.int64, len(ballots))
    entries = pa.array([entry for _, approved in ballots for entry in approved], pa.string())
    ballot = np.repeat(np.arange(len(ballots)), sizes)
    # An empty text is no number either.
    index = index_of(entries, candidates)
    bad = np.zeros(len(ballots), np.bool_)
    bad[ballot[index < 0]] = True
    kept = ~bad[ballot]
    keys = np.sort(ballot[kept] * box.size + index[kept])
    twice = np.zeros(len(ballots), np.bool_)
    twice[keys[1:][keys[1:] == keys[:-1]] // box.size] = True
    if bad.any():
        first = int(np.argmax(bad))
        place = int(np.flatnonzero(index[ballot == first] < 0)[0]) + 1
        box.refuse(STRANGER, int(bad.sum()), ballots[first][0], f"name {place} is not a candidate")
    if twice.any():
        box.refuse("the ballot names a candidate twice", int(twice.sum()), ballots[int(np.argmax(twice))][0])
    good = ~bad & ~twice
    box.count(int(good.sum()), index[good[ballot]])


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _events(text: str) -> Iterator[yaml.Event]:
    """The document's events. Raises InputError on anything that is no plain YAML."""
    depth = 0
    unprintable = _UNPRINTABLE.search(text)
    if unprintable:
        raise fault(text.count("\n", 0, unprintable.start()) + 1, "a control character, which YAML does not allow")
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            line = _line(event)
            if getattr(event, "anchor", None):  # aliases name their anchor, too
                raise fault(line, "anchors and aliases are not taken")
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > _MAX_DEPTH:
                raise fault(line, f"nested more than {_MAX_DEPTH} deep")
            yield event
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise fault(mark.line + 1 if mark else 1, f"not well-formed YAML: {getattr(error, 'problem', error)}") from None


def _open(events: Iterator[yaml.Event]) -> int:
    """Go to the first key of the one mapping that the file is."""
    for event in events:
        if isinstance(event, yaml.MappingStartEvent):
            return _line(event)
        if not isinstance(event, yaml.StreamStartEvent | yaml.DocumentStartEvent):
            raise fault(_line(event), "expected `key: value` lines with num_cand and profile")
    raise fault(1, "expected `key: value` lines with num_cand and profile")


def _keys(events: Iterator[yaml.Event]) -> Iterator[tuple[int, str]]:
    """The mapping's keys, each to be followed by taking its value; then the end of the document."""
    for event in events:
        if isinstance(event, yaml.MappingEndEvent):
            break
        if not isinstance(event, yaml.ScalarEvent):
            raise fault(_line(event), "expected a key")
        yield _line(event), event.value
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            raise fault(_line(event), "expected one YAML document")


def _scalar(events: Iterator[yaml.Event], key: str) -> tuple[int, str]:
    event = next(events)
    line = _line(event)
    if not isinstance(event, yaml.ScalarEvent):
        raise fault(line, f"{key}: expected one value")
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
        raise fault(_line(event), "profile: expected a list of approval sets")
    for event in events:
        if isinstance(event, yaml.SequenceEndEvent):
            return
        line = _line(event)
        if not isinstance(event, yaml.SequenceStartEvent):
            raise fault(line, "profile: expected an approval set such as [0, 2]")
        approved = []
        for entry in events:
            if isinstance(entry, yaml.SequenceEndEvent):
                break
            if not isinstance(entry, yaml.ScalarEvent):
                raise fault(_line(entry), "profile: expected candidates' numbers in an approval set")
            approved.append(entry.value.strip())
        yield line, approved
