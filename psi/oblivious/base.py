"""Transfers of one secret seed out of two, from the oblivious PRF that the session uses anyway.

There are 128 in `sum`, and at most 256. For each number i the side that chooses, with bit s_i, masks H(token(i, s_i))
by a scalar of its own; the side that deals multiplies it by a scalar k_i that it uses for nothing else, and derives
both seeds KDF(k_i * H(token(i, b))). The chooser takes its mask off and derives the one that it chose. That is 2HashDH
with a key of its own for each i, evaluated once under a mask used once (docs/protocol.md, steps T1 and T2, and
*Security*): the request says nothing about s_i whatever the dealer can compute, and the other seed of i is hidden under
one-more gap Diffie-Hellman.
"""

from __future__ import annotations

import numpy as np

from psi.group import masking
from psi.group.curve25519.backend import Backend
from psi.group.curve25519.scalar import Scalar
from psi.group.masking import Derivation
from psi.oblivious.columns import COLUMNS, SEED_BYTES, select
from psiselect.base.entropy import Entropy
from psiselect.base.packed import U8, Packed

TOKEN_TYPE = b"\x04"
_TOKEN_BYTES = 3
_SINGLY = masking.FewRows()  # each scalar here has three rows at most


def _tokens(bits: U8) -> U8:
    """type || number || bit, for numbers 0.. as long as there are bits; shape (n, 3)."""
    table = np.full((len(bits), _TOKEN_BYTES), TOKEN_TYPE[0], np.uint8)
    table[:, 1] = np.arange(len(bits))
    table[:, 2] = bits
    return table


def _packed(table: U8) -> Packed:
    return Packed(np.ascontiguousarray(table).reshape(-1), np.arange(len(table) + 1, dtype=np.int64) * table.shape[1])


def _both(count: int) -> tuple[U8, U8]:
    """The tokens of all zeros and of all ones."""
    return _tokens(np.zeros(count, np.uint8)), _tokens(np.ones(count, np.uint8))


class BaseReceiver:
    """The side that chooses. bits: uint8, shape (count,), each 0 or 1; secret, and uniform."""

    def __init__(self, backend: Backend, dst: bytes, binding: bytes, entropy: Entropy, count: int = COLUMNS) -> None:
        drawn = np.frombuffer(entropy.read(-(-count // 8)), np.uint8)
        self.bits = np.unpackbits(drawn, count=count, bitorder="little")
        self._backend, self._dst, self._binding = backend, dst, binding
        # One for each choice: each request is then uniform in the group, whatever the bit, without any assumption.
        self._masks = [Scalar.draw(entropy) for _ in range(count)]
        self._unmasks = [mask.inverse(entropy) for mask in self._masks]

    def request(self) -> U8:
        """What the dealer gets, shape (count, 32). Both points of a pair are hashed, so that hashing says nothing."""
        zero, one = (self._backend.hash_to_curve(_packed(tokens), self._dst) for tokens in _both(len(self.bits)))
        chosen = select(self.bits, zero, one)
        return np.concatenate([_SINGLY.mask(chosen[i : i + 1], mask) for i, mask in enumerate(self._masks)])

    def seeds(self, answer: U8) -> U8:
        """The chosen seeds, shape (count, 32), from the dealer's answer of the same shape. Raises RemoteError."""
        opened = np.concatenate(
            [masking.mask_checked(_SINGLY, answer[i : i + 1], unmask, i) for i, unmask in enumerate(self._unmasks)]
        )
        tokens = _packed(_tokens(self.bits))
        return masking.derive(self._backend, Derivation.SEED, self._binding, opened, tokens, SEED_BYTES)

    def close(self) -> None:
        """Wipe the scalars and the bits."""
        for scalar in (*self._masks, *self._unmasks):
            scalar.wipe()
        self.bits[:] = 0


class BaseSender:
    """The side that deals: learns both seeds of each pair, and not which one the other has."""

    def __init__(self, backend: Backend, dst: bytes, binding: bytes, entropy: Entropy) -> None:
        self._backend, self._dst, self._binding, self._entropy = backend, dst, binding, entropy

    def answer(self, request: U8) -> tuple[U8, U8]:
        """The answer to a request (count, 32), of the same shape, and the seeds, shape (count, 2, 32). Raises
        RemoteError naming the position of an element that no honest side sends."""
        masking.check_canonical(request)
        points = np.stack(
            [self._backend.hash_to_curve(_packed(tokens), self._dst) for tokens in _both(len(request))], axis=1
        )
        asked = np.concatenate([request[:, None], points], axis=1)
        done = np.empty_like(asked)
        for number, three in enumerate(asked):
            with Scalar.draw(self._entropy) as scalar:
                done[number] = masking.mask_checked(_SINGLY, three, scalar, number)
        tokens = _packed(np.stack(_both(len(request)), axis=1).reshape(-1, _TOKEN_BYTES))
        opened = done[:, 1:].reshape(-1, request.shape[1])
        seeds = masking.derive(self._backend, Derivation.SEED, self._binding, opened, tokens, SEED_BYTES)
        return np.ascontiguousarray(done[:, 0]), seeds.reshape(len(request), 2, SEED_BYTES)
