"""Files that a crash must not undo: what is synced, who waits for whom, what is refused, what a full disk leaves."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.contending import TITLE, append_for_ever, append_next, increment, limited, numbers

from psiselect.base import atomic, durable
from psiselect.base.durable import AppendLog, transaction
from psiselect.base.errors import BudgetError, InputError

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, object]]:
    """What was synced, in this order: the inode; of a folder the names in it then, of a file its content."""
    seen: list[tuple[int, object]] = []
    sync = os.fsync

    def fsync(handle: int) -> None:
        status = os.fstat(handle)
        folder = stat.S_ISDIR(status.st_mode)
        seen.append((status.st_ino, sorted(os.listdir(handle)) if folder else os.pread(handle, status.st_size, 0)))
        sync(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    return seen


@pytest.fixture
def open_mask() -> Iterator[None]:
    """Files that leave their mode to the umask are open to all."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def entries(path: Path) -> list[bytes]:
    with numbers(path) as log:
        return list(log.entries())


def run(action: Callable[..., object], *arguments: object, processes: int = 1) -> list[int | None]:
    """Exit codes of processes that do it at the same time."""
    started = [SPAWN.Process(target=action, args=arguments) for _ in range(processes)]
    for process in started:
        process.start()
    for process in started:
        process.join()
    return [process.exitcode for process in started]


# --- names and content ---


def test_an_empty_private_file_is_made_once(path: Path, synced: list[object], open_mask: None) -> None:
    durable.create_private(path)
    assert (mode(path), path.read_bytes()) == (0o600, b"")
    assert synced == [(path.parent.stat().st_ino, ["file"])]
    path.write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        durable.create_private(path)
    assert path.read_bytes() == b"mine"


def test_a_file_is_gone_from_the_disk_when_it_is_removed(path: Path, synced: list[object]) -> None:
    path.touch()
    durable.remove(path)
    assert synced == [(path.parent.stat().st_ino, [])]
    durable.remove(path)  # a crash may have come between the two steps
    assert len(synced) == 2


def test_what_is_in_the_buffer_is_synced_too(path: Path, synced: list[tuple[int, object]]) -> None:
    with path.open("w+b") as file:
        file.write(b"content")
        durable.sync_file(file)
        assert synced == [(path.stat().st_ino, b"content")]


def test_a_replaced_file_is_synced_before_its_name(path: Path, synced: list[tuple[int, object]]) -> None:
    atomic.write_bytes(path, b"content")
    assert synced == [(path.stat().st_ino, b"content"), (path.parent.stat().st_ino, ["file"])]


def test_links_are_not_followed(tmp_path: Path) -> None:
    link, elsewhere = tmp_path / "link", tmp_path / "elsewhere"
    link.symlink_to(elsewhere)
    for action in (durable.open_private, durable.create_private):
        with pytest.raises(OSError, match=r"symbolic|exists"):
            action(link)
    with pytest.raises(
        InputError, match="cannot be kept: it is a symbolic link, which the program does not follow; count by hand"
    ):
        numbers(link)
    assert not elsewhere.exists()
    elsewhere.touch()  # nor when there is a file
    with pytest.raises(InputError):
        numbers(link)
    assert elsewhere.read_bytes() == b""


def test_a_stamp_tells_a_written_or_replaced_file(path: Path) -> None:
    path.write_bytes(b"one")
    first = durable.stamp(path)
    assert durable.stamp(str(path)) == first
    path.write_bytes(b"two")
    os.utime(path, ns=(first[3] + 1, first[3] + 1))
    assert durable.stamp(path) != first
    os.utime(path, ns=(first[3], first[3]))
    assert durable.stamp(path) == first  # as good as it gets: size, time and inode are the same
    path.write_bytes(b"three")
    os.utime(path, ns=(first[3], first[3]))
    assert durable.stamp(path) != first
    other = path.with_name("other")
    other.write_bytes(b"one")
    os.utime(other, ns=(first[3], first[3]))
    other.replace(path)
    assert durable.stamp(path) != first
    path.unlink()
    with pytest.raises(FileNotFoundError):
        durable.stamp(path)


# --- logs that only grow ---


def test_entries_stay_in_order_behind_the_title(path: Path, open_mask: None) -> None:
    for number in range(3):
        with numbers(path) as log:
            log.append(b"n=%d\n" % number)
            assert len(list(log.entries())) == number + 1
    assert path.read_bytes() == b"numbers\nn=0\nn=1\nn=2\n"
    assert entries(path) == [b"n=0\n", b"n=1\n", b"n=2\n"]
    assert mode(path) == 0o600


