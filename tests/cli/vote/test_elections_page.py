"""docs/elections.md and ballot-formats.md, as their reader would follow them: every example is read, and the walk ends
with an announcement."""

from __future__ import annotations

import json
import random
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.checkout import ROOT, environment

from cli.main import main

PAGE = (ROOT / "docs" / "elections.md").read_text()
FORMATS = (ROOT / "docs" / "ballot-formats.md").read_text()
EXAMPLES: dict[str, str] = dict(
    re.findall(r"^`([\w.]+)`[^\n]*:\n\n```text\n(.*?)```", FORMATS, re.MULTILINE | re.DOTALL)
)
COMMANDS: dict[str, list[str]] = {
    words[3]: words[1:]
    for line in re.findall(r"^    (psiselect vote count .*)$", FORMATS, re.MULTILINE)
    for words in [shlex.split(line)]
    if words[3] in EXAMPLES
}
Run = Callable[..., tuple[int, str, str]]


def test_every_example_of_the_table_is_there_and_has_a_command() -> None:
    table = FORMATS[FORMATS.index("| format | example |") : FORMATS.index("## Lists of names")]
    named = set(re.findall(r"`([\w.]+\.\w+)`", table))
    assert named == EXAMPLES.keys() == COMMANDS.keys()
    assert len(named) >= 12


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process: exit code, stdout, stderr."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["psiselect", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        return int(end.value.code or 0), out, err

    return call


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_the_same_election(
    name: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).write_text(EXAMPLES[name])
    (tmp_path / "names.txt").write_text("Ada\nBo\nCy\nDee\n")
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*COMMANDS[name], "--json")
    assert code == 0, out + err
    found = json.loads(out)
    assert sorted(found["counts"].values(), reverse=True) == [3, 2, 1, 1]
    assert found["winners"] == (["0"] if name.endswith(".yaml") else ["Ada"])
    assert (found["voters"], found["left_out"], found["warnings"]) == (4, 0, [])
    assert "4 candidates: " in err


@pytest.mark.parametrize(
    "text", ["[[12, 7, 30]]", "[[12, 7], [3]]", '{"result": [[12, 7, 30]]}', '{"result":[[0,1]],"x":{}}']
)
def test_totals_are_no_ballots(text: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(text)
    code, out, err = run("vote", "count", str(tmp_path / "result.json"), "--not-private")
    assert (code, out) == (3, "")
    assert "psiselect select TOTALS.csv --label candidate --score approvals --sensitivity 1 --monotonic" in err


def walked(number: int, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the walk's command with this number."""
    walk = PAGE[PAGE.index("## From a form") : PAGE.index("## What a voter is promised")].replace("\\\n", " ")
    command = re.findall(r"^    (psiselect .*)$", walk, re.MULTILINE)[number]
    return subprocess.run(
        [sys.executable, "-m", "psiselect", *shlex.split(command)[1:]],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_walk_ends_with_an_announcement(tmp_path: Path) -> None:
    """The winner leads by 30 votes: another one has a chance of 3 exp(-30)."""
    rng = random.Random(11)
    names = ["Ada Lovelace", "Bo Diddley", "Cy Young, Jr.", "Dee Brown"]
    (tmp_path / "names.txt").write_text("\n".join(names) + "\n")
    rows = ["Timestamp,Email Address,Which candidates do you approve of?"]
    for number in range(90):
        chosen = [names[0]] * (number < 60) + [name for name in names[1:] if rng.random() < 0.2]
        rows.append(f'10/1/2026 9:{number % 60:02}:10,member{number}@club.example,"{", ".join(chosen)}"')
    (tmp_path / "form.csv").write_text("\n".join(rows) + "\n")
    planned, asked, drawn, again = (walked(number, tmp_path) for number in range(4))
    assert planned.returncode == 0
    assert all(f"epsilon {epsilon}, " in planned.stdout for epsilon in ("0.1", "1", "5"))
    assert asked.returncode == 3
    assert "--ballot-column 'Which candidates do you approve of?'" in asked.stderr
    assert "drop" not in asked.stderr
    assert drawn.returncode == 0, drawn.stderr
    announcement = PAGE[PAGE.index("Winner: Ada Lovelace") :].splitlines()[:2]
    assert drawn.stdout.splitlines() == announcement
    assert "not used: 'Timestamp'" in drawn.stderr
    assert "Who should chair the association?" in (tmp_path / "result.html").read_text()
    assert (again.returncode, again.stdout) == (6, "")
    assert "Ada Lovelace. This is the result" in again.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"names.txt", "form.csv", "form.csv.draw", "result.html"}
