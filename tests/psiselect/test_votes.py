"""`psiselect.elect` and `psiselect.select`: the same winners, guarantees and charges as the commands."""

from __future__ import annotations

import inspect
from fractions import Fraction
from pathlib import Path
from typing import Any

import pandas
import polars
import pytest
from support.both_ways import HELD, LOUD, printed

import psiselect

MATRIX = "voter_id,Ada,Bo,Çelik,Dvořák\n1,1,0,0,0\n2,1,1,0,1\n3,0,0,1,0\n4,1,1,0,0\n"
LISTS = "approved\nAda;Bo\nAda\nÇelik\n"
SCORES = "name,score\nA,10\nB,9.5\nC,-8\nD,7\n"
FIXTURES = Path(__file__).parent.parent / "fixtures" / "ballots"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "matrix.csv").write_text(MATRIX)
    (tmp_path / "lists.csv").write_text(LISTS)
    (tmp_path / "scores.csv").write_text(SCORES)
    (tmp_path / "names.txt").write_text("Ada\nBo\nÇelik\n")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "arguments", "options"),
    [
        ("matrix.csv", {"neighbors": "add-remove"}, []),
        ("matrix.csv", {"neighbors": "replace", "mechanism": "exponential"}, ["--mechanism", "exponential"]),
        ("matrix.csv", {"neighbors": "replace", "seats": 2, "gap": 1}, ["--seats", "2", "--gap", "1"]),
        ("lists.csv", {"neighbors": "replace", "candidates": "names.txt"}, ["--candidates", "names.txt"]),
    ],
)
def test_an_election_is_the_command_s(
    name: str, arguments: dict[str, Any], options: list[str], files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files)
    words = ["vote", "winner", name, "--neighbors", arguments["neighbors"], "--no-ledger", *options]
    record, told = printed(*words, "--epsilon", LOUD)
    for kind in ("path", "pandas", "polars"):
        found = psiselect.elect(HELD[kind](Path(name)), epsilon=LOUD, **arguments)
        assert found.to_dict() == record
        assert (found.guarantee, list(found.winners)) == (record["guarantee"], record["winners"])
        assert f"{len(found.candidates)} candidates: {', '.join(found.candidates)}" in told
        assert found.charged is None
    assert not list(files.glob("*.draw"))


@pytest.mark.parametrize("kind", HELD)
def test_ballots_may_be_held_in_any_form(kind: str, files: Path) -> None:
    found = psiselect.elect(HELD[kind](files / "matrix.csv"), epsilon=LOUD, neighbors="add-remove")
    assert (found.winner, found.winners) == ("Ada", ("Ada",))


def test_what_is_said_of_ballots(files: Path) -> None:
    terms: dict[str, Any] = {"epsilon": LOUD, "neighbors": "add-remove"}
    frame = polars.DataFrame({"who": ["x", "x", "y"], "choice": ["Ada|Bo", "Bo", "Zed|Bo"]})
    found = psiselect.elect(
        frame,
        candidates=["Ada", "Bo"],
        ballot_column="choice",
        separator="|",
        other="ignore",
        voter_column="who",
        repeated_voter="last",
        **terms,
    )
    assert found.winner == "Bo"
    words = pandas.DataFrame({"Ada": ["oui", "non"], "Bo": ["non", "non"]})
    assert psiselect.elect(words, yes=["oui"], no=["non"], **terms).winner == "Ada"
    bad = pandas.DataFrame({"Ada": ["1", "?"], "Bo": ["0", "0"]})
    assert psiselect.elect(bad, on_invalid="drop", **terms).winner == "Ada"
    town = FIXTURES / "town.cat"
    record, _ = printed("vote", "winner", town, "--epsilon", LOUD, "--neighbors", "replace", "--no-ledger")
    assert list(psiselect.elect(town, epsilon=LOUD, neighbors="replace").winners) == record["winners"]
    assert psiselect.elect(town, epsilon=LOUD, neighbors="replace", format="cat").to_dict() == record


def test_an_election_is_paid_by_the_ledger_alone(files: Path) -> None:
    ledger = psiselect.Ledger.create(files / "l.db", epsilon=1, neighbors="replace")
    terms: dict[str, Any] = {"neighbors": "replace", "ledger": ledger, "dataset": "town"}
    found = psiselect.elect(files / "matrix.csv", epsilon="0.75", **terms)
    assert found.charged == psiselect.Charged("town", Fraction(3, 4), Fraction(0), Fraction(1, 4))
    assert found.to_dict()["ledger_remaining_exact"] == "1/4"
    with pytest.raises(psiselect.BudgetError, match="over budget"):
        psiselect.elect(files / "matrix.csv", epsilon="0.75", **terms)
    with pytest.raises(psiselect.InputError):
        psiselect.elect(files / "lists.csv", epsilon="0.25", **terms)
    words = ["vote", "winner", files / "matrix.csv", "--epsilon", "0.25", "--neighbors", "replace"]
    printed(*words, "--ledger", files / "l.db", "--dataset", "town")
    here, there = ledger.entries()
    assert here.what.replace("0.75", "0.25") == there.what
    assert ledger.left("town") == 0


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ({}, []),
        ({"monotonic": True}, ["--monotonic"]),
        ({"mechanism": "exponential"}, ["--mechanism", "exponential"]),
        ({"seats": 2, "gap": "0.5"}, ["--seats", "2", "--gap", "0.5"]),
    ],
)
def test_a_selection_is_the_command_s(arguments: dict[str, Any], options: list[str], files: Path) -> None:
    words = ["select", files / "scores.csv", "--label", "name", "--score", "score", "--sensitivity", "1/5"]
    words += ["--epsilon", LOUD, "--neighbors", "add-remove", *options]
    record, _ = printed(*words)
    terms: dict[str, Any] = {"label": "name", "score": "score", "sensitivity": "1/5", "epsilon": LOUD}
    for held in (files / "scores.csv", polars.read_csv(files / "scores.csv", infer_schema=False)):
        found = psiselect.select(held, neighbors="add-remove", **terms, **arguments)
        assert (found.to_dict(), list(found.winners)) == (record, record["winners"])
        assert found.guarantee.startswith(
            f"this protects each person with epsilon {LOUD}, if one person's data change each candidate's score by at "
            "most"
        )


