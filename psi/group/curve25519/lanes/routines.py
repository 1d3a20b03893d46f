"""The field's operations as functions of their own: out-of-line they beat inlining, and other functions call them.

Elements live in memory, five vectors each; a *group* is `GROUP` of them one after another. Work is done group-wise
because one operation's chain of dependent instructions leaves half of the multipliers idle: with four independent
chains the processor overlaps the end of one with the start of the next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from llvmlite import ir

from psi.group.curve25519.lanes.codegen import I64, PTR, Code
from psi.group.curve25519.lanes.field import LIMBS, Limbs, PrimeField

GROUP = 4


@dataclass(frozen=True)
class Routines:
    """One module under construction and the functions it has so far."""

    module: ir.Module
    lanes: int
    field: PrimeField
    multiply: ir.Function  # out, a, b
    square: ir.Function  # out, a
    read_rows: ir.Function  # out, rows, first, last: elements from 32-byte rows
    write_rows: ir.Function  # rows, first, last, element: canonical 32-byte rows

    @property
    def element_bytes(self) -> int:
        return LIMBS * 8 * self.lanes

    def code(self, name: str, args: dict[str, ir.Type], *, exported: bool = False) -> Code:
        return Code(self.module, self.lanes, name, args, exported=exported)

    def elements(self, code: Code, count: int) -> ir.Value:
        """Stack space for `count` elements."""
        return code.scratch(LIMBS * count)

    def element(self, code: Code, base: ir.Value, index: int | ir.Value) -> ir.Value:
        """The address of element number `index`."""
        if isinstance(index, int):
            return code.at(base, index * self.element_bytes)
        return code.at(base, code.builder.mul(index, ir.Constant(I64, self.element_bytes)))

    def members(self, code: Code, *bases: ir.Value) -> list[list[ir.Value]]:
        """The addresses of a group's members: for each member, one address for each base."""
        return [[self.element(code, base, member) for base in bases] for member in range(GROUP)]


def build(module: ir.Module, lanes: int, field: PrimeField) -> Routines:
    def operation(name: str, inputs: list[str], body: Callable[..., Limbs]) -> ir.Function:
        code = Code(module, lanes, name, dict.fromkeys(["out", *inputs], PTR), exported=False)
        result = body(code, *(field.load(code, code.args[argument]) for argument in inputs))
        field.store(code, result, code.args["out"])
        return code.done()

    return Routines(
        module,
        lanes,
        field,
        multiply=operation("multiply", ["a", "b"], field.product),
        square=operation("square", ["a"], field.square),
        read_rows=_read_rows(module, lanes, field),
        write_rows=_write_rows(module, lanes, field),
    )


def _rows(code: Code) -> list[ir.Value]:
    """The addresses of one 32-byte row a lane; lanes past the last row work on the last row again."""
    addresses = []
    for lane in range(code.lanes):
        row = code.least(code.builder.add(code.args["first"], ir.Constant(I64, lane)), code.args["last"])
        addresses.append(code.at(code.args["rows"], code.builder.mul(row, ir.Constant(I64, 32))))
    return addresses


def _read_rows(module: ir.Module, lanes: int, field: PrimeField) -> ir.Function:
    code = Code(module, lanes, "read_rows", {"out": PTR, "rows": PTR, "first": I64, "last": I64}, exported=False)
    rows = _rows(code)
    words = [code.gather([code.load_word(code.at(row, 8 * word)) for row in rows]) for word in range(4)]
    field.store(code, field.from_words(code, words), code.args["out"])
    return code.done()


def _write_rows(module: ir.Module, lanes: int, field: PrimeField) -> ir.Function:
    code = Code(module, lanes, "write_rows", {"rows": PTR, "first": I64, "last": I64, "element": PTR}, exported=False)
    words = field.to_words(code, field.load(code, code.args["element"]))
    for lane, row in enumerate(_rows(code)):
        for word in range(4):
            code.store_word(code.lane(words[word], lane), code.at(row, 8 * word))
    return code.done()
