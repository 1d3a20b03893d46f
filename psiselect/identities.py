"""Who takes part, as callers name them: by file, or as objects that are loaded already."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from psi.identity import files
from psi.identity.identity import Identity, PeerIdentity
from psiselect import words


def load_identity(where: Path | Identity, tell: Callable[[str], None]) -> Identity:
    """Read one's own identity, which must be valid now; tell what its user should know of it. Raises InputError."""
    return load_identities([where], tell)[0]


def load_identities(places: Sequence[Path | Identity], tell: Callable[[str], None]) -> tuple[Identity, ...]:
    """Read one's own identities. One that has expired is left out while another is valid, and that is told. Raises
    InputError, UsageError when one is named twice."""
    found = [_read(where) for where in places]
    for identity in found:
        if identity.note is not None:
            tell(identity.note)
    if len({identity.fingerprint for identity in found}) < len(found):
        raise words.named_twice()
    now = datetime.now(UTC)
    valid = tuple(identity for identity in found if now <= identity.public.not_after)
    for identity in valid or found:
        identity.public.require_valid(now)
    for identity in found:
        if identity not in valid:
            tell(words.left_out(identity.certificate_path))
    return valid


def load_peer(where: Path | PeerIdentity) -> PeerIdentity:
    """Read a peer's certificate, which must be valid now. Raises InputError."""
    if isinstance(where, PeerIdentity):
        where.require_valid()
        return where
    return PeerIdentity.load(where)


def files_of(where: Path | Identity) -> tuple[Path, ...]:
    """The files that an identity is in, none for a file descriptor. Raises InputError."""
    if isinstance(where, Identity):
        return () if files.is_descriptor(where.key_path) else (where.certificate_path, where.key_path)
    return () if files.is_descriptor(where) else files.find(where)


def _read(where: Path | Identity) -> Identity:
    if isinstance(where, Identity):
        return where
    return _read_once(where) if files.is_descriptor(where) else Identity.read(where)


@functools.cache
def _read_once(descriptor: Path) -> Identity:
    """What comes through a pipe comes once, and some commands need it twice."""
    return Identity.read(descriptor)
