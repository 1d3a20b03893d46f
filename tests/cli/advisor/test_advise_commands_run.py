"""The commands that `psiselect advise` prints for its examples and their changes, run as printed.

Replaced are only what the answer says to replace: addresses, a party's own name, value and files.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.advising import MACHINE, known
from support.forked import run_together
from support.mpc_processes import Group
from support.psi_processes import address, ended, psiselect

from cli.advisor.answer import Answer, advise
from cli.advisor.conversation import converse
from cli.main import root
from psi.identity.identity import Identity

NAMES = [f"Plan {letter}" for letter in "ABCDEF"]
FEW = 4  # parties where the command does not say how many: each is a process
FAR = 300  # beyond any noise here: every scale is at most 8 parties * 1/epsilon, and exp(-300/8) < 1e-16


def answer_to(name: str, **changes: Any) -> Answer:
    answer = advise(known(name) | changes, MACHINE)
    assert isinstance(answer, Answer)
    return answer


def printed(name: str, command: str) -> list[str]:
    """The words of the first command of this kind among those printed for an example, changes included."""
    answer = answer_to(name)
    lines = [step.line for step in answer.steps] + [change.command for change in answer.changes if change.command]
    line = next(line for line in lines if line.startswith(f"psiselect {command} "))
    return shlex.split(line)[1:]


def here(words: list[str]) -> dict[str, Any]:
    result = CliRunner().invoke(root, [*words, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    shown: dict[str, Any] = json.loads(result.stdout)
    return shown


def instead(words: list[str], **values: str) -> list[str]:
    """The words with these options' values replaced."""
    words = list(words)
    for option, value in values.items():
        words[words.index(f"--{option}") + 1] = value
    return words


# Several parties: one process each, over TLS on loopback.


def together(folder: Path, words: list[str], parties: int, own: Callable[[int], dict[str, str]]) -> dict[str, Any]:
    """What all parties were shown, which is the same."""
    names = ["a", *(f"p{i}" for i in range(1, parties))]
    Group(folder, dict.fromkeys(names, "both"))
    waits = ("--json", "--timeout", "600")  # the machine may have much else to do
    runs = [[*instead(words, party=p, identity=f"keys/{p}", **own(i)), *waits] for i, p in enumerate(names)]
    finished = run_together(folder, runs)
    assert [e.code for e in finished] == [0] * parties, [e.stderr for e in finished if e.code]
    assert len({json.dumps(e.record["value"]) for e in finished}) == 1
    assert all(e.record["parties"] == parties for e in finished)
    return finished[0].record


@pytest.mark.parametrize(
    ("name", "command", "others", "expected"),
    [
        ("A01", "mpc mean", "0", 2500),  # the value that is printed, among four
        ("A01", "mpc threshold", "yes", True),
        ("A03", "mpc sum", "0", 1),
        ("A04", "mpc threshold", "no", False),
    ],
)
def test_exact_results_of_parties(name: str, command: str, others: str, expected: object, tmp_path: Path) -> None:
    words = printed(name, command)
    parties = min(FEW, known(name)["n_holders"])
    shown = together(tmp_path, words, parties, lambda i: {"value": others} if i else {})
    assert shown["value"] == expected


def test_the_noisy_count_of_parties(tmp_path: Path) -> None:
    words = printed("A12", "mpc sum")
    shown = together(tmp_path, words, 8, lambda i: {"value": "50"})
    assert abs(shown["value"] - 400) < FAR
    assert shown["epsilon"] == 1.0


def test_the_noisy_count_in_a_sector(tmp_path: Path) -> None:
    words = instead(printed("A06", "mpc sum"), colluding=str(FEW - 1))  # the task has 40 parties and 39 colluding
    shown = together(tmp_path, words, FEW, lambda i: {})
    assert abs(shown["value"] - FEW) < FAR


def test_tallies_of_parties(tmp_path: Path) -> None:
    for i in range(12):
        (tmp_path / f"mine{i}.txt").write_text("".join(f"{int(i % 5 <= k)}\n" for k in range(5)))
    shown = together(tmp_path, printed("A10", "mpc sum"), 12, lambda i: {"values": f"mine{i}.txt"})
    assert shown["value"] == [3, 6, 8, 10, 12]


