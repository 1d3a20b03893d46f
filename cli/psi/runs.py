"""`psiselect psi runs`: how many sessions each peer has had, and the way out when a wrong clock was counted."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import click

from cli._output import json_option, print_fields, print_json, print_table, say
from cli.psi import words
from psi.accounts import audit
from psi.accounts.policy import Policy
from psi.accounts.session_counter import SessionCounter

_POLICY = click.option(
    "--policy",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Use this policy, a file that limits the sessions of each peer. You need not name the file in which "
    "these sessions are counted: the command finds it.",
)


@click.group("runs")
def command() -> None:
    """Show how many sessions each peer has had, or correct the times of sessions if the machine's clock was wrong.

    A policy is a file that says, among other things, how many sessions each peer may have in a week."""


@command.command("show", short_help="Show how many sessions each peer has had.")
@_POLICY
@json_option
def show(policy: Path, as_json: bool) -> None:
    """Show how many sessions each peer has had, and when the next may begin.

    \b
    Examples:
      psiselect psi runs show --policy weekly.toml
    """
    rules, counter, now = _opened(policy)
    clock = counter.clock()
    peers = [
        {
            "fingerprint": peer.hex(),
            "sessions": counter.count(peer),
            "allowed": f"{allowance.count} in {allowance.per}",
            "next": _text(max(now, free)) if (free := counter.next(peer, allowance, now)) is not None else None,
        }
        for peer, allowance in ((peer, found.runs) for peer, found in rules.peers.items())
    ]
    if as_json:
        print_json({"counter": counter.path, "now": _text(now), "latest_clock": _text(clock), "peers": peers})
        return
    print_fields({"counted in": counter.path, "now": _text(now), "latest time seen": _text(clock) if clock else None})
    print_table(
        ["peer", "sessions", "allowed", "next may begin"],
        [(found["fingerprint"], found["sessions"], found["allowed"], found["next"] or "never") for found in peers],
    )
    if clock > now:
        say(_ahead(clock, now) + words.MENDING)


@command.command("mend", short_help="Correct the times of sessions if the clock was ahead.")
@_POLICY
@click.option(
    "--audit",
    "log",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Add a line about the change to this audit file, your list of sessions.",
)
@click.option("--yes", is_flag=True, help="Change the times without asking.")
@json_option
def mend(policy: Path, log: Path, yes: bool, as_json: bool) -> None:
    """Correct the recorded times of sessions if the machine's clock was ahead.

    If a session is recorded with a time in the future, the command changes this time to now. The session still counts.
    The command first adds a line about the change to the audit file.

    \b
    Examples:
      psiselect psi runs mend --policy weekly.toml --audit sessions.log
    """
    _, counter, now = _opened(policy)
    clock, later = counter.clock(), counter.later_than(now)
    changed = clock > now or later > 0
    if changed:
        say(_ahead(max(clock, now), now))
        say(words.what_changes(_text(now), later))
        if not yes and not click.confirm(words.ASK_TO_MEND, err=True):
            raise words.nothing_changed()
        audit.append(
            log,
            {
                "time": _text(now),
                "outcome": "runs mended",
                "latest_clock": _text(clock),
                "sessions_moved": later,
                **dict.fromkeys(("side", "peer", "error", "own_size", "terms", "record", "signatures")),
            },
        )
        counter.mend(now)
    if as_json:
        print_json({"counter": counter.path, "changed": changed, "sessions_moved": later})
    else:
        print_fields({"counter": counter.path, "changed": "yes" if changed else words.NO_LATER_TIME})


def _opened(policy: Path) -> tuple[Policy, SessionCounter, int]:
    """The policy, its counter, and the time. Raises InputError when nothing has been counted yet."""
    rules = Policy.load(policy)
    if not rules.state.exists():
        raise words.nothing_counted(rules.state, policy)
    return rules, SessionCounter(rules.state), int(time.time())


def _ahead(clock: int, now: int) -> str:
    return words.clock_ahead(_text(clock), (clock - now) / 86_400, _text(now))


def _text(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
