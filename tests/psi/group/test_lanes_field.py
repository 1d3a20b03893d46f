"""Each field's arithmetic at the edges of what the limbs may hold, run natively at several widths."""

from __future__ import annotations

import ctypes
import random
from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("llvmlite")
from llvmlite import ir
from support.entropy import FixedEntropy
from support.fields import LIMBS, TESTED, holding, structured

from psi.group.curve25519 import reference
from psi.group.curve25519.lanes import codegen, ifma, inversion, multiply52, routines
from psi.group.curve25519.lanes.codegen import I64, PTR, Code
from psi.group.curve25519.lanes.compiler import Library, compile_object
from psi.group.curve25519.lanes.elligator2 import elligator2_function
from psi.group.curve25519.lanes.field import Limbs, Prepared, Product, Square
from psi.group.curve25519.lanes.module import FIELDS
from psi.group.curve25519.lanes.ranges import Operand, Ranged, RangeError, known
from psi.group.curve25519.lanes.target import IFMA, LanesUnavailableError, Target, fields
from psi.group.curve25519.suite import FIELD_PRIME as P

try:
    Target.host().lanes()
except LanesUnavailableError as reason:
    pytest.skip(str(reason), allow_module_level=True)

A24, A = 121665, 486662
# What the ladder and Elligator 2 combine, and more: factors of a and b, and a constant.
COMBINATIONS = [(1, 1, 0), (1, -1, 0), (1, A24, 0), (2, 0, 1), (1, -A * A, A * A), (-A, 0, 0), (0, 0, -1)]
CASES = [(field, lanes) for field in TESTED for lanes in (2, 8)] + [("doubles", 4)]
CASES += [(IFMA, 8)] if IFMA in fields() else []


def build_module(lanes: int, name: str) -> ir.Module:
    """Exported wrappers around what is tested."""
    module = ir.Module()
    field = FIELDS[name]
    r = routines.build(module, lanes, field)
    power = inversion.power_function(r)
    invert, elligator2 = inversion.invert_function(r, power), elligator2_function(r, power)

    def export(name: str, inputs: str, body: Callable[..., None], **more: ir.Type) -> None:
        code = r.code(name, {"out": PTR, **dict.fromkeys(inputs, PTR), **more}, exported=True)
        body(code, code.args["out"], *(code.args[argument] for argument in inputs))
        code.done()

    def store(code: Code, out: ir.Value, *results: Limbs) -> None:
        for index, limbs in enumerate(results):
            for k, limb in enumerate(limbs):
                code.store(getattr(limb, "vec", limb), out, LIMBS * index + k)

    def sums(code: Code, out: ir.Value, a: ir.Value, b: ir.Value) -> None:
        """a*b and b*b, then b*b and a*b with a prepared."""
        rows = r.elements(code, field.prepared)
        x, y = field.load(code, a), field.load(code, b)
        field.prepare(code, x, rows)
        store(code, out, *field.sum_and_difference(code, Product(x, y), Square(y)))
        store(code, r.element(code, out, 2), *field.sum_and_difference(code, Square(y), Prepared(rows, x)))
        store(code, r.element(code, out, 4), *field.sum_and_difference(code, Product(x, x), Product(y, y)))

    def doubling(code: Code, out: ir.Value, a: ir.Value, b: ir.Value) -> None:
        store(code, out, *field.doubling(code, field.load(code, a), field.load(code, b), A24))

    def combinations(code: Code, out: ir.Value, a: ir.Value, b: ir.Value) -> None:
        terms = field.load(code, a), field.load(code, b)
        for index, (*factors, constant) in enumerate(COMBINATIONS):
            chosen = [(limbs, factor) for limbs, factor in zip(terms, factors, strict=True) if factor]
            chosen = chosen or [(field.small(code, 0), 1)]
            store(code, r.element(code, out, index), field.combination(code, chosen, constant))

    def words(code: Code, out: ir.Value, a: ir.Value) -> None:
        for k, word in enumerate(field.to_words(code, field.load(code, a))):
            code.store(word, out, k)

    def of_words(code: Code, out: ir.Value, a: ir.Value) -> None:
        number = [code.load(a, k, double=False) for k in range(6)]
        store(code, out, field.from_words(code, number[:4]), field.from_wide(code, number))

    def inverses(code: Code, out: ir.Value, work: ir.Value) -> None:
        code.call(invert, out, work, code.args["groups"])

    def mapped(code: Code, out: ir.Value, denominator: ir.Value, u: ir.Value) -> None:
        code.call(elligator2, out, denominator, u)

    export("product", "ab", lambda code, out, a, b: code.call(r.multiply, out, a, b))
    export("squared", "a", lambda code, out, a: code.call(r.square, out, a))
    export("sums", "ab", sums)
    export("doubling", "ab", doubling)
    export("combinations", "ab", combinations)
    export("words", "a", words)
    export("of_words", "a", of_words)
    export("mapped", "du", mapped)
    export("inverses", "w", inverses, groups=I64)
    return module