def test_name_title_and_entry_are_on_disk_when_the_call_returns(path: Path, synced: list[tuple[int, object]]) -> None:
    with numbers(path) as log:
        assert synced == [(path.stat().st_ino, TITLE), (path.parent.stat().st_ino, ["file"])]
        log.append(b"n=1\n")
        assert synced[2:] == [(path.stat().st_ino, b"numbers\nn=1\n")]


def test_a_log_without_a_title_syncs_its_name(path: Path, synced: list[tuple[int, object]]) -> None:
    with AppendLog(path, len, failed=InputError, foreign="") as log:
        assert (path.parent.stat().st_ino, ["file"]) in synced
        log.append(b"a\n")
    assert path.read_bytes() == b"a\n"


def test_processes_that_read_and_append_take_turns(path: Path) -> None:
    assert run(append_next, path, 30, processes=3) == [0, 0, 0]
    assert entries(path) == [b"n=%d\n" % number for number in range(90)]


def test_who_comes_second_waits(path: Path) -> None:
    second = threading.Thread(target=append_next, args=(path, 1))
    with numbers(path) as log:
        second.start()
        second.join(timeout=0.3)
        assert second.is_alive()
        log.append(b"n=7\n")
    second.join()
    assert entries(path) == [b"n=7\n", b"n=8\n"]


def test_a_file_cut_anywhere_loses_its_torn_entry_only(path: Path) -> None:
    content = TITLE + b"n=1\nn=22\nn=333\n"
    for size in range(len(content) + 1):
        path.write_bytes(content[:size])
        kept = content[: content.rfind(b"\n", 0, size) + 1] or TITLE
        with numbers(path):
            assert path.read_bytes() == kept
        append_next(path, 1)
        assert path.read_bytes().startswith(kept + b"n=")


@pytest.mark.parametrize(
    "content", [b"letters\n", b"letters", b"letters\nn=1\n", TITLE + b"x=1\n", TITLE + b"n=1\nx", b"n=1\n"]
)
def test_another_file_is_refused_and_stays_as_it_is(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"file holds no numbers$"):
        numbers(path)
    assert path.read_bytes() == content


def test_of_a_long_log_only_the_end_is_looked_at(path: Path) -> None:
    seen: list[bytes] = []

    def look(end: bytes) -> int:
        seen.append(end)
        return len(end) - 1

    path.write_bytes(b"title\n" + b"0123456789")
    for tail in (4, 100, None):
        with AppendLog(path, look, title=b"title\n", tail=tail, failed=InputError, foreign=""):
            pass
    assert seen == [b"6789", b"012345678", b"01234567"]
    assert path.read_bytes() == b"title\n0123456"


def test_a_place_where_no_file_can_be_is_named_in_the_callers_words(tmp_path: Path) -> None:
    (tmp_path / "list").touch()
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    places = [tmp_path / "missing" / "file", tmp_path / "list" / "file", tmp_path]
    if os.geteuid() != 0:  # for whom no folder is closed
        places.append(closed / "file")
    for place in places:
        with pytest.raises(InputError, match=r"^the numbers cannot be kept: .+; count by hand$"):
            numbers(place)
        with pytest.raises(OSError, match="Errno"):
            durable.create_private(place)
        with pytest.raises(InputError, match=r"^failed: unable to open database file$"):
            count(place)
    assert sorted(os.listdir(tmp_path)) == ["closed", "list"]


def test_what_cannot_be_cut_off_at_once_is_cut_off_by_the_next(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(handle: int, size: int) -> None:
        raise PermissionError(1, "Operation not permitted")  # as for a file that the system lets nobody cut

    write = os.write
    append_next(path, 1)
    with numbers(path) as log, monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda handle, data: write(handle, data[:2]))
        patch.setattr(os, "ftruncate", refused)
        with pytest.raises(InputError, match="the disk is full"):
            log.append(b"n=1\n")
    assert path.read_bytes() == b"numbers\nn=0\nn="
    assert entries(path) == [b"n=0\n"]


@pytest.mark.parametrize(("room", "reason"), [(2, "the disk is full"), (0, "File too large")])
def test_no_room_leaves_whole_entries(path: Path, room: int, reason: str) -> None:
    append_next(path, 3)
    before = path.read_bytes()
    heard, said = SPAWN.Pipe(duplex=False)
    assert run(limited, len(before) + room, said, append_next, path, 1) == [0]
    assert heard.recv() == f"the numbers cannot be kept: {reason}; count by hand"
    assert path.read_bytes() == before
    append_next(path, 1)
    assert path.read_bytes() == before + b"n=3\n"


def test_what_could_not_be_synced_is_taken_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append_next(path, 1)

    def broken(handle: int) -> None:
        raise OSError(5, "Input/output error")

    with numbers(path) as log:
        monkeypatch.setattr(os, "fsync", broken)
        with pytest.raises(InputError, match="Input/output error"):
            log.append(b"n=1\n")
        assert list(log.entries()) == [b"n=0\n"]


