"""Matched rows in an object store: whole or not at all, and kept elsewhere when the store does not take them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow.fs as fs
import pyarrow.parquet as pq
import pytest
from support.program import Run
from support.step_callers import both, connecting, listening
from support.steps import Steps
from support.stores import get, put, s3_server

from psi.agreement.modes import Side
from psi.tables.stores import StoreAddress, StoreTarget
from psiselect.base.errors import OutputError, UsageError
from psiselect.matching import session_files
from psiselect.tables import Table

LIST = b"mail,id\nann@x.example,1\nbob@x.example,2\n"
KEYS = ("--key", "mail:email")


@pytest.fixture(scope="module")
def s3() -> Iterator[object]:
    with pytest.MonkeyPatch.context() as patch, s3_server(patch) as store:
        yield store


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_bytes(LIST)
    (tmp_path / "b.csv").write_bytes(b"mail\nANN@x.example\n")
    return tmp_path


def match(program: Run, output: str, *others: str, a: str = "a.csv", b: str = "b.csv") -> tuple[int, dict[str, object]]:
    ended = program("psi", "local", a, b, *KEYS, "--output", output, "--json", *others)
    return ended.code, json.loads(ended.out)


def there(s3: fs.FileSystem, key: str) -> bool:
    found: bool = s3.get_file_info(f"lists/{key}").type is not fs.FileType.NotFound
    return found


@pytest.mark.parametrize("secret", ["", "fakekeyid:fakesecret@"])
def test_rows_become_an_object(s3: object, folder: Path, program: Run, secret: str) -> None:
    code, told = match(program, f"s3://{secret}lists/out.csv")
    assert (code, told["output"]) == (0, "s3://lists/out.csv")
    assert get(s3, "out.csv") == b"mail,id\nann@x.example,1\n"
    assert match(program, "s3://lists/out.parquet", a=put(s3, "in.csv", LIST))[0] == 0
    assert pq.read_table("lists/out.parquet", filesystem=s3).to_pylist() == [{"mail": "ann@x.example", "id": "1"}]
    assert sorted(path.name for path in folder.iterdir()) == ["a.csv", "b.csv"]


@pytest.mark.parametrize(
    ("output", "code", "said"),
    [
        ("https://host.example/out.csv", 2, "cannot write to a web server"),
        ("s3://lists/out/", 2, "this is a folder"),
        ("s3://lists/out.txt", 3, "Use one of these endings"),
        ("s3://no-such-bucket/out.csv", 3, "the bucket 'no-such-bucket' does not exist. Create"),
        ("s3://lists/mine.csv", 2, "because you also gave this file as input"),
    ],
)
def test_what_cannot_be_written_is_refused_at_once(
    s3: object, folder: Path, program: Run, monkeypatch: pytest.MonkeyPatch, output: str, code: int, said: str
) -> None:
    mine = put(s3, "mine.csv", LIST)
    monkeypatch.setattr("psi.session.local.run", lambda *given: pytest.fail("the session has begun"))
    for named in ({"a": mine}, {"b": mine}):
        found, told = match(program, output, **named)
        assert found == code
        assert said in told["error"]["message"]  # type: ignore[index]
    assert get(s3, "mine.csv") == LIST


def test_rows_that_the_store_does_not_take_are_kept_and_named(
    s3: object, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*given: object, **others: object) -> None:
        raise OSError("When completing 'secret': AWS Error ACCESS_DENIED during PutObject operation: secret")

    monkeypatch.setattr("psi.tables.stores.fs.copy_files", refused)
    calls = connecting("--output", "s3://lists/kept.csv", "--workdir", "work"), listening()
    with pytest.raises(OutputError) as found:
        both(monkeypatch, Steps(monkeypatch), Side.CONNECT, *calls)
    (kept,) = (here / "work").iterdir()
    assert "cannot write s3://lists/kept.csv: the cloud storage did not accept the file (ACCESS_DENIED)" in str(
        found.value
    )
    assert f"{kept.relative_to(here)}', a file that only you can read" in str(found.value)
    assert "secret" not in str(found.value)
    assert kept.read_text().count("example") == 2
    assert not there(s3, "kept.csv")


def test_rows_that_end_early_make_no_object(s3: object, tmp_path: Path) -> None:
    def interrupted() -> None:
        with StoreTarget.of("s3://lists/early.csv", tmp_path).replacing() as part:
            part.write_bytes(LIST)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not there(s3, "early.csv")
    assert list(tmp_path.iterdir()) == []


def test_half_an_object_is_removed(s3: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psi.tables.stores.fs.copy_files", lambda *given, **others: put(s3, "half.csv", LIST[:9]))
    target = StoreTarget.of("s3://lists/half.csv", tmp_path)
    with pytest.raises(OutputError, match="did not arrive complete"), target.replacing() as part:
        part.write_bytes(LIST)
    assert not there(s3, "half.csv")


def test_who_may_not_look_may_write(s3: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Blind:
        code = "ACCESS_DENIED"

        def get_file_info(self, path: str) -> None:
            raise OSError(f"key 'secret': AWS Error {self.code} during HeadBucket")

    monkeypatch.setattr(StoreAddress, "opened", lambda address: (Blind(), "lists/a.csv"))
    StoreTarget.of("s3://lists/a.csv", tmp_path).check()
    Blind.code = "NETWORK_CONNECTION"
    with pytest.raises(OutputError, match=r"did not accept the file \(NETWORK_CONNECTION\)"):
        StoreTarget.of("s3://lists/a.csv", tmp_path).check()


def test_a_folder_without_room_is_named(s3: object, tmp_path: Path) -> None:
    target = StoreTarget.of("s3://lists/a.csv", tmp_path / "none")
    said = r"lists/a.csv' through the local folder '.*none': No such file"
    with pytest.raises(OutputError, match=said), target.replacing():
        pass


def test_a_listener_that_stays_up_writes_here() -> None:
    with pytest.raises(UsageError, match="cannot be an address such as s3://"):
        session_files._named("--output", "s3://lists/a.csv", ".csv")


def test_a_table_is_fetched_once_and_afresh_for_the_next_session(s3: object, tmp_path: Path) -> None:
    table = Table(put(s3, "served.csv", b"mail\na\n"))

    def rows(table: Table) -> list[list[str]]:
        return [list(row.cells) for row in table.open(tmp_path).rows()]  # type: ignore[union-attr]

    assert rows(table) == [["a"]]
    put(s3, "served.csv", b"mail\nb\n")
    assert rows(table) == [["a"]]
    assert rows(table.afresh()) == [["b"]]
