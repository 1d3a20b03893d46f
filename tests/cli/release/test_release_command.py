from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from support.release_command import LOUD, released, run

from cli._errors import classify
from dpselect.accounting import BudgetKind, Cost
from dpselect.ledger import Ledger
from dpselect.privacy import NeighbouringRelation

ROWS = "name,raise,smoker\nalice,3800,yes\nbob,2514,no\ncarlos,2982,no\ndavid,3390,yes\n"
BOUNDS = ["--lower", "0", "--upper", "5000"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(ROWS)
    return path


def test_values(table: Path) -> None:
    raises = ["--column", "raise", *BOUNDS, *LOUD]
    assert released("sum", table, *raises)["value"] == 12686
    assert released("mean", table, *raises, "--n", 4)["value"] == 3171.5
    assert released("mean", table, *raises, "--neighbors", "add-remove")["value"] == 3171.5
    assert released("quantile", table, *raises, "--unit", 1)["value"] in range(2982, 3391)
    assert released("count", table, "--column", "smoker", "--equals", "yes", *LOUD)["value"] == 2
    assert released("count", table, "--column", "raise", "--lower", 2982, "--upper", 3390, *LOUD)["value"] == 2
    assert released("count", table, "--column", "raise", *LOUD)["value"] == 4
    assert released("count", table, *LOUD, "--neighbors", "add-remove")["value"] == 4
    cells = released("histogram", table, "--column", "smoker", "--categories", "yes,no,maybe", *LOUD)["value"]
    assert cells == {"yes": 2, "no": 2, "maybe": 0}
    cells = released("histogram", table, "--column", "raise", "--bins", "0,2982,3390,3800", *LOUD)["value"]
    assert cells == {"0..2982": 1, "2982..3390": 1, "3390..3800": 2}


def test_blank_cells_and_space_around_cells(table: Path) -> None:
    """A blank cell is not counted; space around a cell does not matter; bounds of a count are both included."""
    table.write_text("name,raise,smoker\na, 7 , yes \nb,,yes\nc,  ,\nd,9,no\n")
    assert released("count", table, "--column", "raise", *LOUD)["value"] == 2
    assert released("count", table, "--column", "smoker", "--equals", "yes", *LOUD)["value"] == 2
    cells = released("histogram", table, "--column", "smoker", "--categories", " yes , no", *LOUD)["value"]
    assert cells == {"yes": 2, "no": 1}
    table.write_text("v\n6\n7\n8\n9\n10\n")
    for bounds, rows in ((["--lower", 7], 4), (["--upper", 9], 4), (["--lower", 7, "--upper", 9], 3)):
        assert released("count", table, "--column", "v", *bounds, *LOUD)["value"] == rows


@pytest.mark.parametrize(("q", "answers"), [("0", [0, 1]), ("0.25", [3]), ("0.5", [5, 6]), ("0.9", [9]), ("1", [10])])
def test_a_quantile_is_the_one_asked_for(table: Path, q: str, answers: list[int]) -> None:
    """Of 1 to 10 with bounds 0 and 10: both ends of the grid can be the answer."""
    table.write_text("v\n" + "".join(f"{value}\n" for value in range(1, 11)))
    record = released("quantile", table, "--column", "v", "--lower", 0, "--upper", 10, "--unit", 1, "--q", q, *LOUD)
    assert record["value"] in answers
    assert record["q"] == q


def test_values_are_clamped_to_the_bounds(table: Path) -> None:
    clamped = ["--column", "raise", "--lower", "3000", "--upper", "3500", *LOUD]
    result = run("sum", table, *clamped)
    assert result.stdout == "sum  about 12,890 (with privacy noise; in 19 of 20 releases off by at most 0)\n"
    assert "clamp" not in result.stderr  # how many were is private


@pytest.mark.parametrize("form", [[], ["--json"]])
@pytest.mark.parametrize(
    ("words", "tables"),
    [
        ("sum --lower 0 --upper 9", ("0 9 9 0", "-5 9 11 0", "-5 10 11 -1")),
        ("mean --lower 0 --upper 9 --n 4", ("0 9 9 0", "-5 9 11 0", "-5 10 11 -1")),
        ("mean --lower 0 --upper 9 --neighbors add-remove", ("0 9 9 0", "-5 9 11 0", "-5 10 11 -1")),
        ("histogram --bins 0,9", ("0 9", "0 9 10", "-1 0 9 10 11")),
    ],
)
def test_how_many_rows_are_beyond_the_bounds_is_not_shown(
    table: Path, words: str, tables: tuple[str, ...], form: list[str]
) -> None:
    """The same exact result from rows on the bounds and from rows beyond them: nothing that is printed differs."""
    shown = []
    for rows in tables:
        table.write_text("\n".join(["v", *rows.split()]) + "\n")
        statistic, *options = words.split()
        result = run(statistic, table, "--column", "v", *options, *LOUD, *form)
        shown.append((result.exit_code, result.stdout, result.stderr))
    assert shown[0][0] == 0
    assert shown == shown[:1] * 3


def test_what_is_said_beforehand(table: Path) -> None:
    args = ["sum", table, "--column", "raise", *BOUNDS, "--epsilon", "1", "--unit", "1"]
    record = released(*args)
    assert (record["sensitivity"], record["scale"], record["neighbors"]) == (5000, 5000.0, "replace")
    assert record["error95"] == 14979  # 5000 ln 20 = 14978.7, rounded up to the unit
    assert released(*args, "--neighbors", "add-remove", "--contributions", 3)["sensitivity"] == 15000
    result = run(*args, "--plan")
    assert result.stdout == ""
    assert "error at 95 %: +-14979" in result.stderr


def test_the_ledger_shows_sequential_composition(table: Path, tmp_path: Path) -> None:
    book = Ledger.create(
        tmp_path / "budget.db",
        kind=BudgetKind.PURE,
        neighbors=NeighbouringRelation.REPLACE,
        budget=Cost(Fraction(1)),
    )
    args = ["count", table, "--column", "smoker", "--equals", "yes", "--ledger", book.path, "--dataset", "team"]
    assert released(*args, "--epsilon", "0.3")["ledger_remaining"] == 0.7
    assert released(*args, "--epsilon", "0.6")["ledger_remaining_exact"] == "1/10"
    assert released(*args, "--epsilon", "0.6", "--plan")["value"] is None
    refused = run(*args, "--epsilon", "0.2")
    assert refused.exception is not None
    assert classify(refused.exception)[0] == 6
    assert refused.stdout == ""
    assert [e.cost.amount for e in book.entries()] == [Fraction(3, 10), Fraction(6, 10)]
    other = run(*args, "--epsilon", "0.1", "--neighbors", "add-remove")
    assert other.exception is not None
    assert classify(other.exception)[0] == 6


@pytest.mark.parametrize(
    "args",
    [
        ["count", "--column", "smoker", "--equals", "yes"],
        ["sum", "--column", "raise", *BOUNDS],
        ["mean", "--column", "raise", *BOUNDS, "--n", "4"],
        ["histogram", "--column", "smoker", "--categories", "yes,no"],
        ["quantile", "--column", "raise", *BOUNDS, "--unit", "10"],
        ["threshold", "--column", "smoker", "--categories", "yes,no", "--at-least", "1"],
        ["table", "--by", "smoker", "--groups", "yes,no"],
    ],
    ids=lambda args: args[0],
)
def test_a_person_with_several_rows_costs_what_is_stated(args: list[str], table: Path, tmp_path: Path) -> None:
    """More rows of a person mean more noise, and the same charge."""
    book = Ledger.create(
        tmp_path / "b.db", kind=BudgetKind.PURE, neighbors=NeighbouringRelation.REPLACE, budget=Cost(Fraction(1))
    )
    released(
        args[0], table, *args[1:], "--contributions", "3", "--epsilon", "0.3", "--ledger", book.path, "--dataset", "d"
    )
    assert [entry.cost for entry in book.entries()] == [Cost(Fraction(3, 10))]


def test_bad_input_costs_no_budget(table: Path, tmp_path: Path) -> None:
    table.write_text(ROWS + "erin,a lot,no\n")
    book = Ledger.create(
        tmp_path / "b.db", kind=BudgetKind.PURE, neighbors=NeighbouringRelation.REPLACE, budget=Cost(Fraction(1))
    )
    args = ["sum", table, "--column", "raise", *BOUNDS, "--ledger", book.path, "--dataset", "team"]
    result = run(*args, "--epsilon", "1")
    assert result.exception is not None
    assert classify(result.exception)[0] == 3
    assert "line 6" in str(result.exception)
    assert "a lot" not in str(result.exception)
    assert book.entries() == []


def test_a_sum_that_drops_rows_has_the_noise_of_a_row_that_goes(table: Path) -> None:
    """Under replace a row may become one that is left out: then the sum moves by the whole upper bound."""
    args = ["sum", table, "--column", "raise", "--lower", "4000", "--upper", "5000", "--epsilon", "1"]
    assert released(*args)["sensitivity"] == 1000
    assert released(*args, "--on-invalid", "drop")["sensitivity"] == 5000


def test_dropping_is_silent(table: Path) -> None:
    args = ["sum", table, "--column", "raise", *BOUNDS, *LOUD, "--on-invalid", "drop"]
    before = run(*args)
    table.write_text(ROWS + "erin,a lot,no\n")
    after = run(*args)
    assert (after.stdout, after.stderr) == (before.stdout, before.stderr)


@pytest.mark.parametrize(
    ("args", "code", "text"),
    [
        (["sum", "--column", "raise", "--epsilon", "1"], 2, "2,995,732"),
        (
            ["mean", "--column", "raise", "--epsilon", "1", "--lower", "0"],
            2,
            "needs bounds: give --lower A and --upper B",
        ),
        (["sum", "--column", "raise", *BOUNDS, "--epsilon", "0"], 2, "epsilon"),
        (["sum", "--column", "nothing", *BOUNDS, "--epsilon", "1"], 3, "no column"),
        (["sum", *BOUNDS, "--epsilon", "1"], 2, "--column"),
        (["sum", "--column", "raise", "--lower", "9", "--upper", "1", "--epsilon", "1"], 2, "below"),
        (["mean", "--column", "raise", *BOUNDS, "--epsilon", "1"], 2, "public"),
        (["mean", "--column", "raise", *BOUNDS, "--epsilon", "1", "--n", "5"], 3, "number of rows"),
        (["mean", "--column", "raise", *BOUNDS, "--epsilon", "1", "--n", "3"], 3, "number of rows"),
        (["count", "--epsilon", "1"], 2, "public"),
        (["count", "--epsilon", "1", "--column", "raise", "--contributions", f"{10**400}"], 2, "at most 1,000,000,000"),
        (["histogram", "--column", "raise", "--epsilon", "1"], 2, "Give either --bins"),
        (["quantile", "--column", "raise", *BOUNDS, "--epsilon", "1", "--unit", "0.001"], 2, "--unit is too small"),
        (["count", "--epsilon", "1", "--neighbors", "add-remove", "--ledger", "x.db"], 2, "--dataset"),
    ],
)
def test_refusals(table: Path, args: list[str], code: int, text: str) -> None:
    result = run(args[0], table, *args[1:])
    assert result.exception is not None
    assert classify(result.exception)[0] == code, result.exception
    assert text in str(result.exception)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("", "is empty"),
        ("a,a\n1,2\n", "several columns are named 'a'"),
        ("raise\n1\n1,2\n", "line 3"),
        ('raise\n"1\n', "line"),
        ("raise\n1\0\n", "line 2"),
    ],
)
def test_malformed_files(tmp_path: Path, content: str, text: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(content)
    result = run("sum", path, "--column", "raise", *BOUNDS, "--epsilon", "1")
    assert result.exception is not None
    assert classify(result.exception)[0] == 3
    assert text in str(result.exception)
