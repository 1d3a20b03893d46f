"""The part of the session vectors that only `sum` has (docs/protocol.md, "Sum"), computed by code of its own: bits in
Python integers, hashlib, pycryptodome's AES, big-integer arithmetic on the curve."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from Crypto.Cipher import AES

from psi.group.curve25519 import reference
from psi.group.curve25519.suite import DST

COUNT = 128
VALUES = [1250, -75, 100_000, 3]  # of the listening side's items, in hundredths


def drawn(sender: list[bytes], receiver: list[bytes]) -> dict[str, Any]:
    """What both sides of the product drew after the tags, from all their reads in order."""
    bits, *masks = sender[-2 * COUNT - 2 : -1]  # the scalars, the blinds of their inverses; then the challenge
    return {
        "values": VALUES,
        "choices": bits.hex(),
        "choice_scalars": [raw.hex() for raw in masks[:COUNT]],
        "dealt_scalars": [raw.hex() for raw in receiver[-COUNT - 1 : -1]],
        "random_bits": "".join(f"{byte:08b}" for byte in receiver[-1]),
    }


def check(
    session: dict[str, Any],
    binding: bytes,
    payloads: dict[tuple[str, str], bytes],
    tags: dict[str, list[bytes]],
    same: Callable[[str, object, object], None],
) -> dict[str, Any]:
    """Compute everything after the tags again; `same` raises for what differs. Returns the intermediate values."""
    given, m = session["sum"], len(tags["listen"])
    order = sorted(range(m), key=lambda j: tags["listen"][j])
    values = [given["values"][j] for j in order]
    matched = [int(tags["listen"][j] in tags["connect"]) for j in order]
    sent = -(-m // 8) * 8
    c = matched + [int(bit) for bit in given["random_bits"]][: sent - m + COUNT]
    s = _bits(bytes.fromhex(given["choices"]))
    seeds = _seeds(given, s, binding, payloads, same)
    columns = [[_stream(seed, sent + COUNT) for seed in pair] for pair in seeds]
    rows = {"transfers": range(sent), "transfers end": range(sent, sent + COUNT)}
    for kind, part in rows.items():
        u = [[t0[j] ^ t1[j] ^ c[j] for j in part] for t0, t1 in columns]
        same(kind, b"".join(map(_bytes, u)).hex(), payloads["connect", kind].hex())
    t, q = [pair[0] for pair in columns], []
    for i, (t0, t1) in enumerate(columns):
        u_i = [a ^ b ^ bit for a, b, bit in zip(t0, t1, c, strict=True)]
        own = columns[i][s[i]]
        q.append([a ^ (s[i] & b) for a, b in zip(own, u_i, strict=True)])
    challenge = payloads["listen", "challenge"]
    flat = _stream(challenge, COUNT * sent)
    matrix = [flat[row * sent : (row + 1) * sent] for row in range(COUNT)]
    proof = [_hash(matrix, column, sent) for column in [*t, c]]
    same("proof", b"".join(map(_bytes, proof)).hex(), payloads["connect", "proof"].hex())
    for i in range(COUNT):
        expected = [a ^ (s[i] & b) for a, b in zip(proof[i], proof[COUNT], strict=True)]
        same("check", _hash(matrix, q[i], sent), expected)
    pads, corrections = [], []
    for j in range(m):
        row = [q[i][j] for i in range(COUNT)]
        pads.append(_pad(binding, j, row))
        other = _pad(binding, j, [a ^ b for a, b in zip(row, s, strict=True)])
        corrections.append((values[j] + pads[j] - other) % 2**64)
    written = b"".join(number.to_bytes(8, "little") for number in corrections)
    same("corrections", written.hex(), payloads["listen", "corrections"].hex())
    share = sum(pads) % 2**64
    same("share of the total", share.to_bytes(8, "little").hex(), payloads["listen", "total"].hex())
    learnt = sum(_pad(binding, j, [t[i][j] for i in range(COUNT)]) + c[j] * corrections[j] for j in range(m)) - share
    total = (learnt + 2**63) % 2**64 - 2**63
    same("total", total, session["total"])
    same("total of the matches", total, sum(v for v, bit in zip(values, matched, strict=True) if bit))
    return {
        "seeds": [[seed.hex() for seed in pair] for pair in seeds],
        "bits": "".join(map(str, c)),
        "receiver_rows": [_bytes([t[i][j] for i in range(COUNT)]).hex() for j in range(m)],
        "sender_rows": [_bytes([q[i][j] for i in range(COUNT)]).hex() for j in range(m)],
        "pads": pads,
    }


def _seeds(
    given: dict[str, Any],
    s: list[int],
    binding: bytes,
    payloads: dict[tuple[str, str], bytes],
    same: Callable[[str, object, object], None],
) -> list[list[bytes]]:
    request, answer, seeds = b"", b"", []
    for i, raw in enumerate(given["dealt_scalars"]):
        tokens = [b"\x04" + bytes((i, bit)) for bit in (0, 1)]
        hashed = [reference.map_item(token, DST) for token in tokens]
        element = reference.x25519(bytes.fromhex(given["choice_scalars"][i]), hashed[s[i]])
        request += element
        answer += reference.x25519(bytes.fromhex(raw), element)
        start = b"psiselect-v1 seed".ljust(64, b"\0") + binding
        products = [reference.x25519(bytes.fromhex(raw), u) for u in hashed]
        pair = zip(products, tokens, strict=True)
        seeds.append([hashlib.sha512(start + product + token).digest()[:32] for product, token in pair])
    same("seed request", request.hex(), payloads["listen", "seed request"].hex())
    same("seed answer", answer.hex(), payloads["connect", "seed answer"].hex())
    return seeds


def _stream(seed: bytes, count: int) -> list[int]:
    drawn = AES.new(seed, AES.MODE_CTR, nonce=b"", initial_value=0).encrypt(bytes(count // 8))
    return _bits(drawn)


def _hash(matrix: list[list[int]], column: list[int], sent: int) -> list[int]:
    return [
        (sum(a & b for a, b in zip(row, column[:sent], strict=True)) + column[sent + number]) % 2
        for number, row in enumerate(matrix)
    ]


def _pad(binding: bytes, number: int, row: list[int]) -> int:
    start = b"psiselect-v1 pad".ljust(64, b"\0") + binding
    element = number.to_bytes(8, "little") + _bytes(row) + bytes(8)
    return int.from_bytes(hashlib.sha512(start + element).digest()[:8], "little")


def _bits(data: bytes) -> list[int]:
    return [byte >> place & 1 for byte in data for place in range(8)]


def _bytes(bits: list[int]) -> bytes:
    return bytes(sum(bit << place for place, bit in enumerate(bits[i : i + 8])) for i in range(0, len(bits), 8))
