"""X25519 of one scalar and many points: the Montgomery ladder of RFC 7748, section 5, reshaped.

The state is kept as sums: a = x2 + z2, b = x2 - z2 of the point that was doubled last, c = x3 + z3, d = x3 - z3 of the
point that was added last. That is where x and z are used, and forming sums before the carry costs nothing. The
differential addition (d*a + c*b)^2 : x1 * (d*a - c*b)^2 does not change when the two points change places, so the
ladder's swap only picks which of them is doubled: two elements are selected instead of four swapped.

A step is cut into functions in the way that suits the field: out-of-line pieces are faster on doubles, and one function
a vector is faster with IFMA.

Constant time: one counted loop over the bits; a bit becomes a mask, and the mask selects.
"""

from __future__ import annotations

from typing import Protocol

from llvmlite import ir

from psi.group.curve25519.lanes.codegen import I8, I64, PTR, Code, Vec
from psi.group.curve25519.lanes.doubles import Doubles
from psi.group.curve25519.lanes.field import Limbs, Prepared, PrimeField, Product, Square
from psi.group.curve25519.lanes.routines import GROUP, Routines

# RFC 7748 section 4.1: (486662 - 2) / 4.
A24 = 121665


def load_bit(code: Code, key: ir.Value, index: ir.Value) -> ir.Value:
    """Bit `index` (public) of the little-endian scalar at `key`, as a 64-bit 0 or 1."""
    builder = code.builder
    byte = builder.load(code.at(key, builder.lshr(index, ir.Constant(I64, 3))), align=1, typ=I8)
    shifted = builder.lshr(builder.zext(byte, I64), builder.and_(index, ir.Constant(I64, 7)))
    return builder.and_(shifted, ir.Constant(I64, 1))


class _Space:
    """Elements of a group by name. Names are given as one string with spaces between them."""

    def __init__(self, r: Routines, code: Code, names: str) -> None:
        self._r, self._code = r, code
        self._places = {name: (r.elements(code, GROUP), 1) for name in names.split()}

    def place(self, name: str, base: ir.Value, size: int = 1) -> None:
        """Call what is at `base` by a name: each member's `size` elements one after another."""
        self._places[name] = (base, size)

    def allot(self, name: str, size: int) -> None:
        self.place(name, self._r.elements(self._code, GROUP * size), size)

    def members(self, names: str) -> list[list[ir.Value]]:
        """For each member, the address of each named element."""
        places = [self._places[name] for name in names.split()]
        return [[self._r.element(self._code, base, size * m) for base, size in places] for m in range(GROUP)]

    def each(self, function: ir.Function, names: str, *scalars: ir.Value) -> None:
        """Call `function` on the named elements of each member."""
        for addresses in self.members(names):
            self._code.call(function, *addresses, *scalars)


class _Steps(Protocol):
    """A ladder's steps on a, b, c, d and x1 of a space. `change` is all ones or zero."""

    names: str  # further elements that the steps need

    def begin(self, space: _Space) -> None: ...

    def step(self, space: _Space, change: ir.Value) -> None:
        """Double c:d if `change` says so, else a:b, into a:b; their sum into c:d."""
        ...

    def end(self, space: _Space, change: ir.Value) -> None:
        """Double c:d if `change` says so, else a:b, into a:b, three times in all."""
        ...


def ladder_function(r: Routines) -> ir.Function:
    """Group-wise projective x:z of scalar * x1. Bits 0-2 and 255 of the key are taken as 0, as clamping makes them."""
    field = r.field
    steps: _Steps = _StepsInPieces(r, field) if isinstance(field, Doubles) else _WholeSteps(r)
    code = r.code("ladder", {"x": PTR, "z": PTR, "x1": PTR, "key": PTR})
    builder = code.builder
    space = _Space(r, code, f"a b c d {steps.names}")
    space.place("x1", code.args["x1"])

    # The point at infinity, 1:0, and x1:1.
    one = field.small(code, 1)
    for x1, a, b, c, d in space.members("x1 a b c d"):
        limbs = field.load(code, x1)
        field.store(code, one, a)
        field.store(code, one, b)
        field.store(code, field.combination(code, [(limbs, 1)], constant=1), c)
        field.store(code, field.combination(code, [(limbs, 1)], constant=-1), d)
    steps.begin(space)
    zero = ir.Constant(I64, 0)
    last_bit = code.scalar_slot(zero)
    with code.loop(0, 252) as step:
        bit = load_bit(code, code.args["key"], builder.sub(ir.Constant(I64, 254), step))
        change = builder.sub(zero, builder.xor(bit, builder.load(last_bit, typ=I64)))
        builder.store(bit, last_bit)
        steps.step(space, change)
    # The three lowest bits are 0: nothing but doublings of one and the same point.
    steps.end(space, builder.sub(zero, builder.load(last_bit, typ=I64)))
    space.place("x", code.args["x"])
    space.place("z", code.args["z"])
    for a, b, x, z in space.members("a b x z"):
        sums, differences = field.load(code, a), field.load(code, b)
        field.store(code, field.combination(code, [(sums, 1), (differences, 1)]), x)
        field.store(code, field.combination(code, [(sums, 1), (differences, -1)]), z)
    return code.done()


def _pick(r: Routines) -> ir.Function:
    """u, v, a, b, c, d, change: u, v = c, d if change is all ones, a, b if it is zero."""
    code = r.code("pick", {**dict.fromkeys("uvabcd", PTR), "change": I64})
    mask = code.splat(code.args["change"])
    for out, first, second in ("uac", "vbd"):
        x, y = _loaded(r.field, code, f"{first} {second}")
        r.field.store(code, r.field.select(code, mask, x, y), code.args[out])
    return code.done()


