"""X25519 of one scalar and many points: the Montgomery ladder of RFC 7748, section 5, reshaped.

The state is kept as sums: a = x2 + z2, b = x2 - z2 of the point that was doubled last, c = x3 + z3, d = x3 - z3 of the
point that was added last. That is where x and z are used, and forming sums before the carry costs nothing. The
differential addition (d*a + c*b)^2 : x1 * (d*a - c*b)^2 does not change when the two points change places, so the
ladder's swap only picks which of them is doubled: two elements are selected instead of four swapped.

Constant time: one counted loop over the bits; a bit becomes a mask, and the mask selects.
"""

from __future__ import annotations

from dataclasses import dataclass

from llvmlite import ir

from psi.group.curve25519.lanes import field
from psi.group.curve25519.lanes.codegen import I8, I64, PTR, Code, Vec
from psi.group.curve25519.lanes.routines import GROUP, Routines

# RFC 7748 section 4.1: (486662 - 2) / 4.
A24 = 121665


def select(code: Code, mask: Vec, first: field.Limbs, second: field.Limbs) -> field.Limbs:
    """`first` where the mask is all zeros, `second` where it is all ones."""
    pairs = [(x.bits(), y.bits()) for x, y in zip(first, second, strict=True)]
    return [(x ^ ((x ^ y) & mask)).double() for x, y in pairs]


def load_bit(code: Code, key: ir.Value, index: ir.Value) -> ir.Value:
    """Bit `index` (public) of the little-endian scalar at `key`, as a 64-bit 0 or 1."""
    builder = code.builder
    byte = builder.load(code.at(key, builder.lshr(index, ir.Constant(I64, 3))), align=1, typ=I8)
    shifted = builder.lshr(builder.zext(byte, I64), builder.and_(index, ir.Constant(I64, 7)))
    return builder.and_(shifted, ir.Constant(I64, 1))


def ladder_function(r: Routines) -> ir.Function:
    """Group-wise projective x:z of scalar * x1. Bits 0-2 and 255 of the key are taken as 0, as clamping makes them."""
    routines = _Steps(_pick(r), _sum_and_difference(r), _finish_doubling(r), _finish_addition(r))
    code = r.code("ladder", {"x": PTR, "z": PTR, "x1": PTR, "key": PTR})
    builder = code.builder
    space = {name: r.elements(code, GROUP) for name in ("a", "b", "c", "d", "u", "v", "uu", "vv", "e", "f", "s", "t")}
    space["x1"] = code.args["x1"]

    def each(function: ir.Function, names: str, *scalars: ir.Value) -> None:
        """Call `function` on the named elements of each member of the group."""
        for addresses in r.members(code, *(space[name] for name in names.split())):
            code.call(function, *addresses, *scalars)

    def double() -> None:
        """(a, b) = 2 * (u, v)."""
        each(r.square, "uu u")
        each(r.square, "vv v")
        each(routines.finish_doubling, "e f uu vv")
        each(routines.sum_and_difference, "a b uu vv e f")

    # The point at infinity, 1:0, and x1:1.
    one = field.small(code, 1)
    for x1, a, b, c, d in r.members(code, *(space[name] for name in ("x1", "a", "b", "c", "d"))):
        first, *rest = field.load(code, x1)
        field.store(code, one, a)
        field.store(code, one, b)
        field.store(code, [first + one[0], *rest], c)
        field.store(code, [first - one[0], *rest], d)
    zero = ir.Constant(I64, 0)
    last_bit = code.scalar_slot(zero)
    with code.loop(0, 252) as step:
        bit = load_bit(code, code.args["key"], builder.sub(ir.Constant(I64, 254), step))
        change = builder.sub(zero, builder.xor(bit, builder.load(last_bit, typ=I64)))
        builder.store(bit, last_bit)
        each(routines.pick, "u v a b c d", change)
        each(routines.sum_and_difference, "s t d a c b")
        double()
        each(r.square, "t t")
        each(routines.finish_addition, "c d s x1 t")
    # The three lowest bits are 0: nothing but doublings of one and the same point.
    each(routines.pick, "u v a b c d", builder.sub(zero, builder.load(last_bit, typ=I64)))
    double()
    space["u"], space["v"] = space["a"], space["b"]
    double()
    double()
    for a, b, x, z in r.members(code, space["a"], space["b"], code.args["x"], code.args["z"]):
        sums, differences = field.load(code, a), field.load(code, b)
        field.store(code, field.combination(code, [(sums, 1), (differences, 1)]), x)
        field.store(code, field.combination(code, [(sums, 1), (differences, -1)]), z)
    return code.done()


@dataclass(frozen=True)
class _Steps:
    pick: ir.Function  # u, v, a, b, c, d, change: u, v = c, d if change is all ones, a, b if it is zero
    sum_and_difference: ir.Function  # sum, difference, a, b, c, d: a*b + c*d, a*b - c*d
    finish_doubling: ir.Function  # e, f, uu, vv: uu - vv, uu + A24 * (uu - vv)
    finish_addition: ir.Function  # c, d, s, x1, t: s^2 + x1*t, s^2 - x1*t


def _loaded(code: Code, names: str) -> list[field.Limbs]:
    return [field.load(code, code.args[name]) for name in names.split()]


def _pick(r: Routines) -> ir.Function:
    code = r.code("pick", {**dict.fromkeys("uvabcd", PTR), "change": I64})
    mask = code.splat(code.args["change"])
    for out, first, second in ("uac", "vbd"):
        x, y = field.load(code, code.args[first]), field.load(code, code.args[second])
        field.store(code, select(code, mask, x, y), code.args[out])
    return code.done()


def _sum_and_difference(r: Routines) -> ir.Function:
    code = r.code("sum_and_difference", dict.fromkeys(["sum", "difference", "a", "b", "c", "d"], PTR))
    a, b, c, d = _loaded(code, "a b c d")
    both = field.sum_and_difference(code, field.products(code, a, b), field.products(code, c, d))
    for limbs, out in zip(both, ("sum", "difference"), strict=True):
        field.store(code, limbs, code.args[out])
    return code.done()


def _finish_doubling(r: Routines) -> ir.Function:
    code = r.code("finish_doubling", dict.fromkeys(["e", "f", "uu", "vv"], PTR))
    uu, vv = _loaded(code, "uu vv")
    e = [x - y for x, y in zip(uu, vv, strict=True)]
    field.store(code, e, code.args["e"])
    field.store(code, field.combination(code, [(uu, 1), (e, A24)]), code.args["f"])
    return code.done()


def _finish_addition(r: Routines) -> ir.Function:
    code = r.code("finish_addition", dict.fromkeys(["c", "d", "s", "x1", "t"], PTR))
    s, x1, t = _loaded(code, "s x1 t")
    both = field.sum_and_difference(code, field.squares(code, s), field.products(code, x1, t))
    for limbs, out in zip(both, ("c", "d"), strict=True):
        field.store(code, limbs, code.args[out])
    return code.done()
