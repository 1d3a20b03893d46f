"""Files that appear whole or not at all: what a failure at any point leaves, and who may read what appears."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from psiselect.base import atomic, durable
from psiselect.base.errors import InputError

ENDS = [OSError(28, "No space left on device"), ValueError("no"), KeyboardInterrupt(), SystemExit(143)]


@pytest.fixture(params=[0o000, 0o022, 0o027, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_modes_follow_the_umask_which_stays(tmp_path: Path, umask: int) -> None:
    for secret, mode in ((False, 0o666 & ~umask), (True, 0o600)):
        path = tmp_path / str(secret)
        with atomic.replacing(path, secret=secret) as part:
            assert stat.S_IMODE(part.stat().st_mode) == 0o600
            assert part.parent == path.parent  # a rename does not cross file systems
            part.write_bytes(b"x")
        assert stat.S_IMODE(path.stat().st_mode) == mode
        found = os.umask(0)
        os.umask(found)
        assert found == umask


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("before", [None, b"old"])
def test_a_block_that_ends_early_changes_nothing(tmp_path: Path, end: BaseException, before: bytes | None) -> None:
    target = tmp_path / "out"
    if before is not None:
        target.write_bytes(before)

    def write() -> None:
        with atomic.replacing(target) as part:
            part.write_bytes(b"half")
            raise end

    with pytest.raises(type(end)):
        write()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == ([] if before is None else [before])


Patch = Callable[[pytest.MonkeyPatch, BaseException], None]


def breaking(name: str, nth: int) -> Patch:
    """The nth call of a function of `os` ends so."""

    def patch(monkeypatch: pytest.MonkeyPatch, end: BaseException) -> None:
        do, calls = getattr(os, name), iter(range(1, 100))

        def broken(*arguments: object, **more: object) -> object:
            if next(calls) == nth:
                raise end
            return do(*arguments, **more)

        monkeypatch.setattr(os, name, broken)

    return patch


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("step", ["chmod", "fsync", "replace"])
def test_a_step_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, end: BaseException
) -> None:
    (tmp_path / "out").write_bytes(b"old")
    with monkeypatch.context() as patch:
        breaking(step, 1)(patch, end)
        with pytest.raises(type(end)):
            atomic.write_bytes(tmp_path / "out", b"new")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_a_name_that_could_not_be_synced_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        breaking("fsync", 2)(patch, OSError(5, "Input/output error"))
        with pytest.raises(OSError, match="Input/output"):
            atomic.write_bytes(tmp_path / "out", b"new")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"new"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "list").touch()
    for folder in (tmp_path / "missing", tmp_path / "list"):
        with pytest.raises(InputError, match=rf"cannot write {folder}/out: .+; choose a folder"):
            atomic.write_bytes(folder / "out", b"x")
    assert os.listdir(tmp_path) == ["list"]


@pytest.mark.parametrize("end", ENDS)
def test_a_private_file_whose_name_is_not_on_disk_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: BaseException
) -> None:
    with monkeypatch.context() as patch:
        breaking("fsync", 1)(patch, end)
        with pytest.raises(type(end)):
            durable.create_private(tmp_path / "state")
    durable.create_private(tmp_path / "state")
