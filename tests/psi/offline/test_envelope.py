"""A sealed file: two passes, every change refused with a typed error, nothing readable without the key."""

from __future__ import annotations

import io
import random
from collections.abc import Iterable

import pytest
from Crypto.Cipher import ChaCha20_Poly1305
from Crypto.Protocol import HPKE
from Crypto.PublicKey import ECC
from support.entropy import FixedEntropy

from psi.identity.identity import Identity
from psi.offline import envelope
from psi.offline.envelope import CHUNK_BYTES, NO_FILE, FileKind, Reader, Writer
from psi.transport.wire import Frame
from psiselect.base.errors import InputError, RemoteError

HEADER, SIGNATURE = 200, 64


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Identity]:
    folder = tmp_path_factory.mktemp("people")
    return {name: Identity.create(name, folder) for name in ("acme", "globex", "mallory")}


def sealed(
    author: Identity,
    addressee: Identity,
    frames: Iterable[Frame],
    kind: FileKind = FileKind.OFFER,
    previous: bytes = NO_FILE,
) -> bytes:
    file = io.BytesIO()
    writer = Writer(file, kind, author, addressee.public, previous, FixedEntropy("chunk key"))
    for frame in frames:
        writer.send(frame)
    writer.finish()
    return file.getvalue()


def opened(data: bytes, own: Identity, *peers: Identity, kind: FileKind = FileKind.OFFER) -> list[Frame]:
    reader = Reader(io.BytesIO(data), "the file", kind, own, [peer.public for peer in peers])
    return list(reader.frames())


def same(found: list[Frame], sent: list[Frame]) -> bool:
    return [(f.type, bytes(f.payload)) for f in found] == [(f.type, bytes(f.payload)) for f in sent]


