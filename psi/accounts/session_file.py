"""Names of files that each session of a listener writes anew."""

from __future__ import annotations

import os
from pathlib import Path

from psi.accounts import words

SESSION_FIELD = "{session}"


def new_file_of_session(path: Path, transcript: bytes, *, again: bool = False) -> Path:
    """The path with `{session}` in its name replaced by the first 16 hex digits of a session's transcript; other paths
    as they are. Raises InputError when there is such a file already: a session's file is never written over, unless
    `again` says that the very session is being put on file once more."""
    if SESSION_FIELD not in path.name:
        return path
    found = path.with_name(path.name.replace(SESSION_FIELD, transcript[:8].hex()))
    if os.path.lexists(found) and not again:
        raise words.already_there(found)
    return found
