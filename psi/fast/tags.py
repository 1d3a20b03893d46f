"""From an item's symbols to what is compared, and to what opens its label."""

from __future__ import annotations

import numpy as np

from psi.fast.items import Purpose, Salted
from psi.fast.kernels.interface import U64, Kernels
from psi.fast.parameters import ID_BYTES, ROW_BYTES
from psiselect.base.packed import U8, Packed

KEY_BYTES = 32


class Tagger:
    """The hashes of symbols (n, 4) and identifiers (n, 16) in one run."""

    def __init__(self, kernels: Kernels, salted: Salted, width: int) -> None:
        self.width = width
        self._kernels = kernels
        self._blocks = {purpose: salted.block(purpose) for purpose in (Purpose.TAG, Purpose.LABEL)}

    def tags(self, symbols: U64, ids: U8) -> U8:
        """What is compared: (n, width)."""
        return self._hashed(Purpose.TAG, symbols, ids)[:, : self.width]

    def label_keys(self, symbols: U64, ids: U8) -> U8:
        """What the labels of these items are sealed under: (n, 32)."""
        return self._hashed(Purpose.LABEL, symbols, ids)

    def _hashed(self, purpose: Purpose, symbols: U64, ids: U8) -> U8:
        width = ROW_BYTES + ID_BYTES
        joined = np.empty((len(ids), width), np.uint8)
        joined[:, :ROW_BYTES] = symbols.astype("<u8", copy=False).view(np.uint8)
        joined[:, ROW_BYTES:] = ids
        offsets = np.arange(len(ids) + 1, dtype=np.int64) * width
        return self._kernels.sha256(self._blocks[purpose], Packed(joined.reshape(-1), offsets))
