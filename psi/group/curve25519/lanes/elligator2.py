"""map_to_curve_elligator2_curve25519 of RFC 9380, section 6.7.1, x-coordinate only, with one exponentiation.

With D = 1 + 2u^2 the two candidates are x1 = -A/D and x2 = -x1 - A = -A * 2u^2 / D. x1 is taken if
g(x1) = x1^3 + A*x1^2 + x1 is a square, and g(x1) * D^4 = -A * D * (D^2 - A^2*D + A^2) has the same quadratic character
without a division; the division by D is done for a whole block at once. No exceptional case exists: -1/2 is no square,
so D is never 0, and neither is g(x1). Nothing branches on the value.
"""

from __future__ import annotations

from llvmlite import ir

from psi.group.curve25519.lanes.codegen import PTR
from psi.group.curve25519.lanes.routines import GROUP, Routines

A = 486662


def elligator2_function(r: Routines, power: ir.Function) -> ir.Function:
    """Group-wise x = numerator / denominator from the field element u."""
    prepare, choose = _prepare(r), _choose(r)
    code = r.code("elligator2", dict.fromkeys(["numerator", "denominator", "u"], PTR))
    g, root, doubled = (r.elements(code, GROUP) for _ in range(3))
    numerator, denominator = code.args["numerator"], code.args["denominator"]
    for addresses in r.members(code, g, denominator, doubled, code.args["u"]):
        code.call(prepare, *addresses)
    code.call(power, root, g)
    # The character g^((p-1)/2) = (g^((p-5)/8))^4 * g^2.
    for x, a in r.members(code, root, g):
        code.call(r.square, x, x)
        code.call(r.square, x, x)
        code.call(r.multiply, x, x, a)
        code.call(r.multiply, x, x, a)
    for addresses in r.members(code, numerator, root, doubled):
        code.call(choose, *addresses)
    return code.done()


def _prepare(r: Routines) -> ir.Function:
    """g = -A*D*(D^2 - A^2*D + A^2), D = 1 + 2u^2, doubled = 2u^2."""
    code = r.code("elligator2_prepare", dict.fromkeys(["g", "denominator", "doubled", "u"], PTR))
    field = r.field
    u = field.load(code, code.args["u"])
    squared = field.square(code, u)
    doubled = field.combination(code, [(squared, 2)])
    d = field.combination(code, [(squared, 2)], constant=1)
    dd = field.square(code, d)
    inner = field.combination(code, [(dd, 1), (d, -A * A)], constant=A * A)
    field.store(code, field.product(code, field.combination(code, [(d, -A)]), inner), code.args["g"])
    field.store(code, d, code.args["denominator"])
    field.store(code, doubled, code.args["doubled"])
    return code.done()


def _choose(r: Routines) -> ir.Function:
    """numerator = -A if the character is 1, -A * 2u^2 if it is -1."""
    code = r.code("elligator2_choose", dict.fromkeys(["numerator", "character", "doubled"], PTR))
    field = r.field
    # 1 is odd and -1 = 2^255 - 20 is even.
    parity = field.to_words(code, field.load(code, code.args["character"]))[0] & code.ints(1)
    square = code.ints(0) - parity
    factor = field.select(code, square, field.load(code, code.args["doubled"]), field.small(code, 1))
    field.store(code, field.combination(code, [(factor, -A)]), code.args["numerator"])
    return code.done()
