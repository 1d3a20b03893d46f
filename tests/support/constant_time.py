"""Does native code keep its secrets from branches and addresses? A small taint analysis of LLVM IR, and a look at the
assembly that came out of it.

What counts as secret: every value loaded from memory, unless the address comes from a parameter that the caller of
`violations` declares public, everything that an internal function returns, and everything computed from a secret.
Parameters of an exported function are public (addresses, counts); parameters of internal functions are secret if any
call passes a secret. So nothing needs to be said about where keys are: if no loaded value steers anything, no key does.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import llvmlite.binding as llvm

# Instructions whose time depends on their operands on common processors.
_VARIABLE_TIME = {"udiv", "sdiv", "urem", "srem", "fdiv", "frem"}
_FORBIDDEN_IR = {"switch", "indirectbr", "invoke", "callbr"}
_INTRINSICS = re.compile(r"llvm\.((fma|bswap|fshl|fshr|x86\.avx512\.vpmadd52[lh]\.uq)\.|x86\.sha256(rnds2|msg[12])$)")
_COMPARISON = re.compile(r"icmp slt i64 ")
_PHI_VALUE = re.compile(r"\[\s*([^,]+),")

# Conditional jumps and variable-time or indirect instructions by architecture.
_CONDITIONAL = {"x86_64": re.compile(r"j(?!mp)\w+|loop\w*"), "aarch64": re.compile(r"b\.\w+|cbn?z|tbn?z")}
_FORBIDDEN = {
    "x86_64": re.compile(r"i?div[bwlq]?|v?div[ps][sd]|v?r?sqrt[ps][sd]|v?p?gather\w+"),
    "aarch64": re.compile(r"[suf]div|fsqrt|br|blr"),
}


@dataclass(frozen=True)
class _Instruction:
    opcode: str
    name: str
    operands: tuple[str, ...]  # names of values, texts of constants; for a phi, its incoming values
    constant: tuple[bool, ...]
    text: str


@dataclass
class _Function:
    name: str
    parameters: list[str]
    instructions: list[_Instruction]
    loop_tests: set[str]
    secret: set[str] = field(default_factory=set)
    public_addresses: set[str] = field(default_factory=set)  # whose contents are public


def _label(value: llvm.ValueRef) -> str:
    return value.name or str(value).split()[-1]


def _instruction(ref: llvm.ValueRef) -> _Instruction:
    text, operands = str(ref).strip(), list(ref.operands)
    if ref.opcode == "phi":
        labels = tuple(value.strip().lstrip("%").strip('"') for value in _PHI_VALUE.findall(text))
        return _Instruction("phi", ref.name, labels, (False,) * len(labels), text)
    return _Instruction(
        ref.opcode, ref.name, tuple(map(_label, operands)), tuple(v.is_constant for v in operands), text
    )


def _functions(module: llvm.ModuleRef) -> dict[str, _Function]:
    found = {}
    for ref in module.functions:
        if not ref.is_declaration:
            instructions = [_instruction(i) for block in ref.blocks for i in block.instructions]
            parameters = [argument.name for argument in ref.arguments]
            found[ref.name] = _Function(ref.name, parameters, instructions, _loop_tests(instructions))
    return found


def _loop_tests(instructions: list[_Instruction]) -> set[str]:
    """Names of the comparisons that counted loops end or begin with.

    At the end: `following < limit`, where following = counter + constant and counter = phi(start, following). Before
    it, if need be: `start < limit` with that start and limit.
    """
    by_name = {i.name: i for i in instructions if i.name}
    comparisons = {i.name: i.operands for i in instructions if _COMPARISON.search(i.text)}
    found, guards = set(), set()
    for name, (following, limit) in comparisons.items():
        step = by_name.get(following)
        if step is None or step.opcode != "add" or not step.constant[1]:
            continue
        counter = by_name.get(step.operands[0])
        if counter is not None and counter.opcode == "phi" and following in counter.operands:
            (start,) = set(counter.operands) - {following}
            found.add(name)
            guards.add((start, limit))
    return found | {name for name, operands in comparisons.items() if operands in guards}


def violations(module: llvm.ModuleRef, public: Collection[str] = ()) -> list[str]:
    """Where the module lets a secret reach a branch, an address, a count or a variable-time instruction, or has a
    branch that is no counted loop's. `public`: parameters through which public data is read."""
    functions = _functions(module)
    for function in functions.values():
        function.public_addresses.update(set(function.parameters) & set(public))
    changed = True
    while changed:
        changed = False
        for function in functions.values():
            changed |= _propagate(function, functions)
    return [f"{function.name}: {what}" for function in functions.values() for what in _complaints(function, functions)]