class Native:
    def __init__(self, field: str, lanes: int) -> None:
        self.lanes, self.holding = lanes, holding(field)
        target = Target.host()
        self._library = Library(compile_object(str(build_module(lanes, field)), target), target)

    def array(self, elements: int = 1) -> np.ndarray:
        """Zeroed space for elements, (5 * elements, lanes) of the field's type, aligned as vectors must be."""
        raw = np.zeros(LIMBS * elements * self.lanes + 16, self.holding.dtype)
        start = -raw.ctypes.data % 128 // 8
        return raw[start : start + LIMBS * elements * self.lanes].reshape(-1, self.lanes)

    def call(self, name: str, *args: np.ndarray | int) -> None:
        kinds = [ctypes.c_int64 if isinstance(arg, int) else ctypes.c_void_p for arg in args]
        function = ctypes.CFUNCTYPE(None, *kinds)(self._library.address(name))
        function(*(arg if isinstance(arg, int) else arg.ctypes.data for arg in args))

    def pair(self, elements: list[list[list[int]]], rng: random.Random) -> tuple[np.ndarray, np.ndarray]:
        """Two arrays, filled."""
        a, b = self.array(), self.array()
        for array, chosen in zip((a, b), elements, strict=True):
            self.holding.fill(array, chosen, rng)
        return a, b

    def values(self, array: np.ndarray, index: int = 0, *, carried: bool = True) -> list[int]:
        """Element number `index`, one number a lane."""
        return self.holding.values(array[LIMBS * index : LIMBS * index + LIMBS], carried=carried)


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def native(request: pytest.FixtureRequest) -> Native:
    return Native(*request.param)


@pytest.fixture
def rng(fixed_entropy: FixedEntropy) -> random.Random:
    return random.Random(fixed_entropy.read(8))


