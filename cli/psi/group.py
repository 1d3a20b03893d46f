"""The group `psiselect psi`: where each of its commands is."""

from __future__ import annotations

import click

from cli._lazy import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "answer": ("cli.psi.offline:answer", "Answer the peer's offer, a file that `psi offer` has written."),
    "check": (
        "cli.psi.check:check_list",
        "Check your own list: which rows can match, which cannot, and why.",
    ),
    "connect": (
        "cli.psi.command:connect_",
        "Call the other company's program (the peer), and match your list with the peer's list.",
    ),
    "estimate": (
        "cli.psi.estimate:estimate_",
        "Predict how long a session takes, and how much data and disk space it needs.",
    ),
    "finish": ("cli.psi.offline:finish", "Read the peer's answer to your offer, and show the result."),
    "listen": (
        "cli.psi.command:listen",
        "Wait until the other company's program (the peer) calls, and match your list with the peer's list.",
    ),
    "local": (
        "cli.psi.local:local_",
        "Match two lists, A and B, on this machine, without a network, to try the program or to measure its speed.",
    ),
    "offer": (
        "cli.psi.offline:offer",
        "Begin an exchange of files, without a connection: write an offer for the peer to answer.",
    ),
    "runs": (
        "cli.psi.runs:command",
        "Show how many sessions each peer has had, or correct the times of sessions if the machine's clock was wrong.",
    ),
    "verify": ("cli.psi.verify:verify", "Check the signed record of a session and show what both sides signed."),
}


@click.group("psi", cls=LazyGroup, lazy=COMMANDS)
def command() -> None:
    """Match your list with the list of another company (the peer), without showing each other your lists.

    One side waits (`psi listen`), and the other side calls (`psi connect`). A session lasts from the call to the
    result. Both must agree on what the result shows (--reveal), and on how values, such as e-mail addresses, are
    compared (--key). docs/first-match.md shows every step.
    """
