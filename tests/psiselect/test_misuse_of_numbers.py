"""Calls for votes, numbers, sums, budgets and advice that make no sense: each a typed error that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import psiselect
from psiselect import InputError, UsageError, release

TABLE = pa.table({"a": ["x", "y"], "n": [1, 2]})
TERMS: dict[str, Any] = {"epsilon": 1, "neighbors": "replace"}
BEST: dict[str, Any] = {"label": "a", "score": "n", "sensitivity": 1, **TERMS}
BOUNDS: dict[str, Any] = {"lower": 0, "upper": 5, **TERMS}
ME: dict[str, Any] = {"party": "a", "parties": "p.toml", "identity": "keys/a"}


def without(given: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key != name}


CASES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "no epsilon": (
        lambda: psiselect.elect(TABLE, **without(TERMS, "epsilon")),
        UsageError,
        r"elect\(\) needs the argument epsilon=\. Say how strong the protection is",
    ),
    "no relation": (
        lambda: psiselect.select(TABLE, **without(BEST, "neighbors")),
        UsageError,
        r'select\(\) needs the argument neighbors=\. Say what must stay hidden about a person: "add-remove"',
    ),
    "no bound": (
        lambda: release.mean(TABLE, "n", **without(BOUNDS, "upper")),
        UsageError,
        r"release.mean\(\) needs the argument upper=\. Give the highest value that is possible\. Choose it from",
    ),
    "no sensitivity": (lambda: psiselect.select(TABLE, **without(BEST, "sensitivity")), UsageError, "change any one"),
    "no party": (lambda: psiselect.mpc_sum(5, **without(ME, "party")), UsageError, "as the parties file names it"),
    "no identity": (lambda: psiselect.mpc_sum(5, **without(ME, "identity")), UsageError, "psiselect.Identity.load"),
    "no relation of a ledger": (
        lambda: psiselect.Ledger.create("l.db", epsilon=1),  # type: ignore[call-arg]
        UsageError,
        r"Ledger.create\(\) needs the argument neighbors=",
    ),
    "no table": (
        lambda: release.count(**TERMS),
        UsageError,
        r"count\(\): missing a required argument: 'table'",
    ),
    "an argument too many": (lambda: psiselect.elect(TABLE, 1, **TERMS), UsageError, "too many positional arguments"),
    "an unknown argument": (
        lambda: psiselect.elect(TABLE, candidtes=["x"], **TERMS),
        UsageError,
        r"elect\(\) has no argument candidtes=\. Did you mean candidates=\?",
    ),
    "an unknown argument of a file": (
        lambda: release.sum(TABLE, "n", delimeter=";", **BOUNDS),
        UsageError,
        r"release.sum\(\) has no argument delimeter=\. Did you mean delimiter=\?",
    ),
    "a table that is none": (
        lambda: release.sum(5, "n", **BOUNDS),
        UsageError,
        "is of type int, which is not a table. Give a path",
    ),
    "a column that is no text": (
        lambda: release.sum(TABLE, 5, **BOUNDS),
        UsageError,
        "column= must be a string, not int",
    ),
    "a delimiter that is none": (
        lambda: release.sum("a.csv", "n", delimiter=5, **BOUNDS),
        UsageError,
        "delimiter= must be a string, not int",
    ),
    "a header that is none": (
        lambda: release.sum("a.csv", "n", header="no", **BOUNDS),
        UsageError,
        "header= must be True or False, not str",
    ),
    "a plan that is none": (
        lambda: release.sum(TABLE, "n", plan="no", **BOUNDS),
        UsageError,
        "plan= must be True or False, not str",
    ),
    "a voter's column": (
        lambda: psiselect.elect(TABLE, voter_column=5, **TERMS),
        UsageError,
        "voter_column= must be a string, not int",
    ),
    "line breaks": (
        lambda: psiselect.elect(TABLE, line_breaks="yes", **TERMS),
        UsageError,
        "line_breaks= must be True or False",
    ),
    "a ballots' column": (
        lambda: psiselect.elect(TABLE, ballot_column=5, **TERMS),
        UsageError,
        "ballot_column= must be",
    ),
    "monotonic": (
        lambda: psiselect.select(TABLE, monotonic="no", **{**BEST, "neighbors": "add-remove"}),
        UsageError,
        "monotonic= must be True or False, not str",
    ),
    "a ledger that is none": (
        lambda: psiselect.elect(TABLE, ledger=5, dataset="d", **TERMS),
        UsageError,
        "ledger= must be a path, not int",
    ),
    "a ledger's path": (lambda: psiselect.Ledger.open(5), UsageError, "path= must be a path, not int"),  # type: ignore[arg-type]
    "a ledger that is missing": (
        lambda: psiselect.Ledger.open("none.db"),
        InputError,
        "there is no such file. Check the path",
    ),
    "a float for a budget": (
        lambda: psiselect.Ledger.create("l.db", epsilon=0.1, neighbors="replace"),  # type: ignore[arg-type]
        UsageError,
        'Write epsilon="0.1"',
    ),
    "parties": (lambda: psiselect.mpc_sum(5, **{**ME, "parties": 5}), UsageError, "parties= must be a path, not int"),
    "an identity": (
        lambda: psiselect.Identity.load(5),
        UsageError,
        "an identity must be given as a path, such as 'keys/NAME', but the type of this one is int",
    ),  # type: ignore[arg-type]
    "an identity's name": (
        lambda: psiselect.Identity.create(5, "keys"),
        UsageError,
        "cannot be the name of an identity",
    ),  # type: ignore[arg-type]
    "a task": (lambda: psiselect.advise(5), UsageError, "task= must be a mapping of fields or a file"),  # type: ignore[arg-type]
    "a task's word": (lambda: psiselect.advise({"function": "smu"}), InputError, "Did you mean sum"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_call_that_makes_no_sense_says_what_to_do(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    call, error, words = CASES[case]
    with pytest.raises(error, match=words) as raised:
        call()
    assert "--" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []
