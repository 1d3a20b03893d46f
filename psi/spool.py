"""Columns of fixed-width rows, in memory or on disk, and how two of them are matched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from psi.packed import I64, U8


class Column(Protocol):
    """An append-only array of rows, `width` bytes each."""

    width: int

    def __len__(self) -> int: ...

    def append(self, rows: U8) -> None:
        """Add rows, shape (k, width)."""
        ...

    def read(self, start: int, stop: int) -> U8:
        """Rows start..stop, shape (stop - start, width)."""
        ...


class Store(Protocol):
    """Where a session keeps its columns."""

    def column(self, name: str, width: int) -> Column:
        """Open the column `name`, empty or as far as it was written."""
        ...

    def match(self, own: Column, peer: Column) -> I64:
        """Row numbers of `own` (ascending, int64) whose bytes also occur in `peer`."""
        ...

    def ascending(self, column: Column) -> Iterator[U8]:
        """The rows of `column` in ascending order (as big-endian numbers), in blocks of bounded size. Rows are
        uniform, so that a column on disk is sorted partition by partition. Used for tags and, in the modes that hide
        membership, for replies: the order of a sorted set says nothing beyond the set."""
        ...

    def close(self) -> None:
        """Drop the columns; files are removed."""
        ...
