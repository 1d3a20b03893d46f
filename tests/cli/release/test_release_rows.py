"""Which rows a release counts: persons, categories, invalid values, blank lines; and what is said about them."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from support.release_command import LOUD, released, run

from cli._errors import classify
from dpselect.accounting import BudgetKind, Cost
from dpselect.ledger import Ledger
from dpselect.privacy import NeighbouringRelation

BOUNDS = ["--lower", "0", "--upper", "100"]
SHOP = "user,amount,city\n" + "u1,100,Bonn\n" * 9 + "u2,10,Köln\nu3,10,Bonn\n\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(SHOP)
    return path


def refused(code: int, *args: object) -> str:
    result = run(*args)
    assert result.exception is not None
    assert classify(result.exception)[0] == code, result.exception
    assert result.stdout == ""
    return str(result.exception)


# ------------------------------------------------------------------------------------------ persons


def test_so_many_rows_of_each_person_count(table: Path) -> None:
    for most, value in ((1, 120), (2, 220), (20, 920)):
        args = ["--column", "amount", *BOUNDS, "--person", "user", "--contributions", most, *LOUD]
        record = released("sum", table, *args)
        assert (record["value"], record["person"], record["contributions"]) == (value, "user", most)
    person = ["--person", "user", "--contributions", 2, *LOUD]
    assert released("count", table, *person, "--neighbors", "add-remove")["value"] == 4
    assert released("count", table, *person)["value"] == 4  # the number of rows kept is private
    assert released("count", table, "--column", "city", "--equals", "Bonn", *person)["value"] == 3
    cells = released("histogram", table, "--column", "city", "--categories", "Bonn,Köln", *person)["value"]
    assert cells == {"Bonn": 3, "Köln": 1}
    args = ["--column", "amount", *BOUNDS, *person]
    assert released("mean", table, *args, "--neighbors", "add-remove")["value"] == 55
    assert released("quantile", table, *args, "--unit", 1, "--q", 1)["value"] == 100


def test_the_noise_is_that_of_persons(table: Path) -> None:
    """From 20 to 60: a person with fewer rows than C, or none that counts, moves a sum under replace by C * 60."""
    args = ["sum", table, "--column", "amount", "--lower", 20, "--upper", 60, "--epsilon", 1, "--unit", 1, "--plan"]
    for more, sensitivity in (
        ([], 40),
        (["--contributions", 5], 300),
        (["--person", "user"], 60),
        (["--person", "user", "--contributions", 5], 300),
        (["--person", "user", "--contributions", 5, "--neighbors", "add-remove"], 300),
    ):
        assert released(*args, *more)["sensitivity"] == sensitivity
    said = run(*args, "--person", "user", "--contributions", 5).stderr
    assert "at most 5 rows of each person; hides changes of up to 300" in said
    assert "at most 1 row of each person" in run(*args, "--person", "user").stderr


def test_a_mean_of_persons_under_replace_is_over_their_public_number(table: Path) -> None:
    args = ["mean", table, "--column", "amount", *BOUNDS, "--person", "user", *LOUD]
    assert released(*args, "--n", 3)["value"] == 40
    for wrong in (2, 4, 11):
        assert "is not the number of persons" in refused(3, *args, "--n", wrong)
    assert "a mean does not hide its number of rows" in refused(2, *args, "--contributions", 2, "--n", 4)
    # Somebody without a value counts as the middle: (100 + 10 + 50)/3.
    table.write_text(SHOP.replace("u3,10", "u3,?"))
    assert released(*args, "--n", 3, "--on-invalid", "drop")["value"] == pytest.approx(160 / 3)


def test_persons_are_compared_as_names_are(table: Path) -> None:
    table.write_text("who,v\n Zoë,1\nZoe\u0308,1\nZoë\u00a0,1\nzoë,1\n", encoding="utf-8")
    assert released("count", table, "--person", "who", "--neighbors", "add-remove", *LOUD)["value"] == 2


def test_a_row_of_nobody_stops_or_is_left_out(table: Path) -> None:
    table.write_text("who,v\na,1\n ,2\n")
    args = ["sum", table, "--column", "v", *BOUNDS, "--person", "who", *LOUD]
    assert "line 3: the column 'who' is empty" in refused(3, *args)
    assert released(*args, "--on-invalid", "drop")["value"] == 1
    assert "no column 'nobody'" in refused(3, *args[:-3], "nobody", *LOUD)


def test_the_person_can_be_the_column_that_is_counted(table: Path) -> None:
    args = ["histogram", table, "--column", "user", "--categories", "u1,u2,u3", "--person", "user", *LOUD]
    assert released(*args)["value"] == {"u1": 1, "u2": 1, "u3": 1}


def test_the_number_of_persons_is_public_under_replace(table: Path) -> None:
    assert "total number of persons is public" in refused(2, "count", table, "--person", "user", *LOUD)


@pytest.mark.parametrize("name", ["user", "id", "customer_id", "userId", "Patient", "E-Mail", "account id", "UID"])
def test_a_column_that_looks_like_an_id_and_repeats_is_noted(table: Path, name: str) -> None:
    table.write_text(SHOP.replace("user", name))
    args = ["sum", table, "--column", "amount", *BOUNDS, *LOUD]
    said = run(*args).stderr
    assert f"the column '{name}' seems to identify persons, and some of its values are in more than 1 row." in said
    assert "u1" not in said
    assert "seems to identify" in run(*args, "--contributions", 8).stderr
    for quiet in (["--contributions", 9], ["--person", name]):
        assert "seems to identify" not in run(*args, *quiet).stderr


@pytest.mark.parametrize("name", ["city", "paid", "kid", "grid", "usernote", "amount_valid"])
def test_other_columns_are_not_noted(table: Path, name: str) -> None:
    table.write_text(SHOP.replace("user", name))
    assert "seems to identify" not in run("sum", table, "--column", "amount", *BOUNDS, *LOUD).stderr


# ------------------------------------------------------------------------------------------ categories and text


def test_categories_are_a_row_of_csv_or_lines_of_a_file(table: Path, tmp_path: Path) -> None:
    table.write_text('dept\n"Smith, Jones & Co"\nSales\nSales\n""\n')
    args = ["histogram", table, "--column", "dept", *LOUD]
    expected = {"Smith, Jones & Co": 1, "Sales": 2}
    assert released(*args, "--categories", ' "Smith, Jones & Co", Sales ')["value"] == expected
    names = tmp_path / "names.txt"
    names.write_bytes("\ufeffSmith, Jones & Co\r\n\r\n Sales \r\n".encode())
    assert released(*args, "--categories-file", names)["value"] == expected
    assert "cannot be used together" in refused(2, *args, "--categories", "Sales", "--categories-file", names)
    assert "names separated by commas" in refused(2, *args, "--categories", '"Sales')
    assert "cannot read" in refused(3, *args, "--categories-file", tmp_path / "none.txt")
    names.write_bytes(b"\xff")
    assert "not UTF-8" in refused(3, *args, "--categories-file", names)


def test_what_is_no_category_stops_or_has_a_name(table: Path) -> None:
    table.write_text("n,dept\n1,a\n2,b\n3,\n4,c\n")
    args = ["histogram", table, "--column", "dept", "--categories", "a,b", *LOUD]
    message = refused(3, *args)
    assert "line 5: the value in the column 'dept' is not one of the categories" in message
    assert released(*args, "--on-invalid", "drop")["value"] == {"a": 1, "b": 1}
    assert released(*args, "--other", " rest ")["value"] == {"a": 1, "b": 1, "rest": 2}
    assert "named twice" in refused(2, *args, "--other", "a")
    bins = ("--column", "n", "--bins", "1,9", "--other", "x")
    assert "With --bins, add edges" in refused(2, "histogram", table, *bins, *LOUD)


def test_text_is_compared_as_names_are(table: Path) -> None:
    table.write_text("smoker\nyes\nyes \n yes\u00a0\nYes\nye\u0301s\ny\u00e9s\n", encoding="utf-8")
    count = ["count", table, "--column", "smoker", *LOUD, "--equals"]
    assert released(*count, " yes\u2003")["value"] == 3
    assert released(*count, "ye\u0301s")["value"] == 2
    cells = released("histogram", table, "--column", "smoker", "--categories", "ye\u0301s ,yes, Yes", *LOUD)["value"]
    assert cells == {"y\u00e9s": 2, "yes": 3, "Yes": 1}


def test_blank_lines_of_one_column_are_rows(table: Path) -> None:
    table.write_text("v\n1\n\n3\n")
    assert released("count", table, "--neighbors", "add-remove", *LOUD)["value"] == 3
    args = ["mean", table, "--column", "v", "--lower", 0, "--upper", 4, *LOUD, "--n", 3]
    assert "line 3" in refused(3, *args)
    assert released(*args, "--on-invalid", "drop")["value"] == 2


# ------------------------------------------------------------------------------------------ means and quantiles


@pytest.mark.parametrize("on_invalid", ["error", "drop"])
def test_the_public_number_is_that_of_all_rows(table: Path, on_invalid: str) -> None:
    table.write_text("n,v\n1,30\n2,30\n3,?\n" if on_invalid == "drop" else "n,v\n1,30\n2,30\n3,40\n")
    args = ["mean", table, "--column", "v", "--lower", 20, "--upper", 60, *LOUD, "--on-invalid", on_invalid]
    record = released(*args, "--n", 3)
    assert record["value"] == pytest.approx(100 / 3)
    assert record["sensitivity"] == pytest.approx(40 / 3)
    for wrong in (2, 4):
        assert "is not the number of rows" in refused(3, *args, "--n", wrong)


@pytest.mark.parametrize("odd", ["1e-40", "1e99", "-1e99", "0.1234567890123456789012345678901234567890", "7.25"])
def test_one_odd_value_does_not_move_a_quantile(table: Path, odd: str) -> None:
    """Nor can it end the release once it is paid for."""
    table.write_text("w\n" + "7.25\n" * 1000 + f"{odd}\n")
    for mechanism in ([], ["--q", "0.25"]):
        record = released("quantile", table, "--column", "w", *BOUNDS, "--epsilon", 10, *mechanism)
        assert record["value"] == 7.2


# ------------------------------------------------------------------------------------------ what cannot be written


@pytest.mark.parametrize(
    "words",
    [
        ["release", "count", "rows.csv", "--column", "city", "--equals", "Bonn", "--json"],
        ["release", "histogram", "rows.csv", "--column", "city", "--categories", "Bonn,Köln"],
        ["select", "rows.csv", "--label", "city", "--score", "amount", "--sensitivity", "1"],
        ["poll", "respond", "--answer", "yes", "--json"],
    ],
    ids=lambda words: words[0],
)
def test_a_result_that_cannot_be_written_is_charged_and_said_so(words: list[str], table: Path, tmp_path: Path) -> None:
    if words[0] == "select":
        table.write_text("city,amount\nBonn,1\nKöln,2\n")
    book = Ledger.create(
        tmp_path / "b.db", kind=BudgetKind.PURE, neighbors=NeighbouringRelation.REPLACE, budget=Cost(Fraction(9))
    )
    relation = [] if words[0] == "poll" else ["--neighbors", "replace"]
    paid = ["--ledger", "b.db", "--dataset", "d", "--epsilon", "1", *relation]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "psiselect", *words, *paid],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 3, done.stderr
    assert "charged for the result, but the result could not be written: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(book.entries()) == 1
