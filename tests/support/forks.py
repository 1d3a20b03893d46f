"""Tests in forks of one process: it has imported pytest and the libraries, but nothing of the product.

A fork starts without importing them again, and takes up whatever the product's files say by then.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

LIBRARIES = (
    "click", "cryptography.x509", "gmpy2", "hypothesis", "numpy", "pyarrow.compute", "pyarrow.csv", "pyarrow.parquet",
    "pytest", "rich.console", "scipy.stats", "yaml",
)  # fmt: skip
PRODUCT = ("psiselect", "psi", "dpselect", "mpc", "cli", "tests")
FAILED = 1  # pytest: tests ran and some failed; 2 and above say that nothing was run
SKIPPED = 100  # no test failed, and some were skipped: their fault may go unnoticed for that reason


def import_libraries() -> None:
    for name in LIBRARIES:
        importlib.import_module(name)


def in_fork(work: Callable[[], int], seconds: float) -> int | None:
    """The exit code of `work` in a fork without input and output; None if it took longer than `seconds`. Nothing that
    it started is left."""
    child = os.fork()
    if child == 0:
        code = 70
        try:
            os.setsid()
            quiet = os.open(os.devnull, os.O_RDWR)
            for number in range(3):
                os.dup2(quiet, number)
            code = work()
        finally:
            os._exit(code)
    until = time.monotonic() + seconds
    pause = 0.001
    try:
        while time.monotonic() < until:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(pause)
            pause = min(2 * pause, 0.05)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return None
    finally:
        _end_group(child)


def _end_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


def _forget_this_checkout() -> None:
    """Everything is imported from the tree with the fault: this module and its folder too."""
    here = Path(__file__).parents[2]
    sys.path[:] = [path for path in sys.path if path and not Path(path).is_relative_to(here / "tests")]
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name != "__main__" and file and any(Path(file).is_relative_to(here / part) for part in PRODUCT):
            del sys.modules[name]


class _Outcomes:
    """A plugin that counts skipped tests, and writes those that fail into a file."""

    def __init__(self, failures: Path | None) -> None:
        self.skipped = 0
        self._failures = failures

    def pytest_runtest_logreport(self, report: object) -> None:
        self.skipped += bool(getattr(report, "skipped", False)) and not hasattr(report, "wasxfail")
        if self._failures and getattr(report, "failed", False):
            with self._failures.open("a") as out:
                print(getattr(report, "nodeid", ""), file=out)


def run_pytest(
    root: Path, tests: Sequence[str], marks: str, *, plugins: Sequence[object] = (), failures: Path | None = None
) -> int:
    """Pytest's exit code for `tests` in the tree at `root`, or SKIPPED. Only in a fork: it imports the product there.

    It ends at the first failure, unless all `failures` are to be written into a file.
    """
    import pytest

    _forget_this_checkout()
    os.chdir(root)
    sys.path[:0] = [str(root), str(root / "tests")]
    os.environ.update(PYTHONPATH=os.pathsep.join(sys.path[:2]), PYTHONDONTWRITEBYTECODE="1")
    sys.dont_write_bytecode = True
    outcomes = _Outcomes(failures)
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-o", "addopts=--import-mode=importlib", "-m", marks]
    # One folder for all forks, which the next one empties: a fork that is killed clears nothing away.
    options += [f"--basetemp={root.parent / (root.name + '-files')}", *([] if failures else ["-x"])]
    code = int(pytest.main([*options, *tests], plugins=[*plugins, outcomes]))
    return SKIPPED if code == 0 and outcomes.skipped else code
