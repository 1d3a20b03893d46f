"""Outputs that appear whole or not at all: write beside the target, sync, rename."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from psiselect.base import durable
from psiselect.base.errors import InputError


@contextlib.contextmanager
def replacing(target: Path, *, secret: bool = False) -> Iterator[Path]:
    """Yield a temporary path in the target's folder; on success it is synced and renamed onto the target, on any error
    removed. `secret` files are 0600 from creation; others get the usual mode under the umask. Raises InputError when
    the folder cannot be written."""
    target = Path(target)
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    except OSError as error:
        raise InputError(
            f"cannot write {target}: {error.strerror}; choose a folder that exists and can be written"
        ) from None
    os.close(handle)
    part = Path(name)
    try:
        yield part
        if not secret:
            umask = os.umask(0)
            os.umask(umask)
            part.chmod(0o666 & ~umask)
        with part.open("rb") as written:
            durable.sync_file(written)
        part.replace(target)
        durable.sync_folder(target.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_bytes(target: Path, content: bytes, *, secret: bool = False) -> None:
    """Write `content` to `target` atomically."""
    with replacing(target, secret=secret) as part:
        part.write_bytes(content)
