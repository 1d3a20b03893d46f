"""`--terms FILE`: one file for both sides; what disagrees is an error, and so is what one side decides alone."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from support.offline_commands import answer, finish, offer, run
from support.program import Run

from psi.agreement.modes import Side
from psiselect.base.errors import UsageError
from psiselect.matching.given import GivenOptions
from psiselect.matching.shared_terms import SharedTerms

TERMS = """
version = 2
keys = ["email"]
reveal = "matches"
learn = "connect"
matching = "one-to-many"
[columns]
listen = ["plan"]
"""
GIVEN = GivenOptions(
    source=None, keys=("mail",), matching="one-to-many", reveal="count", min_matches_by="learner", learn="both"
)
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


def test_what_it_asks_for_is_said(lists: Path) -> None:
    shown = run(*LOCAL, "--key", "mail:email", "--key-b", "e:email", "--reveal", "matches", "--receive", "plan")
    assert shown.code == 0, shown
    assert list(SharedTerms.load(Path("t.toml")).told()) == [
        "terms that 't.toml' asks for:",
        "  keys, in this order: email",
        "  the connecting side gets the result",
        "  what the result is: the rows that match",
        "  rows match one-to-many",
        "  of each matched row, the listening side gives these columns: plan",
    ]
    assert "  rows match one-to-many" in shown.err


@pytest.mark.parametrize(("side", "learn", "sent"), [(Side.CONNECT, "me", ()), (Side.LISTEN, "peer", ("plan",))])
def test_each_side_has_its_own_part(lists: Path, side: Side, learn: str, sent: tuple[str, ...]) -> None:
    found = SharedTerms.load(Path("t.toml")).apply(side, GIVEN, ())
    assert (found.learn, found.sent, found.keys, found.reveal) == (learn, sent, ("mail:email",), "matches")


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


@pytest.mark.parametrize("key", ["t:region-column=land", "t:phone,region-column=land"])
def test_each_row_says_its_country(lists: Path, program: Run, key: str) -> None:
    """The file says that a column has the country, and each side names its own."""
    Path("a.csv").write_text("t,land\n601 234 567,PL\n0171 1234567,DE\n601 234 567,DE\n")
    Path("b.csv").write_text("phone,country\n0048601234567,Germany\n")
    Path("t.toml").write_text('keys = ["phone,region-column"]')
    shown = program(*LOCAL, "--key", key, "--key-b", "phone:region-column=country")
    assert shown.code == 0, shown.out
    assert json.loads(shown.out)["matches"] == 1


@pytest.mark.parametrize(
    ("rule", "key", "named"),
    [
        ("phone,region-column", "t", "t:region-column=COLUMN"),
        ("phone,region-column", "t:phone,region=PL", "without a rule"),
        ("phone", "t:region-column=land", "without a rule"),
        ("phone,region-column=land", "t", "a rule here must not name a column"),
        ("email,region-column", "t", "has no option 'region-column'"),
    ],
)
def test_both_sides_have_the_country_from_a_column_or_neither(
    lists: Path, program: Run, rule: str, key: str, named: str
) -> None:
    Path("t.toml").write_text(f'keys = ["{rule}"]')
    shown = program(*LOCAL, "--key", key)
    assert (shown.code, named in shown.error) == (2, True), shown.out


OFFERED = 'keys = ["email"]\nlearn = "connect"\nreveal = "matches"\npad-to = 10\nmin-matches = 1\n'
SHARED = ("--terms", "t.toml")


def test_an_exchange_by_files_and_its_finish(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All three commands by one file; a file that has changed since is refused, and the state is kept."""
    monkeypatch.chdir(place)
    Path("t.toml").write_text(OFFERED)
    assert offer(place, *SHARED).code == 0
    assert answer(place, *SHARED).code == 0
    for line, option in (
        ("pad-to = 11", "--pad-to"),
        ("pad-to = 10\nepsilon = 1", "--epsilon"),
        ('learn = "both"', "--learn"),
        ('keys = ["email,dots=drop"]', "--key"),
        ('keys = ["email", "phone"]', "--key"),
        ('protocol = "fast"', "--protocol"),
        ('columns = {listen = ["city"]}', "--receive"),
    ):
        Path("other.toml").write_text(line)
        ended = finish(place, "--terms", "other.toml", "--output", "out.csv")
        assert ended.code == 2, (line, ended)
        assert f"in the offer, {option} is " in ended.out
        assert not Path("out.csv").exists()
        assert Path("offer.state").exists()
    ended = finish(place, *SHARED)
    assert (ended.code, ended.json["matches"]) == (0, 2), ended
    assert "both lists are filled up to 10 keys" in ended.err


@pytest.mark.parametrize(("number", "same"), [("0.5", True), ('"1/2"', True), ('"0.50"', True), ("0.25", False)])
def test_numbers_agree_however_they_are_written(lists: Path, number: str, same: bool) -> None:
    Path("t.toml").write_text(f"epsilon = {number}\ndelta = 1e-6")
    terms = SharedTerms.load(Path("t.toml"))
    offered = replace(GIVEN, reveal="noisy-count", epsilon="1/2", delta="0.000001")
    with (
        contextlib.nullcontext()
        if same
        else pytest.raises(UsageError, match=r"--epsilon is 1/2, but 't.toml' says 1/4")
    ):
        terms.require_same(offered, Side.CONNECT)
    with contextlib.nullcontext() if same else pytest.raises(UsageError, match="--epsilon is 1/2"):
        assert terms.apply(Side.CONNECT, offered, ["epsilon"]).delta == "1/1000000"
    assert terms.apply(Side.CONNECT, offered, []).epsilon == ("1/2" if same else "1/4")
