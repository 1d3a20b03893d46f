"""Stores that only fsspec knows: read and written like the others, and what fails there says no secret."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from support.program import Run

from psi.tables import by_fsspec, open_source, stores
from psi.tables.opening import is_stored
from psi.tables.stores import StoreAddress, StoreTarget
from psiselect.base.errors import InputError, OutputError, UsageError

LIST = b"mail\nann@x.example\nbob@x.example\n"


class Store(MemoryFileSystem):  # type: ignore[misc]
    """In memory, under a scheme of its own."""

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        found: str = super()._strip_protocol(str(path).replace(f"{cls.protocol}://", "memory://"))
        return found


class Failing(Store):
    """A store whose library raises errors of its own, with a secret in them."""

    protocol = "failing"

    def info(self, path: str, **kwargs: object) -> dict[str, object]:
        raise RuntimeError("login with asecret failed")

    ls = _open = info


class Unmovable(Store):
    """A store that replaces no file."""

    protocol = "unmovable"
    store: dict[str, object] = {}  # noqa: RUF012
    pseudo_dirs = [""]  # noqa: RUF012

    def mv(self, path1: str, path2: str, **kwargs: object) -> None:
        raise RuntimeError("exists: asecret")


class Cutting(Unmovable):
    """A store that loses the end of a file."""

    protocol = "cutting"
    store: dict[str, object] = {}  # noqa: RUF012
    pseudo_dirs = [""]  # noqa: RUF012

    def info(self, path: str, **kwargs: object) -> dict[str, object]:
        found = dict(super().info(path, **kwargs))
        if found["size"]:
            found["size"] -= 1
        return found


@pytest.fixture(autouse=True)
def memory() -> Iterator[MemoryFileSystem]:
    for made in (Failing, Unmovable, Cutting):
        fsspec.register_implementation(made.protocol, made, clobber=True)
    store = fsspec.filesystem("memory")
    yield store
    for kept in (MemoryFileSystem, Unmovable, Cutting):
        kept.store.clear()
        kept.pseudo_dirs[:] = [""]


def column(where: str, folder: Path, name: str = "mail") -> list[object]:
    return [value for batch in open_source(where, folder=folder).batches([name]) for value in batch[0].to_pylist()]


def test_files_and_folders_are_read(memory: MemoryFileSystem, tmp_path: Path) -> None:
    memory.pipe("/lists/a.csv", LIST)
    assert column("memory://lists/a.csv", tmp_path) == ["ann@x.example", "bob@x.example"]
    for value in "ba":
        out = pa.BufferOutputStream()
        pq.write_table(pa.table({"mail": [value]}), out)
        memory.pipe(f"/lists/parts/country=PL/part-{value}.parquet", bytes(out.getvalue()))
    assert column("memory://lists/parts/", tmp_path) == ["a", "b"]
    assert column("memory://lists/parts", tmp_path, "country") == ["PL", "PL"]
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match=r"^memory://lists/none\.csv: there is no such file"):
        column("memory://lists/none.csv", tmp_path)


def test_matched_rows_are_written(memory: MemoryFileSystem, tmp_path: Path, program: Run) -> None:
    memory.pipe("/lists/a.csv", LIST)
    memory.pipe("/lists/out.csv", b"older")
    other = tmp_path / "b.csv"
    other.write_bytes(LIST[:19])
    given = ("psi", "local", "memory://lists/a.csv", str(other), "--key", "mail:email", "--output")
    assert program(*given, "memory://lists/out.csv").code == 0
    assert memory.cat("/lists/out.csv") == b"mail\nann@x.example\n"
    assert sorted(memory.ls("/lists", detail=False)) == ["/lists/a.csv", "/lists/out.csv"]
    ended = program(*given, "memory://nowhere/out.csv", "--json")
    assert ended.code == 3
    assert "cannot write 'memory://nowhere/out.csv': the folder '/nowhere' does not exist there" in ended.error


@pytest.mark.parametrize(
    ("store", "said"), [(Unmovable, r"did not accept the file \(RuntimeError\)"), (Cutting, "did not arrive complete")]
)
def test_a_file_appears_whole_or_not_at_all(store: type[Unmovable], said: str, tmp_path: Path) -> None:
    there = fsspec.filesystem(store.protocol)
    there.pipe("/lists/out.csv", b"older")
    target = StoreTarget.of(f"{store.protocol}://lists/out.csv", tmp_path)
    with pytest.raises(OutputError, match=said) as found, target.replacing() as part:
        part.write_bytes(LIST)
    assert "asecret" not in str(found.value)
    assert there.cat("/lists/out.csv") == b"older"
    assert there.ls("/lists", detail=False) == ["/lists/out.csv"]


def test_a_file_that_changes_while_it_is_read_is_refused(
    memory: MemoryFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is no error of the store."""
    memory.pipe("/lists/a.csv", LIST)
    pieces = stores._pieces

    def replaced(*given: object) -> Iterator[bytes]:
        yield from pieces(*given)  # type: ignore[arg-type]
        memory.pipe("/lists/a.csv", LIST + LIST)

    monkeypatch.setattr(stores, "_pieces", replaced)
    with pytest.raises(InputError, match="changed while the program read it"):
        open_source("memory://lists/a.csv", folder=tmp_path)


