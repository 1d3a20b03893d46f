"""What the vector code asks of a field of 2^255 - 19, and the fields that there are.

A field says how an element is held in vectors and how it is computed with. Ladder, inversion, Elligator 2 and hashing
are written against `PrimeField`, so each runs on any of them. An element in registers is `Limbs`, which only the field
looks into; in memory it is `LIMBS` vectors.

    doubles         five limbs of 51 bits as IEEE doubles, by fused multiply-add (doubles.py): AVX2, AVX-512, NEON
    ifma            five limbs of 52 bits as integers, by the instructions of AVX-512 IFMA (ifma.py)
    ifma-generic    the same code with ordinary multiplications in their place: slow, for tests on any processor
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from llvmlite import ir

from psi.group.curve25519.lanes.codegen import Code, Vec

LIMBS = 5

Limbs = Sequence[Any]


@dataclass(frozen=True)
class Product:
    """a * b."""

    a: Limbs
    b: Limbs


@dataclass(frozen=True)
class Square:
    """a * a."""

    a: Limbs


@dataclass(frozen=True)
class Prepared:
    """What `PrimeField.prepare` stored at the address `rows`, times a."""

    rows: ir.Value
    a: Limbs


Term = Product | Square | Prepared


class PrimeField(Protocol):
    """One way to compute in the field. All limbs that go in and come out are carried, that is, fit for any operation.

    Attributes:
        name: its name in the registry.
        prepared: how many elements' space a prepared factor takes.
    """

    @property
    def name(self) -> str: ...
    @property
    def prepared(self) -> int: ...

    def load(self, code: Code, element: ir.Value) -> Limbs: ...
    def store(self, code: Code, limbs: Limbs, element: ir.Value) -> None: ...

    def product(self, code: Code, a: Limbs, b: Limbs) -> Limbs: ...
    def square(self, code: Code, a: Limbs) -> Limbs: ...

    def sum_and_difference(self, code: Code, first: Term, second: Term) -> tuple[Limbs, Limbs]:
        """first + second and first - second."""
        ...

    def prepare(self, code: Code, a: Limbs, rows: ir.Value) -> None:
        """Store at `rows` what makes many products with a cheaper."""
        ...

    def doubling(self, code: Code, u: Limbs, v: Limbs, factor: int) -> tuple[Limbs, Limbs, Limbs, Limbs]:
        """uu = u*u, vv = v*v, e = uu - vv and uu + factor * e; factor is positive and below 2^20. Of e only products
        may be taken."""
        ...

    def combination(self, code: Code, terms: Sequence[tuple[Limbs, int]], constant: int = 0) -> Limbs:
        """The sum of factor * element over `terms`, plus a constant; factors and constant below 2^50 in magnitude."""
        ...

    def small(self, code: Code, value: int) -> Limbs:
        """The element `value`, below 2^50 in magnitude, in every lane."""
        ...

    def select(self, code: Code, mask: Vec, first: Limbs, second: Limbs) -> Limbs:
        """`first` where the mask is all zeros, `second` where it is all ones."""
        ...

    def from_words(self, code: Code, words: Sequence[Vec]) -> Limbs:
        """Four words, the lowest first; bit 255 is ignored and values from p on are reduced (RFC 7748, section 5)."""
        ...

    def from_wide(self, code: Code, words: Sequence[Vec]) -> Limbs:
        """A number of 384 bits, modulo p: six words, the lowest first."""
        ...

    def to_words(self, code: Code, limbs: Limbs) -> list[Vec]:
        """Four words of the canonical value, below p, the lowest first."""
        ...


def zero_mask(field: PrimeField, code: Code, limbs: Limbs) -> Vec:
    """All ones in the lanes where the element is zero, zeros elsewhere."""
    w0, w1, w2, w3 = field.to_words(code, limbs)
    return code.mask_if_zero(w0 | w1 | w2 | w3)
