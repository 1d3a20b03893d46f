"""Files that appear whole or not at all: what a failure at any point leaves, and who may read what appears."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.checkout import environment

from psiselect.base import atomic, durable
from psiselect.base.errors import OutputError

ENDS = [OSError(28, "No space left on device"), ValueError("no"), KeyboardInterrupt(), SystemExit(143)]


def raised_for(end: BaseException) -> type[BaseException]:
    """What a caller sees when something under it ends so."""
    return OutputError if isinstance(end, OSError) else type(end)


@pytest.fixture(params=[0o000, 0o022, 0o027, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_modes_follow_the_umask_which_stays(tmp_path: Path, umask: int) -> None:
    for options, mode in (({}, 0o666 & ~umask), ({"secret": True}, 0o600), ({"guarded": True}, 0o600)):
        path = tmp_path / "out"
        with atomic.replacing(path, **options) as part:
            assert stat.S_IMODE(part.stat().st_mode) == 0o600
            part.write_bytes(b"x")
            assert os.listdir(tmp_path) == []  # it has no name yet
            assert part.stat().st_dev == tmp_path.stat().st_dev  # a name does not cross file systems
        assert stat.S_IMODE(path.stat().st_mode) == mode
        path.unlink()
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

    with pytest.raises(raised_for(end)):
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
@pytest.mark.parametrize("step", ["fchmod", "fsync", "link", "replace"])
def test_a_step_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, end: BaseException
) -> None:
    (tmp_path / "out").write_bytes(b"old")
    with monkeypatch.context() as patch:
        breaking(step, 1)(patch, end)
        with pytest.raises(raised_for(end)):
            atomic.write_bytes(tmp_path / "out", b"new")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_a_name_that_could_not_be_synced_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        breaking("fsync", 2)(patch, OSError(5, "Input/output error"))
        with pytest.raises(OutputError, match=r"Input/output error. Choose a folder"):
            atomic.write_bytes(tmp_path / "out", b"new")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"new"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "list").touch()
    for folder in (tmp_path / "missing", tmp_path / "list"):
        with pytest.raises(OutputError, match=rf"cannot write '{folder}/out': .+. Choose a folder"):
            atomic.write_bytes(folder / "out", b"x")
    assert os.listdir(tmp_path) == ["list"]


@pytest.mark.parametrize(("options", "mode"), [({}, 0o640), ({"guarded": True}, 0o640), ({"secret": True}, 0o600)])
def test_a_replaced_file_keeps_its_mode_unless_it_is_secret(
    tmp_path: Path, options: dict[str, bool], mode: int
) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")
    path.chmod(0o640)
    with atomic.replacing(path, **options) as part:
        part.write_bytes(b"new")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", mode)


def killed(place: Path, where: str) -> None:
    """A process is killed while it writes `out`, or when it has given it a second name."""
    program = f"""
import os, signal
from pathlib import Path
from psiselect.base import atomic
def die(*_, **__): os.kill(os.getpid(), signal.SIGKILL)
if {where!r} == "renaming": Path.replace = die
with atomic.replacing(Path({str(place / "out")!r})) as part:
    part.write_bytes(b"rows of customers")
    if {where!r} == "writing": die()
"""
    ended = subprocess.run([sys.executable, "-c", program], env=environment(), check=False)
    assert ended.returncode == -signal.SIGKILL


def test_a_process_that_is_killed_while_it_writes_leaves_nothing(tmp_path: Path) -> None:
    killed(tmp_path, "writing")
    assert os.listdir(tmp_path) == []


def test_what_a_process_killed_in_the_last_step_leaves_is_private_and_swept(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"old")
    (tmp_path / "out").chmod(0o600)
    (tmp_path / ".out.part").write_bytes(b"not ours")
    killed(tmp_path, "renaming")
    (left,) = tmp_path.glob(".out.*.part")
    assert left.read_bytes() == b"rows of customers"
    assert stat.S_IMODE(left.stat().st_mode) == 0o600
    with left.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        atomic.write_bytes(tmp_path / "out", b"new")
        assert left.exists()  # a process still has it
    atomic.write_bytes(tmp_path / "out", b"newer")
    assert sorted(os.listdir(tmp_path)) == [".out.part", "out"]


def test_without_nameless_files_a_named_one_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    do = os.open

    def refused(path: object, flags: int, *more: object, **others: object) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, "Operation not supported")
        return do(path, flags, *more, **others)

    monkeypatch.setattr(os, "open", refused)
    for content in (b"new", b"newer"):
        with atomic.replacing(tmp_path / "out") as part:
            assert part.parent == tmp_path
            assert stat.S_IMODE(part.stat().st_mode) == 0o600
            part.write_bytes(content)
        assert [path.read_bytes() for path in tmp_path.iterdir()] == [content]
    with pytest.raises(KeyboardInterrupt), atomic.replacing(tmp_path / "out"):
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("end", ENDS)
def test_a_private_file_whose_name_is_not_on_disk_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: BaseException
) -> None:
    with monkeypatch.context() as patch:
        breaking("fsync", 1)(patch, end)
        with pytest.raises(type(end)):
            durable.create_private(tmp_path / "state")
    durable.create_private(tmp_path / "state")
