"""`psiselect.match`, and what a result gives in each mode: a value, or an error that says what would give it."""

from __future__ import annotations

import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from support.library import ACME, GLOBEX, MATCHED, SLOW, threads

import psiselect
from psiselect import MatchResult, PolicyError, UsageError

A, B = pa.table(GLOBEX), pa.table(ACME)


def match(a: Any = A, b: Any = B, **options: Any) -> MatchResult:
    return psiselect.match(a, b, **{"key": "e:email", "key_b": "mail:email", **SLOW, **options})


def test_rows_come_back_as_arrow_and_in_order() -> None:
    found = match()
    assert found.count == found.matched_rows == 2
    assert found.rows.to_pydict() == {"e": MATCHED, "plan": ["gold", "silver"]}
    assert found.frame is found.rows
    assert (found.own_size, found.peer_size, found.peer, found.record) == (3, 3, None, None)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_frame_comes_back_as_what_it_was(library: str) -> None:
    frames = pytest.importorskip(library, reason=f"{library} is in the test extra")
    frame = frames.DataFrame({**GLOBEX, "n": [1, 2, 3]})
    if library == "pandas":
        frame["kind"] = frames.Categorical(["x", "y", "x"])
        frame.index = frames.Index([10, 20, 30], name="row")
    else:
        frame = frame.with_columns(kind=frames.Series(["x", "y", "x"], dtype=frames.Categorical))
    found = match(frame).frame
    assert type(found) is type(frame)
    assert list(found.columns) == list(frame.columns)
    assert list(found["kind"]) == ["x", "x"]
    assert found["kind"].dtype == frame["kind"].dtype
    if library == "pandas":
        assert (found.index.name, list(found.index)) == ("row", [10, 30])


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_of_the_peer_come_with_the_rows(library: str) -> None:
    frames = pytest.importorskip(library, reason=f"{library} is in the test extra")
    result = match(frames.DataFrame(GLOBEX), frames.DataFrame(ACME), receive="city", columns=["plan", "matched_by"])
    assert result.rows.to_pydict() == {
        "plan": ["gold", "gold", "silver"],
        "matched_by": ["e", "e", "e"],
        "peer_city": ["Łódź", "again", "only"],
    }
    pandas, polars = result.to_pandas(), result.to_polars()
    assert {name: list(pandas[name]) for name in pandas.columns} == result.rows.to_pydict()
    assert polars.to_dict(as_series=False) == result.rows.to_pydict()
    assert type(result.frame) is frames.DataFrame


def test_every_form_of_a_table_matches_alike(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason="duckdb is in the test extra")
    here = A  # found by duckdb under this name
    (tmp_path / "a.csv").write_text("e,plan\n" + "".join(f"{e},{p}\n" for e, p in zip(*GLOBEX.values(), strict=True)))
    forms = [here.to_batches(), iter(here.to_batches()), tmp_path / "a.csv", str(tmp_path / "a.csv")]
    forms += [here.to_reader(), duckdb.sql("SELECT * FROM here")]
    assert [match(form).rows.to_pydict() for form in forms] == [match().rows.to_pydict()] * len(forms)


def test_a_file_named_for_the_rows_gets_them(tmp_path: Path) -> None:
    found = match(output=tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "e,plan\nANN@example.com,gold\neve@example.org,silver\n"
    assert found.output == tmp_path / "out.csv"
    assert found.count == 2
    with pytest.raises(UsageError, match=r"are in the file .*out\.csv'. Read them there, or leave out output="):
        _ = found.rows


def test_rows_that_are_not_wanted_are_not_read() -> None:
    with pytest.raises(UsageError, match="Call the function with rows=True"):
        _ = match(rows=False).rows


VALUES = pa.table({**ACME, "paid": ["1.50", "2", "", "0.25", "9", "4"]})
ABSENT: dict[str, tuple[dict[str, Any], dict[str, object], dict[str, str]]] = {
    "count": (
        {"reveal": "count"},
        {"count": 2},
        {"rows": "reveal='count' does not show which rows match", "noisy_count": r"Use \.count", "total": "a sum"},
    ),
    "sum": (
        {"reveal": "sum", "value": "paid"},
        {"count": 2, "total": Decimal("5.75")},
        {"rows": "does not show which rows match", "noisy_count": "does not show a noisy count"},
    ),
    "noisy-count": (
        {"reveal": "noisy-count", "epsilon": 40, "delta": "0.5"},
        {},
        {"count": r"the number of matches. Use \.noisy_count", "matches_by_key": "does not show"},
    ),
}


@pytest.mark.parametrize("mode", ABSENT)
def test_what_a_mode_does_not_give_says_what_would(mode: str) -> None:
    options, given, absent = ABSENT[mode]
    found = match(b=VALUES, **options)
    assert {name: getattr(found, name) for name in given} == given
    for name, words in absent.items():
        with pytest.raises(UsageError, match=words):
            getattr(found, name)
    assert isinstance(found.noisy_count, int) if mode == "noisy-count" else True


def test_a_result_below_the_minimum_is_withheld() -> None:
    assert match(min_matches=2).count == 2
    with pytest.raises(PolicyError, match="fewer matches than min_matches=3, so the program does not show the result"):
        match(min_matches=3)


def test_progress_comes_by_a_call_in_the_same_thread() -> None:
    seen: list[tuple[int, int, int]] = []
    match(progress=lambda done, total: seen.append((done, total, threading.get_ident())))
    assert seen[-1] == (6, 6, threading.get_ident())  # 3 keys masked, 3 replies unmasked
    assert {ident for *_, ident in seen} == {threading.get_ident()}


def test_what_a_progress_call_raises_ends_the_session(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        match(progress=stop, output=tmp_path / "out.csv")
    assert list(tmp_path.iterdir()) == []
    assert threads() == []


def test_nothing_is_shown_that_the_tables_hold() -> None:
    found = match()
    for text in (repr(found), str(found), repr(psiselect.check(B, key="mail:email"))):
        shown = text.replace(found.transcript[:16], "")  # random: it may begin with any digit
        assert not [text for text in (*MATCHED, "gold", " 2", "=2", "2,") if text in shown], shown


def test_the_json_is_the_command_s() -> None:
    found = match().to_json()
    assert (found["matches"], found["matched_rows"], found["output"], found["sum"]) == (2, 2, None, None)
    assert len(str(found["transcript"])) == 128
