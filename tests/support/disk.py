"""What a program does to files, in order: writes, syncs, names, and the statements that it hands to SQLite."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_PART = re.compile(r"^\.(.+)\.[0-9a-z_]+\.part$")  # names of files that are not whole yet
_STATEMENT = re.compile(r"PRAGMA \w+ = \S+|(?:INSERT INTO|UPDATE|CREATE \w+|DELETE FROM) \w+|BEGIN \w+|BEGIN|ROLLBACK")


class Disk:
    """Records what happens under one folder for as long as `patch` lasts.

    events: in order. A file is called by its path under the folder, the folder itself ".", and a temporary file "X~"
    where X is the file it is for:

        write X         through a bare handle (other writes show at the next sync only)
        sync X          all of the file's content, or all names in a folder
        cut X           to another size
        rename A -> B   A's content was on disk; "rename A -> B, not synced" when it was not. "link" alike.
        remove X
        sql STATEMENT   and "sql COMMIT (synchronous 3, journal delete)" with the modes that hold then

    readable: files and folders that others than their owner could open at some step.
    """

    def __init__(self, patch: pytest.MonkeyPatch, folder: Path) -> None:
        self.events: list[str] = []
        self.readable: set[str] = set()
        self._folder = folder
        self._synced: dict[int, bytes] = {}  # by inode: the content that is on disk
        self._patch = patch
        for name in ("fsync", "fdatasync"):
            self._spy(name, self._sync)
        for name in ("write", "pwrite"):
            self._spy(name, lambda handle, *_: self._handled("write", handle))
        self._spy("ftruncate", lambda handle, size: self._handled("cut", handle))
        for name in ("rename", "replace"):
            self._spy(name, lambda old, new, **_: self._named("rename", old, new))
        self._spy("link", lambda old, new, **_: self._named("link", old, new))
        for name in ("unlink", "remove"):
            self._spy(name, self._removed)
        patch.setattr(sqlite3, "connect", self._connect(sqlite3.connect))

    def taken(self) -> list[str]:
        """The events since the last call."""
        found, self.events[:] = list(self.events), []
        return found

    def _spy(self, name: str, noted: Callable[..., None]) -> None:
        do = getattr(os, name)

        def done(*arguments: Any, **more: Any) -> Any:
            if name in ("rename", "replace", "link", "unlink", "remove"):
                noted(*arguments, **more)  # afterwards the old name is gone
                return do(*arguments, **more)
            found = do(*arguments, **more)
            noted(*arguments, **more)
            return found

        self._patch.setattr(os, name, done)

    def _note(self, event: str) -> None:
        self.events.append(event)
        for path in self._folder.rglob("*"):
            status = path.lstat()
            if not stat.S_ISLNK(status.st_mode) and status.st_mode & 0o077:
                self.readable.add(self._called(path))

    def _sync(self, handle: int) -> None:
        status = os.fstat(handle)
        if stat.S_ISREG(status.st_mode):
            self._synced[status.st_ino] = _content(Path(f"/dev/fd/{handle}"))
        self._handled("sync", handle)

    def _handled(self, what: str, handle: int) -> None:
        name = self._of(handle)
        if name is not None:
            self._note(f"{what} {name}")

    def _removed(self, path: Any, *, dir_fd: int | None = None) -> None:
        within = self._folder if dir_fd is None else self._folder / (self._of(dir_fd) or "..")
        if (within / path).is_relative_to(self._folder):
            self._note(f"remove {self._called(within / path)}")

    def _named(self, how: str, old: Any, new: Any) -> None:
        path = Path(old)
        safe = self._synced.get(path.stat().st_ino) == path.read_bytes()
        self._note(f"{how} {self._called(old)} -> {self._called(new)}" + ("" if safe else ", not synced"))

    def _of(self, handle: int) -> str | None:
        """The name of an open file; None for one that is elsewhere or has no name any more."""
        status = os.fstat(handle)
        for path in (self._folder, *self._folder.rglob("*")):
            found = path.lstat()
            if (found.st_dev, found.st_ino) == (status.st_dev, status.st_ino):
                return self._called(path)
        return None

    def _called(self, path: Any) -> str:
        path = Path(path).absolute()
        if not path.is_relative_to(self._folder):
            return "another file"
        part = _PART.match(path.name)
        return str((path.with_name(f"{part[1]}~") if part else path).relative_to(self._folder))

    def _connect(self, connect: Callable[..., sqlite3.Connection]) -> Callable[..., sqlite3.Connection]:
        disk = self

        class Watched(sqlite3.Connection):
            def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
                if sql == "COMMIT":
                    modes = [super(Watched, self).execute(f"PRAGMA {m}").fetchone()[0] for m in _MODES]
                    disk._note("sql COMMIT (synchronous {}, journal {})".format(*modes))
                    file = Path(super().execute("PRAGMA database_list").fetchone()[2])
                    done = super().execute(sql, *parameters)
                    if modes[0] >= _FULL:
                        disk._synced[file.stat().st_ino] = _content(file)
                    return done
                if found := _STATEMENT.match(sql):
                    disk._note(f"sql {found[0]}")
                return super().execute(sql, *parameters)

        return lambda *arguments, **more: connect(*arguments, factory=Watched, **more)


_MODES = ("synchronous", "journal_mode")
_FULL = 2  # from this mode on SQLite syncs the file before COMMIT returns


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read()