def _loaded(field: PrimeField, code: Code, names: str) -> list[Limbs]:
    return [field.load(code, code.args[name]) for name in names.split()]


class _StepsInPieces:
    """Five kinds of functions a step, on doubles."""

    names = "u v uu vv e f s t"

    def __init__(self, r: Routines, field: Doubles) -> None:
        self._r, self._field, self._pick = r, field, _pick(r)
        self._sum_and_difference = self._sum_and_difference_function()
        self._finish_doubling = self._finish_doubling_function()
        self._finish_addition = self._finish_addition_function()

    def begin(self, space: _Space) -> None:
        """Nothing is prepared."""

    def step(self, space: _Space, change: ir.Value) -> None:
        space.each(self._pick, "u v a b c d", change)
        space.each(self._sum_and_difference, "s t d a c b")
        self._double(space, "u v")
        space.each(self._r.square, "t t")
        space.each(self._finish_addition, "c d s x1 t")

    def end(self, space: _Space, change: ir.Value) -> None:
        space.each(self._pick, "u v a b c d", change)
        for point in ("u v", "a b", "a b"):
            self._double(space, point)

    def _double(self, space: _Space, point: str) -> None:
        """(a, b) = 2 * point."""
        u, v = point.split()
        space.each(self._r.square, f"uu {u}")
        space.each(self._r.square, f"vv {v}")
        space.each(self._finish_doubling, "e f uu vv")
        space.each(self._sum_and_difference, "a b uu vv e f")

    def _sum_and_difference_function(self) -> ir.Function:
        """sum, difference, a, b, c, d: a*b + c*d, a*b - c*d."""
        code = self._r.code("sum_and_difference", dict.fromkeys(["sum", "difference", "a", "b", "c", "d"], PTR))
        a, b, c, d = _loaded(self._field, code, "a b c d")
        return self._stored(code, self._field.sum_and_difference(code, Product(a, b), Product(c, d)), "sum difference")

    def _finish_doubling_function(self) -> ir.Function:
        """e, f, uu, vv: uu - vv, uu + A24 * (uu - vv)."""
        code = self._r.code("finish_doubling", dict.fromkeys(["e", "f", "uu", "vv"], PTR))
        uu, vv = _loaded(self._field, code, "uu vv")
        return self._stored(code, self._field.end_of_doubling(code, uu, vv, A24), "e f")

    def _finish_addition_function(self) -> ir.Function:
        """c, d, s, x1, t: s^2 + x1*t, s^2 - x1*t."""
        code = self._r.code("finish_addition", dict.fromkeys(["c", "d", "s", "x1", "t"], PTR))
        s, x1, t = _loaded(self._field, code, "s x1 t")
        return self._stored(code, self._field.sum_and_difference(code, Square(s), Product(x1, t)), "c d")

    def _stored(self, code: Code, results: tuple[Limbs, Limbs], names: str) -> ir.Function:
        for limbs, out in zip(results, names.split(), strict=True):
            self._field.store(code, limbs, code.args[out])
        return code.done()


class _WholeSteps:
    """One function a step and member. x1 is prepared, since it is a factor in every step."""

    names = ""

    def __init__(self, r: Routines) -> None:
        self._r, self._field = r, r.field
        self._prepare = self._prepare_function()
        self._step = self._step_function()
        self._double = self._double_function()

    def begin(self, space: _Space) -> None:
        space.allot("rows", self._field.prepared)
        space.each(self._prepare, "rows x1")

    def step(self, space: _Space, change: ir.Value) -> None:
        space.each(self._step, "a b c d rows", change)

    def end(self, space: _Space, change: ir.Value) -> None:
        space.each(self._double, "a b c d", change)
        for _ in range(2):
            space.each(self._double, "a b c d", ir.Constant(I64, 0))

    def _prepare_function(self) -> ir.Function:
        code = self._r.code("prepare", dict.fromkeys(["rows", "x1"], PTR))
        (x1,) = _loaded(self._field, code, "x1")
        self._field.prepare(code, x1, code.args["rows"])
        return code.done()

    def _step_function(self) -> ir.Function:
        """a, b, c, d, rows, change: see _Steps."""
        field = self._field
        code = self._r.code("step", {**dict.fromkeys(["a", "b", "c", "d", "rows"], PTR), "change": I64})
        a, b, c, d = _loaded(field, code, "a b c d")
        s, t = field.sum_and_difference(code, Product(d, a), Product(c, b))
        doubled = self._doubled(code, code.splat(code.args["change"]))
        # Beside what waits for others in the doubling.
        added = field.sum_and_difference(code, Square(s), Prepared(code.args["rows"], field.square(code, t)))
        for limbs, out in zip((*doubled, *added), "abcd", strict=True):
            field.store(code, limbs, code.args[out])
        return code.done()

    def _double_function(self) -> ir.Function:
        """a, b, c, d, change: (a, b) = 2 * (c, d) if change is all ones, 2 * (a, b) if it is zero."""
        code = self._r.code("double", {**dict.fromkeys("abcd", PTR), "change": I64})
        for limbs, out in zip(self._doubled(code, code.splat(code.args["change"])), "ab", strict=True):
            self._field.store(code, limbs, code.args[out])
        return code.done()

    def _doubled(self, code: Code, mask: Vec) -> tuple[Limbs, Limbs]:
        field = self._field
        a, b, c, d = _loaded(field, code, "a b c d")
        u, v = field.select(code, mask, a, c), field.select(code, mask, b, d)
        uu, vv, e, f = field.doubling(code, u, v, A24)
        return field.sum_and_difference(code, Product(uu, vv), Product(e, f))
