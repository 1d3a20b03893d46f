"""Damaged ballots: the tally of a reader that shares no code; under drop never an error in formats of lines.

Of tables only rows below the header are damaged: the header is public, and no ballot is in it. Other files that are one
document are damaged anywhere. An error is right for a document where the slow reader finds none.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from support import slow_ballots as slow
from support import slow_documents
from support.ballot_tokens import TOKENS
from support.tables import ballots_of

from dpselect.ballots import OnInvalid, Reading, Rules
from psiselect.base.errors import InputError

NAMES = ["Ada", "Bo", "Çelik"]


@dataclass(frozen=True)
class Case:
    """A format: what is above the ballots and below them, ballots, and the slow reader of them."""

    head: str
    rows: list[str]
    slow: Callable[[bytes], slow.Ballots]
    tail: str = ""
    form: str | None = None
    names: bool = False


@dataclass(frozen=True)
class Document:
    """A format of documents; `slow` takes the whole file, and gives the number of candidates, too. breaks: whether it
    is a table whose cells may hold line breaks."""

    head: str
    rows: list[str]
    slow: Callable[[bytes], tuple[slow.Ballots, int] | None]
    tail: str = ""
    names: bool = False
    breaks: bool = False


_CAT = "".join(f"# ALTERNATIVE NAME {place}: {name}\n" for place, name in enumerate(NAMES, 1))
CASES = {
    "list": Case(
        "voter_id,approved\n",
        ["1,Ada", "\ufeff1,Bo", '2,"Ada, Bo"', "3,Bo;Çelik", '"4",', '1,"Çelik"', "ß,Ada|Bo", "SS,Bo", " ,Ada", '5,""'],
        lambda data: slow.lists(data, NAMES),
        names=True,
    ),
    "matrix": Case(
        "Ada,Bo,Çelik\n",
        ["1,0,0", "x,,", '"Yes",no,✓', ",,", "0,1,1", "TRUE,false,1.0"],
        lambda data: slow.matrix(data, NAMES),
    ),
    "numbered": Case(
        "approved_1,approved_2,approved_3\n",
        ["Ada,Bo,", ",,Çelik", '"Bo","Ada",Çelik', ",,", "Ada,Ada,", " Bo ,,C\u0327elik", "Ada,Zed,"],
        lambda data: slow.numbered(data, NAMES, 3),
        names=True,
    ),
    "pb": Case(
        "META\nkey;value\nvote_type;approval\nmax_length;2\nPROJECTS\nproject_id;name\n"
        + "".join(f"{name};Park\n" for name in NAMES) + "VOTES\nvote;age\n",
        ["Ada;30", "Ada,Bo;4", '"Çelik,Ada";', ";", "Bo,Bo;1", "Ada,Bo,Çelik;2", "VOTES;"],
        lambda data: slow.votes(data, NAMES, 2),
    ),
    "cat": Case(
        f"# DATA TYPE: cat\n# NUMBER ALTERNATIVES: 3\n# NUMBER CATEGORIES: 2\n{_CAT}",
        ["1: 1,{2,3}", "3: {1,2},3", "2: {},{1,2,3}", "10: {1,2,3}", " 4 :{3} , { 1 }", "# TITLE: late"],
        lambda data: slow.groups(data, 3, 2),
    ),
    "toc": Case(
        f"# DATA TYPE: toc\n# NUMBER ALTERNATIVES: 3\n{_CAT}",
        ["1: 1,2,3", "3: {1,2},3", "2: 3", "7: {2,3}", "# ALTERNATIVE NAME 4: Eve"],
        lambda data: slow.groups(data, 3, 99),
    ),
    "toi": Case(
        f"# DATA TYPE: toi\n# NUMBER ALTERNATIVES: 3\n# NUMBER VOTERS: 9\n{_CAT}",
        ["1: 2", "3: {1,3}", "2: 3,{1,2}", "12: 1,2", "1:{3}, {2 ,1}", "2: {1,2,3}", "# NUMBER VOTERS: 4"],
        lambda data: slow.groups(data, 3, 99),
    ),
    "blt": Case(
        "3 1\n", ["1 1 2 0", "3 3 0", "2 0", "1 1=2 3 0", "1 - 2 0", "# none", "2 2 0 # two",  "0", '"Ada"', "-2"],
        lambda data: slow.ranked(data, 3), '0\n"Ada"\n"Bo"\n"Çelik"\n"Club"\n', "blt",
    ),
}  # fmt: skip


# Files that are one document.
DOCUMENTS = {
    "breaks": Document(
        "id,approved\n",
        ['1,"Ada\nBo"', "2,Bo", '3,"Ada; Bo\r\nÇelik"', '"4","Çelik"', "5,", '6,"Ada, ""Bo"""', '7,"\n"'],
        lambda data: slow_documents.lists_with_breaks(data, NAMES),
        names=True,
        breaks=True,
    ),
    "abc.yaml": Document(
        "num_cand: 3\nprofile:\n",
        ["- [0, 1]", "- [2]", "- []", "- [0,1,2]", "-\n  - 1\n  - '0'", "- [1] # note", "- [1, 1]", "- [7]"],
        slow_documents.abcvoting,
        "committeesize: 2\ncompute:\n- {rule_id: av, result: [[0], [1]]}\n",
    ),
    "belenios": Document(
        '{"result": [[',
        ["[1,0,0],", "[0, 1, 1],", "[0,0,0],", "[1,1,1],", "[1,0],", '[1,0,"x"],', "[2,0,0],", "[true,0,1],"],
        lambda data: slow_documents.belenios(data, 3),
        '[0,1,0]]], "note": {"n": [1.5e2, null]}}',
        names=True,
    ),
}


