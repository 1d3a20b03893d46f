"""Offer, answer and finish with Sail at one side or both: the same matches, counts and refusals as on one machine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import harm, sail
from support.harm import HARMS
from support.on_engine import COMMON, OWN_ROWS, Both

import psiselect
from psi.distributed import own_list, parties
from psi.distributed.places import EnginePlaces, write_rows
from psi.offline import directory
from psiselect import InputError, PolicyError, RemoteError, UsageError
from psiselect.matching import engine_side


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    with sail.session() as found:
        yield found


@pytest.fixture
def both(tmp_path: Path, session: Any) -> Both:
    return Both(tmp_path, session)


@pytest.mark.parametrize("reveal", ["matches", "count"])
@pytest.mark.parametrize(("first", "second"), [("engine", "engine"), ("engine", "here"), ("here", "engine")])
def test_all_combinations_find_the_same(both: Both, first: str, second: str, reveal: str) -> None:
    found = both.found(first, second, **({} if reveal == "matches" else {"reveal": reveal}))
    assert (found.count, found.own_size, found.peer_size) == (COMMON, 60, 70)
    if reveal == "matches":
        rows = pq.read_table(found.output)
        assert found.matched_rows == COMMON
        assert rows.column_names == OWN_ROWS.column_names
        assert sorted(rows["name"].to_pylist()) == sorted(f"name {n}" for n in range(40, 60))
    assert both.left == ["answer", "offer"]  # no state, and nothing in the engine's working folder


def test_several_keys_make_one_list_each_and_a_row_matches_by_any(both: Both) -> None:
    both.offer(key=["mail:email", "phone:phone"])
    both.answer("here", key=["email:email", "tel:phone"])
    found = both.finish(output=both.folder / "rows", columns=["name", "matched_by"])
    assert [each["matches"] for each in found.matches_by_key] == [20, 32]
    rows = {row["name"]: row["matched_by"] for row in pq.read_table(found.output).to_pylist()}
    expected = {}
    for n in range(64):
        by = ["mail"] * (40 <= n < 60) + ["phone"] * (n % 2 == 0)
        if by:
            expected[f"name {n}"] = ";".join(by)
    assert rows == expected
    assert found.matched_rows == len(expected)


def test_rows_become_keys_and_are_counted_as_on_one_machine(both: Both) -> None:
    rows = [*OWN_ROWS["mail"].to_pylist(), *["same@example.org"] * 25, "no at", "a@@b", " NULL "]
    pq.write_table(pa.table({"mail": rows}), both.folder / "own.parquet")
    checked = psiselect.check(both.folder / "own.parquet", key="mail:email", null="NULL").keys[0].report.to_json()
    made = both.offer(null="NULL").to_json()["input"]
    assert isinstance(made, dict)
    for name in ("rows", "distinct", "duplicates", "blank", "unreadable"):
        assert made[name] == checked[name], name
    assert made["frequent"] == [{"rows": 25, "first_rows": []}]
    assert [each["rows"] for each in checked["frequent"]] == [25]  # type: ignore[attr-defined]


def test_strict_refuses_what_the_rule_cannot_read(both: Both) -> None:
    with pytest.raises(InputError, match=r"cannot read 1 of 64 rows: 1 no @ in the address\. Correct"):
        both.offer(strict=True)
    assert both.left == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"reveal": "sum"}, 'reveal="sum", which needs more messages'),
        ({"learn": "both"}, "the side that makes the offer gets the result"),
        ({"reveal": "noisy-count", "epsilon": "1", "delta": "1e-6"}, 'reveal="noisy-count" adds random entries'),
        ({"pad_to": 100}, "pad_to= adds random entries"),
        ({"matching": "one-to-one"}, 'matching="one-to-one" needs a single machine'),
        ({"receive": "plan"}, "send= and receive= work"),
        ({"protocol": "fast"}, "the fast protocol, which needs more messages"),
        ({"threads": 2}, "threads= works only without an engine"),
        ({"query": "SELECT 1", "table": "sqlite:///x.db"}, "query= works only without an engine"),
        ({"master": "local"}, "the engine is running already"),
        ({"task_key": None}, "Then name the file with task_key="),
        ({"engine_workdir": None}, "With engine_workdir=, name a folder"),
        ({"accept_plain_shuffle": False}, "Sail writes your list's keys to local disks without encryption"),
        ({"table": OWN_ROWS}, "Give a DataFrame of the engine's session"),
    ],
)
def test_what_it_does_not_do_is_refused_before_anything_is_read(
    both: Both, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], said: str
) -> None:
    monkeypatch.setattr(own_list, "read", lambda *args, **more: pytest.fail("the list was read"))
    for name in [name for name in options if name in both.engine]:
        both.engine[name] = options[name]
    with pytest.raises(UsageError, match=said):
        both.offer(**{name: value for name, value in options.items() if name not in both.engine})
    assert both.left == []


def test_an_offer_is_answered_once(both: Both) -> None:
    both.offer("here")
    both.answer()
    for where in ("engine", "here"):
        with pytest.raises(PolicyError, match="answers each offer only once"):
            both.answer(where, out=both.folder / "again")
    assert not (both.folder / "again").exists()


def test_a_finished_exchange_is_over(both: Both) -> None:
    both.offer()
    assert both.left == ["offer", "state", "keys"]
    both.answer("here")
    both.finish()
    assert both.left == ["answer", "offer"]
    with pytest.raises(InputError, match="there is no file"):
        both.finish()


def test_an_engine_finishes_what_an_engine_offered(both: Both) -> None:
    both.offer("here")
    both.answer("here")
    with pytest.raises(UsageError, match="an offer that was made without an engine"):
        both.finish("engine")
    assert both.finish("here").count == COMMON


def test_a_result_below_the_minimum_is_withheld_and_the_exchange_is_over(both: Both) -> None:
    both.offer(min_matches=COMMON + 1)
    both.answer("here", min_matches=COMMON + 1)
    with pytest.raises(PolicyError, match="does not show the result"):
        both.finish(output=both.folder / "rows")
    assert not (both.folder / "rows").exists()
    assert both.left == ["answer", "offer"]


def test_policy_and_audit_hold(both: Both) -> None:
    policy = both.folder / "policy.toml"
    audit = both.folder / "audit.log"
    peer = psiselect.Identity.load(both.folder / "acme").fingerprint.hex()
    policy.write_text(
        'reveal = ["matches"]\ncolumns = ["mail"]\nsend_columns = []\noutput_rows = true\nmin_matches = 0\n'
        f'max_own_size = 100\nmax_peer_size = 10\nruns = {{count = 2, per = "7d"}}\n'
        f'[[peer]]\nname = "acme"\nfingerprint = "{peer}"\n'
    )
    with pytest.raises(PolicyError):
        both.offer(policy=policy, reveal="count")
    both.offer(policy=policy, audit=audit)
    both.answer("here")
    with pytest.raises(PolicyError, match="70"):
        both.finish()
    outcomes = [json.loads(line).get("outcome") for line in audit.read_text().splitlines() if line.startswith("{")]
    assert outcomes == ["offered", "failed"]
    assert "state" in both.left  # a refusal leaves what is needed to finish under another policy


def test_a_list_that_changed_since_the_offer_is_refused_and_the_offer_stays(both: Both) -> None:
    both.offer()
    both.answer("here")
    changed = OWN_ROWS.set_column(0, "mail", pa.array(["other@example.org", *OWN_ROWS["mail"].to_pylist()[1:]]))
    pq.write_table(changed, both.folder / "own.parquet")
    with pytest.raises(InputError, match="was made from another list"):
        both.finish(output=both.folder / "rows")
    assert not (both.folder / "rows").exists()
    pq.write_table(OWN_ROWS, both.folder / "own.parquet")
    assert both.finish(output=both.folder / "rows").matched_rows == COMMON


def test_rows_that_came_or_went_change_the_list_only_when_keys_do(both: Both) -> None:
    """As on one machine, where the offer is compared by its keys."""
    both.offer()
    both.answer("here")
    mails = OWN_ROWS["mail"].to_pylist()
    new, gone = [*mails[:-1], "new@example.org"], [mail for mail in mails if mail != "User50@Example.org"]
    for changed in (new, gone, [*gone, "new@example.org"]):
        pq.write_table(pa.table({"mail": changed}), both.folder / "own.parquet")
        with pytest.raises(InputError, match="was made from another list"):
            both.finish(output=both.folder / "rows")
    pq.write_table(pa.table({"mail": [*mails[::-1], "user50@example.org", "neither"]}), both.folder / "own.parquet")
    found = both.finish(output=both.folder / "rows")
    assert (found.count, found.matched_rows) == (COMMON, COMMON + 1)


def test_a_list_is_read_once_whatever_becomes_of_it_while_tasks_run(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task that is tried again masks what was stored; another list under one mask would show which keys are new."""
    real = engine_side.require_admitted

    def changed_meanwhile(*given: Any) -> Any:
        pq.write_table(OWN_ROWS.slice(0, 3), both.folder / "own.parquet")
        return real(*given)

    with monkeypatch.context() as patch:
        patch.setattr(engine_side, "require_admitted", changed_meanwhile)
        assert both.offer().own_size == 60
    both.answer("here")
    with pytest.raises(InputError, match="the offer was made from another list"):
        both.finish(output=both.folder / "rows")
    pq.write_table(OWN_ROWS, both.folder / "own.parquet")
    assert both.finish(output=both.folder / "rows").count == COMMON


