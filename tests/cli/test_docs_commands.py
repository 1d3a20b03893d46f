"""Commands shown in the documentation: every one parses, and the README's are run as its reader would run them."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from cli.demo.samples import write_samples
from cli.main import root

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands(page: Path) -> list[str]:
    """Lines that start with `psiselect`, in code blocks, continuation lines joined; usage lines left out."""
    text = page.read_text().replace("\\\n", " ")
    found = []
    for line in text.splitlines():
        shown = re.match(r"(?:    |\t|\$ )?\s*(psiselect .*)$", line)
        if shown and not re.search(r"\.\.\.|\[OPTIONS\]|[<>|]", shown[1]):
            found.append(re.sub(r"\s+#.*$", "", shown[1]).strip())
    return found


ALL = [(page.relative_to(ROOT).as_posix(), command) for page in PAGES for command in commands(page)]


def parse(arguments: list[str]) -> None:
    """Let click parse a command without running it. Raises click.UsageError."""
    command: click.Command = root
    context = click.Context(root, info_name="psiselect")
    while isinstance(command, click.Group):
        name = arguments[0]
        found = command.get_command(context, name)
        if found is None:
            raise click.UsageError(f"no command {name}")
        command, arguments = found, arguments[1:]
        context = click.Context(command, info_name=name, parent=context)
    command.make_context(command.name or "", list(arguments), parent=context.parent)


def test_the_documentation_shows_commands() -> None:
    assert len(ALL) >= 20
    assert {"README.md", "docs/cli.md"} <= {page for page, _ in ALL}


@pytest.mark.parametrize(("page", "command"), ALL)
def test_every_command_shown_parses(page: str, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)  # a configuration file is read when the command is parsed
    with contextlib.suppress(click.exceptions.Exit):  # --help and the like
        parse(shlex.split(command)[1:])


def test_a_wrong_command_would_be_seen() -> None:
    with pytest.raises(click.UsageError):
        parse(["psi", "local", "a.csv", "b.csv", "--keys", "email"])
    with pytest.raises(click.UsageError):
        parse(["psi", "unknown"])


def test_generated_pages_are_in_step() -> None:
    # In a process of its own: click keeps help options on command objects, as whoever asked first wanted them.
    checked = subprocess.run(
        [sys.executable, ROOT / "docs" / "generate.py", "--check"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},  # not an install of another tree
        check=False,
    )
    assert checked.returncode == 0, checked.stderr


def readme(pattern: str, **replaced: str) -> list[str]:
    """The README's command that contains `pattern`, as arguments, with words replaced."""
    (command,) = (line for line in commands(ROOT / "README.md") if pattern in line)
    return [replaced.get(word, word) for word in shlex.split(command)[1:]]


def shown(page: Path, heading: str) -> list[str]:
    """The indented lines under a heading, up to the next one."""
    section = page.read_text().split(f"\n{heading}\n")[1].split("\n#")[0]
    return [line[4:] for line in section.splitlines() if line.startswith("    ")]


def test_the_readmes_two_small_lists_match_as_shown(tmp_path: Path) -> None:
    lines = shown(ROOT / "README.md", "## A first match")
    at = lines.index("$ cat common.csv")
    assert len(lines[:at]) == 3
    for line in lines[:2]:
        subprocess.run(["sh", "-c", line], cwd=tmp_path, check=True)
    with start(shlex.split(lines[2])[1:], tmp_path) as program:
        out, err = program.communicate(timeout=120)
    assert program.returncode == 0, err
    assert re.search(r"^matches +1$", out, re.MULTILINE)
    assert (tmp_path / "common.csv").read_text().splitlines() == lines[at + 1 :]


def start(arguments: list[str], folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "cli.main", *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_readme_matches_two_lists(tmp_path: Path) -> None:
    samples = write_samples(tmp_path, people=600)
    samples.acme.path.rename(tmp_path / "customers.csv")
    members = pq.read_table(samples.globex.path)
    names = ["mail" if name == "contact_mail" else name for name in members.column_names]
    csv.write_csv(members.rename_columns(names), tmp_path / "members.csv")
    for name in ("acme", "globex"):
        created = start([name if word == "acme" else word for word in readme("identity create")], tmp_path)
        created.communicate(timeout=60)
        assert created.returncode == 0
        (tmp_path / f"{name}.crt").write_bytes((tmp_path / "keys" / f"{name}.crt").read_bytes())
    with start(readme("psi listen", **{"0.0.0.0:7001": "127.0.0.1:0"}), tmp_path) as listener:
        try:
            line = next(line for line in listener.stderr or () if line.startswith("listening on"))
            where = line.split()[2]
            caller = start(readme("psi connect", **{"acme.example:7001": where}), tmp_path)
            out, err = caller.communicate(timeout=120)
            assert caller.returncode == 0, (out, err)
            listener.communicate(timeout=60)
            assert listener.returncode == 0
        finally:
            listener.kill()
    rows = (tmp_path / "common.csv").read_text().splitlines()
    assert len(rows) > 50


def test_the_readme_elects_somebody(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("Ada\nGrace\nEmmy\n")
    (tmp_path / "ballots.csv").write_text("approved\n" + "Ada;Grace\n" * 400 + "Emmy\n" * 3)
    ended = start(readme("vote winner"), tmp_path)
    out, err = ended.communicate(timeout=60)
    assert ended.returncode == 0, err
    assert re.search(r"\b(Ada|Grace)\b", out)
    assert "403" not in out + err
