"""`--ledger` and `--dataset`: the budget that a release is charged to, the same for every command that spends epsilon.

Rule: what is to be paid is paid before anything that depends on the data leaves.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from cli import words
from cli._options import Command, options
from psiselect.base.errors import InputError, OutputError
from psiselect.charges import Charge, open_ledger

__all__ = ["Charge", "ledger_options", "open_ledger", "writing"]


def ledger_options(data: str, when: str = "") -> Callable[[Command], Command]:
    """The two options. data: what the data set is of. when: what they go with, such as "noisy-count"."""

    def with_condition(text: str) -> str:
        return f"{when}: {text[0].lower()}{text[1:]}" if when else text

    return options(
        click.option(
            "--ledger",
            type=click.Path(dir_okay=False, path_type=Path),
            help=with_condition(
                "Subtract the epsilon of this result from the budget in this file. A budget is a limit for the "
                "epsilons of all results together. If too little is left in the budget, the command stops. `psiselect "
                "budget create` makes the file."
            ),
        ),
        click.option(
            "--dataset",
            metavar="NAME",
            help=with_condition(f"Give the name that you chose for {data} with `psiselect budget create --dataset`."),
        ),
    )


@contextlib.contextmanager
def writing(*, charged: bool, file: Path | None = None, kept: Path | None = None) -> Iterator[None]:
    """Around what writes a result, to stdout or to a file: when that fails, InputError says so, and whether the result
    is paid for. kept: the file that has the result all the same."""
    try:
        yield
    except (OSError, InputError) as error:
        if isinstance(error, InputError) and not charged and kept is None:
            raise
        if isinstance(error, OSError | OutputError) and file is None:
            _leave_stdout()
        reason = error.reason if isinstance(error, OutputError) else getattr(error, "strerror", None) or str(error)
        if not charged or kept is not None:
            raise words.not_written(reason, kept) from None
        raise words.charged_not_written(reason) from None


def _leave_stdout() -> None:
    """After stdout failed: what is still to be said goes to stderr, the error of --json too."""
    with contextlib.suppress(OSError):  # else the interpreter writes what is left once more, and ends with 120
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
    sys.stdout = sys.stderr