def test_a_frame_of_the_session_and_a_table_are_lists_too(both: Both) -> None:
    both.session.createDataFrame(OWN_ROWS).createOrReplaceTempView("members")
    both.offer(table="table:members")
    both.answer(table=both.session.read.parquet(str(both.folder / "peer.parquet")))
    found = both.finish(output="table:common")
    assert both.session.table("common").count() == found.matched_rows == COMMON
    both.session.sql("DROP TABLE common").collect()


def test_where_no_row_matched_there_is_a_table_without_rows(session: Any, tmp_path: Path) -> None:
    """Sail writes nothing then, and the result names the place."""
    none = session.createDataFrame([], "mail string, number bigint")
    here = EnginePlaces(session, here=True)
    for name in ("rows", "rows.csv"):
        assert write_rows(none, str(tmp_path / name), here) == 0
    found = pq.read_table(tmp_path / "rows")
    assert (found.schema.names, found.num_rows) == (["mail", "number"], 0)
    assert [part.read_text() for part in (tmp_path / "rows.csv").glob("*.csv")] == ['"mail","number"\n']
    assert write_rows(session.createDataFrame([("a", 1)], none.schema), str(tmp_path / "one"), here) == 1
    assert pq.read_table(tmp_path / "one").num_rows == 1


def test_csv_in_and_out(both: Both) -> None:
    source = both.folder / "own.csv"
    source.write_text('name,mail\n"a ""b"", c",User41@example.org\n"two\nlines",user42@example.org\nlast,\n')
    both.offer(table=source)
    both.answer("here")
    found = both.finish(output=both.folder / "rows.csv")
    lines = sorted(text for part in (both.folder / "rows.csv").glob("*.csv") for text in [part.read_text()] if text)
    assert found.matched_rows == 2
    assert '"a ""b"", c",User41@example.org' in "".join(lines)
    assert '"two\nlines",user42@example.org' in "".join(lines)


