"""The files of one command: each has one purpose, and outputs have room."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from psiselect.base import atomic
from psiselect.base.words import human_bytes
from psiselect.matching import words

TABLES = ("--input", "A", "B")  # what commands call their tables
_FileId = tuple[int, ...] | tuple[int, int, str]


def require_apart(read: Mapping[str, Path | None], written: Mapping[str, Path | None]) -> None:
    """Raise UsageError when a file that is written is one that is read, or is written twice, whatever name or link
    leads to it. read, written: by option."""
    seen = {_file_id(path): option for option, path in read.items() if path is not None}
    for option, path in written.items():
        if path is None:
            continue
        found = _file_id(path)
        if found in seen:
            raise words.named_twice(option, path, seen[found], is_input=seen[found] in TABLES)
        seen[found] = option


def is_there(path: Path) -> bool:
    """Whether there is such a regular file now, which an output would replace."""
    return path.is_file()


def tell_of_little_room(target: Path, source: Path | None, tell: Callable[[str], None]) -> None:
    """Tell when a file as long as the own table would not fit: how much is written is known after the session only."""
    if source is None or not source.is_file():
        return
    free, most = atomic.room(target), source.stat().st_size
    if free < most:
        tell(words.little_room(target, human_bytes(free), source, human_bytes(most)))


def _file_id(path: Path) -> _FileId:
    """The same for all names of one file; of a file that is not there, its folder and name."""
    with atomic.reported(path):
        found = atomic.followed(path)
        try:
            status = found.stat()
        except FileNotFoundError:
            pass
        else:
            return status.st_dev, status.st_ino
        try:
            folder = found.absolute().parent.stat()
        except OSError:  # whoever writes there says so
            return 0, 0, str(found.absolute())
        return folder.st_dev, folder.st_ino, os.fspath(found.name)
