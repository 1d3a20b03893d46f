"""The backend's methods: shapes checked, rows cut into pieces, pieces spread over threads."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from psi.group import words
from psi.group.curve25519.lanes.cache import CodeCache, default_directory
from psi.group.curve25519.lanes.kernel import Kernel, curve_program, load
from psi.group.curve25519.lanes.selftest import failures
from psi.group.curve25519.lanes.tags import Expansion, block_words
from psi.group.curve25519.lanes.target import DOUBLES, LanesUnavailableError, fields
from psi.group.curve25519.scalar import Scalar
from psi.group.curve25519.suite import ELEMENT_BYTES
from psiselect.base import threads
from psiselect.base.packed import I64, U8, Packed
from psiselect.base.threads import available_cores

PREFIX_BYTES = 128
DIGEST_BYTES = 64

# Pieces are whole blocks of the kernel (256 rows at 4 lanes) and short (some 20 ms), so that Ctrl-C never waits long.
_BLOCK_ROWS = 512
_MOST_ROWS = 2048
_MOST_DIGEST_ROWS = 16384

Piece = Callable[[int, int], None]


class LanesBackend:
    """The group in vector code, one row a 64-bit lane. `threads` None means one a core.

    `mask` and `hash_and_mask` are constant-time in the scalar; hashing depends in time on the items' lengths only. The
    stack memory that the kernel used is zeroed before it returns. Any 32 bytes are accepted as an element: bit 255 is
    ignored and values from p on are reduced, as RFC 7748 has it; canonical input is the caller's business. Safe to call
    from several threads.

    field: the field to compute in (`psi.group.curve25519.lanes.field`); None means the fastest for the processor.
    lanes: the number of lanes, for tests; None means what suits the processor. cache: where compiled code is kept.
    Raises LanesUnavailableError where the code cannot run, or fails its self-test.
    """

    def __init__(
        self,
        threads: int | None = None,
        *,
        field: str | None = None,
        lanes: int | None = None,
        cache: CodeCache | None = None,
    ) -> None:
        if threads is not None and threads < 1:
            raise ValueError(f"a backend needs at least one thread, not {threads}")
        self._threads = threads or available_cores()
        self._pool: ThreadPoolExecutor | None = None
        self._spread = 0  # calls whose pieces are in the pool
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._closed = False
        field = field or fields()[0]
        self.name = "lanes" if field == DOUBLES else "lanes-ifma"
        program = curve_program(field)
        self._kernel = Kernel(load(lanes, cache or CodeCache(default_directory()), program))
        failed = failures(self)
        if failed:
            raise LanesUnavailableError(words.self_test(failed))

    def mask(self, elements: U8, scalar: Scalar) -> U8:
        """X25519(scalar, u) for each row: (n, 32) -> (n, 32). A low-order u gives a zero row and disturbs no other."""
        elements = _rows(elements)
        out = np.empty_like(elements)
        key = _view(scalar)

        def piece(start: int, stop: int) -> None:
            self._kernel.mask(out[start:stop], elements[start:stop], key)

        self._run(len(elements), _MOST_ROWS, piece)
        return out

    def hash_to_curve(self, items: Packed, dst: bytes) -> U8:
        """RFC 9380's map before the cofactor is cleared: n items -> (n, 32)."""
        tag, (data, offsets) = Expansion.of(dst), _checked(items)
        out = np.empty((len(items), ELEMENT_BYTES), np.uint8)

        def piece(start: int, stop: int) -> None:
            self._kernel.hash_to_curve(out[start:stop], data, offsets[start : stop + 1], tag)

        self._run(len(items), _MOST_ROWS, piece)
        return out

    def hash_and_mask(self, items: Packed, scalar: Scalar, dst: bytes) -> U8:
        """mask(hash_to_curve(items, dst), scalar), piece by piece: n items -> (n, 32)."""
        tag, (data, offsets) = Expansion.of(dst), _checked(items)
        out = np.empty((len(items), ELEMENT_BYTES), np.uint8)
        key = _view(scalar)

        def piece(start: int, stop: int) -> None:
            rows = out[start:stop]
            self._kernel.hash_to_curve(rows, data, offsets[start : stop + 1], tag)
            self._kernel.mask(rows, rows, key)

        self._run(len(items), _MOST_ROWS, piece)
        return out

    def digest(self, prefix: bytes, elements: U8, items: Packed | None, width: int) -> U8:
        """SHA-512(prefix || element || item), cut to `width` bytes: (n, 32), n items -> (n, width)."""
        elements = _rows(elements)
        if len(prefix) != PREFIX_BYTES or not 1 <= width <= DIGEST_BYTES:
            raise ValueError(f"a digest needs a prefix of {PREFIX_BYTES} bytes and a width of 1 to {DIGEST_BYTES}")
        if items is None:
            items = Packed(np.zeros(0, np.uint8), np.zeros(len(elements) + 1, np.int64))
        if len(items) != len(elements):
            raise ValueError(f"{len(elements)} elements but {len(items)} items")
        data, offsets = _checked(items)
        words = block_words(prefix)
        out = np.empty((len(elements), width), np.uint8)

        def piece(start: int, stop: int) -> None:
            whole = np.empty((stop - start, DIGEST_BYTES), np.uint8)
            self._kernel.digest(whole, elements[start:stop], data, offsets[start : stop + 1], words)
            out[start:stop] = whole[:, :width]

        self._run(len(elements), _MOST_DIGEST_ROWS, piece, short=True)
        return out

    def close(self) -> None:
        """Stop the threads; returns within one piece. Safe to call twice."""
        with self._lock:
            self._closed = True
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, rows: int, most: int, piece: Piece, *, short: bool = False) -> None:
        """Call `piece` on consecutive ranges of rows, over the threads if there is enough to do. short: pieces take so
        little time that they should not wait for those of another call: then they run in the caller's thread."""
        share = -(-rows // (self._threads * _BLOCK_ROWS)) * _BLOCK_ROWS
        step = min(most, max(share, _BLOCK_ROWS))
        cuts = [(start, min(start + step, rows)) for start in range(0, rows, step)]
        if self._threads == 1 or len(cuts) < 2 or (short and self._spread > 0):
            for start, stop in cuts:
                piece(start, stop)
            return
        pool = self._started()
        self._count(1)
        futures: list[Future[None]] = []
        try:
            futures += [pool.submit(piece, start, stop) for start, stop in cuts]
            for future in futures:
                future.result()
        finally:
            self._count(-1)
            # After an error or Ctrl-C no piece may go on writing: the caller's scalar is about to be wiped.
            for future in futures:
                future.cancel()
            for future in futures:
                if not future.cancelled():
                    future.exception()

    def _count(self, change: int) -> None:
        with self._lock:
            self._spread += change

    def _started(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._closed:
                raise ValueError("the backend was closed")
            if self._pool is None or self._owner != os.getpid():
                # Threads do not survive a fork.
                self._owner = os.getpid()
                self._pool = threads.pool(self._threads, "psiselect-lanes")
            return self._pool


def _view(scalar: Scalar) -> ctypes.Array[ctypes.c_ubyte]:
    """The scalar's own bytes, not a copy."""
    return (ctypes.c_ubyte * ELEMENT_BYTES).from_buffer(scalar.key)


def _rows(elements: U8) -> U8:
    if elements.dtype != np.uint8 or elements.ndim != 2 or elements.shape[1] != ELEMENT_BYTES:
        raise ValueError(f"elements are (n, {ELEMENT_BYTES}) uint8, not {elements.shape} {elements.dtype}")
    return np.ascontiguousarray(elements)


def _checked(items: Packed) -> tuple[U8, I64]:
    """The items' buffers; ValueError if an offset points outside, since native code will follow it."""
    offsets, data = np.ascontiguousarray(items.offsets), np.ascontiguousarray(items.data)
    if offsets.dtype != np.int64 or data.dtype != np.uint8 or offsets.ndim != 1 or data.ndim != 1 or not len(offsets):
        raise ValueError("packed items are a uint8 buffer and int64 offsets")
    if offsets[0] < 0 or offsets[-1] > len(data) or np.any(offsets[1:] < offsets[:-1]):
        raise ValueError("the offsets of packed items must not decrease and must stay within the buffer")
    return data, offsets
