"""A file of the offline exchange: encrypted to one identity, signed by another (docs/offline-protocol.md, "File").

    +---------------------------------------------+
    | magic, version, kind              16 bytes  |
    | fingerprint of the author         32        |
    | fingerprint of the addressee      32        |
    | id of the file that this answers  32        |  zeros in an offer
    | length of the chunks               8        |
    | HPKE of the chunk key             80        |  RFC 9180, base mode, to the addressee's X25519 key
    | chunks                                      |  65,536 bytes of content and 16 of tag each; the last may be shorter
    | signature                         64        |  Ed25519, by the author, over the file's id
    +---------------------------------------------+

The id is a hash of all before the signature. A reader goes over the file twice: first it checks form, parties and
signature, and only then is anything decrypted. Neither pass holds more than a chunk.
"""

from __future__ import annotations

import contextlib
import enum
import hashlib
import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from Crypto.Hash import TupleHash256
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from psi.agreement.modes import Side
from psi.identity.identity import Identity, PeerIdentity
from psi.offline import words
from psi.protocol import messages
from psi.transport.wire import Frame, FrameDecoder
from psiselect.base.entropy import Entropy
from psiselect.base.errors import InputError, RemoteError

# A byte beyond ASCII, both kinds of line end and an end of file: mail that takes the file for text damages it here.
MAGIC = b"\x89psiselect\r\n\x1a\n"
VERSION = 1
CHUNK_BYTES = 1 << 16
ID_BYTES = 32
NO_FILE = bytes(ID_BYTES)

_HEADER = struct.Struct(">14sBB32s32s32sQ80s")
_TAG_BYTES = 16
_SEALED_BYTES = CHUNK_BYTES + _TAG_BYTES
_READ_BYTES = 1 << 20
_INFO = b"psiselect-1 offline key\0"


class FileKind(enum.Enum):
    """What a file is: made by the side that will learn, or sent back to it; whole, or the manifest of a directory."""

    OFFER = 1
    ANSWER = 2
    OFFER_MANIFEST = 3
    ANSWER_MANIFEST = 4

    @property
    def offers(self) -> bool:
        """Whether it is made by the side that will learn."""
        return self in (FileKind.OFFER, FileKind.OFFER_MANIFEST)

    @property
    def side(self) -> Side:
        """Whose place of a session the author takes: the offerer is the one that calls."""
        return Side.CONNECT if self.offers else Side.LISTEN


@dataclass(frozen=True, slots=True)
class _FileHeader:
    kind: FileKind
    author: bytes
    addressee: bytes
    previous: bytes
    length: int
    wrapped: bytes

    def encode(self) -> bytes:
        fields = (self.kind.value, self.author, self.addressee, self.previous, self.length, self.wrapped)
        return _HEADER.pack(MAGIC, VERSION, *fields)

    @property
    def info(self) -> bytes:
        """What the wrapped key is bound to: nobody else's header opens it."""
        return _INFO + bytes((VERSION, self.kind.value)) + self.author + self.addressee + self.previous

    def file_id(self, chunks_digest: bytes) -> bytes:
        hasher = TupleHash256.new(digest_bytes=ID_BYTES, custom=b"psiselect-1 offline file")
        hasher.update(self.encode()).update(chunks_digest)
        return bytes(hasher.digest())


class Writer:
    """Writes one file. `file` is empty, seekable and the caller's to close and to sync."""

    def __init__(
        self,
        file: BinaryIO,
        kind: FileKind,
        author: Identity,
        addressee: PeerIdentity,
        previous: bytes,
        entropy: Entropy,
    ) -> None:
        key = entropy.read(32)
        unsealed = _FileHeader(kind, author.fingerprint, addressee.fingerprint, previous, 0, bytes(80))
        self._author = author
        self._unsealed = unsealed
        self._wrapped = _suite().encrypt(key, addressee.encryption_key, unsealed.info)
        self._cipher = ChaCha20Poly1305(key)
        self._file = file
        self._pending = bytearray()
        self._chunks = 0
        self._length = 0
        self._digest = hashlib.sha512()
        file.write(unsealed.encode())  # its place; the length is known at the end

    def send(self, frame: Frame) -> None:
        """Append one frame to the content. Raises OSError when the disk does."""
        self._pending += frame.header()
        self._pending += frame.view()
        while len(self._pending) > CHUNK_BYTES:  # what may be the last chunk stays
            self._seal(bytes(self._pending[:CHUNK_BYTES]), last=False)
            del self._pending[:CHUNK_BYTES]

    def finish(self) -> bytes:
        """Write the last chunk, the header and the signature; returns the file's id."""
        self._seal(bytes(self._pending), last=True)
        head = self._unsealed
        header = _FileHeader(head.kind, head.author, head.addressee, head.previous, self._length, self._wrapped)
        file_id = header.file_id(self._digest.digest())
        self._file.write(self._author.sign(_signed(header.kind, file_id)))
        self._file.seek(0)
        self._file.write(header.encode())
        self._file.flush()
        return file_id

    @property
    def size(self) -> int:
        """Bytes of the whole file, when it is finished."""
        return _HEADER.size + self._length + messages.SIGNATURE_BYTES

    def _seal(self, content: bytes, *, last: bool) -> None:
        sealed = self._cipher.encrypt(_nonce(self._chunks, last=last), content, None)
        self._file.write(sealed)
        self._digest.update(sealed)
        self._chunks += 1
        self._length += len(sealed)


