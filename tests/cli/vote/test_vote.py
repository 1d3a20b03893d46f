"""`psiselect vote`, as a user runs it: outputs, exit codes, and silence about everything beyond the release."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.main import main
from psiselect.elections import winner as vote_winner

FIXTURES = Path(__file__).parents[2] / "fixtures" / "ballots"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `psiselect vote ...` in this process: exit code, stdout, stderr. Draws go to a ledger or nowhere."""

    def call(*arguments: object, group: str = "vote") -> tuple[int, str, str]:
        nowhere = ["--no-ledger"] if arguments[0] == "winner" and "--ledger" not in arguments else []
        monkeypatch.setattr(sys, "argv", ["psiselect", group, *map(str, arguments), *nowhere])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        return int(end.value.code or 0), out, err

    return call


def matrix(path: Path, votes: dict[str, int]) -> Path:
    """A CSV in which each candidate has so many ballots of its own."""
    names = list(votes)
    rows = [",".join(names)]
    for name, count in votes.items():
        rows += [",".join("1" if other == name else "0" for other in names)] * count
    path.write_text("\n".join(rows) + "\n")
    return path


# --- winner ---


def test_winner_prints_the_winner_and_the_guarantee(run: Run) -> None:
    code, out, err = run("winner", FIXTURES / "zero.cat", "--epsilon", "0.1", "--neighbors", "add-remove")
    assert code == 0
    assert out == (
        "Winner: Bo\n"
        "Adding or removing one ballot changes the chance of this result by a factor of at most 1.11. "
        "Nobody can tell from the result what any one ballot says, or whether it was cast.\n"
    )
    assert "exponent" not in err


def test_technical_lines_are_for_those_who_ask(run: Run) -> None:
    options = ("--epsilon", "0.1", "--neighbors", "add-remove")
    quiet, loud = (
        run("winner", FIXTURES / "zero.cat", *options),
        run("winner", FIXTURES / "zero.cat", *options, "--verbose"),
    )
    assert loud[:2] == quiet[:2]
    more = loud[2].removeprefix(quiet[2]).splitlines()
    assert more[0] == "epsilon 0.1, add-remove"
    assert more[1].startswith("permute-and-flip, exponent 1/10 per vote, sampled exactly; on average, its winner is")
    assert len(more) == 2


def test_winner_as_json(run: Run) -> None:
    code, out, _ = run("winner", FIXTURES / "zero.cat", "--epsilon", "1/10", "--neighbors", "replace", "--json")
    record = json.loads(out)
    assert code == 0
    assert record["winners"] == ["Bo"]
    assert (record["mechanism"], record["neighbors"], record["sampling"]) == ("permute-and-flip", "replace", "exact")
    assert (record["epsilon"], record["epsilon_exact"]) == (0.1, "1/10")
    assert (record["exponent_per_vote"], record["exponent_per_vote_exact"]) == (0.05, "1/20")
    assert record["ledger_remaining"] is None
    assert set(record) == {
        "winners", "titles", "record", "epsilon_of_all_draws",
        "seats", "mechanism", "why", "epsilon", "epsilon_exact", "neighbors", "exponent_per_vote",
        "exponent_per_vote_exact", "sampling", "guarantee", "ledger_remaining", "ledger_remaining_exact",
    }  # fmt: skip


@pytest.mark.parametrize("seats", [1, 2])
@pytest.mark.parametrize("as_json", [True, False])
def test_nothing_printed_depends_on_the_ballots_but_the_winners(
    run: Run, tmp_path: Path, seats: int, as_json: bool
) -> None:
    """Two elections with the same clear winners, and other counts and turnout."""
    one = matrix(tmp_path / "ballots.csv", {"Zoe": 500, "Ada": 400, "Ben": 3, "Eve": 0})
    options = ["--epsilon", 50, "--neighbors", "add-remove", "--seats", seats, *(["--json"] if as_json else [])]
    first = run("winner", one, *options)
    matrix(one, {"Zoe": 777, "Ada": 650, "Ben": 0, "Eve": 100})
    assert run("winner", one, *options) == first
    assert first[0] == 0
    if seats == 2 and not as_json:
        assert first[1].startswith("Committee, in alphabetical order: Ada, Zoe\n")


def test_candidates_in_the_order_of_a_real_files_votes_are_not_printed(run: Run) -> None:
    for seats in (2, 3):
        _, out, err = run(
            "winner", FIXTURES / "park.pb", "--epsilon", 1, "--neighbors", "add-remove", "--seats", seats, "--json"
        )
        assert json.loads(out)["winners"] == sorted(json.loads(out)["winners"])
        assert (
            err == "4 candidates: Ada (Arbour), Bo (Bridge; wooden), Dvořák (Drinking fountain), Çelik (Cycle stand)\n"
        )


