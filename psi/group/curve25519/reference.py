"""RFC 7748 and RFC 9380 in big integers, as close to the RFCs' text as Python allows.

For tests only: it is slow and variable-time in everything, so no product module may import it (a test holds that).
It shares no code with the backends, not even constants: a mistake here and the same mistake there should not meet.
"""

from __future__ import annotations

import hashlib

P = (1 << 255) - 19
A = 486662
A24 = (A - 2) // 4
N = (1 << 252) + 0x14DEF9DEA2F79CD65812631A5CF5D3ED

Point = tuple[int, int] | None  # affine (u, v); None is the point at infinity


# RFC 7748 --------------------------------------------------------------------------------------------------------


def decode_scalar(k: bytes) -> int:
    """decodeScalar25519, section 5."""
    raw = bytearray(k)
    raw[0] &= 248
    raw[31] &= 127
    raw[31] |= 64
    return int.from_bytes(raw, "little")


def decode_u(u: bytes) -> int:
    """decodeUCoordinate, section 5: the top bit is ignored, values from p to 2^255 - 1 are reduced."""
    return (int.from_bytes(u, "little") & ((1 << 255) - 1)) % P


def ladder(k: int, u: int) -> int:
    """The Montgomery ladder of section 5, on integers; 0 stands for infinity too."""
    x1, x2, z2, x3, z3, swap = u, 1, 0, u, 1, 0
    for t in reversed(range(255)):
        bit = (k >> t) & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a % P, b * b % P, d * a % P, c * b % P
        e = aa - bb
        x3, z3 = (da + cb) ** 2 % P, x1 * (da - cb) ** 2 % P
        x2, z2 = aa * bb % P, e * (aa + A24 * e) % P
    if swap:
        x2, z2 = x3, z3
    return x2 * pow(z2, P - 2, P) % P


def x25519(k: bytes, u: bytes) -> bytes:
    """X25519(k, u), section 5."""
    return ladder(decode_scalar(k), decode_u(u)).to_bytes(32, "little")


# The curve, affine -----------------------------------------------------------------------------------------------


def is_square(x: int) -> bool:
    """RFC 9380, section 4: zero counts as a square."""
    return pow(x, (P - 1) // 2, P) in (0, 1)


def rhs(u: int) -> int:
    """u^3 + A*u^2 + u: a square if u is on the curve, none if on its twist."""
    return (u**3 + A * u**2 + u) % P


def square_root(x: int) -> int:
    """RFC 9380, appendix I.2 (p = 5 mod 8). Raises ValueError when there is none."""
    root = pow(x, (P + 3) // 8, P)
    if root * root % P != x:
        root = root * pow(2, (P - 1) // 4, P) % P
    if root * root % P != x:
        raise ValueError("not a square")
    return root


def add(p: Point, q: Point) -> Point:
    """Affine addition on the Montgomery curve (RFC 9380, section D.1's group law with B = 1)."""
    if p is None or q is None:
        return q if p is None else p
    (u1, v1), (u2, v2) = p, q
    if u1 == u2:
        if (v1 + v2) % P == 0:
            return None
        slope = (3 * u1 * u1 + 2 * A * u1 + 1) * pow(2 * v1, -1, P) % P
    else:
        slope = (v2 - v1) * pow(u2 - u1, -1, P) % P
    u3 = (slope * slope - A - u1 - u2) % P
    return u3, (slope * (u1 - u3) - v1) % P


def multiply(k: int, p: Point) -> Point:
    """k times a point, by double and add: another way to the ladder's answer."""
    out: Point = None
    while k:
        if k & 1:
            out = add(out, p)
        p, k = add(p, p), k >> 1
    return out


# RFC 9380 --------------------------------------------------------------------------------------------------------


def expand_message_xmd(msg: bytes, dst: bytes, length: int) -> bytes:
    """Section 5.3.1 with SHA-512, and section 5.3.3 for a long tag."""
    if len(dst) > 255:
        dst = hashlib.sha512(b"H2C-OVERSIZE-DST-" + dst).digest()
    dst_prime = dst + bytes([len(dst)])
    blocks = -(-length // 64)
    if blocks > 255 or length > 65535:
        raise ValueError("too many bytes asked")
    b0 = hashlib.sha512(bytes(128) + msg + length.to_bytes(2, "big") + b"\0" + dst_prime).digest()
    block = hashlib.sha512(b0 + b"\1" + dst_prime).digest()
    out = block
    for i in range(2, blocks + 1):
        mixed = bytes(x ^ y for x, y in zip(b0, block, strict=True))
        block = hashlib.sha512(mixed + bytes([i]) + dst_prime).digest()
        out += block
    return out[:length]


def hash_to_field(msg: bytes, count: int, dst: bytes) -> list[int]:
    """Section 5.2 with m = 1, L = 48."""
    uniform = expand_message_xmd(msg, dst, 48 * count)
    return [int.from_bytes(uniform[48 * i : 48 * i + 48], "big") % P for i in range(count)]


def map_to_curve_elligator2_curve25519(u: int) -> tuple[int, int]:
    """Section 6.7.1 with J = A, K = 1, Z = 2."""
    x1 = -A * pow(1 + 2 * u * u, P - 2, P) % P
    if x1 == 0:
        x1 = -A % P
    gx1 = rhs(x1)
    x2 = (-x1 - A) % P
    x, square, sign = (x1, gx1, 1) if is_square(gx1) else (x2, rhs(x2), 0)
    y = square_root(square)
    return x, y if y % 2 == sign else P - y


def clear_cofactor(point: Point) -> Point:
    """Section 7 with h_eff = 8."""
    return multiply(8, point)


def encode_to_curve(msg: bytes, dst: bytes) -> Point:
    """Section 3, the NU_ suite."""
    return clear_cofactor(map_to_curve_elligator2_curve25519(hash_to_field(msg, 1, dst)[0]))


def hash_to_curve(msg: bytes, dst: bytes) -> Point:
    """Section 3, the RO_ suite: not used by the protocol, checked for the sake of the map."""
    first, second = (map_to_curve_elligator2_curve25519(u) for u in hash_to_field(msg, 2, dst))
    return clear_cofactor(add(first, second))


def map_item(msg: bytes, dst: bytes) -> bytes:
    """What a backend's hash_to_curve gives for one item: the u-coordinate before the cofactor is cleared."""
    return map_to_curve_elligator2_curve25519(hash_to_field(msg, 1, dst)[0])[0].to_bytes(32, "little")
