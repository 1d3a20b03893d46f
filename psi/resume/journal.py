"""The journal of one session: an append-only file of records, each sealed by a keyed digest.

    length (4) | kind (1) | digest of these five bytes (8) | payload (length) | digest of all (16) | 0x0A

Digests are BLAKE2b under a key that comes from the session's seed, over the record's number too: a record that was
changed, moved, or belongs to another session does not pass. A crash may leave a record unfinished at the end of the
file; it is cut off, since nothing that depends on it has left this machine. Anything else that does not pass is damage
and refused: a journal without a record from its middle would let the peer replace what it has sent.
"""

from __future__ import annotations

import contextlib
import enum
import hashlib
import os
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from psi.resume import words
from psi.transport.wire import MAX_FRAME_BYTES, Frame
from psiselect.base import durable
from psiselect.base.errors import InputError
from psiselect.base.words import DISK_FULL

_HEAD = 5
_HEAD_DIGEST = 8
_DIGEST = 16
_END = b"\n"  # not zero: a tail of zeros is room that a file system gave and a crash left empty
_OVERHEAD = _HEAD + _HEAD_DIGEST + _DIGEST + len(_END)
_MAX_PAYLOAD = MAX_FRAME_BYTES + (1 << 10)
_LABEL = 17  # of a kind of operation: see psi.resume.memo
_INPUT = 32


class EntryKind(enum.IntEnum):
    """What a record is."""

    PEER = 1  # a frame that came
    OWN = 2  # a frame that went, or may have gone
    OWN_AS_COMPUTED = 3  # the same, its payload being the result of an operation that is stored already
    OPERATION = 4
    MARK = 5