def test_no_ballots_give_a_winner_and_exit_0(run: Run, tmp_path: Path) -> None:
    """All 40 draws are the same by chance once in 4^39; that the law is uniform is tested on `elect`."""
    (tmp_path / "empty.csv").write_text("A,B,C,D\n")
    winners = set()
    for _ in range(40):
        code, out, _ = run("winner", tmp_path / "empty.csv", "--epsilon", 5, "--neighbors", "add-remove", "--json")
        assert code == 0
        winners.update(json.loads(out)["winners"])
    assert len(winners) >= 2
    assert winners <= set("ABCD")


@pytest.mark.parametrize(
    ("asked", "seats", "used"),
    [
        ("exponential", 1, "exponential"),
        ("permute-and-flip", 1, "permute-and-flip"),
        ("permute-and-flip", 2, "peeling"),
        ("exponential", 2, "subset-exponential"),
        ("subset-exponential", 2, "subset-exponential"),
        ("peeling", 3, "peeling"),
    ],
)
def test_mechanisms_by_name(run: Run, asked: str, seats: int, used: str) -> None:
    arguments = ("--epsilon", 20, "--neighbors", "add-remove", "--mechanism", asked, "--seats", seats, "--json")
    code, out, _ = run("winner", FIXTURES / "zero.cat", *arguments)
    assert code == 0
    assert json.loads(out)["mechanism"] == used
    assert len(json.loads(out)["winners"]) == seats


def test_ballots_with_names_take_the_list_of_candidates(run: Run) -> None:
    options = ("--epsilon", 100, "--neighbors", "replace")
    code, out, _ = run("winner", FIXTURES / "list.csv", *options, "--candidates", FIXTURES / "candidates.txt")
    assert (code, out.splitlines()[0]) == (0, "Winner: Bo")
    code, out, err = run("winner", FIXTURES / "list.csv", *options)
    assert (code, out) == (3, "")
    assert "--candidates FILE" in err


def test_invalid_ballots_stop_with_their_line_or_are_dropped_silently(run: Run, tmp_path: Path) -> None:
    path = matrix(tmp_path / "ballots.csv", {"A": 50, "B": 1})
    good = run("winner", path, "--epsilon", 10, "--neighbors", "add-remove")
    path.write_text(path.read_text() + "1,7\n")
    code, out, err = run("winner", path, "--epsilon", 10, "--neighbors", "add-remove")
    assert (code, out) == (3, "")
    assert f"{path}: 1 of 52 ballots is invalid, on line 53: the cell in the column 'B' must say yes or no" in err
    assert "drop" not in err
    assert run("winner", path, "--epsilon", 10, "--neighbors", "add-remove", "--on-invalid", "drop") == good


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--neighbors", "replace"], 2, "--epsilon"),
        (["--epsilon", "1"], 2, "--neighbors"),
        (["--epsilon", "0", "--neighbors", "replace"], 2, "epsilon"),
        (["--epsilon", "-1", "--neighbors", "replace"], 2, "epsilon"),
        (["--epsilon", "nan", "--neighbors", "replace"], 2, "epsilon"),
        (["--epsilon", "1", "--neighbors", "swap"], 2, "neighbors"),
        (["--epsilon", "1", "--neighbors", "replace", "--seats", "4"], 2, "more candidates than seats"),
        (["--epsilon", "1", "--neighbors", "replace", "--seats", "0"], 2, "seats"),
        (["--epsilon", "1", "--neighbors", "replace", "--gap", "few"], 2, "gap"),
        (["--epsilon", "1", "--neighbors", "replace", "--mechanism", "peeling"], 2, "Use 'permute-and-flip' or"),
        (["--epsilon", "1", "--neighbors", "replace", "--ledger", "x"], 2, "go together"),
        (["--epsilon", "1", "--neighbors", "replace", "--ledger", "nowhere.db", "--dataset", "d"], 3, "nowhere.db"),
        (["--epsilon", "1", "--neighbors", "replace", "--format", "csv"], 3, "line"),
    ],
)
def test_refusals(run: Run, arguments: list[str], code: int, message: str) -> None:
    found, out, err = run("winner", FIXTURES / "town.cat", *arguments)
    assert (found, out) == (code, "")
    assert message in err


