"""Sizes of the fast mode, and what they are derived from (docs/fast-protocol.md, "Parameters")."""

from __future__ import annotations

from psi.fast.hermitian import SYMBOLS
from psi.oblivious.field import F16

MAX_ITEMS = 1 << 24  # 64-bit values: items of the sender that fit by chance are 2^-40 of a run
BAND_BITS = 256
CHOICES = SYMBOLS * F16.degree  # base transfers
PLANES = CHOICES  # bits of a code word
ROW_BYTES = 32  # of a code word in a row, with zeros at the end
ID_BYTES = 16
SALT_BYTES = 32
SLICE_SLOTS = 1 << 15  # a slice of the matrix fits into a frame
MAX_ATTEMPTS = 8  # each fails with probability below 2^-49; items that are not distinct always fail
_SLOT_UNIT = 64  # slots in a machine word


def slots(items: int) -> int:
    """Slots of a store for so many items: 1.1 for each and a band, filled up to whole words."""
    return -(-(11 * items + 10 * BAND_BITS) // (10 * _SLOT_UNIT)) * _SLOT_UNIT
