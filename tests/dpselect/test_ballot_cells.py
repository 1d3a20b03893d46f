"""Cells that hold names: one reading, by the candidates alone, and the same as a slow reader that tries everything."""

from __future__ import annotations

import itertools
import random
import re
import unicodedata

import pyarrow as pa
import pytest

from dpselect.ballots.cells import CellReader, index_of
from dpselect.ballots.decodable import separators, two_readings
from dpselect.ballots.model import Other, Rules
from dpselect.names import clean
from psiselect.base.errors import InputError

Reading = tuple[str, ...]


def readings(cell: str, names: list[str], cuts: str = ";,|\n\r") -> set[Reading]:
    """Every way to take a cell apart into names; empty ones are left out."""
    spelt = {re.sub(rf"\s*([{re.escape(cuts)}])\s*", r"\1", clean(name)): name for name in names}
    pieces = re.split(f"([{re.escape(cuts)}])", clean(cell))
    found: dict[int, set[Reading]] = {len(pieces) + 1: {()}}
    for at in range(len(pieces) - 1, -1, -2):
        ways: set[Reading] = set()
        for end in range(at, len(pieces), 2):
            text = "".join(part.strip() if place % 2 == 0 else part for place, part in enumerate(pieces[at : end + 1]))
            first = () if text == "" and end == at else (spelt[text],) if text in spelt else None
            if first is not None:
                ways |= {(*first, *rest) for rest in found[end + 2]}
        found[at] = ways
    return found[0]


def read(cells: list[str], names: list[str], **how: object) -> list[Reading | None]:
    reader = CellReader(names, **how)  # type: ignore[arg-type]
    found = reader.read(pa.array(cells, pa.string()))
    named: list[list[str]] = [[] for _ in cells]
    for cell, candidate in zip(found.cell.tolist(), found.candidate.tolist(), strict=True):
        named[cell].append(names[candidate])
    return [None if bad else tuple(got) for got, bad in zip(named, found.bad.tolist(), strict=True)]


def made_up(rng: random.Random, count: int, sizes: tuple[int, ...], pieces: str) -> list[str]:
    """Names of so many pieces, with separators between them."""
    return sorted({rng.choice(",;").join(rng.choices(pieces, k=rng.choice(sizes))) for _ in range(count)})


def test_a_cell_is_read_by_the_list_of_candidates() -> None:
    names = ["Ada", "Smith, John", "Bo | Co", "Çelik"]
    cells = [
        "Ada;Smith, John",
        "Smith,John|Ada,",
        ";;Ada ; Ada",
        "",
        " ",
        "Bo|Co\nÇelik",
        "C\u0327elik",
        "Smith",
    ]
    assert read(cells, names) == [
        ("Ada", "Smith, John"), ("Ada", "Smith, John"), ("Ada",), (), (), ("Bo | Co", "Çelik"), ("Çelik",), None,
    ]  # fmt: skip


def test_every_space_is_a_plain_one_as_in_names() -> None:
    spaces = [chr(code) for code in range(0x3001) if unicodedata.category(chr(code)) == "Zs"]
    assert read([f"A{space}B;{space}C" for space in spaces], ["A B", "C"]) == [("A B", "C")] * 17


def test_one_separator_alone_when_it_is_named() -> None:
    names = ["A,B", "A", "B,C", "C"]
    assert read(["A,B;C", "A;B,C", "A,B,C", "A|C"], names, separator=";") == [("A,B", "C"), ("A", "B,C"), None, None]
    assert read(["A, B & C", "A"], ["A, B", "C", "A"], separator="&") == [("A, B", "C"), ("A",)]
    with pytest.raises(InputError, match=r"two meanings: either 'A' and 'B,C', or 'A,B' and 'C'"):
        CellReader(names)


