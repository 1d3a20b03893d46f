"""The compiled functions: found in the cache or compiled, and called with arrays."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np
import numpy.typing as npt

from psi.curve25519.lanes import cache
from psi.curve25519.lanes.compiler import Library, compile_object
from psi.curve25519.lanes.tags import PADDING, Expansion, Words
from psi.curve25519.lanes.target import Target
from psi.packed import I64, U8

_POINTER, _COUNT = ctypes.c_void_p, ctypes.c_int64

# Parameters of the exported functions, as in module.py.
_SIGNATURES = {
    "mask": (_POINTER, _POINTER, _COUNT, _POINTER),
    "hash_to_curve": (_POINTER, _COUNT, _POINTER, _POINTER, _POINTER, _POINTER, _COUNT, _POINTER, _COUNT),
    "digest": (_POINTER, _COUNT, _POINTER, _POINTER, _POINTER, _POINTER, _POINTER),
}


def source_digest() -> bytes:
    """A hash of the files that the code is made from."""
    folder = Path(__file__).parent
    return bytes.fromhex(cache.key(*(path.read_bytes() for path in sorted(folder.glob("*.py")))))


def native_code(target: Target, lanes: int, store: cache.CodeCache) -> bytes:
    """The object file for this processor, compiled unless `store` has it."""
    version = ".".join(map(str, llvm.llvm_version_info))
    described = [target.triple, target.cpu, target.features, version, str(lanes)]
    name = cache.key(source_digest(), *(part.encode() for part in described))
    code = store.load(name)
    if code is None:
        from psi.curve25519.lanes.module import build_module

        code = compile_object(str(build_module(lanes)), target)
        store.store(name, code)
    return code


class Kernel:
    """The native functions on arrays. Each call releases the interpreter lock and is safe in several threads.

    The arrays must be C-contiguous, of the dtypes and shapes stated; nothing is checked in here.
    """

    def __init__(self, code: bytes, target: Target) -> None:
        self._library = Library(code, target)
        self._functions: dict[str, Callable[..., None]] = {
            name: ctypes.CFUNCTYPE(None, *signature)(self._library.address(name))
            for name, signature in _SIGNATURES.items()
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
    return int(array.ctypes.data)