def _propagate(function: _Function, functions: dict[str, _Function]) -> bool:
    """One pass over one function; True if something new turned out to be secret or publicly readable."""
    secret, addresses = function.secret, function.public_addresses
    before, changed = (len(secret), len(addresses)), False
    for i in function.instructions:
        if i.opcode == "load":
            if i.operands[0] not in addresses:
                secret.add(i.name)
        elif i.opcode == "call" and i.operands[-1] in functions:
            callee = functions[i.operands[-1]]
            passed = {p for p, value in zip(callee.parameters, i.operands, strict=False) if value in secret}
            changed |= not passed <= callee.secret
            callee.secret |= passed
            if i.name:
                secret.add(i.name)
        elif i.name and not secret.isdisjoint(i.operands):
            secret.add(i.name)
        elif i.opcode == "getelementptr" and i.operands[0] in addresses:
            addresses.add(i.name)
    return changed or (len(secret), len(addresses)) != before


def _complaints(function: _Function, functions: dict[str, _Function]) -> Iterator[str]:
    for i in function.instructions:
        secret = [operand in function.secret for operand in i.operands]
        address = {"getelementptr": secret, "load": secret, "store": secret[1:]}.get(i.opcode, [])
        if i.opcode == "br" and len(i.operands) > 1:
            if secret[0]:
                yield f"branch on a secret: {i.text}"
            elif i.operands[0] not in function.loop_tests:
                yield f"branch that is no counted loop's: {i.text}"
        elif i.opcode in _FORBIDDEN_IR:
            yield f"{i.opcode} is not allowed: {i.text}"
        elif i.opcode == "select" and secret[0]:
            yield f"select on a secret, which LLVM may turn into a branch: {i.text}"
        elif any(address):
            yield f"address from a secret: {i.text}"
        elif i.opcode in ("extractelement", "insertelement") and secret[-1]:
            yield f"lane chosen by a secret: {i.text}"
        elif i.opcode in _VARIABLE_TIME:
            yield f"variable-time instruction: {i.text}"
        elif i.opcode == "alloca" and any(secret):
            yield f"size from a secret: {i.text}"
        elif i.opcode == "call" and i.operands[-1] not in functions and not _INTRINSICS.match(i.operands[-1]):
            yield f"call of unknown code: {i.text}"


def loop_branches(module: llvm.ModuleRef) -> dict[str, int]:
    """Function name -> number of its conditional branches that counted loops begin or end with."""
    return {
        name: sum(i.opcode == "br" and i.operands[0] in function.loop_tests for i in function.instructions)
        for name, function in _functions(module).items()
    }


def assembly_violations(assembly: str, loops: dict[str, int], machine: str) -> list[str]:
    """Functions with more conditional jumps than counted loops have (`loops`, by function), with a division, a gather
    or a jump through a register, or with a call of something that is not in `loops`."""
    found, jumps, current = [], dict.fromkeys(loops, 0), ""
    for line in assembly.splitlines():
        if label := re.match(r'"?_?([\w.]+)"?:', line):
            current = label.group(1) if label.group(1) in loops else current
            continue
        words = line.split("#")[0].split("//")[0].split()
        if not line.startswith(("\t", " ")) or not words or words[0].startswith("."):
            continue
        mnemonic = words[0]
        if _CONDITIONAL[machine].fullmatch(mnemonic):
            jumps[current] += 1
        elif _FORBIDDEN[machine].fullmatch(mnemonic):
            found.append(f"{current}: {' '.join(words)}")
        elif mnemonic in ("call", "callq", "bl"):
            if words[1].strip('"').split("@")[0].lstrip("_") not in loops:
                found.append(f"{current}: call of unknown code: {words[1]}")
        elif mnemonic in ("jmp", "jmpq") and "*" in words[1]:
            found.append(f"{current}: jump through a register or table")
    found += [f"{n}: {jumps[n]} conditional jumps, {loops[n]} from counted loops" for n in loops if jumps[n] > loops[n]]
    return found


def check_multiply_adds(text: str, assembly: str) -> None:
    """Each 52-bit multiply-add of the IR is one instruction on whole 512-bit registers; LLVM may drop some whose result
    is known."""
    for half in "lh":
        calls = len(re.findall(rf"call .*vpmadd52{half}\.uq\.512", text))
        lines = [line for line in assembly.splitlines() if f"vpmadd52{half}uq" in line]
        assert 0.95 * calls < len(lines) <= calls, (half, len(lines), calls)
        assert all("%zmm" in line for line in lines), half
