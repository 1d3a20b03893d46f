"""What every `mpc` command needs to know, and how it reads its numbers."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import click

from cli._output import json_option, progress
from mpc import parties
from mpc.fixedpoint import parse_decimal
from mpc.parties import PartyList
from mpc.session import DEFAULT_TIMEOUT, Progress
from mpc.terms import MAX_LENGTH
from psi.identity.identity import Identity
from psiselect.base.errors import InputError, UsageError

_Command = TypeVar("_Command", bound=Callable[..., Any])


def common_options(decorated: _Command) -> _Command:
    """What every function needs to know."""
    for option in reversed(
        (
            click.option("--party", required=True, metavar="NAME", help="Who this is, as named in the parties file."),
            click.option(
                "--parties",
                "parties_file",
                required=True,
                type=click.Path(path_type=Path),
                help="parties.toml, the same for everyone.",
            ),
            click.option(
                "--identity",
                required=True,
                type=click.Path(path_type=Path),
                metavar="DIR/NAME",
                help="Own key and certificate, as made by `psiselect identity create`.",
            ),
            click.option(
                "--timeout",
                type=click.FloatRange(min=1),
                default=DEFAULT_TIMEOUT,
                show_default=True,
                metavar="SECONDS",
                help="For the whole run, waiting for the others included.",
            ),
            json_option,
        )
    ):
        decorated = option(decorated)
    return decorated


@dataclass(frozen=True, slots=True)
class Session:
    """The common options, read."""

    roster: PartyList
    party: str
    identity: Identity
    timeout: float
    as_json: bool

    @contextlib.contextmanager
    def waiting(self) -> Iterator[Progress]:
        """A progress display while the others connect."""
        with progress() as display:
            task = display.add_task("waiting for the others", total=len(self.roster.peers(self.party)))
            yield lambda done, _: display.update(task, completed=done)


def open_session(*, party: str, parties_file: Path, identity: Path, timeout: float, as_json: bool) -> Session:
    """Read the parties file and the identity. Raises InputError, UsageError."""
    roster = parties.load(parties_file)
    _ = roster[party]
    return Session(roster, party, Identity.load(identity), timeout, as_json)


def read_values(roster: PartyList, party: str, value: str | None, file: Path | None) -> list[Fraction] | None:
    """This party's numbers, None for a server. Raises UsageError or InputError."""
    if not roster[party].inputs:
        if value is not None or file is not None:
            raise UsageError(f"{party} is a server and brings no value", term="value")
        return None
    if (value is None) == (file is None):
        raise UsageError("give either --value or --values", term="value")
    if value is not None:
        text = sys.stdin.readline() if value == "-" else value
        return [parse_decimal(part, "value") for part in text.split(",")]
    if file is None:
        return []
    return [parse_decimal(line, f"{file}, line {i}") for i, line in enumerate(read_lines(file, "one number"), 1)]


def read_lines(file: Path, what: str) -> list[str]:
    """The lines of a small text file, `what` on each. Raises InputError."""
    try:
        with file.open(encoding="utf-8-sig") as opened:
            lines = opened.read(128 * MAX_LENGTH).splitlines()
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{file} is not UTF-8 text; expected {what} a line") from None
    if not 1 <= len(lines) <= MAX_LENGTH:
        raise InputError(f"{file} has {len(lines)} lines; expected 1 to {MAX_LENGTH}, {what} on each")
    return lines
