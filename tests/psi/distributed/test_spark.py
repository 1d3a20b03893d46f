"""A Spark with Java at one side or both, through the front door: the same matches, and no secret where others look."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import spark
from support.harm import HARMS
from support.on_engine import COMMON, OWN, Both

from psi.distributed import secret_files
from psiselect import InputError, RemoteError

CANARY = "canary-4f1c@example.org"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spark")


@pytest.fixture(scope="module")
def session(folder: Path) -> Iterator[Any]:
    with spark.session(folder) as found:
        yield found


def test_spark_and_one_machine_find_the_same_and_nothing_secret_is_where_others_look(
    tmp_path: Path, folder: Path, session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = Both(tmp_path, session)
    pq.write_table(
        pa.table({"mail": [*OWN, CANARY, CANARY, "", "no at"], "name": ["x"] * 64}), tmp_path / "own.parquet"
    )
    kept: list[bytes] = []
    real = secret_files.kept

    def noted(where: Any, secrets: dict[str, bytes]) -> Any:
        kept.extend(secrets.values())
        return real(where, secrets)

    monkeypatch.setattr(secret_files, "kept", noted)
    found = both.found("engine", "here")
    assert (found.count, found.matched_rows, found.own_size) == (COMMON, COMMON, 61)
    assert pq.read_table(found.output).num_rows == COMMON
    assert len(kept) >= 2
    looked_at = [path for path in folder.rglob("*") if path.is_file()]
    assert any("events" in path.parts for path in looked_at)
    settings = repr(session.sparkContext.getConf().getAll()).encode()
    for content in (settings, *(path.read_bytes() for path in looked_at)):
        assert CANARY.encode() not in content
        for secret in kept:
            assert secret not in content
            assert secret.hex().encode() not in content


def test_one_machine_offers_and_spark_answers(tmp_path: Path, session: Any) -> None:
    found = Both(tmp_path, session).found("here", "engine", reveal="count")
    assert found.count == COMMON


def workers() -> list[int]:
    """Python workers of Spark: forks of its daemon."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if b"pyspark.daemon" in Path("/proc", name, "cmdline").read_bytes():
                found[int(name)] = int(Path("/proc", name, "stat").read_text().rsplit(")", 1)[1].split()[1])
    return [pid for pid, parent in found.items() if parent in found]


@pytest.mark.soak
def test_killed_workers_change_nothing(tmp_path: Path, session: Any) -> None:
    """Tasks are tried again, with the same result."""
    both, over = Both(tmp_path, session), threading.Event()
    killed: list[int] = []

    def kill() -> None:
        while not over.wait(1.0) and len(killed) < 5:
            for pid in workers()[:1]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        found = both.found("engine", "engine")
    finally:
        over.set()
        killer.join()
    assert killed
    assert (found.count, found.matched_rows, found.own_size, found.peer_size) == (COMMON, COMMON, 60, 70)
    assert both.left == ["answer", "offer"]


@pytest.mark.soak
def test_harmed_offers_are_refused_by_spark_too(tmp_path: Path, session: Any) -> None:
    both = Both(tmp_path, session)
    both.offer("here")
    shutil.copytree(tmp_path / "offer", tmp_path / "kept")
    for harm in HARMS.values():
        harm(tmp_path / "offer")
        with pytest.raises((InputError, RemoteError)):
            both.answer()
        assert not (tmp_path / "answer").exists()
        shutil.rmtree(tmp_path / "offer")
        shutil.copytree(tmp_path / "kept", tmp_path / "offer")