def test_the_winner_of_parties(tmp_path: Path) -> None:
    (tmp_path / "candidates.txt").write_text("Bea\nAnna\nCarl\n")
    shown = together(tmp_path, printed("A10", "mpc argmax"), FEW, lambda i: {} if i else {"approve": "Bea"})
    assert shown["value"] == "Anna"


# Two lists: two processes over TLS on loopback.


@pytest.mark.parametrize(
    ("changes", "matches"),
    [
        ({}, 30),
        ({"function": "intersection_size"}, 30),
        ({"function": "intersection_sum"}, 30),
        ({"function": "intersection_size", "exact": "not_needed", "output_privacy": "required", "delta": 1e-9}, None),
    ],
)
def test_two_lists(
    changes: dict[str, Any], matches: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        Identity.create(name, tmp_path / "keys")
        (tmp_path / f"{name}.crt").write_bytes((tmp_path / "keys" / f"{name}.crt").read_bytes())
    (tmp_path / "b.csv").write_text("id,amount\n" + "".join(f"u{i},{i}\n" for i in range(50)))
    (tmp_path / "a.csv").write_text("id,amount\n" + "".join(f"u{i},{i}\n" for i in range(20, 70)))
    listens, connects = (step.words[1:] for step in answer_to("A11", **changes).steps)
    with psiselect(*instead(list(listens), address="127.0.0.1:0", input="b.csv"), "--json") as listener:
        words = [address(listener) if word == "b.example:7001" else word for word in connects]
        with psiselect(*instead(words, input="a.csv"), "--json") as caller:
            called, listened = ended(caller), ended(listener)
    assert (called.code, listened.code) == (0, 0), (called, listened)
    shown = called.json
    if matches is not None:
        assert shown["matches"] == matches
    else:
        assert isinstance(shown["noisy_count"], int)
    if changes.get("function") == "intersection_sum":
        assert shown["sum"] == sum(range(20, 50))
    if not changes:
        assert (tmp_path / "matched.csv").read_text().splitlines()[1:] == [f"u{i},{i}" for i in range(20, 50)]


# One holder.


def test_election(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("candidates.txt").write_text("\n".join(NAMES) + "\n")
    Path("ballots.csv").write_text("approved\n" + "Plan A;Plan B\n" * 900 + "Plan C\n" * 100 + "Plan A\n" * 400)
    assert here(printed("A09", "vote plan"))["probability_true_winner"] > 0.999
    assert here(printed("A09", "vote winner"))["winners"] == ["Plan A"]  # 400 ahead: otherwise once in exp(200)


@pytest.mark.parametrize(
    ("command", "rows", "exact", "far"),
    [
        ("release sum", [i / 100 for i in range(101)], 50.5, 50),
        ("release count", ["yes"] * 300 + ["no"] * 50, 300, 50),
        ("release quantile", range(0, 1_000_000, 500), 500_000, 100_000),
    ],
)
def test_releases(
    command: str, rows: Any, exact: float, far: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data.csv").write_text("value\n" + "".join(f"{row}\n" for row in rows))
    shown = here(printed("A08", command))
    assert abs(float(shown["value"]) - exact) < far  # at scale 1, or 200 ranks: otherwise once in exp(50)
    assert shown["epsilon"] == 1.0


# Everybody alone.


def test_street_poll(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = printed("A07", "poll respond")
    said = [here(words)["response"] for _ in range(400)]  # all would say yes; one in four says no
    Path("responses.csv").write_text("response\n" + "".join(f"{s}\n" for s in said))
    shown = here(printed("A07", "poll estimate"))
    assert shown["responses"] == 400
    assert abs(shown["estimate"] - 1) < 7 * shown["standard_error"]  # Hoeffding: otherwise less than once in 1e10


def test_enter_does_not_pass_the_question_that_is_needed() -> None:
    lines = iter(["", "intersection"])
    said: list[str] = []
    known_then = converse({}, lambda prompt: next(lines, ""), said.append)
    assert known_then["function"] == "intersection"
    assert any("needed" in line for line in said)
