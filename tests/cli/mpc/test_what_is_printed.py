"""What a command of `mpc` prints for people, and which numbers it reads for a party of each role."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from click.testing import CliRunner
from support.mpc_played import ROLES, Played, invoke
from support.mpc_processes import Group

from cli._errors import classify
from cli.mpc import command as sums
from mpc.functions import FunctionOutcome
from mpc.session import MpcSession


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Group:
    return Group(tmp_path_factory.mktemp("six"), ROLES)


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Played:
    return Played(monkeypatch)


@pytest.mark.parametrize(
    ("arguments", "totals", "printed"),
    [
        (["sum", "--value", "1"], (1268600,), ["sum", "12686", "parties", "3"]),
        (["mean", "--value", "1"], (951450,), ["mean", "3171.5", "parties", "3"]),
        (["sum", "--value", "1,2"], (5, -250), ["number", "sum", "1", "0.05", "2", "-2.5"]),
    ],
)
def test_sums_are_printed(group: Group, played: Played, arguments: list[str], totals: Any, printed: list[str]) -> None:
    played.sum = MpcSession(totals, 1.0, 2, 3, ())
    done = invoke(group, "alice", *arguments)
    assert done.exit_code == 0
    words = [w for w in done.stdout.split() if any(c.isalnum() for c in w)]
    assert words == printed
    assert "confirmed" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "value", "printed"),
    [
        (["threshold", "--value", "yes"], True, ["threshold", "yes"]),
        (["threshold", "--value", "yes"], False, ["threshold", "no"]),
        (["max", "--value", "5"], Fraction("12.50"), ["max", "12.5"]),
        (["argmax", "--value", "5"], "bob", ["argmax", "bob"]),
    ],
)
def test_functions_are_printed(
    group: Group, played: Played, arguments: list[str], value: Any, printed: list[str]
) -> None:
    played.function = FunctionOutcome(value, 1.0, 2, 3, ())
    done = invoke(group, "alice", *arguments)
    assert done.exit_code == 0
    assert done.stdout.split() == printed
    assert "fewer than 2 of s1, s2, s3 show each other what they hold" in done.stderr


@pytest.mark.parametrize("function", ["sum", "threshold"])
def test_who_has_not_confirmed_is_said(group: Group, played: Played, function: str) -> None:
    played.sum = MpcSession((5,), 1.0, 2, 3, ("bob", "s2"))
    played.function = replace(played.function, unconfirmed=("bob", "s2"))
    done = invoke(group, "alice", function, "--value", "1")
    for name in ("bob", "s2"):
        assert f"{name} has not confirmed that it has received the result" in done.stderr
    assert done.exit_code == 0


@pytest.mark.parametrize("function", ["sum", "threshold", "max", "argmax"])
def test_a_server_brings_no_number(group: Group, played: Played, function: str) -> None:
    played.sum = MpcSession((5,), 1.0, 2, 3, ())
    played.function = replace(played.function, value=Fraction(1))
    assert invoke(group, "s1", function).exit_code == 0
    assert played.values is None
    refused = invoke(group, "s1", function, "--value", "1")
    assert classify(refused.exception)[0] == 2
    assert "is a server and contributes no value" in str(refused.exception)


@pytest.mark.parametrize("function", ["sum", "threshold", "max", "argmax"])
def test_a_party_that_inputs_brings_a_number(group: Group, played: Played, function: str) -> None:
    refused = invoke(group, "alice", function)
    assert classify(refused.exception)[0] == 2
    assert "this party must contribute a number" in str(refused.exception)
    assert played.values == "not run"


def test_a_number_is_read_from_standard_input(group: Group, played: Played) -> None:
    played.sum = MpcSession((5,), 1.0, 2, 3, ())
    assert invoke(group, "alice", "sum", "--value", "-", typed="12.34\nrest\n").exit_code == 0
    assert played.values == [1234]
    played.function = replace(played.function, value=Fraction(7))
    assert invoke(group, "bob", "max", "--value", "-", typed="7\n").exit_code == 0
    assert played.values == [7]


def test_nobody_starts_with_the_key_of_another(group: Group) -> None:
    """The real run, which refuses before it opens a link."""
    who = ["--party", "alice", "--parties", str(group.parties), "--identity", str(group.folder / "keys" / "bob")]
    done = CliRunner().invoke(sums.command, ["sum", *who, "--value", "1"])
    assert classify(done.exception or KeyError())[0] == 3
    assert "the parties file lists for 'alice' is not" in str(done.exception)
    assert done.stdout == ""