def pairs(native: Native, rng: random.Random) -> list[tuple[list[list[int]], list[list[int]]]]:
    """Limbs at their bounds, and structured numbers against each other."""
    count, held = native.lanes, native.holding
    found = [(held.patterns(rng, count), held.patterns(rng, count)) for _ in range(40)]
    if held.least == 0:  # limbs that are read from words as they stand
        hard = [held.of(number) for number in structured() if number < 1 << 255]
        found += [(rng.sample(hard, count), rng.sample(hard, count)) for _ in range(200 // count)]
    return found


def test_products(native: Native, rng: random.Random) -> None:
    product, squared = native.array(), native.array()
    for elements in pairs(native, rng):
        a, b = native.pair(list(elements), rng)
        native.call("product", product, a, b)
        native.call("squared", squared, a)
        x, y = (native.values(array) for array in (a, b))
        assert native.values(product) == [i * j % P for i, j in zip(x, y, strict=True)]
        assert native.values(squared) == [i * i % P for i in x]


@pytest.mark.parametrize("bound", [2 * (2**50 + 2**14), 2**51])
def test_products_of_sums(native: Native, rng: random.Random, bound: int) -> None:
    """On doubles one factor may be a sum of two elements; the other field takes carried ones only."""
    if native.holding.radix != 51:
        pytest.skip("this field refuses them while code is generated")
    out = native.array()
    wide = [[bound] * LIMBS, [-bound] * LIMBS, [bound * (-1) ** k for k in range(LIMBS)]]
    for _ in range(20):
        a, b = native.pair([rng.choices(wide, k=native.lanes), native.holding.patterns(rng, native.lanes)], rng)
        native.call("product", out, a, b)
        x, y = native.values(a, carried=False), native.values(b)
        assert native.values(out) == [i * j % P for i, j in zip(x, y, strict=True)]


def test_sums_and_differences_of_products(native: Native, rng: random.Random) -> None:
    out = native.array(6)
    for elements in pairs(native, rng):
        a, b = native.pair(list(elements), rng)
        native.call("sums", out, a, b)
        for lane, (x, y) in enumerate(zip(native.values(a), native.values(b), strict=True)):
            found = [native.values(out, index)[lane] for index in range(6)]
            expected = [x * y + y * y, x * y - y * y, y * y + x * x, y * y - x * x, x * x + y * y, x * x - y * y]
            assert found == [number % P for number in expected]


def test_doubling(native: Native, rng: random.Random) -> None:
    out = native.array(4)
    for elements in pairs(native, rng):
        a, b = native.pair(list(elements), rng)
        native.call("doubling", out, a, b)
        for lane, (x, y) in enumerate(zip(native.values(a), native.values(b), strict=True)):
            found = [native.values(out, index, carried=index != 2)[lane] for index in range(4)]
            e = x * x - y * y
            assert found == [number % P for number in (x * x, y * y, e, x * x + A24 * e)]


def test_combinations(native: Native, rng: random.Random) -> None:
    out = native.array(len(COMBINATIONS))
    for elements in pairs(native, rng):
        a, b = native.pair(list(elements), rng)
        native.call("combinations", out, a, b)
        for index, (i, j, constant) in enumerate(COMBINATIONS):
            expected = zip(native.values(a), native.values(b), strict=True)
            assert native.values(out, index) == [(i * x + j * y + constant) % P for x, y in expected]


def test_canonical_words(native: Native, rng: random.Random) -> None:
    a, out = native.array(), native.array()
    held = native.holding
    near_p = [*held.zeros(), *(held.of(P + k) for k in range(-3, 19)), *(held.of(k) for k in range(20))]
    for round_ in range(60):
        elements = rng.sample(near_p, native.lanes) if round_ % 2 else held.patterns(rng, native.lanes)
        held.fill(a, elements, rng)
        native.call("words", out, a)
        words = out.view(np.uint64)[:4]
        found = [sum(int(word) << (64 * k) for k, word in enumerate(words[:, lane])) for lane in range(native.lanes)]
        assert found == native.values(a, carried=False)


def test_numbers_of_256_and_384_bits(native: Native, rng: random.Random) -> None:
    """The upper 128 bits are all ones, all zeros or random beside structured lower ones."""
    a, out = native.array(2), native.array(2)
    words = a.view(np.uint64)[:6]
    rows = structured()
    rng.shuffle(rows)
    for start in range(0, 400, native.lanes):
        numbers = []
        for lane in range(native.lanes):
            upper = rng.choice((0, 1, 2**128 - 1, rng.getrandbits(128), 2**64 - 1, 2**127))
            numbers.append(upper << 256 | rows[(start + lane) % len(rows)])
            words[:, lane] = [numbers[-1] >> (64 * k) & (2**64 - 1) for k in range(6)]
        native.call("of_words", out, a)
        assert native.values(out, 0, carried=native.holding.radix == 52) == [n % 2**255 % P for n in numbers]
        assert native.values(out, 1) == [n % P for n in numbers]


def test_inverses_of_a_block_with_zeros(native: Native, rng: random.Random) -> None:
    """Zero in all its guises (0, p, -p) has inverse zero and leaves its neighbours alone."""
    groups = 3
    count = groups * routines.GROUP
    z, work = native.array(count), native.array(count)
    zeros = [[0] * LIMBS, *native.holding.zeros()]
    for i in range(count):
        elements = native.holding.patterns(rng, native.lanes)
        if i % 2:
            elements[rng.randrange(native.lanes)] = rng.choice(zeros)
        native.holding.fill(z[LIMBS * i : LIMBS * (i + 1)], elements, rng)
    before = [native.values(z, i, carried=False) for i in range(count)]
    native.call("inverses", z, work, groups)
    after = [native.values(z, i) for i in range(count)]
    assert after == [[pow(x, P - 2, P) for x in row] for row in before]
    assert any(x == 0 for row in before for x in row)


def test_the_map_of_structured_elements(native: Native, rng: random.Random) -> None:
    """Elligator 2 on field elements that no item at hand hashes to; the RFC makes a case of 0."""
    count = routines.GROUP * native.lanes
    numerator, denominator, u = (native.array(routines.GROUP) for _ in range(3))
    inputs = [0, 1, P - 1, *rng.sample([number for number in structured() if number < P], 2 * count - 3)]
    for start in (0, count):
        for i in range(routines.GROUP):
            first = start + i * native.lanes
            chosen = [native.holding.of(number) for number in inputs[first : first + native.lanes]]
            native.holding.fill(u[LIMBS * i : LIMBS * (i + 1)], chosen, rng)
        native.call("mapped", numerator, denominator, u)
        found = [
            x * pow(z, P - 2, P) % P
            for i in range(routines.GROUP)
            for x, z in zip(native.values(numerator, i), native.values(denominator, i), strict=True)
        ]
        expected = [reference.map_to_curve_elligator2_curve25519(x)[0] for x in inputs[start : start + count]]
        assert found == expected


# What the ranges refuse ---------------------------------------------------------------------------------------------


@pytest.fixture
def code() -> Code:
    return codegen.Code(ir.Module(), 2, "f", {}, exported=True)


def test_ranges_are_worked_out(code: Code) -> None:
    a, b = Ranged(code.ints(0), 5, 2**60), Ranged(code.ints(0), 0, 4)
    assert ((a + b).least, (a + b).most) == (5, 2**60 + 4)
    assert ((a - b).least, (a - b).most) == (1, 2**60)
    assert ((a >> 3).least, (a >> 3).most) == (0, 2**57)
    assert (a.cut(52).least, a.cut(52).most, b.cut(52).most) == (0, 2**52 - 1, 4)
    assert (a.low().most, a.low().clean) == (2**52 - 1, False)
    assert (b.low().most, b.low().clean, b.exact().most) == (4, True, 4)


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (lambda a, b: b - a, "does not fit"),  # negative
        (lambda a, b: a + a, "does not fit"),  # 2^63
        (lambda a, b: a.exact(), "more than 52 bits"),
    ],
    ids=["negative", "too large", "no factor"],
)
def test_what_does_not_fit_is_not_generated(code: Code, work: Callable[..., object], message: str) -> None:
    a, b = Ranged(code.ints(0), 5, 2**62), Ranged(code.ints(0), 0, 6)
    with pytest.raises(RangeError, match=message):
        work(a, b)


