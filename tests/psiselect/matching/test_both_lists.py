"""Both lists of one machine are read side by side, and a fault of one ends the reading of the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars
import pytest
from support.library import SLOW, threads

import psiselect
from psi.agreement.modes import Side
from psi.session.job import Job
from psiselect.base.errors import CancelError
from psiselect.matching import both_lists
from psiselect.matching.choices import ListChoice
from psiselect.tables import Table

Read = Callable[..., Job]
PATIENCE = 20  # seconds; only a broken build waits for them


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    a, b = tmp_path / "a.csv", tmp_path / "b.csv"
    a.write_text("mail\nann@example.com\nbob@example.com\n")
    b.write_text("mail\nann@example.com\neve@example.com\n")
    return a, b


def match(a: Any, b: Any, **options: Any) -> psiselect.MatchResult:
    found: psiselect.MatchResult = psiselect.match(a, b, key="mail:email", **SLOW, **options)  # type: ignore[call-overload]
    return found


def replaced(monkeypatch: pytest.MonkeyPatch, read: Callable[[Read, ListChoice, Side, Any, Any], Job]) -> None:
    """Lists are read by `read`, which gets the usual way."""
    usual = ListChoice.read
    monkeypatch.setattr(ListChoice, "read", lambda own, side, terms, look: read(usual, own, side, terms, look))


def test_two_files_are_read_at_the_same_time(files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2)

    def together(usual: Read, own: ListChoice, side: Side, terms: Any, look: Any) -> Job:
        both.wait(PATIENCE)
        return usual(own, side, terms, look)

    replaced(monkeypatch, together)
    assert match(*files).count == 1
    assert threads() == []


@pytest.mark.parametrize("held", ["a", "b"])
def test_what_is_no_file_is_read_in_the_caller_s_thread(
    held: str, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    readers: list[threading.Thread] = []

    def noted(usual: Read, own: ListChoice, side: Side, terms: Any, look: Any) -> Job:
        readers.append(threading.current_thread())
        return usual(own, side, terms, look)

    replaced(monkeypatch, noted)
    a, b = (polars.read_csv(path) if name == held else path for name, path in zip("ab", files, strict=True))
    assert match(a, b).count == 1
    assert readers == [threading.current_thread()] * 2


def test_a_database_and_a_pipe_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "list.db").touch()
    assert both_lists._is_file(Table(tmp_path / "list.db"))
    assert not both_lists._is_file(Table(f"sqlite:///{tmp_path}/list.db", "SELECT 1"))
    assert not both_lists._is_file(Table("-"))
    assert not both_lists._is_file(Table(Path("/dev/null")))


def test_the_fault_of_a_comes_first_and_ends_the_reading_of_b(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ended = threading.Event(), threading.Event()

    def endless(usual: Read, own: ListChoice, side: Side, terms: Any, look: Any) -> Job:
        if side is Side.CONNECT:
            assert begun.wait(PATIENCE)
            return usual(own, side, terms, look)
        begun.set()
        return look_until_ended(look, ended)

    replaced(monkeypatch, endless)
    files[0].write_text("city\nLodz\n")
    with pytest.raises(psiselect.InputError, match=r"a\.csv: there is no column 'mail'"):
        match(*files)
    assert ended.is_set()
    assert threads() == []


def test_both_faulty_a_is_named(files: tuple[Path, Path]) -> None:
    for path in files:
        path.write_text("city\nLodz\n")
    with pytest.raises(psiselect.InputError, match=r"a\.csv: there is no column 'mail'"):
        match(*files)


def test_the_fault_of_b_is_raised_as_it_is_and_a_is_closed(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = closings(monkeypatch)
    files[1].write_text("city\nLodz\n")
    with pytest.raises(psiselect.InputError, match=r"b\.csv: there is no column 'mail'"):
        match(*files)
    assert Side.CONNECT in closed
    assert threads() == []


def test_a_list_of_b_that_is_read_already_is_closed_when_a_fails(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    read, closed = threading.Event(), closings(monkeypatch)

    def last(usual: Read, own: ListChoice, side: Side, terms: Any, look: Any) -> Job:
        if side is Side.CONNECT:
            assert read.wait(PATIENCE)
            return usual(own, side, terms, look)
        job = usual(own, side, terms, look)
        read.set()
        return job

    replaced(monkeypatch, last)
    files[0].write_text("city\nLodz\n")
    with pytest.raises(psiselect.InputError, match=r"a\.csv"):
        match(*files)
    assert closed.count(Side.LISTEN) == 1


def test_the_caller_can_cancel_while_only_b_is_read(files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    cancel, ended, read = threading.Event(), threading.Event(), threading.Event()

    def endless(usual: Read, own: ListChoice, side: Side, terms: Any, look: Any) -> Job:
        if side is Side.CONNECT:
            job = usual(own, side, terms, look)
            read.set()
            return job
        assert read.wait(PATIENCE)
        cancel.set()
        return look_until_ended(look, ended)

    replaced(monkeypatch, endless)
    with pytest.raises(CancelError):
        match(*files, cancel=cancel)
    assert ended.is_set()
    assert threads() == []


def look_until_ended(look: Callable[[], None], ended: threading.Event) -> Job:
    """Look until that raises, and note it."""
    deadline = time.monotonic() + PATIENCE
    try:
        while time.monotonic() < deadline:
            look()
            time.sleep(0.001)
    except BaseException:
        ended.set()
        raise
    raise AssertionError("nobody ended the reading")


def closings(monkeypatch: pytest.MonkeyPatch) -> list[Side]:
    """Whose jobs were closed."""
    closed, usual = list[Side](), Job.close

    def close(job: Job) -> None:
        closed.append(job.side)
        usual(job)

    monkeypatch.setattr(Job, "close", close)
    return closed
