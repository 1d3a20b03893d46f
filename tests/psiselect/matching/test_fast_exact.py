"""Whole sessions of the fast protocol over TLS, against a plain join: all `learn`, labels, several keys, rows alike."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from support.fast import without_curve
from support.library import parties, session

import psiselect

KEYS = ("k1", "k2", "k3")
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    parties(folder)
    return folder


def drawn_rows(draw: random.Random, count: int, values: int) -> Rows:
    """Rows whose keys come from so many values; some are blank. At most three rows share a value of the first key."""
    often: dict[str, int] = {}
    rows: Rows = []
    for number in range(count):
        row: dict[str, Any] = {"n": number, "city": f"c{number}"}
        for name in KEYS:
            row[name] = None if draw.random() < 0.02 else f"{name} {draw.randrange(values)}"
        first = row["k1"]
        if first is not None:
            often[first] = often.get(first, 0) + 1
            row["k1"] = first if often[first] <= 3 else f"k1 own {number} {draw.random()}"
        rows.append(row)
    return rows


def joined(own: Rows, peer: Rows, keys: int) -> list[int]:
    """The numbers of own rows that match by any key."""
    there = [{row[name] for row in peer} - {None} for name in KEYS[:keys]]
    return [row["n"] for row in own if any(row[name] in known for name, known in zip(KEYS, there, strict=False))]


def joined_with_columns(own: Rows, peer: Rows, one_to_one: bool) -> list[tuple[int, str]]:
    """Pairs by the first key: the number of an own row and the peer's city. One-to-one: the first row of each side."""
    by_key: dict[str, list[str]] = {}
    for row in peer:
        if row["k1"] is not None:
            by_key.setdefault(row["k1"], []).append(row["city"])
    pairs, seen = [], set()
    for row in own:
        cities = by_key.get(row["k1"], [])
        if one_to_one:
            cities = [] if row["k1"] in seen else cities[:1]
            seen.add(row["k1"])
        pairs += [(row["n"], city) for city in cities]
    return sorted(pairs)


def check(folder: Path, seed: int, most: int, **means: Any) -> None:
    """One session of random form. means: backend and threads."""
    draw = random.Random(seed)
    sizes = [draw.choice([draw.randrange(4), draw.randrange(60), draw.randrange(most + 1)]) for _ in range(2)]
    values = draw.choice([5, 1000, 2 * max(1, *sizes)])
    acme, globex = (drawn_rows(draw, size, values) for size in sizes)
    count, learn = draw.choice([1, 1, 2, 3]), draw.choice(["me", "peer", "both"])
    columns = count == 1 and draw.random() < 0.6
    matching = draw.choice(["one-to-one", "one-to-many"]) if count == 1 else "one-to-many"
    shared: dict[str, Any] = {"protocol": "fast", "key": list(KEYS[:count]), "matching": matching, **means}
    if columns:
        shared["label_bytes"] = 256
    options = {
        "listen": {**shared, "learn": {"me": "peer", "peer": "me", "both": "both"}[learn]},
        "connect": {**shared, "learn": learn},
    }
    for side, other in (("listen", "connect"), ("connect", "listen")):
        if columns and options[side]["learn"] != "peer":
            options[side]["receive"], options[other]["send"] = ["city"], "city"
    schema = pa.schema([("n", pa.int64()), ("city", pa.string()), *((name, pa.string()) for name in KEYS)])
    tables = [pa.Table.from_pylist(rows, schema=schema) for rows in (acme, globex)]
    pair = session(folder, *tables, options["listen"], options["connect"])
    for side, found, own, peer in (
        ("listen", pair.listener, acme, globex), ("connect", pair.connector, globex, acme),
    ):  # fmt: skip
        assert isinstance(found, psiselect.MatchResult), (seed, found)
        assert found.protocol == "fast"
        if options[side]["learn"] == "peer":
            assert found.learn == "peer"
            continue
        numbers = found.rows.column("n").to_pylist()
        if columns:
            cities = found.rows.column("peer_city").to_pylist()
            expected = joined_with_columns(own, peer, matching == "one-to-one")
            assert sorted(zip(numbers, cities, strict=True)) == expected, seed
        elif matching == "one-to-one":
            assert numbers == [number for number, _ in joined_with_columns(own, peer, one_to_one=True)], seed
        else:
            assert numbers == joined(own, peer, count), seed
    assert pair.found.record == pair.listener.record


@pytest.mark.parametrize("seed", range(8))
def test_sessions_of_random_form(keys: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    without_curve(monkeypatch)
    check(keys, seed, 200)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 200))
def test_a_hundred_sessions_of_up_to_5000_rows(keys: Path, seed: int) -> None:
    check(keys, seed, 5000, backend="auto", threads=1)
