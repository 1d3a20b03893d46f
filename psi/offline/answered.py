"""Which offers a party has answered: a file of its own that only grows, 0600, so that none is answered twice.

A second answer to one offer would be made from another list, or for a copy of the file in the wrong hands: two answers
to the same elements differ by exactly what changed in the list between them (docs/threat-model.md, "Differencing").

    psiselect-1 answered offers
    64 hex digits of the offer's id, a space, the date in UTC: 2026-01-31T12:00:00Z

An entry is on disk when `add` returns. Writers lock the file; an entry that a crash tore is taken off by the next one.
Not covered: a file that its owner removes or restores, and file systems whose locks do not work.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from psiselect.base.errors import InputError, PolicyError

_TITLE = b"psiselect-1 answered offers\n"
_DATE = "%Y-%m-%dT%H:%M:%SZ"
_ENTRY = re.compile(rb"([0-9a-f]{64}) ([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)\n", re.ASCII)
_ENTRY_BYTES = 86


class AnsweredOffers:
    """The offers that were answered, in one file. Each call opens it anew, so processes may share it."""

    def __init__(self, path: Path) -> None:
        """Raises InputError when the file can be neither read nor made."""
        self.path = Path(path)
        with self._locked():
            pass

    def check(self, offer: bytes) -> None:
        """Raises PolicyError when the offer with this id was answered."""
        with self._locked() as handle:
            self._refuse(offer, handle)

    def add(self, offer: bytes, now: datetime) -> None:
        """Write down, durably, that the offer is answered. Raises PolicyError when it was already; of several callers
        one succeeds."""
        with self._locked() as handle:
            self._refuse(offer, handle)
            size = os.fstat(handle).st_size
            entry = f"{offer.hex()} {now.astimezone(UTC).strftime(_DATE)}\n".encode()
            if os.pwrite(handle, entry, size) != _ENTRY_BYTES:
                raise OSError(0, "no room left")  # what was written is a torn entry
            os.fsync(handle)

    def _refuse(self, offer: bytes, handle: int) -> None:
        size = os.fstat(handle).st_size
        content = os.pread(handle, size, 0)[len(_TITLE) :]
        found = re.search(rb"^" + offer.hex().encode() + rb" (.*)$", content, re.MULTILINE)
        if found is not None:
            raise PolicyError(
                f"this offer was answered on {found[1].decode()}, and an offer is answered once: a second answer "
                "would show what changed in the list; ask the peer for a new offer",
                term="offer",
            )

    @contextlib.contextmanager
    def _locked(self) -> Iterator[int]:
        """The file, ours alone, with its title and nothing but whole entries."""
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                self._mend(handle)
                yield handle
            finally:
                os.close(handle)
        except OSError as error:
            raise InputError(
                f"cannot use {self.path}, where answered offers are remembered: {error.strerror}; without it no offer "
                "is answered"
            ) from None

    def _mend(self, handle: int) -> None:
        """Write the title into a new file, take off a torn entry, refuse any other content."""
        size = os.fstat(handle).st_size
        content = os.pread(handle, size, 0)
        title, entries = content[: len(_TITLE)], content[len(_TITLE) :]
        if title != _TITLE and _TITLE.startswith(title):  # new, or torn when it was
            os.pwrite(handle, _TITLE, 0)
            os.fsync(handle)
            _sync_folder(self.path)
            return
        whole = len(entries) - len(entries) % _ENTRY_BYTES
        cut = (entries[i : i + _ENTRY_BYTES] for i in range(0, whole, _ENTRY_BYTES))
        if title != _TITLE or not all(_ENTRY.fullmatch(entry) for entry in cut):
            raise InputError(
                f"{self.path} is damaged, or not where psiselect remembers answered offers; name another by --state"
            )
        os.ftruncate(handle, len(_TITLE) + whole)


def _sync_folder(path: Path) -> None:
    folder = os.open(path.absolute().parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
