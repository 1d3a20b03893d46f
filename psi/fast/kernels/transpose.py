"""Bits turned from planes into rows and back: blocks of 64 planes and 64 slots, one block a 64-bit lane."""

from __future__ import annotations

from llvmlite import ir

from psi.group.curve25519.lanes.codegen import I64, PTR, Code

SIDE = 64
ROW_WORDS = 4


def turn_function(module: ir.Module, lanes: int) -> ir.Function:
    """Turn a block in place: 64 vectors; afterwards bit b of vector i is what was bit i of vector b."""
    code = Code(module, lanes, "turn", {"block": PTR}, exported=False)
    block = code.args["block"]
    step = SIDE // 2
    while step:
        mask = sum(((1 << step) - 1) << at for at in range(0, SIDE, 2 * step))
        for low in (k for k in range(SIDE) if not k & step):
            a, b = code.load(block, low, double=False), code.load(block, low + step, double=False)
            changed = ((a >> step) ^ b) & code.ints(mask)
            code.store(a ^ (changed << step), block, low)
            code.store(b ^ changed, block, low + step)
        step //= 2
    return code.done()


def _vector(code: Code, base: ir.Value, i: ir.Value) -> ir.Value:
    """Where vector i of an array is."""
    return code.at(base, code.builder.mul(i, ir.Constant(I64, code.vector_bytes)))


def _plane(code: Code, planes: ir.Value, number: ir.Value, words: ir.Value, word: ir.Value) -> ir.Value:
    """Where word `word` of a plane is."""
    builder = code.builder
    return code.at(planes, builder.mul(builder.add(builder.mul(number, words), word), ir.Constant(I64, 8)))


def _row(code: Code, rows: ir.Value, word: ir.Value, lane: int, i: ir.Value, quarter: ir.Value) -> ir.Value:
    """Where the quarter's word of the row of slot 64 * (word + lane) + i is."""
    builder = code.builder
    slot = builder.add(builder.mul(builder.add(word, ir.Constant(I64, lane)), ir.Constant(I64, SIDE)), i)
    number = builder.add(builder.mul(slot, ir.Constant(I64, ROW_WORDS)), quarter)
    return code.at(rows, builder.mul(number, ir.Constant(I64, 8)))


def to_rows_function(module: ir.Module, lanes: int, turn: ir.Function) -> ir.Function:
    """to_rows(rows, planes, count, words): `count` planes (at most 256) of `words` words, a multiple of the lanes."""
    arguments = {"rows": PTR, "planes": PTR, "count": I64, "words": I64}
    code = Code(module, lanes, "to_rows", arguments, exported=True)
    builder, args = code.builder, code.args
    block = code.scratch(SIDE)
    side = ir.Constant(I64, SIDE)
    with code.loop(0, args["words"], lanes) as word, code.loop(0, ROW_WORDS) as quarter:
        first = builder.mul(quarter, side)
        some = code.most(code.least(builder.sub(args["count"], first), side), ir.Constant(I64, 0))
        with code.loop(ir.Constant(I64, 0), some) as i:
            place = _plane(code, args["planes"], builder.add(first, i), args["words"], word)
            builder.store(
                builder.load(place, align=8, typ=code.int_vector), _vector(code, block, i), align=code.vector_bytes
            )
        with code.loop(some, side) as i:
            builder.store(code.ints(0).value, _vector(code, block, i), align=code.vector_bytes)
        code.call(turn, block)
        with code.loop(0, SIDE) as i:
            vector = code.load(_vector(code, block, i), 0, double=False)
            for lane in range(lanes):
                code.store_word(code.lane(vector, lane), _row(code, args["rows"], word, lane, i, quarter))
    return code.done()


def to_planes_function(module: ir.Module, lanes: int, turn: ir.Function) -> ir.Function:
    """to_planes(planes, rows, count, words): the inverse, for the first `count` bits of each row."""
    arguments = {"planes": PTR, "rows": PTR, "count": I64, "words": I64}
    code = Code(module, lanes, "to_planes", arguments, exported=True)
    builder, args = code.builder, code.args
    block = code.scratch(SIDE)
    side = ir.Constant(I64, SIDE)
    with code.loop(0, args["words"], lanes) as word, code.loop(0, ROW_WORDS) as quarter:
        first = builder.mul(quarter, side)
        some = code.most(code.least(builder.sub(args["count"], first), side), ir.Constant(I64, 0))
        with code.loop(0, SIDE) as i:
            words = [code.load_word(_row(code, args["rows"], word, lane, i, quarter)) for lane in range(lanes)]
            code.store(code.gather(words), _vector(code, block, i), 0)
        code.call(turn, block)
        with code.loop(ir.Constant(I64, 0), some) as i:
            place = _plane(code, args["planes"], builder.add(first, i), args["words"], word)
            vector = code.load(_vector(code, block, i), 0, double=False)
            builder.store(vector.value, place, align=8)
    return code.done()
