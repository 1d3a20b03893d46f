"""A folder, 0700, for what a task writes; it goes with the task."""

from __future__ import annotations

import tempfile
from pathlib import Path


class Workroom:
    """The folder of one task, made when it is needed."""

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def file(self, name: str) -> Path:
        """Where a file of this name is written. One that is there goes."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="psiselect-ui-")
        found = Path(self._folder.name) / name
        found.unlink(missing_ok=True)
        return found

    def close(self) -> None:
        """Delete what is in it."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
