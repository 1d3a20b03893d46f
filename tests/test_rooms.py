"""The rules of docs/architecture.md about who may import whom and who may touch the world, read from the source."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.rooms import PACKAGES, circle, edges, floors, imports, modules, touches

ROOT = Path(__file__).parent.parent
MODULES = modules(ROOT)

# Built once, used by psi too.
SHARED = {"dpselect.sampling", "dpselect.truncated", "dpselect.ledger", "dpselect.accounting", "dpselect.privacy"}

# Which modules touch the world, and how. Everything else is pure: what goes in comes from its caller.
CLOCK, DATABASES, FILES, PROCESSES, RANDOM, SOCKETS = "clock", "databases", "files", "processes", "random", "sockets"
ADAPTERS = {
    "psiselect.base.entropy": {RANDOM},
    "psiselect.base.atomic": {FILES},
    "psiselect.base.durable": {FILES, DATABASES},
    "psiselect.base.toml_file": {FILES},
    "psiselect.base.working": {FILES},
    # Certificates and policies are held against the clock; files of a call are opened, and each has one purpose.
    "psiselect.identities": {CLOCK},
    "psiselect.matching.by_engine": {CLOCK},
    "psiselect.matching.by_files": {FILES, CLOCK},
    "psiselect.matching.engine_side": {FILES, CLOCK},
    "psiselect.matching.files": {FILES},
    "psiselect.matching.guard": {CLOCK},
    "psiselect.matching.records": {FILES, CLOCK},
    "psiselect.matching.observing": {CLOCK},
    "psiselect.matching.renewal": {CLOCK},
    "psiselect.matching.served": {CLOCK},
    "psiselect.matching.service_state": {CLOCK},
    "psiselect.matching.serving": {CLOCK},
    "psiselect.matching.session_files": {FILES},
    "psiselect.talk": {CLOCK},
    "psiselect.matching.placed": {FILES},
    "psiselect.matching.public": {SOCKETS},  # asyncio, whose loops wait for a thread
    # Measured, to choose what suits the machine.
    "psi.oblivious.cost": {CLOCK},
    "psi.session.calibration": {CLOCK},
    "psi.session.fast_cost": {CLOCK},
    # Compiled code and worker processes.
    "psi.group.curve25519.lanes.cache": {FILES},
    "psi.group.curve25519.lanes.image": {FILES},
    "psi.group.curve25519.lanes.kernel": {FILES},
    "psi.group.curve25519.lanes.target": {FILES},
    "psi.group.curve25519.portable": {PROCESSES},
    # Keys, tables and what does not fit into memory.
    "psi.identity.files": {FILES},
    "psi.identity.identity": {FILES, CLOCK},
    "psi.store.scratch": {FILES},
    "psi.tables.by_fsspec": {FILES},
    "psi.tables.columnar": {FILES},
    "psi.tables.files": {FILES},
    "psi.tables.folder": {FILES},
    "psi.tables.kept": {FILES},
    "psi.tables.opening": {FILES},
    "psi.tables.spreadsheet": {FILES},
    "psi.tables.sqlite": {FILES},
    "psi.tables.stores": {FILES},
    "psi.tables.unpacking": {FILES},
    "psi.tables.web": {FILES, SOCKETS},
    "psi.tables.writing": {FILES},
    # The link.
    "psi.transport.address": {SOCKETS},
    "psi.transport.credentials": {SOCKETS, CLOCK},
    "psi.transport.health": {SOCKETS},
    "psi.transport.heartbeat": {CLOCK},
    "psi.transport.listener": {CLOCK},
    "psi.transport.listening": {SOCKETS},
    "psi.transport.pinning": {FILES, SOCKETS},
    "psi.transport.queue": {CLOCK},
    "psi.transport.reception": {SOCKETS, CLOCK},
    "psi.transport.stream": {SOCKETS},
    "psi.transport.tls": {SOCKETS, CLOCK},
    "psi.transport.tlschannel": {SOCKETS, CLOCK},
    # Sessions: deadlines, the record's date, files that outlive the process.
    "psi.session.job": {CLOCK},
    "psi.session.machine_memory": {FILES},
    "psi.session.session": {CLOCK},
    "psi.accounts.line_file": {FILES},
    "psi.accounts.session_counter": {FILES, DATABASES},
    "psi.resume.folder": {FILES},
    "psi.resume.journal": {FILES},
    "psi.resume.session": {CLOCK},
    "psi.distributed.engines": {FILES, PROCESSES},
    "psi.distributed.places": {FILES},
    "psi.distributed.secret_files": {FILES},
    "psi.offline.answered": {FILES},
    "psi.offline.directory": {FILES},
    "psi.offline.state": {FILES},
    "psi.serve.current_table": {FILES, CLOCK},
    "psi.serve.room": {CLOCK},
    "psi.serve.serving": {CLOCK},
    "dpselect.ballots.formats": {FILES},
    "dpselect.ledger": {FILES, DATABASES, RANDOM, CLOCK},
    "dpselect.utility": {RANDOM},  # simulates from public parameters, with a fixed seed
    "psiselect.advice": {CLOCK},
    "psiselect.elections.draws": {FILES, CLOCK},
    "psiselect.poll": {FILES},
    "psiselect.polling": {FILES},
    # The page: a loopback socket, the file that lets the browser in, uploads, idle time.
    "psiselect.ui.exchanges": {FILES},
    "psiselect.ui.folder": {FILES},
    "psiselect.ui.idle": {CLOCK},
    "psiselect.ui.ledgers": {FILES},
    "psiselect.ui.server": {FILES, SOCKETS},
    "psiselect.ui.uploads": {FILES},
    "psiselect.ui.work": {CLOCK},
    "psiselect.ui.workroom": {FILES},
    "mpc.functions": {CLOCK},
    "mpc.mesh": {CLOCK},
    "mpc.mpyc_bridge": {SOCKETS},
    "mpc.session": {CLOCK},
}
# The command line is an adapter as a whole, but not for links and databases: those it leaves to the rooms below.
CLI = {FILES, CLOCK, PROCESSES, RANDOM}


def package(name: str) -> str:
    return name.split(".")[0]


# Of the front door, what starts the command or hands on what a command makes. No command imports these.
ABOVE_CLI = {"psiselect", "psiselect.__main__", "psiselect.advice"}


def may_import(here: str, target: str) -> bool:
    """Whether imports flow downward: base, dpselect, psi, mpc, the front door, cli."""
    there = package(target)
    if there not in PACKAGES or target.startswith("psiselect.base") or target == "psiselect.base":
        return True
    if here.startswith("psiselect.base"):
        return False
    return {
        "dpselect": there == "dpselect",
        "psi": there == "psi" or target in SHARED,
        "mpc": there in ("dpselect", "psi", "mpc"),
        "cli": target not in ABOVE_CLI,
        "psiselect": there != "cli" or here in ABOVE_CLI,
    }[package(here)]


def violations(name: str, tree: ast.AST) -> list[str]:
    return [f"{name} imports {target}" for target in imports(tree, MODULES) if not may_import(name, target)]


def allowed(name: str) -> set[str]:
    return CLI if package(name) == "cli" else ADAPTERS.get(name, set())


@pytest.mark.parametrize("name", MODULES)
def test_imports_flow_downward(name: str) -> None:
    assert violations(name, MODULES[name]) == []


@pytest.mark.parametrize(
    ("name", "source", "target"),
    [
        ("psi.x", "from cli import main", "cli.main"),
        ("psi.x", "def f():\n  import dpselect.mechanisms", "dpselect.mechanisms"),
        ("dpselect.x", "import psi.transport.wire", "psi.transport.wire"),
        ("mpc.x", "from cli.main import root", "cli.main"),
        ("psiselect.base.x", "from dpselect import sampling", "dpselect.sampling"),
        ("cli.x", "import psiselect", "psiselect"),
        ("psiselect.x", "from cli.main import root", "cli.main"),
        ("psi.x", "from psiselect.tables import Table", "psiselect.tables"),
    ],
)
def test_an_import_upward_is_seen(name: str, source: str, target: str) -> None:
    assert violations(name, ast.parse(source)) == [f"{name} imports {target}"]


def test_the_rooms_of_psi_have_no_circle() -> None:
    assert circle(edges(MODULES, "psi")) == []
    for name in PACKAGES:
        assert circle(edges(MODULES, name)) == [], name


def test_a_circle_is_seen() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]
    with pytest.raises(ValueError, match="a -> b -> a"):
        floors({"a": {"b"}, "b": {"a"}})


def test_psi_is_folders_alone_and_few() -> None:
    found = [path for path in (ROOT / "psi").iterdir() if path.name not in ("__init__.py", "__pycache__")]
    assert all(path.is_dir() and (path / "__init__.py").exists() for path in found)
    assert len(found) <= 18


def test_the_architecture_page_lists_the_rooms_by_floor() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    heights = floors(edges(MODULES, "psi"))
    listed = [line.split()[0].strip("`/") for line in page.splitlines() if line.startswith("  ") and line.split()]
    rooms = [name for name in listed if f"psi.{name}" in heights]
    assert sorted(rooms) == sorted(name.removeprefix("psi.") for name in heights)
    assert [heights[f"psi.{name}"] for name in rooms] == sorted(heights.values())


FOLDERS = sorted(
    ".".join(path.parent.relative_to(ROOT).parts) for name in PACKAGES for path in (ROOT / name).rglob("__init__.py")
)


@pytest.mark.parametrize("name", FOLDERS)
def test_every_folder_has_a_map_and_a_rule(name: str) -> None:
    """The docstring names each module and folder in it, and one rule."""
    folder = ROOT / Path(*name.split("."))
    said = ast.get_docstring(MODULES[name]) or ""
    inside = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    rooms = inside - {"__init__", "__main__"} if name != "psi" else set()  # those are in docs/architecture.md
    assert [room for room in sorted(rooms) if not re.search(rf"(?<!\w){room}\b", said)] == []
    assert "Rule: " in said


@pytest.mark.parametrize("name", MODULES)
def test_only_adapters_touch_the_world(name: str) -> None:
    found = [f"{kind}, line {line}" for kind, line in touches(MODULES[name]) if kind not in allowed(name)]
    assert found == []


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_adapter_is_named_only_while_it_is_one(name: str) -> None:
    assert {kind for kind, _ in touches(MODULES[name])} == ADAPTERS[name]


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        (FILES, "open('x')"),
        (FILES, "import os\nos.unlink('x')"),
        (FILES, "from os import unlink"),
        (FILES, "path.write_text('x')"),
        (FILES, "path.open('rb')"),
        (FILES, "part.replace(target)"),
        (FILES, "import tempfile"),
        (FILES, "def f():\n  from pathlib import Path\n  return Path('x').read_bytes()"),
        (SOCKETS, "import socket"),
        (SOCKETS, "from ssl import SSLContext"),
        (SOCKETS, "import urllib.request"),
        (FILES, "from psiselect.base import atomic"),
        (FILES, "from psiselect.base.durable import AppendLog"),
        (DATABASES, "import sqlite3"),
        (DATABASES, "from psiselect.base import durable\ndurable.transaction(p, 'BEGIN', f)"),
        (CLOCK, "import time\ntime.time()"),
        (CLOCK, "import time\nclock = time.monotonic"),
        (CLOCK, "from time import sleep"),
        (CLOCK, "from datetime import UTC, datetime\ndatetime.now(UTC)"),
        (RANDOM, "import random"),
        (RANDOM, "import secrets"),
        (RANDOM, "import os\nos.urandom(16)"),
        (RANDOM, "import numpy as np\nnp.random.default_rng()"),
        (PROCESSES, "import subprocess"),
        (PROCESSES, "import os\nos.fork()"),
    ],
)
def test_a_touch_of_the_world_is_seen(kind: str, source: str) -> None:
    assert kind in {found for found, _ in touches(ast.parse(source))}


def test_what_only_looks_like_a_touch_is_let_through() -> None:
    source = "import os\nos.fspath(x)\n'a'.replace('b', 'c')\nreplace(x, y=1)\nurllib.parse.quote(x)\ntime = 3"
    assert list(touches(ast.parse(source))) == []


def test_what_is_synced_is_synced_in_one_place() -> None:
    """And in the journal, which has its own records."""
    syncing = {
        name
        for name, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in ("fsync", "fdatasync")
    }
    assert syncing == {"psiselect.base.durable", "psi.resume.journal"}


def test_the_protocol_core_has_no_threads_and_no_paths() -> None:
    for name, tree in MODULES.items():
        if name.startswith(("psi.protocol", "psi.agreement", "psi.oblivious.", "psi.transport.wire")):
            used = {target.split(".")[0] for target in imports(tree, MODULES)}
            assert not used & {"threading", "pathlib", "datetime", "os"}, name


def test_no_python_file_is_over_400_lines() -> None:
    sources = [path for name in (*PACKAGES, "tests", "bench", "docs") for path in (ROOT / name).rglob("*.py")]
    assert len(sources) > 400
    assert [str(path) for path in sources if len(path.read_text().splitlines()) > 400] == []


def test_the_reference_is_for_tests_only() -> None:
    reference = "psi.group.curve25519.reference"
    assert reference in MODULES
    assert [name for name, tree in MODULES.items() if reference in imports(tree, MODULES)] == []


def test_importing_every_module_is_silent() -> None:
    names = [n for n in MODULES if n != "cli.main" and not n.endswith("__main__")]
    code = f"import importlib\nfor name in {names!r}: importlib.import_module(name)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_one_word_one_meaning() -> None:
    """No two classes of psi, dpselect and mpc share a name."""
    found: dict[str, list[str]] = {}
    for name, tree in MODULES.items():
        if package(name) in ("psi", "dpselect", "mpc"):
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef):
                    found.setdefault(node.name, []).append(name)
    assert {name: where for name, where in found.items() if len(where) > 1} == {}
