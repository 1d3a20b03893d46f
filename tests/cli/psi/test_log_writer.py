"""Log lines hold up nobody, whatever becomes of the file, the disk or the reader; what is lost is counted."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cli.psi import json_log, log_writer
from cli.psi.log_writer import MOST_LINES, LogFile, LogWriter
from psiselect.base.events import SafeLogger, event

LOGGER = logging.getLogger("psiselect.tests")


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    logger = json_log.LOGGER.logger
    before = list(logger.handlers), logger.level, logger.propagate
    yield
    logger.handlers[:], logger.level, logger.propagate = before


def say(number: int) -> None:
    LOGGER.info("line", extra=event("line", number=number))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


class Steps:
    """Waits until the thread that writes has tried every line so far."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._tried = threading.Semaphore(0)
        plain = log_writer._ToSink.emit

        def emit(handler: log_writer._ToSink, record: logging.LogRecord) -> None:
            plain(handler, record)
            self._tried.release()

        monkeypatch.setattr(log_writer._ToSink, "emit", emit)

    def say(self, number: int) -> None:
        say(number)
        assert self._tried.acquire(timeout=60)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    return Steps(monkeypatch)


def test_a_folder_that_is_gone_and_comes_back(tmp_path: Path, steps: Steps, capfd: pytest.CaptureFixture[str]) -> None:
    folder, moved = tmp_path / "logs", tmp_path / "moved"
    folder.mkdir()
    with json_log.started(folder / "log"):
        steps.say(1)
        folder.rename(moved)
        for number in (2, 3, 4):
            steps.say(number)
        folder.mkdir()
        steps.say(5)
        (folder / "log").rename(folder / "log.1")
        steps.say(6)
    assert [line["number"] for line in lines(moved / "log")] == [1]
    lost, then = lines(folder / "log.1")
    assert (lost["event"], lost["level"], lost["lost"], then["number"]) == ("lines_lost", "warning", 3, 5)
    assert [line["number"] for line in lines(folder / "log")] == [6]
    assert (folder / "log").stat().st_mode & 0o777 == 0o600
    said = capfd.readouterr().err.splitlines()
    assert len(said) == 2, said
    assert f"cannot write the log '{folder}/log': No such file or directory" in said[0]
    assert said[1].endswith("' again")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_said_once(steps: Steps, capfd: pytest.CaptureFixture[str]) -> None:
    with json_log.started(Path("/dev/full")):
        for number in range(5):
            steps.say(number)
    said = capfd.readouterr().err.splitlines()
    assert len(said) == 1, said
    assert "No space left on device" in said[0]


def test_a_line_that_was_cut_short_does_not_spoil_the_next(
    tmp_path: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, left = os.write, [1 << 30]

    def write(handle: int, data: bytes) -> int:
        if not left[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = plain(handle, data[: left[0]])
        left[0] -= written
        return written

    monkeypatch.setattr(log_writer.os, "write", write)
    with json_log.started(tmp_path / "log"):
        steps.say(1)
        left[0] = 10
        steps.say(2)
        steps.say(3)
        left[0] = 1 << 30
        steps.say(4)
    texts = (tmp_path / "log").read_text().splitlines()
    assert len(texts[1]) == 10
    first, lost, last = (json.loads(texts[at]) for at in (0, 2, 3))
    assert (first["number"], lost["lost"], last["number"]) == (1, 2, 4)


def test_a_pipe_whose_reader_comes_and_goes(tmp_path: Path, steps: Steps) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with json_log.started(path):  # does not wait for a reader
        steps.say(1)
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK)) as reader:
            steps.say(2)
            assert json.loads(reader.readline())["lost"] == 1
            assert json.loads(reader.readline())["number"] == 2
        steps.say(3)
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK)) as reader:
            steps.say(4)
            assert json.loads(reader.readline())["lost"] == 1


class Stalled:
    """A reader that reads on when it is told to."""

    name = "stalled"

    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self.reached = threading.Event()
        self.got: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.reached.set()
        assert self.goes_on.wait(60)
        self.got.append(data)


def test_a_stalled_reader_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line is with the reader, as many as the queue has room for wait, the others are counted."""
    sink = Stalled()
    writer = LogWriter(sink, lambda count: f"lost {count}")
    logger = logging.Logger("here")
    logger.addHandler(writer.handler)
    logger.warning("first")
    assert sink.reached.wait(60)
    for number in range(MOST_LINES + 7):
        logger.warning("%d", number)
    writer.close(0.01)  # does not wait for a reader that does not read
    assert not sink.got
    sink.goes_on.set()
    logger.handlers.clear()
    deadline = threading.Event()
    while len(sink.got) < MOST_LINES + 2:
        assert not deadline.wait(0.001)
    assert sink.got[:3] == [b"first\n", b"lost 7\n", b"0\n"]
    assert sink.got[-1] == b"%d\n" % (MOST_LINES - 1)


def test_all_lines_are_written_before_the_end(tmp_path: Path) -> None:
    with json_log.started(tmp_path / "log"):
        for number in range(MOST_LINES // 2):
            say(number)
    assert [line["number"] for line in lines(tmp_path / "log")] == list(range(MOST_LINES // 2))


def test_a_line_that_cannot_be_made_is_counted(tmp_path: Path) -> None:
    with json_log.started(tmp_path / "log"):
        LOGGER.info("%d lines", "many")
        LOGGER.info("odd", extra={"event": "odd", "fields": 7})
        say(1)
    lost, line = lines(tmp_path / "log")
    assert (lost["lost"], line["number"]) == (2, 1)


def test_nobody_else_can_write_where_the_notice_would_wait(capfd: pytest.CaptureFixture[str]) -> None:
    """With stderr a full pipe, the notice is left out."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, bytes(1 << 16))
    os.set_blocking(writing, True)
    before = os.dup(2)
    try:
        os.dup2(writing, 2)
        log_writer.notice("would wait")
    finally:
        os.dup2(before, 2)
        for handle in (before, reading, writing):
            os.close(handle)


def test_a_handler_that_raises_is_no_matter_to_a_safe_logger() -> None:
    class Broken(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:
            raise OSError(errno.EIO, "gone")

    logger = SafeLogger("psiselect.tests.safe")
    broken = Broken()
    logger.logger.addHandler(broken)
    try:
        logger.warning("one", extra=event("one"))
        logger.exception("two")
    finally:
        logger.logger.removeHandler(broken)


def test_a_log_file_closes_twice(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "log")
    file.write(b"x\n")
    file.close()
    file.close()
    file.write(b"y\n")
    assert (tmp_path / "log").read_bytes() == b"x\ny\n"


def test_the_thread_that_writes_takes_no_lock_of_logging(tmp_path: Path) -> None:
    """Python takes it when it ends, while this thread may be waiting for a reader."""
    sink = log_writer._ToSink(LogFile(tmp_path / "log"), log_writer._Count(), str)
    record = logging.LogRecord("psiselect.tests", logging.INFO, "", 0, "line", None, None)
    sink.acquire()
    with ThreadPoolExecutor(1) as writing:
        try:
            assert writing.submit(sink.handle, record).result(60)
        finally:
            sink.release()
    assert (tmp_path / "log").read_text() == "line\n"
