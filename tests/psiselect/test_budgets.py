"""`psiselect.Ledger`: the files of `psiselect budget`, shared by threads."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from support.both_ways import printed

import psiselect
from psiselect import Ledger, release


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ({"epsilon": 1}, ["--epsilon", "1"]),
        ({"epsilon": "ln(3)", "delta": "1e-6"}, ["--epsilon", "ln(3)", "--delta", "1e-6"]),
        ({"epsilon": Decimal("0.5"), "datasets": ["a", "b"]}, ["--epsilon", "0.5", "--dataset", "a", "--dataset", "b"]),
        ({"kind": "zcdp", "rho": Fraction(1, 3)}, ["--kind", "zcdp", "--rho", "1/3"]),
        ({"kind": "zcdp", "epsilon": 2, "delta": "1e-6"}, ["--kind", "zcdp", "--epsilon", "2", "--delta", "1e-6"]),
    ],
)
def test_a_ledger_is_the_command_s(arguments: dict[str, Any], options: list[str], tmp_path: Path) -> None:
    made, _ = printed("budget", "create", tmp_path / "there.db", "--neighbors", "replace", *options)
    ledger = Ledger.create(tmp_path / "here.db", neighbors="replace", **arguments)
    shown, _ = printed("budget", "show", tmp_path / "here.db")
    assert {name: shown[name] for name in made} == made | {"ledger": str(tmp_path / "here.db")}
    assert ledger == Ledger.open(str(tmp_path / "here.db"))
    assert (ledger.kind, ledger.neighbors, str(ledger.limit)) == (made["kind"], "replace", made["budget_exact"])
    assert list(ledger.datasets) == made["datasets"]
    assert stat.S_IMODE((tmp_path / "here.db").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "usual kind, needs epsilon="),
        ({"epsilon": 0.1}, 'Write epsilon="0.1"'),
        ({"epsilon": 0}, "above 0"),
        ({"rho": 1}, 'Only a ledger of kind="zcdp" takes rho='),
        ({"kind": "zcdp", "epsilon": 1}, r"needs either epsilon= and delta= \(usually 1 and 1e-6\), or only rho="),
        ({"kind": "renyi", "epsilon": 1}, "kind= must be one of 'pure', 'zcdp'"),
        ({"epsilon": 1, "neighbors": "all"}, "neighbors must be 'add-remove'"),
        ({"epsilon": 1, "datasets": "town"}, "must be a list of strings"),
    ],
)
def test_a_ledger_without_a_limit_is_refused(arguments: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(psiselect.UsageError, match=says) as refused:
        Ledger.create(tmp_path / "l.db", **({"neighbors": "replace"} | arguments))
    assert "--" not in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_ledger(tmp_path: Path) -> None:
    Ledger.create(tmp_path / "l.db", epsilon=1, neighbors="replace")
    with pytest.raises(psiselect.InputError, match="never overwrites a ledger"):
        Ledger.create(tmp_path / "l.db", epsilon=1, neighbors="replace")
    with pytest.raises(psiselect.InputError):
        Ledger.open(tmp_path / "none.db")
    ledger = Ledger.create(tmp_path / "named.db", epsilon=1, neighbors="replace", datasets=["town"])
    for ask in (ledger.spent, ledger.left):
        with pytest.raises(psiselect.BudgetError, match="has no data set 'twon'"):
            ask("twon")


def test_threads_share_it_and_none_gets_more_than_is_left(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("v\n1\n2\n")
    ledger = Ledger.create(tmp_path / "l.db", epsilon=1, neighbors="add-remove")

    def ask(_: int) -> bool:
        try:
            release.count(tmp_path / "t.csv", epsilon="0.3", neighbors="add-remove", ledger=ledger, dataset="d")
        except psiselect.BudgetError:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(ask, range(6))) == 3
    assert (ledger.spent("d"), ledger.left("d"), len(ledger.entries("d"))) == (Fraction(9, 10), Fraction(1, 10), 3)
    assert ledger.entries("other") == []


def test_repr_shows_the_terms_and_no_spending(tmp_path: Path) -> None:
    ledger = Ledger.create(tmp_path / "l.db", epsilon="0.5", neighbors="replace", datasets=["patients-of-ward-7"])
    assert repr(ledger) == f"Ledger({str(tmp_path / 'l.db')!r}, kind='pure', neighbors='replace', epsilon=1/2)"
