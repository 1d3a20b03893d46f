"""The algebra of a session over whole arrays: what is refused, what is compared, what is derived.

Elements are u-coordinates, shape (n, 32), uint8, little-endian. Everything a peer sent goes through `mask_checked`.
Steps and MUST-reject lists: docs/protocol.md.
"""

from __future__ import annotations

import enum
from typing import Protocol

import numpy as np
import numpy.typing as npt

from psi.group import words
from psi.group.curve25519 import rowwise
from psi.group.curve25519.backend import Backend
from psi.group.curve25519.scalar import Scalar
from psi.group.curve25519.suite import ELEMENT_BYTES, FIELD_PRIME
from psiselect.base.packed import U8, Packed

STATISTICAL_BITS = 40  # a false match under one key in one run has probability at most 2^-40
TRANSCRIPT_BYTES = 64
LABEL_BYTES = 64
MAX_TAG_BYTES = 32

_P_WORDS = np.frombuffer(FIELD_PRIME.to_bytes(ELEMENT_BYTES, "little"), "<u8")


class Derivation(enum.Enum):
    """What a digest of a doubly masked element is for. Values are domain separation labels of the protocol."""

    TAG = b"psiselect-v1 tag"  # compared
    LABEL = b"psiselect-v1 label"  # encrypts what a match opens
    SEED = b"psiselect-v1 seed"  # of a base transfer
    PAD = b"psiselect-v1 pad"  # hides a value in a transfer: of a row and its number, not of an element


def check_canonical(elements: U8, start: int = 0) -> None:
    """Refuse any u >= p, all 256 bits looked at: X25519 alone would accept u + 2^255 and u + p, a tagging channel.

    `start` is the number of the first row in the whole list. Raises RemoteError naming the first bad position.
    Variable time (elements are on the wire anyway).
    """
    lanes = _words(elements)
    # u >= p needs every word above the lowest at least p's; the top one may exceed it on its own.
    suspect = lanes[:, 3] >= _P_WORDS[3]
    if not suspect.any():
        return
    rows = np.flatnonzero(suspect)
    high = lanes[rows]
    beyond = (high[:, 3] > _P_WORDS[3]) | (
        (high[:, 2] == _P_WORDS[2]) & (high[:, 1] == _P_WORDS[1]) & (high[:, 0] >= _P_WORDS[0])
    )
    if beyond.any():
        raise words.not_canonical(start + int(rows[beyond][0]))


class Masker(Protocol):
    """The part of a backend that multiplies."""

    def mask(self, elements: U8, scalar: Scalar) -> U8:
        """See Backend."""
        ...


class FewRows:
    """X25519 row by row on `cryptography`: for scalars that have a row or three each, where vectors would be nearly
    empty. The same bytes as a backend's, and as constant-time as OpenSSL."""

    def mask(self, elements: U8, scalar: Scalar) -> U8:
        """See Backend."""
        return np.frombuffer(rowwise.mask(scalar.key, elements.tobytes()), np.uint8).reshape(elements.shape)


def mask_checked(backend: Masker, elements: U8, scalar: Scalar, start: int = 0) -> U8:
    """X25519(scalar, u) for elements from the peer: (n, 32) -> (n, 32).

    `start` is the number of the first row in the whole list. Raises RemoteError naming the position of an element that
    is not canonical or has low order. Constant-time in the scalar as far as the backend is.
    """
    check_canonical(elements, start)
    out = backend.mask(elements, scalar)
    parts = _words(out)
    zero = (parts[:, 0] | parts[:, 1] | parts[:, 2] | parts[:, 3]) == 0  # NumPy's any() over rows of four takes longer
    if zero.any():
        raise words.low_order(start + int(np.argmax(zero)))
    return out


def tag_bytes(own_size: int, peer_size: int) -> int:
    """Bytes of a tag: the least w with 2^(8w) >= 2^40 * n * m, so that n*m comparisons give a false match with
    probability at most 2^-40. Sizes are non-negative; exact for any."""
    comparisons = max(1, own_size) * max(1, peer_size) << STATISTICAL_BITS
    return -(-(comparisons - 1).bit_length() // 8)


def derivation_prefix(purpose: Derivation, transcript: bytes) -> bytes:
    """The 128 bytes (one SHA-512 block) hashed before every element: the label padded with zeros to 64 bytes, then
    the transcript hash. Fixed lengths throughout make label || transcript || element || item injective."""
    if len(transcript) != TRANSCRIPT_BYTES:
        raise ValueError(f"a transcript hash has {TRANSCRIPT_BYTES} bytes, not {len(transcript)}")
    return purpose.value.ljust(LABEL_BYTES, b"\0") + transcript


def derive(
    backend: Backend, purpose: Derivation, transcript: bytes, elements: U8, items: Packed | None, width: int
) -> U8:
    """KDF(element, item, transcript, purpose) for each row: (n, 32), n items -> (n, width).

    SHA-512 over a fixed-length prefix, cut to at most 32 bytes, so that extending a known output's message would take
    the 256 bits that are cut off. items None: the `count` modes, where the learner must not bind a tag to an item.
    """
    if not 1 <= width <= MAX_TAG_BYTES:
        raise ValueError(f"1 to {MAX_TAG_BYTES} bytes are derived, not {width}")
    return backend.digest(derivation_prefix(purpose, transcript), elements, items, width)


def tags(backend: Backend, transcript: bytes, elements: U8, items: Packed | None, width: int) -> U8:
    """What is compared: (n, 32) doubly masked elements and their items -> (n, width) tags."""
    return derive(backend, Derivation.TAG, transcript, elements, items, width)


def _words(elements: U8) -> npt.NDArray[np.uint64]:
    if elements.dtype != np.uint8 or elements.ndim != 2 or elements.shape[1] != ELEMENT_BYTES:
        raise ValueError(f"elements are (n, {ELEMENT_BYTES}) uint8, not {elements.shape} {elements.dtype}")
    return np.ascontiguousarray(elements).view("<u8")
