"""`vote winner --announce`: the announcement of a draw, in a file that may be published.

Rule: the draw is on record, or paid, before this file is written; nothing but an announcement is replaced.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from psiselect.base import atomic
from psiselect.base.errors import InputError, UsageError
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
            raise UsageError(f"--announce: expected a file name that ends in .html or .md, got {path.name!r}")
        return cls(path, again)

    def check(self) -> None:
        """Raise InputError now if the file is there and may not be replaced, OutputError if it could not be written."""
        if os.path.lexists(self.path) and not (self.again and self._is_announcement()):
            what = "is no announcement" if self.again else "exists"
            raise InputError(
                f"--announce: {self.path} {what}, so it stays as it is. Name another file, or move this one away",
                term="announce",
            )
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
