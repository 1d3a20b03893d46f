"""`--terms FILE`: one file for both sides; what disagrees is an error, and so is what one side decides alone."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from support.program import Run

from cli.psi.command import connect_, listen
from cli.psi.shared_terms import SharedTerms
from psi.agreement.modes import Side

TERMS = """
version = 2
keys = ["email"]
reveal = "matches"
learn = "connect"
matching = "one-to-many"
[columns]
listen = ["plan"]
"""
LOCAL = ("psi", "local", "a.csv", "b.csv", "--terms", "t.toml", "--json")


@pytest.fixture
def lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text("mail,phone\nA@b.example,1\nc@d.example,2\n")
    Path("b.csv").write_text("e,plan\na@b.example,gold\nz@d.example,none\n")
    Path("t.toml").write_text(TERMS)
    return tmp_path


def test_a_match_by_the_file(lists: Path, program: Run) -> None:
    shown = program(*LOCAL, "--key", "mail", "--key-b", "e", "--output", "o.csv")
    assert shown.code == 0, shown.out
    assert json.loads(shown.out)["matches"] == 1
    assert Path("o.csv").read_text() == "mail,phone,peer_plan\nA@b.example,1,gold\n"


def test_what_it_asks_for_is_said(lists: Path, program: Run, capsys: pytest.CaptureFixture[str]) -> None:
    shown = program(*LOCAL, "--key", "mail:email", "--key-b", "e:email", "--reveal", "matches", "--receive", "plan")
    assert shown.code == 0, shown.out
    with click.Context(connect_) as ctx:
        assert SharedTerms.load(ctx, Path("t.toml")).words() == [
            "keys, in this order: email",
            "the connecting side gets the result",
            "what the result is: the rows that match",
            "rows match one-to-many",
            "the listening side gives these columns with each match: plan",
        ]


@pytest.mark.parametrize(
    ("command", "side", "learn", "sent"),
    [(connect_, Side.CONNECT, "me", ()), (listen, Side.LISTEN, "peer", ("plan",))],
)
def test_each_side_has_its_own_part(
    lists: Path, command: click.Command, side: Side, learn: str, sent: tuple[str, ...]
) -> None:
    with click.Context(command) as ctx:
        values = {"learn": "both", "keys": ("mail",)}
        SharedTerms.load(ctx, Path("t.toml")).apply(ctx, side, values)
    assert (values["learn"], values["sent"], values["keys"]) == (learn, sent, ("mail:email",))


@pytest.mark.parametrize(
    "options",
    [
        ("--key", "mail:text"),
        ("--key", "mail", "--reveal", "count"),
        ("--key", "mail", "--key", "phone"),
        ("--key", "mail", "--receive", "other"),
        ("--key", "mail", "--send", "phone"),
    ],
    ids=" ".join,
)
def test_an_option_that_disagrees_is_an_error_with_both(lists: Path, program: Run, options: tuple[str, ...]) -> None:
    shown = program(*LOCAL, *options)
    assert shown.code == 2
    assert "t.toml" in shown.out
    assert options[-2].removeprefix("-") in shown.out


@pytest.mark.parametrize(
    ("line", "name"),
    [
        *((f'{name} = "x"', name) for name in ("policy", "output", "identity", "peer", "address", "input", "timeout")),
        ('revel = "count"', "revel"),
        ('reveal = "all"', "reveal"),
        ("reveal = true", "reveal"),
        ('learn = "me"', "learn"),
        ('learn = "listen"', "learn"),
        ('keys = "email"', "keys"),
        ("keys = []", "keys"),
        ('keys = ["mail:email"]', "keys"),
        ('keys = ["emial"]', "keys"),
        ("version = 1", "version"),
        ('columns = {me = ["plan"]}', "columns"),
        ("pad-to = 0", "pad-to"),
    ],
)
def test_what_a_file_cannot_say(lists: Path, program: Run, line: str, name: str) -> None:
    Path("t.toml").write_text(line)
    shown = program(*LOCAL, "--key", "mail")
    assert shown.code == 2
    assert f"t.toml: '{name}'" in shown.out


def test_a_file_that_cannot_be_read(lists: Path, program: Run) -> None:
    Path("t.toml").write_text("keys = [")
    assert program(*LOCAL, "--key", "mail").code == 3
