"""The group row by row on `cryptography`, gmpy2 and hashlib, and the loop that runs it in a worker process.

Imports neither numpy nor pyarrow, so that a worker starts fast and stays small. The loop speaks over stdin and stdout
with the process that started it, and ends when that one does (its end of the pipe closes).

Time: X25519 is as constant-time as OpenSSL's. Hashing to the curve is variable-time in the *items* (gmpy2's Jacobi
symbol and inverse; lengths in SHA-512), never in the scalar.
"""

from __future__ import annotations

import hashlib
import os
import struct
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, BinaryIO

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from psi.group.curve25519.suite import ELEMENT_BYTES, FIELD_PRIME, MONTGOMERY_A
from psiselect.base import later

if TYPE_CHECKING:
    import gmpy2
else:
    gmpy2 = later.Module("gmpy2")

Parts = Sequence[bytes | bytearray | memoryview]

_FIELD_BYTES = 48  # RFC 9380's L: bytes hashed for one field element
_LOW_ORDER = bytes(ELEMENT_BYTES)


def mask(key: bytes | bytearray | memoryview, elements: bytes | bytearray | memoryview) -> bytes:
    """X25519(key, u) for each 32-byte row; an all-zero row where OpenSSL refuses a low-order u."""
    private, load = X25519PrivateKey.from_private_bytes(key), X25519PublicKey.from_public_bytes
    rows = bytes(elements)
    out = []
    for start in range(0, len(rows), ELEMENT_BYTES):
        try:
            out.append(private.exchange(load(rows[start : start + ELEMENT_BYTES])))
        except ValueError:
            out.append(_LOW_ORDER)
    return b"".join(out)


def hash_to_curve(
    dst: bytes | bytearray | memoryview, data: bytes | bytearray | memoryview, offsets: memoryview
) -> bytes:
    """RFC 9380, map_to_curve_elligator2_curve25519(hash_to_field(item, 1)): u-coordinates, 32 bytes an item."""
    # expand_message_xmd (section 5.3.1) for at most one block of output; the Z_pad block is hashed once.
    tail = bytes(dst) + bytes((len(dst),))
    suffix, last = _FIELD_BYTES.to_bytes(2, "big") + b"\0" + tail, b"\1" + tail
    padded, sha512 = hashlib.sha512(bytes(128)), hashlib.sha512
    from_bytes, invert, jacobi = int.from_bytes, gmpy2.invert, gmpy2.jacobi
    prime, items, out, start = gmpy2.mpz(FIELD_PRIME), bytes(data), [], offsets[0]
    for stop in offsets[1:]:
        message = padded.copy()
        message.update(items[start:stop] + suffix)
        field = from_bytes(sha512(message.digest() + last).digest()[:_FIELD_BYTES], "big")
        start = stop
        # Elligator 2 (section 6.7.1) with J = A, K = 1, Z = 2. 1 + 2u^2 has no root: -1 is a square mod p, 2 is none.
        x = -MONTGOMERY_A * invert(1 + 2 * field * field, prime) % prime
        if jacobi(x * (x * (x + MONTGOMERY_A) + 1), prime) < 0:
            x = (-x - MONTGOMERY_A) % prime
        out.append(int(x).to_bytes(ELEMENT_BYTES, "little"))
    return b"".join(out)


def digest(
    prefix: bytes | bytearray | memoryview,
    elements: bytes | bytearray | memoryview,
    data: bytes | bytearray | memoryview,
    offsets: memoryview,
    width: int,
) -> bytes:
    """The first `width` bytes of SHA-512(prefix || element || item) for each row; no offsets: no items."""
    start_of_all, rows, items, out = hashlib.sha512(prefix), bytes(elements), bytes(data), []
    for i, start in enumerate(range(0, len(rows), ELEMENT_BYTES)):
        message = start_of_all.copy()
        message.update(rows[start : start + ELEMENT_BYTES])
        if offsets:
            message.update(items[offsets[i] : offsets[i + 1]])
        out.append(message.digest()[:width])
    return b"".join(out)


def _longs(raw: bytes | bytearray | memoryview) -> memoryview:
    return memoryview(raw).cast("B").cast("q")


def _hash_and_mask(parts: Parts) -> bytes:
    key, dst, data, offsets = parts
    return mask(key, hash_to_curve(dst, data, _longs(offsets)))


# One record an operation: how it takes its parts from a message. The names are what travels.
OPERATIONS: dict[bytes, Callable[[Parts], bytes]] = {
    b"mask": lambda parts: mask(parts[0], parts[1]),
    b"hash_to_curve": lambda parts: hash_to_curve(parts[0], parts[1], _longs(parts[2])),
    b"hash_and_mask": _hash_and_mask,
    b"digest": lambda parts: digest(
        parts[0], parts[1], parts[2], _longs(parts[3]), int.from_bytes(bytes(parts[4]), "little")
    ),
}


def write_message(stream: BinaryIO, parts: Parts) -> None:
    """A count, the lengths, the bytes. Raises OSError when the other end is gone."""
    stream.write(struct.pack(f"<{1 + len(parts)}Q", len(parts), *(memoryview(p).nbytes for p in parts)))
    for part in parts:
        stream.write(part)
    stream.flush()


def read_message(stream: BinaryIO) -> list[bytes] | None:
    """The next message; None when the other end closed, be it in the middle of one."""
    header = stream.read(8)
    if len(header) < 8:
        return None
    (count,) = struct.unpack("<Q", header)
    header = stream.read(8 * count)
    if len(header) < 8 * count:
        return None
    lengths = struct.unpack(f"<{count}Q", header)
    parts = [stream.read(length) for length in lengths]
    return parts if all(len(part) == length for part, length in zip(parts, lengths, strict=True)) else None


def serve() -> None:
    """Answer operations until stdin ends."""
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    try:
        while (message := read_message(stdin)) is not None:
            write_message(stdout, [OPERATIONS[message[0]](message[1:])])
    except BrokenPipeError:
        os._exit(0)  # the starter died while this was computing; nobody is left to tell
