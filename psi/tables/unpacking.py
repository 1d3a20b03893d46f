"""Text files as they are, packed, or in another encoding: read as UTF-8 bytes, a piece at a time.

Nothing is held: what a small packed file unpacks to may be larger than the memory.
"""

from __future__ import annotations

import abc
import codecs
import io
import re
from typing import BinaryIO, cast

import pyarrow as pa

from psi.tables import words
from psi.tables.files import TableFile

_PIECE = 1 << 18
# How a packed file begins, and what Arrow calls it.
_PACKED: tuple[tuple[re.Pattern[bytes], str, str], ...] = (
    (re.compile(rb"\x1f\x8b\x08"), "gzip", "gzip"),
    (re.compile(rb"\x28\xb5\x2f\xfd"), "zstd", "Zstandard"),
    (re.compile(rb"BZh[1-9](?:\x31\x41\x59\x26\x53\x59|\x17\x72\x45\x38\x50\x90)"), "bz2", "bzip2"),
)
_HEAD = 10
_FAULT = "psiselect.fault"
# A byte that UTF-8 never has, in place of what has no meaning: its line is then at fault, and no other.
codecs.register_error(_FAULT, lambda error: ("\udcff", cast(UnicodeDecodeError, error).end))


class UnpackedFile(TableFile):
    """Another file's text in UTF-8.

    encoding: of the text, None for UTF-8. What cannot be decoded is not UTF-8 here either. The file may be packed by
    gzip, Zstandard or bzip2: its first bytes say so. Reading raises InputError where a packed file is damaged, torn, or
    followed by other bytes, and where the encoding needs a byte order mark and there is none.
    """

    def __init__(self, file: TableFile, encoding: str | None = None) -> None:
        self._file = file
        self.path, self.name, self.is_nameless = file.path, file.name, file.is_nameless
        self.encoding = encoding
        head = file.head(_HEAD)
        self._packed = next(((codec, words) for begins, codec, words in _PACKED if begins.match(head)), None)

    @property
    def words(self) -> str | None:
        """What it is packed by; None where it is not."""
        return None if self._packed is None else self._packed[1]

    def open(self) -> BinaryIO:
        """Its text from the beginning; to be closed by the caller. It cannot be sought in."""
        raw = self._file.open()
        if self._packed is None and self.encoding is None:
            return raw
        stream: io.RawIOBase = _Raw(raw) if self._packed is None else _Unpacked(raw, self.name, *self._packed)
        if self.encoding is not None:
            stream = _Decoded(stream, self.encoding, self.name)
        return cast(BinaryIO, io.BufferedReader(stream, _PIECE))

    def check_unchanged(self) -> None:
        """See `TableFile.check_unchanged`."""
        self._file.check_unchanged()


class _Pieces(io.RawIOBase):
    """A stream that is read a piece at a time."""

    _left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._left:
            piece = self._next()
            if piece is None:
                return 0
            self._left = piece
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size

    @abc.abstractmethod
    def _next(self) -> bytes | None:
        """The next bytes, which may be none; None at the end."""


class _Raw(_Pieces):
    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw

    def _next(self) -> bytes | None:
        return self._raw.read(_PIECE) or None

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Unpacked(_Pieces):
    def __init__(self, raw: BinaryIO, name: str, codec: str, words: str) -> None:
        self._name, self._words = name, words
        self._raw = raw
        self._stream = pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), codec)

    def _next(self) -> bytes | None:
        try:
            return self._stream.read(_PIECE) or None
        except OSError:
            raise words.damaged(self._name, self._words) from None

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Decoded(_Pieces):
    def __init__(self, raw: io.RawIOBase, encoding: str, name: str) -> None:
        self._raw = raw
        self._encoding, self._name = encoding, name
        self._decoder = codecs.getincrementaldecoder(encoding)(_FAULT)
        self._ended = False

    def _next(self) -> bytes | None:
        if self._ended:
            return None
        piece = self._raw.read(_PIECE) or b""
        self._ended = not piece
        try:
            text = self._decoder.decode(piece, self._ended)
        except UnicodeError:  # what has no meaning is replaced, so only the mark at the beginning can be wrong
            raise words.no_mark(self._name, self._encoding) from None
        return text.encode("utf-8", "surrogateescape")

    def close(self) -> None:
        self._raw.close()
        super().close()
