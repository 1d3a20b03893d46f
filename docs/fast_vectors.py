"""A whole small run of the fast protocol with every intermediate value: writes docs/vectors/fast.json, or checks it
(`--check`).

`produce` runs both sides of the product with fixed randomness and writes down what they send. `check` computes every
value again from the seeds of the base transfers and the items alone, with other code: Python's integers, hashlib,
pycryptodome's AES, and the formulas of docs/fast-protocol.md. The base transfers are those of `sum`; three of them are
computed again here.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from Crypto.Cipher import AES

from psi.fast.kernels.portable import PortableKernels
from psi.fast.messages import FastMessage as M
from psi.fast.receiver import FastReceiver
from psi.fast.run import FastRun
from psi.fast.sender import FastSender
from psi.fast.states import FastState
from psi.group.curve25519 import reference
from psi.group.curve25519.portable import PortableBackend
from psi.group.curve25519.suite import DST
from psi.oblivious.base import BaseSender
from psi.store.spool import Store
from psi.transport.wire import Frame
from psiselect.base.packed import U8, Packed

VECTORS = Path(__file__).parent / "vectors" / "fast.json"
BINDING = bytes(range(64))
LISTS = {
    "receiver": [b"\x01\x01rulerule" + name for name in (b"ann@example.com", b"bob@example.org", b"eve@example.net")],
    "sender": [
        b"\x01\x01rulerule" + name for name in (b"eve@example.net", b"joe@example.com", b"ann@example.com", b"x")
    ],
}
COLUMNS, DEPTH, TAG_BYTES = 53, 4, 6
CHECKED_TRANSFERS = (0, 128, 211)


class _Fixed:
    """Written-down randomness: SHAKE-256 of a label and the number of the read."""

    def __init__(self, label: str) -> None:
        self._label, self.reads = label, list[bytes]()

    def read(self, size: int) -> bytes:
        """The next bytes, which are kept."""
        block = f"psiselect fast vector {self._label} {len(self.reads)}".encode()
        self.reads.append(hashlib.shake_256(block).digest(size))
        return self.reads[-1]


class _Listed:
    def __init__(self, items: list[bytes]) -> None:
        self._items = Packed.of(items)

    def __len__(self) -> int:
        return len(self._items)

    def read(self, start: int, stop: int) -> Packed:
        """See Items."""
        return self._items.slice(start, stop)


def produce() -> dict[str, Any]:
    """One run between both sides of the product, written down."""
    backend, entropy, pairs = PortableBackend(1), {who: _Fixed(who) for who in LISTS}, list[U8]()
    answer = BaseSender.answer

    def kept(self: BaseSender, request: U8) -> tuple[U8, U8]:
        sent, seeds = answer(self, request)
        pairs.append(seeds)
        return sent, seeds

    BaseSender.answer = kept  # type: ignore[method-assign]
    try:
        made = {}
        for who, other in (("receiver", "sender"), ("sender", "receiver")):
            made[who] = FastRun(
                items=_Listed(LISTS[who]), peer_size=len(LISTS[other]), binding=BINDING, dst=DST, backend=backend,
                kernels=PortableKernels(), store=Store(), entropy=entropy[who], chunk=3,
            )  # fmt: skip
        receiver, sender = FastReceiver(made["receiver"]), FastSender(made["sender"])
        messages = _carried(receiver, sender)
    finally:
        BaseSender.answer = answer  # type: ignore[method-assign]
        backend.close()
    if receiver.comparison is None:
        raise RuntimeError("the run has no end")
    chosen = np.unpackbits(np.frombuffer(entropy["sender"].reads[0], np.uint8), bitorder="little")[: COLUMNS * DEPTH]
    return {
        "about": "Made by docs/fast_vectors.py from psiselect itself; checked there by independent code.",
        "binding": BINDING.hex(),
        "items": {who: [item.hex() for item in items] for who, items in LISTS.items()},
        "choices": "".join(map(str, chosen)),
        "choice_scalars": {str(i): entropy["sender"].reads[1 + i].hex() for i in CHECKED_TRANSFERS},
        "dealt_scalars": {str(i): entropy["receiver"].reads[1 + i].hex() for i in CHECKED_TRANSFERS},
        "seed_pairs": [[seed[:16].tobytes().hex() for seed in pair] for pair in pairs[0]],
        "messages": messages,
        "matches": receiver.comparison.matches()[0].tolist(),
    }


def _carried(receiver: FastReceiver, sender: FastSender) -> list[list[Any]]:
    said: list[list[Any]] = []
    waiting = [("sender", frame) for frame in sender.start()]
    while waiting or sender.state is not FastState.OVER or receiver.state is not FastState.OVER:
        if not waiting:
            waiting = [("receiver", frame) for frame in receiver.work() or []]
            waiting += [("sender", frame) for frame in sender.work() or []]
            continue
        who, frame = waiting.pop(0)
        said.append([who, M(frame.type).name, bytes(frame.view()).hex()])
        other, name = (sender, "sender") if who == "receiver" else (receiver, "receiver")
        waiting += [(name, answer) for answer in other.receive(Frame(frame.type, bytearray(frame.view())))]
    return said


# All again, from the text of docs/fast-protocol.md -------------------------------------------------------------------


def times(a: int, b: int) -> int:
    """In F_16."""
    product = 0
    while b:
        product ^= a * (b & 1)
        a, b = a << 1 ^ 0b10011 * (a >> 3), b >> 1
    return product


def to_the(a: int, exponent: int) -> int:
    """In F_16."""
    out = 1
    for _ in range(exponent):
        out = times(out, a)
    return out


def code() -> list[list[int]]:
    """16 rows of 53 symbols."""
    points = [(x, y) for x in range(16) for y in range(16) if to_the(y, 4) ^ y == to_the(x, 5)][:COLUMNS]
    poles = sorted((4 * i + 5 * j, i, j) for i in range(6) for j in range(4) if 4 * i + 5 * j <= 21)
    return [[times(to_the(x, i), to_the(y, j)) for x, y in points] for _, i, j in poles]


def stream(seed: bytes, size: int) -> bytes:
    """AES-128-CTR from counter 0."""
    return AES.new(seed, AES.MODE_CTR, nonce=b"", initial_value=0).encrypt(bytes(size))


def check(vectors: dict[str, Any]) -> dict[str, Any]:
    """Compute everything again. Raises ValueError for what differs; returns the intermediate values."""
    said: dict[str, str] = {}
    for _, name, content in vectors["messages"]:
        said[name] = said.get(name, "") + content
    choices = [int(bit) for bit in vectors["choices"]]
    _check_transfers(vectors, choices, said)
    pairs = [[bytes.fromhex(seed) for seed in pair] for pair in vectors["seed_pairs"]]
    leaves, corrections = _trees(pairs)
    opening = bytes.fromhex(said["TREES"])
    _same("corrections", corrections.hex(), opening[:-32].hex())
    salt, attempt = opening[-32:], bytes.fromhex(said["ENCODING"])
    slots = 64 * -(-(11 * len(vectors["items"]["receiver"]) + 2560) // 640)

    def block(purpose: str) -> bytes:
        start = f"psiselect-v1 fast {purpose}".encode().ljust(64, b"\0")
        return hashlib.sha512(start + bytes.fromhex(vectors["binding"]) + salt + attempt).digest()

    located = {
        who: [_locate(block, bytes.fromhex(item), slots) for item in items] for who, items in vectors["items"].items()
    }
    store = _store(located["receiver"], slots)
    words = code()
    own, other, deltas = [0] * slots, [0] * slots, []
    encoded = [_encode(words, value) for value in store]
    sent = b""
    for column in range(COLUMNS):
        delta = sum((1 - choices[DEPTH * column + level]) << (3 - level) for level in range(DEPTH))
        deltas.append(delta)
        u, v, w = [0] * slots, [0] * slots, [0] * slots
        for x, seed in enumerate(leaves[column]):
            symbols = _symbols(stream(seed, slots // 2), slots)
            for slot, symbol in enumerate(symbols):
                u[slot] ^= symbol
                v[slot] ^= times(x, symbol)
                w[slot] ^= times(x ^ delta, symbol)
        c = [u[slot] ^ encoded[slot][column] for slot in range(slots)]
        sent += _planes(c)
        for slot in range(slots):
            own[slot] |= v[slot] << 4 * column
            other[slot] |= (w[slot] ^ times(delta, c[slot])) << 4 * column
    _same("matrix", sent.hex(), said["MATRIX"])
    tags: dict[str, list[str]] = {who: [] for who in LISTS}
    for who, rows in (("receiver", own), ("sender", other)):
        for start, value, name, band in located[who]:
            symbols = 0
            for bit in range(256):
                symbols ^= rows[start + bit] * (band >> bit & 1)
            if who == "sender":
                for column, symbol in enumerate(_encode(words, value)):
                    symbols ^= times(deltas[column], symbol) << 4 * column
            tags[who].append(
                hashlib.sha256(block("tag") + symbols.to_bytes(32, "little") + name).hexdigest()[: 2 * TAG_BYTES]
            )
    _same("tags", "".join(sorted(tags["sender"])), said["TAGS"])
    _same("matches", [i for i, tag in enumerate(tags["receiver"]) if tag in tags["sender"]], vectors["matches"])
    return {"delta": deltas, "store": [f"{value:016x}" for value in store], "tags": tags}


def _same(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise ValueError(f"{what} differ")


def _check_transfers(vectors: dict[str, Any], choices: list[int], said: dict[str, str]) -> None:
    request, answer = bytes.fromhex(said["SEED_REQUEST"]), bytes.fromhex(said["SEED_ANSWER"])
    _same("lengths", [len(request), len(answer)], [32 * COLUMNS * DEPTH] * 2)
    start = b"psiselect-v1 seed".ljust(64, b"\0") + bytes.fromhex(vectors["binding"])
    for i in CHECKED_TRANSFERS:
        mask, scalar = (bytes.fromhex(vectors[kind][str(i)]) for kind in ("choice_scalars", "dealt_scalars"))
        tokens = [b"\x04" + bytes((i, bit)) for bit in (0, 1)]
        hashed = [reference.map_item(token, DST) for token in tokens]
        element = reference.x25519(mask, hashed[choices[i]])
        _same("request", element, request[32 * i : 32 * i + 32])
        _same("answer", reference.x25519(scalar, element), answer[32 * i : 32 * i + 32])
        for bit, token in enumerate(tokens):
            seed = hashlib.sha512(start + reference.x25519(scalar, hashed[bit]) + token).digest()[:16]
            _same("seed", seed.hex(), vectors["seed_pairs"][i][bit])


def _trees(pairs: list[list[bytes]]) -> tuple[list[list[bytes]], bytes]:
    leaves, corrections = [], b""
    for column in range(COLUMNS):
        levels = pairs[DEPTH * column : DEPTH * column + DEPTH]
        nodes = levels[0]
        for level in range(1, DEPTH):
            nodes = [stream(node, 32)[16 * bit : 16 * bit + 16] for node in nodes for bit in (0, 1)]
            for bit in (0, 1):
                total = int.from_bytes(levels[level][bit], "big")
                for node in nodes[bit::2]:
                    total ^= int.from_bytes(node, "big")
                corrections += total.to_bytes(16, "big")
        leaves.append(nodes)
    return leaves, corrections


def _locate(block: Any, item: bytes, slots: int) -> tuple[int, int, bytes, int]:
    digest = hashlib.sha256(block("item") + item).digest()
    start = int.from_bytes(digest[:8], "little") * (slots - 255) >> 64
    band = hashlib.sha256(block("band") + digest[16:]).digest()
    return start, int.from_bytes(digest[8:16], "little"), digest[16:], int.from_bytes(band, "little")


def _store(located: list[tuple[int, int, bytes, int]], slots: int) -> list[int]:
    rows = [(band << start, value) for start, value, _, band in located]
    steps: dict[int, tuple[int, int]] = {}
    for slot in range(slots):
        first = next((pair for pair in rows if pair[0] >> slot & 1), None)
        if first is not None:
            rows.remove(first)
            steps[slot] = first
            rows = [(row ^ first[0], value ^ first[1]) if row >> slot & 1 else (row, value) for row, value in rows]
    store = [0] * slots
    for slot in sorted(steps, reverse=True):
        row, value = steps[slot]
        for other in range(slot + 1, slots):
            value ^= store[other] * (row >> other & 1)
        store[slot] = value
    return store


def _encode(words: list[list[int]], value: int) -> list[int]:
    out = [0] * COLUMNS
    for k, row in enumerate(words):
        symbol = value >> 4 * k & 15
        out = [known ^ times(symbol, entry) for known, entry in zip(out, row, strict=True)]
    return out


def _symbols(drawn: bytes, slots: int) -> list[int]:
    planes = [drawn[plane * slots // 8 : (plane + 1) * slots // 8] for plane in range(4)]
    return [sum((planes[k][slot // 8] >> slot % 8 & 1) << k for k in range(4)) for slot in range(slots)]


def _planes(symbols: list[int]) -> bytes:
    return b"".join(
        sum((symbol >> k & 1) << slot for slot, symbol in enumerate(symbols)).to_bytes(len(symbols) // 8, "little")
        for k in range(4)
    )


def main() -> None:
    """Write the file, or check it."""
    if "--check" in sys.argv[1:]:
        vectors = json.loads(VECTORS.read_text())
        computed = vectors.pop("computed")
        _same("the file and the program", vectors, produce())
        _same("computed values", computed, check(vectors))
        return
    vectors = produce()
    vectors["computed"] = check(vectors)
    VECTORS.write_text(json.dumps(vectors, indent=1) + "\n")


if __name__ == "__main__":
    main()
