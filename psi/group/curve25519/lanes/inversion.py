"""Powers with fixed exponents, and inverses of many elements for the price of one power.

The exponent p - 2 costs 254 squarings, a tenth of a ladder. Montgomery's trick inverts a whole block with one power and
three multiplications an element. A single zero would turn all of the block to zero, so zeros are replaced by ones
beforehand and their inverses by zeros afterwards, with masks: what X25519 asks for (RFC 7748: z^(p-2) is 0 for z = 0).
"""

from __future__ import annotations

from llvmlite import ir

from psi.group.curve25519.lanes.codegen import I64, PTR
from psi.group.curve25519.lanes.field import zero_mask
from psi.group.curve25519.lanes.routines import GROUP, Routines


def power_function(r: Routines) -> ir.Function:
    """Group-wise out = a^(2^252 - 3) = a^((p-5)/8), the exponent that both needs share; out, a distinct."""
    code = r.code("power", {"out": PTR, "a": PTR})
    out, a = code.args["out"], code.args["a"]
    t = r.elements(code, GROUP)
    u = r.elements(code, GROUP)

    def multiply(x: ir.Value, y: ir.Value, z: ir.Value) -> None:
        for ex, ey, ez in r.members(code, x, y, z):
            code.call(r.multiply, ex, ey, ez)

    def square(x: ir.Value, y: ir.Value, times: int = 1) -> None:
        """x = y^(2^times)."""
        for ex, ey in r.members(code, x, y):
            code.call(r.square, ex, ey)
        if times > 1:
            with code.loop(1, times):
                for (ex,) in r.members(code, x):
                    code.call(r.square, ex, ex)

    square(t, a)  # 2
    square(u, t, 2)  # 8
    multiply(u, a, u)  # 9
    multiply(t, t, u)  # 11
    square(t, t)  # 22
    multiply(t, u, t)  # 31 = 2^5 - 1
    # From here x holds 2^i - 1 and is doubled in length, or led by an older run of ones.
    square(u, t, 5)
    multiply(t, u, t)  # 2^10 - 1
    square(u, t, 10)
    multiply(u, u, t)  # 2^20 - 1
    square(out, u, 20)
    multiply(u, out, u)  # 2^40 - 1
    square(u, u, 10)
    multiply(t, u, t)  # 2^50 - 1
    square(u, t, 50)
    multiply(u, u, t)  # 2^100 - 1
    square(out, u, 100)
    multiply(u, out, u)  # 2^200 - 1
    square(u, u, 50)
    multiply(t, u, t)  # 2^250 - 1
    square(t, t, 2)
    multiply(out, t, a)  # 2^252 - 3
    return code.done()


def invert_function(r: Routines, power: ir.Function) -> ir.Function:
    """Replaces `groups` groups at `z` by their inverses, zeros by zeros. `work`: as many elements again."""
    code = r.code("invert", {"z": PTR, "work": PTR, "groups": I64})
    z, work, groups = code.args["z"], code.args["work"], code.args["groups"]
    builder = code.builder
    run, inverse, t = (r.elements(code, GROUP) for _ in range(3))
    field = r.field
    one, zero = field.small(code, 1), field.small(code, 0)

    def group(base: ir.Value, index: ir.Value) -> ir.Value:
        return r.element(code, base, builder.mul(index, ir.Constant(I64, GROUP)))

    # work[i] = z[0] * ... * z[i-1], one chain for each member of a group.
    for (member,) in r.members(code, run):
        field.store(code, one, member)
    with code.loop(0, groups) as i:
        for product, before, element in r.members(code, run, group(work, i), group(z, i)):
            limbs = field.load(code, element)
            field.store(code, field.select(code, zero_mask(field, code, limbs), limbs, one), t)
            field.store(code, field.load(code, product), before)
            code.call(r.multiply, product, product, t)
    code.call(power, inverse, run)
    # a^(p-2) = (a^((p-5)/8))^8 * a^3
    for x, a in r.members(code, inverse, run):
        for _ in range(3):
            code.call(r.square, x, x)
        for _ in range(3):
            code.call(r.multiply, x, x, a)
    with code.loop(0, groups) as step:
        i = builder.sub(builder.sub(groups, ir.Constant(I64, 1)), step)
        for rest, before, element in r.members(code, inverse, group(work, i), group(z, i)):
            limbs = field.load(code, element)
            mask = zero_mask(field, code, limbs)
            field.store(code, field.select(code, mask, limbs, one), t)
            code.call(r.multiply, before, before, rest)
            code.call(r.multiply, rest, rest, t)
            field.store(code, field.select(code, mask, field.load(code, before), zero), element)
    return code.done()