SMALL = [Frame(1, b'{"a":1}'), Frame(4, b"")]


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 6, CHUNK_BYTES - 5, CHUNK_BYTES - 4, 3 * CHUNK_BYTES, 900_000])
def test_what_was_sealed_comes_out(people: dict[str, Identity], size: int) -> None:
    frames = [Frame(3, random.Random(size).randbytes(size))]
    data = sealed(people["acme"], people["globex"], frames)
    assert same(opened(data, people["globex"], people["mallory"], people["acme"]), frames)
    body = len(data) - HEADER - SIGNATURE
    assert body == size + 5 + 16 * -(-(size + 5) // CHUNK_BYTES)


def test_the_content_is_as_documented_read_by_other_code(people: dict[str, Identity]) -> None:
    """HPKE and the chunks, opened by another library from the layout in docs/offline-protocol.md."""
    frames = [Frame(3, random.Random(7).randbytes(2 * CHUNK_BYTES))]
    data = sealed(people["acme"], people["globex"], frames)
    header, body = data[:HEADER], data[HEADER:-SIGNATURE]
    assert header[:16] == b"\x89psiselect\r\n\x1a\n\x01\x01"
    assert header[16:112] == people["acme"].fingerprint + people["globex"].fingerprint + bytes(32)
    assert int.from_bytes(header[112:120], "big") == len(body)
    private = people["globex"].decryption_key.private_bytes_raw()
    receiver = HPKE.new(
        receiver_key=ECC.construct(curve="Curve25519", seed=private),
        aead_id=HPKE.AEAD.CHACHA20_POLY1305,
        enc=header[120:152],
        info=b"psiselect-1 offline key\0\x01\x01" + header[16:112],
    )
    key = receiver.unseal(header[152:200])
    plain = b""
    for number, start in enumerate(range(0, len(body), CHUNK_BYTES + 16)):
        chunk = body[start : start + CHUNK_BYTES + 16]
        last = start + len(chunk) == len(body)
        cipher = ChaCha20_Poly1305.new(key=key, nonce=number.to_bytes(11, "big") + bytes([last]))
        plain += cipher.decrypt_and_verify(chunk[:-16], chunk[-16:])
    assert plain == frames[0].header() + frames[0].payload


def refusal(data: bytes, own: Identity, *peers: Identity, kind: FileKind = FileKind.OFFER) -> Exception:
    """The error that a file is refused with; any but the two typed ones fails the test, and so does none."""
    with pytest.raises((InputError, RemoteError)) as caught:
        opened(data, own, *peers, kind=kind)
    return caught.value


def test_every_single_bit_flip_is_refused_before_anything_is_decrypted(
    people: dict[str, Identity], monkeypatch: pytest.MonkeyPatch
) -> None:
    acme, globex = people["acme"], people["globex"]
    good = sealed(acme, globex, SMALL)

    def decrypt() -> None:
        raise AssertionError("a key was unwrapped")

    assert same(opened(good, globex, acme), SMALL)
    monkeypatch.setattr(envelope, "_suite", decrypt)
    for at in range(8 * len(good)):
        flipped = bytearray(good)
        flipped[at // 8] ^= 1 << at % 8
        refusal(bytes(flipped), globex, acme)


def test_every_truncation_says_that_the_file_is_cut_short(people: dict[str, Identity]) -> None:
    acme, globex = people["acme"], people["globex"]
    good = sealed(acme, globex, SMALL)
    for length in range(14, len(good)):
        assert "cut short" in str(refusal(good[:length], globex, acme))
    for length in range(14):
        refusal(good[:length], globex, acme)
    assert "not complete" in str(refusal(good + b"\0", globex, acme))


def test_a_signed_file_of_no_chunks_is_refused(people: dict[str, Identity], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envelope.Writer, "_seal", lambda writer, content, last: None)
    empty = sealed(people["acme"], people["globex"], [])
    assert "not complete" in str(refusal(empty, people["globex"], people["acme"]))


def test_foreign_files_are_refused_with_the_reason(people: dict[str, Identity]) -> None:
    acme, globex, mallory = people.values()
    good = sealed(acme, globex, SMALL)
    assert isinstance(refusal(good, globex, mallory), RemoteError)
    assert "you did not give its sender's certificate with --peer" in str(refusal(good, globex, mallory))
    assert "not for your identity 'mallory'" in str(refusal(good, mallory, acme))
    assert "with your identity 'acme'" in str(refusal(good, acme, globex))
    assert "an answer is needed here" in str(refusal(good, globex, acme, kind=FileKind.ANSWER))
    answer = sealed(acme, globex, SMALL, FileKind.ANSWER, bytes(range(32)))
    assert "an offer is needed here" in str(refusal(answer, globex, acme))
    assert "not a file that `psi offer` or `psi answer` wrote" in str(refusal(b"id,mail\n" * 100, globex, acme))
    assert "version 2" in str(refusal(good[:14] + b"\x02" + good[15:], globex, acme))
    as_text = good.replace(b"\r\n", b"\n")
    assert "as an attachment" in str(refusal(as_text, globex, acme))


def test_the_body_is_closed_to_everybody_else(people: dict[str, Identity]) -> None:
    """Even with a header rewritten to name another addressee, signed anew by another author."""
    acme, globex, mallory = people.values()
    good = sealed(acme, globex, SMALL)
    for author, addressee in ((mallory, globex), (acme, mallory), (mallory, acme)):
        stolen = bytearray(good)
        stolen[16:80] = author.fingerprint + addressee.fingerprint
        header = envelope._FileHeader(
            FileKind.OFFER, author.fingerprint, addressee.fingerprint, NO_FILE, len(good) - 264, bytes(stolen[120:200])
        )
        digest = envelope.hashlib.sha512(good[200:-64]).digest()
        stolen[-64:] = author.sign(envelope._signed(FileKind.OFFER, header.file_id(digest)))
        assert "cannot be decrypted" in str(refusal(bytes(stolen), addressee, author))


def test_chunks_moved_repeated_or_left_out_are_refused_even_when_signed_again(people: dict[str, Identity]) -> None:
    """The author's own program at fault: the chunks hold together without the signature."""
    acme, globex = people["acme"], people["globex"]
    good = sealed(acme, globex, [Frame(3, bytes(4 * CHUNK_BYTES))])
    step = CHUNK_BYTES + 16
    chunks = [good[i : min(i + step, len(good) - 64)] for i in range(200, len(good) - 64, step)]
    assert len(chunks) == 5
    others = ([0, 2, 1, 3, 4], [0, 0, 1, 2, 3, 4], [0, 1, 2, 4], [0, 1, 2, 3], [1, 2, 3, 4], [4])
    for order in ([0, 1, 2, 3, 4], *others):
        body = b"".join(chunks[number] for number in order)
        header = envelope._FileHeader(
            FileKind.OFFER, acme.fingerprint, globex.fingerprint, NO_FILE, len(body), good[120:200]
        )
        file_id = header.file_id(envelope.hashlib.sha512(body).digest())
        again = header.encode() + body + acme.sign(envelope._signed(FileKind.OFFER, file_id))
        if order in others:
            assert "cannot be decrypted" in str(refusal(again, globex, acme))
        else:
            assert again == good


def test_a_file_that_changes_between_the_passes_is_refused(people: dict[str, Identity]) -> None:
    acme, globex = people["acme"], people["globex"]
    first, second = (sealed(acme, globex, [Frame(3, bytes([n]) * 90_000)]) for n in (1, 2))
    file = io.BytesIO(first)
    reader = Reader(file, "the file", FileKind.OFFER, globex, [acme.public])
    # The other file's chunks, under the first one's header: same key in this test, so that they do decrypt.
    file.getbuffer()[HEADER:-SIGNATURE] = second[HEADER:-SIGNATURE]
    with pytest.raises(InputError, match="changed while the program read it"):
        list(reader.frames())


def test_a_signed_file_with_torn_frames_is_the_peers_fault(people: dict[str, Identity]) -> None:
    acme, globex = people["acme"], people["globex"]
    file = io.BytesIO()
    writer = Writer(file, FileKind.OFFER, acme, globex.public, NO_FILE, FixedEntropy("k"))
    writer._pending += b"\0\0\1\0\3abc"
    writer.finish()
    assert isinstance(refusal(file.getvalue(), globex, acme), RemoteError)


@pytest.mark.parametrize("count", [500, pytest.param(10_000, marks=pytest.mark.soak)])
def test_mutated_files_raise_typed_errors_only(people: dict[str, Identity], count: int) -> None:
    acme, globex = people["acme"], people["globex"]
    good = sealed(acme, globex, SMALL)
    source = random.Random(count)
    for _ in range(count):
        refusal(mutated(good, source), globex, acme)


def mutated(good: bytes, source: random.Random) -> bytes:
    """Something else than `good`, made from it."""
    data = bytearray(good)
    while bytes(data) == good:
        for _ in range(source.randint(1, 4)):
            at, end = sorted(source.choices(range(len(data) + 1), k=2))
            match source.randrange(5):
                case 0:
                    data[at:at] = source.randbytes(source.randint(1, 40))
                case 1:
                    del data[at:end]
                case 2:
                    data[at:at] = data[at:end]
                case 3:
                    data[at : at + 3] = source.randbytes(3)
                case 4:
                    data[at:end] = bytes(end - at)
    return bytes(data)
