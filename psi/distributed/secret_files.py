"""Secrets of one run, for tasks: only a path, or what a key at that path has sealed, stands in a plan.

    PATH                 a file of this run, 0600, which tasks on this machine open
    sealed:HEX:PATH      the secrets, sealed under the task key: a file that lies on every machine of the engine

The task key is 64 hexadecimal digits. Its owner puts it there, as a mounted secret or by a start script.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from psi.distributed import words
from psiselect.base import strict_json
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import RemoteError

_SEALED = "sealed:"
_NONCE_BYTES = 12
_BOUND = b"psiselect-1 task secrets\0"
_TASK_KEY = re.compile(rb"[0-9a-fA-F]{64}\n?")


@dataclass(frozen=True)
class TaskKey:
    """The file with the task key, at this path on every machine of the engine."""

    path: Path

    def read(self) -> bytes:
        """32 bytes. Raises InputError when the file is missing, malformed, or others can read it."""
        content = _private(self.path, words.TASK_KEY)
        if not _TASK_KEY.fullmatch(content):
            raise words.not_a_task_key(self.path)
        return bytes.fromhex(content.decode())


@contextlib.contextmanager
def kept(where: Path | TaskKey, secrets: dict[str, bytes]) -> Iterator[str]:
    """What tasks `read` these secrets by. where: a folder for a new file, which is gone afterwards; or the task key.
    Raises InputError."""
    content = strict_json.encode({name: value.hex() for name, value in secrets.items()})
    if isinstance(where, TaskKey):
        nonce = SystemEntropy().read(_NONCE_BYTES)
        sealed = nonce + ChaCha20Poly1305(where.read()).encrypt(nonce, content, _BOUND)
        yield f"{_SEALED}{sealed.hex()}:{where.path}"
        return
    try:
        handle, name = tempfile.mkstemp(dir=where, prefix=".psiselect-")  # 0600
    except OSError as error:
        raise words.secrets_not_kept(where, error.strerror) from None
    path = Path(name)
    try:
        with open(handle, "wb") as file:
            file.write(content)
        yield str(path)
    finally:
        path.unlink(missing_ok=True)


def read(where: str) -> dict[str, bytes]:
    """The secrets, in a task. Raises InputError when a file is missing there, or others can read it."""
    if where.startswith(_SEALED):
        sealed, _, path = where.removeprefix(_SEALED).partition(":")
        content = _opened(bytes.fromhex(sealed), TaskKey(Path(path)))
    else:
        content = _private(Path(where), words.SECRETS)
    try:
        body = strict_json.decode(content, "file")
        return {name: bytes.fromhex(str(value)) for name, value in body.items()}
    except (RemoteError, ValueError):
        raise words.secrets_damaged() from None


def _opened(sealed: bytes, key: TaskKey) -> bytes:
    try:
        return ChaCha20Poly1305(key.read()).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _BOUND)
    except InvalidTag:
        raise words.other_task_key(key.path) from None


def _private(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise words.readable_by_others(path)
            return file.read(strict_json.MAX_BYTES)
    except OSError as error:
        raise words.secrets_unreadable(what, path, error.strerror) from None
