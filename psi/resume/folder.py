"""Where sessions are kept: a folder (0700) for each, in the folder that the user named, locked while a process runs it.

Its name is a digest of who does what with whom on which terms, so that the same command finds it again; it holds
`manifest` (the seed, and what must not change), `journal`, and `lock`. Whoever reads it has every secret of that
session (docs/threat-model.md).
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psi.resume import words
from psi.resume.journal import Journal
from psiselect.base import atomic, durable, strict_json
from psiselect.base.errors import InputError, PsiselectError, RemoteError
from psiselect.base.seeded import SEED_BYTES

FORMAT = "psiselect-1"
_PREFIX = "psiselect-session-"
_HEX = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a session is. seed: its random bits. time: in its HELLO. input_digest: of the list and all that travels
    with it. scope: side, both fingerprints and the terms, as JSON; it names the folder too."""

    seed: bytes
    time: int
    input_digest: bytes
    scope: dict[str, Any]

    def encode(self) -> bytes:
        """As stored."""
        body = {
            "format": FORMAT,
            "input": self.input_digest.hex(),
            "scope": self.scope,
            "seed": self.seed.hex(),
            "time": self.time,
        }
        return strict_json.encode({**body, "check": _check(body)}) + b"\n"

    @classmethod
    def decode(cls, data: bytes, path: Path) -> Manifest:
        """Raises InputError."""
        damaged = words.damaged(path)
        try:
            body = strict_json.decode(data, "manifest")
            strict_json.only(body, {"check", "format", "input", "scope", "seed", "time"}, "manifest")
            check = strict_json.field(body, "check", str, "manifest")
            texts = [strict_json.field(body, name, str, "manifest") for name in ("seed", "input")]
            scope = strict_json.field(body, "scope", dict, "manifest")
            time = strict_json.field(body, "time", int, "manifest")
        except RemoteError:  # strict JSON speaks of a peer
            raise damaged from None
        del body["check"]
        if body.get("format") != FORMAT or check != _check(body) or not all(map(_HEX.fullmatch, texts)):
            raise damaged
        made = cls(bytes.fromhex(texts[0]), time, bytes.fromhex(texts[1]), scope)
        if made.encode() != data:
            raise damaged
        return made


class SessionFolder:
    """One session's folder, ours alone until it is closed. Raises InputError when it cannot be used, UsageError when
    another process runs the session."""

    def __init__(self, workdir: Path, scope: dict[str, Any]) -> None:
        """Open or make the folder and lock it."""
        self.path = _place(workdir, scope)
        self._scope = scope
        self._lock = -1
        with _reported(self.path):
            self.path.mkdir(mode=0o700, exist_ok=True)
            self._require_private()
            self._lock = durable.open_private(self.path / "lock")
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.close()
                raise words.in_use(self.path) from None

    @classmethod
    def place(cls, workdir: Path, scope: dict[str, Any]) -> Path:
        """Where a session's folder is, or would be."""
        return _place(workdir, scope)

    @classmethod
    def exists(cls, workdir: Path, scope: dict[str, Any]) -> bool:
        """Whether there is such a folder."""
        return cls.place(workdir, scope).exists()

    @property
    def manifest_path(self) -> Path:
        """Where the manifest is, if the session has begun."""
        return self.path / "manifest"

    @property
    def _journal_path(self) -> Path:
        return self.path / "journal"

    def load(self) -> Manifest | None:
        """The manifest; None when no session has begun here."""
        try:
            data = self.manifest_path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(self.path, error) from None
        found = Manifest.decode(data, self.manifest_path)
        if found.scope != self._scope:
            raise words.moved(self.path)
        return found

    def begin(self, seed: bytes, time: int, input_digest: bytes) -> Manifest:
        """Write the manifest of a new session, durably; what an older one left is removed first."""
        if len(seed) != SEED_BYTES:
            raise ValueError(f"a seed has {SEED_BYTES} bytes")
        self.clear()
        with _reported(self.path):
            durable.create_private(self._journal_path)
            durable.sync_folder(self.path.parent)  # the folder may be new too
        made = Manifest(seed, time, input_digest, self._scope)
        atomic.write_bytes(self.manifest_path, made.encode(), secret=True)
        return made

    def journal(self, manifest: Manifest) -> Journal:
        """The session's journal, as far as it was written."""
        if not self._journal_path.exists():  # begun anew, it would let the peer have other elements answered
            raise words.no_journal(self.path)
        return Journal(self._journal_path, manifest.seed)

    def clear(self) -> None:
        """Remove the session, the seed first; the folder stays ours."""
        with _reported(self.path):
            durable.remove(self.manifest_path)
            for entry in os.scandir(self.path):
                if entry.name != "lock":
                    os.unlink(entry.path)

    def remove(self) -> None:
        """Remove the session and its folder."""
        self.clear()
        with contextlib.suppress(OSError):
            shutil.rmtree(self.path)
        self.close()

    def close(self) -> None:
        """Let go of the folder. Safe to call twice."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _require_private(self) -> None:
        found = os.stat(self.path, follow_symlinks=False)
        if found.st_uid != os.geteuid() or found.st_mode & 0o077 or not self.path.is_dir() or self.path.is_symlink():
            raise words.not_private(self.path)


def count(workdir: Path) -> int:
    """How many sessions are kept there."""
    return len(list(workdir.glob(_PREFIX + "*")))


def _place(workdir: Path, scope: dict[str, Any]) -> Path:
    return workdir / (_PREFIX + hashlib.sha256(b"psiselect-1 folder" + strict_json.encode(scope)).hexdigest()[:24])


def _check(body: dict[str, Any]) -> str:
    return hashlib.sha256(strict_json.encode(body)).hexdigest()


@contextlib.contextmanager
def _reported(folder: Path) -> Iterator[None]:
    try:
        yield
    except PsiselectError:
        raise
    except OSError as error:
        raise _unusable(folder, error) from None


def _unusable(folder: Path, error: OSError) -> InputError:
    return words.unusable_folder(folder, error.strerror or error)
