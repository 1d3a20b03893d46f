"""The log of a long-running command: one JSON object a line, to stderr or to a file (docs/serving-reference.md).

    {"time": "2026-03-02T06:00:01.204Z", "level": "info", "event": "session_started", "message": "...", ...}

What it says comes from `psiselect.base.events`; of an exception nobody expected it has the type and the place, not the
text, which could hold anything.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cli._output import printable
from cli.psi import words
from cli.psi.log_writer import LogFile, LogWriter, Sink, Stderr
from psiselect.base.events import SafeLogger, event

LOGGER = SafeLogger("psiselect")

_FLUSH_SECONDS = 2.0


class JsonLines(logging.Formatter):
    """A record as one JSON object on one line, in ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        """See the module."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line: dict[str, object] = {
            "time": at,
            "level": record.levelname.lower(),
            "event": getattr(record, "event", record.name),
            "message": printable(record.getMessage()),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["at"] = [f"{Path(f.filename).name}:{f.lineno}" for f in traceback.extract_tb(record.exc_info[2])[-5:]]
        return json.dumps(line, default=str)


class FewRefusals(logging.Filter):
    """At most `most` refused visitors a minute are told one by one; the rest are a number in the next line, so that
    whoever knocks thousands of times cannot fill the disk."""

    def __init__(self, most: int = 60) -> None:
        super().__init__()
        self._most = most
        self._minute = 0
        self._told = self._untold = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written."""
        if getattr(record, "event", None) not in ("refused", "turned_away", "no_room", "accepted"):
            return True
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._minute, self._told = minute, 0
        if self._told >= self._most:
            self._untold += 1
            return False
        self._told += 1
        if self._untold:
            record.fields = {**getattr(record, "fields", {}), "not_logged_before": self._untold}
            self._untold = 0
        return True


@contextlib.contextmanager
def started(path: Path | None) -> Iterator[None]:
    """Meanwhile, send what `psiselect` logs to stderr, or to a file. Raises InputError when the file cannot be
    opened, ResourceError when the system grants no thread."""
    lines = JsonLines()

    def lost_line(count: int) -> str:
        said = {"msg": words.lines_lost(count), "levelname": "WARNING"}
        return lines.format(logging.makeLogRecord({**said, **event("lines_lost", lost=count)}))

    writer = LogWriter(_sink(path), lost_line)
    writer.handler.setFormatter(lines)
    writer.handler.addFilter(FewRefusals())
    logger = LOGGER.logger
    before = list(logger.handlers), logger.level, logger.propagate
    logger.handlers[:], logger.propagate = [writer.handler], False
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        writer.close(_FLUSH_SECONDS)
        logger.handlers[:], level, logger.propagate = before
        logger.setLevel(level)


def _sink(path: Path | None) -> Sink:
    if path is None:
        return Stderr()
    file = LogFile(path)
    try:
        file.open()
    except OSError as error:
        if error.errno != errno.ENXIO:  # a pipe that nobody reads yet
            raise words.no_log(path, error.strerror) from None
    return file
