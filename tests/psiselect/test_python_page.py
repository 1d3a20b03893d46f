"""Every example of docs/python.md runs, one after the other, as a reader would run them."""

from __future__ import annotations

import contextlib
import io
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.checkout import ROOT

import psiselect
from psi.session.cost import Calibration
from psiselect.matching import prediction

PAGE = (ROOT / "docs" / "python.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Runs a block in one namespace; returns what it printed. What calls acme.example finds Acme waiting."""
    pytest.importorskip("pandas", reason="pandas is in the test extra")
    pytest.importorskip("polars", reason="polars is in the test extra")
    measured = Calibration("portable", 1, multiplication=1e-4, hashing=1e-5, handling=1e-6)
    monkeypatch.setattr(prediction, "calibrate", lambda backend, cores: measured)
    monkeypatch.chdir(tmp_path)
    Path("customers.csv").write_text("email,n\nann@example.com,1\nbob@example.com,2\n")
    Path("members.csv").write_text("mail,plan\nAnn@Example.com,gold\neve@example.org,free\n")
    psiselect.Identity.create("acme", "keys")
    namespace: dict[str, Any] = {}
    waiting: list[threading.Thread] = []

    def listen(block: str) -> str:
        """Start the block that listens, and return where."""
        ready, where = threading.Event(), []

        def listening(addresses: Any) -> None:
            where.append(addresses[0])
            ready.set()

        code = block.replace('"0.0.0.0:7001", ', '"127.0.0.1:0", listening=listening, timeout=60, table=')
        thread = threading.Thread(target=exec, args=(code, {"listening": listening}))
        thread.start()
        waiting.append(thread)
        assert ready.wait(60)
        return str(where[0])

    def run_block(block: str) -> str:
        block = block.replace('"0.0.0.0:7002"', '"127.0.0.1:0"')
        if '"0.0.0.0:7001"' in block:
            return ""  # runs when somebody calls
        if "acme.example:7001" in block and '"phone"' not in block:
            block = block.replace("acme.example:7001", listen(LISTENING))
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(block, namespace)
        for name in ("globex", "acme"):
            source = Path("keys") / f"{name}.crt"
            if source.exists() and not Path(f"{name}.crt").exists():  # a thread may be reading it
                Path(f"{name}.crt").write_text(source.read_text())
        for thread in waiting:
            thread.join()
        return printed.getvalue()

    return run_block


(LISTENING,) = (block for block in BLOCKS if '"0.0.0.0:7001"' in block)


def test_every_example_runs(run: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[object] = []
    monkeypatch.setattr(threading, "excepthook", raised.append)
    printed = [run(block) for block in BLOCKS]
    assert raised == []
    assert len(printed) == 15
    text = "\n".join(printed)
    assert text.startswith("\n\n1\npyarrow.Table\nmail: ")
    assert 'Write epsilon="0.1"' in text
    assert "no column 'phone'. The columns are 'mail'" in text
    assert printed[-1] == "1\n"


def test_the_page_names_every_public_name_of_matching() -> None:
    names = {name for name in psiselect.__all__ if not name.startswith("_")}
    missing = {name for name in names if not re.search(rf"\b{name}\b", PAGE)}
    assert missing <= {"LocalError", "Checked", "CostEstimate", "FileResult"} | NUMBERS


# Described on other pages (test_python_pages.py).
NUMBERS = {
    *("Advice", "Charged", "Election", "JointSum", "Ledger", "PollResponse", "PollShares"),
    *("ReleasedCells", "ReleasedFirst", "ReleasedNumber", "poll"),
    *("ReleasedTable", "Selection", "advise", "elect", "mpc_sum", "release", "select"),
}
