"""How work that takes a while speaks to whoever started it: in words, by its progress, and by what it has found.

A command prints all of it. A program finds the words in its log, under `psiselect`, and gets the rest from the call.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from psiselect.base.events import SafeLogger, event

LOGGER = SafeLogger("psiselect.session")

Progress = Callable[[int, int], None]
"""Called with how much is done, and of how much; 0 while that is not known."""


def tell_log(text: str) -> None:
    """A notice in the log. It holds numbers of rows and names of files, and no value of any row."""
    LOGGER.info("%s", text, extra=event("notice"))


def tell_slower(text: str) -> None:
    """That the slower backend is used, in the log."""
    LOGGER.warning("%s", text, extra=event("slower_backend"))


def silent(done: int, total: int) -> None:
    """Progress that nobody asked for."""


@contextlib.contextmanager
def no_display() -> Iterator[Progress]:
    """Nothing is shown of progress."""
    yield silent


@dataclass(frozen=True)
class Talk:
    """Where words and progress go.

    Attributes:
        tell: takes one line for people.
        slower: takes the line that the slower backend is used.
        shown: a display of progress, for as long as the work lasts.
    """

    tell: Callable[[str], None] = tell_log
    slower: Callable[[str], None] = tell_slower
    shown: Callable[[], AbstractContextManager[Progress]] = field(default=no_display)
