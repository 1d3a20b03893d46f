"""Damaged ballots in formats of lines: under drop never an error, and the tally of a reader that shares no code.

Only rows below the header are damaged: the header is public, and no ballot is in it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from support import slow_ballots as slow
from support.ballot_tokens import TOKENS
from support.tables import ballots_of

from dpselect.ballots import OnInvalid, Rules
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
        lambda data: slow.matrix(data, 3),
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
    "blt": Case(
        "3 1\n", ["1 1 2 0", "3 3 0", "2 0", "1 1=2 3 0", "1 - 2 0", "0", '"Ada"', "-2"],
        lambda data: slow.ranked(data, 3), '0\n"Ada"\n"Bo"\n"Çelik"\n"Club"\n', "blt",
    ),
}  # fmt: skip


def damaged(rows: list[str], rng: random.Random) -> bytes:
    """Up to twelve rows, with up to five changes of bytes, lines and tokens; perhaps without the last line break."""
    data = "".join(row + rng.choice(["\n", "\n", "\r\n"]) for row in rng.choices(rows, k=rng.randrange(1, 13))).encode()
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


def run(name: str, count: int, seed: int) -> dict[str, int]:
    case, rng = CASES[name], random.Random(f"{name} {seed}")
    seen = {"same": 0, "error": 0, "dropped": 0}
    for number in range(count):
        rows = damaged(case.rows, rng)
        if case.tail and not rows.endswith(b"\n"):
            rows += b"\n"
        data = case.head.encode() + rows + case.tail.encode()
        expected = case.slow(rows)
        counts = [sum(times for ballot, times in expected if place in ballot) for place in range(3)]
        wanted = (sum(times for _, times in expected), counts)
        names = tuple(NAMES) if case.names else None
        lenient = ballots_of(data, Rules(names, OnInvalid.DROP), form=case.form)
        found = lenient.profile.voters, lenient.profile.tally().tolist()
        assert found == wanted, (name, number, rows)
        assert lenient.warnings == ()
        seen["dropped"] += bool(lenient.left_out)
        try:
            strict = ballots_of(data, Rules(names), form=case.form)
        except InputError:
            assert lenient.left_out, rows
            seen["error"] += 1
        else:
            assert (strict.profile.voters, strict.profile.tally().tolist()) == wanted
            seen["same"] += 1
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
