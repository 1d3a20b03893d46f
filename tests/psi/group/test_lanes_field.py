"""The field's arithmetic at the edges of what the limbs may hold, run natively at several widths."""

from __future__ import annotations

import ctypes
import random
from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("llvmlite")
from llvmlite import ir
from support.entropy import FixedEntropy

from psi.group.curve25519.lanes import field, inversion, routines
from psi.group.curve25519.lanes.codegen import I64, PTR, Code
from psi.group.curve25519.lanes.compiler import Library, compile_object
from psi.group.curve25519.lanes.target import LanesUnavailableError, Target
from psi.group.curve25519.suite import FIELD_PRIME as P

# "Carried" in field.py: what every limb of a result stays below, and of an operand that is no sum.
CARRIED = 2**50 + 2**14

try:
    Target.host().lanes()
except LanesUnavailableError as reason:
    pytest.skip(str(reason), allow_module_level=True)


def build_module(lanes: int) -> ir.Module:
    """Exported wrappers around what is tested."""
    module = ir.Module()
    r = routines.build(module, lanes)
    power = inversion.power_function(r)
    invert = inversion.invert_function(r, power)

    def export(name: str, inputs: str, body: Callable[..., None], **more: ir.Type) -> None:
        code = r.code(name, {"out": PTR, **dict.fromkeys(inputs, PTR), **more}, exported=True)
        body(code, code.args["out"], *(code.args[argument] for argument in inputs))
        code.done()

    def both(code: Code, out: ir.Value, a: ir.Value, b: ir.Value) -> None:
        first = field.products(code, field.load(code, a), field.load(code, b))
        results = field.sum_and_difference(code, first, field.squares(code, field.load(code, b)))
        for index, limbs in enumerate(results):
            field.store(code, limbs, r.element(code, out, index))

    def words(code: Code, out: ir.Value, a: ir.Value) -> None:
        for k, word in enumerate(field.to_words(code, field.load(code, a))):
            code.store(word, out, k)

    def inverses(code: Code, out: ir.Value, work: ir.Value) -> None:
        code.call(invert, out, work, code.args["groups"])

    export("product", "ab", lambda code, out, a, b: code.call(r.multiply, out, a, b))
    export("squared", "a", lambda code, out, a: code.call(r.square, out, a))
    export("sum_and_difference", "ab", both)
    export("words", "a", words)
    export("inverses", "w", inverses, groups=I64)
    return module


class Native:
    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        target = Target.host()
        self._library = Library(compile_object(str(build_module(lanes)), target), target)

    def array(self, elements: int = 1) -> np.ndarray:
        """Zeroed space for elements, (5 * elements, lanes) doubles, aligned as vectors must be."""
        raw = np.zeros(5 * elements * self.lanes + 16)
        start = -raw.ctypes.data % 128 // 8
        return raw[start : start + 5 * elements * self.lanes].reshape(-1, self.lanes)

    def call(self, name: str, *args: np.ndarray | int) -> None:
        kinds = [ctypes.c_int64 if isinstance(arg, int) else ctypes.c_void_p for arg in args]
        function = ctypes.CFUNCTYPE(None, *kinds)(self._library.address(name))
        function(*(arg if isinstance(arg, int) else arg.ctypes.data for arg in args))


@pytest.fixture(scope="module", params=[2, 4, 8])
def native(request: pytest.FixtureRequest) -> Native:
    return Native(request.param)


def value(limbs: np.ndarray) -> int:
    assert np.array_equal(limbs, np.trunc(limbs))
    return sum(int(limb) << (51 * k) for k, limb in enumerate(limbs)) % P


def limb_patterns(bound: int, rng: random.Random, lanes: int) -> list[list[int]]:
    """One element a lane: all limbs at the bound, at its negative, alternating, random, or zero."""
    patterns = [
        [bound] * 5,
        [-bound] * 5,
        [bound * (-1) ** k for k in range(5)],
        [0] * 5,
        *([rng.choice((-bound, bound, rng.randint(-bound, bound))) for _ in range(5)] for _ in range(8)),
    ]
    return rng.sample(patterns, lanes)