def test_other_texts_are_ignored_when_that_is_chosen() -> None:
    for names in (["Ada", "Bo"], ["Ada", "Bo", "Smith, John"]):
        assert read(["Ada;my dog", "none", "Bo"], names) == [None, None, ("Bo",)]
        assert read(["Ada;my dog", "none", "x,Bo,Ada"], names, other=Other.IGNORE) == [("Ada",), (), ("Ada", "Bo")]
    # What can be read without leaving anything out is read so.
    assert read(["A,B,C,D"], ["A", "A,B", "B,C,D"], other=Other.IGNORE) == [("A", "B,C,D")]


def test_the_place_and_the_likely_separator_are_told_and_no_text() -> None:
    reader = CellReader(["Ada", "Bo"], ";")
    assert reader.problem("Ada;Zed;Bo") == "name 2 on the ballot is not a candidate"
    assert (
        reader.problem("Ada,Bo")
        == "name 1 on the ballot is not a candidate. If ',' stands between the names, use --separator"
    )
    assert reader.problem(";Ada; Zed", show=True) == "name 2 on the ballot is not a candidate, in the cell ';Ada; Zed'"
    assert CellReader.of(Rules(separator="/"), ["Ada"]).problem("Ada/Bo") == "name 2 on the ballot is not a candidate"


def test_names_alone_in_a_cell_keep_their_separators() -> None:
    assert index_of(pa.array(["A,B", " a ", "", "B"]), ["A,B", "a"]).tolist() == [0, 1, -1, -2]


@pytest.mark.parametrize(
    ("names", "ambiguous"),
    [
        (["A", "B", "C"], False),
        (["A,B", "B,C", "A", "C"], True),
        (["A,B", "A"], False),  # "B" alone is nobody
        (["A,B", "A", "B"], True),
        (["A,B", "A, B"], True),
        (["A,B", "A|B"], False),
        (["A,", "A"], True),
        (["A,"], False),
        ([","], True),
        (["a,b,b,b", "a", "b,b,b,c", "c"], True),
        (["a,b", "b,a", "a"], True),  # a,b,a
    ],
)
def test_lists_under_which_a_cell_has_two_readings(names: list[str], ambiguous: bool) -> None:
    found = two_readings(names, separators(None))
    assert (found is not None) == ambiguous
    if found is not None:
        assert found[0] != found[1]


def test_the_test_agrees_with_trying_every_cell() -> None:
    """All cells of up to 5 pieces, for many lists of names; and what is shown as two readings is one cell."""
    rng, seen = random.Random(5), {True: 0, False: 0}
    cells = [
        "".join(itertools.chain(*itertools.zip_longest(pieces, cuts, fillvalue="")))
        for size in range(1, 6)
        for pieces in itertools.product("ab", repeat=size)
        for cuts in [rng.choices(",;", k=size - 1)]
    ] + [",".join(pieces) for size in range(1, 6) for pieces in itertools.product(["a", "b", ""], repeat=size)]
    for _ in range(80):
        names = made_up(rng, 4, (1, 1, 2, 2, 3), "abc")
        found = two_readings(names, separators(None))
        if found is None:
            assert all(len(readings(cell, names)) <= 1 for cell in cells), names
        else:
            one, other = found
            joined = {"".join(itertools.chain(*zip(one, (*cut, ""), strict=True)))
                      for cut in itertools.product(",;", repeat=max(len(one) - 1, 0))}  # fmt: skip
            assert any(other in readings(cell, names) for cell in joined), (names, found)
        seen[found is None] += 1
    assert min(seen.values()) > 10


def test_cells_are_read_as_the_slow_reader_reads_them() -> None:
    rng = random.Random(6)
    for _ in range(60):
        names = made_up(rng, 3, (1, 1, 2, 3), "abé")
        if two_readings(names, separators(None)) is not None:
            continue
        cells = sorted({
            rng.choice(["", " ", ","])
            + rng.choice([";", ", ", "|"]).join(rng.choices([*names, "a", "", "x"], k=rng.randrange(4)))
            for _ in range(40)
        })  # fmt: skip
        for cell, found in zip(cells, read(cells, names), strict=True):
            slow = readings(cell, names)
            assert found == (None if not slow else tuple(sorted(set(next(iter(slow))), key=names.index))), (cell, names)
