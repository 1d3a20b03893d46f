"""`estimate`, `check` and `normalize`: what can be known before a session."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from support.library import ACME
from support.program import Run

import psiselect
from psi.session.cost import Calibration
from psiselect.matching import prediction

WRITTEN = [" Ann@Example.COM", None, "no address"]
CANONICAL = ["ann@example.com", None, None]


def test_a_check_counts_as_the_command_does(tmp_path: Path, program: Run) -> None:
    lines = [f"{mail or ''},{city}" for mail, city in zip(*ACME.values(), strict=True)]
    (tmp_path / "a.csv").write_text("mail,city\n" + "\n".join(lines) + "\n")
    found = psiselect.check(tmp_path / "a.csv", key="mail:email", null="no address")
    shown = program("psi", "check", tmp_path / "a.csv", "--key", "mail:email", "--null", "no address", "--json")
    assert found.to_dict() == json.loads(shown.out)
    assert (found.rows, found.rows_with_key, found.keys[0].report.blank) == (6, 4, 2)


def test_an_estimate_is_of_the_session_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = Calibration("portable", 1, multiplication=1e-4, hashing=1e-5, handling=1e-6)
    monkeypatch.setattr(prediction, "calibrate", lambda backend, cores: measured)
    slow = {"backend": "portable", "threads": 1}
    plain = psiselect.estimate(1000, 500, **slow)  # type: ignore[arg-type]
    assert (plain.own_multiplications, plain.peer_multiplications) == (2000, 1500)
    linked = psiselect.estimate(1000, 500, link="1M", keys=2, reveal="count", **slow)  # type: ignore[arg-type]
    assert linked.link_bits_per_second == 1_000_000
    assert linked.own_multiplications == 4000
    padded = psiselect.estimate(1000, 500, pad_to=2000, **slow)  # type: ignore[arg-type]
    assert padded.own_multiplications == 4000
    record = linked.to_dict()
    assert json.loads(json.dumps(record)) == record
    assert (record["bound"], record["machines"], record["own_multiplications"]) == ("network", "apart", 4000)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_series_is_normalized_to_a_series(library: str) -> None:
    frames = pytest.importorskip(library, reason=f"{library} is in the test extra")
    if library == "pandas":
        series = frames.Series(WRITTEN, index=[5, 6, 7], name="mail")
        found = psiselect.normalize(series, "email")
        assert list(found.index) == [5, 6, 7]
        assert [None if frames.isna(value) else value for value in found] == CANONICAL
    else:
        found = psiselect.normalize(frames.Series("mail", WRITTEN), "email")
        assert found.to_list() == CANONICAL
    assert (type(found).__name__, found.name) == ("Series", "mail")


def test_lists_and_arrays_are_normalized_to_arrays() -> None:
    for values in (WRITTEN, pa.array(WRITTEN), pa.chunked_array([WRITTEN])):
        assert psiselect.normalize(values, "email").to_pylist() == CANONICAL
    assert psiselect.normalize([5, 6], "raw").to_pylist() == ["5", "6"]
    assert psiselect.normalize(["501 234 567"], "phone,region=PL").to_pylist() == ["+48501234567"]
