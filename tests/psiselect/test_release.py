"""`psiselect.release`: the same numbers, guarantees and charges as `psiselect release`, of any table."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars
import pytest
from support.both_ways import HELD, LOUD, printed

import psiselect
from dpselect.accounting import Cost
from psiselect import release

ROWS = "name,raise,smoker\nalice,3800,yes\nbob,2514,no\ncarlos,2982,no\ndavid,3390,yes\nalice,100,no\n"
BOUNDS: dict[str, Any] = {"lower": 0, "upper": 5000}
OPTIONS = ["--lower", "0", "--upper", "5000"]
Call = Callable[..., Any]

# The call, its own arguments, and the options that say the same.
CASES: dict[str, tuple[Call, str | None, dict[str, Any], list[str]]] = {
    "count of all": (release.count, None, {}, []),
    "count of those": (release.count, "smoker", {"equals": "yes"}, ["--equals", "yes"]),
    "count within": (
        release.count,
        "raise",
        {"lower": 2514, "upper": "3390.0"},
        ["--lower", "2514", "--upper", "3390"],
    ),
    "sum": (release.sum, "raise", BOUNDS, OPTIONS),
    "sum in tens": (release.sum, "raise", BOUNDS | {"unit": Decimal(10)}, [*OPTIONS, "--unit", "10"]),
    "sum below zero": (release.sum, "raise", {"lower": -5, "upper": 9}, ["--lower", "-5", "--upper", "9"]),
    "mean": (release.mean, "raise", BOUNDS, OPTIONS),
    "mean with a guess": (release.mean, "raise", BOUNDS | {"n": 5}, [*OPTIONS, "--n", "5"]),
    "categories": (release.histogram, "smoker", {"categories": ["yes", "no"]}, ["--categories", "yes,no"]),
    "one and others": (
        release.histogram,
        "smoker",
        {"categories": ["yes"], "other": "else"},
        ["--categories", "yes", "--other", "else"],
    ),
    "bins": (release.histogram, "raise", {"bins": [0, 3000, "5000"]}, ["--bins", "0,3000,5000"]),
    "median": (release.quantile, "raise", BOUNDS | {"unit": 10}, [*OPTIONS, "--unit", "10"]),
    "quarter": (release.quantile, "raise", BOUNDS | {"q": Fraction(1, 4)}, [*OPTIONS, "--q", "1/4"]),
    "threshold": (
        release.threshold,
        "smoker",
        {"categories": ["yes", "no"], "at_least": 3},
        ["--categories", "yes,no", "--at-least", "3"],
    ),
    "none reaches it": (
        release.threshold,
        "smoker",
        {"categories": ["yes"], "at_least": 4},
        ["--categories", "yes", "--at-least", "4"],
    ),
    "table": (release.table, None, {"by": "smoker", "groups": ["yes", "no"]}, ["--by", "smoker", "--groups", "yes,no"]),
    "table of means": (
        release.table,
        "raise",
        BOUNDS | {"by": ["smoker"], "groups": {"smoker": ["no"]}, "other": "x", "statistics": ["count", "mean"]},
        [
            *OPTIONS,
            *["--by", "smoker", "--groups", "no", "--other", "x", "--statistic", "count", "--statistic", "mean"],
        ],
    ),
    "table of what is found": (
        release.table,
        None,
        {"by": ["smoker"], "delta": "1e-6"},
        ["--by", "smoker", "--delta", "1e-6"],
    ),
    "one row of each person": (release.sum, "raise", BOUNDS | {"person": "name"}, [*OPTIONS, "--person", "name"]),
    "two rows of each person": (
        release.count,
        "smoker",
        {"equals": "no", "contributions": 2, "person": "name"},
        ["--equals", "no", "--contributions", "2", "--person", "name"],
    ),
}


def words_of(call: Call, column: str | None, options: list[str]) -> list[str]:
    return [call.__name__, *options, *([] if column is None else ["--column", column])]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(ROWS)
    return path


@pytest.mark.parametrize("case", CASES)
def test_a_call_gives_what_the_command_prints(case: str, rows: Path) -> None:
    call, column, arguments, options = CASES[case]
    kinds = ["path", "polars"] if "person" not in arguments else ["path"]
    words = ["release", call.__name__, rows, *words_of(call, column, options)[1:], "--neighbors", "add-remove"]
    record, said = printed(*words, "--epsilon", LOUD)
    for kind in kinds:
        held = HELD[kind](rows)
        found = call(held, *([] if column is None else [column]), epsilon=LOUD, neighbors="add-remove", **arguments)
        assert found.to_dict() == record
        assert (found.guarantee, *found.notes) == tuple(said.splitlines())
        assert found.error == record["error95"] if "error95" in record else found.error is None
        if isinstance(found, psiselect.ReleasedCells):
            assert found.values == record["value"]
        elif isinstance(found, psiselect.ReleasedTable):
            assert found.rows.to_pylist() == [
                row["group"] | {name: row[name] for name in found.statistics} for row in record["value"]
            ]
            assert [[*group, *numbers.values()] for group, numbers in found.values.items()] == [
                list(row.values()) for row in found.rows.to_pylist()
            ]
        else:
            assert found.value == record["value"]


def test_gaussian_noise_takes_rho(rows: Path) -> None:
    words = ["release", "table", rows, "--by", "smoker", "--groups", "yes", "--noise", "gaussian", "--rho", LOUD]
    record, said = printed(*words, "--on-invalid", "drop")
    found = release.table(
        rows, by="smoker", groups=["yes"], noise="gaussian", rho=LOUD, neighbors="replace", on_invalid="drop"
    )
    assert found.to_dict() == record
    assert (found.guarantee, *found.notes) == tuple(said.splitlines())


@pytest.mark.parametrize("kind", HELD)
def test_any_table_is_taken(kind: str, rows: Path) -> None:
    held = HELD[kind](rows)
    terms: dict[str, Any] = {"epsilon": LOUD, "neighbors": "replace"}
    assert release.sum(held, "raise", **BOUNDS, **terms).value == 12_786
    if kind not in ("batches", "duckdb"):  # batches come once; duckdb takes yes and no for truth values
        assert release.histogram(held, "smoker", categories=["yes", "no"], **terms).values == {"yes": 2, "no": 3}


def test_what_a_file_is_said_to_be(tmp_path: Path) -> None:
    path = tmp_path / "rows.txt"
    path.write_text("a;v\nx;5\ny;7\n")
    found = release.sum(
        path, "v", **BOUNDS, epsilon=LOUD, neighbors="replace", format="csv", delimiter=";", header=True
    )
    assert found.value == 12


@pytest.mark.parametrize("call", [getattr(release, name) for name in release.__all__], ids=release.__all__)
def test_what_changes_the_guarantee_has_no_default(call: Call) -> None:
    parameters = inspect.signature(call).parameters
    named = {"neighbors", *({"lower", "upper"} & parameters.keys() if call.__name__ not in ("count", "table") else ())}
    for name in named | ({"epsilon"} if call.__name__ != "table" else set()):
        assert parameters[name].kind is inspect.Parameter.KEYWORD_ONLY
        assert parameters[name].default is inspect.Parameter.empty
    assert [name for name, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD] in (
        ["table"],
        ["table", "column"],
    )


def test_a_ledger_pays_before_the_draw_and_refuses(rows: Path, tmp_path: Path) -> None:
    ledger = psiselect.Ledger.create(tmp_path / "l.db", epsilon=1, neighbors="replace", datasets=["d"])
    terms: dict[str, Any] = BOUNDS | {"neighbors": "replace", "ledger": ledger, "dataset": "d"}
    found = release.sum(rows, "raise", epsilon="0.4", contributions=2, **terms)
    assert found.charged == psiselect.Charged("d", Fraction(2, 5), Fraction(0), Fraction(3, 5))
    words = ["release", "sum", rows, "--column", "raise", *OPTIONS, "--epsilon", "0.4", "--contributions", "2"]
    record, _ = printed(*words, "--ledger", tmp_path / "l.db", "--dataset", "d")
    assert record["ledger_remaining_exact"] == "1/5"
    here, there = ledger.entries()
    assert (
        (here.dataset, here.what, here.cost)
        == (there.dataset, there.what, there.cost)
        == ("d", here.what, Cost(Fraction(2, 5)))
    )
    with pytest.raises(psiselect.BudgetError, match="over budget") as refused:
        release.sum(rows, "raise", epsilon="0.4", **terms)
    assert refused.value.exit_code == 6
    with pytest.raises(psiselect.InputError, match=r"line 2.*use on_invalid="):
        release.sum(rows, "name", epsilon="0.1", **terms)
    assert release.sum(rows, "raise", epsilon="0.4", plan=True, **terms).charged is None
    with pytest.raises(psiselect.BudgetError, match='Use neighbors="replace"'):
        release.count(rows, epsilon="0.1", neighbors="add-remove", ledger=tmp_path / "l.db", dataset="d")
    assert (ledger.spent("d"), ledger.left("d")) == (Fraction(4, 5), Fraction(1, 5))


@pytest.mark.parametrize("case", ["sum", "categories", "table", "threshold"])
def test_a_plan_draws_nothing(case: str, rows: Path) -> None:
    call, column, arguments, options = CASES[case]
    words = ["release", call.__name__, rows, *words_of(call, column, options)[1:], "--neighbors", "add-remove"]
    record, _ = printed(*words, "--epsilon", "1", "--plan")
    found = call(rows, column, epsilon=1, neighbors="add-remove", plan=True, **arguments)
    assert (found.planned, found.to_dict()) == (True, record)
    with pytest.raises(psiselect.UsageError, match="Leave out plan=True"):
        _ = found.values if hasattr(type(found), "values") else found.value


def test_repr_shows_no_number(rows: Path) -> None:
    for case in ("sum", "categories", "table", "threshold", "median"):
        call, column, arguments, _ = CASES[case]
        found = call(rows, column, epsilon=LOUD, neighbors="add-remove", **arguments)
        assert repr(found) == str(found) == f"{found}"
        for secret in ("12786", "12,786", "yes", "no,", "value", "=2", "=3", "2982"):
            assert secret not in repr(found).replace(f"epsilon={LOUD}", "")
        assert "neighbors=add-remove" in repr(found)


REFUSED: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "a float": ({"epsilon": 0.1}, psiselect.UsageError, 'Write epsilon="0.1"'),
    "a float as bound": ({"upper": 1.5}, psiselect.UsageError, 'Write upper="1.5"'),
    "zero": ({"epsilon": 0}, psiselect.UsageError, "above 0"),
    "less than zero": ({"epsilon": -1}, psiselect.UsageError, "epsilon must be a number"),
    "a bool": ({"epsilon": True}, psiselect.UsageError, "epsilon must be a number"),
    "ln": ({"epsilon": "ln(3)"}, psiselect.UsageError, "only for polls"),
    "another relation": ({"neighbors": "both"}, psiselect.UsageError, "neighbors must be 'add-remove'"),
    "no relation": ({"neighbors": None}, psiselect.UsageError, "neighbors must be 'add-remove'"),
    "bounds the wrong way round": ({"lower": 9, "upper": 1}, psiselect.UsageError, "lower= must be below upper="),
    "no bound": ({"upper": None}, psiselect.UsageError, "give lower=A and upper=B"),
    "no rows of a person": ({"contributions": 0}, psiselect.UsageError, "contributions= must be a whole number"),
    "a person that is no text": ({"person": 3}, psiselect.UsageError, "person= must be a string"),
    "a rule that there is not": ({"on_invalid": "skip"}, psiselect.UsageError, "must be one of 'error', 'drop'"),
    "a ledger without a name": ({"ledger": "l.db"}, psiselect.UsageError, "go together"),
    "a name without a ledger": ({"dataset": "d"}, psiselect.UsageError, "go together"),
    "a frame and a query": ({"query": "SELECT 1"}, psiselect.UsageError, "in memory"),
    "a frame and a delimiter": ({"delimiter": ";"}, psiselect.UsageError, "in memory"),
    "an argument that there is not": ({"contribution": 2}, psiselect.UsageError, "Did you mean contributions"),
    "a column that there is not": ({"person": "nobody"}, psiselect.InputError, "no column 'nobody'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_misuse_is_refused_with_what_to_do(case: str, rows: Path) -> None:
    changed, error, says = REFUSED[case]
    arguments = BOUNDS | {"epsilon": 1, "neighbors": "replace"} | changed
    with pytest.raises(error, match=says) as refused:
        release.sum(polars.read_csv(rows), "raise", **arguments)
    assert "--" not in str(refused.value)


def test_missing_arguments_are_named(rows: Path) -> None:
    with pytest.raises(
        psiselect.UsageError, match=r"release.sum\(\) needs the argument neighbors=\. Say what must stay hidden"
    ):
        release.sum(rows, "raise", epsilon=1, **BOUNDS)
    with pytest.raises(psiselect.UsageError, match="is of type int"):
        release.count(5, epsilon=1, neighbors="add-remove")
    with pytest.raises(psiselect.UsageError, match="list of strings"):
        release.histogram(rows, "smoker", categories="yes", epsilon=1, neighbors="replace")
    with pytest.raises(psiselect.UsageError, match="needs epsilon"):
        release.table(rows, by="smoker", groups=["yes"], neighbors="replace")
    with pytest.raises(psiselect.UsageError, match="one entry for each column that by= names"):
        release.table(rows, by=["smoker", "name"], groups={"name": ["a"]}, epsilon=1, neighbors="replace")
    with pytest.raises(psiselect.UsageError, match="list the groups of each"):
        release.table(rows, by=["smoker", "name"], groups=["a"], epsilon=1, neighbors="replace")


@pytest.mark.parametrize("limit", [1, 2])
def test_a_table_counts_no_more_rows_of_a_person_in_a_group_than_stated(limit: int) -> None:
    rows = polars.DataFrame({"who": ["alice"] * 9, "where": ["north"] * 6 + ["south"] * 3})
    found = release.table(
        rows, by="where", groups=["north", "south"], neighbors="replace", epsilon=LOUD, person="who", contributions=4,
        rows_per_group=limit,
    )  # fmt: skip
    assert [each["count"] for each in found.values.values()] == [limit, limit]
