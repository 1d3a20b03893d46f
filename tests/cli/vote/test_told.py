"""What `psiselect vote` tells people: candidates, ballots that break rules, and what epsilon means."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.main import main
from cli.vote import options

Run = Callable[..., tuple[int, str, str]]
LISTS = "approved\nAda\nAda,Zed secret\n" + "Bo;Ada\n" * 5 + "Cy\n\nBo\n"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run `psiselect vote ...` in this process, beside the ballots: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    Path("b.csv").write_text(LISTS.replace("Ada,Zed secret", '"Ada,Zed secret"'))
    Path("names.txt").write_text("Ada\nBo\n")

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["psiselect", "vote", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        return int(end.value.code or 0), out, err

    return call


# --- ballots that break rules ---


@pytest.mark.parametrize(
    "command", [("count", "--not-private"), ("winner", "--epsilon", "1", "--neighbors", "replace")]
)
def test_all_ballots_are_read_before_an_error_tells_what_they_break(run: Run, command: tuple[str, ...]) -> None:
    code, out, err = run(*command, "b.csv", "--candidates", "names.txt")
    assert (code, out) == (3, "")
    assert "2 of 10 ballots are invalid. The first is on line 3: name 2 on the ballot is not a candidate." in err
    assert "1 of 10 ballots is invalid, on line 10: a blank line" in err
    assert "secret" not in err
    assert "drop" not in err


def test_a_wrong_separator_is_guessed(run: Run) -> None:
    Path("b.csv").write_text('approved\n"Ada,Bo"\nAda\n')
    code, _, err = run("count", "--not-private", "b.csv", "--candidates", "names.txt", "--separator", ";")
    assert code == 3
    assert "on line 2: name 1 on the ballot is not a candidate. If ',' stands between the names, use --separator" in err
    assert run("count", "--not-private", "b.csv", "--candidates", "names.txt", "--separator", ", ")[0] == 0


def test_options_that_may_help_are_named_to_the_tallier_alone(run: Run) -> None:
    for text, says in (
        ('approved,x\nAda,"a\nb"\nBo,\n', "is not closed.*If cells hold line breaks, use --line-breaks"),
        ("approved,x\nAda,\xe9\nBo,\n", "not UTF-8 text. If the file has another encoding, name it with --encoding"),
    ):
        Path("b.csv").write_text(text, encoding="latin-1")
        code, out, err = run("count", "--not-private", "b.csv", "--candidates", "names.txt")
        assert (code, out) == (3, "")
        assert re.search(says, err)
        for command in (("count", "--not-private"), ("winner", "--epsilon", "1", "--neighbors", "replace")):
            code, out, err = run(*command, "b.csv", "--candidates", "names.txt", "--on-invalid", "drop")
            assert code == 0
            assert "--line-breaks" not in out + err
            assert "--encoding" not in out + err
        Path("b.csv.draw").unlink()


def test_a_cell_is_shown_on_a_terminal_only(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ("count", "--not-private", "b.csv", "--candidates", "names.txt", "--show")
    code, _, err = run(*asked)
    assert code == 2
    assert "works only if the output goes to your screen" in err
    monkeypatch.setattr(options, "_on_a_terminal", lambda: True)
    assert "in the cell 'Ada,Zed secret'" in run(*asked)[2]
    Path("m.csv").write_text("Ada,Bo\n1,secret\n")
    assert "such as 1 or 0, not 'secret'" in run("count", "--not-private", "m.csv", "--show")[2]


def test_the_hint_of_show(run: Run) -> None:
    code, _, err = run("count", "--not-private", "b.csv", "--candidates", "names.txt")
    assert code == 3
    assert "To see the first invalid cell on your screen, add --show." in err


def test_count_tells_what_it_left_out_and_winner_does_not(run: Run) -> None:
    how = ("b.csv", "--candidates", "names.txt", "--on-invalid", "drop")
    code, out, err = run("count", "--not-private", *how, "--json")
    assert code == 0
    found = json.loads(out)
    assert (found["voters"], found["left_out"], found["counts"]) == (7, 3, {"Ada": 6, "Bo": 6})
    assert found["left_out_because"]["a name is not a candidate"] == 2
    assert "2 of 10 ballots left out: a name is not a candidate" in err
    code, _, err = run("winner", *how, "--epsilon", "1", "--neighbors", "replace")
    assert code == 0
    assert "left out" not in err


def test_drop_and_an_error_for_repeated_voters_contradict_each_other(run: Run) -> None:
    code, _, err = run("count", "--not-private", "b.csv", "--on-invalid", "drop", "--repeated-voter", "error")
    assert code == 2
    assert "last or first" in err


def test_at_most_twenty_candidates_are_shown(run: Run) -> None:
    names = [f"N{number:02}" for number in range(23)]
    for count, told in ((20, "N19\n"), (21, "N19 and 1 more\n"), (23, "N19 and 3 more\n")):
        Path("m.csv").write_text(",".join(names[:count]) + "\n" + ",".join(["1"] * count) + "\n")
        assert f"{count} candidates: N00, N01" in (err := run("count", "--not-private", "m.csv")[2])
        assert told in err


def test_a_candidate_with_a_comma_in_the_name_is_still_one(run: Run) -> None:
    Path("m.csv").write_text('Ann,"Cy, Jr."\n1,0\n0,1\n')
    assert '2 candidates: Ann, "Cy, Jr."\n' in run("count", "--not-private", "m.csv")[2]


# --- what epsilon means ---


def test_a_plan_in_words_is_what_the_formula_says(run: Run) -> None:
    """Permute-and-flip with 2 candidates at a lead of 9: 1 - p/2 with p = exp(-9 epsilon)."""
    code, out, _ = run("plan", "--candidates", "names.txt", "--voters", 90, "--json")
    assert code == 0
    found = json.loads(out)
    assert [row["epsilon"] for row in found["epsilons"]] == [0.1, 1.0, 5.0]
    for row in found["epsilons"]:
        odds = 1 - math.exp(-9 * row["epsilon"]) / 2
        assert row["probability_at_a_lead_of_a_tenth"] == pytest.approx(odds, rel=1e-9)
        # The smallest lead at which it is 95 %.
        assert math.exp(-row["lead_for_target"] * row["epsilon"]) / 2 <= 0.05 + 1e-9
        assert math.exp(-(row["lead_for_target"] - 1) * row["epsilon"]) / 2 > 0.05 - 1e-9
        assert row["lead_possible"]
    _, text, _ = run("plan", "--candidates", "names.txt", "--voters", 90)
    leads = [int(number) for number in re.findall(r"With a lead of (\d+) votes? \(", text)]
    assert leads == [row["lead_for_target"] for row in found["epsilons"]]
    assert "divides the chance of any result by at most 2.72." in text
    assert max(map(len, text.splitlines())) <= 110


def test_a_plan_for_few_people_says_that_they_are_too_few(run: Run) -> None:
    code, out, _ = run("plan", "--candidates", "names.txt", "--voters", 9)
    assert code == 0
    assert "Not enough people vote for this: the right winner would need a lead of 24 votes." in out
    assert "With a lead of 1 vote it comes out" in out
    one = run("plan", "--candidates", 3, "--voters", 9, "--epsilon", 2, "--neighbors", "replace", "--seats", 2)[1]
    assert one.count("\nepsilon ") == 1
    assert "the right committee" in one
    assert "--neighbors replace" in one
    assert run("plan", "--candidates", 3, "--voters", 9, "--gap", 2)[0] == 2
    assert run("plan", "--candidates", 3, "--voters", 0)[0] == 2
