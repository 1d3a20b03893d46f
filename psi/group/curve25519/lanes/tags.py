"""What the hash kernel needs to know of a domain separation tag: the parts of RFC 9380's messages that never change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_BLOCK_BYTES = 128
_FIELD_BYTES = 48  # RFC 9380's L for curve25519: bytes hashed for one field element
PADDING = np.array([0x80], np.uint8)

Words = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]


def block_words(block: bytes) -> Words:
    """Whole SHA-512 blocks as 64-bit numbers in the host's byte order."""
    return np.frombuffer(block, ">u8").astype(np.uint64)


@dataclass(frozen=True)
class Expansion:
    """expand_message_xmd(item, dst, 48) of RFC 9380, section 5.3.1, with SHA-512.

    prefix: the block Z_pad. tail: what follows the item, up to the padding's first byte. rest: what follows b_0 in the
    second hash, padded up to whole blocks, as words.
    """

    prefix: Words
    tail: Bytes
    rest: Words

    @classmethod
    def of(cls, dst: bytes) -> Expansion:
        """Raises ValueError unless the tag has 1 to 255 bytes."""
        if not 1 <= len(dst) <= 255:
            raise ValueError(f"a domain separation tag has 1 to 255 bytes, not {len(dst)}")
        dst_prime = dst + bytes((len(dst),))
        tail = _FIELD_BYTES.to_bytes(2, "big") + b"\0" + dst_prime + b"\x80"
        message = bytes(64) + b"\1" + dst_prime
        zeros = -(len(message) + 17) % _BLOCK_BYTES
        padded = message + b"\x80" + bytes(zeros) + (8 * len(message)).to_bytes(16, "big")
        return cls(block_words(bytes(_BLOCK_BYTES)), np.frombuffer(tail, np.uint8), block_words(padded[64:]))

    @property
    def rest_blocks(self) -> int:
        """Blocks of the second hash."""
        return (len(self.rest) + 8) // 16
