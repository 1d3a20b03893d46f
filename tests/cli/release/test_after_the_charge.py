"""No outcome after the charge depends on data: whatever stands in a column, what is paid for is released.

Columns are mutated text: numbers of any size and form, names, blanks, control characters. A run may refuse the column
before it charges; once it has charged, it ends with exit code 0 and a result.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli._errors import classify
from cli.release import command as release
from dpselect.accounting import Event, rho_of_epsilon
from psiselect.base import threads
from psiselect.releases import common, tabling

PIECES = [
    *(
        "",
        " ",
        "0",
        "-0",
        "7",
        "7.25",
        "1e-40",
        "1e99",
        "-1e99",
        "9" * 40,
        "0." + "3" * 38,
        ".5",
        "5.",
        "+3",
        "1e",
        "--1",
    ),
    *("nan", "inf", "1,5", "1_000", "0x10", "1/3", "٣", "yes", "no", "Yes", "y\u0301es", "\u00a0yes", "maybe", "a;b"),
    *("\ufeff", "\u200b", "\u202e", "\x7f", '"', "'", "=1+1", "-", "None", "true", "2024-02-30"),
]
BOUNDS = ["--lower", "-3", "--upper", "7"]
CROSSED = ["--by", "v", "--groups", "yes,7", "--other", "rest", "--by", "p", "--groups", "a,b,c"]
WIDE_BOUNDS = ["--lower", "-1e30", "--upper", "1e30", "--unit", "1e-9"]
STATISTICS = [
    ["count", "--column", "v"],
    ["count", "--column", "v", "--equals", "yes"],
    ["count", "--column", "v", "--lower", "-3", "--upper", "1e9"],
    ["sum", "--column", "v", "--lower", "-3", "--upper", "7"],
    ["sum", "--column", "v", "--lower", "-1e99", "--upper", "1e99", "--unit", "1e-10"],
    ["mean", "--column", "v", "--lower", "-3", "--upper", "7", "--n", "5"],
    ["mean", "--column", "v", "--lower", "0", "--upper", "7", "--neighbors", "add-remove"],
    ["histogram", "--column", "v", "--bins", "0,7,1e9"],
    ["histogram", "--column", "v", "--categories", "yes,no"],
    ["histogram", "--column", "v", "--categories", "yes,no", "--other", "rest"],
    ["table", "--by", "v", "--groups", "yes,no,7", "--neighbors", "add-remove"],
    ["table", "--by", "v", "--by", "p", "--delta", "0.1", "--statistic", "sum", "--column", "v", *BOUNDS],
    ["table", "--by", "p", "--groups", "a,b,c", "--statistic", "mean", "--column", "v", *BOUNDS],
    ["table", *CROSSED, "--statistic", "mean", "--statistic", "sum", "--column", "v", *WIDE_BOUNDS],
    ["table", "--by", "v", "--noise", "gaussian", "--delta", "0.1", "--rows-per-group", "1"],
    ["threshold", "--column", "v", "--categories", "yes,7,no", "--at-least", "1"],
    ["quantile", "--column", "v", "--lower", "-3", "--upper", "7", "--q", "0.25"],
    ["quantile", "--column", "v", "--lower", "1e-38", "--upper", "5e-38", "--unit", "1e-38"],
    ["quantile", "--column", "v", "--lower", "1e38", "--upper", "5e38", "--unit", "1e37"],
]


def columns(dice: random.Random) -> Iterator[list[str]]:
    """Cells of five rows: pieces, pieces put together, and mutated ones; every other column of numbers alone."""
    numbers = [piece for piece in PIECES if any(c.isdigit() for c in piece) and piece.isascii() and "_" not in piece]
    while True:
        pool = numbers if dice.random() < 0.5 else PIECES
        cells = [dice.choice(pool) for _ in range(5)]
        if dice.random() < 0.3:
            at = dice.randrange(5)
            cells[at] += dice.choice(PIECES)
        if dice.random() < 0.3:
            at, where = dice.randrange(5), dice.randrange(3)
            cells[at] = cells[at][:where] + chr(dice.choice([*range(32, 127), 0xE9, 0x301, 0x2003])) + cells[at][where:]
        yield cells


def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: int, seed: int) -> None:
    charged: list[Event] = []

    def charge(_: object, event: Event, price: str = "") -> None:
        charged.append(event)

    monkeypatch.setattr(common, "charge", charge)
    # Neither looks at the data: a conversion that is the same in each run, and a probe whether threads are granted.
    monkeypatch.setattr(tabling, "rho_of_epsilon", cache(rho_of_epsilon))
    monkeypatch.setattr(threads, "require", lambda _: None)
    dice, table, runner = random.Random(seed), tmp_path / "t.csv", CliRunner()
    source, ends = columns(dice), {"released": 0, "refused": 0}
    for place in range(runs):
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([("p", "v"), *((dice.choice("abc"), cell) for cell in next(source))])
        table.write_text(text.getvalue(), encoding="utf-8")
        words = [*STATISTICS[place % len(STATISTICS)], "--epsilon", "1", "--on-invalid", dice.choice(["error", "drop"])]
        words += dice.choice(
            [[], ["--person", "p"], ["--person", "p", "--contributions", "2"], ["--contributions", "2"]]
        )
        charged.clear()
        result = runner.invoke(release.command, [words[0], str(table), *words[1:], "--json"])
        if charged:
            assert result.exit_code == 0, (words, table.read_bytes(), result.exception)
            assert '"value": ' in result.stdout
            ends["released"] += 1
        else:
            assert result.exception is not None
            assert classify(result.exception)[0] in (2, 3), (words, table.read_bytes(), result.exception)
            ends["refused"] += 1
    assert min(ends.values()) > runs // 10, ends


def test_what_is_paid_for_is_released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(tmp_path, monkeypatch, 120, seed=1)


@pytest.mark.soak
def test_what_is_paid_for_is_released_of_100_000_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(tmp_path, monkeypatch, 100_000, seed=2)
