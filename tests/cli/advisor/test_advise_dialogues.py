"""Dialogues by a scripted person who gives any allowed answer, does not know, or goes back: each ends in an answer."""

from __future__ import annotations

import json
import random
import shlex
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.advising import MACHINE, known

from cli.advisor import examples, scaffold, tools
from cli.advisor.answer import Answer, Undecided, advise
from cli.advisor.conversation import MAX_QUESTIONS, Talk, converse, next_question
from cli.advisor.elsewhere import KINDS
from cli.advisor.fields import BY_NAME
from cli.advisor.logic import consistent
from cli.advisor.task import read_task
from cli.main import root


def dialogue(start: dict[str, Any], rng: random.Random) -> tuple[dict[str, Any], list[str]]:
    """One path to the end: each question answered by an alternative or not at all."""
    fields, passed, asked = dict(start), set[str](), list[str]()
    while len(asked) < MAX_QUESTIONS:
        name = next_question(fields, frozenset(passed), MAX_QUESTIONS - len(asked))
        if name is None:
            break
        asked.append(name)
        value = rng.choice((None, *BY_NAME[name].alternatives))
        if value is None or not consistent({**fields, name: value}):
            passed.add(name)
        else:
            fields[name] = value
    return fields, asked


def dead_ends(count: int, seed: int) -> list[Any]:
    rng, found = random.Random(seed), []
    for _ in range(count):
        fields, asked = dialogue({"function": rng.choice(("sum", "mean", "top_k", "quantile", "count"))}, rng)
        answer = advise(fields, MACHINE)
        led = isinstance(answer, Answer) or all(labels for _, labels, _ in answer.branches)
        if not led or len(set(asked)) != len(asked):
            found.append((fields, asked))
    return found


def test_every_dialogue_ends_in_a_recommendation_a_branch_or_a_change() -> None:
    assert dead_ends(12, 61) == []


@pytest.mark.soak
def test_many_dialogues_end_in_a_recommendation_a_branch_or_a_change() -> None:
    assert dead_ends(600, 62) == []


State = tuple[dict[str, Any], frozenset[str]]  # what is known, and what the person does not know


def answers(state: State, name: str) -> list[State]:
    """The state after each allowed answer to a question, and after "don't know"."""
    fields, passed = state
    known = [{**fields, name: value} for value in BY_NAME[name].alternatives]
    return [(fields, passed | {name}), *((found, passed) for found in known if consistent(found))]


def leads_somewhere(state: State) -> bool:
    """Whether the dialogue has ended in a recommendation, a change of the task, or a branch for each answer that is
    open."""
    answer = advise(state[0], MACHINE)
    return isinstance(answer, Answer) or (
        bool(answer.branches) and all(labels for _, labels, _ in answer.branches) and answer.exit_code == 11
    )


def breadth_first(function: str, width: int, seed: int) -> tuple[int, list[State]]:
    """How many dialogues about a function were ended, and those that lead nowhere. Every question is answered in every
    way; of each level of the tree `width` states at most go on, chosen by the seed."""
    rng, level = random.Random(seed), [({"function": function}, frozenset[str]())]
    ended, nowhere = 0, list[State]()
    for number in range(MAX_QUESTIONS + 1):
        following = list[State]()
        for state in level:
            left = MAX_QUESTIONS - number
            name = next_question(*state, left) if left else None
            if name is None:
                ended += 1
                nowhere += [] if leads_somewhere(state) else [state]
                continue
            assert name not in state[0], "a question whose answer is known"
            assert name not in state[1], "a question that was put before"
            following += answers(state, name)
        level = following if len(following) <= width else rng.sample(following, width)
    return ended, nowhere


@pytest.mark.parametrize("function", ["sum", "mean"])
def test_dialogues_of_every_answer_lead_somewhere(function: str) -> None:
    ended, nowhere = breadth_first(function, 6, 63)
    assert ended >= 6
    assert nowhere == []


@pytest.mark.soak
@pytest.mark.parametrize("function", BY_NAME["function"].choices)
def test_all_dialogues_lead_somewhere(function: str) -> None:
    """192 at each level: with up to ten answers to a question, all of the first two or three questions."""
    ended, nowhere = breadth_first(function, 192, 64)
    assert ended
    assert nowhere == []


def test_not_knowing_goes_on() -> None:
    asked: list[str] = []
    lines = iter(["sum", "5", "don't know", "", "", ""])
    talk = Talk({})
    converse({}, lambda _: next(lines, ""), asked.append, talk)
    assert len(talk.asked) > 4
    assert len(talk.passed) >= 3


def test_bounds_are_asked_with_bounded_and_k_for_committees() -> None:
    assert next_question({"function": "sum", "n_holders": 1, "bounded": "yes"}) == "bounds"
    board = {name: value for name, value in known("A09").items() if name != "output_dim"} | {"function": "top_k"}
    assert next_question(board) == "output_dim"
    answer = advise(board, MACHINE)
    assert not isinstance(answer, Answer) or answer.steps == ()


def test_back_asks_the_last_question_again() -> None:
    lines = iter(["mean", "3", "back", "4"])
    talk = Talk({})
    converse({}, lambda _: next(lines, ""), lambda _: None, talk)
    assert (talk.known["function"], talk.known["n_holders"]) == ("mean", 4)


