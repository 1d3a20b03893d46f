"""The three functions that Python calls, and the module that holds them and all they need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from llvmlite import ir

from psi.group.curve25519.lanes.codegen import I64, PTR, Code
from psi.group.curve25519.lanes.doubles import Doubles
from psi.group.curve25519.lanes.elligator2 import elligator2_function
from psi.group.curve25519.lanes.field import PrimeField
from psi.group.curve25519.lanes.ifma import Ifma
from psi.group.curve25519.lanes.inversion import invert_function, power_function
from psi.group.curve25519.lanes.ladder import ladder_function
from psi.group.curve25519.lanes.routines import GROUP, Routines, build
from psi.group.curve25519.lanes.sha512 import (
    STATE,
    absorb_function,
    compress_function,
    hash_to_field_function,
    start_function,
)

# Groups that share one inversion: its cost is below 1 % of their ladders, and their elements fit the stack easily.
BLOCK_GROUPS = 16


FIELDS: dict[str, PrimeField] = {field.name: field for field in (Doubles(), Ifma(native=True), Ifma(native=False))}


def build_module(lanes: int, field: str) -> ir.Module:
    """The whole backend for vectors of `lanes` 64-bit numbers (any power of two; LLVM splits what is too wide).

    field: a name in `FIELDS`.
    """
    module = ir.Module("psiselect-lanes")
    r = build(module, lanes, FIELDS[field])
    power = power_function(r)
    invert = invert_function(r, power)
    _mask(r, ladder_function(r), invert)
    compress = compress_function(r)
    start, absorb = start_function(r, compress), absorb_function(r, compress)
    to_field = hash_to_field_function(r, compress)
    _hash_to_curve(r, start, absorb, to_field, elligator2_function(r, power), invert)
    _digest(r, start, absorb)
    return module


class _Blocks:
    """The rows 0..n-1 of a call, cut into blocks of groups of vectors, and the space that a block needs."""

    def __init__(self, r: Routines, code: Code) -> None:
        self.r, self.code = r, code
        self.group_rows = r.lanes * GROUP
        self.last = code.builder.sub(code.args["n"], ir.Constant(I64, 1))
        # Fractions x / z of a block's rows, and what their inversion needs.
        self.x, self.z, self.work = (r.elements(code, GROUP * BLOCK_GROUPS) for _ in range(3))

    @contextmanager
    def each(self) -> Iterator[tuple[ir.Value, ir.Value]]:
        """A loop over the blocks: the first row, and how many groups there are (the last may be partly filled)."""
        builder, rows = self.code.builder, self.group_rows
        with self.code.loop(0, self.code.args["n"], rows * BLOCK_GROUPS) as first:
            left = builder.sub(self.code.args["n"], first)
            filled = builder.add(left, ir.Constant(I64, rows - 1))
            groups = builder.ashr(filled, ir.Constant(I64, rows.bit_length() - 1))
            yield first, self.code.least(groups, ir.Constant(I64, BLOCK_GROUPS))

    def group(self, base: ir.Value, index: ir.Value) -> ir.Value:
        """The address of group `index` of x, z or work."""
        return self.r.element(self.code, base, self.code.builder.mul(index, ir.Constant(I64, GROUP)))

    def rows_of(self, first: ir.Value, group: ir.Value) -> list[ir.Value]:
        """The first row of each member of a group."""
        builder = self.code.builder
        start = builder.add(first, builder.mul(group, ir.Constant(I64, self.group_rows)))
        return [builder.add(start, ir.Constant(I64, self.r.lanes * member)) for member in range(GROUP)]

    def finish(self, invert: ir.Function, first: ir.Value, groups: ir.Value) -> None:
        """Write the rows x / z of one block."""
        code = self.code
        code.call(invert, self.z, self.work, groups)
        with code.loop(0, groups) as g:
            addresses = self.r.members(code, self.group(self.x, g), self.group(self.z, g))
            for (x, z), row in zip(addresses, self.rows_of(first, g), strict=True):
                code.call(self.r.multiply, x, x, z)
                code.call(self.r.write_rows, code.args["out"], row, self.last, x)


def _mask(r: Routines, ladder: ir.Function, invert: ir.Function) -> None:
    """mask(out, rows, n, key): X25519(key, row) for n rows of 32 bytes; out may be rows."""
    code = r.code("mask", {"out": PTR, "rows": PTR, "n": I64, "key": PTR}, exported=True)
    blocks = _Blocks(r, code)
    x1 = r.elements(code, GROUP)
    with blocks.each() as (first, groups):
        with code.loop(0, groups) as g:
            for (element,), row in zip(r.members(code, x1), blocks.rows_of(first, g), strict=True):
                code.call(r.read_rows, element, code.args["rows"], row, blocks.last)
            code.call(ladder, blocks.group(blocks.x, g), blocks.group(blocks.z, g), x1, code.args["key"])
        blocks.finish(invert, first, groups)
    code.done()


def _hash_to_curve(
    r: Routines,
    start: ir.Function,
    absorb: ir.Function,
    to_field: ir.Function,
    elligator2: ir.Function,
    invert: ir.Function,
) -> None:
    """hash_to_curve(out, n, data, offsets, prefix, tail, tail_length, rest, rest_blocks): see
    psi.group.curve25519.lanes.tags for what the last five are made of."""
    arguments = {"out": PTR, "n": I64, "data": PTR, "offsets": PTR, "prefix": PTR, "tail": PTR, "tail_length": I64}
    code = r.code("hash_to_curve", {**arguments, "rest": PTR, "rest_blocks": I64}, exported=True)
    args, zero = code.args, ir.Constant(I64, 0)
    blocks = _Blocks(r, code)
    started, state, u = code.scratch(STATE), code.scratch(STATE), r.elements(code, GROUP)
    code.call(start, started, args["prefix"])
    with blocks.each() as (first, groups):
        with code.loop(0, groups) as g:
            for (element,), row in zip(r.members(code, u), blocks.rows_of(first, g), strict=True):
                copy_state(code, state, started)
                item = [args["data"], args["offsets"], args["tail"], args["tail_length"]]
                code.call(absorb, state, args["data"], zero, *item, row, blocks.last)
                code.call(to_field, element, state, args["rest"], args["rest_blocks"])
            code.call(elligator2, blocks.group(blocks.x, g), blocks.group(blocks.z, g), u)
        blocks.finish(invert, first, groups)
    code.done()


def copy_state(code: Code, target: ir.Value, source: ir.Value) -> None:
    for k in range(STATE):
        code.store(code.load(source, k, double=False), target, k)


def _digest(r: Routines, start: ir.Function, absorb: ir.Function) -> None:
    """digest(out, n, heads, data, offsets, prefix, tail): SHA-512(prefix || head || item), 64 bytes a row; the tail is
    the one byte 0x80."""
    arguments = ["heads", "data", "offsets", "prefix", "tail"]
    code = r.code("digest", {"out": PTR, "n": I64, **dict.fromkeys(arguments, PTR)}, exported=True)
    args, builder = code.args, code.builder
    last = builder.sub(args["n"], ir.Constant(I64, 1))
    started, state = code.scratch(STATE), code.scratch(STATE)
    code.call(start, started, args["prefix"])
    with code.loop(0, args["n"], r.lanes) as first:
        copy_state(code, state, started)
        head_length, tail_length = ir.Constant(I64, 32), ir.Constant(I64, 1)
        item = [args["data"], args["offsets"], args["tail"], tail_length]
        code.call(absorb, state, args["heads"], head_length, *item, first, last)
        words = [code.swap_bytes(code.load(state, k, double=False)) for k in range(STATE)]
        for lane in range(r.lanes):
            row = code.least(builder.add(first, ir.Constant(I64, lane)), last)
            target = code.at(args["out"], builder.mul(row, ir.Constant(I64, 64)))
            for k in range(STATE):
                code.store_word(code.lane(words[k], lane), code.at(target, 8 * k))
    code.done()
