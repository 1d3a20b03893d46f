"""What a backend of the group must do, and how one is chosen.

A backend is arrays in, arrays out. Elements are u-coordinates, shape (n, 32), dtype uint8, little-endian, canonical
(below p); the caller checks that (`psi.group.masking`). A low-order input gives an all-zero output row and disturbs no
other.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Protocol

from psi.group import words
from psi.group.curve25519.scalar import Scalar
from psiselect.base.errors import UsageError
from psiselect.base.packed import U8, Packed

PORTABLE = "portable"


class Backend(Protocol):
    """One implementation of the group. All methods are safe to call from several threads."""

    name: str

    def mask(self, elements: U8, scalar: Scalar) -> U8:
        """X25519(scalar, u) for each row. (n, 32) -> (n, 32). Constant-time in the scalar (lanes), or as far as
        `cryptography` is (portable)."""
        ...

    def hash_to_curve(self, items: Packed, dst: bytes) -> U8:
        """The u-coordinate of RFC 9380's Q = map_to_curve(hash_to_field(item, 1)) before the cofactor is cleared:
        a clamped scalar clears it. (n,) items -> (n, 32). Variable time in the items' lengths only."""
        ...

    def hash_and_mask(self, items: Packed, scalar: Scalar, dst: bytes) -> U8:
        """mask(hash_to_curve(items, dst), scalar), in one pass."""
        ...

    def digest(self, prefix: bytes, elements: U8, items: Packed | None, width: int) -> U8:
        """The first `width` (1 to 64) bytes of SHA-512(prefix || element || item) for each row: (n, 32), n items ->
        (n, width). `prefix` is exactly 128 bytes (one block); items None means an empty item for each."""
        ...

    def close(self) -> None:
        """Stop worker threads or processes. The backend must not be used afterwards."""
        ...


def _portable(threads: int | None) -> Backend:
    from psi.group.curve25519.portable import PortableBackend

    return PortableBackend(threads)


def _warn_slower(text: str) -> None:
    warnings.warn(text, RuntimeWarning, stacklevel=3)


def _lanes(threads: int | None, slower: Callable[[str], None] = _warn_slower) -> Backend:
    """The fastest field that works here. `slower` is called with the reason when that is not the processor's best."""
    try:
        from psi.group.curve25519.lanes.backend import LanesBackend
        from psi.group.curve25519.lanes.target import fields

        best, *others = fields()
        try:
            return LanesBackend(threads, field=best)
        except RuntimeError as error:
            if not others:
                raise
            backend = LanesBackend(threads, field=others[0])
            slower(words.other_vector_code(best, error, others[0]))
            return backend
    except (ImportError, OSError, RuntimeError) as error:  # llvmlite missing, unloadable; LLVM or the self-test failed
        raise words.no_vector_code(error) from error


# Name to constructor; imported on demand, since a backend may compile code or start processes.
BACKENDS: dict[str, Callable[[int | None], Backend]] = {"lanes": _lanes, PORTABLE: _portable}


def load_backend(
    name: str = "auto", threads: int | None = None, slower: Callable[[str], None] = _warn_slower
) -> Backend:
    """The backend called `name`, or the fastest that works here (`auto`): lanes, else portable.

    slower: called with the reason when `auto` takes portable; without it, that is a RuntimeWarning.
    Raises UsageError for an unknown name, and for `lanes` where it does not work; ValueError for threads below 1.
    """
    if name == "auto":
        try:
            return _lanes(threads, slower)
        except UsageError as error:
            slower(words.portable_instead(error.__cause__))
            return _portable(threads)
    if name not in BACKENDS:
        raise words.unknown_backend(name, sorted(BACKENDS))
    return _lanes(threads, slower) if name == "lanes" else BACKENDS[name](threads)
