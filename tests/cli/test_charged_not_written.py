"""A result that is paid for and cannot be written: the error says so, and where the result is, if it is anywhere."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TextIO

import pytest
from support.mpc_played import ROLES, Played
from support.mpc_processes import Group
from support.program import Run

from cli.main import main
from dpselect.accounting import BudgetKind, Cost
from dpselect.ledger import Ledger
from dpselect.privacy import NeighbouringRelation
from mpc.session import MpcSession
from psiselect.base import atomic

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")

WINNER = ("vote", "winner", "b.csv", "--epsilon", 1, "--neighbors", "add-remove")
PAID = ("--ledger", "b.db", "--dataset", "d")


@pytest.fixture(params=["full", "closed"])
def nowhere(request: pytest.FixtureRequest) -> Iterator[TextIO]:
    """A standard output that takes nothing."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed, open("/dev/full", "w") as full:
        yield full if request.param == "full" else closed


@pytest.fixture
def lost(nowhere: TextIO, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What a command says, with exit code 3, when its standard output takes nothing."""

    def call(*arguments: object) -> str:
        monkeypatch.setattr("sys.argv", ["psiselect", *map(str, arguments)])
        monkeypatch.setattr("sys.stdout", nowhere)
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 3
        return capsys.readouterr().err

    return call


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b.csv").write_text("Ann,Ben,Cid\n1,0,1\n1,1,0\n")
    add_remove = NeighbouringRelation.ADD_REMOVE
    return Ledger.create(tmp_path / "b.db", kind=BudgetKind.PURE, neighbors=add_remove, budget=Cost(Fraction(9)))


def require_charged(said: str) -> None:
    assert "the ledger was charged for the result, but the result could not be written: " in said
    assert "The ledger keeps the charge, and the result is lost" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
def test_a_winner_that_is_paid_for_and_not_written(book: Ledger, lost: Callable[..., str], form: tuple[str]) -> None:
    said = lost(*WINNER, *PAID, *form)
    require_charged(said)
    assert len(book.entries()) == 1


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
def test_a_winner_on_record_is_not_lost(
    book: Ledger, lost: Callable[..., str], form: tuple[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = lost(*WINNER, *form)
    record = tmp_path / "b.csv.draw"
    assert f"the result is in the file '{record}', but it could not be printed: " in said
    assert "No space" in said or "which reads the output (such as the one after a |), has already ended" in said
    assert "charged" not in said
    drawn = json.loads(record.read_text().splitlines()[-1])["drawn"]
    assert drawn["winners"][0] in ("Ann", "Ben", "Cid")


def test_a_winner_that_nobody_counts_is_no_bug(book: Ledger, lost: Callable[..., str]) -> None:
    assert "cannot print the result" in lost(*WINNER, "--no-ledger")


@pytest.mark.parametrize(
    "words",
    [
        ("vote", "plan", "--candidates", 5, "--voters", 90),
        ("vote", "plan", "--candidates", 5, "--gap", 20, "--epsilon", 1, "--neighbors", "replace"),
        ("vote", "count", "b.csv", "--not-private"),
        ("budget", "show", "b.db"),
        ("advise", "--example", "A09"),
        ("psi", "check", "b.csv", "--key", "Ann:name"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_what_costs_nothing_is_no_bug_either(book: Ledger, lost: Callable[..., str], words: tuple[object, ...]) -> None:
    assert "cannot print the result" in lost(*words)


# --------------------------------------------------------------------------------------------------------------- mpc

NOISY = ("--value", "41", "--epsilon", "1", "--colluding", "1", "--lower", "0", "--upper", "60")
REPLACED = ("--ledger", "r.db", "--dataset", "d")


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Group:
    return Group(tmp_path_factory.mktemp("six"), ROLES)


@pytest.fixture
def party(group: Group, book: Ledger, monkeypatch: pytest.MonkeyPatch) -> tuple[object, ...]:
    """The options of one of six, whose run is played."""
    replace = NeighbouringRelation.REPLACE
    Ledger.create(Path("r.db"), kind=BudgetKind.PURE, neighbors=replace, budget=Cost(Fraction(9)))
    Played(monkeypatch).sum = MpcSession((4100,), 1.0, 2, 3, ())
    Path("c.txt").write_text("Ann\nBen\n")
    return ("--party", "alice", "--parties", group.parties, "--identity", group.folder / "keys" / "alice")


ARGMAX = ("argmax", "--candidates", "c.txt", "--approve", "Ben", "--epsilon", "1")


@pytest.mark.parametrize(
    "words", [("sum", *NOISY), ("mean", *NOISY, "--json"), ARGMAX, (*ARGMAX, "--json")], ids=" ".join
)
def test_a_noisy_number_among_parties(
    party: tuple[object, ...], lost: Callable[..., str], words: tuple[str, ...]
) -> None:
    require_charged(lost("mpc", *words, *party, *REPLACED))


@pytest.mark.parametrize("function", ["sum", "argmax"])
def test_an_exact_number_among_parties_has_no_charge(
    party: tuple[object, ...], lost: Callable[..., str], function: str
) -> None:
    said = lost("mpc", function, "--value", "1", *party)
    assert "cannot print the result" in said
    assert "charged" not in said


def test_a_number_in_a_file_is_not_lost(party: tuple[object, ...], lost: Callable[..., str]) -> None:
    said = lost("mpc", "sum", *NOISY, *party, *REPLACED, "--output", "sum.json")
    assert "the result is in the file 'sum.json', but it could not be printed" in said
    assert "the result is lost" not in said
    assert json.loads(Path("sum.json").read_text())["value"] == 82  # units of 0.02


def test_a_file_that_takes_nothing_leaves_the_number_on_the_screen(
    party: tuple[object, ...], program: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it is not lost, charged or not."""

    def full(*_: object, **more: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic, "_name", full)
    shown = program("mpc", "sum", *NOISY, *party, *REPLACED, "--output", "sum.json", "--json")
    assert shown.code == 3
    assert json.loads(shown.out.splitlines()[0])["value"] == 82  # units of 0.02
    assert "the result is lost" not in shown.out
