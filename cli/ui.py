"""`psiselect ui`: a page for people without a terminal."""

from __future__ import annotations

import contextlib
import webbrowser
from pathlib import Path

import click

from cli import words
from cli._numbers import WholeNumber
from cli._wrapping import wrapped

IDLE_MINUTES = 30


@click.command("ui")
@click.option(
    "--port",
    type=WholeNumber(0, 65535),
    default=0,
    metavar="N",
    help="Use this port at 127.0.0.1.  [default: any that is free]",
)
@click.option(
    "--no-browser",
    is_flag=True,
    help="Do not open a browser, but print the name of a small file. If you open this file in a browser, it leads to "
    "the page.",
)
@click.option(
    "--idle",
    type=WholeNumber(1, 1440),
    default=IDLE_MINUTES,
    show_default=True,
    metavar="MINUTES",
    help="End after this many minutes without use. Time that a computation takes does not count.",
)
def command(port: int, no_browser: bool, idle: int) -> None:
    """Open a page in the browser, for elections, matching lists with another company, statistics, budgets and advice.

    Only your browser on this machine can use the page, and it loads nothing from elsewhere. End it with Ctrl-C. Draws,
    budgets and identities are kept in ~/.local/share/psiselect/ui.

    \b
    Examples:
      psiselect ui
      psiselect ui --no-browser --port 8765
    """
    try:
        from psiselect.ui.folder import Folder
        from psiselect.ui.server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in ("starlette", "uvicorn", "jinja2", "h11", "anyio", "python_multipart"):
            raise words.no_page() from None
        raise

    def opened(key: Path, listening: int) -> None:
        shown = False
        if not no_browser:
            with contextlib.suppress(webbrowser.Error):
                shown = webbrowser.open(key.as_uri())
        if shown:
            _say(words.page_is_open(listening, key))
        else:
            _say(words.open_this(key))
        _say(words.CTRL_C)

    if serve(port, Folder.usual(), idle * 60, opened):
        _say(words.page_ended(idle))


def _say(text: str) -> None:
    """One line on stderr. What other commands print with takes longer to load than the page may take to come."""
    click.echo(wrapped(text), err=True)