def test_one_bit_less_fits(code: Code) -> None:
    a, b = Ranged(code.ints(0), 6, 2**62 - 1), Ranged(code.ints(0), 0, 6)
    assert (a - b).least == 0
    assert (a + a).most == 2**63 - 2
    assert Ranged(code.ints(0), 0, 2**52 - 1).exact().most == 2**52 - 1


def test_bounds_of_the_multiply_add(code: Code) -> None:
    field = ifma.Ifma(native=False)
    a, b = Operand(code.ints(0), 2**47, clean=True), Operand(code.ints(0), 2**10, clean=True)
    start = known(code, 7)
    assert field.multiply_add(start, a, b, high=True).most == 7 + 2**5
    assert field.multiply_add(start, a, b, high=False).most == 7 + 2**52 - 1
    assert field.multiply_add(start, b, b, high=False).most == 7 + 2**20


def limbs(code: Code, most: int, top: int) -> Limbs:
    return [*(Operand(code.ints(0), most, clean=False) for _ in range(4)), Operand(code.ints(0), top, clean=True)]


def test_limbs_out_of_bounds_are_not_generated(code: Code) -> None:
    """A limb 4 above its bound is not stored, and is refused by products and words when its columns no longer fit."""
    field = ifma.Ifma(native=False)
    address = code.scratch(LIMBS)
    field.store(code, limbs(code, 2**52 - 1, ifma.TOP), address)
    with pytest.raises(RangeError, match="limb 4"):
        field.store(code, limbs(code, 2**52 - 1, ifma.TOP + 1), address)
    wide = limbs(code, 2**52 - 1, 2**50)
    with pytest.raises(RangeError, match="last column"):
        field.product(code, wide, wide)
    with pytest.raises(RangeError, match="reduced twice"):
        field.to_words(code, limbs(code, 2**52 - 1, 2**48))