def test_a_killed_process_leaves_what_it_said_was_written(path: Path) -> None:
    source = random.Random(5)
    told = 0
    for kills in range(1, 5):
        heard, said = SPAWN.Pipe(duplex=False)
        process = SPAWN.Process(target=append_for_ever, args=(path, said))
        process.start()
        said.close()
        for _ in range(source.randint(1, 10)):
            heard.recv()
            told += 1
        process.kill()
        with contextlib.suppress(EOFError):
            while True:
                heard.recv()
                told += 1
        process.join()
        found = entries(path)
        assert told <= len(found) <= told + kills
        assert all(len(entry) > 5000 and entry.endswith(b"x\n") for entry in found)


# --- transactions ---


def failed(reason: str) -> InputError:
    return InputError(f"failed: {reason}")


def count(path: Path) -> int:
    with transaction(path, "BEGIN", failed) as connection:
        ((number,),) = connection.execute("SELECT number FROM counted").fetchall()
    return int(number)


@pytest.fixture
def counted(path: Path) -> Path:
    """A database that holds the number 0."""
    durable.create_private(path)
    with transaction(path, "BEGIN IMMEDIATE", failed) as connection:
        connection.execute("CREATE TABLE counted (number INTEGER NOT NULL)")
        connection.execute("INSERT INTO counted VALUES (0)")
    return path


def test_processes_that_read_and_write_take_turns(counted: Path) -> None:
    assert run(increment, counted, 20, processes=3) == [0, 0, 0]
    assert count(counted) == 60
    assert mode(counted) == 0o600
    assert os.listdir(counted.parent) == ["file"]  # no journal stays


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, sqlite3.OperationalError, BudgetError])
def test_a_block_that_raises_is_undone(counted: Path, error: type[BaseException]) -> None:
    def broken_off() -> None:
        with transaction(counted, "BEGIN IMMEDIATE", failed) as connection:
            connection.execute("UPDATE counted SET number = 9")
            raise error("it is over")

    expected = InputError if error is sqlite3.OperationalError else error
    with pytest.raises(expected, match="it is over"):
        broken_off()
    assert count(counted) == 0


def test_sqlite_syncs_most_and_trusts_no_schema(counted: Path) -> None:
    with transaction(counted, "BEGIN", failed) as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (3,)  # EXTRA
        assert connection.execute("PRAGMA trusted_schema").fetchone() == (0,)
        assert connection.execute("PRAGMA busy_timeout").fetchone() == (30_000,)
        assert connection.isolation_level is None  # no transaction but this one


def test_who_writes_keeps_other_writers_out_and_readers_share(counted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durable, "_BUSY_SECONDS", 0.05)
    with transaction(counted, "BEGIN IMMEDIATE", failed):
        with pytest.raises(InputError, match=r"^failed: database is locked$"):
            increment_once(counted)
        assert count(counted) == 0
    with transaction(counted, "BEGIN", failed) as one, transaction(counted, "BEGIN", failed) as other:
        assert [c.execute("SELECT number FROM counted").fetchall() for c in (one, other)] == [[(0,)], [(0,)]]
    monkeypatch.setattr(durable, "_BUSY_SECONDS", 30.0)
    waiting = threading.Thread(target=increment_once, args=(counted,))
    with transaction(counted, "BEGIN IMMEDIATE", failed):
        waiting.start()
        waiting.join(timeout=0.3)
        assert waiting.is_alive()
    waiting.join()
    assert count(counted) == 1


def increment_once(path: Path) -> None:
    with transaction(path, "BEGIN IMMEDIATE", failed) as connection:
        connection.execute("UPDATE counted SET number = number + 1")


def test_no_file_is_made_and_no_other_one_read(path: Path) -> None:
    with pytest.raises(InputError, match="unable to open"):
        count(path)
    assert not path.exists()
    path.write_bytes(b"no database, but longer than the header of one" * 20)
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"^failed: file is not a database$"):
        count(path)
    assert path.read_bytes() == before


def test_names_that_mean_something_in_an_address_are_plain_names(tmp_path: Path, counted: Path) -> None:
    for name in ("a?mode=memory", "b#c", "d%41"):
        counted = counted.rename(tmp_path / name)
        assert count(counted) == 0


def test_a_transaction_that_finds_no_room_is_undone(counted: Path) -> None:
    heard, said = SPAWN.Pipe(duplex=False)
    assert run(limited, 1000, said, increment, counted, 1) == [0]
    assert heard.recv() in ("disk I/O error", "database or disk is full")
    assert count(counted) == 0
    with contextlib.closing(sqlite3.connect(counted)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
