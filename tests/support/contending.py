"""Processes that share the files of psiselect.base.durable: what each of them does, and a small log for it.

The log has a title and lines that begin with "n=". Each function runs in a child of its own.
"""

from __future__ import annotations

import itertools
import resource
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from psiselect.base.durable import AppendLog, transaction
from psiselect.base.errors import InputError

TITLE = b"numbers\n"


def whole(end: bytes) -> int | None:
    """Bytes of whole lines; None when a line is no number of the log."""
    lines = end.split(b"\n")
    ours = all(line.startswith(b"n=") for line in lines[:-1]) and b"n=".startswith(lines[-1][:2])
    return len(end) - len(lines[-1]) if ours else None


def numbers(path: Path, tail: int | None = None) -> AppendLog:
    """The log, open."""
    return AppendLog(
        path,
        whole,
        title=TITLE,
        tail=tail,
        failed=lambda reason: InputError(f"the numbers cannot be kept: {reason}; count by hand"),
        foreign=f"{path} holds no numbers",
    )


def append_next(path: Path, times: int) -> None:
    """Each time: one more than the last number in the log."""
    for _ in range(times):
        with numbers(path) as log:
            found = [int(entry[2:]) for entry in log.entries()]
            log.append(b"n=%d\n" % (found[-1] + 1 if found else 0))


def increment(path: Path, times: int) -> None:
    """Each time: read the number in the database, write one more."""
    for _ in range(times):
        with transaction(path, "BEGIN IMMEDIATE", InputError) as connection:
            ((number,),) = connection.execute("SELECT number FROM counted").fetchall()
            connection.execute("UPDATE counted SET number = ?", (number + 1,))


def append_for_ever(path: Path, said: Connection) -> None:
    """Append long entries; say each number when its entry is written."""
    for number in itertools.count():
        with numbers(path) as log:
            log.append(b"n=%d,%s\n" % (number, b"x" * 5000))
        said.send(number)


def limited(most: int, said: Connection, action: Callable[..., object], *arguments: object) -> None:
    """Do it where no file may have more than `most` bytes; say the words of its InputError."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    try:
        action(*arguments)
    except InputError as error:
        said.send(str(error))
