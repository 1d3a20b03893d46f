"""Options that several commands share, put together."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def options(*decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """All of these decorators as one; `--help` shows them in this order."""

    def apply(command: Command) -> Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return apply


def choice(kind: type[Enum]) -> click.Choice[str]:
    """One of the values of an enumeration, as its text."""
    return click.Choice([member.value for member in kind])
