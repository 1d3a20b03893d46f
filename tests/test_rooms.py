"""The rules of docs/architecture.md about who may import whom, read from the source."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("psiselect", "psi", "dpselect", "mpc", "cli")
# Built once, used by psi too.
SHARED = {"dpselect.sampling", "dpselect.truncated", "psiselect.base.entropy", "dpselect.ledger"}
# What would make a core room touch the world by itself.
WORLD = {
    "socket",
    "ssl",
    "subprocess",
    "selectors",
    "requests",
    "urllib",
    "http",
    "sqlite3",
    "random",
    "secrets",
    "fcntl",
}
# Modules of `psiselect`, `psi` and `dpselect` that are there to touch it: everything else is pure.
ADAPTERS = {
    "psiselect.base.durable": {"sqlite3", "fcntl"},
    "psi.resume.folder": {"fcntl"},
    "psi.transport.address": {"socket"},
    "psi.transport.listener": {"socket", "ssl"},
    "psi.transport.reception": {"socket", "ssl", "selectors"},
    "psi.transport.health": {"socket", "http"},
    "psi.transport.tls": {"socket", "ssl", "selectors"},
    "psi.transport.tlschannel": {"socket", "ssl", "selectors"},
    "psi.transport.pinning": {"socket", "ssl"},
    "psi.group.curve25519.portable": {"subprocess"},
    "psi.tables.postgres": {"urllib"},  # urllib.parse: addresses
    "psi.tables.sqlite": {"urllib"},
    "dpselect.ledger": {"secrets"},
}


def modules() -> dict[str, ast.Module]:
    found = {}
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            found[name] = ast.parse(path.read_text())
    return found


MODULES = modules()


def imports(tree: ast.AST, name: str) -> set[str]:
    """Full names of what a module imports, inside functions too. `from a import b` counts as `a.b` where that is a
    module, else as `a`."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if full in MODULES else str(node.module))
    return found


def room(name: str) -> str:
    return name.split(".")[0]


def in_project(name: str) -> bool:
    return room(name) in ROOMS


def violations(name: str, tree: ast.AST) -> list[str]:
    bad = []
    for target in imports(tree, name):
        here, there = room(name), room(target)
        allowed = (
            target.startswith("psiselect.base")
            or {
                "psiselect": not name.startswith("psiselect.base") or not in_project(target),
                "psi": there not in ("cli", "mpc") and (there != "dpselect" or target in SHARED),
                "dpselect": there not in ("cli", "mpc", "psi"),
                "mpc": there != "cli",
                "cli": True,
            }[here]
        )
        if not allowed:
            bad.append(f"{name} imports {target}")
    return bad


@pytest.mark.parametrize("name", MODULES)
def test_imports_flow_downward(name: str) -> None:
    assert violations(name, MODULES[name]) == []


def test_the_rule_would_be_seen_broken() -> None:
    assert violations("psi.x", ast.parse("from cli import main")) == ["psi.x imports cli.main"]
    assert violations("psi.x", ast.parse("def f():\n  import dpselect.mechanisms")) == [
        "psi.x imports dpselect.mechanisms"
    ]
    assert violations("dpselect.x", ast.parse("import psi.transport.wire")) == ["dpselect.x imports psi.transport.wire"]


@pytest.mark.parametrize("name", [name for name in MODULES if room(name) in ("psiselect", "psi", "dpselect")])
def test_only_adapters_touch_the_world(name: str) -> None:
    used = {target.split(".")[0] for target in imports(MODULES[name], name)} & WORLD
    assert used <= ADAPTERS.get(name, set()), f"{name} uses {used}"


def test_what_is_synced_is_synced_in_one_place() -> None:
    """And in the journal, which has its own records."""
    syncing = {
        name
        for name, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in ("fsync", "fdatasync")
    }
    assert syncing == {"psiselect.base.durable", "psi.resume.journal"}


@pytest.mark.parametrize(
    "name",
    [
        "psi.protocol.party",
        "psi.protocol.states",
        "psi.protocol.receiver",
        "psi.protocol.sender",
        "psi.protocol.messages",
        "psi.transport.wire",
    ],
)
def test_the_protocol_core_has_no_clock_and_no_files(name: str) -> None:
    tree = MODULES[name]
    assert not {target.split(".")[0] for target in imports(tree, name)} & (
        WORLD | {"time", "datetime", "os", "pathlib", "threading"}
    )
    assert "open" not in {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def test_the_reference_is_for_tests_only() -> None:
    users = [name for name in MODULES if "psi.group.curve25519.reference" in imports(MODULES[name], name)]
    assert users == []


def test_importing_every_module_is_silent() -> None:
    names = [n for n in MODULES if n != "cli.main" and not n.endswith("__main__")]
    code = f"import importlib\nfor name in {names!r}: importlib.import_module(name)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