def fill(array: np.ndarray, elements: list[list[int]]) -> None:
    array[:] = np.array(elements, np.float64).T


@pytest.mark.parametrize(("a_bound", "b_bound"), [(CARRIED, CARRIED), (2 * CARRIED, CARRIED), (2**51, CARRIED)])
def test_products_at_the_bounds(native: Native, a_bound: int, b_bound: int, fixed_entropy: FixedEntropy) -> None:
    rng = random.Random(fixed_entropy.read(8))
    a, b, out, both = native.array(), native.array(), native.array(), native.array(2)
    for _ in range(60):
        fill(a, limb_patterns(a_bound, rng, native.lanes))
        fill(b, limb_patterns(b_bound, rng, native.lanes))
        native.call("product", out, a, b)
        native.call("sum_and_difference", both, a, b)
        for lane in range(native.lanes):
            x, y = value(a[:, lane]), value(b[:, lane])
            assert value(out[:, lane]) == x * y % P
            assert value(both[:5, lane]) == (x * y + y * y) % P
            assert value(both[5:, lane]) == (x * y - y * y) % P
        assert max(abs(out).max(), abs(both).max()) <= CARRIED


def test_squares_at_the_bounds(native: Native, fixed_entropy: FixedEntropy) -> None:
    rng = random.Random(fixed_entropy.read(8))
    a, out = native.array(), native.array()
    for _ in range(60):
        fill(a, limb_patterns(CARRIED, rng, native.lanes))
        native.call("squared", out, a)
        assert [value(out[:, lane]) for lane in range(native.lanes)] == [value(x) ** 2 % P for x in a.T]
        assert abs(out).max() <= CARRIED


def test_canonical_words(native: Native, fixed_entropy: FixedEntropy) -> None:
    rng = random.Random(fixed_entropy.read(8))
    a, out = native.array(), native.array()
    low = 2**51 - 1
    near_p = [[k - 19, 0, 0, 0, 0] for k in (-1, 0, 1, 18, 19, 20)] + [
        [low - 18 + k, low, low, low, low] for k in (-1, 0, 1)
    ]
    for round_ in range(60):
        elements = rng.sample(near_p, native.lanes) if round_ % 2 else limb_patterns(CARRIED, rng, native.lanes)
        fill(a, elements)
        native.call("words", out, a)
        words = out.view(np.uint64)[:4]
        for lane in range(native.lanes):
            assert sum(int(word) << (64 * k) for k, word in enumerate(words[:, lane])) == value(a[:, lane])


def test_inverses_of_a_block_with_zeros(native: Native, fixed_entropy: FixedEntropy) -> None:
    """Zero in all its guises (0, p, -p) has inverse zero and leaves its neighbours alone."""
    rng = random.Random(fixed_entropy.read(8))
    groups = 3
    count = groups * routines.GROUP
    z, work = native.array(count), native.array(count)
    zeros = [[0] * 5, [2**51 - 19] + [2**51 - 1] * 4, [19 - 2**51] + [1 - 2**51] * 4]
    for i in range(count):
        elements = limb_patterns(CARRIED, rng, native.lanes)
        if i % 2:
            elements[rng.randrange(native.lanes)] = rng.choice(zeros)
        fill(z[5 * i : 5 * i + 5], elements)
    before = [[value(z[5 * i : 5 * i + 5, lane]) for lane in range(native.lanes)] for i in range(count)]
    native.call("inverses", z, work, groups)
    after = [[value(z[5 * i : 5 * i + 5, lane]) for lane in range(native.lanes)] for i in range(count)]
    assert after == [[pow(x, P - 2, P) for x in row] for row in before]
    assert any(x == 0 for row in before for x in row)
