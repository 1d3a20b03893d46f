"""Files of the offline exchange, written twice by the same commands from the same lists: no secret is used again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.fresh import assert_nothing_repeats
from support.offline_commands import answer, offer

from psi.identity.identity import Identity
from psi.offline import envelope
from psi.offline.envelope import FileKind, Reader
from psi.protocol.messages import MessageType as M
from psi.transport.wire import Frame

HEADER, WRAPPED = 200, 80


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The chunk keys of all files that are written or read."""
    seen: list[bytes] = []
    cipher = envelope.ChaCha20Poly1305
    monkeypatch.setattr(envelope, "ChaCha20Poly1305", lambda key: (seen.append(key), cipher(key))[1])
    return seen


def wrapped(file: Path) -> bytes:
    """The HPKE of a file's chunk key, with the sender's public key."""
    return file.read_bytes()[HEADER - WRAPPED : HEADER]


def content(place: Path, file: str, kind: FileKind) -> list[Frame]:
    names = {FileKind.OFFER: ("acme", "globex"), FileKind.ANSWER: ("globex", "acme")}[kind]
    own, author = (Identity.load(place / name) for name in names)
    with (place / file).open("rb") as opened:
        return list(Reader(opened, file, kind, own, [author.public]).frames())


def bound(frames: list[Frame]) -> list[bytes]:
    """What must be new in each file: the nonce, each element, each tag."""
    hello = json.loads(bytes(frames[0].payload))
    rows = b"".join(bytes(f.payload) for f in frames if f.type in (M.ELEMENTS, M.REPLIES))
    return [bytes.fromhex(hello["nonce"]), rows]


def test_no_two_offers_have_a_secret_in_common(place: Path, keys: list[bytes]) -> None:
    """Fails by chance with probability below 1e-15."""
    for number in range(3):
        assert offer(place, out=f"{number}.psi", state=f"{number}.state").code == 0
    seeds = [bytes.fromhex(json.loads((place / f"{n}.state").read_text())["seed"]) for n in range(3)]
    assert [len(secret) for secret in (*seeds, *keys)] == [32] * 6
    assert_nothing_repeats([*seeds, *keys, *(wrapped(place / f"{n}.psi") for n in range(3))])
    assert_nothing_repeats(part for n in range(3) for part in bound(content(place, f"{n}.psi", FileKind.OFFER)))


def test_no_two_answers_have_a_secret_in_common(place: Path, keys: list[bytes]) -> None:
    """To two offers of one list. Fails by chance with probability below 1e-15."""
    for number in range(2):
        assert offer(place, out=f"{number}.psi", state=f"{number}.state").code == 0
    keys.clear()
    for number in range(2):
        assert answer(place, offer=f"{number}.psi", out=f"{number}.answer").code == 0
    assert len(set(keys)) == 4  # of two offers read and two answers written
    assert_nothing_repeats([*keys, *(wrapped(place / f"{n}.answer") for n in range(2))])
    assert_nothing_repeats(part for n in range(2) for part in bound(content(place, f"{n}.answer", FileKind.ANSWER)))
