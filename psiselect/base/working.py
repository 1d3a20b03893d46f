"""The folder for working files: the one that was named, else the system's."""

from __future__ import annotations

import tempfile
from pathlib import Path

from psiselect.base.errors import InputError


def folder(named: Path | None = None) -> Path:
    """The named folder, or the system's folder for temporary files. Raises InputError when there is none, as in a
    container with a read-only root."""
    if named is not None:
        return named
    try:
        return Path(tempfile.gettempdir())
    except OSError:
        raise InputError(
            "there is no folder for working files: none of $TMPDIR, /tmp, /var/tmp and the current folder can be "
            "written; name one with --workdir, or with TMPDIR where the command has no --workdir",
            term="workdir",
        ) from None
