"""Whether secrets are drawn anew and in full: pieces that must not repeat, and the rank of many samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable

_PIECE = 8  # bytes
_SPARE = 31  # samples beyond the bits: random bits have full rank then, except with probability below 2^-30


def assert_nothing_repeats(samples: Iterable[bytes]) -> None:
    """No 8 bytes occur twice, within a sample or in two of them. Cutting starts at each sample's beginning; what is
    left over at its end is not looked at. For n pieces of uniform bytes it fails by chance with probability below
    n^2 / 2^65."""
    pieces = [s[at : at + _PIECE] for s in samples for at in range(0, len(s) - _PIECE + 1, _PIECE)]
    assert len(pieces) > 1
    assert len(set(pieces)) == len(pieces)


def assert_every_bit_counts(draw: Callable[[], bytes], bits: int) -> None:
    """The samples vary in as many bits as stated, none of them a sum of others. `bits` uniform ones pass, except with
    probability below 2^-30."""
    first = int.from_bytes(draw(), "big")
    assert _rank(int.from_bytes(draw(), "big") ^ first for _ in range(bits + _SPARE)) == bits


def _rank(rows: Iterable[int]) -> int:
    """The rank of a matrix over two elements, a row a number."""
    leading: dict[int, int] = {}
    for row in rows:
        while row and (known := leading.get(row.bit_length())):
            row ^= known
        if row:
            leading[row.bit_length()] = row
    return len(leading)
