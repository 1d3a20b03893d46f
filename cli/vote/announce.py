"""`vote winner --announce`: the announcement of a draw, in a file that may be published.

Rule: the draw is on record, or paid, before this file is written; nothing but an announcement is replaced.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cli.vote import words
from psiselect.base import atomic
from psiselect.elections.announcing import MARK, Announcement, Form

_FORMS = {".html": Form.HTML, ".htm": Form.HTML, ".md": Form.MARKDOWN}
_BEGINNING = 200  # bytes


@dataclass(frozen=True)
class AnnouncementFile:
    """Where an announcement goes. again: an earlier announcement there may be replaced."""

    path: Path
    again: bool

    @classmethod
    def of(cls, path: Path | None, *, again: bool) -> Self | None:
        """The file, None without one. Raises UsageError for an ending that names no form."""
        if path is None:
            return None
        if path.suffix.lower() not in _FORMS:
            raise words.announcement_ending(path.name)
        return cls(path, again)

    def check(self) -> None:
        """Raise InputError now if the file is there and may not be replaced, OutputError if it could not be written."""
        if os.path.lexists(self.path) and not (self.again and self._is_announcement()):
            raise words.in_the_way(self.path, again=self.again)
        atomic.check(self.path)

    def write(self, announcement: Announcement) -> None:
        """Write it. Raises InputError as `check` does, OutputError."""
        self.check()
        atomic.write_bytes(self.path, announcement.text(_FORMS[self.path.suffix.lower()]).encode())

    def _is_announcement(self) -> bool:
        try:
            with self.path.open("rb") as file:
                return MARK.encode() in file.read(_BEGINNING)
        except OSError:
            return False
