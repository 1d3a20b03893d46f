"""Whole sessions with columns: the joined table against a plain join, over random tables with duplicates."""

from __future__ import annotations

import csv
import dataclasses
import functools
import random
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.jobs import agreed, specs

from psi.agreement.column_terms import ColumnTerms
from psi.agreement.modes import Learner, Matching, Reveal, Side
from psi.agreement.terms import Terms
from psi.group.curve25519.backend import Backend, load_backend
from psi.labels import labels, payloads
from psi.normalize import KeySpec
from psi.protocol.outcome import Outcome
from psi.session import local
from psi.session.job import Job, Memory
from psi.tables import open_source
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import InputError, RemoteError

Row = dict[str, str | None]
VALUES = ["", "a", "żółw", "x,y", 'say "no"', "two\nlines", "peer_a", "0012", None]
GIVEN = ColumnTerms(("a", "b"), ("b", "c"))


@functools.cache
def backend() -> Backend:
    return load_backend("auto")


def random_rows(draw: random.Random, columns: str, most: int) -> list[Row]:
    pool = draw.randint(max(1, most // 6), most)
    rows: list[Row] = []
    for _ in range(draw.randint(0, most)):
        row: Row = {
            "mail": draw.choice(["", " ", None, f"Key {draw.randrange(pool)}"] + [f"key {draw.randrange(pool)}"] * 6),
            "phone": draw.choice(["", f"{draw.randrange(pool)}"]),
        }
        rows.append(row | {column: draw.choice(VALUES) for column in columns})
    return rows


def write(path: Path, rows: list[Row], columns: str) -> None:
    names = ["mail", "phone", *columns]
    pq.write_table(pa.table({name: pa.array([row[name] for row in rows], pa.string()) for name in names}), path)


def read(path: Path) -> list[Row]:
    return pq.read_table(path).to_pylist()


def normal(text: str | None) -> str:
    return (text or "").strip().lower()


def plain_join(mine: list[Row], theirs: list[Row], given: tuple[str, ...]) -> list[Row]:
    """By one key: each pair of rows with the same, in my order."""
    return [
        row | {f"peer_{name}": other[name] for name in given}
        for row in mine
        for other in theirs
        if normal(row["mail"]) and normal(row["mail"]) == normal(other["mail"])
    ]


def one_to_one(rows: Mapping[Side, list[Row]]) -> list[tuple[int, int]]:
    """By two keys in order: a value belongs to the first row that has it; a row matches once."""
    values: dict[Side, list[dict[str, int]]] = {side: [] for side in Side}
    for side in Side:
        for key in ("mail", "phone"):
            first: dict[str, int] = {}
            for number, row in enumerate(rows[side]):
                if normal(row[key]):
                    first.setdefault(normal(row[key]), number)
            values[side].append(first)
    pairs: list[tuple[int, int]] = []
    for mine, theirs in zip(values[Side.CONNECT], values[Side.LISTEN], strict=True):
        taken = [set(numbers) for numbers in zip(*pairs, strict=True)] or [set(), set()]
        pairs += [(mine[value], theirs[value]) for value in mine.keys() & theirs.keys()
                  if mine[value] not in taken[0] and theirs[value] not in taken[1]]  # fmt: skip
    return pairs


def play(
    folder: Path, rows: Mapping[Side, list[Row]], terms: Terms, keys: tuple[KeySpec, ...], memory: Memory
) -> tuple[dict[Side, Job], dict[Side, Outcome]]:
    extra = {Side.CONNECT: "ab", Side.LISTEN: "bc"}
    jobs = {}
    for side in Side:
        write(folder / f"{side.value}.parquet", rows[side], extra[side])
        source = open_source(folder / f"{side.value}.parquet")
        jobs[side] = Job(source, keys, side, terms, memory)
    results = local.run(jobs, backend(), SystemEntropy())
    return jobs, {side: result.outcome for side, result in results.items()}


def joined(folder: Path, job: Job, outcome: Outcome) -> list[Row]:
    received = job.received(outcome)
    assert received is not None
    lines = job.write_joined(outcome, received, folder / "out.parquet")
    found = read(folder / "out.parquet")
    assert lines == len(found)
    return found


def check_pair(folder: Path, seed: int, most: int) -> None:
    draw = random.Random(seed)
    learn = draw.choice(list(Learner))
    given = ColumnTerms(
        GIVEN.connect if Side.LISTEN in learn.receivers else (), GIVEN.listen if Side.CONNECT in learn.receivers else ()
    )
    several = seed % 3 == 0
    keys = specs("mail:text", "phone:text") if several else MAIL
    terms = agreed(
        keys, Reveal.MATCHES, learn, chunk=draw.choice([7, 500]), columns=given, label_bytes=draw.choice([1024, 4096]),
        pad_to=draw.choice([None, most + 3]), matching=Matching.ONE_TO_ONE if several else Matching.ONE_TO_MANY,
    )  # fmt: skip
    rows = {Side.CONNECT: random_rows(draw, "ab", most), Side.LISTEN: random_rows(draw, "bc", most)}
    memory = draw.choice([Memory.default(), Memory(1 << 14, folder)])
    jobs, outcomes = play(folder, rows, terms, keys, memory)
    pairs = one_to_one(rows)
    for side in learn.receivers:
        names = given.given_by(side.other)
        found = joined(folder, jobs[side], outcomes[side])
        if several:
            mine = pairs if side is Side.CONNECT else [(b, a) for a, b in pairs]
            expected = [
                rows[side][a] | {f"peer_{name}": rows[side.other][b][name] for name in names} for a, b in sorted(mine)
            ]
        else:
            expected = plain_join(rows[side], rows[side.other], names)
        assert found == expected
    for side, job in jobs.items():
        if side not in learn.receivers:
            assert outcomes[side] == Outcome()
        job.close()
    assert {path.suffix for path in folder.iterdir()} == {".parquet"}


@pytest.mark.parametrize("seed", range(24))
def test_the_joined_table_is_a_plain_join(tmp_path: Path, seed: int) -> None:
    check_pair(tmp_path, seed, 50)


@pytest.mark.soak
def test_a_thousand_joined_tables_are_plain_joins(tmp_path: Path) -> None:
    for seed in range(1000):
        check_pair(tmp_path, 5_000_000 + seed, 300)


MAIL = specs("mail:text")
AGREED = agreed(MAIL, Reveal.MATCHES, Learner.CONNECT, columns=ColumnTerms((), ("c",)), label_bytes=64)
LISTS = {
    Side.CONNECT: [{"mail": m, "phone": "", "a": "", "b": ""} for m in ("ann", "bob", "eve")],
    Side.LISTEN: [{"mail": m, "phone": "", "b": "", "c": f"of {m}"} for m in ("eve", "ann", "zoe")],
}


def test_a_spoiled_label_is_told_after_the_session_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = labels.seal
    monkeypatch.setattr("psi.protocol.sender.labels.seal", lambda keys, rows: honest(keys, rows) ^ 1)
    jobs, outcomes = play(tmp_path, LISTS, AGREED, MAIL, Memory.default())
    assert outcomes[Side.CONNECT].matches == 2
    with pytest.raises(RemoteError, match="cannot be decrypted"):
        joined(tmp_path, jobs[Side.CONNECT], outcomes[Side.CONNECT])
    assert not (tmp_path / "out.parquet").exists()


def test_a_malformed_payload_is_told_after_the_session_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = payloads.fill
    monkeypatch.setattr("psi.labels.columns.payloads.fill", lambda *arguments: honest(*arguments) | 4)
    jobs, outcomes = play(tmp_path, LISTS, AGREED, MAIL, Memory.default())
    with pytest.raises(RemoteError, match="cannot be read"):
        joined(tmp_path, jobs[Side.CONNECT], outcomes[Side.CONNECT])
    assert not (tmp_path / "out.parquet").exists()


def gather(path: Path, terms: Terms) -> None:
    Job(open_source(path), MAIL, Side.LISTEN, terms, Memory.default()).gather()


def test_a_payload_too_long_is_refused_before_the_session(tmp_path: Path) -> None:
    write(tmp_path / "t.parquet", [LISTS[Side.LISTEN][0] | {"c": "x" * 70}], "bc")
    with pytest.raises(
        InputError, match=r"row 1 .* take 75 bytes, but --label-bytes allows only 64. Agree .* 75 or more"
    ):
        gather(tmp_path / "t.parquet", AGREED)
    gather(tmp_path / "t.parquet", dataclasses.replace(AGREED, label_bytes=75))


def test_a_withheld_result_keeps_no_columns(tmp_path: Path) -> None:
    agreed = dataclasses.replace(AGREED, min_matches=3)
    jobs, outcomes = play(tmp_path, LISTS, agreed, MAIL, Memory.default())
    assert outcomes[Side.CONNECT] == Outcome(withheld=True)
    assert jobs[Side.CONNECT].received(outcomes[Side.CONNECT]) is None


def test_the_csv_has_the_same_rows(tmp_path: Path) -> None:
    jobs, outcomes = play(tmp_path, LISTS, AGREED, MAIL, Memory.default())
    received = jobs[Side.CONNECT].received(outcomes[Side.CONNECT])
    assert received is not None
    jobs[Side.CONNECT].write_joined(outcomes[Side.CONNECT], received, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open() as file:
        assert list(csv.reader(file)) == [
            ["mail", "phone", "a", "b", "peer_c"], ["ann", "", "", "", "of ann"], ["eve", "", "", "", "of eve"]
        ]  # fmt: skip
