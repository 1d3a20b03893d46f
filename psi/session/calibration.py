"""One measurement of this machine, for the formulas of `psi.session.cost`."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from psi.agreement.column_terms import DEFAULT_LABEL_BYTES
from psi.agreement.terms import DEFAULT_CHUNK
from psi.group import masking
from psi.group.curve25519.backend import Backend
from psi.group.curve25519.scalar import Scalar
from psi.group.curve25519.suite import DST, ELEMENT_BYTES
from psi.inputs.distinct import DistinctBuilder
from psi.inputs.tokens import KeyTokens
from psi.labels import labels
from psi.labels.labels import KEY_BYTES
from psi.oblivious import cost as sum_cost
from psi.session.cost import Calibration
from psi.store.spool import Store
from psiselect.base.entropy import SystemEntropy
from psiselect.base.packed import Packed


def calibrate(backend: Backend, cores: int) -> Calibration:
    """Measure this machine, in under a second once the backend is up. `cores`: how many the backend computes on.

    Batches as large as the protocol's chunks, so that what a batch costs around the arithmetic is counted too.
    """
    probe = _Probe(backend)
    try:
        probe.measure_masking(512)  # starts threads or processes
        size = min(DEFAULT_CHUNK, max(512, int(1024 * 0.12 / probe.measure_masking(1024))))
        mask = statistics.median(probe.measure_masking(size) for _ in range(3)) / size
        both = statistics.median(probe.measure_hashing(size) for _ in range(3)) / size
        handling = probe.measure_handling(20_000) / 20_000
        sealing = probe.measure_sealing(4096) / 4096
        transfer = sum_cost.measure(backend, DEFAULT_CHUNK, SystemEntropy()) / DEFAULT_CHUNK
    finally:
        probe.close()
    return Calibration(backend.name, cores, mask * cores, max(0.0, both - mask) * cores, handling, transfer, sealing)


class _Probe:
    """Made-up items to time."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._entropy = SystemEntropy()
        self._scalar = Scalar.draw(self._entropy)
        self._items = Packed.of(b"%016d@example.org" % i for i in range(20_000))
        self._elements = backend.hash_to_curve(self._items.slice(0, DEFAULT_CHUNK), DST)

    def measure_masking(self, count: int) -> float:
        return _timed(lambda: self._backend.mask(self._elements[:count], self._scalar))

    def measure_hashing(self, count: int) -> float:
        return _timed(lambda: self._backend.hash_and_mask(self._items.slice(0, count), self._scalar, DST))

    def measure_handling(self, count: int) -> float:
        """All that happens to an item of one's own beside the group's arithmetic."""
        elements = np.resize(self._elements, (count, ELEMENT_BYTES))

        def handle() -> None:
            builder = DistinctBuilder()
            builder.add(self._items.slice(0, count).to_arrow())
            keys = builder.finish().keys
            if not isinstance(keys, Packed):
                raise RuntimeError("keys went to disk without a folder")
            tokens = KeyTokens.shuffled(keys, b"", self._entropy)
            store = Store()
            column = store.column("tags", 16)
            for start in range(0, count, DEFAULT_CHUNK):
                stop = min(start + DEFAULT_CHUNK, count)
                items = tokens.read(start, stop)
                column.append(masking.tags(self._backend, bytes(64), elements[start:stop], items, 16))
            store.join(column, column)

        return _timed(handle)

    def measure_sealing(self, count: int) -> float:
        keys = np.resize(self._elements, (count, KEY_BYTES))
        payloads = np.zeros((count, DEFAULT_LABEL_BYTES), np.uint8)
        return _timed(lambda: labels.seal(keys, payloads))

    def close(self) -> None:
        self._scalar.wipe()


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
