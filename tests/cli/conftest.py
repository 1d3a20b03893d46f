"""What tests of several commands share."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.program import Run, Shown
from support.psi_processes import ACME, GLOBEX

from cli.main import main
from psi.identity.identity import Identity


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with two lists and three identities."""
    with (tmp_path / "acme.csv").open("w", newline="") as file:
        csv.writer(file).writerows(ACME)
    pq.write_table(pa.table(GLOBEX), tmp_path / "globex.parquet")
    for name in ("acme", "globex", "mallory"):
        Identity.create(name, tmp_path)
    return tmp_path


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The program, in this process."""

    def call(*arguments: object) -> Shown:
        monkeypatch.setattr("sys.argv", ["psiselect", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return Shown(int(ended.value.code or 0), capsys.readouterr().out)

    return call
