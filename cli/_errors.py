"""Exit codes of errors (docs/architecture.md), and one way to print an error."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import NoReturn

import click

from cli._wrapping import wrapped
from psiselect.base import errors
from psiselect.base.errors import EXIT_BUG, OutputError, UsageError

__all__ = ["EXIT_BUG", "EXIT_USAGE", "ToldError", "as_record", "classify", "fail", "let_go_of_stdout"]

EXIT_USAGE = UsageError.exit_code


class ToldError(OutputError):
    """With --json, the result that was printed says so too."""


def classify(error: BaseException) -> tuple[int, str]:
    """Exit code and kind of an error, as the tree of errors has them; click's own usage errors are such, too."""
    return (EXIT_USAGE, UsageError.kind) if isinstance(error, click.UsageError) else errors.classify(error)


def fail(error: BaseException, as_json: bool) -> NoReturn:
    """Print the error (JSON on stdout with --json, one line on stderr otherwise) and exit with its code."""
    code, _ = classify(error)
    message = error.format_message() if isinstance(error, click.ClickException) else str(error)
    told = isinstance(error, ToldError)
    if as_json and not told and sys.stdout is not None:
        with contextlib.suppress(OSError):
            click.echo(json.dumps({"error": as_record(error, message)}))
            told = True
    if not told or not as_json:
        click.echo(wrapped(f"psiselect: {message}"), err=True)
    let_go_of_stdout()
    sys.exit(code)


def as_record(error: BaseException, message: str | None = None) -> dict[str, object]:
    """An error as --json reports it."""
    code, kind = classify(error)
    return {"code": code, "kind": kind, "term": getattr(error, "term", None), "message": message or str(error)}


def let_go_of_stdout() -> None:
    """Forget what stdout does not take: at its end Python would try once more, and exit with a code of its own."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
