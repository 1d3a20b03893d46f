"""The band solve: equations in order of their first slot, brought to steps, and solved from the last slot on.

Branches and addresses follow the bands, hence the salted hashes of a party's own items; values are only added up.
"""

from __future__ import annotations

from llvmlite import ir

from psi.group.curve25519.lanes.codegen import I64, PTR, Code

BAND_WORDS = 4
WINDOW = 256


def _scalar(code: Code, name: str, operands: int, *more: ir.Type) -> ir.Function:
    """One of LLVM's functions on 64-bit numbers."""
    known = code.module.globals.get(name)
    return known or ir.Function(code.module, ir.FunctionType(I64, [*[I64] * operands, *more]), name)


def eliminate_function(module: ir.Module, lanes: int) -> ir.Function:
    """eliminate(done, bands, values, starts, rows, right, n): see Kernels. done: becomes the number of equations that
    were added, n or that of the first that could not."""
    arguments = dict.fromkeys(["done", "bands", "values", "starts", "rows", "right"], PTR)
    code = Code(module, lanes, "eliminate", {**arguments, "n": I64}, exported=True)
    builder, args, function = code.builder, code.args, code.function
    zeros = _scalar(code, "llvm.cttz.i64", 1, ir.IntType(1))
    shift = _scalar(code, "llvm.fshr.i64", 3)
    zero = ir.Constant(I64, 0)
    outer, head, normal, skip, advance, reduce_, place_, following, end = (
        function.append_basic_block(name)
        for name in ("outer", "head", "normal", "skip", "advance", "reduce", "place", "following", "end")
    )
    entry = builder.block
    builder.cbranch(builder.icmp_signed("<", zero, args["n"]), outer, end)

    builder.position_at_end(outer)
    i = builder.phi(I64, "i")
    i.add_incoming(zero, entry)
    eight = builder.mul(i, ir.Constant(I64, 8))
    row = code.at(args["rows"], builder.mul(i, ir.Constant(I64, 8 * BAND_WORDS)))
    first = [code.load_word(code.at(row, 8 * k)) for k in range(BAND_WORDS)]
    first += [code.load_word(code.at(args["right"], eight)), code.load_word(code.at(args["starts"], eight))]
    builder.branch(head)

    # The equation at hand: four words of its band, its value and the slot of the band's bit 0.
    builder.position_at_end(head)
    held = [builder.phi(I64) for _ in first]
    for phi, value in zip(held, first, strict=True):
        phi.add_incoming(value, outer)
    *band, value, slot = held
    builder.cbranch(builder.icmp_unsigned("==", band[0], zero), skip, normal)

    # 64 slots without a bit: go on behind them, or give up when there is no bit at all.
    builder.position_at_end(skip)
    rest = builder.or_(builder.or_(band[1], band[2]), band[3])
    builder.cbranch(builder.icmp_unsigned("==", rest, zero), end, advance)
    builder.position_at_end(advance)
    moved = [*band[1:], zero, value, builder.add(slot, ir.Constant(I64, 64))]
    for phi, new in zip(held, moved, strict=True):
        phi.add_incoming(new, advance)
    builder.branch(head)

    builder.position_at_end(normal)
    by = builder.call(zeros, [band[0], ir.Constant(ir.IntType(1), 1)])
    shifted = [builder.call(shift, [high, low, by]) for high, low in zip(band[1:], band[:-1], strict=True)]
    shifted.append(builder.lshr(band[3], by))
    at = builder.add(slot, by)
    other = code.at(args["bands"], builder.mul(at, ir.Constant(I64, 8 * BAND_WORDS)))
    of_other = code.at(args["values"], builder.mul(at, ir.Constant(I64, 8)))
    known = code.load_word(other)
    builder.cbranch(builder.icmp_unsigned("==", known, zero), place_, reduce_)

    builder.position_at_end(reduce_)
    reduced = [builder.xor(shifted[0], known)]
    reduced += [builder.xor(shifted[k], code.load_word(code.at(other, 8 * k))) for k in range(1, BAND_WORDS)]
    reduced += [builder.xor(value, code.load_word(of_other)), at]
    for phi, new in zip(held, reduced, strict=True):
        phi.add_incoming(new, reduce_)
    builder.branch(head)

    builder.position_at_end(place_)
    for k, word in enumerate(shifted):
        code.store_word(word, code.at(other, 8 * k))
    code.store_word(value, of_other)
    builder.branch(following)
    builder.position_at_end(following)
    after = builder.add(i, ir.Constant(I64, 1))
    i.add_incoming(after, following)
    builder.cbranch(builder.icmp_signed("<", after, args["n"]), outer, end)

    builder.position_at_end(end)
    done = builder.phi(I64, "done")
    for count, block in ((zero, entry), (i, skip), (after, following)):
        done.add_incoming(count, block)
    code.store_word(done, args["done"])
    return code.done()


def substitute_function(module: ir.Module, lanes: int) -> ir.Function:
    """substitute(values, bands, n): see Kernels; 256 more values, of zero, follow the n."""
    code = Code(module, lanes, "substitute", {"values": PTR, "bands": PTR, "n": I64}, exported=True)
    builder, args = code.builder, code.args
    bit_type, bits_type = ir.IntType(lanes), ir.VectorType(ir.IntType(1), lanes)
    last = builder.sub(args["n"], ir.Constant(I64, 1))
    nothing = code.ints(0).value
    with code.loop(0, args["n"]) as back:
        slot = builder.sub(last, back)
        values = code.at(args["values"], builder.mul(slot, ir.Constant(I64, 8)))
        band = code.at(args["bands"], builder.mul(slot, ir.Constant(I64, 8 * BAND_WORDS)))
        words = [code.load_word(code.at(band, 8 * k)) for k in range(BAND_WORDS)]
        shares = [nothing] * 4
        for group in range(WINDOW // lanes):
            at = group * lanes
            some = builder.trunc(builder.lshr(words[at // 64], ir.Constant(I64, at % 64)), bit_type)
            mask = builder.bitcast(some, bits_type)
            loaded = builder.load(code.at(values, 8 * at), align=8, typ=code.int_vector)
            shares[group % 4] = builder.xor(shares[group % 4], builder.select(mask, loaded, nothing))
        total = builder.xor(builder.xor(shares[0], shares[1]), builder.xor(shares[2], shares[3]))
        result: ir.Value = ir.Constant(I64, 0)
        for lane in range(lanes):
            result = builder.xor(result, builder.extract_element(total, ir.Constant(ir.IntType(32), lane)))
        # Bit 0 of the band is the slot's own, and selects its value. Without an equation there is neither.
        code.store_word(result, values)
    return code.done()
