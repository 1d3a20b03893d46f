"""SHA-256 (FIPS 180-4), one message a 32-bit lane: messages are a block common to all, then an item each.

The lanes run in step for as many blocks as the longest item has; a lane that is finished keeps its state by a mask.
Time depends on lengths, never on contents. A vector of n 64-bit lanes is one of 2n lanes here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isqrt

from llvmlite import ir

from psi.group.curve25519.lanes.codegen import I8, I32, I64, PTR, Code, Vec

BLOCK_BYTES = 64
WORDS = 16
STATE = 8
_FIRST_PRIMES = [p for p in range(2, 312) if all(p % q for q in range(2, p))]


def _cube_root(n: int) -> int:
    """floor(n^(1/3))."""
    root = 1 << -(-n.bit_length() // 3)
    while root**3 > n:
        root = (2 * root + n // root**2) // 3
    return root


# FIPS 180-4, sections 4.2.2 and 5.3.3: fractional parts of the roots of the first primes.
ROUND_CONSTANTS = [_cube_root(p << 96) % 2**32 for p in _FIRST_PRIMES[:64]]
INITIAL = [isqrt(p << 64) % 2**32 for p in _FIRST_PRIMES[:8]]


@dataclass(frozen=True, slots=True)
class Half:
    """A vector of 32-bit numbers, twice as many as there are 64-bit lanes."""

    code: Code
    value: ir.Value

    def _emit(self, name: str, other: Half) -> Half:
        return Half(self.code, getattr(self.code.builder, name)(self.value, other.value))

    def __add__(self, other: Half) -> Half:
        return self._emit("add", other)

    def __and__(self, other: Half) -> Half:
        return self._emit("and_", other)

    def __or__(self, other: Half) -> Half:
        return self._emit("or_", other)

    def __xor__(self, other: Half) -> Half:
        return self._emit("xor", other)

    def shifted(self, bits: int) -> Half:
        """To the right; the vacated bits are zero."""
        return self._emit("lshr", splat(self.code, ir.Constant(I32, bits)))

    def rotated(self, *counts: int) -> Half:
        """The xor of this rotated right by each count."""
        name = f"llvm.fshr.v{2 * self.code.lanes}i32"
        kind = self.value.type
        function = self.code.module.globals.get(name) or ir.Function(
            self.code.module, ir.FunctionType(kind, [kind] * 3), name
        )
        out: Half | None = None
        for count in counts:
            by = splat(self.code, ir.Constant(I32, count))
            one = Half(self.code, self.code.builder.call(function, [self.value, self.value, by.value]))
            out = one if out is None else out ^ one
        if out is None:
            raise ValueError("a rotation by nothing")
        return out

    def swapped(self) -> Half:
        """Big-endian words from little-endian ones, and back."""
        name = f"llvm.bswap.v{2 * self.code.lanes}i32"
        kind = self.value.type
        function = self.code.module.globals.get(name) or ir.Function(
            self.code.module, ir.FunctionType(kind, [kind]), name
        )
        return Half(self.code, self.code.builder.call(function, [self.value]))


def half_type(code: Code) -> ir.VectorType:
    return ir.VectorType(I32, 2 * code.lanes)


def splat(code: Code, scalar: ir.Value) -> Half:
    """A 32-bit scalar in every lane."""
    kind = half_type(code)
    if isinstance(scalar, ir.Constant):
        return Half(code, ir.Constant(kind, [scalar] * kind.count))
    undefined = ir.Constant(kind, ir.Undefined)
    first = code.builder.insert_element(undefined, scalar, ir.Constant(I32, 0))
    zeros = ir.Constant(ir.VectorType(I32, kind.count), [ir.Constant(I32, 0)] * kind.count)
    return Half(code, code.builder.shuffle_vector(first, undefined, zeros))


def load(code: Code, base: ir.Value, index: int) -> Half:
    return Half(code, code.builder.bitcast(code.load(base, index, double=False).value, half_type(code)))


def store(half: Half, base: ir.Value, index: int) -> None:
    code = half.code
    code.store(Vec(code, code.builder.bitcast(half.value, code.int_vector)), base, index)


def _shuffled(code: Code, first: ir.Value, second: ir.Value, places: Callable[[int], int]) -> ir.Value:
    """Elements of two vectors of 32-bit numbers, side by side, at these places."""
    kind = half_type(code)
    mask = ir.Constant(ir.VectorType(I32, kind.count), [ir.Constant(I32, places(i)) for i in range(kind.count)])
    return code.builder.shuffle_vector(first, second, mask)


def apart(code: Code, low: Vec, high: Vec) -> tuple[Half, Half]:
    """Two vectors of 64-bit numbers, for the first and the last lanes: their lower and their upper 32 bits."""
    first, second = (code.builder.bitcast(half.value, half_type(code)) for half in (low, high))
    return (
        Half(code, _shuffled(code, first, second, lambda i: 2 * i)),
        Half(code, _shuffled(code, first, second, lambda i: 2 * i + 1)),
    )


def together(code: Code, low: Half, high: Half) -> tuple[Vec, Vec]:
    """The inverse of `apart`."""
    width, lanes = 2 * code.lanes, code.lanes
    pairs = []
    for start in (0, lanes):

        def place(i: int, start: int = start) -> int:
            return start + i // 2 + width * (i % 2)

        pairs.append(Vec(code, code.builder.bitcast(_shuffled(code, low.value, high.value, place), code.int_vector)))
    return pairs[0], pairs[1]


def compress_function(module: ir.Module, lanes: int) -> ir.Function:
    """state = compress(state, block): 8 and 16 vectors; the block is used up."""
    table = ir.GlobalVariable(module, ir.ArrayType(I32, 64), "sha256_round_constants")
    table.initializer = ir.Constant(table.value_type, [ir.Constant(I32, k) for k in ROUND_CONSTANTS])
    table.linkage, table.global_constant = "internal", True
    code = Code(module, lanes, "sha256_compress", {"state": PTR, "block": PTR}, exported=False)
    state, block = code.args["state"], code.args["block"]
    working = code.scratch(STATE)
    for k in range(STATE):
        store(load(code, state, k), working, k)
    with code.loop(0, 64, WORDS) as first:
        constants = code.at(table, code.builder.mul(first, ir.Constant(I64, 4)))
        w = [load(code, block, k) for k in range(WORDS)]
        a, b, c, d, e, f, g, h = (load(code, working, k) for k in range(STATE))
        for i in range(WORDS):
            constant = splat(code, code.builder.load(code.at(constants, 4 * i), align=4, typ=I32))
            choice = g ^ (e & (f ^ g))
            majority = (a & b) | (c & (a | b))
            t = h + e.rotated(6, 11, 25) + choice + (constant + w[i])
            a, b, c, d, e, f, g, h = t + a.rotated(2, 13, 22) + majority, a, b, c, d + t, e, f, g
            near, far = w[(i + 1) % WORDS], w[(i + 14) % WORDS]
            small = near.rotated(7, 18) ^ near.shifted(3)
            large = far.rotated(17, 19) ^ far.shifted(10)
            w[i] = w[i] + small + w[(i + 9) % WORDS] + large
        for k, value in enumerate((a, b, c, d, e, f, g, h)):
            store(value, working, k)
        for k in range(WORDS):
            store(w[k], block, k)
    for k in range(STATE):
        store(load(code, state, k) + load(code, working, k), state, k)
    return code.done()


def fill_function(module: ir.Module, lanes: int) -> ir.Function:
    """One block of an item and its padding, without the length. left: bytes of the item from `source` on, maybe none or
    fewer."""
    code = Code(module, lanes, "sha256_fill", {"block": PTR, "source": PTR, "left": I64}, exported=False)
    builder, block, left = code.builder, code.args["block"], code.args["left"]
    zero, size = ir.Constant(I64, 0), ir.Constant(I64, BLOCK_BYTES)
    for k in range(0, BLOCK_BYTES, 8):
        code.store_word(zero, code.at(block, k))
    count = code.most(code.least(left, size), zero)
    whole = builder.and_(count, ir.Constant(I64, -8))
    with code.loop(zero, whole, 8) as i:
        code.store_word(code.load_word(code.at(code.args["source"], i)), code.at(block, i))
    with code.loop(whole, count) as i:
        builder.store(builder.load(code.at(code.args["source"], i), align=1, typ=I8), code.at(block, i), align=1)
    # The padding's first byte, if it is in this block; the loop runs once or not at all.
    inside = builder.icmp_unsigned("<", left, size)
    with code.loop(left, builder.select(inside, builder.add(left, ir.Constant(I64, 1)), left)) as i:
        builder.store(ir.Constant(I8, 0x80), code.at(block, i), align=1)
    return code.done()


def hash_function(module: ir.Module, lanes: int, compress: ir.Function) -> ir.Function:
    """sha256(out, n, prefix, data, offsets): n rows of 32 bytes. prefix: the common block, 8 words of 64 bits as they
    lie in memory."""
    fill = fill_function(module, lanes)
    arguments = {"out": PTR, "n": I64, "prefix": PTR, "data": PTR, "offsets": PTR}
    code = Code(module, lanes, "sha256", arguments, exported=True)
    builder, args, width = code.builder, code.args, 2 * lanes
    common, state, trial = (code.scratch(STATE) for _ in range(3))
    words = code.scratch(WORDS)
    bytes_ = code.scratch(WORDS)  # a block of 64 bytes a lane
    for k, word in enumerate(INITIAL):
        store(splat(code, ir.Constant(I32, word)), common, k)
    for k in range(WORDS // 2):
        word64 = code.splat(code.load_word(code.at(args["prefix"], 8 * k)))
        for half, index in zip(apart(code, word64, word64), (2 * k, 2 * k + 1), strict=True):
            store(half.swapped(), words, index)
    code.call(compress, common, words)
    last = builder.sub(args["n"], ir.Constant(I64, 1))
    with code.loop(0, args["n"], width) as first:
        rows, longest = [], ir.Constant(I64, 0)
        for lane in range(width):
            row = code.least(builder.add(first, ir.Constant(I64, lane)), last)
            begin_at = code.at(args["offsets"], builder.mul(row, ir.Constant(I64, 8)))
            begin, end = code.load_word(begin_at), code.load_word(code.at(begin_at, 8))
            length = builder.sub(end, begin)
            # One byte of padding and 8 for the length, rounded up to whole blocks.
            blocks = builder.ashr(builder.add(length, ir.Constant(I64, 9 + BLOCK_BYTES - 1)), ir.Constant(I64, 6))
            longest = code.most(longest, blocks)
            rows.append((row, code.at(args["data"], begin), length, blocks))
        for k in range(STATE):
            store(load(code, common, k), state, k)
        with code.loop(0, longest) as index:
            at = builder.mul(index, ir.Constant(I64, BLOCK_BYTES))
            following = builder.add(index, ir.Constant(I64, 1))
            for lane, (_, source, length, _) in enumerate(rows):
                target = code.at(bytes_, BLOCK_BYTES * lane)
                code.call(fill, target, code.at(source, at), builder.sub(length, at))
            bits, going = _lengths(code, rows, following)
            for k in range(WORDS // 2):
                loaded = [code.load_word(code.at(bytes_, BLOCK_BYTES * lane + 8 * k)) for lane in range(width)]
                low, high = apart(code, code.gather(loaded[:lanes]), code.gather(loaded[lanes:]))
                store(low.swapped(), words, 2 * k)
                store(high.swapped() | bits if k == WORDS // 2 - 1 else high.swapped(), words, 2 * k + 1)
            for k in range(STATE):
                store(load(code, state, k), trial, k)
            code.call(compress, trial, words)
            for k in range(STATE):
                old, new = load(code, state, k), load(code, trial, k)
                store(old ^ ((old ^ new) & going), state, k)
        for k in range(STATE // 2):
            low, high = (load(code, state, index).swapped() for index in (2 * k, 2 * k + 1))
            for part, vector in enumerate(together(code, low, high)):
                for lane in range(lanes):
                    row = rows[part * lanes + lane][0]
                    place = code.at(args["out"], builder.mul(row, ir.Constant(I64, 32)))
                    code.store_word(code.lane(vector, lane), code.at(place, 8 * k))
    return code.done()


def _lengths(
    code: Code, rows: list[tuple[ir.Value, ir.Value, ir.Value, ir.Value]], following: ir.Value
) -> tuple[Half, Half]:
    """For each lane the last word of the block that ends with number `following`: the bits of the whole message where
    that is the last block (below 2^32), else 0; and all ones where the lane still goes on, else 0."""
    builder = code.builder
    kind = half_type(code)
    bits: ir.Value = ir.Constant(kind, ir.Undefined)
    going: ir.Value = ir.Constant(kind, ir.Undefined)
    for lane, (_, _, length, blocks) in enumerate(rows):
        whole = builder.shl(builder.add(length, ir.Constant(I64, BLOCK_BYTES)), ir.Constant(I64, 3))
        ends = builder.icmp_signed("==", following, blocks)
        last = builder.select(ends, builder.trunc(whole, I32), ir.Constant(I32, 0))
        bits = builder.insert_element(bits, last, ir.Constant(I32, lane))
        runs = builder.sext(builder.icmp_signed("<=", following, blocks), I32)
        going = builder.insert_element(going, runs, ir.Constant(I32, lane))
    return Half(code, bits), Half(code, going)