def test_a_selection_is_paid(files: Path) -> None:
    ledger = psiselect.Ledger.create(files / "l.db", epsilon=1, neighbors="replace")
    terms: dict[str, Any] = {"label": "name", "score": "score", "sensitivity": 1, "neighbors": "replace"}
    paid: dict[str, Any] = {"ledger": ledger, "dataset": "d"}
    found = psiselect.select(files / "scores.csv", epsilon="0.75", **terms, **paid)
    assert found.charged == psiselect.Charged("d", Fraction(3, 4), Fraction(0), Fraction(1, 4))
    with pytest.raises(psiselect.BudgetError, match="over budget"):
        psiselect.select(files / "scores.csv", epsilon="0.75", **terms, **paid)
    with pytest.raises(psiselect.UsageError, match='monotonic= cannot be used with neighbors="replace"'):
        psiselect.select(files / "scores.csv", epsilon=1, monotonic=True, **terms)
    floats = pandas.DataFrame({"name": ["a", "b"], "score": [1.5, 2.5]})
    with pytest.raises(psiselect.InputError, match="use exact_floats="):
        psiselect.select(floats, epsilon=LOUD, **terms)
    assert psiselect.select(floats, epsilon=LOUD, exact_floats=True, **terms).winner == "b"


def test_several_winners_are_no_winner(files: Path) -> None:
    found = psiselect.elect(files / "matrix.csv", epsilon=LOUD, neighbors="add-remove", seats=2)
    assert found.winners == ("Ada", "Bo")
    with pytest.raises(psiselect.UsageError, match=r"use \.winners"):
        _ = found.winner


def test_repr_names_no_winner(files: Path) -> None:
    election = psiselect.elect(files / "matrix.csv", epsilon=LOUD, neighbors="add-remove")
    chosen = psiselect.select(
        files / "scores.csv", label="name", score="score", sensitivity=1, epsilon=LOUD, neighbors="replace"
    )
    assert repr(election) == f"Election(mechanism=permute-and-flip, epsilon={LOUD}, neighbors=add-remove)"
    assert repr(chosen) == f"Selection(mechanism=permute-and-flip, epsilon={LOUD}, neighbors=replace)"


def test_what_changes_the_guarantee_has_no_default() -> None:
    for call, names in (
        (psiselect.elect, ("epsilon", "neighbors")),
        (psiselect.select, ("epsilon", "neighbors", "sensitivity")),
    ):
        parameters = inspect.signature(call).parameters
        assert sum(p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters.values()) == 1
        assert all(parameters[name].default is inspect.Parameter.empty for name in names)


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        ({"epsilon": 0.5}, psiselect.UsageError, 'Write epsilon="0.5"'),
        ({"neighbors": "all"}, psiselect.UsageError, "neighbors must be 'add-remove'"),
        ({"mechanism": "best"}, psiselect.UsageError, "mechanism= must be one of 'permute-and-flip'"),
        ({"mechanism": "report-noisy-max"}, psiselect.UsageError, "mechanism"),
        ({"seats": 0}, psiselect.UsageError, "seats= must be a whole number"),
        ({"seats": 4}, psiselect.UsageError, "more candidates than seats"),
        ({"candidates": 5}, psiselect.UsageError, "candidates= must be a list of strings"),
        ({"candidates": ["Ada\nBo"]}, psiselect.UsageError, "without line breaks"),
        ({"candidates": ["Eve", "Bo"]}, psiselect.InputError, "Eve"),
        ({"other": "keep"}, psiselect.UsageError, "other= must be one of"),
        ({"yes": "ja"}, psiselect.UsageError, "yes= must be a list of strings"),
        ({"separator": ""}, psiselect.UsageError, "separator= must be one or more characters"),
        ({"repeated_voter": "all"}, psiselect.UsageError, "repeated_voter= must be one of"),
        ({"on_invalid": "drop", "repeated_voter": "error"}, psiselect.UsageError, "cannot be used with on_invalid="),
        ({"format": "doc"}, psiselect.UsageError, "format= must be one of"),
        ({"query": "SELECT 1"}, psiselect.UsageError, "needs a database"),
        ({"ledger": "l.db"}, psiselect.UsageError, "go together"),
        ({"again": True}, psiselect.UsageError, r"elect\(\) has no argument again=\. "),
    ],
)
def test_a_misuse_is_refused_with_what_to_do(
    changed: dict[str, Any], error: type[Exception], says: str, files: Path
) -> None:
    arguments: dict[str, Any] = {"epsilon": 1, "neighbors": "add-remove"} | changed
    with pytest.raises(error, match=says) as refused:
        psiselect.elect(files / "matrix.csv", **arguments)
    assert "--" not in str(refused.value)


def test_a_column_that_fits_is_named_as_an_argument() -> None:
    frame = pandas.DataFrame({"time": ["1", "2"], "Whom?": ["Ada", "Bo;Ada"]})
    with pytest.raises(psiselect.InputError, match=r"so give ballot_column='Whom\?'") as refused:
        psiselect.elect(frame, epsilon=1, neighbors="replace", candidates=["Ada", "Bo"])
    assert refused.value.exit_code == 3
