"""Contacts as companies have them, against the truth about each row (support/messy_contacts.py)."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from support.messy_contacts import KEYS, NULL, Table, write_tables
from support.psi_processes import run


@pytest.mark.parametrize(
    ("rows_here", "rows_there"), [(3_000, 1_200), pytest.param(300_000, 120_000, marks=pytest.mark.soak)]
)
def test_matches_are_the_same_people_and_no_others(tmp_path: Path, rows_here: int, rows_there: int) -> None:
    """Every cell that nobody can read is counted under its own reason, and no stranger is matched."""
    here, there = write_tables(tmp_path, rows_here, rows_there, seed=2026)
    for key, rule in KEYS.items():
        output = tmp_path / f"{key}.csv"
        ended = run(
            *("psi", "local", here.path, there.path, "--key", rule, "--null", NULL, "--null-b", NULL),
            *("--output", output, "--json"),
        )
        assert ended.code == 0, ended.err
        counted = json.loads(ended.out)["input"]
        assert counted["unreadable"] == here.unreadable[key], key
        assert counted["blank"] == here.blank[key], key
        assert _rows(output) == here.matching(there, key), key
        assert len(_rows(output)) > rows_there // 5, key  # there is something to find


def test_the_mess_is_as_messy_as_it_says(tmp_path: Path) -> None:
    """Each defect is there, also in the smaller tables."""
    here, there = write_tables(tmp_path, 3_000, 1_200, seed=2026)
    for table in (here, there):
        assert all(table.blank[key] > 20 for key in KEYS)
        assert {key: len(why) for key, why in table.unreadable.items()} == {"email": 3, "phone": 4, "person": 2}
        assert len(set(_truths(table))) < len(_truths(table))  # people who are in it twice


def _truths(table: Table) -> list[object]:
    return [value for value in table.truth["email"] if value is not None]


def _rows(path: Path) -> list[int]:
    with path.open(newline="") as file:
        return [int(row["row"]) for row in csv.DictReader(file, delimiter=";")]
