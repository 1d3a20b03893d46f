"""Secrets of one run, in a file that every task can open: only its path stands in a plan."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from psiselect.base import strict_json
from psiselect.base.errors import InputError


@contextlib.contextmanager
def kept(folder: Path, secrets: dict[str, bytes]) -> Iterator[str]:
    """A new file, 0600, with these secrets; gone afterwards. Returns its path. Raises InputError."""
    content = strict_json.encode({name: value.hex() for name, value in secrets.items()})
    try:
        handle, name = tempfile.mkstemp(dir=folder, prefix=".psiselect-")  # 0600
    except OSError as error:
        raise InputError(f"cannot keep secrets in {folder}: {error.strerror}; name a folder of your own") from None
    path = Path(name)
    try:
        with open(handle, "wb") as file:
            file.write(content)
        yield str(path)
    finally:
        path.unlink(missing_ok=True)


def read(path: str) -> dict[str, bytes]:
    """The secrets, in a task. Raises InputError when the file is missing there, or others can read it."""
    try:
        with Path(path).open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise InputError(f"{path}: others can read these secrets; they must have mode 0600")
            body = strict_json.decode(file.read(strict_json.MAX_BYTES), "file")
    except OSError as error:
        raise InputError(f"a task cannot read its secrets in {path}: {error.strerror}") from None
    return {name: bytes.fromhex(str(value)) for name, value in body.items()}
