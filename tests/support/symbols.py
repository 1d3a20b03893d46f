"""Symbols of F_q one by one, slowly: what planes of bits are held against."""

from __future__ import annotations

import numpy as np

from psi.oblivious.field import Field
from psiselect.base.packed import U8
from support.entropy import FixedEntropy


def slow_product(field: Field, a: int, b: int) -> int:
    """Polynomials as lists of coefficients, the remainder by long division."""
    product = [0] * (2 * field.degree)
    for i in range(field.degree):
        for j in range(field.degree):
            product[i + j] ^= (a >> i & 1) & (b >> j & 1)
    divisor = [field.reduction >> k & 1 for k in range(field.degree)] + [1]
    for top in range(len(product) - 1, field.degree - 1, -1):
        if product[top]:
            for k, coefficient in enumerate(divisor):
                product[top - field.degree + k] ^= coefficient
    return sum(bit << k for k, bit in enumerate(product))


def symbols_of(planes: U8) -> U8:
    """(..., degree, bytes) -> (..., symbols)."""
    bits = np.unpackbits(planes, axis=-1, bitorder="little")
    return np.bitwise_or.reduce(bits << np.arange(bits.shape[-2], dtype=np.uint8)[:, None], axis=-2)


def drawn(shape: tuple[int, ...], name: str = "drawn") -> U8:
    """Bytes that are the same each time."""
    return np.frombuffer(FixedEntropy(name).read(int(np.prod(shape))), np.uint8).reshape(shape)
