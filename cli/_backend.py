"""The group's backend for a command, and one line for people where the fastest cannot be had."""

from __future__ import annotations

import contextlib
import functools

from cli._output import say
from psi.group.curve25519.backend import Backend, load_backend


def open_backend(name: str, threads: int | None) -> contextlib.closing[Backend]:
    """The backend that was asked for, to be closed; see `load_backend`. Where `auto` takes the slower one, the reason
    goes to stderr, once in a process."""
    return contextlib.closing(load_backend(name, threads, say_once))


@functools.cache
def say_once(line: str) -> None:
    """One line of talk on stderr, the first time only."""
    say(line)
