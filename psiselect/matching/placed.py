"""An offer or an answer where it lies: one file, or a directory of parts. Both are made and read in the same steps."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from psi.identity.identity import Identity, PeerIdentity
from psi.offline import by_parts, directory, exchange, manifest
from psi.offline.by_parts import ReadColumn
from psi.offline.chunks import KEY_BYTES
from psi.offline.directory import DirectoryWriter
from psi.offline.envelope import NO_FILE, FileKind, Reader, Writer
from psi.offline.manifest import Listed, ManifestReader
from psi.protocol.setup import Setup
from psi.session.session import SessionResult
from psiselect.base import atomic, durable
from psiselect.base.entropy import SystemEntropy
from psiselect.base.words import cannot_read
from psiselect.identities import load_identities, load_peer
from psiselect.matching.choices import Choices

Done = Callable[[int, int], None]


@dataclass(frozen=True)
class OfferMade:
    """An offer that is written, but for its appearance. id: of the file. contents: for the state. size: in bytes."""

    id: bytes
    contents: bytes
    size: int


class Opened:
    """The peer's file, or directory, whose form, parties and signature are found good."""

    def __init__(self, reader: Reader, path: Path, folder: Path | None) -> None:
        self.reader, self._path, self.folder = reader, path, folder
        # The parts are not read before the manifest: their sizes alone are looked at.
        self.size = reader.size if folder is None else _bytes_in(folder)

    def finish(self, setup: Setup, offer_id: bytes, contents: bytes, done: Done) -> SessionResult:
        """What the answer says. Raises as `psi.offline.exchange.finish`."""
        if self.folder is None:
            return exchange.finish(setup, offer_id, contents, self.reader.frames(), done)
        answered = ManifestReader(self.reader)
        return by_parts.finish(setup, offer_id, contents, answered, _columns(self.folder, answered), done)


@contextlib.contextmanager
def opened(path: Path, kind: FileKind, choices: Choices) -> Iterator[Opened]:
    """The peer's offer or answer; a directory is recognised as one. Raises InputError, RemoteError."""
    (identity,) = load_identities(choices.peers.identities, lambda note: None)  # it is loaded again later
    peers = [load_peer(peer) for peer in choices.peers.certificates]
    if path.is_dir():
        listing = FileKind.OFFER_MANIFEST if kind.offers else FileKind.ANSWER_MANIFEST
        content = io.BytesIO(directory.read_manifest(path))
        yield Opened(Reader(content, str(path / directory.MANIFEST), listing, identity, peers), path, path)
        return
    try:
        file = path.open("rb")
    except OSError as error:
        raise cannot_read(path, error.strerror) from None
    with file:
        yield Opened(Reader(file, str(path), kind, identity, peers), path, None)


class Placing(Protocol):
    """What is being written for the peer. It is gone again unless `appear` was called."""

    @property
    def size(self) -> int:
        """Bytes so far."""
        ...

    def offer(self, setup: Setup, done: Done) -> OfferMade:
        """Make an offer."""
        ...

    def answer(self, setup: Setup, offered: Opened, done: Done) -> SessionResult:
        """Make an answer, which is on disk then but for its appearance."""
        ...

    def appear(self) -> None:
        """Let it appear, whole."""
        ...


@contextlib.contextmanager
def writing(
    out: Path, author: Identity, addressee: PeerIdentity, offered: Opened | None, *, in_parts: bool
) -> Iterator[Placing]:
    """Where an offer, or the answer to one, is to be. Raises OutputError."""
    previous = NO_FILE if offered is None else offered.reader.id
    if not in_parts:
        kind = FileKind.OFFER if offered is None else FileKind.ANSWER
        with atomic.replacing(out) as part, part.open("wb") as file:
            yield PlacedFile(Writer(file, kind, author, addressee, previous, SystemEntropy()), file)
        return
    parts = PlacedParts(out, author, addressee, previous)
    try:
        yield parts
    except BaseException:
        parts.remove()
        raise


def check(out: Path, *, in_parts: bool) -> None:
    """Raises OutputError, UsageError when nothing could be written there."""
    if in_parts:
        directory.require_new(out)
    else:
        atomic.check(out)


class PlacedFile:
    def __init__(self, writer: Writer, file: BinaryIO) -> None:
        self._writer, self._file = writer, file
        self.size = 0

    def offer(self, setup: Setup, done: Done) -> OfferMade:
        contents = exchange.offer(setup, self._writer.send, done)
        file_id = self._writer.finish()
        self.size = self._writer.size
        return OfferMade(file_id, contents, self.size)

    def answer(self, setup: Setup, offered: Opened, done: Done) -> SessionResult:
        reader = offered.reader
        made = exchange.answer(setup, reader.id, reader.frames(), self._writer.send, done)
        self._writer.finish()
        self.size = self._writer.size
        durable.sync_file(self._file)  # between the entry and the answer's appearance there is next to nothing
        return made

    def appear(self) -> None:
        """It does when the file is closed."""


class PlacedParts:
    def __init__(self, out: Path, author: Identity, addressee: PeerIdentity, previous: bytes) -> None:
        entropy = SystemEntropy()
        self._key = entropy.read(KEY_BYTES)
        self._out, self._whom, self._previous = out, (author, addressee), previous
        self._to = DirectoryWriter(out, self._key, entropy)
        self._manifest = b""

    @property
    def size(self) -> int:
        return self._to.bytes + len(self._manifest)

    def offer(self, setup: Setup, done: Done) -> OfferMade:
        made = by_parts.offer(setup, self._to.column, done)
        file_id = self._list(FileKind.OFFER_MANIFEST, made.begun, made.columns, None)
        return OfferMade(file_id, made.contents, self.size)

    def answer(self, setup: Setup, offered: Opened, done: Done) -> SessionResult:
        if offered.folder is None:
            raise RuntimeError("a directory answers a directory")
        read = ManifestReader(offered.reader)
        columns = _columns(offered.folder, read)
        made = by_parts.answer(setup, offered.reader.id, read, columns, self._to.column, done)
        self._list(FileKind.ANSWER_MANIFEST, made.begun, made.columns, made.signature)
        return made.result

    def appear(self) -> None:
        self._to.manifest(self._manifest)

    def remove(self) -> None:
        """It is not to be."""
        shutil.rmtree(self._out, ignore_errors=True)

    def _list(self, kind: FileKind, begun: exchange.Beginning, columns: list[Listed], signature: bytes | None) -> bytes:
        content = begun, self._key, columns, signature
        self._manifest, file_id = manifest.write(kind, *self._whom, self._previous, SystemEntropy(), content)
        return file_id


def _columns(folder: Path, read: ManifestReader) -> ReadColumn:
    return lambda listed: directory.read_column(folder, read.key, listed)


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
