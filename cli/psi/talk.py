"""How the psi commands speak: notices on stderr, and progress as a bar on a terminal, else as a line now and then."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from cli import _backend
from cli._output import may_draw, progress, say
from psiselect.talk import Progress, ProgressLines, Talk


@contextlib.contextmanager
def shown(keys: int) -> Iterator[Progress]:
    """A progress display for a session. keys: how many this side has."""
    what = f"matching {keys:,} {'key' if keys == 1 else 'keys'}"
    lines = ProgressLines(what, lambda text, done, total: say(text))
    if not may_draw():
        yield lines
        return
    with progress(counted=False) as bar:
        if bar.disable:
            yield lines
            return
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


def table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A small table on stderr, its numbers aligned to the right."""
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
    numbers = names.index("rows")
    for row in (names, *rows):
        cells = (
            cell.rjust(width) if place == numbers else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        say("  " + "  ".join(cells).rstrip())


TALK = Talk(say, table, _backend.say_once, shown)
