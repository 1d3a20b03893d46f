"""No test depends on the import name `tests`: another installed distribution may bring a package of that name.

diffprivlib 0.6.6, which the benchmarks install, does. A spawned process imports the module of its function by name, so
such a function is in tests/support/.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.checkout import ROOT, TESTS, environment

# What a test's own lines hold when it starts processes with the standard library's multiprocessing.
_STARTS = ("multiprocessing", "get_context", "ProcessPoolExecutor")
# A test whose process runs a function of the test module.
_OUTSIDE = """
import multiprocessing


def nothing():
    pass


def test_a_process():
    process = multiprocessing.get_context("spawn").Process(target=nothing)
    process.start()
    process.join()
    assert process.exitcode == 0
"""


def spawning_tests() -> list[str]:
    """The pytest names of all tests that start such processes."""
    return [
        f"{path.relative_to(ROOT)}::{node.name}"
        for path in sorted(TESTS.rglob("test_*.py"))
        if path != Path(__file__)
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and any(word in ast.unparse(node) for word in _STARTS)
    ]


@pytest.fixture
def other_tests(tmp_path: Path) -> Path:
    """A folder with another distribution's package `tests`."""
    package = tmp_path / "site" / "tests"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    return package.parent


def ran(folder: Path, names: list[str], other_tests: Path) -> subprocess.CompletedProcess[str]:
    """Run tests by name in `folder`, where `tests` is importable as the other distribution's package only."""
    own = environment()["PYTHONPATH"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", *names],
        cwd=folder,
        env=environment() | {"PYTHONPATH": os.pathsep.join((own, str(other_tests)))},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.soak  # it runs the tests that it names once more
def test_processes_start_beside_another_package_named_tests(other_tests: Path) -> None:
    names = spawning_tests()
    assert len(names) >= 3
    done = ran(ROOT, names, other_tests)
    assert done.returncode == 0, done.stdout


def test_a_function_of_a_test_module_would_be_noticed(tmp_path: Path, other_tests: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    planted = tmp_path / "tests" / "psi" / "test_planted.py"
    planted.parent.mkdir(parents=True)
    planted.write_text(_OUTSIDE)
    done = ran(tmp_path, [str(planted)], other_tests)
    assert done.returncode == 1, done.stdout
    assert "No module named 'tests.psi'" in done.stdout
