"""The table behind a listener that keeps running: read once, again when the file is another one, never an old one."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from support.clocks import Clock
from support.jobs import agreed, specs

from psi.agreement.modes import Learner, Reveal, Side
from psi.serve.current_table import CurrentTable, stamp_of
from psi.session.job import Job, Memory
from psi.tables import open_source
from psiselect.base.errors import InputError

KEY = specs("value")
TERMS = agreed(KEY, Reveal.MATCHES, Learner.CONNECT)


class Reader:
    """Reads a file of keys, and counts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.read = 0
        self.open: list[int] = []

    def __call__(self) -> Job:
        self.read += 1
        reader, number = self, self.read

        class Watched(Job):
            def close(self) -> None:
                reader.open.remove(number)
                super().close()

        job = Watched(open_source(self.path), KEY, Side.LISTEN, TERMS, Memory(1 << 30, self.path.parent))
        self.open.append(number)
        return job


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    write(tmp_path / "list.txt", "a\nb\n")
    return Reader(tmp_path / "list.txt")


def write(path: Path, text: str) -> None:
    path.with_suffix(".new").write_text(text)
    os.replace(path.with_suffix(".new"), path)


def test_one_reading_serves_until_the_file_is_another(reader: Reader) -> None:
    table = CurrentTable(reader.path, reader)
    for _ in range(3):
        with table.lease() as job:
            assert job.size == 2
    assert reader.read == 1
    write(reader.path, "a\nb\nc\n")
    with table.lease() as job:
        assert job.size == 3
    assert (reader.read, reader.open) == (2, [2])
    table.close()
    table.close()
    assert reader.open == []


def test_a_session_keeps_the_edition_it_began_with(reader: Reader) -> None:
    table = CurrentTable(reader.path, reader)
    with table.lease() as old:
        write(reader.path, "c\n")
        with table.lease() as new:
            assert (old.size, new.size) == (2, 1)
            assert reader.open == [1, 2]
        assert reader.open == [1, 2]
    assert reader.open == [2]
    table.close()


def test_an_unreadable_file_is_no_table(reader: Reader) -> None:
    table = CurrentTable(reader.path, reader)
    with table.lease():
        pass
    reader.path.unlink()
    for _ in range(2):
        with pytest.raises(InputError, match="no such file"), table.lease():
            pass
    assert not table.readable
    assert reader.open == []
    write(reader.path, "a\n")
    with table.lease() as job:
        assert job.size == 1
    assert table.readable
    table.close()


def test_a_file_that_is_gone_is_noticed_before_a_peer_comes(reader: Reader) -> None:
    table = CurrentTable(reader.path, reader)
    table.refresh()
    assert [table.look(), table.look()] == [False, False]
    reader.path.unlink()
    assert [table.look(), table.look()] == [False, True]
    with pytest.raises(InputError, match="no such file"):
        table.refresh()
    assert not table.readable
    assert [table.look() for _ in range(3)] == [False] * 3
    write(reader.path, "a\n")
    assert [table.look(), table.look()] == [False, True]
    table.refresh()
    assert table.readable
    table.close()


def test_a_file_is_looked_at_until_it_has_settled(reader: Reader) -> None:
    table = CurrentTable(reader.path, reader)
    assert [table.look(), table.look()] == [False, True]
    table.refresh()
    assert not table.look()
    write(reader.path, "a\n")
    assert not table.look()
    write(reader.path, "a\nb\nc\n")
    assert [table.look(), table.look()] == [False, True]
    table.refresh()
    assert reader.read == 2
    table.close()


def test_what_is_no_file_is_asked_anew_each_time(reader: Reader) -> None:
    table = CurrentTable(Path("sqlite:///a.db"), reader)
    assert stamp_of("sqlite:///a.db") is None
    assert not table.look()
    for _ in range(3):
        with table.lease():
            pass
    assert (reader.read, reader.open) == (3, [3])
    table.close()
    assert reader.open == []


def test_many_sessions_at_once_read_it_once(reader: Reader) -> None:
    table = CurrentTable(reader.path, reader)
    start, sizes = threading.Barrier(8), []

    def session() -> None:
        start.wait()
        with table.lease() as job:
            sizes.append(job.size)

    threads = [threading.Thread(target=session) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sizes, reader.read) == ([2] * 8, 1)
    table.close()


class Database:
    """A table whose database may be down."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.up = True

    def __call__(self) -> Job:
        if not self.up:
            self.reader.read += 1
            raise InputError("the database cannot be reached")
        return self.reader()


def test_a_table_that_could_not_be_read_is_tried_again_on_a_timer_though_nobody_calls(reader: Reader) -> None:
    """After 5, 10, 20, 40, 60 and 60 seconds. Before, one call during an outage left the listener at 503 for ever."""
    clock, database = Clock(), Database(reader)
    table = CurrentTable("sqlite:///a.db", database, clock.monotonic)
    table.refresh()
    database.up = False
    assert not table.look()
    with pytest.raises(InputError), table.lease():
        pass
    for wait in (5, 10, 20, 40, 60, 60):
        clock.now += wait - 0.1
        assert (table.readable, table.look()) == (False, False), wait
        clock.now += 0.1
        assert (table.look(), table.look()) == (True, False), wait  # once for each attempt
        with pytest.raises(InputError):
            table.refresh()
    database.up = True
    clock.now += 60
    assert table.look()
    table.refresh()
    assert table.readable
    clock.now += 1000
    assert not table.look()
    database.up = False
    with pytest.raises(InputError):
        table.refresh()
    clock.now += 5  # the waits begin anew
    assert table.look()
    table.close()


def test_a_file_that_could_not_be_read_is_tried_again_too(reader: Reader) -> None:
    clock = Clock()
    table = CurrentTable(reader.path, reader, clock.monotonic)
    reader.path.unlink()
    with pytest.raises(InputError):
        table.refresh()
    table.look()
    clock.now += 5
    assert table.look()
    table.close()


def test_a_table_has_an_age(reader: Reader) -> None:
    clock = Clock()
    table = CurrentTable(reader.path, reader, clock.monotonic)
    assert table.age is None
    table.refresh()
    clock.now += 7
    assert table.age == 7
    table.refresh()  # the same file is not read again
    assert table.age == 7
    write(reader.path, "c\n")
    table.refresh()
    assert table.age == 0
    table.close()
