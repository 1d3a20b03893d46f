"""The kernels in compiled code: arrays checked and cut to what the code expects. LLVM is imported only to compile."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from psi.fast.kernels import hashing
from psi.fast.kernels.interface import U64, WINDOW
from psi.group.curve25519.lanes import cache, kernel
from psi.oblivious.field import F16
from psiselect.base.packed import I64, U8, Packed

T = TypeVar("T", bound=np.generic)

_POINTER, _COUNT = ctypes.c_void_p, ctypes.c_int64
_GROUP, _ENTRIES = 4, 16
_PIECE = 1 << 11  # rows that tables are made of at once: they stay in the processor's second cache
_MOST_LANES = 8
_WORD_BITS = 64

# Parameters of the exported functions, as in the modules that make them.
_SIGNATURES = {
    "sha256": (_POINTER, _COUNT, _POINTER, _POINTER, _POINTER),
    "to_rows": (_POINTER, _POINTER, _COUNT, _COUNT),
    "to_planes": (_POINTER, _POINTER, _COUNT, _COUNT),
    "tabulate": (_POINTER, _POINTER, _COUNT),
    "decode": (_POINTER, _POINTER, _COUNT, _POINTER, _POINTER, _COUNT),
    "combine": (_POINTER, _POINTER, _POINTER, _COUNT),
    "eliminate": (_POINTER, _POINTER, _POINTER, _POINTER, _POINTER, _POINTER, _COUNT),
    "substitute": (_POINTER, _POINTER, _COUNT),
    "fold": (_POINTER, _POINTER, _POINTER, _COUNT),
    "scale": (_POINTER, _POINTER, _POINTER, _COUNT, _COUNT),
}


def program(way: str) -> kernel.Program:
    """All kernels, with SHA-256 computed in this way (psi.fast.kernels.hashing)."""

    def build(lanes: int) -> str:
        from psi.fast.kernels.module import build_module

        return str(build_module(lanes, way))

    def sources() -> bytes:
        return kernel.source_digest(Path(__file__).parent) + kernel.source_digest() + way.encode()

    return kernel.Program(tuple(_SIGNATURES), build, sources, hashing.SHA_FEATURE if way == hashing.SHA else "")


class CompiledKernels:
    """See Kernels. Each call releases the interpreter lock.

    lanes: the number of 64-bit lanes, at most 8, for tests; None means what suits the processor. way: how SHA-256 is
    computed, None for the fastest that runs here. Raises LanesUnavailableError where the code cannot run.
    """

    name = "compiled"

    def __init__(self, lanes: int | None = None, store: cache.CodeCache | None = None, way: str | None = None) -> None:
        self.way = way or hashing.ways()[0]
        code = kernel.load(lanes, store or cache.CodeCache(cache.default_directory()), program(self.way))
        self._code = code
        self._call: dict[str, Callable[..., None]] = {
            name: ctypes.CFUNCTYPE(None, *signature)(code.address(name)) for name, signature in _SIGNATURES.items()
        }

    def sha256(self, block: bytes, items: Packed) -> U8:
        """See Kernels."""
        if len(block) != _WORD_BITS:
            raise ValueError(f"the first block has 64 bytes, not {len(block)}")
        offsets = _checked(items.offsets, np.int64)
        data = _checked(items.data, np.uint8)
        if offsets[0] < 0 or offsets[-1] > len(data) or np.any(offsets[1:] < offsets[:-1]):
            raise ValueError("the offsets of packed items must not decrease and must stay within the buffer")
        if len(items) and int(np.max(np.diff(offsets))) >= 1 << 28:
            raise ValueError("an item has at most 2^28 bytes")
        out = np.empty((len(items), 32), np.uint8)
        prefix = np.frombuffer(block, np.uint8)
        if len(items):
            self._call["sha256"](_at(out), len(out), _at(prefix), _at(data), _at(offsets))
        return out

    def eliminate(self, bands: U64, values: U64, starts: I64, rows: U64, right: U64) -> bool:
        """See Kernels."""
        _shaped(bands, values, starts, rows, right)
        if len(starts) and not 0 <= starts.min() <= starts.max() <= len(bands) - WINDOW:
            raise ValueError("a band outside of the slots")
        done = np.zeros(1, np.int64)
        arrays = [_at(_checked(array, np.uint64)) for array in (bands, values)]
        arrays += [_at(_checked(starts, np.int64)), *(_at(_checked(array, np.uint64)) for array in (rows, right))]
        self._call["eliminate"](_at(done), *arrays, len(starts))
        return int(done[0]) == len(starts)

    def substitute(self, bands: U64, values: U64) -> None:
        """See Kernels."""
        if bands.shape != (len(values) - WINDOW, 4):
            raise ValueError(f"a system of shape {bands.shape} and {len(values)} values do not fit")
        self._call["substitute"](_at(_checked(values, np.uint64)), _at(_checked(bands, np.uint64)), len(bands))

    def decode(self, rows: U64, starts: I64, bands: U64) -> U64:
        """See Kernels."""
        rows, starts, bands = _checked(rows, np.uint64), _checked(starts, np.int64), _checked(bands, np.uint64)
        if bands.shape != (len(starts), 4):
            raise ValueError(f"{len(starts)} places and bands of shape {bands.shape}")
        if len(starts) and not 0 <= starts.min() <= starts.max() <= len(rows) - WINDOW:
            raise ValueError("a band outside of the rows")
        out = np.empty((len(starts), 4), np.uint64)
        tables = np.empty(((_PIECE + WINDOW + _GROUP) // _GROUP, _ENTRIES, 4), np.uint64)
        padded = np.zeros((_PIECE + WINDOW + _GROUP, 4), np.uint64)
        firsts = range(0, max(0, len(rows) - WINDOW + 1), _PIECE)
        cuts = np.searchsorted(starts, [*firsts, len(rows)])
        for first, low, high in zip(firsts, cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
            if low == high:
                continue
            some = rows[first : first + len(padded)]
            if len(some) < len(padded):
                padded[: len(some)] = some
                some = padded
            self._call["tabulate"](_at(tables), _at(some), len(tables))
            places = (_at(starts) + 8 * low, _at(bands) + 32 * low, high - low)
            self._call["decode"](_at(out) + 32 * low, _at(tables), first, *places)
        return out

    def combine(self, rows: U64, words: U64) -> U64:
        """See Kernels."""
        rows, words = _checked(rows, np.uint64), _checked(words, np.uint64)
        if rows.shape != (_WORD_BITS, 4):
            raise ValueError(f"64 rows are combined, not {rows.shape}")
        tables = np.empty((_WORD_BITS // _GROUP, _ENTRIES, 4), np.uint64)
        self._call["tabulate"](_at(tables), _at(rows), len(tables))
        out = np.empty((len(words), 4), np.uint64)
        self._call["combine"](_at(out), _at(tables), _at(words), len(words))
        return out

    def to_rows(self, planes: U8) -> U64:
        """See Kernels."""
        count, width = planes.shape
        if count > WINDOW or width % 8:
            raise ValueError(f"planes of shape {planes.shape} are no rows of 256 bits")
        words = _filled(width // 8)
        if 8 * words != width:
            padded = np.zeros((count, 8 * words), np.uint8)
            padded[:, :width] = planes
            planes = padded
        out = np.empty((_WORD_BITS * words, 4), np.uint64)
        self._call["to_rows"](_at(out), _at(_checked(planes, np.uint8)), count, words)
        return out[: 8 * width]

    def to_planes(self, rows: U64, planes: int) -> U8:
        """See Kernels."""
        if len(rows) % _WORD_BITS or rows.shape[1:] != (4,) or planes > WINDOW:
            raise ValueError(f"rows of shape {rows.shape} are no {planes} planes")
        width = len(rows) // 8
        words = _filled(width // 8)
        if 8 * words != width:
            padded = np.zeros((_WORD_BITS * words, 4), np.uint64)
            padded[: len(rows)] = rows
            rows = padded
        out = np.empty((planes, 8 * words), np.uint8)
        self._call["to_planes"](_at(out), _at(_checked(rows, np.uint64)), planes, words)
        return np.ascontiguousarray(out[:, :width])

    def fold(self, streams: U8) -> tuple[U8, U8]:
        """See Kernels."""
        size = streams.shape[2]
        if streams.shape[:2] != (F16.size, F16.degree):
            raise ValueError(f"streams of shape {streams.shape} are no 16 of four planes")
        if size < 8 * _MOST_LANES:
            return F16.fold(streams)
        out = np.empty((2, F16.degree, size), np.uint8)
        self._call["fold"](_at(out[0]), _at(out[1]), _at(_checked(streams, np.uint8)), size)
        return out[0], out[1]

    def scale(self, added: U8, planes: U8, factors: U8) -> U8:
        """See Kernels."""
        columns, degree, size = planes.shape
        if added.shape != planes.shape or degree != F16.degree or factors.shape != (columns,):
            raise ValueError(f"planes of shapes {added.shape} and {planes.shape} do not fit")
        if size % (8 * _MOST_LANES):
            return added ^ F16.scale(planes, factors)
        out = added.copy()
        arrays = [_at(_checked(array, np.uint8)) for array in (planes, factors)]
        self._call["scale"](_at(out), *arrays, columns, size // 8)
        return out


def _filled(words: int) -> int:
    """Whole vectors of words, whatever the number of lanes."""
    return -(-words // _MOST_LANES) * _MOST_LANES


def _shaped(bands: U64, values: U64, starts: I64, rows: U64, right: U64) -> None:
    """ValueError unless the arrays fit each other: native code will trust them."""
    count = (len(starts),)
    if bands.shape != (len(values) - WINDOW, 4) or rows.shape != (*count, 4) or right.shape != count:
        raise ValueError(f"a system of shape {bands.shape} and equations of shape {rows.shape} do not fit")


def _checked(array: npt.NDArray[T], dtype: type[T]) -> npt.NDArray[T]:
    """ValueError unless native code can take the array as it is."""
    if array.dtype != dtype or not array.flags.c_contiguous:
        raise ValueError(f"an array of {array.dtype} was given where contiguous {np.dtype(dtype)} is expected")
    return array


def _at(array: npt.NDArray[Any]) -> int:
    return int(array.ctypes.data)
