"""One draw is the result: the record beside the ballots, in every order in which things can happen."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.main import main
from cli.vote import command as vote_module
from psiselect.elections import draws
from psiselect.elections import winner as vote_winner

Run = Callable[..., tuple[int, str, str]]
OPTIONS = ("--epsilon", "1", "--neighbors", "add-remove")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run `psiselect vote winner ...` in this process, beside the ballots: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    Path("b.csv").write_text("Ada,Bo\n" + "1,0\n" * 99)
    monkeypatch.setattr(draws, "_now", lambda: "2026-11-28 10:00 UTC")

    def call(*arguments: object, options: tuple[str, ...] = OPTIONS) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["psiselect", "vote", "winner", *map(str, arguments), *options])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        return int(end.value.code or 0), out, err

    return call


def entries(name: str = "b.csv.draw") -> list[dict[str, dict[str, object]]]:
    return [json.loads(line) for line in Path(name).read_text().splitlines()[1:]]


def test_the_second_draw_is_refused_and_shows_the_first(run: Run) -> None:
    code, out, err = run("b.csv")
    assert code == 0
    assert "recorded in" in err
    assert stat.S_IMODE(os.stat("b.csv.draw").st_mode) == 0o600
    before = Path("b.csv.draw").read_bytes()
    # Whatever is asked for, and whatever the file now holds.
    for options in (OPTIONS, ("--epsilon", "1/2", "--neighbors", "replace", "--json")):
        Path("b.csv").write_text("Ada,Bo\n" + "0,1\n" * 99)
        code, out, err = run("b.csv", options=options)
        assert code == 6
        assert "drawn on 2026-11-28 10:00 UTC (epsilon 1, add-remove): Ada. This is the result" in out + err
    assert Path("b.csv.draw").read_bytes() == before
    # A copy has a record of its own; a link to the file has not.
    Path("link.csv").symlink_to("b.csv")
    assert run("link.csv")[0] == 6
    Path("copy.csv").write_text(Path("b.csv").read_text())
    assert run("copy.csv")[0] == 0


def test_again_names_the_sum(run: Run) -> None:
    assert run("b.csv")[0] == 0
    assert "All draws together would then cost epsilon 2" in run("b.csv")[2]
    code, _, err = run("b.csv", "--again")
    assert code == 0
    assert "all draws from these ballots together: epsilon 2" in err
    code, out, _ = run("b.csv", "--again", "--json", options=("--epsilon", "0.5", "--neighbors", "add-remove"))
    assert (code, json.loads(out)["epsilon_of_all_draws"], json.loads(out)["epsilon"]) == (0, 2.5, 0.5)
    assert [list(entry) for entry in entries()] == [["begun"], ["drawn"]] * 3


def test_the_sum_is_of_all_draws(run: Run) -> None:
    assert run("b.csv")[0] == run("b.csv", "--again")[0] == 0
    assert "All draws together would then cost epsilon 3" in run("b.csv")[2]


def test_the_cost_is_recorded_before_the_draw_and_the_winner_before_it_is_shown(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []

    def dies(*_: object) -> tuple[str, ...]:
        seen.extend(entries())
        raise KeyboardInterrupt

    with monkeypatch.context() as inner:
        inner.setattr(vote_winner, "elect", dies)
        assert run("b.csv")[:2] == (130, "")
    assert seen == [{"begun": {"at": "2026-11-28 10:00 UTC", "epsilon": "1", "neighbors": "add-remove"}}]
    code, out, err = run("b.csv")
    assert (code, out) == (6, "")
    assert "began on 2026-11-28 10:00 UTC" in err
    assert "Somebody may have seen it" in err
    assert "All draws together would then cost epsilon 2" in err
    shown: list[object] = []
    with monkeypatch.context() as inner:
        inner.setattr(vote_module.click, "echo", lambda *_, **__: shown.append(entries()[-1]))
        run("b.csv", "--again")
    assert shown[-1] == {"drawn": {"at": "2026-11-28 10:00 UTC", "winners": ["Ada"]}}


@pytest.mark.parametrize(
    "arguments", [("b.csv", "--candidates", "names.txt"), ("none.csv",), ("b.csv", "--seats", "7")]
)
def test_nothing_is_recorded_when_reading_fails(run: Run, arguments: tuple[str, ...]) -> None:
    Path("names.txt").write_text("Cy\nDee\n")
    assert run(*arguments)[0] in (2, 3)
    assert not list(Path().glob("*.draw"))


def test_where_no_record_can_be_kept_something_must_be_said(run: Run) -> None:
    os.mkfifo("pipe")
    for place in ("-", "pipe", "sqlite:///x.db"):
        query = ("--query", "select 1") if ":" in place else ()
        code, _, err = run(place, *query)
        assert code == 2, place
        assert "--ledger FILE --dataset NAME" in err
        assert "--no-ledger" in err
    code, _, err = run("b.csv", "--no-ledger")
    assert code == 0
    assert "recorded" not in err
    assert not Path("b.csv.draw").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_needs_a_word(run: Run) -> None:
    Path("locked").mkdir()
    Path("b.csv").rename("locked/b.csv")
    os.chmod("locked", 0o500)
    assert run("locked/b.csv")[0] == 2


def test_a_record_that_cannot_be_written_is_said_before_the_ballots_are_read(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draws.os, "access", lambda *_: False)
    code, _, err = run("nothing.csv")
    assert code == 2
    assert "the program cannot write this file" in err


@pytest.mark.parametrize("more", [("--ledger", "l.db", "--dataset", "d", "--no-ledger"), ("--again", "--no-ledger")])
def test_options_that_contradict_each_other(run: Run, more: tuple[str, ...]) -> None:
    assert run("b.csv", *more)[0] == 2


def test_a_file_that_is_no_record_stays_as_it_is(run: Run) -> None:
    for content in (
        "mine\n",
        '{"psiselect": "draws", "version": 1}\nmine\n',
        '{"psiselect": "draws", "version": 1}\n{"begun": 3}\n',
    ):
        Path("b.csv.draw").write_text(content)
        for more in ((), ("--again",)):
            code, out, _ = run("b.csv", *more)
            assert (code, out) == (3, "")
        assert Path("b.csv.draw").read_text() == content


def test_a_torn_line_is_cut_off(run: Run) -> None:
    assert run("b.csv")[0] == 0
    whole = Path("b.csv.draw").read_text()
    Path("b.csv.draw").write_text(whole + '{"begun": {"at"')
    assert run("b.csv", "--again")[0] == 0
    assert [list(entry) for entry in entries()] == [["begun"], ["drawn"]] * 2
