"""A whole small session with every intermediate value: writes docs/vectors/session.json, or checks it (`--check`).

`produce` runs two parties of the product with fixed randomness and writes down what they send. `check` computes every
value again from the inputs alone, with other code: big-integer arithmetic, hashlib, and the formulas of
docs/protocol.md. A second implementation can be held against the file in the same way.
"""

from __future__ import annotations

import hashlib
import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import sum_vectors
from Crypto.Cipher import ChaCha20_Poly1305
from Crypto.Hash import TupleHash256
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from psi.agreement.column_terms import ColumnTerms
from psi.agreement.modes import Learner, Reveal, Side
from psi.agreement.terms import KeyTerm, Terms
from psi.group.curve25519 import reference
from psi.group.curve25519.portable import PortableBackend
from psi.group.curve25519.suite import DST
from psi.identity.identity import _SIGNATURE_CONTEXT
from psi.inputs.tokens import KeyTokens
from psi.labels.payloads import encode_rows, fill
from psi.normalize import parse_key
from psi.protocol.party import Party
from psi.protocol.setup import Setup
from psi.protocol.states import State
from psi.store.spool import Store
from psiselect.base.packed import Packed

VECTORS = Path(__file__).parent / "vectors" / "session.json"
KEY = parse_key("mail:email/1")  # as when the vectors were published
LISTS = {
    Side.CONNECT: [b"ann@example.com", "zoë@example.net".encode(), b"eve@example.org"],
    Side.LISTEN: [b"bob@example.com", b"eve@example.org", b"ann@example.com", b"joe@example.org"],
}
# What the listening side gives along with a match, where columns travel: for each item its rows' values.
COLUMNS: list[list[list[str | None]]] = [
    [["basic", None]],
    [["gold", "2020"], ["basic", ""]],
    [["zażółć", "2021"]],
    [["", "2022"]],
]
NAMES = {1: "hello", 2: "auth", 3: "elements", 4: "elements end", 5: "replies", 6: "replies end", 7: "tags",
         8: "tags end", 9: "finish", 11: "sizes", 16: "seed request", 17: "seed answer", 18: "transfers",
         19: "transfers end", 20: "challenge", 21: "proof", 22: "corrections", 23: "total"}  # fmt: skip


class _Fixed:
    """Written-down randomness: SHAKE-256 of a label and the number of the read."""

    def __init__(self, label: str) -> None:
        self._label, self.reads = label, list[bytes]()

    def read(self, size: int) -> bytes:
        """The next bytes, which are kept."""
        block = f"psiselect vector {self._label} {len(self.reads)}".encode()
        self.reads.append(hashlib.shake_256(block).digest(size))
        return self.reads[-1]


class _Key:
    """An identity key without a certificate; the fingerprint stands for one."""

    def __init__(self, label: str) -> None:
        self.seed = hashlib.sha256(f"psiselect vector key {label}".encode()).digest()
        self._key = Ed25519PrivateKey.from_private_bytes(self.seed)
        self.fingerprint = hashlib.sha256(f"psiselect vector certificate {label}".encode()).digest()

    def sign(self, message: bytes) -> bytes:
        """As an identity signs."""
        return self._key.sign(_SIGNATURE_CONTEXT + message)

    def verify(self, signature: bytes, message: bytes) -> None:
        """As a peer's identity verifies."""
        self._key.public_key().verify(signature, _SIGNATURE_CONTEXT + message)


