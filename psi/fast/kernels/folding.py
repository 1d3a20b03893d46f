"""Arithmetic on planes of symbols of F_16 (psi.oblivious.field): the two sums of 16 streams, and products by secrets.

Secret symbols become masks; no branch and no address depends on one.
"""

from __future__ import annotations

from llvmlite import ir

from psi.group.curve25519.lanes.codegen import I8, I64, PTR, Code, Vec

STREAMS = 16
PLANES = 4


def _times_alpha(symbol: list[Vec]) -> list[Vec]:
    """alpha^4 = alpha + 1."""
    a0, a1, a2, a3 = symbol
    return [a3, a0 ^ a3, a1, a2]


def fold_function(module: ir.Module, lanes: int) -> ir.Function:
    """fold(total, weighted, streams, size): streams (16, 4, size) to (4, size) twice, size in bytes, at least that of a
    vector; the last vector may lie across the one before it."""
    arguments = {"total": PTR, "weighted": PTR, "streams": PTR, "size": I64}
    code = Code(module, lanes, "fold", arguments, exported=True)
    builder, args = code.builder, code.args
    last = builder.sub(args["size"], ir.Constant(I64, code.vector_bytes))

    def address(base: ir.Value, number: int, at: ir.Value) -> ir.Value:
        return code.at(base, builder.add(builder.mul(args["size"], ir.Constant(I64, number)), at))

    with code.loop(0, args["size"], code.vector_bytes) as start:
        at = code.least(start, last)
        sums: list[list[Vec]] = [[] for _ in range(PLANES)]  # of each bit of a stream's number, plane by plane
        for plane in range(PLANES):
            level = [
                Vec(code, builder.load(address(args["streams"], PLANES * x + plane, at), align=8, typ=code.int_vector))
                for x in range(STREAMS)
            ]
            for of_bit in sums:
                odd = level[1]
                for vector in level[3::2]:
                    odd = odd ^ vector
                of_bit.append(odd)
                level = [a ^ b for a, b in zip(level[::2], level[1::2], strict=True)]
            builder.store(level[0].value, address(args["total"], plane, at), align=8)
        weighted = sums.pop()
        while sums:
            weighted = [a ^ b for a, b in zip(_times_alpha(weighted), sums.pop(), strict=True)]
        for plane, vector in enumerate(weighted):
            builder.store(vector.value, address(args["weighted"], plane, at), align=8)
    return code.done()


def scale_function(module: ir.Module, lanes: int) -> ir.Function:
    """scale(out, planes, factors, columns, words): adds the planes (columns, 4, words), each column times its factor, a
    byte, to out. words is a multiple of the lanes."""
    arguments = {"out": PTR, "planes": PTR, "factors": PTR, "columns": I64, "words": I64}
    code = Code(module, lanes, "scale", arguments, exported=True)
    builder, args = code.builder, code.args
    masks = code.scratch(PLANES)
    with code.loop(0, args["columns"]) as column:
        factor = builder.zext(builder.load(code.at(args["factors"], column), align=1, typ=I8), I64)
        for bit in range(PLANES):
            chosen = builder.and_(builder.lshr(factor, ir.Constant(I64, bit)), ir.Constant(I64, 1))
            code.store(code.splat(builder.sub(ir.Constant(I64, 0), chosen)), masks, bit)
        first = builder.mul(builder.mul(column, ir.Constant(I64, PLANES)), args["words"])

        def address(base: ir.Value, plane: int, word: ir.Value, first: ir.Value = first) -> ir.Value:
            of_plane = builder.add(first, builder.mul(args["words"], ir.Constant(I64, plane)))
            return code.at(base, builder.mul(builder.add(of_plane, word), ir.Constant(I64, 8)))

        with code.loop(0, args["words"], lanes) as word:
            symbol = [
                Vec(code, builder.load(address(args["planes"], plane, word), align=8, typ=code.int_vector))
                for plane in range(PLANES)
            ]
            product = [symbol[plane] & code.load(masks, 0, double=False) for plane in range(PLANES)]
            for bit in range(1, PLANES):
                symbol, mask = _times_alpha(symbol), code.load(masks, bit, double=False)
                product = [known ^ (part & mask) for known, part in zip(product, symbol, strict=True)]
            for plane, part in enumerate(product):
                place = address(args["out"], plane, word)
                known = Vec(code, builder.load(place, align=8, typ=code.int_vector))
                builder.store((known ^ part).value, place, align=8)
    return code.done()
