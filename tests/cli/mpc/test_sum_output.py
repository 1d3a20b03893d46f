"""Results of many numbers: a screen that stays short, and files that hold all of them."""

from __future__ import annotations

import csv
import json
import stat
from pathlib import Path

import pytest
from support.mpc_played import ROLES, Played, invoke
from support.mpc_processes import Group

from cli._errors import classify
from cli.mpc import results
from mpc.session import MpcSession
from psiselect.base import atomic

NUMBERS = 250
TOTALS = tuple(range(-25, NUMBERS - 25))


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Group:
    return Group(tmp_path_factory.mktemp("six"), ROLES)


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Played:
    found = Played(monkeypatch)
    found.sum = MpcSession(TOTALS, 1.0, 2, 3, ())
    return found


@pytest.fixture
def values(tmp_path: Path) -> Path:
    file = tmp_path / "values.txt"
    file.write_text("1\n" * NUMBERS)
    return file


def test_the_screen_shows_some_and_says_how_many_more(group: Group, played: Played, values: Path) -> None:
    done = invoke(group, "alice", "sum", "--values", str(values))
    shown = [line for line in done.stdout.splitlines() if line.startswith("│")]
    assert len(shown) == results.SHOWN_ROWS == 100
    assert shown[-1].split("│")[1:3] == ["    100 ", " 0.74  "]
    assert "150 more numbers are not shown. To write all to a file, use --output FILE.csv." in done.stderr
    played.sum = MpcSession(TOTALS[:100], 1.0, 2, 3, ())
    assert "not shown" not in invoke(group, "alice", "sum", "--values", str(values)).stderr
    played.sum = MpcSession(TOTALS[:101], 1.0, 2, 3, ())
    assert "1 more numbers are not shown" in invoke(group, "alice", "sum", "--values", str(values)).stderr


def test_json_has_all_of_them(group: Group, played: Played, values: Path) -> None:
    record = json.loads(invoke(group, "alice", "mean", "--values", str(values), "--json").stdout)
    assert record["value"] == [n / 300 if n % 300 else n // 300 for n in TOTALS]
    assert record["value_exact"][:2] == ["-1/12", "-0.08"]
    assert "output" not in record


def test_a_csv_file_has_all_of_them(group: Group, played: Played, values: Path, tmp_path: Path) -> None:
    file = tmp_path / "sums.csv"
    done = invoke(group, "alice", "sum", "--values", str(values), "--output", str(file))
    assert done.exit_code == 0
    assert done.stdout.split() == ["numbers", "250", "parties", "3", "written", "to", str(file)]
    header, *rows = csv.reader(file.open(encoding="utf-8"))
    assert header == ["number", "sum"]
    assert [row[0] for row in rows] == [str(n) for n in range(1, NUMBERS + 1)]
    assert [round(100 * float(row[1])) for row in rows] == list(TOTALS)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_json_file_is_what_json_prints(group: Group, played: Played, values: Path, tmp_path: Path) -> None:
    file = tmp_path / "sums.json"
    printed = invoke(group, "alice", "sum", "--values", str(values), "--output", str(file), "--json").stdout
    record = json.loads(printed)
    assert record.pop("output") == str(file)
    assert json.loads(file.read_text()) == record
    assert len(record["value"]) == NUMBERS
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_one_number_is_shown_and_written(group: Group, played: Played, tmp_path: Path) -> None:
    played.sum = MpcSession((150,), 1.0, 2, 3, ())
    file = tmp_path / "sum.csv"
    assert invoke(group, "alice", "mean", "--value", "1", "--output", str(file)).stdout.split()[:2] == ["mean", "0.5"]
    assert file.read_text() == "number,mean\n1,0.5\n"


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("sums.txt", 3, "Use a name that ends in .csv or .json"),
        ("none/sums.csv", 3, "does not exist"),
        ("folder.csv", 3, "is a folder"),
        ("values.csv", 2, "which is an input file"),
    ],
)
def test_an_output_that_cannot_be_is_refused_before_the_run(
    group: Group, played: Played, tmp_path: Path, name: str, code: int, said: str
) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "values.csv").write_text("hours\n1\n")
    given = ("--values", str(tmp_path / "values.csv"), "--output", str(tmp_path / name))
    refused = invoke(group, "alice", "sum", *given).exception
    assert refused is not None
    assert (classify(refused)[0], played.values) == (code, "not run")
    assert said in str(refused)


def test_a_result_that_cannot_be_written_is_printed(
    group: Group, played: Played, values: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "sums.csv"

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.durable, "sync_file", full)
    done = invoke(group, "alice", "sum", "--values", str(values), "--output", str(file))
    assert len(json.loads(done.stdout)["value"]) == NUMBERS
    assert done.exception is not None
    assert classify(done.exception)[0] == 3
    assert f"{file}: this file was not written: No space left on device. The program has printed the result" in str(
        done.exception
    )
    assert not file.exists()


@pytest.mark.soak
def test_a_million_numbers_among_three(tmp_path: Path) -> None:
    """Minutes, where every step takes time in proportion to the numbers; hours where one does not."""
    count, group = 1_000_000, Group(tmp_path, dict.fromkeys(("alice", "bob", "carlos"), "both"))
    arguments = {}
    for i, name in enumerate(group.names):
        file = tmp_path / f"{name}.txt"
        file.write_text("".join(f"{i * k % 5000}.{k % 100:02d}\n" for k in range(count)))
        arguments[name] = ["--values", str(file), "--output", str(tmp_path / f"{name}.csv")]
    for name, ended in group.run("sum", arguments, "--timeout", "110").items():
        assert ended.code == 0, (name, ended.stderr)
        _, *rows = csv.reader((tmp_path / f"{name}.csv").open(encoding="utf-8"))
        sums = [round(100 * float(row[1])) for row in rows]
        assert sums == [100 * sum(i * k % 5000 for i in range(3)) + 3 * (k % 100) for k in range(count)]
