"""How commands speak: results on stdout (text, or one JSON object), all talk on stderr.

Text that came from a file or a peer goes through `printable`, so that it can neither move the cursor nor be read as
markup.
"""

from __future__ import annotations

import contextlib
import enum
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.file_proxy import FileProxy
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Table
from rich.text import Text

from cli import words
from cli._fitting import Fitted
from cli._wrapping import wrapped
from psiselect.base import durable
from psiselect.records import json_text, plain_value

# Piped tables are for programs and files: wide enough not to wrap a fingerprint.
_PIPED_WIDTH = 200
_RESULT_BYTES = 1 << 16  # more than a result takes
_WIDE, _WIDE_BAR, _NARROW_BAR = 100, 40, 20  # columns of a terminal, and of a progress bar

_Command = TypeVar("_Command", bound=Callable[..., Any])


def json_option(command: _Command) -> _Command:
    """Add `--json` to a command; its function receives `as_json`."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print the result as one JSON object, for programs to read."
    )(command)


def print_json(record: Mapping[str, object]) -> None:
    """One JSON object on stdout, on one line; see `json_text`."""
    print_line(json_text(record))


def print_line(text: str = "") -> None:
    """One line on stdout."""
    with to_stdout():
        click.echo(text)


def print_fields(fields: Mapping[str, object]) -> None:
    """Aligned `name  value` lines on stdout; a value of None prints as a dash."""
    width = max((len(name) for name in fields), default=0)
    with to_stdout():
        for name, value in fields.items():
            click.echo(f"{name:<{width}}  {_cell(value)}")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> None:
    """A table on stdout. Numbers are aligned to the right; a cell of None prints as a dash."""
    kept = [tuple(row) for row in rows]
    table = Table(title=title, title_justify="left")
    for index, name in enumerate(columns):
        numeric = bool(kept) and all(isinstance(row[index], int | float | Fraction | None) for row in kept)
        table.add_column(Text(printable(name)), justify="right" if numeric else "left", overflow="fold")
    for row in kept:
        table.add_row(*(Text(_cell(value)) for value in row))
    with to_stdout():
        stdout_console().print(Fitted(table))


@contextlib.contextmanager
def to_stdout() -> Iterator[None]:
    """What the block prints goes to stdout. Raises OutputError when the system refuses it."""
    try:
        yield
    except BrokenPipeError:
        raise words.nobody_reads() from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise words.stdout_refused(reason) from None


def hold_stdout() -> None:
    """Where stdout is a file, take room for a result now, before a session whose result it has to hold. Raises
    OutputError when there is none."""
    try:
        handle = sys.stdout.fileno()
    except io.UnsupportedOperation:  # something in memory stands in for it
        return
    with to_stdout():
        durable.hold_room(handle, _RESULT_BYTES)


def say(message: str) -> None:
    """One line of talk on stderr; above a progress bar, where there is one."""
    text = wrapped(printable(message))
    if isinstance(sys.stderr, FileProxy):  # the bar's; click.echo would look behind it, and write into the bar
        sys.stderr.write(text + "\n")
    else:
        click.echo(text, err=True)


def stdout_console() -> Console:
    """A rich console for results; made when needed, so that it follows a redirected stdout."""
    return _sized(_StdoutConsole(highlight=False, markup=False, emoji=False))


def stderr_console() -> Console:
    """A rich console for talk."""
    return _sized(Console(stderr=True, highlight=False, markup=False, emoji=False))


def progress(*, counted: bool = True) -> Progress:
    """A progress display on stderr (a context manager, see `rich.progress`); silent unless that is a terminal.

    counted: show how many are done, of how many; else how many in a hundred. What goes to stdout meanwhile stays there:
    it may be a file. It must not go to the terminal before the display has ended.
    """
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


def printable(text: str) -> str:
    """`text` with control and other unprintable characters written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


class _StdoutConsole(Console):
    def on_broken_pipe(self) -> None:
        """Leave the error to `to_stdout`; rich would end the program without a word."""
        raise BrokenPipeError


def _sized(console: Console) -> Console:
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _PIPED_WIDTH
    return console


def _cell(value: object) -> str:
    return (
        "-" if value is None else printable(str(plain_value(value) if isinstance(value, bytes | enum.Enum) else value))
    )
