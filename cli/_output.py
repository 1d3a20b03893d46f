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
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli import words
from cli._wrapping import wrapped
from psiselect.base import durable
from psiselect.records import json_text, plain_value

if TYPE_CHECKING:
    from rich.progress import Progress

_RESULT_BYTES = 1 << 16  # more than a result takes
# With one of these, rich may draw a bar where there is no terminal.
_BAR_WITHOUT_TERMINAL = ("FORCE_COLOR", "TTY_COMPATIBLE")

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
    from cli import _drawing  # here, since most commands draw nothing

    kept = [tuple(row) for row in rows]
    numeric = [
        bool(kept) and all(isinstance(row[index], int | float | Fraction | None) for row in kept)
        for index in range(len(columns))
    ]
    cells = [[_cell(value) for value in row] for row in kept]
    with to_stdout():
        _drawing.draw_table([printable(name) for name in columns], cells, numeric, title)


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
    if hasattr(sys.stderr, "rich_proxied_file"):  # the bar's; click.echo would look behind it, and write into the bar
        sys.stderr.write(text + "\n")
    else:
        click.echo(text, err=True)


def may_draw() -> bool:
    """Whether somebody may see a progress display on stderr: `progress` draws none where this is False."""
    on_terminal = sys.stderr is not None and sys.stderr.isatty()
    return on_terminal or any(name in os.environ for name in _BAR_WITHOUT_TERMINAL)


def progress(*, counted: bool = True) -> Progress:
    """A progress display on stderr (a context manager, see `rich.progress`); silent unless that is a terminal.

    counted: show how many are done, of how many; else how many in a hundred. What goes to stdout meanwhile stays there:
    it may be a file. It must not go to the terminal before the display has ended.
    """
    from cli import _drawing  # here, since most commands draw nothing

    return _drawing.progress(counted=counted)


def printable(text: str) -> str:
    """`text` with control and other unprintable characters written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _cell(value: object) -> str:
    return (
        "-" if value is None else printable(str(plain_value(value) if isinstance(value, bytes | enum.Enum) else value))
    )
