"""A thin language for straight-line vector code over llvmlite's IR builder.

Every kernel function is written against `Code`. A `Vec` is one SSA value holding `lanes` 64-bit numbers, either
integers (arithmetic modulo 2^64) or IEEE doubles; operators emit one instruction each. No LLVM optimisation pass runs
afterwards, so what is written here is what the code generator gets.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from llvmlite import ir

I8, I32, I64, PTR = ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.PointerType()
VOID = ir.VoidType()


@dataclass(frozen=True, slots=True)
class Vec:
    """One vector value; both operands of an operator are of one kind."""

    code: Code
    value: ir.Value

    @property
    def is_double(self) -> bool:
        return isinstance(self.value.type.element, ir.DoubleType)

    def _emit(self, integer: str, double: str | None, other: Vec) -> Vec:
        name = double if self.is_double else integer
        if name is None or self.is_double != other.is_double:
            raise TypeError(f"no such operation on these vectors: {integer}")
        return Vec(self.code, getattr(self.code.builder, name)(self.value, other.value))

    def __add__(self, other: Vec) -> Vec:
        return self._emit("add", "fadd", other)

    def __sub__(self, other: Vec) -> Vec:
        return self._emit("sub", "fsub", other)

    def __mul__(self, other: Vec) -> Vec:
        return self._emit("mul", "fmul", other)

    def __and__(self, other: Vec) -> Vec:
        return self._emit("and_", None, other)

    def __or__(self, other: Vec) -> Vec:
        return self._emit("or_", None, other)

    def __xor__(self, other: Vec) -> Vec:
        return self._emit("xor", None, other)

    def __lshift__(self, bits: int) -> Vec:
        return self._emit("shl", None, self.code.ints(bits))

    def __rshift__(self, bits: int) -> Vec:
        """Logical shift: the vacated bits are zero."""
        return self._emit("lshr", None, self.code.ints(bits))

    def bits(self) -> Vec:
        """The IEEE encodings as integers."""
        return Vec(self.code, self.code.builder.bitcast(self.value, self.code.int_vector))

    def double(self) -> Vec:
        """The doubles whose IEEE encodings these integers are."""
        return Vec(self.code, self.code.builder.bitcast(self.value, self.code.double_vector))


class Code:
    """The body of one function under construction."""

    def __init__(self, module: ir.Module, lanes: int, name: str, args: dict[str, ir.Type], *, exported: bool) -> None:
        self.module, self.lanes = module, lanes
        self.int_vector = ir.VectorType(I64, lanes)
        self.double_vector = ir.VectorType(ir.DoubleType(), lanes)
        self.vector_bytes = 8 * lanes
        self.function = ir.Function(module, ir.FunctionType(VOID, list(args.values())), name)
        self.function.attributes.add("nounwind")
        # Or LLVM spills vectors to addresses that straddle cache lines, at half the speed.
        self.function.attributes.alignstack = 64
        if not exported:
            self.function.linkage = "internal"
            self.function.attributes.add("noinline")
        self.args: dict[str, ir.Value] = {}
        for argument, arg_name in zip(self.function.args, args, strict=True):
            argument.name = arg_name
            self.args[arg_name] = argument
        self.builder = ir.IRBuilder(self.function.append_basic_block("entry"))
        self._scratch: list[tuple[ir.Value, int]] = []
        self._slots: list[ir.Value] = []
        self._constants: dict[tuple[ir.VectorType, float], Vec] = {}

    # -- constants -------------------------------------------------------------------------------------------------

    def ints(self, value: int) -> Vec:
        """The integer `value` modulo 2^64 in every lane."""
        return self._constant(self.int_vector, value % 2**64)

    def doubles(self, value: float) -> Vec:
        """The double `value` in every lane."""
        return self._constant(self.double_vector, value)

    def _constant(self, kind: ir.VectorType, value: float) -> Vec:
        # One object a value: llvmlite then formats it once, a third of the time of printing a module.
        known = self._constants.get((kind, value))
        if known is None:
            known = Vec(self, ir.Constant(kind, [ir.Constant(kind.element, value)] * self.lanes))
            self._constants[kind, value] = known
        return known

    def splat(self, scalar: ir.Value) -> Vec:
        """A 64-bit scalar in every lane."""
        undefined = ir.Constant(self.int_vector, ir.Undefined)
        first = self.builder.insert_element(undefined, scalar, ir.Constant(I32, 0))
        zeros = ir.Constant(ir.VectorType(I32, self.lanes), [ir.Constant(I32, 0)] * self.lanes)
        return Vec(self, self.builder.shuffle_vector(first, undefined, zeros))

    def gather(self, scalars: list[ir.Value]) -> Vec:
        """One 64-bit scalar a lane."""
        vector: ir.Value = ir.Constant(self.int_vector, ir.Undefined)
        for lane, scalar in enumerate(scalars):
            vector = self.builder.insert_element(vector, scalar, ir.Constant(I32, lane))
        return Vec(self, vector)

    def lane(self, vector: Vec, index: int) -> ir.Value:
        return self.builder.extract_element(vector.value, ir.Constant(I32, index))

    # -- arithmetic that has no operator ---------------------------------------------------------------------------

    def fma(self, a: Vec, b: Vec, c: Vec) -> Vec:
        """a*b + c with a single rounding."""
        return Vec(self, self._intrinsic("fma", self.double_vector, [a, b, c]))

    def swap_bytes(self, a: Vec) -> Vec:
        """Big-endian words from little-endian ones, and back."""
        return Vec(self, self._intrinsic("bswap", self.int_vector, [a]))

    def mask_if_zero(self, a: Vec) -> Vec:
        """All ones where the integer is zero, else zero."""
        zero = self.builder.icmp_unsigned("==", a.value, self.ints(0).value)
        return Vec(self, self.builder.sext(zero, self.int_vector))

    def _intrinsic(self, name: str, kind: ir.Type, operands: list[Vec]) -> ir.Value:
        name = f"llvm.{name}.v{self.lanes}{'i' if kind == self.int_vector else 'f'}64"
        known = self.module.globals.get(name)
        function = known or ir.Function(self.module, ir.FunctionType(kind, [kind] * len(operands)), name)
        return self.builder.call(function, [operand.value for operand in operands])

    # -- memory ----------------------------------------------------------------------------------------------------

    def at(self, base: ir.Value, offset: int | ir.Value) -> ir.Value:
        """The address `offset` bytes after `base`."""
        if isinstance(offset, int):
            offset = ir.Constant(I64, offset)
        address = self.builder.gep(base, [offset], source_etype=I8)
        address.type = PTR  # llvmlite lets it inherit the typed pointer of an alloca or a global
        return address

    def load(self, base: ir.Value, index: int, *, double: bool = True) -> Vec:
        """Vector number `index` of an array of vectors."""
        kind = self.double_vector if double else self.int_vector
        address = self.at(base, index * self.vector_bytes)
        return Vec(self, self.builder.load(address, align=self.vector_bytes, typ=kind))

    def store(self, vector: Vec, base: ir.Value, index: int) -> None:
        self.builder.store(vector.value, self.at(base, index * self.vector_bytes), align=self.vector_bytes)

    def load_word(self, address: ir.Value) -> ir.Value:
        """A little-endian 64-bit word at any address."""
        return self.builder.load(address, align=1, typ=I64)

    def store_word(self, word: ir.Value, address: ir.Value) -> None:
        self.builder.store(word, address, align=1)

    def scratch(self, vectors: int) -> ir.Value:
        """An array of vectors on the stack, zeroed before the function returns. Call it outside loops only."""
        array = self.builder.alloca(self.int_vector, size=ir.Constant(I64, vectors))
        array.align = self.vector_bytes
        self._scratch.append((array, vectors))
        return array

    def scalar_slot(self, initial: ir.Value) -> ir.Value:
        """One 64-bit variable on the stack."""
        slot = self.builder.alloca(I64)
        self.builder.store(initial, slot)
        self._slots.append(slot)
        return slot

    # -- 64-bit scalars: counters, lengths, offsets -----------------------------------------------------------------

    def least(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """The smaller of two signed public numbers."""
        return self.builder.select(self.builder.icmp_signed("<", a, b), a, b)

    def most(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """The larger of two signed public numbers."""
        return self.builder.select(self.builder.icmp_signed("<", a, b), b, a)

    # -- control ---------------------------------------------------------------------------------------------------

    @contextmanager
    def loop(self, start: int | ir.Value, stop: int | ir.Value, step: int = 1) -> Iterator[ir.Value]:
        """A counted loop, start <= i < stop by `step`: the only branches that kernels contain. It may run zero times
        if a bound is not known here; then a guard stands before it."""
        builder = self.builder
        known = isinstance(start, int) and isinstance(stop, int)
        if known and not start < stop:
            raise ValueError("a loop that never runs")
        start, stop = (ir.Constant(I64, x) if isinstance(x, int) else x for x in (start, stop))
        body, after = (self.function.append_basic_block(name) for name in ("loop", "done"))
        before = builder.block
        if known:
            builder.branch(body)
        else:
            builder.cbranch(builder.icmp_signed("<", start, stop), body, after)
        builder.position_at_end(body)
        counter = builder.phi(I64, "i")
        counter.add_incoming(start, before)
        yield counter
        following = builder.add(counter, ir.Constant(I64, step))
        counter.add_incoming(following, builder.block)
        builder.cbranch(builder.icmp_signed("<", following, stop), body, after)
        builder.position_at_end(after)

    def call(self, function: ir.Function, *args: ir.Value) -> None:
        self.builder.call(function, list(args))

    def done(self) -> ir.Function:
        """Zero the stack arrays and return."""
        for slot in self._slots:
            self.builder.store(ir.Constant(I64, 0), slot)
        for array, vectors in self._scratch:
            with self.loop(0, vectors) as i:
                self.store(self.ints(0), self.at(array, self.builder.mul(i, ir.Constant(I64, self.vector_bytes))), 0)
        self.builder.ret_void()
        return self.function
