"""Which offers a party has answered: a file of its own that only grows, 0600, so that none is answered twice.

A second answer to one offer would be made from another list, or for a copy of the file in the wrong hands: two answers
to the same elements differ by exactly what changed in the list between them (docs/threat-model.md, "Differencing").

    psiselect-1 answered offers
    64 hex digits of the offer's id, a space, the date in UTC: 2026-01-31T12:00:00Z

An entry is on disk when `add` returns. Writers lock the file; an entry that a crash tore is taken off by the next one.
Not covered: a file that its owner removes or restores, and file systems whose locks do not work.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from psi.offline import words
from psiselect.base.durable import AppendLog

_TITLE = b"psiselect-1 answered offers\n"
_DATE = "%Y-%m-%dT%H:%M:%SZ"
_ENTRY = re.compile(rb"[0-9a-f]{64} [0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\n", re.ASCII)
_ENTRY_BYTES = 86


class AnsweredOffers:
    """The offers that were answered, in one file. Each call opens it anew, so processes may share it."""

    def __init__(self, path: Path) -> None:
        """Raises InputError when the file can be neither read nor made."""
        self.path = Path(path)
        with self._opened():
            pass

    def check(self, offer: bytes) -> None:
        """Raises PolicyError when the offer with this id was answered."""
        with self._opened() as log:
            _refuse(offer, log)

    def add(self, offer: bytes, now: datetime) -> None:
        """Write down, durably, that the offer is answered. Raises PolicyError when it was already; of several callers
        one succeeds."""
        with self._opened() as log:
            _refuse(offer, log)
            log.append(f"{offer.hex()} {now.astimezone(UTC).strftime(_DATE)}\n".encode())

    def _opened(self) -> AppendLog:
        return AppendLog(
            self.path,
            _whole,
            title=_TITLE,
            failed=lambda reason: words.not_remembered(self.path, reason),
            foreign=words.not_of_answers(self.path),
        )


def _whole(entries: bytes) -> int | None:
    """Bytes of whole entries; None when one of them is damaged."""
    whole = len(entries) - len(entries) % _ENTRY_BYTES
    cut = (entries[i : i + _ENTRY_BYTES] for i in range(0, whole, _ENTRY_BYTES))
    return whole if all(_ENTRY.fullmatch(entry) for entry in cut) else None


def _refuse(offer: bytes, log: AppendLog) -> None:
    for entry in log.entries():
        known, date = entry.decode().split()
        if known == offer.hex():
            raise words.answered(date)
