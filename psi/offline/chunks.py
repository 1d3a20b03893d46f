"""Chunks: up to 32,768 ascending values of one width, sealed; what a part of a directory is made of.

A manifest lists the chunks of a column in order: digest, count, first and last value of each. So a chunk needs no
number, and whoever opens one can check it alone. Which file holds it does not matter.
docs/offline-protocol.md, "Directories".
"""

from __future__ import annotations

import enum
import hashlib
import itertools
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from psi.agreement.modes import Reveal
from psi.offline import words
from psi.store import rows
from psiselect.base.entropy import Entropy
from psiselect.base.errors import RemoteError
from psiselect.base.packed import U8

CHUNK_VALUES = 1 << 15
MOST_CHUNKS = 1 << 20  # of a column: ten billion elements in full chunks are 305,176
KEY_BYTES = 32
PREFIX_BYTES = 16  # of an element, before its reply
_NONCE_BYTES, _TAG_BYTES = 12, 16
SEAL_BYTES = _NONCE_BYTES + _TAG_BYTES  # what a chunk has beside its values
_DIGEST_BYTES = 32
_HEAD = struct.Struct(">32sI")


class ColumnKind(enum.Enum):
    """What the values of a column are."""

    ELEMENTS = "elements"
    REPLIES = "replies"
    TAGS = "tags"


@dataclass(frozen=True, slots=True)
class ColumnForm:
    """One column of an exchange.

    list: number of the list from 1. width: bytes of a value. distinct: how many first bytes tell values apart, 0 where
    equal values are allowed.
    """

    kind: ColumnKind
    list: int
    width: int
    distinct: int

    @property
    def name(self) -> str:
        """Its folder."""
        return f"{self.kind.value}-{self.list}"

    @property
    def entry_bytes(self) -> int:
        """Bytes of an entry of the manifest."""
        return _HEAD.size + 2 * self.width

    @property
    def most_sealed(self) -> int:
        """Bytes of the longest sealed chunk."""
        return _NONCE_BYTES + CHUNK_VALUES * self.width + _TAG_BYTES

    @property
    def _bound(self) -> bytes:
        return b"psiselect-1 part\0" + self.name.encode()


def elements_form(number: int) -> ColumnForm:
    """The offer's elements. Their first 16 bytes differ, since replies name them so."""
    return ColumnForm(ColumnKind.ELEMENTS, number, 32, PREFIX_BYTES)


def replies_form(number: int, reveal: Reveal) -> ColumnForm:
    """The answer's replies: with the element's first 16 bytes, or alone where membership is hidden."""
    if reveal.hides_membership:
        return ColumnForm(ColumnKind.REPLIES, number, 32, 32)
    return ColumnForm(ColumnKind.REPLIES, number, PREFIX_BYTES + 32, PREFIX_BYTES)


def tags_form(number: int, width: int) -> ColumnForm:
    """The answer's tags."""
    return ColumnForm(ColumnKind.TAGS, number, width, 0)


@dataclass(frozen=True, slots=True)
class ChunkEntry:
    """A chunk in a manifest. digest: SHA-256 of its values end to end. first, last: values."""

    digest: bytes
    count: int
    first: bytes
    last: bytes

    @classmethod
    def of(cls, values: U8) -> ChunkEntry:
        """The entry of 1 to 32,768 values, shape (k, width)."""
        content = np.ascontiguousarray(values).tobytes()
        width = values.shape[1]
        return cls(hashlib.sha256(content).digest(), len(values), content[:width], content[-width:])

    def encode(self) -> bytes:
        """As in a manifest."""
        return _HEAD.pack(self.digest, self.count) + self.first + self.last

    @classmethod
    def decode(cls, data: bytes, width: int) -> ChunkEntry:
        """The reverse of `encode`."""
        digest, count = _HEAD.unpack(data[: _HEAD.size])
        return cls(digest, count, data[_HEAD.size : _HEAD.size + width], data[_HEAD.size + width :])


def cut(blocks: Iterable[U8]) -> Iterator[U8]:
    """Ascending values in full chunks and a last one."""
    return rows.in_chunks(blocks, CHUNK_VALUES)


def seal(key: bytes, form: ColumnForm, values: U8, entropy: Entropy) -> bytes:
    """A chunk as it lies in a file. The nonce is random: a task that is tried again may seal other values."""
    nonce = entropy.read(_NONCE_BYTES)
    return nonce + ChaCha20Poly1305(key).encrypt(nonce, np.ascontiguousarray(values).tobytes(), form._bound)


def unseal(key: bytes, form: ColumnForm, sealed: bytes) -> tuple[ChunkEntry, U8]:
    """The values of a chunk, shape (k, width), and their entry. Raises RemoteError when it does not open, or its values
    do not ascend."""
    if not _NONCE_BYTES + form.width + _TAG_BYTES <= len(sealed) <= form.most_sealed:
        raise _damaged(form)
    try:
        content = ChaCha20Poly1305(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], form._bound)
    except InvalidTag:
        raise _damaged(form) from None
    if len(content) % form.width:
        raise _damaged(form)
    values = np.frombuffer(content, np.uint8).reshape(-1, form.width)
    if not rows.ascend(values) or (form.distinct and rows.repeats(values[:, : form.distinct])):
        raise _unordered(form)
    return ChunkEntry.of(values), values


def check_entries(form: ColumnForm, entries: Sequence[ChunkEntry], total: int) -> None:
    """Raises RemoteError unless these can be the chunks of `total` values, each one in order after the one before."""
    if sum(entry.count for entry in entries) != total or not all(1 <= e.count <= CHUNK_VALUES for e in entries):
        raise words.total_of_manifest(total, form.kind.value, form.list)
    if len({entry.digest for entry in entries}) != len(entries):
        raise words.chunk_twice(form.name)
    for before, after in itertools.pairwise(entries):
        low, high = before.last, after.first
        if form.distinct:
            low, high = low[: form.distinct], high[: form.distinct]
        if low > high or (form.distinct and low == high):
            raise _unordered(form)
    if any(entry.first > entry.last for entry in entries):
        raise _unordered(form)


def contents_digest(entries: Sequence[ChunkEntry]) -> bytes:
    """64 bytes that stand for the values of a column, cut into these chunks."""
    return hashlib.sha512(b"".join(entry.encode() for entry in entries)).digest()


def _damaged(form: ColumnForm) -> RemoteError:
    return words.damaged_chunk(form.name)


def _unordered(form: ColumnForm) -> RemoteError:
    return words.unordered(form.kind.value, form.list)
