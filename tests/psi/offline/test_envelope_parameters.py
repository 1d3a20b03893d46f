"""What the envelope hands to other people's code: HPKE's suite, what the key is bound to, and nonces."""

from __future__ import annotations

import io

import pytest
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM
from support.exchanged import Pair

from psi.agreement.modes import Side
from psi.offline import envelope
from psi.offline.envelope import CHUNK_BYTES, NO_FILE, FileKind, Writer
from psi.transport.wire import Frame

Suite = envelope.Suite


def test_the_suite_and_what_the_key_is_bound_to(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for both who seal and open, and every field of the header but the length is in it."""
    seen: list[tuple[object, ...]] = []

    class Watched:
        def __init__(self, *suite: object) -> None:
            self._inner = Suite(*suite)
            seen.append(suite)

        def encrypt(self, key: bytes, to: object, info: bytes) -> bytes:
            seen.append(("seal", info))
            return self._inner.encrypt(key, to, info)

        def decrypt(self, wrapped: bytes, own: object, info: bytes) -> bytes:
            seen.append(("open", info))
            return self._inner.decrypt(wrapped, own, info)

    monkeypatch.setattr(envelope, "Suite", Watched)
    prints = {side: pair.people[side].fingerprint for side in Side}
    for kind, previous in ((FileKind.OFFER, NO_FILE), (FileKind.ANSWER, b"p" * 32)):
        seen.clear()
        data, _ = pair.write(kind, previous, lambda writer: writer.send(Frame(3, b"x")))
        assert [bytes(frame.payload) for frame in pair.read(kind, data).frames()] == [b"x"]
        info = b"psiselect-1 offline key\0\x01" + bytes([kind.value]) + prints[kind.side] + prints[kind.side.other]
        suite = (KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
        assert seen == [suite, ("seal", info + previous), suite, ("open", info + previous)]


@pytest.mark.parametrize("chunks", [1, 2, 3])
def test_nonces_are_numbers_and_only_the_last_is_marked(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, chunks: int
) -> None:
    seen: list[tuple[bytes, int]] = []
    cipher = envelope.ChaCha20Poly1305

    class Watched:
        def __init__(self, key: bytes) -> None:
            assert len(key) == 32
            self._inner = cipher(key)

        def encrypt(self, nonce: bytes, content: bytes, more: object) -> bytes:
            seen.append((nonce, len(content)))
            return self._inner.encrypt(nonce, content, more)  # type: ignore[arg-type]

    monkeypatch.setattr(envelope, "ChaCha20Poly1305", Watched)
    author, to = pair.people[Side.CONNECT], pair.people[Side.LISTEN].public

    class Ones:
        def read(self, size: int) -> bytes:
            return b"\1" * size

    writer = Writer(io.BytesIO(), FileKind.OFFER, author, to, NO_FILE, Ones())
    writer.send(Frame(3, bytes(chunks * CHUNK_BYTES - 5)))
    writer.finish()
    assert seen == [(bytes([0] * 10 + [n, n == chunks - 1]), CHUNK_BYTES) for n in range(chunks)]
