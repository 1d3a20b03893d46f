"""Secret scalars: clamped, inverted without secret-dependent branches, wiped after use."""

from __future__ import annotations

from types import TracebackType

from psi.group.curve25519.suite import ORDER
from psiselect.base.entropy import Entropy


def clamp(raw: bytes | bytearray) -> bytearray:
    """RFC 7748, section 5, decodeScalar25519: clear bits 0-2 and 255, set bit 254."""
    out = bytearray(raw)
    out[0] &= 248
    out[31] = (out[31] & 127) | 64
    return out


class Scalar:
    """A clamped X25519 scalar in a buffer of its own, 32 bytes little-endian in `key`.

    Use as a context manager: the buffer is zeroed on exit. Python may have copied bytes before they got here; the
    threat model says so.
    """

    __slots__ = ("key",)

    def __init__(self, raw: bytes | bytearray) -> None:
        self.key = clamp(raw)

    @classmethod
    def draw(cls, entropy: Entropy) -> Scalar:
        """A fresh scalar: 2^-126 from uniform on the subgroup's non-zero classes up to sign."""
        return cls(entropy.read(32))

    def inverse(self, entropy: Entropy) -> Scalar:
        """The clamped scalar c with X25519(c, X25519(self, u)) = u for u in the prime-order subgroup.

        c is the multiple of 8 below 2^255 with bit 254 set that is congruent to +1/self or -1/self modulo the order:
        x-coordinates do not see the sign. Inverted under a fresh random multiplicative blind r, so that the
        variable-time inversion sees self*r, which is independent of self. One of the two signs always lifts to a
        clamped scalar except with probability about 2^-126 (docs/protocol.md, "Unmasking"); then ValueError.
        """
        secret = int.from_bytes(self.key, "little")
        blind = 1 + int.from_bytes(entropy.read(40), "little") % (ORDER - 1)
        # Not by gmpy2: it keeps a context of each thread that has used it, and a listener has a thread per session.
        inverse = pow(secret * blind % ORDER, -1, ORDER) * blind % ORDER
        low, lifted = 1 << 254, None
        for candidate in (inverse, ORDER - inverse):
            # Solve c = candidate (mod ORDER), c = 0 (mod 8): add the multiple of ORDER that makes it divisible by 8.
            c = candidate + ORDER * ((-candidate * pow(ORDER, -1, 8)) % 8)
            lifted = c if low <= c < 2 * low else lifted
        if lifted is None:
            raise ValueError("the scalar has no clamped inverse")
        return Scalar(lifted.to_bytes(32, "little"))

    def wipe(self) -> None:
        """Overwrite the key with zeros."""
        self.key[:] = bytes(len(self.key))

    def __enter__(self) -> Scalar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wipe()

    def __repr__(self) -> str:
        return "Scalar(<secret>)"