def test_yes_and_no_are_taken_where_a_list_says_so() -> None:
    lines = iter(["mean", "3", "yes", "no"])
    talk = Talk({})
    converse({"trusted_curator": False}, lambda _: next(lines, ""), lambda _: None, talk)
    assert set(talk.known.values()) & {"required"} or talk.known.get("each_holder_one_unit") is True


def test_answers_are_saved_for_their_owner_never_over_a_file_and_resumed(tmp_path: Path) -> None:
    kept = tmp_path / "answers.toml"
    words = ["advise", "--ask", "--save", str(kept)]
    result = CliRunner().invoke(root, words, input="sum\n5\n")  # then the terminal is gone
    assert result.exit_code != 0
    assert f"psiselect advise {kept}" in result.stderr
    assert read_task(kept) == {"function": "sum", "n_holders": 5}
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    again = CliRunner().invoke(root, words, input="mean\n")
    assert "this file exists already. Name a new file with --save," in str(again.exception)
    assert read_task(kept)["function"] == "sum"


def test_without_a_file_the_command_to_go_on_has_the_answers() -> None:
    result = CliRunner().invoke(root, ["advise", "--ask"], input="sum\n5\n")
    assert "psiselect advise --set function=sum --set n_holders=5" in result.stderr


def test_an_open_task_is_reported_with_its_branches(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    result = CliRunner().invoke(
        root, ["advise", "--set", "function=sum", "--set", "n_holders=5", "--report", str(page)]
    )
    assert result.exit_code == 11
    assert "What each answer leads to" in page.read_text()
    undecided = advise({"function": "sum", "n_holders": 5}, MACHINE)
    assert isinstance(undecided, Undecided)
    shown = undecided.to_json()
    assert shown["primary"] is None
    assert all(branch["primary"] for branch in shown["branches"])


def test_the_report_of_an_example_has_no_words_of_python(tmp_path: Path) -> None:
    import re

    for item in examples.items():
        page = tmp_path / f"{item['id']}.html"
        CliRunner().invoke(root, ["advise", "--example", item["id"], "--report", str(page)])
        text = page.read_text()
        assert not re.search(r"\b(None|True|False)\b", re.sub(r"<style>.*?</style>", "", text, flags=re.S))
        assert "<th>" not in text
        assert text.count("<h1>") == 1
        for part in ("The task", "The next step", "The alternatives", "Signature", "prefers-color-scheme: dark"):
            assert part in text


def test_the_scaffold_has_a_place_for_each_answer_of_a_poll(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands of the task run on the folder as it is, and ask for the answer."""
    task = {"function": "histogram", "n_holders": 1200, "n_units": 1200, "n_candidates": 4, "trusted_curator": False,
            "each_holder_one_unit": True, "helper_servers": False, "exact": "not_needed", "output_privacy": "required",
            "epsilon_total": 1.0, "recipients": "public"}  # fmt: skip
    said = [f"--set={name}={str(value).lower()}" for name, value in task.items()]
    result = CliRunner().invoke(root, ["advise", *said, "--scaffold", str(tmp_path / "poll")])
    assert result.exit_code == 0, result.output
    monkeypatch.chdir(tmp_path / "poll")
    assert Path("options.txt").read_text().splitlines() == [f"answer {i}" for i in range(1, 5)]
    (line,) = (line for line in Path("commands.sh").read_text().splitlines() if "poll respond" in line)
    words = [*shlex.split(line.removeprefix("# "))[1:], "--json"]
    answered = CliRunner().invoke(root, words, input="answer 3\n")
    assert json.loads(answered.stdout)["response"] in [f"answer {i}" for i in range(1, 5)]


def test_the_scaffold_has_a_place_for_each_party(tmp_path: Path) -> None:
    folder = tmp_path / "ours"
    result = CliRunner().invoke(root, ["advise", "--example", "A01", "--scaffold", str(folder)])
    assert result.exit_code == 0
    assert {path.name for path in folder.iterdir()} == {"task.toml", "parties.toml", "commands.sh", "README.md"}
    assert (folder / "parties.toml").read_text().count("[[party]]\n") == 4
    assert "psiselect mpc mean" in (folder / "README.md").read_text()
    assert "psiselect identity create NAME --out keys" in (folder / "README.md").read_text()
    steps = [line for line in (folder / "README.md").read_text().splitlines() if line[:1].isdigit()]
    assert [line.partition(".")[0] for line in steps] == ["1", "2", "3", "4"]
    assert "#" not in (folder / "commands.sh").read_text().splitlines()
    assert "--out" in CliRunner().invoke(root, ["identity", "create", "--help"]).stdout
    again = CliRunner().invoke(root, ["advise", "--example", "A01", "--scaffold", str(folder)])
    assert "this file exists already. Name a new file with --scaffold," in str(again.exception)
    assert len(set(scaffold.party_names(100))) == 100


def test_tools_are_named_for_kinds_that_exist() -> None:
    assert tools.kinds() == set(KINDS)
    answer = advise(known("A02"), MACHINE)
    assert isinstance(answer, Answer)
    assert "MP-SPDZ" in {tool.name for tool in answer.tools}