class _Given:
    """The listening side's columns as the product encodes them."""

    def __init__(self, width: int) -> None:
        self.width = width

    def payloads(self, numbers: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Of these items, in this order."""
        rows = [row for number in numbers for row in COLUMNS[number]]
        encoded, lengths = encode_rows([pa.array(column, pa.large_string()) for column in zip(*rows, strict=True)])
        counts = np.array([len(COLUMNS[number]) for number in numbers])
        owners = np.repeat(np.arange(len(numbers)), counts)
        total = np.bincount(owners, lengths).astype(np.int64)
        return fill(self.width, counts, total, encoded.data[: encoded.offsets[-1]])


def produce(reveal: Reveal, **mode: Any) -> dict[str, Any]:
    """One session between two parties of the product, written down. mode: further terms."""
    key = KeyTerm(KEY.describe(), KEY.digest().hex())
    terms = Terms(reveal=reveal, learn=Learner.CONNECT, keys=(key,), chunk=2, **mode)
    noise = terms.noise
    keys = {side: _Key(side.value) for side in Side}
    entropy = {side: _Fixed(f"{reveal.value} {side.value}") for side in Side}
    prefix = b"\x01\x01" + KEY.digest()[:8]
    backend = PortableBackend(threads=1)

    given = _Given(terms.label_bytes) if terms.label_bytes else None

    def setup(side: Side) -> Setup:
        packed = Packed.of(LISTS[side])
        return Setup(
            side=side,
            terms=terms,
            sizes=(len(packed),),
            tokens=lambda number: KeyTokens.shuffled(packed, prefix, entropy[side]),
            signer=keys[side],
            verifier=keys[side.other],
            backend=backend,
            stores=Store,
            entropy=entropy[side],
            max_peer_size=100,
            now=1_800_000_000,
            labels=given if side is Side.LISTEN else None,
            values=lambda numbers: np.array(sum_vectors.VALUES)[numbers],
        )

    parties = {side: Party(setup(side)) for side in Side}
    flow: list[dict[str, str]] = []
    waiting: dict[Side, list[Any]] = {side: [] for side in Side}

    def deliver(side: Side, frames: list[Any] | None) -> None:
        for frame in frames or []:
            flow.append({"from": side.value, "type": NAMES[frame.type], "payload": bytes(frame.payload).hex()})
            waiting[side.other].append(frame)

    for side, party in parties.items():
        deliver(side, party.start())
    while any(party.state is not State.DONE for party in parties.values()):
        for side, party in parties.items():
            deliver(side, party.receive(waiting[side].pop(0)) if waiting[side] else party.work())
    for party in parties.values():
        party.settle()
    receiver = parties[Side.CONNECT].outcome
    # Reads of each side: nonce, order of the run; with noise, the sender's noise and fillers, and the places of what is
    # added; scalar, and for the receiver the blind of its inverse.
    read = {side: entropy[side].reads for side in Side}
    of_sum = 2 * sum_vectors.COUNT + 2 if reveal is Reveal.SUM else 0  # the sender's reads after its tags
    scalars = {
        Side.CONNECT: read[Side.CONNECT][2 + (noise is not None)],
        Side.LISTEN: read[Side.LISTEN][-1 - of_sum],
    }
    drawn = b"" if noise is None else read[Side.LISTEN][-3]
    return {
        "mode": reveal.value,
        "items": {side.value: [item.hex() for item in LISTS[side]] for side in Side},
        "token_prefix": prefix.hex(),
        "fingerprints": {side.value: keys[side].fingerprint.hex() for side in Side},
        "signing_seeds": {side.value: keys[side].seed.hex() for side in Side},
        "scalars": {side.value: scalar.hex() for side, scalar in scalars.items()},
        "noise_bound": 0 if noise is None else noise.bound,
        "fillers": [drawn[i : i + 32].hex() for i in range(0, len(drawn), 32)],
        "transcript": parties[Side.CONNECT].transcript.hex(),
        "record": parties[Side.CONNECT].record,
        "flow": flow,
        "matches": receiver.matches,
        "noisy_count": receiver.noisy_count,
        "matched": None if receiver.matched is None else receiver.matched[0].tolist(),
        "columns": COLUMNS if given else None,
        "total": receiver.total,
        "sum": sum_vectors.drawn(read[Side.LISTEN], read[Side.CONNECT]) if of_sum else None,
        "opened": None if receiver.labels is None else [bytes(row).hex() for row in receiver.labels[0].open()],
    }


def check(session: dict[str, Any]) -> dict[str, Any]:
    """Compute the session again, by the formulas of docs/protocol.md; returns the intermediate values. Raises
    SystemExit naming what differs."""
    receiver, sender = "connect", "listen"
    payloads = _payloads(session["flow"])
    greeting = _tuple_hash(
        b"psiselect-2 greeting",
        payloads[sender, "hello"], payloads[receiver, "hello"],
        *(bytes.fromhex(session["fingerprints"][side]) for side in (sender, receiver)),
    )  # fmt: skip
    sizes = payloads[sender, "sizes"], payloads[receiver, "sizes"]
    transcript = _tuple_hash(b"psiselect-2 transcript", *sizes, greeting)
    _same("transcript", transcript.hex(), session["transcript"])
    record = json.dumps(session["record"], sort_keys=True, separators=(",", ":")).encode()
    for side in (sender, receiver):
        key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(session["signing_seeds"][side])).public_key()
        for purpose, message, content in (("auth", "auth", greeting), ("record", "finish", record)):
            _verify(key, payloads[side, message], purpose, side, content)
    binding = _tuple_hash(b"psiselect-1 run", transcript, b"\x01")
    scalars = {side: bytes.fromhex(raw) for side, raw in session["scalars"].items()}
    prefix = bytes.fromhex(session["token_prefix"])
    tokens = {side: [prefix + bytes.fromhex(item) for item in session["items"][side]] for side in (sender, receiver)}
    added = 2 * session["noise_bound"]
    dummies = [b"\x02" + number.to_bytes(8, "big") for number in range(added)]
    tokens[receiver] += dummies
    tokens[sender] += dummies[: added - len(session["fillers"])]
    tokens[sender] += [b"\x03" + bytes.fromhex(filler) for filler in session["fillers"]]
    hashed = {side: [reference.map_item(token, DST) for token in tokens[side]] for side in (sender, receiver)}
    once = [reference.x25519(scalars[receiver], u) for u in hashed[receiver]]
    twice = [reference.x25519(scalars[sender], u) for u in once]
    _same("elements", sorted(u.hex() for u in once), sorted(_rows(payloads[receiver, "elements"], 32)))
    replies = _rows(payloads[sender, "replies"], 32)
    _same("replies", sorted(u.hex() for u in twice), sorted(replies))
    hidden = session["mode"] != "matches"
    if hidden:
        _same("order of replies", replies, sorted(replies))
    else:
        order = {element: reply.hex() for element, reply in zip((u.hex() for u in once), twice, strict=True)}
        _same("order of replies", replies, [order[element] for element in _rows(payloads[receiver, "elements"], 32)])
    pairs = len(once) * len(hashed[sender])
    width = -(-((pairs << 40) - 1).bit_length() // 8)
    tags = {}
    for side in (sender, receiver):
        masked = [reference.x25519(scalars[sender], u) for u in hashed[side]]
        tags[side] = [
            hashlib.sha512(b"psiselect-v1 tag".ljust(64, b"\0") + binding + u + (b"" if hidden else token)).digest()[
                :width
            ]
            for u, token in zip(masked, tokens[side], strict=True)
        ]
    labels = _labels(session, record, binding, scalars[sender], tokens[sender], hashed[sender])
    rows = sorted(tag.hex() + label.hex() for tag, label in zip(tags[sender], labels, strict=True))
    _same("tags", _rows(payloads[sender, "tags"], width + len(labels[0])), rows)
    matched = [i for i, tag in enumerate(tags[receiver]) if tag in tags[sender]]
    if session["mode"] == "noisy-count":
        _same("noisy count", len(matched) - session["noise_bound"], session["noisy_count"])
    else:
        _same("matches", len(matched), session["matches"])
    if session["matched"] is not None:
        _same("matched", matched, session["matched"])
    return {
        "binding": binding.hex(),
        "tag_width": width,
        "hashed": {side: [u.hex() for u in hashed[side]] for side in hashed},
        "elements": [u.hex() for u in once],
        "replies": [u.hex() for u in twice],
        "tags": {side: [tag.hex() for tag in tags[side]] for side in tags},
        **({"labels": [label.hex() for label in labels]} if session["columns"] else {}),
        **({"sum": sum_vectors.check(session, binding, payloads, tags, _same)} if session["sum"] else {}),
    }


def _labels(
    session: dict[str, Any], record: bytes, binding: bytes, scalar: bytes, tokens: list[bytes], hashed: list[bytes]
) -> list[bytes]:
    """The sealed columns of each of the sender's items; nothing where none travel."""
    if not session["columns"]:
        return [b""] * len(tokens)
    width, labels, plain = json.loads(record)["terms"]["label_bytes"], [], []
    for rows, token, u in zip(session["columns"], tokens, hashed, strict=True):
        payload = b"\x01" + len(rows).to_bytes(2, "big")
        for value in (value for row in rows for value in row):
            text = b"" if value is None else value.encode()
            payload += (0 if value is None else len(text) + 1).to_bytes(2, "big") + text
        plain.append(payload.ljust(width, b"\0"))
        start = b"psiselect-v1 label".ljust(64, b"\0") + binding + reference.x25519(scalar, u)
        key = hashlib.sha512(start + token).digest()[:32]
        sealed = ChaCha20_Poly1305.new(key=key, nonce=bytes(12)).encrypt_and_digest(plain[-1])
        labels.append(b"".join(sealed))
    both = [session["items"]["listen"].index(session["items"]["connect"][number]) for number in session["matched"]]
    _same("opened", session["opened"], [plain[number].hex() for number in both])
    return labels


def build() -> dict[str, Any]:
    """The file's content: a session a mode, each with its intermediate values (in the order of its items)."""
    sessions = [
        produce(Reveal.MATCHES),
        produce(Reveal.COUNT),
        produce(Reveal.NOISY_COUNT, epsilon=Fraction(1, 2), delta=Fraction(1, 20)),
        produce(Reveal.SUM, value_decimals=2, value_max="1000"),
        produce(Reveal.MATCHES, columns=ColumnTerms((), ("plan", "since")), label_bytes=64),
    ]
    return {
        "about": "Made by docs/session_vectors.py from psiselect itself; values under 'computed' by independent code.",
        "dst": DST.decode(),
        "sessions": [{**session, "computed": check(session)} for session in sessions],
    }


def _payloads(flow: list[dict[str, str]]) -> dict[tuple[str, str], bytes]:
    joined: dict[tuple[str, str], bytes] = {}
    for message in flow:
        key = message["from"], message["type"]
        joined[key] = joined.get(key, b"") + bytes.fromhex(message["payload"])
    return joined


def _tuple_hash(custom: bytes, *parts: bytes) -> bytes:
    hasher = TupleHash256.new(digest_bytes=64, custom=custom)
    for part in parts:
        hasher.update(part)
    return bytes(hasher.digest())


def _verify(key: Ed25519PublicKey, signature: bytes, purpose: str, side: str, content: bytes) -> None:
    signed = _tuple_hash(b"psiselect-1 signature", purpose.encode(), side.encode(), content)
    key.verify(signature, b"psiselect-v1 identity signature\0" + signed)


def _rows(data: bytes, width: int) -> list[str]:
    return [data[i : i + width].hex() for i in range(0, len(data), width)]


def _same(what: str, computed: object, written: object) -> None:
    if computed != written:
        raise SystemExit(f"session vectors: {what} differ")


def main() -> int:
    """Write or check the file."""
    content = json.dumps(build(), indent=1) + "\n"
    if "--check" in sys.argv:
        return 0 if VECTORS.read_text() == content else 1
    VECTORS.write_text(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
