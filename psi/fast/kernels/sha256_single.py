"""SHA-256 (FIPS 180-4), one message at a time, by the SHA instructions of x86 processors.

The state is in two vectors of four 32-bit words, the most significant first: A, B, E, F and C, D, G, H. What the
instructions compute is a parameter: `instructions` emits them, and `generic` computes the same by ordinary operations,
for tests on any processor. Time depends on lengths, never on contents.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llvmlite import ir

from psi.fast.kernels.sha256 import BLOCK_BYTES, INITIAL, ROUND_CONSTANTS, fill_function
from psi.group.curve25519.lanes.codegen import I32, I64, PTR, Code

QUAD = ir.VectorType(I32, 4)

# module, one of `_MEANINGS`, -> the function that computes it
Operations = Callable[[ir.Module, str], ir.Function]


def instructions(module: ir.Module, name: str) -> ir.Function:
    """One instruction, on a processor that has them."""
    full = f"llvm.x86.{name}"
    count = 3 if name == "sha256rnds2" else 2
    return module.globals.get(full) or ir.Function(module, ir.FunctionType(QUAD, [QUAD] * count), full)


def generic(module: ir.Module, name: str) -> ir.Function:
    """The same by ordinary operations."""
    known = module.globals.get(name)
    if known is not None:
        return known
    count = 3 if name == "sha256rnds2" else 2
    function = ir.Function(module, ir.FunctionType(QUAD, [QUAD] * count), name)
    function.linkage = "internal"
    function.attributes.add("nounwind")
    function.attributes.add("noinline")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    words = [[builder.extract_element(operand, ir.Constant(I32, i)) for i in range(4)] for operand in function.args]
    out: ir.Value = ir.Constant(QUAD, ir.Undefined)
    for i, word in enumerate(_MEANINGS[name](builder, *words)):
        out = builder.insert_element(out, word, ir.Constant(I32, i))
    builder.ret(out)
    return function


def hash_function(module: ir.Module, lanes: int, operations: Operations) -> ir.Function:
    """sha256(out, n, prefix, data, offsets), as in psi.fast.kernels.sha256."""
    fill, compress = fill_function(module, lanes), _compress_function(module, lanes, operations)
    arguments = {"out": PTR, "n": I64, "prefix": PTR, "data": PTR, "offsets": PTR}
    code = Code(module, lanes, "sha256", arguments, exported=True)
    builder, args = code.builder, code.args
    # Vectors of 64-bit lanes, of which there are at least two: a block takes four of them at most.
    common, state, block = (code.scratch(vectors) for vectors in (2, 2, 4))
    for half, first in ((0, (5, 4, 1, 0)), (1, (7, 6, 3, 2))):
        _store(code, ir.Constant(QUAD, [ir.Constant(I32, INITIAL[k]) for k in first]), common, half)
    code.call(compress, common, args["prefix"])
    with code.loop(0, args["n"]) as row:
        at = code.at(args["offsets"], builder.mul(row, ir.Constant(I64, 8)))
        begin, end = code.load_word(at), code.load_word(code.at(at, 8))
        length, source = builder.sub(end, begin), code.at(args["data"], begin)
        # One byte of padding and 8 for the length, rounded up to whole blocks.
        blocks = builder.ashr(builder.add(length, ir.Constant(I64, 9 + BLOCK_BYTES - 1)), ir.Constant(I64, 6))
        bits = builder.shl(builder.add(length, ir.Constant(I64, BLOCK_BYTES)), ir.Constant(I64, 3))
        swapped = builder.call(_swap(module, I64), [bits])
        for half in range(2):
            _store(code, _load(code, common, half), state, half)
        with code.loop(0, blocks) as index:
            done = builder.mul(index, ir.Constant(I64, BLOCK_BYTES))
            code.call(fill, block, code.at(source, done), builder.sub(length, done))
            last = builder.icmp_signed("==", builder.add(index, ir.Constant(I64, 1)), blocks)
            place = code.at(block, BLOCK_BYTES - 8)
            code.store_word(builder.select(last, swapped, code.load_word(place)), place)
            code.call(compress, state, block)
        abef, cdgh = (_load(code, state, half) for half in range(2))
        target = code.at(args["out"], builder.mul(row, ir.Constant(I64, 32)))
        for half, places in enumerate(((3, 2, 7, 6), (1, 0, 5, 4))):  # a, b, c, d and e, f, g, h
            _store(code, builder.call(_swap(module, QUAD), [_picked(code, abef, cdgh, places)]), target, half)
    return code.done()


def _compress_function(module: ir.Module, lanes: int, operations: Operations) -> ir.Function:
    """state = compress(state, block): two vectors, and 64 bytes."""
    code = Code(module, lanes, "sha256_compress", {"state": PTR, "block": PTR}, exported=False)
    builder, state = code.builder, code.args["state"]

    def act(name: str, *operands: ir.Value) -> ir.Value:
        return builder.call(operations(module, name), operands)

    begun = [_load(code, state, half) for half in range(2)]
    abef, cdgh = begun
    w = [builder.call(_swap(module, QUAD), [_load(code, code.args["block"], k)]) for k in range(4)]
    for group in range(16):
        four = [ir.Constant(I32, ROUND_CONSTANTS[4 * group + i]) for i in range(4)]
        sums = builder.add(w[0], ir.Constant(QUAD, four))
        # Two rounds make A, B, E, F from the whole state; what these were before is C, D, G, H after.
        cdgh = act("sha256rnds2", cdgh, abef, sums)
        abef = act("sha256rnds2", abef, cdgh, _picked(code, sums, sums, (2, 3, 2, 3)))
        following = builder.add(act("sha256msg1", w[0], w[1]), _picked(code, w[2], w[3], (1, 2, 3, 4)))
        w = [*w[1:], act("sha256msg2", following, w[3])]
    for half, now in enumerate((abef, cdgh)):
        _store(code, builder.add(begun[half], now), state, half)
    return code.done()


def _load(code: Code, base: ir.Value, index: int) -> ir.Value:
    return code.builder.load(code.at(base, 16 * index), align=1, typ=QUAD)


def _store(code: Code, quad: ir.Value, base: ir.Value, index: int) -> None:
    code.builder.store(quad, code.at(base, 16 * index), align=1)


def _picked(code: Code, first: ir.Value, second: ir.Value, places: Sequence[int]) -> ir.Value:
    """Words of two vectors, side by side, at these places."""
    mask = ir.Constant(QUAD, [ir.Constant(I32, place) for place in places])
    return code.builder.shuffle_vector(first, second, mask)


def _swap(module: ir.Module, kind: ir.Type) -> ir.Function:
    """Big-endian words from little-endian ones, and back."""
    name = "llvm.bswap.i64" if kind == I64 else "llvm.bswap.v4i32"
    return module.globals.get(name) or ir.Function(module, ir.FunctionType(kind, [kind]), name)


# What the instructions do, word by word, the least significant first (Intel's manual, volume 2).


def _rotated(builder: ir.IRBuilder, word: ir.Value, *counts: int) -> ir.Value:
    out: ir.Value = ir.Constant(I32, 0)
    for count in counts:
        right, left = (ir.Constant(I32, by) for by in (count, 32 - count))
        out = builder.xor(out, builder.or_(builder.lshr(word, right), builder.shl(word, left)))
    return out


def _small(builder: ir.IRBuilder, word: ir.Value) -> ir.Value:
    return builder.xor(_rotated(builder, word, 7, 18), builder.lshr(word, ir.Constant(I32, 3)))


def _large(builder: ir.IRBuilder, word: ir.Value) -> ir.Value:
    return builder.xor(_rotated(builder, word, 17, 19), builder.lshr(word, ir.Constant(I32, 10)))


def _two_rounds(
    builder: ir.IRBuilder, hgdc: list[ir.Value], feba: list[ir.Value], sums: list[ir.Value]
) -> list[ir.Value]:
    h, g, d, c = hgdc
    f, e, b, a = feba
    for word in sums[:2]:
        choice = builder.xor(g, builder.and_(e, builder.xor(f, g)))
        majority = builder.or_(builder.and_(a, b), builder.and_(c, builder.or_(a, b)))
        t = builder.add(builder.add(h, _rotated(builder, e, 6, 11, 25)), builder.add(choice, word))
        top = builder.add(builder.add(t, _rotated(builder, a, 2, 13, 22)), majority)
        a, b, c, d, e, f, g, h = top, a, b, c, builder.add(d, t), e, f, g
    return [f, e, b, a]


def _message_1(builder: ir.IRBuilder, first: list[ir.Value], second: list[ir.Value]) -> list[ir.Value]:
    words = [*first, second[0]]
    return [builder.add(words[i], _small(builder, words[i + 1])) for i in range(4)]


def _message_2(builder: ir.IRBuilder, sums: list[ir.Value], before: list[ir.Value]) -> list[ir.Value]:
    words = before[2:]
    for word in sums:
        words.append(builder.add(word, _large(builder, words[-2])))
    return words[2:]


_MEANINGS: dict[str, Callable[..., list[ir.Value]]] = {
    "sha256rnds2": _two_rounds,
    "sha256msg1": _message_1,
    "sha256msg2": _message_2,
}
