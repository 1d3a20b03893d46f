"""One table from error to exit code (docs/architecture.md), and one way to print an error."""

from __future__ import annotations

import json
import sys
from typing import NoReturn

import click

from psiselect.base.errors import (
    BudgetError,
    InputError,
    PolicyError,
    RemoteError,
    ResourceError,
    TransportError,
    UsageError,
)

EXIT_BUG, EXIT_USAGE, EXIT_INPUT, EXIT_PEER, EXIT_TRANSPORT, EXIT_POLICY = 1, 2, 3, 4, 5, 6

# Most specific first; `kind` is what --json reports.
EXIT_CODES: tuple[tuple[type[Exception], int, str], ...] = (
    (UsageError, EXIT_USAGE, "usage"),
    (InputError, EXIT_INPUT, "input"),
    (BudgetError, EXIT_POLICY, "budget"),
    (PolicyError, EXIT_POLICY, "policy"),
    (RemoteError, EXIT_PEER, "peer"),
    (TransportError, EXIT_TRANSPORT, "transport"),
    (ResourceError, EXIT_TRANSPORT, "resource"),
    (click.UsageError, EXIT_USAGE, "usage"),
)


def classify(error: BaseException) -> tuple[int, str]:
    """Exit code and kind of an error; anything not in the table is a bug."""
    for kind, code, name in EXIT_CODES:
        if isinstance(error, kind):
            return code, name
    return EXIT_BUG, "bug"


def fail(error: BaseException, as_json: bool) -> NoReturn:
    """Print the error (JSON on stdout with --json, one line on stderr otherwise) and exit with its code."""
    code, kind = classify(error)
    message = error.format_message() if isinstance(error, click.ClickException) else str(error)
    if as_json:
        term = getattr(error, "term", None)
        click.echo(json.dumps({"error": {"code": code, "kind": kind, "term": term, "message": message}}))
    else:
        click.echo(f"psiselect: {message}", err=True)
    sys.exit(code)