def test_errors_as_json(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("winner", tmp_path / "none", "--epsilon", 1, "--neighbors", "replace", "--json")
    assert code == 3
    assert json.loads(out)["error"]["kind"] == "input"


# --- the ledger ---


def test_the_ledger_is_charged_before_the_release_and_refuses_beyond(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = tmp_path / "l.db"
    assert run("create", ledger, "--epsilon", 1, "--neighbors", "add-remove", group="budget")[0] == 0
    options = ("--epsilon", "0.4", "--neighbors", "add-remove", "--ledger", ledger, "--dataset", "town")
    code, out, _ = run("winner", FIXTURES / "zero.cat", *options, "--json")
    assert code == 0
    assert (json.loads(out)["ledger_remaining"], json.loads(out)["ledger_remaining_exact"]) == (0.6, "3/5")

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(vote_winner, "elect", dies)
    assert run("winner", FIXTURES / "zero.cat", *options)[:2] == (130, "")  # nothing was released, and it is paid
    entries = json.loads(run("show", ledger, "--json", group="budget")[1])["entries"]
    assert [entry["cost_exact"] for entry in entries] == ["2/5", "2/5"]
    code, out, err = run("winner", FIXTURES / "zero.cat", *options)
    assert (code, out) == (6, "")
    assert "'town' has a budget of epsilon 1 in the ledger" in err
    assert "and epsilon 1/5 (0.2) is left" in err


def test_a_bad_file_or_a_wrong_relation_costs_nothing(run: Run, tmp_path: Path) -> None:
    ledger = tmp_path / "l.db"
    run("create", ledger, "--epsilon", 1, "--neighbors", "replace", "--dataset", "town", group="budget")
    paid = ("--ledger", ledger, "--dataset", "town", "--epsilon", 1)
    assert run("winner", FIXTURES / "list.csv", *paid, "--neighbors", "replace")[0] == 3
    assert run("winner", FIXTURES / "town.cat", *paid, "--neighbors", "add-remove")[0] == 6
    paid = ("--ledger", ledger, "--dataset", "twon", "--epsilon", 1)
    assert run("winner", FIXTURES / "town.cat", *paid, "--neighbors", "replace")[0] == 6
    _, out, _ = run("show", ledger, "--json", group="budget")
    assert json.loads(out)["entries"] == []


def test_a_zcdp_ledger_makes_auto_the_exponential_mechanism(run: Run, tmp_path: Path) -> None:
    ledger = tmp_path / "l.db"
    run("create", ledger, "--kind", "zcdp", "--rho", "1/2", "--neighbors", "add-remove", group="budget")
    options = ("--epsilon", 1, "--neighbors", "add-remove", "--ledger", ledger, "--dataset", "town", "--json")
    record = json.loads(run("winner", FIXTURES / "zero.cat", *options)[1])
    assert (record["mechanism"], record["ledger_remaining_exact"]) == ("exponential", "3/8")


# --- count ---


def test_count_is_refused_without_the_flag(run: Run) -> None:
    code, out, err = run("count", FIXTURES / "town.cat")
    assert (code, out) == (2, "")
    assert "--not-private" in err


def test_count(run: Run) -> None:
    code, out, err = run("count", FIXTURES / "town.cat", "--not-private", "--json", "--seats", 2)
    record = json.loads(out)
    assert code == 0
    assert record["counts"] == {"Bo": 3, "Ada": 2, "Çelik": 2, "Dvořák": 1}
    assert (record["winners"], record["tied"]) == (["Bo", "Ada", "Çelik"], ["Ada", "Çelik"])
    assert (record["voters"], record["candidates"], record["private"]) == (5, 4, False)
    assert "category 'Yes'" in err
    text = run("count", FIXTURES / "town.cat", "--not-private")[1]
    assert "5 ballots, not private" in text
    assert text.index("Bo") < text.index("Ada") < text.index("Çelik") < text.index("Dvořák")


def test_a_header_total_that_disagrees_warns_the_tallier_only(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "town.cat"
    path.write_text((FIXTURES / "town.cat").read_text().replace("VOTERS: 5", "VOTERS: 6"))
    code, out, err = run("winner", path, "--epsilon", 100, "--neighbors", "add-remove")
    assert code == 0
    assert "the header says that there are 6 voters" in err
    assert "6" not in out


# --- plan ---


def test_plan_as_json_agrees_with_the_formula(run: Run) -> None:
    code, out, _ = run(
        "plan", "--candidates", 5, "--gap", 2, "--epsilon", 1, "--neighbors", "replace", "--target", "0.95", "--json"
    )
    record = json.loads(out)
    assert code == 0
    assert record["mechanism"] == "permute-and-flip"
    p = math.exp(-1)  # exponent 1/2, gap 2
    assert record["probability_true_winner"] == pytest.approx((1 - (1 - p) ** 5) / (5 * p), rel=1e-12)
    assert record["expected_loss"] == pytest.approx(2 * (1 - record["probability_true_winner"]), rel=1e-9)
    by_name = {row["mechanism"]: row for row in record["mechanisms"]}
    assert by_name["exponential"]["probability_true_winner"] == pytest.approx(0.40, abs=0.01)
    # 8.66 votes at exponent 1/2, so 4.33/2 votes at exponent 1: rounded up.
    assert 8.6 < by_name["exponential"]["gap_for_target"] < 8.7
    assert by_name["exponential"]["epsilon_for_target"] == pytest.approx(8.661 / 2, rel=1e-3)
    assert "lower bound" in record["probability_is"]
    assert "example" in record["expected_loss_is"]


def test_plan_takes_the_file_of_candidates(run: Run) -> None:
    arguments = ("--gap", 20, "--epsilon", "0.1", "--neighbors", "add-remove", "--json")
    by_file = json.loads(run("plan", "--candidates", FIXTURES / "candidates.txt", *arguments)[1])
    by_number = json.loads(run("plan", "--candidates", 4, *arguments)[1])
    assert by_file == by_number


def test_plan_as_text_names_the_choice_the_bound_and_the_example(run: Run) -> None:
    code, out, _ = run(
        "plan", "--candidates", 40, "--gap", 60, "--epsilon", 1, "--neighbors", "add-remove", "--seats", 5
    )
    assert code == 0
    assert "Chosen: subset-exponential: it is more likely than peeling" in out
    assert "lower bound for every election" in out
    assert "is an example" in out
    assert out.count("*") > 30  # the chart


@pytest.mark.parametrize(("name", "begins"), [("p.png", b"\x89PNG"), ("p.svg", b"<?xml")])
def test_plan_draws(run: Run, tmp_path: Path, name: str, begins: bytes) -> None:
    pytest.importorskip("matplotlib")
    options = ("--candidates", 9, "--gap", 9, "--epsilon", 1, "--neighbors", "replace", "--plot", tmp_path / name)
    code, out, _ = run("plan", *options)
    assert code == 0
    assert f"Plot: {tmp_path / name}" in out
    assert (tmp_path / name).read_bytes().startswith(begins)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_plan_without_matplotlib_says_what_to_install(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    options = ("--candidates", 9, "--gap", 9, "--epsilon", 1, "--neighbors", "replace")
    code, out, err = run("plan", *options, "--plot", tmp_path / "p.png")
    assert (code, out) == (2, "")
    assert "psiselect[plot]" in err
    assert run("plan", *options)[0] == 0
    assert run("plan", *options, "--plot", tmp_path / "p.gif")[0] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--candidates", "0", "--gap", "2"], "there are no candidates for 1 seat, so there is nothing to choose"),
        (["--candidates", "1", "--gap", "2"], "there is 1 candidate for 1 seat, so there is nothing to choose"),
        (
            ["--candidates", "5", "--gap", "2", "--seats", "5"],
            "Name more candidates with --candidates, or lower --seats",
        ),
        (
            ["--candidates", "5", "--gap", "2", "--target", "0.1"],
            "the target must be below 1 and above the chance of a purely random choice, but it is 0.1",
        ),
        (["--candidates", "5", "--gap", "2", "--target", "1"], "--target must be a chance between 0 and 1"),
        (["--candidates", "5", "--gap", "2", "--target", "2"], "--target must be a chance between 0 and 1"),
        (["--candidates", "5", "--gap", "-2"], "gap"),
        (["--candidates", "5"], "--gap is missing"),
    ],
)
def test_plan_refuses(run: Run, arguments: list[str], message: str) -> None:
    code, out, err = run("plan", *arguments, "--epsilon", "1", "--neighbors", "replace")
    assert (code, out) == (2, "")
    assert message in err


@pytest.mark.parametrize("seats", [1, 3])
def test_a_plan_of_80_columns_cuts_no_word(run: Run, seats: int, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ("--candidates", 12, "--seats", seats, "--gap", 10, "--epsilon", 1, "--neighbors", "add-remove")

    def words(width: int) -> set[str]:
        monkeypatch.setenv("COLUMNS", str(width))
        shown = run("plan", *options)[1]
        assert max(map(len, shown.splitlines())) <= width
        return set(re.findall(r"[\w.=/()-]+", shown.split("* Chosen")[0]))

    assert words(80) == words(200)


def test_plan_at_a_gap_of_nothing_says_that_no_epsilon_will_do(run: Run) -> None:
    code, out, _ = run("plan", "--candidates", 5, "--gap", 0, "--epsilon", 1, "--neighbors", "replace", "--json")
    assert code == 0
    assert json.loads(out)["epsilon_for_target"] is None
    assert json.loads(out)["probability_true_winner"] == pytest.approx(0.2)


@pytest.mark.parametrize("name", ["winner", "plan", "count"])
def test_help_has_an_example(run: Run, name: str) -> None:
    code, out, _ = run(name, "--help")
    assert code == 0
    assert f"psiselect vote {name}" in out
