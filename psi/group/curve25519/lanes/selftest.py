"""Fixed answers that the kernel must give before it is trusted with anything: a few milliseconds at load."""

from __future__ import annotations

import hashlib
from typing import Protocol

import numpy as np

from psi.group.curve25519.scalar import Scalar
from psiselect.base.packed import U8, Packed

# RFC 7748, section 5.2, first vector: scalar, u, answer.
_SCALAR = "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"
_U = "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"
_MASKED = "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"
# Numbers in which carries run far, and their answers for the same scalar, by psi.group.curve25519.reference.
_HARD = {
    2**255 - 21: "db1808f6abcb049329d5a22f3b14b9d0dfb8c065f6b4795bfda27254ee01c44e",
    2**208 - 1: "402379b8cf7b69c2e1ca4d9157d491726509bcecb910ce783efe9bc11a5a3774",
    2**255 - 2**204: "8fe22fa6947e0f6993ea1cad8fe820b5c6f9ba59738b2f849a6bd8430bb1187c",
    2**255 - 2**208 + 2**156 - 1: "db00e84b44ff0d62c311ee1d36af7e158543d74220765fce578012ce7af5fd71",
}
# RFC 9380, appendix J.4.2: x of Q, big-endian as printed, the first with x1 of the map and the second with x2.
_DST = b"QUUX-V01-CS02-with-curve25519_XMD:SHA-512_ELL2_NU_"
_MAPPED = {
    b"": "51125222da5e763d97f3c10fcc92ea6860b9ccbbd2eb1285728f566721c1e65b",
    b"abc": "7d56d1e08cb0ccb92baf069c18c49bb5a0dcd927eff8dcf75ca921ef7f3e6eeb",
}


class TestedKernel(Protocol):
    """The part of a backend that is tested."""

    def mask(self, elements: U8, scalar: Scalar) -> U8: ...
    def hash_to_curve(self, items: Packed, dst: bytes) -> U8: ...
    def digest(self, prefix: bytes, elements: U8, items: Packed | None, width: int) -> U8: ...


def failures(kernel: TestedKernel) -> list[str]:
    """The names of the operations that give a wrong answer."""
    scalar, u, low_order = Scalar(bytes.fromhex(_SCALAR)), bytes.fromhex(_U), bytes(32)
    answers = {number.to_bytes(32, "little"): bytes.fromhex(masked) for number, masked in _HARD.items()}
    answers |= {u: bytes.fromhex(_MASKED), low_order: bytes(32)}
    rows = [u] * 3 + [low_order] + [u] * 33 + list(answers)[: len(_HARD)]
    masked = [answers[row] for row in rows]
    long_item = bytes(range(200))
    items = Packed.of([b"", long_item, b"abc"])
    mapped = kernel.hash_to_curve(items, _DST)
    prefix = bytes(range(128))
    digests = [hashlib.sha512(prefix + u + item).digest() for item in (b"", long_item, b"abc")]
    results = {
        "mask": kernel.mask(_table(rows), scalar).tobytes() == b"".join(masked),
        "hash_to_curve": all(
            row.tobytes() == bytes.fromhex(x)[::-1] for row, x in zip(mapped[::2], _MAPPED.values(), strict=True)
        ),
        "digest": kernel.digest(prefix, _table([u] * 3), items, 64).tobytes() == b"".join(digests),
    }
    return [name for name, passed in results.items() if not passed]


def _table(rows: list[bytes]) -> U8:
    return np.frombuffer(b"".join(rows), np.uint8).reshape(-1, 32)
