"""From the kernel's description to native code in this process, by LLVM."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import llvmlite.binding as llvm

from psi.group.curve25519.lanes.target import Target

# Position-independent, near code: constants are operands of the instructions that use them.
_MODEL = {"opt": 3, "reloc": "pic", "codemodel": "small"}

_lock = threading.Lock()


def initialize() -> None:
    """Make LLVM know this machine. Cheap, may be repeated."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()


def target_machine(target: Target) -> llvm.TargetMachine:
    initialize()
    return llvm.Target.from_triple(target.triple).create_target_machine(
        cpu=target.cpu, features=target.features, **_MODEL
    )


@contextmanager
def _in_source_order() -> Iterator[None]:
    """LLVM's machine scheduler starts all products of a multiplication before it adds any, and spills dozens of them:
    half the speed (measured). Without it, instructions keep the order in which the kernel was written. The switch is
    LLVM's, process-wide; it is put back at once."""
    with _lock:
        llvm.set_option("", "-enable-misched=false")
        try:
            yield
        finally:
            llvm.set_option("", "-enable-misched=true")


def parse(text: str) -> llvm.ModuleRef:
    """A verified module from LLVM assembly."""
    module = llvm.parse_assembly(text)
    module.verify()
    return module


def compile_object(text: str, target: Target) -> bytes:
    """An object file from LLVM assembly, as it stands: no optimisation pass runs before code generation."""
    machine = target_machine(target)
    with _in_source_order():
        return bytes(machine.emit_object(parse(text)))


def compile_assembly(text: str, target: Target) -> str:
    """The same code as assembly, for tests that read it."""
    machine = target_machine(target)
    with _in_source_order():
        return str(machine.emit_assembly(parse(text)))


class Library:
    """Native code loaded into this process; it lives as long as this object."""

    def __init__(self, code: bytes, target: Target) -> None:
        self._engine = llvm.create_mcjit_compiler(parse(""), target_machine(target))
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()

    def address(self, name: str) -> int:
        """Where an exported function begins."""
        address = int(self._engine.get_function_address(name))
        if not address:
            raise ValueError(f"the compiled code has no function {name}")
        return address
