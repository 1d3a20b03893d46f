"""What an offerer must keep, secret, until the answer comes: one file, 0600, removed when the exchange is over.

It holds the seed of the masks, what the offer was made of (as a digest), and the options that it was made with. Whoever
reads it, with the offer and the answer, can compute what the offerer's list holds by trying identifiers.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from psi.offline import words
from psiselect.base import atomic, durable, strict_json
from psiselect.base.errors import RemoteError, UsageError
from psiselect.base.seeded import SEED_BYTES

_FORMAT = "psiselect-1 offer"
_HEX = {"seed": SEED_BYTES, "offer": 32, "contents": 64, "own": 32, "peer": 32}


@dataclass(frozen=True, slots=True)
class OfferState:
    """One offer that waits for its answer.

    seed: 32 bytes, of all random choices in the offer. offer: the file's id. contents: what `exchange.offer`
    returned. time: of the hello. own, peer: fingerprints. size: of the file, in bytes. options: as `psi
    offer` was called, plain JSON.
    """

    seed: bytes = field(repr=False)
    offer: bytes
    contents: bytes
    time: int
    own: bytes
    peer: bytes
    size: int
    options: dict[str, Any]

    def save(self, path: Path) -> None:
        """Write the file, durably. Raises InputError."""
        found = {name: getattr(self, name).hex() for name in _HEX}
        content = strict_json.encode(
            {"state": _FORMAT, "time": self.time, "size": self.size, "options": self.options, **found}
        )
        if len(content) > strict_json.MAX_BYTES:
            raise words.options_too_long()
        atomic.write_bytes(path, content, secret=True)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the file. Raises InputError when it is missing, malformed, or others can read it."""
        content = _read(path)
        if not content:
            raise words.empty_state(path)
        try:
            body = strict_json.decode(content, "file")
            strict_json.only(body, {"state", "time", "size", "options", *_HEX}, "file")
            if strict_json.field(body, "state", str, "file") != _FORMAT:
                raise words.other_state()
            time: int = strict_json.field(body, "time", int, "file")
            size: int = strict_json.field(body, "size", int, "file")
            options: dict[str, Any] = strict_json.field(body, "options", dict, "file")
            values = {name: _bytes(body, name, size) for name, size in _HEX.items()}
        except (RemoteError, ValueError):
            raise words.not_a_state(path) from None
        return cls(time=time, size=size, options=options, **values)


def require_new(path: Path) -> None:
    """Raises UsageError when there is a file already, InputError when none can be made."""
    if path.exists():
        raise _exists(path)
    if not path.absolute().parent.is_dir():
        raise words.state_not_written(path)


@contextlib.contextmanager
def reserved(path: Path) -> Iterator[None]:
    """Make an empty state file, 0600, for `OfferState.save`; removed again when no offer comes of it. Raises UsageError
    when there is one already, InputError."""
    try:
        durable.create_private(path)
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        raise words.state_not_written(path, error.strerror) from None
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def remove(path: Path) -> None:
    """Remove the secret state of an exchange that is over, durably. Raises InputError."""
    try:
        durable.remove(path)
    except OSError as error:
        raise words.state_not_removed(path, error.strerror) from None


def _exists(path: Path) -> UsageError:
    return words.state_exists(path)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise words.state_open_to_others(path, mode)
            return file.read(strict_json.MAX_BYTES + 1)
    except FileNotFoundError:
        raise words.no_state(path) from None
    except OSError as error:
        raise words.state_unreadable(path, error.strerror) from None


def _bytes(body: dict[str, Any], name: str, size: int) -> bytes:
    text: str = strict_json.field(body, name, str, "file")
    fits = len(text) == 2 * size or (name == "contents" and text and len(text) % (2 * size) == 0)  # so much a run
    if not fits or not frozenset("0123456789abcdef").issuperset(text):
        raise ValueError
    return bytes.fromhex(text)