class Reader:
    """A file whose form, parties and signature have been checked.

    own: for whom it is. author: who made it, one of the peers. id: of this file. previous: of the file that it answers.
    size: in bytes.
    """

    def __init__(
        self, file: BinaryIO, source: str, kind: FileKind, own: Identity, peers: Sequence[PeerIdentity]
    ) -> None:
        """Check everything but the content; `source` names the file in errors.

        Raises InputError when it is not a whole file of this kind, RemoteError when it is not from one of the peers,
        not for `own`, or its signature does not verify.
        """
        self._file, self._source, self.own = file, source, own
        with _reported(source):
            self._header = _read_header(file, source, kind)
        self.author = self._parties(peers)
        self.previous = self._header.previous
        self.size = _HEADER.size + self._header.length + messages.SIGNATURE_BYTES
        with _reported(source):
            self._digest = self._hash_chunks()
            signature = file.read(messages.SIGNATURE_BYTES)
        self.id = self._header.file_id(self._digest)
        try:
            self.author.verify(signature, _signed(kind, self.id))
        except RemoteError:
            raise words.not_signed(source, self.author.name) from None

    def frames(self) -> Iterator[Frame]:
        """Decrypt and cut into frames. Raises RemoteError for content that is malformed, InputError when the file is no
        longer the one that was checked."""
        decoder = FrameDecoder()
        for content in self._content():
            yield from decoder.feed(content)
        decoder.end()

    def _content(self) -> Iterator[bytes]:
        header, digest = self._header, hashlib.sha512()
        try:
            key = _suite().decrypt(header.wrapped, self.own.decryption_key, header.info)
            if len(key) != 32:
                raise ValueError
        except (InvalidTag, ValueError):
            raise self._faulty() from None
        cipher = ChaCha20Poly1305(key)
        at = _HEADER.size
        for number, size in enumerate(_sizes(header.length)):
            with _reported(self._source):
                self._file.seek(at)
                sealed = self._file.read(size)
            at += size
            digest.update(sealed)
            last = (number + 1) * _SEALED_BYTES >= header.length
            # A chunk read here that was not checked before: only the author could have sealed it, so it is decrypted
            # or refused like any other, and nothing comes of the content when the end does not agree.
            if last and digest.digest() != self._digest:
                raise words.changed(self._source)
            try:
                yield cipher.decrypt(_nonce(number, last=last), sealed, None)
            except InvalidTag:
                raise self._faulty() from None

    def _parties(self, peers: Sequence[PeerIdentity]) -> PeerIdentity:
        header, own = self._header, self.own.fingerprint
        if header.author == own:
            raise words.made_by_oneself(self._source, self.own.name)
        found = next((peer for peer in peers if peer.fingerprint == header.author), None)
        if found is None:
            raise words.unknown_author(self._source, header.author)
        if header.addressee != own:
            raise words.for_another(self._source, header.addressee, self.own.name, own)
        return found

    def _hash_chunks(self) -> bytes:
        digest, left = hashlib.sha512(), self._header.length
        while left:
            block = self._file.read(min(left, _READ_BYTES))
            if not block:
                raise _cut_short(self._source)
            digest.update(block)
            left -= len(block)
        return digest.digest()

    def _faulty(self) -> RemoteError:
        return words.not_decrypted(self._source, self.author.name)


def _suite() -> Suite:
    return Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


def _nonce(number: int, *, last: bool) -> bytes:
    """The chunk's number and whether it is the last: chunks cannot be left out, repeated, moved or cut off."""
    return number.to_bytes(11, "big") + bytes((last,))


def _signed(kind: FileKind, file_id: bytes) -> bytes:
    return messages.signed_bytes("offline file", kind.side, file_id)


def _sizes(length: int) -> Iterator[int]:
    """Bytes of each chunk."""
    while length:
        yield min(length, _SEALED_BYTES)
        length -= min(length, _SEALED_BYTES)


def _read_header(file: BinaryIO, source: str, wanted: FileKind) -> _FileHeader:
    """Raises InputError unless the file has the form of a whole one of the wanted kind."""
    start = file.read(_HEADER.size)
    if not start.startswith(MAGIC):
        if start.startswith(MAGIC[:10]):
            raise words.sent_as_text(source)
        raise words.other_file(source)
    if len(start) > len(MAGIC) and start[len(MAGIC)] != VERSION:
        raise words.other_version(source, start[len(MAGIC)], VERSION)
    if len(start) < _HEADER.size:
        raise _cut_short(source)
    _, _, kind, author, addressee, previous, length, wrapped = _HEADER.unpack(start)
    if kind not in {known.value for known in FileKind}:
        raise words.neither(source)
    header = _FileHeader(FileKind(kind), author, addressee, previous, length, wrapped)
    if header.kind.offers is wanted.offers and header.kind is not wanted:
        whole = header.kind in (FileKind.OFFER, FileKind.ANSWER)
        raise words.single_file_in_a_directory(source) if whole else words.manifest_alone(source)
    if header.kind is not wanted:
        raise words.offer_for_an_answer(source) if header.kind.offers else words.answer_for_an_offer(source)
    here = file.seek(0, os.SEEK_END)
    file.seek(_HEADER.size)
    whole = _HEADER.size + length + messages.SIGNATURE_BYTES
    if here < whole:
        raise _cut_short(source)
    if here > whole or not length or (length % _SEALED_BYTES or _SEALED_BYTES) <= _TAG_BYTES:
        raise words.other_length(source)
    if header.kind.offers != (previous == NO_FILE):
        raise words.answers_nothing(source)
    return header


@contextlib.contextmanager
def _reported(source: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise words.unreadable(source, error.strerror) from None


def _cut_short(source: str) -> InputError:
    return words.cut_short(source)
