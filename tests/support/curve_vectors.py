"""The RFCs' vectors of Curve25519, read from their files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).parents[1] / "vectors"


def rfc9380(name: str) -> dict[str, Any]:
    return json.loads((VECTORS / "rfc9380" / f"{name}.json").read_text())


NU = rfc9380("curve25519_XMD_SHA-512_ELL2_NU_")
RO = rfc9380("curve25519_XMD_SHA-512_ELL2_RO_")
EXPAND = rfc9380("expand_message_xmd_SHA512_38")


@dataclass(frozen=True)
class X25519Vector:
    scalar: bytes
    u: bytes
    out: bytes


_X25519 = json.loads((VECTORS / "rfc7748" / "x25519.json").read_text())
_ARRAYS = [bytes.fromhex(text) for text in _X25519["all_32byte_arrays_in_file"]]
BASE = (9).to_bytes(32, "little")

# Section 6.1: both key pairs, and the shared secret from either side.
_ALICE, _ALICE_PUBLIC, _BOB, _BOB_PUBLIC, _SHARED = _ARRAYS[6:11]

SINGLE = [
    *(X25519Vector(*(bytes.fromhex(v[k]) for k in ("scalar", "u", "out"))) for v in _X25519["vectors"]),
    X25519Vector(_ALICE, BASE, _ALICE_PUBLIC),
    X25519Vector(_BOB, BASE, _BOB_PUBLIC),
    X25519Vector(_ALICE, _BOB_PUBLIC, _SHARED),
    X25519Vector(_BOB, _ALICE_PUBLIC, _SHARED),
]

# Section 5.2: k, u = X25519(k, u), k from k = u = 9; k after so many steps.
ITERATED = {1: _ARRAYS[11], 1_000: _ARRAYS[12], 1_000_000: _ARRAYS[13]}
