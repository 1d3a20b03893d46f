"""Processes of a Spark that are killed in the middle change nothing, and show nothing; nor does a driver that dies."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import spark
from support.attempts import guises, noted
from support.lost import CANARY
from support.on_engine import COMMON

from psi.offline import directory

COUNTS = [COMMON, COMMON, 61, 70]
ROWS = sorted(str(n) for n in range(40, 60))
# What a Spark of several processes writes and shows, by the names of its files in the test's folder.
CHANNELS = {
    "the log of events": "events/**/*",
    "local directories": "local/**/*",
    "logs of all processes": "all.log",
    "the driver's output": "driver.log",
    "output of executors": "home/work/**/std*",
    "settings by REST": "shown/*-environment",
    "plans by REST": "shown/*-rest-sql",
    "executors by REST": "shown/*-rest-allexecutors",
    "jobs and stages by REST": "shown/*-rest-[js]*",
    "plans on pages": "shown/*-page-plan-*",
}
# What is known to be there: so that a search that finds nothing has looked.
KNOWN = {
    "the log of events": b"MapInArrow",
    "logs of all processes": b"Running task",
    "settings by REST": b"spark.io.encryption.enabled",
    "plans by REST": b"MapInArrow",
}


def exchanges(folder: Path, master: str, secret: str, *steps: str) -> int:
    """Run them in a process of their own; what it ends with."""
    spark.require()
    more = {"SPARK_HOME": str(spark.home(folder))}
    with (folder / "driver.log").open("wb") as log:
        return subprocess.run(
            [sys.executable, "-m", "support.lost", str(folder), master, secret, *steps],
            env=spark.environment() | more,
            cwd=folder,
            stdout=log,
            stderr=log,
        ).returncode


def found(folder: Path) -> list[object]:
    return [json.loads(line) for line in (folder / "found").read_text().splitlines()]


def test_a_killed_executor_changes_nothing_a_killed_driver_leaves_no_manifest_and_both_show_nothing(
    tmp_path: Path,
) -> None:
    """One test, since a Spark of several processes takes long to start."""
    steps = "executor:Reply", "driver:HashAndMask"
    assert exchanges(tmp_path, "local-cluster[2,1,700]", "", *steps) == -signal.SIGKILL
    first, last = tmp_path / "exchange-0", tmp_path / "exchange-1"
    assert (first / "marker.over").exists()
    executors = json.loads(next((tmp_path / "shown").glob("0-rest-allexecutors")).read_text())
    assert [each["id"] for each in executors if not each["isActive"]] != []
    assert found(tmp_path) == [[COUNTS, ROWS, ["answer", "offer"]]]
    assert (last / "marker").exists()
    assert not (last / "marker.over").exists()
    assert not (last / "offer" / directory.MANIFEST).exists()
    secrets = noted(tmp_path)
    assert len(secrets) > 8
    for channel, names in CHANNELS.items():
        content = b"".join(path.read_bytes() for path in tmp_path.glob(names) if path.is_file())
        assert len(content) > 100, channel
        assert KNOWN.get(channel, b"") in content, channel
        assert b"@example.org" not in content.lower(), channel
        for secret in (*secrets, CANARY.encode()):
            assert [guise for guise in guises(secret) if guise in content] == [], channel


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str, str]]:
    folder = tmp_path_factory.mktemp("cluster")
    with spark.standalone(folder) as (master, secret):
        yield folder, master, secret


@pytest.mark.soak
def test_each_kind_of_process_killed_in_the_middle_of_each_task_changes_nothing(
    cluster: tuple[Path, str, str],
) -> None:
    """The last step is a machine that is lost for good: its worker and its executor."""
    folder, master, secret = cluster
    steps = [f"{how}:{task}" for how in ("worker", "executor", "slow") for task in ("HashAndMask", "Reply", "TagOwn")]
    steps += [f"{how}:UnmaskAndTag" for how in ("worker", "executor", "slow", "machine")]
    assert exchanges(folder, master, secret, "none:", *steps) == 0
    assert found(folder) == [[COUNTS, ROWS, ["answer", "offer"]]] * (len(steps) + 1)
    for number in range(1, len(steps) + 1):
        assert (folder / f"exchange-{number}" / "marker.over").exists(), steps[number - 1]


@pytest.mark.soak
@pytest.mark.parametrize(("task", "out"), [("Reply", "answer"), ("TagOwn", "answer")])
def test_a_driver_that_dies_while_it_answers_leaves_no_manifest(tmp_path: Path, task: str, out: str) -> None:
    assert exchanges(tmp_path, "local-cluster[1,1,700]", "", f"driver:{task}") == -signal.SIGKILL
    assert (tmp_path / "exchange-0" / "marker").exists()
    assert not (tmp_path / "exchange-0" / out / directory.MANIFEST).exists()
