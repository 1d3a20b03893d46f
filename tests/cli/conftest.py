"""What tests of several commands share."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.psi_processes import ACME, GLOBEX

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