class Mark(enum.Enum):
    """What else must be known after a crash."""

    ADMITTED = b"admitted"  # own policy has let the peer in and counted the session
    REPORTED = b"reported"  # the result is where the user wants it
    PARTED = b"parted"  # the peer holds all that it needs


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of the group: which (label and number), on what (a digest), and its result.

    label: 17 bytes that stand for the scalar and the operation; number counts per label.
    """

    label: bytes
    number: int
    input_digest: bytes
    output: bytes


class Journal:
    """Open for appending by one process; not for several threads. Raises InputError for a file that is damaged, is
    another session's, or cannot be written.

    own_count, peer_count: frames so far. peer_types: types of the peer's. marks: those that were set.
    """

    def __init__(self, path: Path, key: bytes) -> None:
        """Open or create, check every record, cut off what a crash left unfinished."""
        self.path = path
        self.own_count = 0
        self.peer_count = 0
        self.first_peer: bytes | None = None  # the payload of the peer's first frame
        self.peer_types: set[int] = set()
        self.marks: set[Mark] = set()
        self._key = hashlib.blake2b(key, digest_size=32, person=b"psiselect-jrnl").digest()
        self._own = array("Q")  # where the records of own frames begin
        self._operations: dict[bytes, array[int]] = {}
        self._latest: tuple[int, bytes] | None = None  # where the latest operation is, and its result
        self._number = 0
        self._end = 0
        self._durable = False
        with self._reported("open"):
            self._handle = durable.open_private(path)
        try:
            self._load()
        except BaseException:
            os.close(self._handle)
            raise

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def peer(self, frame: Frame) -> None:
        """A frame came."""
        if self.peer_count == 0:
            self.first_peer = bytes(frame.payload)
        self._append(EntryKind.PEER, bytes((frame.type,)), frame.view())
        self.peer_count += 1
        self.peer_types.add(frame.type)

    def own(self, frame: Frame) -> None:
        """A frame is about to go."""
        view = frame.view()
        self._own.append(self._end)
        if self._latest is not None and view == self._latest[1]:
            self._append(EntryKind.OWN_AS_COMPUTED, bytes((frame.type,)) + self._latest[0].to_bytes(8, "big"), b"")
        else:
            self._append(EntryKind.OWN, bytes((frame.type,)), view)
        self.own_count += 1

    def own_frame(self, number: int) -> Frame:
        """Own frame `number` as it is stored."""
        return self._as_own(*self._read(self._own[number]))

    def operation(self, done: Operation) -> None:
        """The group was applied."""
        start = self._end
        self._append(
            EntryKind.OPERATION,
            done.label + done.number.to_bytes(8, "big") + done.input_digest,
            memoryview(done.output),
        )
        self._operations.setdefault(done.label, array("Q")).append(start)
        self._latest = (start, done.output)

    def find_operation(self, label: bytes, number: int) -> Operation | None:
        """What was stored under a label and number."""
        stored = self._operations.get(label)
        if stored is None or number >= len(stored):
            return None
        found = _operation(self._read(stored[number])[1])
        self._latest = (stored[number], found.output)
        return found

    def mark(self, mark: Mark) -> None:
        """Set a mark, durably."""
        if mark not in self.marks:
            self._append(EntryKind.MARK, mark.value, b"")
            self.sync()
            self.marks.add(mark)

    def sync(self) -> None:
        """Put everything on disk."""
        if not self._durable:
            with self._reported("write to"):
                os.fdatasync(self._handle)
            self._durable = True

    def frames(self) -> Iterator[tuple[EntryKind, Frame]]:
        """All frames so far, PEER and OWN, in the order in which they were stored."""
        position, end, number = 0, self._end, 0
        while position < end:
            kind, payload, following = self._check(position, end, number)
            if kind is EntryKind.PEER:
                yield kind, Frame(payload[0], payload[1:])
            elif kind in (EntryKind.OWN, EntryKind.OWN_AS_COMPUTED):
                yield EntryKind.OWN, self._as_own(kind, payload)
            position, number = following, number + 1

    def operations(self) -> Iterator[Operation]:
        """All operations so far, in no particular order."""
        for stored in self._operations.values():
            for position in stored:
                yield _operation(self._read(position)[1])

    def _as_own(self, kind: EntryKind, payload: bytes) -> Frame:
        if kind is EntryKind.OWN:
            return Frame(payload[0], payload[1:])
        return Frame(payload[0], _operation(self._read(int.from_bytes(payload[1:], "big"))[1]).output)

    def _load(self) -> None:
        with self._reported("read"):
            size = os.fstat(self._handle).st_size
            used = self._used(size)
        position = 0
        while position < size:
            length = self._length(position, used)
            if length is None or position + length > used:
                break  # cut short by a crash
            kind, payload, following = self._check(position, used, self._number)
            self._note(kind, payload, position)
            position, self._number = following, self._number + 1
        with self._reported("write to"):
            if position < size:
                os.ftruncate(self._handle, position)
            os.fsync(self._handle)
            durable.sync_folder(self.path.parent)
        self._end, self._durable = position, True

    def _note(self, kind: EntryKind, payload: bytes, position: int) -> None:
        match kind:
            case EntryKind.PEER:
                if self.peer_count == 0:
                    self.first_peer = payload[1:]
                self.peer_count += 1
                self.peer_types.add(payload[0])
            case EntryKind.OWN | EntryKind.OWN_AS_COMPUTED:
                self._own.append(position)
                self.own_count += 1
            case EntryKind.OPERATION:
                self._operations.setdefault(payload[:_LABEL], array("Q")).append(position)
            case EntryKind.MARK:
                self.marks.add(Mark(payload))

    def _append(self, kind: EntryKind, start: bytes, rest: bytes | memoryview) -> None:
        head = (len(start) + len(rest)).to_bytes(4, "big") + bytes((kind,))
        number = self._number.to_bytes(8, "big")
        digest = hashlib.blake2b(number + head + start, key=self._key, digest_size=_DIGEST)
        digest.update(rest)
        parts = [head, self._head_digest(number, head), start, rest, digest.digest(), _END]
        record = b"".join(parts)
        with self._reported("write to"):
            written = os.pwrite(self._handle, record, self._end)
            if written != len(record):
                raise OSError(0, DISK_FULL)
        self._end += len(record)
        self._number += 1
        self._durable = False

    def _length(self, position: int, used: int) -> int | None:
        """Bytes of the record at `position`; None when its head is cut short."""
        head = self._pread(position, min(_HEAD + _HEAD_DIGEST, used - position))
        if len(head) < _HEAD + _HEAD_DIGEST:
            return None
        number = self._number.to_bytes(8, "big")
        if self._head_digest(number, head[:_HEAD]) != head[_HEAD:]:
            raise self._damaged()
        return int.from_bytes(head[:4], "big") + _OVERHEAD

    def _check(self, position: int, used: int, number: int) -> tuple[EntryKind, bytes, int]:
        """The record at `position`: kind, payload, and where the next one begins."""
        length = int.from_bytes(self._pread(position, 4), "big")
        if length > _MAX_PAYLOAD or position + length + _OVERHEAD > used:
            raise self._damaged()
        record = self._pread(position, length + _OVERHEAD)
        start = _HEAD + _HEAD_DIGEST
        payload, digest = record[start : start + length], record[start + length : -1]
        sealed = number.to_bytes(8, "big") + record[:_HEAD] + payload
        good = hashlib.blake2b(sealed, key=self._key, digest_size=_DIGEST).digest() == digest
        if not good or record[-1:] != _END:
            raise self._damaged()
        return EntryKind(record[4]), payload, position + len(record)

    def _read(self, position: int) -> tuple[EntryKind, bytes]:
        """A record that was checked before, or written by this process."""
        head = self._pread(position, _HEAD)
        length = int.from_bytes(head[:4], "big")
        payload = self._pread(position + _HEAD + _HEAD_DIGEST, min(length, _MAX_PAYLOAD))
        if len(payload) != length:
            raise self._damaged()
        return EntryKind(head[4]), payload

    def _pread(self, position: int, size: int) -> bytes:
        with self._reported("read"):
            return os.pread(self._handle, size, position)

    def _used(self, size: int) -> int:
        """Where the zeros at the end of the file begin."""
        while size:
            block = os.pread(self._handle, min(size, 1 << 16), max(0, size - (1 << 16)))
            kept = len(block.rstrip(b"\0"))
            if kept:
                return size - len(block) + kept
            size -= len(block)
        return 0

    def _head_digest(self, number: bytes, head: bytes) -> bytes:
        return hashlib.blake2b(number + head, key=self._key, digest_size=_HEAD_DIGEST, person=b"head").digest()

    def _damaged(self) -> InputError:
        return words.damaged_journal(self.path)

    @contextlib.contextmanager
    def _reported(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise words.journal_failed(what, self.path, error.strerror or error) from None


def _operation(payload: bytes) -> Operation:
    start = _LABEL + 8
    number = int.from_bytes(payload[_LABEL:start], "big")
    return Operation(payload[:_LABEL], number, payload[start : start + _INPUT], payload[start + _INPUT :])