def test_a_missing_column_or_file_is_named(both: Both) -> None:
    with pytest.raises(InputError, match="Did you mean 'mail'"):
        both.offer(key="maill:email")
    with pytest.raises(InputError):
        both.offer(table="table:nowhere")
    assert both.left == []


class Stopped(Exception):
    """The driver dies."""


def test_a_driver_that_dies_leaves_no_manifest(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of answered offers is written before the manifest: so the offer is used up, and no answer is out."""
    both.offer("here")

    def die(*args: object) -> None:
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr("psi.distributed.places.EnginePlaces.write_manifest", die)
        patch.setattr("psi.distributed.places.EnginePlaces.remove", lambda *args: None)  # it cannot tidy up either
        with pytest.raises(Stopped):
            both.answer()
    assert not (both.folder / "answer" / directory.MANIFEST).exists()
    with pytest.raises(PolicyError, match="answers each offer only once"):
        both.answer(out=both.folder / "again")


def test_an_attempt_that_was_killed_is_not_in_the_way(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    both.offer()
    both.answer("here")

    def die(*args: object) -> None:
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(parties.masking, "tag_bytes", lambda *sizes: 5)  # the first attempt finds other tags
        with pytest.raises(RemoteError):
            both.finish()
    assert both.finish().count == COMMON


@pytest.mark.parametrize("name", HARMS)
def test_a_harmed_offer_is_one_typed_error_and_no_answer(both: Both, name: str) -> None:
    both.offer("here")
    HARMS[name](both.folder / "offer")
    with pytest.raises((InputError, RemoteError)):
        both.answer()
    assert not (both.folder / "answer" / directory.MANIFEST).exists()
    assert "keys" not in both.left


@pytest.mark.parametrize("count", [6, pytest.param(300, marks=pytest.mark.soak)])
def test_a_flipped_bit_is_a_typed_error_or_says_nothing(both: Both, count: int) -> None:
    """Parquet has bytes that mean nothing; whoever flips these gets the same answer."""
    both.offer("here")
    for number, _ in enumerate(harm.flips(both.folder / "offer", count, seed=count)):
        out, answered = both.folder / f"answer-{number}", both.folder / f"answered-{number}"
        try:
            both.answer(out=out, state=answered)
        except (InputError, RemoteError):
            assert not (out / directory.MANIFEST).exists()


def test_a_harmed_answer_is_one_typed_error_and_the_right_one_can_still_be_finished(both: Both) -> None:
    both.offer()
    both.answer("here")
    shutil.copytree(both.folder / "answer", both.folder / "kept")
    for name in ("a part is missing", "a chunk is there twice", "the manifest has another signature"):
        HARMS[name](both.folder / "answer")
        with pytest.raises((InputError, RemoteError)):
            both.finish(output=both.folder / "rows")
        shutil.rmtree(both.folder / "answer")
        shutil.copytree(both.folder / "kept", both.folder / "answer")
    assert not (both.folder / "rows").exists()
    assert both.finish(output=both.folder / "rows").matched_rows == COMMON
