"""The portable backend: `cryptography`'s X25519 in worker processes, for machines where the vector code will not run.

`cryptography` holds the interpreter lock during an exchange, so threads would not help. Workers are plain child
processes that run `psi.group.curve25519.rowwise` and talk over pipes: nothing is forked (this process may hold threads
and TLS state), the caller's main module is not run again, and a worker ends when its pipe does, so none outlives its
starter. The scalar travels through the pipe, never through arguments or environment.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from typing import BinaryIO, cast

import numpy as np

from psi.group import words
from psi.group.curve25519 import rowwise
from psi.group.curve25519.scalar import Scalar
from psi.group.curve25519.suite import ELEMENT_BYTES
from psiselect.base import threads
from psiselect.base.errors import LocalError, ResourceError
from psiselect.base.packed import U8, Packed
from psiselect.base.threads import available_cores

PREFIX_BYTES = 128

# Below this many rows a batch is not worth a trip to another process (a row is 45 us of X25519, or 1 us of hashing).
_INLINE_ROWS = {b"mask": 256, b"hash_and_mask": 256, b"hash_to_curve": 1024, b"digest": 8192}
# Rows of one trip: some tenths of a second at most, so that Ctrl-C and close() never wait long.
_TRIP_ROWS = {b"mask": 4096, b"hash_and_mask": 4096, b"hash_to_curve": 16384, b"digest": 65536}

_BOOT = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from psi.group.curve25519.rowwise import serve; serve()"
)


class _Worker:
    """One child process; used by one thread at a time."""

    def __init__(self) -> None:
        # A session of its own: Ctrl-C in the terminal is for the starter, which then closes the pipe.
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _BOOT, json.dumps(sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
        except BlockingIOError:
            raise threads.refused() from None
        self._stdin, self._stdout = cast(BinaryIO, self._process.stdin), cast(BinaryIO, self._process.stdout)

    def call(self, parts: rowwise.Parts) -> bytes:
        try:
            rowwise.write_message(self._stdin, parts)
            answer = rowwise.read_message(self._stdout)
        except OSError:
            answer = None
        if answer is None:
            raise words.worker_ended()
        return answer[0]

    def stop(self) -> None:
        """Close its pipes; it ends within one trip, or is killed."""
        for stream in (self._stdin, self._stdout):
            with contextlib.suppress(OSError):  # unsent bytes to a worker that has already ended
                stream.close()
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class _Pool:
    """As many workers as cores, and as many threads to feed them."""

    def __init__(self, size: int) -> None:
        self._workers: list[_Worker] = []
        try:
            for _ in range(size):
                self._workers.append(_Worker())
            self._threads = threads.pool(size, "psiselect-portable")
        except ResourceError:
            for worker in self._workers:
                worker.stop()
            raise
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)

    def submit(self, parts: rowwise.Parts) -> Future[bytes]:
        return self._threads.submit(self._run, parts)

    def _run(self, parts: rowwise.Parts) -> bytes:
        worker = self._idle.get()
        try:
            return worker.call(parts)
        except LocalError:
            worker = self._replaced(worker)
            raise
        finally:
            self._idle.put(worker)

    def _replaced(self, dead: _Worker) -> _Worker:
        """What a process that keeps running goes on with; the call that met the dead one has failed."""
        dead.stop()
        self._workers[self._workers.index(dead)] = fresh = _Worker()
        return fresh

    def stop(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
        for worker in self._workers:
            worker.stop()


class PortableBackend:
    """The group on `cryptography`, all cores. `threads` is the number of worker processes (None: one a core).

    Workers start with the first large batch; small batches and `threads=1` run in the calling thread. Safe to call
    from several threads. `mask` is as constant-time in the scalar as OpenSSL's X25519; `hash_to_curve` and
    `hash_and_mask` are variable-time in the items. Raises LocalError when a worker process dies.
    """

    name = "portable"

    def __init__(self, threads: int | None = None) -> None:
        if threads is not None and threads < 1:
            raise ValueError(f"a backend needs at least one thread, not {threads}")
        self._size = threads or available_cores()
        self._pool: _Pool | None = None
        self._stop: Callable[[], object] | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._owner = os.getpid()

    def mask(self, elements: U8, scalar: Scalar) -> U8:
        """X25519(scalar, u) for each row: (n, 32) -> (n, 32). A low-order u gives a zero row."""
        elements = _rows(elements)

        def parts(start: int, stop: int) -> rowwise.Parts:
            return b"mask", scalar.key, _bytes(elements[start:stop])

        return self._run(b"mask", len(elements), ELEMENT_BYTES, parts)

    def hash_to_curve(self, items: Packed, dst: bytes) -> U8:
        """RFC 9380's map before the cofactor is cleared: n items -> (n, 32)."""
        _check_tag(dst)

        def parts(start: int, stop: int) -> rowwise.Parts:
            return b"hash_to_curve", dst, *_window(items, start, stop)

        return self._run(b"hash_to_curve", len(items), ELEMENT_BYTES, parts)

    def hash_and_mask(self, items: Packed, scalar: Scalar, dst: bytes) -> U8:
        """mask(hash_to_curve(items, dst), scalar) in one trip: n items -> (n, 32)."""
        _check_tag(dst)

        def parts(start: int, stop: int) -> rowwise.Parts:
            return b"hash_and_mask", scalar.key, dst, *_window(items, start, stop)

        return self._run(b"hash_and_mask", len(items), ELEMENT_BYTES, parts)

    def digest(self, prefix: bytes, elements: U8, items: Packed | None, width: int) -> U8:
        """SHA-512(prefix || element || item), cut to `width` bytes: (n, 32), n items -> (n, width)."""
        elements = _rows(elements)
        if len(prefix) != PREFIX_BYTES or not 1 <= width <= 64:
            raise ValueError(f"a digest needs a prefix of {PREFIX_BYTES} bytes and a width of 1 to 64")
        if items is not None and len(items) != len(elements):
            raise ValueError(f"{len(elements)} elements but {len(items)} items")

        def parts(start: int, stop: int) -> rowwise.Parts:
            window = (b"", b"") if items is None else _window(items, start, stop)
            return b"digest", prefix, _bytes(elements[start:stop]), *window, width.to_bytes(1, "little")

        return self._run(b"digest", len(elements), width, parts)

    def close(self) -> None:
        """Stop the workers; returns within one trip. Safe to call twice."""
        with self._lock:
            self._closed, self._pool = True, None
            if self._stop is not None:
                self._stop()

    def _run(self, name: bytes, rows: int, width: int, parts: Callable[[int, int], rowwise.Parts]) -> U8:
        """Cut 0..rows into trips, run them here or in the workers, lay the answers end to end."""
        out = np.empty((rows, width), np.uint8)
        here = rows <= _INLINE_ROWS[name] or self._size == 1 or os.getpid() != self._owner
        step = max(1, min(_TRIP_ROWS[name], -(-rows // self._size)))
        cuts = [(start, min(start + step, rows)) for start in range(0, rows, step)]
        if here:
            for start, stop in cuts:
                out[start:stop] = _table(rowwise.OPERATIONS[name](parts(start, stop)[1:]), width)
            return out
        pool = self._started()
        # At most two trips a worker are packed at any time: a caller's large batch is not copied as a whole.
        pending: list[tuple[int, int, Future[bytes]]] = []
        try:
            for start, stop in cuts:
                pending.append((start, stop, pool.submit(parts(start, stop))))
                if len(pending) >= 2 * self._size:
                    _collect(out, pending)
            while pending:
                _collect(out, pending)
        finally:
            for _, _, future in pending:
                future.cancel()
        return out

    def _started(self) -> _Pool:
        with self._lock:
            if self._closed:
                raise ValueError("the backend was closed")
            if self._pool is None:
                self._pool = _Pool(self._size)
                self._stop = weakref.finalize(self, self._pool.stop)
            return self._pool


def _collect(out: U8, pending: list[tuple[int, int, Future[bytes]]]) -> None:
    start, stop, future = pending.pop(0)
    out[start:stop] = _table(future.result(), out.shape[1])


def _table(raw: bytes, width: int) -> U8:
    return np.frombuffer(raw, np.uint8).reshape(-1, width)


def _check_tag(dst: bytes) -> None:
    if not 1 <= len(dst) <= 255:
        raise ValueError(f"a domain separation tag has 1 to 255 bytes, not {len(dst)}")


def _rows(elements: U8) -> U8:
    if elements.dtype != np.uint8 or elements.ndim != 2 or elements.shape[1] != ELEMENT_BYTES:
        raise ValueError(f"elements are (n, {ELEMENT_BYTES}) uint8, not {elements.shape} {elements.dtype}")
    return elements


def _bytes(rows: U8) -> memoryview:
    return np.ascontiguousarray(rows).reshape(-1).data


def _window(items: Packed, start: int, stop: int) -> tuple[memoryview, memoryview]:
    """The bytes of items start..stop and their offsets, counted from the first."""
    offsets = items.offsets[start : stop + 1]
    data = items.data[offsets[0] : offsets[-1]]
    return np.ascontiguousarray(data).data, np.ascontiguousarray(offsets - offsets[0]).data
