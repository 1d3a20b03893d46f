"""One's own identity, as commands load it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from cli._output import say
from psi.identity import files
from psi.identity.identity import Identity
from psiselect.base.errors import UsageError


def load_identity(path: Path, tell: Callable[[str], None] = say) -> Identity:
    """Read one's own identity, which must be valid now; tell what its user should know of it. Raises InputError."""
    return load_identities([path], tell)[0]


def load_identities(paths: Sequence[Path], tell: Callable[[str], None] = say) -> tuple[Identity, ...]:
    """Read one's own identities. One that has expired is left out while another is valid, and that is told. Raises
    InputError, UsageError when one is named twice."""
    found = [_read_once(path) if files.is_descriptor(path) else Identity.read(path) for path in paths]
    for identity in found:
        if identity.note is not None:
            tell(identity.note)
    if len({identity.fingerprint for identity in found}) < len(found):
        raise UsageError("--identity names the same certificate twice; leave one out")
    now = datetime.now(UTC)
    valid = tuple(identity for identity in found if now <= identity.public.not_after)
    for identity in valid or found:
        identity.public.require_valid(now)
    for identity in found:
        if identity not in valid:
            tell(f"the certificate {identity.certificate_path} has expired and is left out; remove it from --identity")
    return valid


@functools.cache
def _read_once(descriptor: Path) -> Identity:
    """What comes through a pipe comes once, and some commands need it twice."""
    return Identity.read(descriptor)
