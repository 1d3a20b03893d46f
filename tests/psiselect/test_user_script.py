"""A stranger's script, `support/user_script.py`, uses every public name; `mypy --strict` reads it in `make check`."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest
from support.checkout import ROOT

import psiselect

SCRIPT = "tests/support/user_script.py"
# Described on other pages, with scripts of their own.
ELSEWHERE = {
    *("Advice", "Charged", "Election", "JointSum", "Ledger", "PollResponse", "PollShares"),
    *("ReleasedCells", "ReleasedFirst", "ReleasedNumber", "poll"),
    *("ReleasedTable", "Selection", "advise", "elect", "mpc_sum", "release", "select"),
}


def test_it_uses_every_public_name() -> None:
    used = set(re.findall(r"psiselect\.(\w+)", (ROOT / SCRIPT).read_text()))
    assert set(psiselect.__all__) - used <= ELSEWHERE


def test_mypy_reads_it_with_the_product() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    assert settings["strict"] is True
    assert SCRIPT in settings["files"]


@pytest.mark.soak
def test_it_passes() -> None:
    pytest.importorskip("mypy", reason="mypy is in the check extra")
    done = subprocess.run([sys.executable, "-m", "mypy", SCRIPT], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout
