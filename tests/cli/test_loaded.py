"""What the command loads before it is needed: nothing heavy, and so `--help` is quick."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from support.checkout import ROOT, environment

from cli.main import root
from cli.psi import group

# Each takes from 20 ms to seconds to import.
HEAVY = {
    "Crypto", "asyncio", "cryptography", "dp_accounting", "gmpy2", "idna", "iso3166", "llvmlite", "matplotlib", "mpyc",
    "numpy", "pandas", "phonenumbers", "pyarrow", "python_calamine", "rich", "scipy", "sqlite3", "ssl", "yaml",
}  # fmt: skip
# What runs in a process of its own: the lines given, then the top packages that are loaded, on the last line.
LOADED = """
import contextlib, json, sys
with contextlib.suppress(SystemExit):
    exec(sys.argv.pop(1))
print()
print(json.dumps(sorted({name.split(".")[0] for name, module in sys.modules.items() if module})))
"""
COMMAND = "from cli.main import run; run()"


def loaded(lines: str, *arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, lines, *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=environment(),
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("arguments", [(), ("--version",), ("--help",), ("psi", "--help"), ("psi", "nonsense")])
def test_overviews_load_nothing_heavy(arguments: tuple[str, ...]) -> None:
    found = loaded(COMMAND, *arguments)
    assert {"cli", "click"} <= found
    assert found & HEAVY == set()


def test_the_front_door_loads_nothing_heavy_for_an_error_or_the_version() -> None:
    found = loaded("import psiselect; psiselect.InputError; psiselect.__version__")
    assert "psiselect" in found
    assert found & (HEAVY | {"click", "cli", "psi", "dpselect", "mpc"}) == set()


def test_arrow_does_not_bring_pandas_into_a_command(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("email\na@x.example\n")
    names = ("psi", "check", str(tmp_path / "a.csv"), "--key", "email:email")
    assert "pandas" not in loaded(COMMAND, *names)
    pytest.importorskip("pandas")
    assert "pandas" in loaded("from cli.main import main; main()", *names)


def test_a_session_loads_only_what_it_uses(tmp_path: Path) -> None:
    """No part of a listener that keeps running, nor what other rules of keys, kinds of tables and a terminal need. Nor
    what pycryptodome takes for calls of its own code, if it is there: a parser of C."""
    (tmp_path / "a.csv").write_text("email\na@x.example\n")
    names = ("psi", "local", str(tmp_path / "a.csv"), str(tmp_path / "a.csv"), "--key", "email:email")
    names = (*names, "--output", str(tmp_path / "out.csv"))
    unused = {"asyncio", "cffi", "dateutil", "gmpy2", "iso3166", "phonenumbers", "python_calamine", "pycparser"}
    unused |= {"rich", "ssl", "statistics", "zipfile"}
    assert loaded(COMMAND, *names) & unused == set()
    # numpy.ma takes 8 ms: see psiselect.base.packed.
    loaded(f"with contextlib.suppress(SystemExit):\n    {COMMAND}\nassert 'numpy.ma' not in sys.modules", *names)
    pytest.importorskip("cffi")
    assert {"cffi", "pycparser"} <= loaded("from Crypto.Hash import TupleHash256")


def test_libraries_are_set_up_before_they_are_loaded() -> None:
    lines = """
import os
from cli.main import main
with contextlib.suppress(SystemExit):
    main()
import pyarrow
assert pyarrow.default_memory_pool().backend_name == "system"
assert os.environ["OPENBLAS_NUM_THREADS"] == "1"
"""
    assert "pyarrow" in loaded(lines, "--version")


def test_the_first_page_in_the_browser_needs_nothing_heavy() -> None:
    """But what serves it. Each room is loaded when somebody enters it; `bench/page.py` measures."""
    served = """
import pathlib, cli.ui
from psiselect.ui import access, desk, folder, idle, server, site
made = desk.Desk(access.Access(), folder.Folder(pathlib.Path("none")), idle.Idle(1))
site.site(made, 1)
assert b"What would you like to do?" in made.page("home.html").body
"""
    assert loaded(served) & HEAVY == {"asyncio", "ssl"}
    assert {"numpy", "pyarrow"} <= loaded("import psiselect.ui.match_pages")


def test_what_is_heavy_would_be_noticed() -> None:
    assert {"numpy", "pyarrow"} <= loaded(COMMAND, "psi", "local", "--help") & HEAVY
    assert "rich" in loaded(COMMAND, "advise", "--fields") & HEAVY


def test_the_overview_of_psi_says_what_each_command_says_of_itself() -> None:
    shown = CliRunner().invoke(root, ["psi", "--help"], terminal_width=200).output.split("Commands:")[1]
    assert list(group.COMMANDS) == sorted(group.COMMANDS)
    for name, (place, line) in group.COMMANDS.items():
        command = pkgutil.resolve_name(place)
        assert isinstance(command, click.Command)
        assert (command.name, command.get_short_help_str(1000)) == (name, line)
        assert f"  {name} " in shown
        assert line.split(".")[0] in shown
