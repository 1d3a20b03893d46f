"""acc + low52(a * b) and acc + high52(a * b) on the lowest 52 bits of a and b: what AVX-512 IFMA has instructions for.

`instruction` emits `vpmadd52luq` or `vpmadd52huq`. `generic` computes the same with multiplications of 128 bits, which
every processor has. Both take the same time for all values.
"""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from psi.group.curve25519.lanes.codegen import Code, Vec
from psi.group.curve25519.lanes.ranges import DIGIT, DIGIT_BITS

# code, whether the high half is wanted, acc, a, b
MultiplyAdd = Callable[[Code, bool, Vec, Vec, Vec], Vec]

_I128 = ir.IntType(128)


def instruction(code: Code, high: bool, acc: Vec, a: Vec, b: Vec) -> Vec:
    """By one instruction; for 2, 4 or 8 lanes on a processor that has it."""
    name = f"llvm.x86.avx512.vpmadd52{'h' if high else 'l'}.uq.{64 * code.lanes}"
    known = code.module.globals.get(name)
    kind = code.int_vector
    function = known or ir.Function(code.module, ir.FunctionType(kind, [kind] * 3), name)
    return Vec(code, code.builder.call(function, [acc.value, a.value, b.value]))


def generic(code: Code, high: bool, acc: Vec, a: Vec, b: Vec) -> Vec:
    """By a function with multiplications of 128 bits, one a lane."""
    name = "multiply_add_high" if high else "multiply_add_low"
    function = code.module.globals.get(name) or _generic_function(code, name, high)
    return Vec(code, code.builder.call(function, [acc.value, a.value, b.value]))


def _generic_function(code: Code, name: str, high: bool) -> ir.Function:
    kind, wide = code.int_vector, ir.VectorType(_I128, code.lanes)
    function = ir.Function(code.module, ir.FunctionType(kind, [kind] * 3), name)
    function.linkage = "internal"
    function.attributes.add("nounwind")
    function.attributes.add("noinline")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    acc, a, b = function.args
    acc.name, a.name, b.name = "acc", "a", "b"
    digit = code.ints(DIGIT).value
    product = builder.mul(*(builder.zext(builder.and_(x, digit), wide) for x in (a, b)))
    if high:
        shift = ir.Constant(wide, [ir.Constant(_I128, DIGIT_BITS)] * code.lanes)
        part = builder.trunc(builder.lshr(product, shift), kind)
    else:
        part = builder.and_(builder.trunc(product, kind), digit)
    builder.ret(builder.add(acc, part))
    return function
