"""The field of 2^255 - 19 on the 52-bit multiply-add of AVX-512 IFMA.

A field element is five limbs of radix 2^52, one vector of unsigned 64-bit integers each. The instructions read the
lowest 52 bits of a factor, so limbs 0 to 3 mean their lowest 52 bits: what stands above has been carried on already,
and is left where it is. Limb 4 has no such bits and is at most `TOP`. Two elements that mean the same number modulo p
may differ; `to_words` gives the one canonical form.

A product of two limbs is a low half of weight 2^(52 (i+j)) and a high half of weight 2^(52 (i+j+1)), each added to its
column by one instruction. 2^260 = 32 * 2^255 = 608 modulo p, so a column r of weight 2^(52 (k+5)) is folded into
columns k and k+1: low(r * 608) and high(r * 608). What r has above 52 bits goes to the column above r beforehand. That
chain of additions costs one multiplication less per column, and multiplications are what limits Zen 4. A carry cuts
column 4 at bit 47, which is bit 255 of the number: the part q above is worth 19 q in column 0. Then one chain runs from
column 0 up to limb 4.

Why nothing overflows. Each number here is a `Ranged`, and the code is not generated unless every range holds:

- limbs 0 to 3 are below 2^52 as factors, limb 4 is at most TOP = 2^47 + 2^10, so halves are below 2^52;
- a column of a product or square is the sum of at most nine halves, below 2^55.2; folding adds little more than one;
- what is subtracted is below 2^56, and what it is subtracted from starts at a multiple of p whose every column is at
  least 2^58 and below 2^58 + 2^53: nothing gets negative, and columns stay below 2^59, while 2^63 is allowed;
- column 9 of a product is the one high half of limb 4 times limb 4, with what column 8 carries, below 2^43: 608 times
  it is below 2^52;
- q is below 2^12, so 19 q is below 2^52;
- limb 4 after a carry is below 2^47 plus what comes from column 3, below 2^7: at most TOP.

Carries may not be taken in parallel here, as the field on doubles does: a limb could then keep 53 bits, and the
instruction would drop one. For the same reason a sum of two elements must be carried before it is a factor, and a
square doubles columns instead of limbs.

Every instruction takes the same time for all values: time does not depend on the data.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from llvmlite import ir

from psi.group.curve25519.lanes import multiply52
from psi.group.curve25519.lanes.codegen import Code, Vec
from psi.group.curve25519.lanes.field import LIMBS, Limbs, Prepared, Product, Square, Term
from psi.group.curve25519.lanes.ranges import DIGIT, DIGIT_BITS, Operand, Ranged, RangeError, known

P = 2**255 - 19
TOP_BITS = 255 - (LIMBS - 1) * DIGIT_BITS
TOP = 2**TOP_BITS + 2**10
FOLD = 19 * 2 ** (LIMBS * DIGIT_BITS - 255)


def _digits(value: int) -> list[int]:
    """The limbs of a number below 2^260."""
    return [value >> (DIGIT_BITS * k) & DIGIT for k in range(LIMBS)]


def _multiple_of_p(least: int) -> list[int]:
    """Columns of at least `least` each that are a multiple of p together."""
    rest = -sum(least << (DIGIT_BITS * k) for k in range(LIMBS)) % P
    return [least + digit for digit in _digits(rest)]


# Half of what a difference starts at: a square starts at this, and doubles it with its columns.
_HALF_START = _multiple_of_p(2**57)
_START = [2 * column for column in _HALF_START]


class _ColumnSums:
    """Up to ten columns of a sum of products, weights 2^(52 k)."""

    def __init__(self, field: Ifma, code: Code, start: Sequence[int] = ()) -> None:
        self._field, self._code = field, code
        self._values: list[Ranged | None] = [known(code, column) for column in start]
        self._values += [None] * (2 * LIMBS - len(self._values))

    def __getitem__(self, column: int) -> Ranged:
        return self._values[column] or known(self._code, 0)

    def add(self, column: int, number: Ranged) -> None:
        held = self._values[column]
        self._values[column] = number if held is None else held + number

    def add_low(self, column: int, a: Operand, b: Operand) -> None:
        """Add the lowest 52 bits of a * b."""
        self._values[column] = self._field.multiply_add(self[column], a, b, high=False)

    def add_high(self, column: int, a: Operand, b: Operand) -> None:
        """Add the bits from 52 on of a * b."""
        self._values[column] = self._field.multiply_add(self[column], a, b, high=True)

    def add_product(self, column: int, a: Operand, b: Operand) -> None:
        self.add_low(column, a, b)
        self.add_high(column + 1, a, b)

    def add_whole(self, column: int, a: Operand, factor: int) -> None:
        """Add a * factor, which must have at most 52 bits."""
        if a.most * factor > DIGIT:
            raise RangeError(f"{a.most:#x} * {factor} has more than {DIGIT_BITS} bits")
        self.add_low(column, a, known(self._code, factor).exact())

    def double(self, column: int) -> None:
        held = self._values[column]
        self._values[column] = held and held + held

    def folded(self) -> list[Ranged]:
        """Columns 0 to 4, with the rest folded into them."""
        fold = known(self._code, FOLD).exact()
        carried: Ranged | None = None
        for k, column in enumerate(self._values[LIMBS:]):
            upper = carried + column if carried and column else carried or column
            carried = None
            if upper is None:
                continue
            if upper.most * FOLD <= DIGIT:
                self.add_whole(k, upper.exact(), FOLD)
                continue
            if k + 1 == LIMBS:
                raise RangeError("the last column is too large to be folded into one")
            self.add_low(k, upper.low(), fold)
            self.add_high(k + 1, upper.low(), fold)
            if upper.most > DIGIT:
                carried = upper >> DIGIT_BITS
        return [self[k] for k in range(LIMBS)]


def _in_turns(*emitters: Iterator[None]) -> None:
    """Run the emitters one step each, in turns, so that neighbouring instructions do not wait for each other."""
    for _ in zip_longest(*emitters):
        pass


@dataclass(frozen=True)
class Ifma:
    """See PrimeField. `native`: by the processor's instructions; else by ordinary multiplications."""

    native: bool

    prepared = LIMBS

    @property
    def name(self) -> str:
        return "ifma" if self.native else "ifma-generic"

    def multiply_add(self, acc: Ranged, a: Operand, b: Operand, *, high: bool) -> Ranged:
        """acc plus one half of a * b."""
        emit = multiply52.instruction if self.native else multiply52.generic
        product = a.most * b.most
        most = product >> DIGIT_BITS if high else min(product, DIGIT)
        return Ranged(emit(acc.vec.code, high, acc.vec, a.vec, b.vec), acc.least, acc.most + most)

    # -- memory ----------------------------------------------------------------------------------------------------

    def load(self, code: Code, element: ir.Value) -> Limbs:
        return [self._load_limb(code, element, k) for k in range(LIMBS)]

    def _load_limb(self, code: Code, element: ir.Value, k: int) -> Operand:
        top = k == LIMBS - 1
        return Operand(code.load(element, k, double=False), TOP if top else DIGIT, clean=top)

    def store(self, code: Code, limbs: Limbs, element: ir.Value) -> None:
        if limbs[-1].most > TOP or not limbs[-1].clean:
            raise RangeError(f"limb 4 may reach {limbs[-1].most:#x}")
        for k, limb in enumerate(limbs):
            code.store(limb.vec, element, k)

    # -- products --------------------------------------------------------------------------------------------------

    def _emitter(self, code: Code, columns: _ColumnSums, term: Term) -> Iterator[None]:
        """Adds a term to the columns, a pair of instructions a step. A square's columns must hold half of what they
        are to start with."""
        if isinstance(term, Product):
            for i, a in enumerate(term.a):
                for j, b in enumerate(term.b):
                    columns.add_product(i + j, a, b)
                    yield
        elif isinstance(term, Prepared):
            # Row i is the factor times 2^(52 i), so limb i of `a` adds to columns 0 to 5 only.
            for i, a in enumerate(term.a):
                for k in range(LIMBS):
                    row = code.at(term.rows, i * LIMBS * code.vector_bytes)
                    columns.add_product(k, a, self._load_limb(code, row, k))
                    yield
        else:
            for i, a in enumerate(term.a):
                for j, b in enumerate(term.a[i + 1 :], i + 1):
                    columns.add_product(i + j, a, b)
                    yield
            for column in range(2 * LIMBS - 1):
                columns.double(column)
                if column % 2:
                    yield
            for i, a in enumerate(term.a):
                columns.add_product(2 * i, a, a)
                yield

    def _sums(self, code: Code, *terms: tuple[Term, bool]) -> list[_ColumnSums]:
        """The columns of each term, emitted in turns. True: they start at a multiple of p, so that any columns without
        such a start can be subtracted."""
        starts = [(_HALF_START if isinstance(term, Square) else _START) if start else () for term, start in terms]
        sums = [_ColumnSums(self, code, start) for start in starts]
        _in_turns(*(self._emitter(code, columns, term) for columns, (term, _) in zip(sums, terms, strict=True)))
        return sums

    def _carry(self, code: Code, columns: Sequence[Ranged]) -> list[Operand]:
        """Carried limbs of five columns."""
        *lower, last = columns
        first = _ColumnSums(self, code)
        first.add(0, lower[0])
        first.add_whole(0, (last >> TOP_BITS).exact(), 19)
        limbs = [first[0]]
        for column in [*lower[1:], last.cut(TOP_BITS)]:
            limbs.append(column + (limbs[-1] >> DIGIT_BITS))
        return [*(limb.low() for limb in limbs[:-1]), limbs[-1].exact()]

    def product(self, code: Code, a: Limbs, b: Limbs) -> Limbs:
        (columns,) = self._sums(code, (Product(a, b), False))
        return self._carry(code, columns.folded())

    def square(self, code: Code, a: Limbs) -> Limbs:
        (columns,) = self._sums(code, (Square(a), False))
        return self._carry(code, columns.folded())

    def sum_and_difference(self, code: Code, first: Term, second: Term) -> tuple[Limbs, Limbs]:
        one, two = (columns.folded() for columns in self._sums(code, (first, True), (second, False)))
        pairs = list(zip(one, two, strict=True))
        return self._carry(code, [x + y for x, y in pairs]), self._carry(code, [x - y for x, y in pairs])

    def prepare(self, code: Code, a: Limbs, rows: ir.Value) -> None:
        """The rows a * 2^(52 i), carried."""
        self.store(code, a, rows)
        for i in range(1, LIMBS):
            columns = _ColumnSums(self, code)
            for k in range(LIMBS - 1):
                columns.add(k + 1, a[k].value())
            columns.add_product(0, a[-1], known(code, FOLD).exact())
            a = self._carry(code, columns.folded())
            self.store(code, a, code.at(rows, i * LIMBS * code.vector_bytes))

    def doubling(self, code: Code, u: Limbs, v: Limbs, factor: int) -> tuple[Limbs, Limbs, Limbs, Limbs]:
        one, two = (columns.folded() for columns in self._sums(code, (Square(u), True), (Square(v), False)))
        e = self._carry(code, [x - y for x, y in zip(one, two, strict=True)])
        columns = _ColumnSums(self, code)
        for k, column in enumerate(one):
            columns.add(k, column)
        for k, limb in enumerate(e):
            columns.add_product(k, limb, known(code, factor).exact())
        return self._carry(code, one), self._carry(code, two), e, self._carry(code, columns.folded())

    def combination(self, code: Code, terms: Sequence[tuple[Limbs, int]], constant: int = 0) -> Limbs:
        plus, minus = _ColumnSums(self, code, _START), _ColumnSums(self, code)
        for k, digit in enumerate(_digits(constant % P)):
            plus.add(k, known(code, digit))
        for limbs, factor in terms:
            for k, limb in enumerate(limbs):
                columns = minus if factor < 0 else plus
                if abs(factor) == 1:
                    columns.add(k, limb.value())
                else:
                    columns.add_product(k, limb, known(code, abs(factor)).exact())
        return self._carry(code, [x - y for x, y in zip(plus.folded(), minus.folded(), strict=True)])

    # -- elements from elsewhere, and back ---------------------------------------------------------------------------

    def small(self, code: Code, value: int) -> Limbs:
        return [known(code, digit).exact() for digit in _digits(value % P)]

    def select(self, code: Code, mask: Vec, first: Limbs, second: Limbs) -> Limbs:
        return [
            Operand(x.vec ^ ((x.vec ^ y.vec) & mask), max(x.most, y.most), x.clean and y.clean)
            for x, y in zip(first, second, strict=True)
        ]

    def from_words(self, code: Code, words: Sequence[Vec]) -> Limbs:
        w0, w1, w2, w3 = words
        lower = [w0, (w0 >> 52) | (w1 << 12), (w1 >> 40) | (w2 << 24), (w2 >> 28) | (w3 << 36)]
        top = 2**TOP_BITS - 1
        return [*(Operand(x, DIGIT, clean=False) for x in lower), Operand((w3 >> 16) & code.ints(top), top, clean=True)]

    def from_wide(self, code: Code, words: Sequence[Vec]) -> Limbs:
        *lower, w4, w5 = words
        limbs = list(self.from_words(code, lower))
        limbs[-1] = Operand(lower[-1] >> 16, 2 ** (TOP_BITS + 1) - 1, clean=True)
        # The upper 128 bits count 2^256 = 38 each.
        upper = [Operand(x, DIGIT, clean=False) for x in (w4, (w4 >> 52) | (w5 << 12))]
        upper.append(Operand(w5 >> 40, 2**24 - 1, clean=True))
        columns = _ColumnSums(self, code)
        for k, limb in enumerate(limbs):
            columns.add(k, limb.value())
        for k, limb in enumerate(upper):
            columns.add_product(k, limb, known(code, 38).exact())
        return self._carry(code, columns.folded())

    def to_words(self, code: Code, limbs: Limbs) -> list[Vec]:
        values = [limb.value() for limb in limbs]
        if sum(value.most << (DIGIT_BITS * k) for k, value in enumerate(values)) + 19 >= 2 * 2**255:
            raise RangeError("a number may need to be reduced twice")
        # The number is below 2^256 - 19: take p off if number + 19 reaches 2^255.
        reach = values[0] + known(code, 19)
        for value in values[1:]:
            reach = value + (reach >> DIGIT_BITS)
        reach = reach >> TOP_BITS
        columns = _ColumnSums(self, code)
        columns.add(0, values[0])
        columns.add_whole(0, reach.exact(), 19)
        rippled = [columns[0]]
        for value in values[1:]:
            rippled.append(value + (rippled[-1] >> DIGIT_BITS))
        t0, t1, t2, t3 = (value.cut(DIGIT_BITS).vec for value in rippled[:-1])
        t4 = rippled[-1].cut(TOP_BITS).vec
        return [t0 | (t1 << 52), (t1 >> 12) | (t2 << 40), (t2 >> 24) | (t3 << 28), (t3 >> 36) | (t4 << 16)]
