"""`psiselect select`, run as a user runs it."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli import main
from dpselect import committee
from dpselect.accounting import BudgetKind, Cost
from dpselect.ledger import Ledger
from dpselect.privacy import NeighbouringRelation
from psi.tables import open_source
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import InputError
from psiselect.selections.scores import read_scores

SHARP = ["--sensitivity", "1", "--epsilon", "2000"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "scores.csv"
    path.write_text("name,score,share\nA,10,1/3\nB,300.5,1/4\n\nC,200,0.3\nD,200,-1e2\n", encoding="utf-8")
    return path


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["psiselect", "select", *map(str, words)])
    with pytest.raises(SystemExit) as stop:
        main.main()
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


@pytest.fixture
def select(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    return lambda *words: run(monkeypatch, capsys, *words)


def test_the_winner_alone_is_on_stdout(select: Any, table: Path) -> None:
    code, out, err = select(table, "--label", "name", "--score", "score", "--monotonic", *SHARP)
    assert (code, out) == (0, "Selected with privacy noise, so the best score does not always win:\nB\n")
    assert "permute-and-flip, exponent 2000" in err
    assert "300" not in out + err


def test_json(select: Any, table: Path) -> None:
    code, out, _ = select(
        table, "--label", "name", "--score", "share", "--sensitivity", "1/10", "--epsilon", "500", "--json"
    )
    result = json.loads(out)
    assert code == 0
    assert result["winners"] == ["A"]
    assert result["neighbors"] is None
    assert result["epsilon_exact"] == "500"
    assert result["exponent_per_vote_exact"] == "2500"
    assert result["mechanism"] == "permute-and-flip"
    assert result["sampling"] == "exact"
    assert result["ledger_remaining"] is None


@pytest.mark.parametrize("mechanism", ["auto", "subset-exponential", "peeling", "permute-and-flip", "exponential"])
def test_seats_come_in_the_order_of_names(select: Any, table: Path, mechanism: str) -> None:
    words = ("--label", "name", "--score", "score", "--seats", 3, "--mechanism", mechanism, "--json", *SHARP)
    result = json.loads(select(table, *words)[1])
    assert result["winners"] == ["B", "C", "D"]
    named = {"permute-and-flip": "peeling", "exponential": "subset-exponential"}.get(mechanism, mechanism)
    assert result["mechanism"] in ({"peeling", "subset-exponential"} if mechanism == "auto" else {named})


def test_auto_goes_by_public_parameters(select: Any, table: Path) -> None:
    """Same sizes, epsilon and gap: the same mechanism, whatever the scores."""
    common = ("--label", "name", "--score", "score", "--sensitivity", 1, "--epsilon", 1, "--seats", 2, "--json")
    for gap, expected in ((1, "peeling"), (100, None)):
        seen = set()
        for scores in ("A,0\nB,0\nC,0\nD,0\n", "A,1000\nB,1000\nC,0\nD,0\n"):
            table.write_text("name,score\n" + scores)
            seen.add(json.loads(select(table, *common, "--gap", gap)[1])["mechanism"])
        assert len(seen) == 1
        assert expected is None or seen == {expected}


BAD_TABLES = {
    "name,score\nA,1\nB,x\n": "line 3, column 'score': 'x' is not a number",
    "name,score\nA,nan\n": "is not a number. Write a number such as",
    "name,score\nA,\n": "is not a number. Write a number such as",
    "name,score\nA,1\nA,2\n": "line 3: two rows have the label 'A'",
    "name,score\n ,1\n": "line 2: the label is empty",
    "name,score\nA\n": "line 2: the row has 1 field, but the header has 2",
    "name,score\nA,1,2\n": "line 2: the row has 3 fields, but the header has 2",
    "name,score\n": "no candidates",
    'name,score\n"A,1\n': "line 2: a quoted field is not closed",
    "name,score\nA,1e-50\nB,1\n": "too many digits after the decimal point",
}


@pytest.mark.parametrize(("text", "complaint"), BAD_TABLES.items())
def test_bad_tables(select: Any, table: Path, text: str, complaint: str) -> None:
    table.write_text(text)
    code, out, err = select(table, "--label", "name", "--score", "score", *SHARP)
    assert (code, out) == (3, "")
    assert complaint in err
    assert table.name in err


def test_bytes_that_are_no_text(select: Any, table: Path) -> None:
    table.write_bytes(b"name,score\n\xff\xfe,1\n")
    code, _, err = select(table, "--label", "name", "--score", "score", *SHARP)
    assert code == 3
    assert "not UTF-8" in err
    table.write_bytes(b"PAR1\x15 and no more")
    code, _, err = select(table, "--label", "name", "--score", "score", *SHARP)
    assert code == 3
    assert "Parquet" in err


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (["--label", "name", "--score", "nope", *SHARP], 2, "the table has no column 'nope'"),
        (["--label", "name", "--score", "score", "--sensitivity", "0", "--epsilon", "1"], 2, "sensitivity"),
        (["--label", "name", "--score", "score", "--sensitivity", "1", "--epsilon", "0"], 2, "epsilon"),
        (["--label", "name", "--score", "score", "--sensitivity", "1", "--epsilon", "ln(3)"], 2, "epsilon"),
        (["--label", "name", "--score", "score", "--seats", "4", *SHARP], 2, "nothing to choose"),
        (["--label", "name", "--score", "score", "--mechanism", "subset-exponential", *SHARP], 2, "at least 2 seats"),
        (["--label", "name", "--score", "score", "--dataset", "x", *SHARP], 2, "--ledger and --dataset"),
        (["--label", "name", "--score", "score"], 2, "Missing option"),
    ],
)
def test_bad_options(select: Any, table: Path, words: list[str], code: int, complaint: str) -> None:
    result = select(table, *words)
    assert result[:2] == (code, "")
    assert complaint in result[2]
    error = json.loads(select(table, *words, "--json")[1])["error"]
    assert (error["code"], error["kind"]) == (code, "usage")


def test_a_missing_file(select: Any, tmp_path: Path) -> None:
    code, _, err = select(tmp_path / "none.csv", "--label", "a", "--score", "b", *SHARP)
    assert code == 3
    assert "none.csv" in err


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (pa.array([1, 3, 2], pa.int16()), [1, 3, 2]),
        (pa.array([1, 2**64 - 1, 2], pa.uint64()), [1, 2**64 - 1, 2]),
        (pa.array(["1", "1/3", "0.5"]), [1, Fraction(1, 3), Fraction(1, 2)]),
        (pa.array([Decimal("1.25"), Decimal("3"), Decimal("-2")], pa.decimal128(10, 2)), [Fraction(5, 4), 3, -2]),
    ],
    ids=["int16", "uint64", "text", "decimal"],
)
def test_parquet_columns(tmp_path: Path, column: pa.Array, values: list[Fraction]) -> None:
    path = tmp_path / "scores.bin"
    pq.write_table(pa.table({"n": ["a", "b", "c"], "s": column}), path)
    labels, scores = read_scores(open_source(path, otherwise=".csv"), "n", "s", exact_floats=False)
    assert labels == ["a", "b", "c"]
    assert [Fraction(int(unit), scores.denominator) for unit in scores.units] == values


def test_parquet_floats_are_refused_unless_meant(select: Any, tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    pq.write_table(pa.table({"n": [1, 2], "s": [0.1, 5.5]}), path)
    words = (path, "--label", "n", "--score", "s", *SHARP)
    code, _, err = select(*words)
    assert code == 3
    assert "--exact-floats" in err
    code, out, _ = select(*words, "--exact-floats")
    assert (code, out.splitlines()[1:]) == (0, ["2"])
    labels, scores = read_scores(open_source(path, otherwise=".csv"), "n", "s", exact_floats=True)
    assert labels == ["1", "2"]
    assert Fraction(int(scores.units[0]), scores.denominator) == Fraction(0.1)


@pytest.mark.parametrize(
    ("labels", "scores", "complaint"),
    [
        (["a", None], [1, 2], "row 2, column 'n'"),
        (["a", "b"], [None, 2], "row 1, column 's'"),
        ([0.5, 1.5], [1, 2], "Names of candidates must be text or integers"),
        (["a", "b"], [True, False], "Scores must be integers, decimals or text"),
        (["a", "b"], ["1", "y"], "row 2, column 's'"),
        (["a", "b"], [1.0, float("nan")], "binary floating-point"),
    ],
)
def test_bad_parquet(tmp_path: Path, labels: list[Any], scores: list[Any], complaint: str) -> None:
    path = tmp_path / "scores.parquet"
    pq.write_table(pa.table({"n": labels, "s": scores}), path)
    with pytest.raises(InputError, match=complaint):
        read_scores(open_source(path, otherwise=".csv"), "n", "s", exact_floats=False)
    with pytest.raises(InputError):
        read_scores(open_source(path, otherwise=".csv"), "n", "s", exact_floats=True)


def test_a_committee_of_too_many_sets_is_refused_before_it_is_paid_for(
    select: Any, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committee, "_MAX_ENTRIES", 1)
    path = tmp_path / "budget.db"
    Ledger.create(path, kind=BudgetKind.PURE, neighbors=NeighbouringRelation.REPLACE, budget=Cost(Fraction(5)))
    words = (table, "--label", "name", "--score", "score", "--sensitivity", 1, "--epsilon", 2, "--seats", 2)
    code, out, err = select(
        *words, "--mechanism", "subset-exponential", "--neighbors", "replace", "--ledger", path, "--dataset", "d"
    )
    assert (code, out) == (2, "")
    assert "too many ways to choose" in err
    assert Ledger.open(path).balance("d").spent.amount == 0


def test_the_ledger_is_charged_before_and_refuses_after(
    select: Any, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "budget.db"
    budget = Cost(Fraction(5))
    Ledger.create(path, kind=BudgetKind.PURE, neighbors=NeighbouringRelation.REPLACE, budget=budget)
    words = (table, "--label", "name", "--score", "score", "--sensitivity", 1, "--epsilon", 2)
    words += ("--neighbors", "replace", "--ledger", path, "--dataset", "d", "--json")
    first = json.loads(select(*words)[1])
    assert first["ledger_remaining"] == 3.0

    def dies(*_: object) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(SystemEntropy, "read", dies)
        assert select(*words)[:2] == (130, "")
    assert Ledger.open(path).balance("d").spent.amount == 4  # the draw failed, and it is paid
    code, out, _ = select(*words)
    assert code == 6
    assert "winners" not in out
    assert Ledger.open(path).balance("d").spent.amount == 4


def test_bad_scores_cost_nothing(select: Any, table: Path, tmp_path: Path) -> None:
    path = tmp_path / "budget.db"
    Ledger.create(path, kind=BudgetKind.ZCDP, neighbors=NeighbouringRelation.REPLACE, budget=Cost(Fraction(3)))
    words = (
        "--label",
        "name",
        "--sensitivity",
        1,
        "--epsilon",
        2,
        "--neighbors",
        "replace",
        "--ledger",
        path,
        "--dataset",
        "d",
        "--json",
    )
    assert select(table, *words, "--score", "score")[0] == 0
    assert json.loads(select(table, *words, "--score", "score")[1])["mechanism"] == "exponential"
    spent = Ledger.open(path).balance("d").spent
    assert spent.amount == 1  # twice epsilon^2/8
    table.write_text("name,score\nA,x\n")
    assert select(table, *words, "--score", "score")[0] == 3
    assert Ledger.open(path).balance("d").spent == spent


def test_a_ledger_needs_the_relation_and_keeps_to_it(select: Any, table: Path, tmp_path: Path) -> None:
    path = tmp_path / "budget.db"
    Ledger.create(path, kind=BudgetKind.PURE, neighbors=NeighbouringRelation.REPLACE, budget=Cost(Fraction(5)))
    words = (table, "--label", "name", "--score", "score", "--sensitivity", 1, "--epsilon", 2)
    paid = ("--ledger", path, "--dataset", "d")
    code, out, err = select(*words, *paid)
    assert (code, out) == (2, "")
    assert "accepts only --neighbors replace" in err
    assert select(*words, *paid, "--neighbors", "add-remove")[:2] == (6, "")
    assert Ledger.open(path).entries() == []
    record = json.loads(select(*words, *paid, "--neighbors", "replace", "--json")[1])
    assert (record["neighbors"], record["ledger_remaining"]) == ("replace", 3.0)


def test_monotonic_scores_are_refused_under_replace(select: Any, table: Path) -> None:
    """(10, 10) to (9, 11) moves a probability by twice the epsilon that would be charged."""
    words = (table, "--label", "name", "--score", "score", "--sensitivity", 1, "--epsilon", 2, "--monotonic")
    code, out, err = select(*words, "--neighbors", "replace")
    assert (code, out) == (2, "")
    assert "raise one score and lower another" in err
    assert select(*words, "--neighbors", "add-remove")[0] == 0
    assert select(*words)[0] == 0
