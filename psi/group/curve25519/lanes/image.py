"""The compiled code as one block of memory that needs no linker and no LLVM to run.

Importing LLVM takes longer than everything else at start (60 ms measured), so what is cached is not the object file but
its sections laid out and linked. The kernel calls nothing outside itself and its code is position-independent: only
distances between its own sections have to be filled in. `link` does that for x86-64 ELF objects and declines others.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import struct
from dataclasses import dataclass

from psi.group import words
from psi.group.curve25519.lanes.target import LanesUnavailableError

_HEADER = struct.Struct("<4sBB10xHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELOCATION = struct.Struct("<QIIq")
_ELF64, _LITTLE, _RELOCATABLE, _X86_64 = 2, 1, 1, 62
_SYMTAB, _RELA, _NOBITS, _ALLOC = 2, 4, 8, 2
# R_X86_64_PC32 and R_X86_64_PLT32: a 32-bit distance from the place to the symbol.
_DISTANCES = (2, 4)


@dataclass(frozen=True)
class Image:
    """Code and constants, and where the exported functions begin."""

    code: bytes
    functions: dict[str, int]

    def dump(self) -> bytes:
        return json.dumps(self.functions).encode() + b"\n" + self.code

    @classmethod
    def parse(cls, stored: bytes) -> Image:
        """What `dump` gave. Only for bytes whose checksum was right."""
        head, _, code = stored.partition(b"\n")
        return cls(code, json.loads(head))


class NotLinkableError(Exception):
    """The object file needs a real linker."""


def link(elf: bytes, names: list[str]) -> Image:
    """Lay out an object file's sections and fill in the distances. Raises NotLinkableError for whatever is not a
    little-endian x86-64 ELF object with distances inside itself only."""
    if len(elf) < _HEADER.size:
        raise NotLinkableError
    magic, width, order, kind, machine, _, _, _, table, *_, count, _ = _HEADER.unpack_from(elf)
    if (magic, width, order, kind, machine) != (b"\x7fELF", _ELF64, _LITTLE, _RELOCATABLE, _X86_64):
        raise NotLinkableError
    sections = [_SECTION.unpack_from(elf, table + _SECTION.size * i) for i in range(count)]
    code, places = bytearray(), {}
    for index, (_, type_, flags, _, offset, size, _, _, alignment, _) in enumerate(sections):
        if not flags & _ALLOC:
            continue
        if type_ == _NOBITS and size:
            raise NotLinkableError
        code += bytes(-len(code) % max(alignment, 1))
        places[index] = len(code)
        code += elf[offset : offset + size]
    symbols, functions = _symbols(elf, sections, places)
    for _, type_, _, _, offset, size, _, target, _, _ in sections:
        if type_ != _RELA or target not in places:
            continue
        for where, how, symbol, addend in _RELOCATION.iter_unpack(elf[offset : offset + size]):
            if how not in _DISTANCES or symbol not in symbols:
                raise NotLinkableError
            place = places[target] + where
            struct.pack_into("<i", code, place, symbols[symbol] + addend - place)
    if not set(names) <= functions.keys():
        raise NotLinkableError
    return Image(bytes(code), {name: functions[name] for name in names})


def _symbols(
    elf: bytes, sections: list[tuple[int, ...]], places: dict[int, int]
) -> tuple[dict[int, int], dict[str, int]]:
    """Where the symbols of the laid out sections are, by number and by name."""
    by_number, by_name = {}, {}
    for _, type_, _, _, offset, size, strings, *_ in sections:
        if type_ != _SYMTAB:
            continue
        names = sections[strings][4]
        for number, symbol in enumerate(_SYMBOL.iter_unpack(elf[offset : offset + size])):
            name, _, _, section, value, _ = symbol
            if section in places:
                by_number[number] = places[section] + value
                start = names + name
                by_name[elf[start : elf.index(b"\0", start)].decode()] = by_number[number]
    return by_number, by_name


def require_executable_memory() -> None:
    """Load one byte of code, in the way in which `LoadedImage` and LLVM load theirs: written first, then made
    executable. Raises LanesUnavailableError where the system forbids that to this process."""
    try:
        LoadedImage(Image(b"\0", {}))
    except OSError:
        raise LanesUnavailableError(words.NO_EXECUTABLE_MEMORY) from None


class LoadedImage:
    """An image in executable memory, which is never writable and executable at once. Lives as long as this object.

    Raises OSError where the system forbids making memory executable.
    """

    def __init__(self, image: Image) -> None:
        self._functions = image.functions
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        self._memory = mmap.mmap(-1, len(image.code), flags=flags, prot=mmap.PROT_READ | mmap.PROT_WRITE)
        self._memory.write(image.code)
        self._start = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        libc = ctypes.CDLL(None, use_errno=True)
        libc.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        if libc.mprotect(self._start, len(image.code), mmap.PROT_READ | mmap.PROT_EXEC) != 0:
            raise OSError(ctypes.get_errno(), words.NOT_EXECUTABLE)

    def address(self, name: str) -> int:
        """Where an exported function begins."""
        return self._start + self._functions[name]