def test_a_start_that_is_too_small_is_not_generated(code: Code, monkeypatch: pytest.MonkeyPatch) -> None:
    """2^55 in each column is below the largest column of what is subtracted."""
    small = ifma._multiple_of_p(2**54)
    monkeypatch.setattr(ifma, "_HALF_START", small)
    monkeypatch.setattr(ifma, "_START", [2 * column for column in small])
    a = limbs(code, 2**52 - 1, ifma.TOP)
    with pytest.raises(RangeError, match="does not fit"):
        ifma.Ifma(native=False).sum_and_difference(code, Product(a, a), Product(a, a))


def test_starts_are_multiples_of_p() -> None:
    for start in (ifma._HALF_START, ifma._START):
        assert sum(column << (52 * k) for k, column in enumerate(start)) % P == 0
    assert min(ifma._START) >= 2**58
    assert max(ifma._START) < 2**58 + 2**53


@pytest.mark.parametrize("high", [False, True])
def test_the_generic_multiply_add(high: bool, rng: random.Random) -> None:
    """What Intel's manual says of VPMADD52LUQ and VPMADD52HUQ: bits 52 to 63 of the factors do not count, and sums
    wrap at 2^64."""
    module = ir.Module()
    code = Code(module, 4, "f", {"out": PTR, "a": PTR, "b": PTR}, exported=True)
    acc, a, b = (code.load(code.args[name], 0, double=False) for name in ("out", "a", "b"))
    code.store(multiply52.generic(code, high, acc, a, b), code.args["out"], 0)
    code.done()
    target = Target.host()
    library = Library(compile_object(str(module), target), target)
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3)(library.address("f"))
    raw = np.zeros(12 + 8, np.uint64)
    held = raw[-raw.ctypes.data % 64 // 8 :][:12].reshape(3, 4)
    edges = [0, 1, 2**52 - 1, 2**52, 2**52 + 1, 2**64 - 1, 2**51]
    for _ in range(200):
        held[:] = [[rng.choice([*edges, rng.getrandbits(64)]) for _ in range(4)] for _ in range(3)]
        sums, x, y = ([int(number) for number in row] for row in held)
        function(*(row.ctypes.data for row in held))
        products = [(i % 2**52) * (j % 2**52) for i, j in zip(x, y, strict=True)]
        halves = [product >> 52 if high else product % 2**52 for product in products]
        assert held[0].tolist() == [(i + j) % 2**64 for i, j in zip(sums, halves, strict=True)]
