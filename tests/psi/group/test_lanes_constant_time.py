"""No secret steers a branch or an address of the vector code; and the test that says so can fail."""

from __future__ import annotations

import functools
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable

import pytest

pytest.importorskip("llvmlite")
import llvmlite.binding as llvm
from llvmlite import ir
from support.constant_time import assembly_violations, loop_branches, violations

from psi.group.curve25519.lanes import elligator2, inversion, ladder, module, multiply52, routines
from psi.group.curve25519.lanes.codegen import I64, PTR, Code, Vec
from psi.group.curve25519.lanes.compiler import compile_assembly, parse
from psi.group.curve25519.lanes.doubles import Doubles
from psi.group.curve25519.lanes.field import LIMBS, Limbs, PrimeField
from psi.group.curve25519.lanes.ifma import Ifma
from psi.group.curve25519.lanes.ranges import Operand
from psi.group.curve25519.lanes.target import DOUBLES, IFMA, Target

# Where items begin and end: the only memory whose contents may steer anything.
PUBLIC = ["offsets"]
MACHINE = {"AMD64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())


FIELDS = [DOUBLES, IFMA, "ifma-generic"]
RUNNABLE = [DOUBLES, "ifma-generic"]  # compiled for whatever processor runs the tests


@functools.cache
def kernel(field: str) -> tuple[str, llvm.ModuleRef]:
    """The whole code, as text and parsed."""
    text = str(module.build_module(2, field))
    return text, parse(text)


def core_text(field: PrimeField) -> str:
    """The ladder and the map alone, for quicker looks."""
    core = ir.Module()
    r = routines.build(core, 2, field)
    ladder.ladder_function(r)
    elligator2.elligator2_function(r, inversion.power_function(r))
    return str(core)


@pytest.mark.parametrize("field", FIELDS)
def test_no_secret_reaches_a_branch_or_an_address(field: str) -> None:
    _, parsed = kernel(field)
    assert violations(parsed, PUBLIC) == []
    step = "pick" if field == DOUBLES else "step"
    assert {"mask", "hash_to_curve", "digest", "ladder", step, "multiply", "sha512_compress"} <= set(
        loop_branches(parsed)
    )


def test_only_the_offsets_had_to_be_declared_public() -> None:
    found = violations(kernel(IFMA)[1], [])
    assert found
    assert all(line.startswith(("sha512_absorb:", "sha512_copy:")) for line in found)


def test_the_generic_code_is_that_for_ifma() -> None:
    """Line by line, but for the function that a product calls: what tests run is what a processor with IFMA runs."""
    native, generic = (kernel(field)[0].splitlines() for field in (IFMA, "ifma-generic"))
    for half, name in (("l", "multiply_add_low"), ("h", "multiply_add_high")):
        native = [line.replace(f"llvm.x86.avx512.vpmadd52{half}.uq.128", name) for line in native]

    def lines(text: list[str]) -> list[str]:
        """Without the functions themselves, each of which is one block after a line that names it."""
        kept, inside = [], False
        for line in text:
            inside = (inside or (line.startswith("define") and '@"multiply_add_' in line)) and line != ""
            if not inside and not (line.startswith("declare") and '@"multiply_add_' in line):
                kept.append(line)
        return [line for line in kept if line]

    assert lines(native) == lines(generic)
    assert sum("multiply_add_high" in line for line in lines(native)) > 400


@pytest.mark.skipif(MACHINE != "x86_64", reason="compiled for x86")
@pytest.mark.parametrize(("high", "mnemonic"), [(False, "vpmadd52luq"), (True, "vpmadd52huq")])
def test_the_instruction_adds_to_its_first_argument(high: bool, mnemonic: str) -> None:
    """The sum is read from, computed in and written to one place; the factors are the other two."""
    text = ir.Module()
    code = Code(text, 8, "f", {"sum": PTR, "a": PTR, "b": PTR}, exported=True)
    acc, a, b = (code.load(code.args[name], 0, double=False) for name in ("sum", "a", "b"))
    code.store(multiply52.instruction(code, high, acc, a, b), code.args["sum"], 0)
    code.done()
    assembly = compile_assembly(str(text), Target("x86_64-linux-gnu", "icelake-server", ""))
    (line,) = [line.split("\t")[1:] for line in assembly.splitlines() if "vpmadd52" in line]
    assert line[0] == mnemonic
    b_place, a_register, register = line[1].split(", ")
    assert re.search(rf"\(%rdi\), {register}$", assembly, re.MULTILINE)
    assert re.search(rf"{register}, \(%rdi\)$", assembly, re.MULTILINE)
    assert re.search(rf"\(%rsi\), {a_register}$", assembly, re.MULTILINE)
    assert b_place == "(%rdx)"


@pytest.mark.skipif(MACHINE not in ("x86_64", "aarch64"), reason="no table of this machine's jumps")
@pytest.mark.parametrize("field", RUNNABLE)
def test_assembly_has_no_jumps_but_loop_branches(field: str) -> None:
    text, parsed = kernel(field)
    assert assembly_violations(compile_assembly(text, Target.host()), loop_branches(parsed), MACHINE) == []


# Planted faults ---------------------------------------------------------------------------------------------------


def branching_select(code: Code, mask: Vec, first: list[Vec], second: list[Vec]) -> list[Vec]:
    """The ladder's choice by a branch on the scalar's bit."""
    chosen = code.scratch(LIMBS)
    for k, limb in enumerate(first):
        code.store(limb, chosen, k)
    bit = code.builder.icmp_unsigned("!=", code.lane(mask, 0), ir.Constant(I64, 0))
    with code.builder.if_then(bit):
        for k, limb in enumerate(second):
            code.store(limb, chosen, k)
    return [code.load(chosen, k, double=first[0].is_double) for k in range(LIMBS)]


def table_select(code: Code, mask: Vec, first: list[Vec], second: list[Vec]) -> list[Vec]:
    """The ladder's choice by an index into a table of two."""
    table = code.scratch(2 * LIMBS)
    for k, limb in enumerate([*first, *second]):
        code.store(limb, table, k)
    bit = code.builder.and_(code.lane(mask, 0), ir.Constant(I64, 1))
    entry = code.at(table, code.builder.mul(bit, ir.Constant(I64, LIMBS * code.vector_bytes)))
    return [code.load(entry, k, double=first[0].is_double) for k in range(LIMBS)]


def dividing_select(code: Code, mask: Vec, first: list[Vec], second: list[Vec]) -> list[Vec]:
    """A division by a secret on the way."""
    odd = code.builder.or_(code.lane(mask, 0), ir.Constant(I64, 1))
    code.store(code.splat(code.builder.udiv(ir.Constant(I64, 1), odd)), code.scratch(1), 0)
    return first


def selecting_select(code: Code, mask: Vec, first: list[Vec], second: list[Vec]) -> list[Vec]:
    """The ladder's choice by LLVM's select, whose lowering is LLVM's to choose."""
    bit = code.builder.icmp_unsigned("!=", code.lane(mask, 0), ir.Constant(I64, 0))
    pairs = zip(first, second, strict=True)
    return [Vec(code, code.builder.select(bit, y.value, x.value)) for x, y in pairs]


Select = Callable[[Code, Vec, list[Vec], list[Vec]], list[Vec]]


class FaultyDoubles(Doubles):
    """The field on doubles with a planted choice."""

    def __init__(self, planted: Select) -> None:
        self._planted = planted

    def select(self, code: Code, mask: Vec, first: Limbs, second: Limbs) -> Limbs:
        return self._planted(code, mask, list(first), list(second))


class FaultyIfma(Ifma):
    """The field for IFMA with a planted choice."""

    def __init__(self, planted: Select) -> None:
        super().__init__(native=True)
        object.__setattr__(self, "_planted", planted)

    def select(self, code: Code, mask: Vec, first: Limbs, second: Limbs) -> Limbs:
        chosen = self._planted(code, mask, [limb.vec for limb in first], [limb.vec for limb in second])
        return [Operand(vec, limb.most, limb.clean) for vec, limb in zip(chosen, first, strict=True)]


Faulty = type[FaultyDoubles] | type[FaultyIfma]


@pytest.mark.parametrize(
    ("planted", "complaint"),
    [
        (branching_select, "branch on a secret"),
        (table_select, "address from a secret"),
        (dividing_select, "variable-time instruction"),
        (selecting_select, "select on a secret"),
    ],
)
@pytest.mark.parametrize(("faulty", "step"), [(FaultyDoubles, "pick"), (FaultyIfma, "step")])
def test_planted_faults_are_found(planted: Select, complaint: str, faulty: Faulty, step: str) -> None:
    """In the ladder, on a bit of the scalar, and in the map, on an item."""
    found = violations(parse(core_text(faulty(planted))), PUBLIC)
    for function in (step, "elligator2_choose"):
        assert any(line.startswith(f"{function}: {complaint}") for line in found), found


def test_what_a_function_returns_counts_as_secret() -> None:
    """A branch on a value that only passed through an internal function."""
    text = """
define internal i64 @through(i64 %x) {
  ret i64 %x
}
define void @f(ptr %key) {
  %bit = load i64, ptr %key
  %same = call i64 @through(i64 %bit)
  %odd = icmp eq i64 %same, 1
  br i1 %odd, label %yes, label %no
yes:
  ret void
no:
  ret void
}
"""
    assert any(line.startswith("f: branch on a secret") for line in violations(parse(text)))


@pytest.mark.skipif(MACHINE != "x86_64", reason="planted for x86")
@pytest.mark.parametrize("planted", [branching_select, dividing_select])
def test_planted_faults_are_found_in_assembly(planted: Select) -> None:
    text = core_text(FaultyDoubles(planted))
    found = assembly_violations(compile_assembly(text, Target.host()), loop_branches(parse(text)), MACHINE)
    assert any(line.startswith("pick:") for line in found), found


@pytest.mark.parametrize(
    ("lanes", "field", "products", "targets"),
    [
        (8, DOUBLES, "vfmadd", [("x86_64-linux-gnu", "x86-64-v4")]),
        (2, DOUBLES, "fmla", [("aarch64-linux-gnu", "generic")]),
        (8, IFMA, "vpmadd52", [("x86_64-linux-gnu", "icelake-server"), ("x86_64-linux-gnu", "znver4")]),
    ],
    ids=["AVX-512", "NEON", "IFMA"],
)
def test_assembly_for_other_processors(lanes: int, field: str, products: str, targets: list[tuple[str, str]]) -> None:
    """Cross-compiled in a process of its own (it makes LLVM know all targets)."""
    script = f"""
import llvmlite.binding as llvm
llvm.initialize_all_targets(); llvm.initialize_all_asmprinters()
from support.constant_time import assembly_violations, check_multiply_adds, loop_branches
from psi.group.curve25519.lanes import image
from psi.group.curve25519.lanes.compiler import compile_assembly, compile_object, parse
from psi.group.curve25519.lanes.module import build_module
from psi.group.curve25519.lanes.target import Target
text = str(build_module({lanes}, {field!r}))
loops = loop_branches(parse(text))
for triple, cpu in {targets!r}:
    target = Target(triple, cpu, "")
    assembly = compile_assembly(text, target)
    assert {products!r} in assembly
    found = assembly_violations(assembly, loops, triple.split("-")[0])
    assert found == [], found
    if {field == IFMA}:
        check_multiply_adds(text, assembly)
if {field == IFMA}:
    assert image.link(compile_object(text, target), ["mask", "hash_to_curve", "digest"]).code
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
