"""Sums of rows of 256 bits, chosen by the bits of an item's hash, from tables of the sums of each four rows.

The bits that choose are looked up by: they say something of an item to whoever can watch this machine's caches, and
nothing of a secret of the protocol. What is in the tables may be secret, and is only added up.
"""

from __future__ import annotations

from llvmlite import ir

from psi.group.curve25519.lanes.codegen import I64, PTR, Code

GROUP = 4  # rows of a table
ENTRIES = 1 << GROUP
ENTRY_BYTES = 32
TABLE_BYTES = ENTRIES * ENTRY_BYTES
_ROW = ir.VectorType(I64, 4)
_SHARES = 4  # sums that run side by side


def _load(code: Code, place: ir.Value) -> ir.Value:
    return code.builder.load(place, align=8, typ=_ROW)


def tabulate_function(module: ir.Module, lanes: int) -> ir.Function:
    """tabulate(tables, rows, groups): for each four rows the sums of their 16 subsets."""
    code = Code(module, lanes, "tabulate", {"tables": PTR, "rows": PTR, "groups": I64}, exported=True)
    builder, args = code.builder, code.args
    with code.loop(0, args["groups"]) as group:
        source = code.at(args["rows"], builder.mul(group, ir.Constant(I64, GROUP * ENTRY_BYTES)))
        target = code.at(args["tables"], builder.mul(group, ir.Constant(I64, TABLE_BYTES)))
        sums: list[ir.Value] = [ir.Constant(_ROW, [ir.Constant(I64, 0)] * 4)]
        for row in range(GROUP):
            added = _load(code, code.at(source, ENTRY_BYTES * row))
            sums += [builder.xor(known, added) if index else added for index, known in enumerate(sums)]
        for index, value in enumerate(sums):
            builder.store(value, code.at(target, ENTRY_BYTES * index), align=8)
    return code.done()


def _added(code: Code, words: list[ir.Value], groups: int, table: ir.Value) -> ir.Value:
    """The sum of one entry of each of `groups` tables from `table` on, by four bits of the words each."""
    builder = code.builder
    shares: list[ir.Value | None] = [None] * _SHARES
    for group in range(groups):
        nibble = builder.lshr(words[group // 16], ir.Constant(I64, GROUP * (group % 16)))
        entry = builder.shl(builder.and_(nibble, ir.Constant(I64, ENTRIES - 1)), ir.Constant(I64, 5))
        value = _load(code, code.at(code.at(table, entry), TABLE_BYTES * group))
        share = shares[group % _SHARES]
        shares[group % _SHARES] = value if share is None else builder.xor(share, value)
    total = shares[0]
    for share in shares[1:]:
        total = builder.xor(total, share)
    return total


def decode_function(module: ir.Module, lanes: int) -> ir.Function:
    """decode(out, tables, origin, starts, bands, n): the sums of the 256 rows from starts[i] on, where the tables begin
    with row `origin`."""
    arguments = {"out": PTR, "tables": PTR, "origin": I64, "starts": PTR, "bands": PTR, "n": I64}
    code = Code(module, lanes, "decode", arguments, exported=True)
    builder, args = code.builder, code.args
    shift = builder.module.globals.get("llvm.fshl.i64") or ir.Function(
        module, ir.FunctionType(I64, [I64] * 3), "llvm.fshl.i64"
    )
    zero = ir.Constant(I64, 0)
    with code.loop(0, args["n"]) as i:
        start = builder.sub(
            code.load_word(code.at(args["starts"], builder.mul(i, ir.Constant(I64, 8)))), args["origin"]
        )
        by = builder.and_(start, ir.Constant(I64, GROUP - 1))
        table = code.at(
            args["tables"], builder.mul(builder.lshr(start, ir.Constant(I64, 2)), ir.Constant(I64, TABLE_BYTES))
        )
        offset = builder.mul(i, ir.Constant(I64, ENTRY_BYTES))
        band = [code.load_word(code.at(code.at(args["bands"], offset), 8 * k)) for k in range(4)]
        words = [builder.call(shift, [high, low, by]) for high, low in zip([*band, zero], [zero, *band], strict=True)]
        builder.store(_added(code, words, 65, table), code.at(args["out"], offset), align=8)
    return code.done()


def combine_function(module: ir.Module, lanes: int) -> ir.Function:
    """combine(out, tables, words, n): the sums of the 64 rows of 16 tables by the bits of words[i]."""
    code = Code(module, lanes, "combine", {"out": PTR, "tables": PTR, "words": PTR, "n": I64}, exported=True)
    builder, args = code.builder, code.args
    with code.loop(0, args["n"]) as i:
        word = code.load_word(code.at(args["words"], builder.mul(i, ir.Constant(I64, 8))))
        place = code.at(args["out"], builder.mul(i, ir.Constant(I64, ENTRY_BYTES)))
        builder.store(_added(code, [word], 16, args["tables"]), place, align=8)
    return code.done()