def test_listings_are_not_those_of_an_earlier_look(monkeypatch: pytest.MonkeyPatch) -> None:
    forgotten: list[object] = []
    monkeypatch.setattr(MemoryFileSystem, "invalidate_cache", lambda self: forgotten.append(self))
    for _ in range(2):
        by_fsspec.opened("memory://lists/a.csv")
    assert len(forgotten) == 2


def test_errors_of_a_store_hold_no_secret(tmp_path: Path) -> None:
    where = "failing://me:asecret@host:2222/lists/a.csv?key=asecret"
    assert StoreAddress(where).name == "failing://host:2222/lists/a.csv"
    with pytest.raises(
        InputError, match=r"^failing://host:2222/lists/a\.csv: .* \(RuntimeError\)\. Check the address"
    ) as found:
        open_source(where, folder=tmp_path)
    assert "asecret" not in str(found.value)
    with pytest.raises(OutputError, match=r"\(RuntimeError\)\. Check the address") as unwritten:
        StoreTarget.of("failing://me:asecret@host/lists/a.csv", tmp_path).check()
    assert "asecret" not in str(unwritten.value)
    with pytest.raises(UsageError, match=r"^failing://\.\.\.: the address must have the form failing://HOST/FILE"):
        StoreAddress("failing://me:ase/cret@host/lists/a.csv")


def test_a_package_that_a_store_needs_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(importlib, "import_module", _without_the_stores_package(importlib.import_module))
    with pytest.raises(InputError, match=r"^memory://lists/a\.csv: .*needs one more Python package for memory://"):
        open_source("memory://lists/a.csv", folder=tmp_path)


def _without_the_stores_package(real: object) -> object:
    def given(name: str) -> object:
        if name == "fsspec.core":
            raise ImportError("no such package")
        return real(name)  # type: ignore[operator]

    return given


@pytest.mark.parametrize("scheme", ["file", "local", "http", "ftp", "sftp", "ssh", "s3a", "gcs", "az", "nonsense"])
def test_addresses_that_have_another_form_stay_refused(scheme: str, tmp_path: Path) -> None:
    where = f"{scheme}://host/a.csv"
    assert not is_stored(where)
    with pytest.raises(UsageError, match=rf"^{scheme}:// is not supported\."):
        open_source(where, folder=tmp_path)
    with pytest.raises(UsageError, match=rf"^{scheme}:// is not supported\."):
        StoreTarget.of(where, tmp_path)


def test_without_fsspec_its_stores_are_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert is_stored("memory://lists/a.csv")
    monkeypatch.setattr(by_fsspec.importlib.util, "find_spec", lambda name: None)
    assert not is_stored("memory://lists/a.csv")
    with pytest.raises(UsageError, match="pip install 'psiselect\\[stores\\]'"):
        open_source("memory://lists/a.csv", folder=tmp_path)
