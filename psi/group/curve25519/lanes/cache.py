"""Compiled kernels on disk, so that only the first run on a machine compiles.

A cached file is code that this process will run, hence: a directory and files that belong to this user and that nobody
else may write, or the cache is not used at all. A file appears by atomic rename, several processes may race, and a
damaged file (wrong length, wrong checksum) counts as missing. The checksum finds damage, not forgery: who can write
here as this user can run code as this user anyway. Nothing in here raises; without a cache the kernel is compiled.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import stat
import sys
import tempfile
from pathlib import Path

from psi.group import words

_MAGIC = b"psiselect kernel 1\n"
_MAX_BYTES = 16 << 20
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH

_log = logging.getLogger(__name__)


def default_directory() -> Path | None:
    """$XDG_CACHE_HOME/psiselect or the platform's equivalent; None if there is no home."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(base):  # the XDG specification: a relative path is ignored
        return Path(base) / "psiselect"
    try:
        home = Path.home()
    except RuntimeError:
        return None
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "psiselect"


def key(*parts: bytes) -> str:
    """A name for what was compiled: an injective hash of everything that decides the code."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


class CodeCache:
    """Native code by key in one directory."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory

    def load(self, name: str) -> bytes | None:
        """The code stored under `name`, or None if there is none that may be trusted."""
        try:
            if self._directory is None or not self._ours(self._directory.lstat(), stat.S_IFDIR):
                return None
            descriptor = os.open(self._path(name), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
            with open(descriptor, "rb") as file:
                status = os.fstat(descriptor)
                if not self._ours(status, stat.S_IFREG) or status.st_size > _MAX_BYTES:
                    return None
                content = file.read(_MAX_BYTES)
        except OSError:
            return None
        header = len(_MAGIC) + 32
        magic, checksum, code = content[: len(_MAGIC)], content[len(_MAGIC) : header], content[header:]
        if magic != _MAGIC or checksum != hashlib.sha256(code).digest():
            _log.info(words.CACHE_DAMAGED)
            return None
        return code

    def store(self, name: str, code: bytes) -> None:
        """Keep `code` under `name`, if that can be done safely."""
        if self._directory is None:
            return
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._ours(self._directory.lstat(), stat.S_IFDIR):
                return
            descriptor, part = tempfile.mkstemp(dir=self._directory, prefix=".kernel-")  # 0600
        except OSError:
            return
        try:
            with open(descriptor, "wb") as file:
                file.write(_MAGIC + hashlib.sha256(code).digest() + code)
            os.replace(part, self._path(name))
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(part)

    def _path(self, name: str) -> str:
        return os.path.join(self._directory or "", f"kernel-{name}")

    def _ours(self, status: os.stat_result, kind: int) -> bool:
        ours = (
            stat.S_IFMT(status.st_mode) == kind and status.st_uid == os.geteuid() and not status.st_mode & _OTHERS_WRITE
        )
        if not ours:
            _log.warning(words.cache_not_used(self._directory))
        return ours
