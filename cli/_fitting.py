"""Tables that break lines between words, as long as there is room for the longest word of each column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table

_ENDLESS = 1 << 16


@dataclass(frozen=True)
class Fitted:
    """A table in which wide columns give way first, none below its longest word (rich cuts words while other columns
    have room). Where even the words do not fit, `otherwise` is shown or, without it, the widest are cut."""

    table: Table
    otherwise: RenderableType | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        endless = options.update_width(_ENDLESS)
        measured = [
            [Measurement.get(console, endless, cell) for cell in (column.header, *column.cells)]
            for column in self.table.columns
        ]
        natural = [max((m.maximum for m in cells), default=0) for cells in measured]
        words = [max((m.minimum for m in cells), default=0) for cells in measured]
        frame = Measurement.get(console, endless, self.table).maximum - sum(natural)
        if self.otherwise is not None and sum(words) + frame > options.max_width:
            yield self.otherwise
            return
        widths = fit(natural, words, options.max_width - frame)
        for column, width in zip(self.table.columns, widths, strict=True):
            column.width = width
        yield self.table


def fit(natural: Sequence[int], words: Sequence[int], room: int) -> list[int]:
    """Column widths that add up to `room` at most: the widest columns give way, below their longest word only when
    all are down to theirs, and never below 1."""
    widths = list(natural)
    for floor in (words, [1] * len(widths)):
        while sum(widths) > room:
            movable = [i for i, width in enumerate(widths) if width > floor[i]]
            if not movable:
                break
            widths[max(movable, key=widths.__getitem__)] -= 1
    return widths
