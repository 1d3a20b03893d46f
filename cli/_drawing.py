"""Tables and progress bars, as `rich` draws them. Loaded when one is drawn, since `rich` takes long to load."""

from __future__ import annotations

import os
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Table
from rich.text import Text

from cli._fitting import Fitted

# Piped tables are for programs and files: wide enough not to wrap a fingerprint.
_PIPED_WIDTH = 200
_WIDE, _WIDE_BAR, _NARROW_BAR = 100, 40, 20  # columns of a terminal, and of a progress bar


def stdout_console() -> Console:
    """A rich console for results; made when needed, so that it follows a redirected stdout."""
    return _sized(_StdoutConsole(highlight=False, markup=False, emoji=False))


def stderr_console() -> Console:
    """A rich console for talk."""
    return _sized(Console(stderr=True, highlight=False, markup=False, emoji=False))


def draw_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool], title: str | None
) -> None:
    """A table on stdout. numeric: for each column, whether its cells are numbers, which stand to the right."""
    table = Table(title=title, title_justify="left")
    for name, is_numeric in zip(columns, numeric, strict=True):
        table.add_column(Text(name), justify="right" if is_numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    stdout_console().print(Fitted(table))


def progress(*, counted: bool) -> Progress:
    """See `cli._output.progress`."""
    console = stderr_console()
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=_WIDE_BAR if console.width >= _WIDE else _NARROW_BAR),
        _Done(counted),
        _Clocks(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
        redirect_stdout=False,
    )


class _Done(ProgressColumn):
    """How much of a task is done; nothing while it is not known of how much."""

    def __init__(self, counted: bool) -> None:
        self._counted = counted
        super().__init__()

    def render(self, task: Task) -> Text:
        if not task.total:
            return Text("")
        done = min(int(task.completed), int(task.total))
        return Text(f"{done:,} of {int(task.total):,}" if self._counted else f"{100 * done // int(task.total)}%")


class _Clocks(ProgressColumn):
    """How long a task has taken and, where that can be told, how long it will take, by name."""

    def render(self, task: Task) -> Text:
        spent, left = task.finished_time if task.finished else task.elapsed, task.time_remaining
        text = f"{_clock(spent or 0)} elapsed"
        return Text(text if left is None or task.finished else f"{text}, {_clock(left)} left")


def _clock(seconds: float) -> str:
    """Minutes and seconds, and hours where there are any: 0:05, 12:34, 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class _StdoutConsole(Console):
    def on_broken_pipe(self) -> None:
        """Leave the error to `to_stdout`; rich would end the program without a word."""
        raise BrokenPipeError


def _sized(console: Console) -> Console:
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _PIPED_WIDTH
    return console
