"""One sweep over slices gives what looking everything up at once gives."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from support.fast import every_kernels
from support.symbols import drawn

from psi.fast.kernels.interface import Kernels
from psi.fast.lookup import Sweep

SLOTS = 1200
PLACES = np.repeat(np.arange(SLOTS - 255), 2)[1:]  # an item or two at every place


@pytest.mark.parametrize("kernels", every_kernels(), ids=lambda kernels: kernels.name)
@pytest.mark.parametrize("lengths", [[1200], [256, 944], [255, 1, 944], [64] * 18 + [48], [600, 0, 600], [1, 1199]])
def test_items_at_every_place_are_looked_up_once_whatever_the_slices(kernels: Kernels, lengths: list[int]) -> None:
    rows, bands = (drawn((count, 32), str(count)).view("<u8").astype(np.uint64) for count in (SLOTS, len(PLACES)))
    located = SimpleNamespace(
        starts=PLACES.astype(np.uint32),
        places=lambda start, stop: PLACES[start:stop].astype(np.int64),
        bands=lambda start, stop: bands[start:stop],
    )
    sweep, found, at = Sweep(kernels, located), np.zeros_like(bands), 0  # type: ignore[arg-type]
    seen: list[int] = []
    for length in lengths:
        for start, stop, sums in sweep.feed(rows[at : at + length]):
            found[start:stop] = sums
            seen += range(start, stop)
        at += length
    assert at == SLOTS
    assert seen == list(range(len(PLACES)))
    assert np.array_equal(found, kernels.decode(rows, PLACES.astype(np.int64), bands))
