"""No secret steers a branch or an address of the vector code; and the test that says so can fail."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Callable

import pytest

pytest.importorskip("llvmlite")
from llvmlite import ir
from support.constant_time import assembly_violations, loop_branches, violations

from psi.group.curve25519.lanes import elligator2, inversion, ladder, module, routines
from psi.group.curve25519.lanes.codegen import I64, Code, Vec
from psi.group.curve25519.lanes.compiler import compile_assembly, parse
from psi.group.curve25519.lanes.field import LIMBS, Limbs
from psi.group.curve25519.lanes.target import Target

# Where items begin and end: the only memory whose contents may steer anything.
PUBLIC = ["offsets"]
MACHINE = {"AMD64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())


def kernel_text(lanes: int = 4) -> str:
    return str(module.build_module(lanes))


def core_text() -> str:
    """The ladder and the map alone, for quicker looks."""
    core = ir.Module()
    r = routines.build(core, 4)
    ladder.ladder_function(r)
    elligator2.elligator2_function(r, inversion.power_function(r))
    return str(core)


def test_no_secret_reaches_a_branch_or_an_address() -> None:
    assert violations(parse(kernel_text()), PUBLIC) == []


def test_every_function_is_analysed() -> None:
    loops = loop_branches(parse(kernel_text()))
    assert {"mask", "hash_to_curve", "digest", "ladder", "pick", "multiply", "sha512_compress"} <= set(loops)


def test_only_the_offsets_had_to_be_declared_public() -> None:
    found = violations(parse(kernel_text()), [])
    assert found
    assert all(line.startswith(("sha512_absorb:", "sha512_copy:")) for line in found)


@pytest.mark.skipif(MACHINE not in ("x86_64", "aarch64"), reason="no table of this machine's jumps")
def test_assembly_has_no_jumps_but_loop_branches() -> None:
    text, target = kernel_text(), Target.host()
    assert assembly_violations(compile_assembly(text, target), loop_branches(parse(text)), MACHINE) == []


# Planted faults ---------------------------------------------------------------------------------------------------


def branching_select(code: Code, mask: Vec, first: Limbs, second: Limbs) -> Limbs:
    """The ladder's choice by a branch on the scalar's bit."""
    chosen = code.scratch(LIMBS)
    for k, limb in enumerate(first):
        code.store(limb, chosen, k)
    bit = code.builder.icmp_unsigned("!=", code.lane(mask, 0), ir.Constant(I64, 0))
    with code.builder.if_then(bit):
        for k, limb in enumerate(second):
            code.store(limb, chosen, k)
    return [code.load(chosen, k) for k in range(LIMBS)]


def table_select(code: Code, mask: Vec, first: Limbs, second: Limbs) -> Limbs:
    """The ladder's choice by an index into a table of two."""
    table = code.scratch(2 * LIMBS)
    for k, limb in enumerate([*first, *second]):
        code.store(limb, table, k)
    bit = code.builder.and_(code.lane(mask, 0), ir.Constant(I64, 1))
    entry = code.at(table, code.builder.mul(bit, ir.Constant(I64, LIMBS * code.vector_bytes)))
    return [code.load(entry, k) for k in range(LIMBS)]


def dividing_select(code: Code, mask: Vec, first: Limbs, second: Limbs) -> Limbs:
    """The right choice, after a division by a secret."""
    odd = code.builder.or_(code.lane(mask, 0), ir.Constant(I64, 1))
    quotient = code.splat(code.builder.udiv(ir.Constant(I64, 1), odd))
    return ladder_select(code, mask | (quotient & code.ints(0)), first, second)


def selecting_select(code: Code, mask: Vec, first: Limbs, second: Limbs) -> Limbs:
    """The ladder's choice by LLVM's select, whose lowering is LLVM's to choose."""
    bit = code.builder.icmp_unsigned("!=", code.lane(mask, 0), ir.Constant(I64, 0))
    pairs = zip(first, second, strict=True)
    return [Vec(code, code.builder.select(bit, y.value, x.value)) for x, y in pairs]


ladder_select = ladder.select
Select = Callable[[Code, Vec, Limbs, Limbs], Limbs]


@pytest.mark.parametrize(
    ("planted", "complaint"),
    [
        (branching_select, "branch on a secret"),
        (table_select, "address from a secret"),
        (dividing_select, "variable-time instruction"),
        (selecting_select, "select on a secret"),
    ],
)
@pytest.mark.parametrize("where", [ladder, elligator2], ids=["scalar", "item"])
def test_planted_faults_are_found(
    monkeypatch: pytest.MonkeyPatch, planted: Select, complaint: str, where: object
) -> None:
    monkeypatch.setattr(where, "select", planted)
    found = violations(parse(core_text()), PUBLIC)
    function = "pick" if where is ladder else "elligator2_choose"
    assert any(line.startswith(f"{function}: {complaint}") for line in found), found


@pytest.mark.skipif(MACHINE != "x86_64", reason="planted for x86")
@pytest.mark.parametrize("planted", [branching_select, dividing_select])
def test_planted_faults_are_found_in_assembly(monkeypatch: pytest.MonkeyPatch, planted: Select) -> None:
    monkeypatch.setattr(ladder, "select", planted)
    text = core_text()
    found = assembly_violations(compile_assembly(text, Target.host()), loop_branches(parse(text)), MACHINE)
    assert any(line.startswith("pick:") for line in found), found


@pytest.mark.parametrize(
    ("triple", "cpu", "lanes"), [("x86_64-linux-gnu", "x86-64-v4", 8), ("aarch64-linux-gnu", "generic", 2)]
)
def test_assembly_for_other_processors(triple: str, cpu: str, lanes: int) -> None:
    """AVX-512 and NEON, cross-compiled in a process of its own (it makes LLVM know all targets)."""
    script = f"""
import llvmlite.binding as llvm
llvm.initialize_all_targets(); llvm.initialize_all_asmprinters()
from support.constant_time import assembly_violations, loop_branches, violations
from psi.group.curve25519.lanes.compiler import compile_assembly, parse
from psi.group.curve25519.lanes.module import build_module
from psi.group.curve25519.lanes.target import Target
text = str(build_module({lanes}))
target = Target({triple!r}, {cpu!r}, "")
assert violations(parse(text), {PUBLIC!r}) == []
assembly = compile_assembly(text, target)
assert {"fmadd" if lanes == 8 else "fmla"!r} in assembly
found = assembly_violations(assembly, loop_branches(parse(text)), target.triple.split("-")[0])
assert found == [], found
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
