"""The folder for working files: the one that was named, else the system's."""

from __future__ import annotations

import tempfile
from pathlib import Path

from psiselect.base import words


def folder(named: Path | None = None) -> Path:
    """The named folder, or the system's folder for temporary files. Raises InputError when there is none, as in a
    container with a read-only root."""
    if named is not None:
        return named
    try:
        return Path(tempfile.gettempdir())
    except OSError:
        raise words.no_working_folder() from None