def changed(data: bytes, rng: random.Random) -> bytes:
    """Up to five changes of bytes, lines and tokens."""
    for _ in range(rng.choice((0, 1, 1, 2, 3, 5))):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.choice((1, 1, 2, 8)))
        match rng.randrange(5):
            case 0:
                data = data[:at] + bytes([rng.randrange(256)]) + data[end:]
            case 1:
                data = data[:at] + data[end:]
            case 2:
                data = data[:end] + data[at:end] * rng.choice((1, 3)) + data[end:]
            case _:
                data = data[:at] + rng.choice(TOKENS) + data[at:]
    return data


def rows_of(rows: list[str], rng: random.Random) -> bytes:
    """Up to twelve rows, whose lines end in LF or CRLF."""
    return "".join(row + rng.choice(["\n", "\n", "\r\n"]) for row in rng.choices(rows, k=rng.randrange(1, 13))).encode()


def tally_of(reading: Reading) -> tuple[int, list[int]]:
    return reading.profile.voters, reading.profile.tally().tolist()


def expected_of(ballots: slow.Ballots, size: int) -> tuple[int, list[int]]:
    counts = [sum(times for ballot, times in ballots if place in ballot) for place in range(size)]
    return sum(times for _, times in ballots), counts


def run(name: str, count: int, seed: int) -> dict[str, int]:
    case, rng = CASES[name], random.Random(f"{name} {seed}")
    seen = {"same": 0, "error": 0, "dropped": 0}
    for number in range(count):
        rows = changed(rows_of(case.rows, rng), rng)
        if case.tail and not rows.endswith(b"\n"):
            rows += b"\n"
        data = case.head.encode() + rows + case.tail.encode()
        wanted = expected_of(case.slow(rows), 3)
        names = tuple(NAMES) if case.names else None
        lenient = ballots_of(data, Rules(names, OnInvalid.DROP), form=case.form)
        assert tally_of(lenient) == wanted, (name, number, rows)
        assert lenient.warnings == ()
        seen["dropped"] += bool(lenient.left_out)
        if lenient.left_out and number % 8:
            continue  # most files; whether each is an error is looked at less often
        try:
            strict = ballots_of(data, Rules(names), form=case.form)
        except InputError:
            assert lenient.left_out, rows
            seen["error"] += 1
        else:
            assert not lenient.left_out, rows
            assert tally_of(strict) == wanted
            seen["same"] += 1
    return seen


def run_documents(name: str, count: int, seed: int) -> dict[str, int]:
    case, rng = DOCUMENTS[name], random.Random(f"{name} {seed}")
    seen = {"read": 0, "dropped": 0, "refused": 0}
    rules = Rules(tuple(NAMES) if case.names else None, OnInvalid.DROP)
    form = "csv" if case.breaks else name
    for number in range(count):
        rows = rows_of(case.rows, rng)
        head, tail = case.head.encode(), case.tail.encode()
        of_rows = number % 2 or case.breaks
        data = head + changed(rows, rng) + tail if of_rows else changed(head + rows + tail, rng)
        found = case.slow(data)
        try:
            lenient = ballots_of(data, rules, form=form, line_breaks=case.breaks)
        except InputError:
            seen["refused"] += 1
            assert found is None, (name, number, data)
            continue
        assert found is not None, (name, number, data)
        assert tally_of(lenient) == expected_of(*found), (name, number, data)
        seen["read"] += 1
        seen["dropped"] += bool(lenient.left_out)
    return seen


@pytest.mark.parametrize("name", CASES)
def test_rows_damaged_in_any_way_are_read_as_a_slow_reader_reads_them(name: str) -> None:
    seen = run(name, 150, 1)
    assert min(seen.values()) >= 5, seen  # the damage reaches both ends, or it tests nothing


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10, 20))
@pytest.mark.parametrize("name", CASES)
def test_a_hundred_thousand_damaged_files_of_each_format(name: str, seed: int) -> None:
    run(name, 10_000, seed)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_damaged_in_any_way_are_read_as_a_slow_reader_reads_them(name: str) -> None:
    seen = run_documents(name, 150, 1)
    assert min(seen.values()) >= 5, seen


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10, 20))
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_hundred_thousand_damaged_documents_of_each_format(name: str, seed: int) -> None:
    run_documents(name, 10_000, seed)
