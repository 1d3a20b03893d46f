"""The group's backend for a command, and one line for people where the fastest cannot be had."""

from __future__ import annotations

import contextlib
import functools
import warnings

from cli._output import say
from psi.group.curve25519.backend import Backend, load_backend


def open_backend(name: str, threads: int | None) -> contextlib.closing[Backend]:
    """The backend that was asked for, to be closed; see `load_backend`. Where `auto` takes the slower one, the reason
    goes to stderr, once in a process."""
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always", RuntimeWarning)
        backend = load_backend(name, threads)
    for warning in given:
        if warning.category is RuntimeWarning:
            _say_once(str(warning.message))
    return contextlib.closing(backend)


@functools.cache
def _say_once(line: str) -> None:
    say(line)
