"""The compiled functions: found in the cache or compiled, and called with arrays. LLVM is imported only to compile."""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from psi.group import words
from psi.group.curve25519.lanes import cache
from psi.group.curve25519.lanes.image import Image, LoadedImage, NotLinkableError, link, require_executable_memory
from psi.group.curve25519.lanes.tags import PADDING, Expansion, Words
from psi.group.curve25519.lanes.target import IFMA, IFMA_FEATURE, LanesUnavailableError, Target, processor_description
from psiselect.base.packed import I64, U8

_POINTER, _COUNT = ctypes.c_void_p, ctypes.c_int64

# Parameters of the exported functions, as in module.py.
_SIGNATURES = {
    "mask": (_POINTER, _POINTER, _COUNT, _POINTER),
    "hash_to_curve": (_POINTER, _COUNT, _POINTER, _POINTER, _POINTER, _POINTER, _COUNT, _POINTER, _COUNT),
    "digest": (_POINTER, _COUNT, _POINTER, _POINTER, _POINTER, _POINTER, _POINTER),
}


def source_digest(folder: Path | None = None) -> bytes:
    """A hash of the files in a folder that code is made from; None for the folder of this module."""
    folder = folder or Path(__file__).parent
    return bytes.fromhex(cache.key(*(path.read_bytes() for path in sorted(folder.glob("*.py")))))


@dataclass(frozen=True)
class Program:
    """What is compiled.

    Attributes:
        functions: the names of the exported functions.
        build: LLVM assembly for so many 64-bit lanes. It may import LLVM.
        sources: all that decides that text, hashed.
        feature: what the processor must have besides, by LLVM's name; empty for nothing.
    """

    functions: tuple[str, ...]
    build: Callable[[int], str]
    sources: Callable[[], bytes]
    feature: str = ""


def curve_program(field: str) -> Program:
    """The group on one of the fields that `psi.group.curve25519.lanes.field` lists."""

    def build(lanes: int) -> str:
        from psi.group.curve25519.lanes.module import build_module

        return str(build_module(lanes, field))

    feature = IFMA_FEATURE if field == IFMA else ""
    return Program(tuple(_SIGNATURES), build, lambda: source_digest() + field.encode(), feature)


class LoadedCode(Protocol):
    """Native code in memory."""

    def address(self, name: str) -> int: ...


def load(lanes: int | None, store: cache.CodeCache, program: Program) -> LoadedCode:
    """A program for this processor: from `store` if it is there, else compiled. `lanes`: None for what suits.

    Raises LanesUnavailableError where it cannot run; ImportError, OSError or RuntimeError when LLVM fails.
    """
    # First of all: where memory cannot be made executable, LLVM's own loader ends the process.
    require_executable_memory()
    name = _image_name(lanes, program)
    stored = store.load(name) if name else None
    if stored is not None:
        return LoadedImage(Image.parse(stored))
    target = Target.host()
    if program.feature and not target.has(program.feature):
        raise LanesUnavailableError(words.no_feature(program.feature))
    # One of the two forms is kept: the image where there can be one.
    code = _object(target, lanes or target.lanes(), cache.CodeCache(None) if name else store, program)
    try:
        image = link(code, list(program.functions))
    except NotLinkableError:
        from psi.group.curve25519.lanes.compiler import Library

        return Library(code, target)
    loaded = LoadedImage(image)
    if name:
        store.store(name, image.dump())
    return loaded


def _image_name(lanes: int | None, program: Program) -> str | None:
    """The cache's name for the linked code, found without LLVM; None where that is not possible."""
    description = processor_description()
    release = _llvm_release()
    if release is None or description is None:
        return None
    return cache.key(b"image", program.sources(), description.encode(), release, str(lanes).encode())


def _llvm_release() -> bytes | None:
    """The file in which llvmlite says its version, read without loading llvmlite; None where there is none."""
    found = importlib.util.find_spec("llvmlite")
    if found is None or found.origin is None:
        return None
    try:
        return Path(found.origin).with_name("_version.py").read_bytes()
    except OSError:
        return None


def _object(target: Target, lanes: int, store: cache.CodeCache, program: Program) -> bytes:
    """The object file for this processor, compiled unless `store` has it."""
    import llvmlite.binding as llvm

    from psi.group.curve25519.lanes.compiler import compile_object

    version = ".".join(map(str, llvm.llvm_version_info))
    described = [target.triple, target.cpu, target.features, version, str(lanes)]
    name = cache.key(b"object", program.sources(), *(part.encode() for part in described))
    code = store.load(name)
    if code is None:
        code = compile_object(program.build(lanes), target)
        store.store(name, code)
    return code


class Kernel:
    """The native functions on arrays. Each call releases the interpreter lock and is safe in several threads.

    The arrays must be C-contiguous, of the dtypes and shapes stated; nothing is checked in here.
    """

    def __init__(self, code: LoadedCode) -> None:
        self._code = code
        self._functions: dict[str, Callable[..., None]] = {
            name: ctypes.CFUNCTYPE(None, *signature)(code.address(name)) for name, signature in _SIGNATURES.items()
        }

    def mask(self, out: U8, elements: U8, key: ctypes.Array[ctypes.c_ubyte]) -> None:
        """out[i] = X25519(key, elements[i]): (n, 32) each, possibly the same array; n >= 1."""
        self._functions["mask"](_at(out), _at(elements), len(out), ctypes.addressof(key))

    def hash_to_curve(self, out: U8, data: U8, offsets: I64, tag: Expansion) -> None:
        """out[i] = the map of data[offsets[i]:offsets[i+1]]: (n, 32), bytes, (n+1,); n >= 1."""
        constants = (_at(tag.prefix), _at(tag.tail), len(tag.tail), _at(tag.rest), tag.rest_blocks)
        self._functions["hash_to_curve"](_at(out), len(out), _at(data), _at(offsets), *constants)

    def digest(self, out: U8, elements: U8, data: U8, offsets: I64, prefix: Words) -> None:
        """out[i] = SHA-512(prefix || elements[i] || item i): (n, 64), (n, 32), bytes, (n+1,), 16 words; n >= 1."""
        arrays = [_at(array) for array in (elements, data, offsets, prefix, PADDING)]
        self._functions["digest"](_at(out), len(out), *arrays)


def _at(array: npt.NDArray[np.generic]) -> int:
    return int(array.__array_interface__["data"][0])  # many times quicker than .ctypes
