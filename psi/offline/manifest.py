"""The manifest of a directory: a file of the offline exchange whose content lists chunks in place of values.

    offer:   HELLO, SIZES, KEY, and for each run: ELEMENTS ..., ELEMENTS_END
    answer:  HELLO, SIZES, KEY, and for each run: REPLIES ..., REPLIES_END, TAGS ..., TAGS_END; then FINISH

docs/offline-protocol.md, "Directories".
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from psi.identity.identity import Identity, PeerIdentity
from psi.offline import words
from psi.offline.chunks import KEY_BYTES, MOST_CHUNKS, SEAL_BYTES, ChunkEntry, ColumnForm, ColumnKind, check_entries
from psi.offline.envelope import FileKind, Reader, Writer
from psi.offline.exchange import Beginning, beginning_of_peer
from psi.protocol.messages import MessageType as M
from psi.transport.wire import Frame
from psiselect.base.entropy import Entropy
from psiselect.base.errors import RemoteError

MOST_BYTES = 1 << 30  # of a manifest
PART_KEY = 24  # a frame: the key that chunks are sealed under
_ENTRIES_AT_ONCE = 4096
_FRAMES = {
    ColumnKind.ELEMENTS: (M.ELEMENTS, M.ELEMENTS_END),
    ColumnKind.REPLIES: (M.REPLIES, M.REPLIES_END),
    ColumnKind.TAGS: (M.TAGS, M.TAGS_END),
}


@dataclass(frozen=True)
class Listed:
    """A column and its chunks, in order."""

    form: ColumnForm
    entries: Sequence[ChunkEntry]


def sealed_bytes(columns: Sequence[Listed]) -> int:
    """Bytes of all chunks of these columns, without what Parquet adds."""
    return sum(entry.count * column.form.width + SEAL_BYTES for column in columns for entry in column.entries)


def write(
    kind: FileKind,
    author: Identity,
    addressee: PeerIdentity,
    previous: bytes,
    entropy: Entropy,
    content: tuple[Beginning, bytes, Sequence[Listed], bytes | None],
) -> tuple[bytes, bytes]:
    """A manifest, and its id. content: hello and sizes, the key of the chunks, the columns, and an answer's signature
    over the record."""
    begun, key, columns, signature = content
    file = io.BytesIO()
    writer = Writer(file, kind, author, addressee, previous, entropy)
    for frame in (*begun, Frame(PART_KEY, key)):
        writer.send(frame)
    for column in columns:
        some, end = _FRAMES[column.form.kind]
        for start in range(0, len(column.entries), _ENTRIES_AT_ONCE):
            listed = column.entries[start : start + _ENTRIES_AT_ONCE]
            writer.send(Frame(some, b"".join(entry.encode() for entry in listed)))
        writer.send(Frame(end, b""))
    if signature is not None:
        writer.send(Frame(M.FINISH, signature))
    file_id = writer.finish()
    return file.getvalue(), file_id


class ManifestReader:
    """The content of a manifest whose form, parties and signature have been checked, read from its beginning to its
    end. `begun` and `key` are there at once; then `column` for each column in order, then `signature`, then `end`."""

    def __init__(self, file: Reader) -> None:
        """Raises RemoteError."""
        self._frames: Iterator[Frame] = file.frames()
        self.begun = beginning_of_peer(self._frames)
        key = self._next()
        if key.type != PART_KEY or len(key.payload) != KEY_BYTES:
            raise words.no_part_key()
        self.key = bytes(key.payload)

    def column(self, form: ColumnForm, total: int) -> Listed:
        """The chunks of the next column, of `total` values, in order. Raises RemoteError."""
        some, end = _FRAMES[form.kind]
        entries: list[ChunkEntry] = []
        while (frame := self._next()).type == some:
            payload, width = bytes(frame.payload), form.entry_bytes
            if not payload or len(payload) % width or len(entries) + len(payload) // width > MOST_CHUNKS:
                raise self._faulty(form)
            cut = (payload[at : at + width] for at in range(0, len(payload), width))
            entries += [ChunkEntry.decode(one, form.width) for one in cut]
        if frame.type != end or len(frame.payload):
            raise self._faulty(form)
        check_entries(form, entries, total)
        return Listed(form, entries)

    def signature(self) -> bytes:
        """An answer's signature over the record. Raises RemoteError."""
        frame = self._next()
        if frame.type != M.FINISH:
            raise words.no_record_signature("answer")
        return bytes(frame.payload)

    def end(self) -> None:
        """Raises RemoteError unless this is the end."""
        if next(self._frames, None) is not None:
            raise words.manifest_goes_on()

    def _next(self) -> Frame:
        frame = next(self._frames, None)
        if frame is None:
            raise words.ends_early("manifest")
        return frame

    @staticmethod
    def _faulty(form: ColumnForm) -> RemoteError:
        return words.chunks_of_manifest(form.name)
