"""A command that crashes leaves no image of its memory: in each command, before it reads a key."""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from support.checkout import ROOT, environment

# Walks all commands in a process of its own, where a core dump is allowed at first: `main` with each command's name,
# as far as the command itself, which then says what the limit is. Its answer: the limit by command.
WALK = """
import json, os, resource, sys
import click
from cli import main

hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
found = {}

def leaves(command, path):
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            yield from leaves(command.get_command(click.Context(command), name), [*path, name])
    else:
        yield command, path

for command, path in list(leaves(main.root, [])):
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    before = resource.getrlimit(resource.RLIMIT_CORE)[0]
    def reached(*_, path=path, before=before, **__):
        found[" ".join(path)] = [before, resource.getrlimit(resource.RLIMIT_CORE)[0]]
        raise SystemExit(0)
    command.make_context = reached
    sys.argv = ["psiselect", *path]
    try:
        main.main()
    except SystemExit:
        pass
print(json.dumps(found))
"""
WITH_KEYS = {
    *("identity create", "identity show"),
    *("psi listen", "psi connect", "psi local", "psi offer", "psi answer", "psi finish"),
    *("mpc sum", "mpc mean", "mpc threshold", "mpc max", "mpc argmax"),
}


def python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], env=environment(), cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture
def allowed() -> None:
    """Core dumps are allowed here."""
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        pytest.skip("this machine allows no core dumps to forbid")


@pytest.mark.usefixtures("allowed")
def test_no_command_may_dump_core() -> None:
    found = json.loads(python(WALK))
    assert found.keys() >= WITH_KEYS
    assert all(before != 0 for before, _ in found.values())
    assert {name: after for name, (_, after) in found.items() if after != 0} == {}


@pytest.mark.usefixtures("allowed")
def test_importing_the_program_changes_no_limit() -> None:
    """A program that uses the library decides for itself."""
    modules = "cli.main, cli.psi.command, cli.mpc.command, cli.identity, psi.identity.identity, psiselect"
    limit = "resource.getrlimit(resource.RLIMIT_CORE)"
    hard = f"resource.setrlimit(resource.RLIMIT_CORE, ({limit}[1], {limit}[1]))"
    assert python(f"import resource; {hard}; before = {limit}; import {modules}; print({limit} == before)") == "True\n"


RAISED = """
import resource
from cli.main import main
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
main()
"""


@pytest.mark.usefixtures("allowed")
@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="limits are read from /proc")
def test_a_listener_that_runs_may_not_dump_core(place: Path) -> None:
    options = ("--address", "127.0.0.1:0", "--identity", place / "acme", "--peer", place / "globex.crt")
    command = [
        sys.executable,
        "-c",
        RAISED,
        "psi",
        "listen",
        *options,
        "--input",
        place / "acme.csv",
        "--key",
        "Mail:email",
    ]
    with subprocess.Popen(command, env=environment(), cwd=ROOT, stderr=subprocess.PIPE, text=True) as listener:
        try:
            assert any(line.startswith("listening on") for line in listener.stderr or ())
            limits = Path(f"/proc/{listener.pid}/limits").read_text()
        finally:
            listener.kill()
    assert re.search(r"^Max core file size +0 ", limits, re.MULTILINE), limits
