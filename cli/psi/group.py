"""The group `psiselect psi`: where each of its commands is."""

from __future__ import annotations

import click

from cli._lazy import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "answer": ("cli.psi.offline:answer", "Answer a peer's offer."),
    "check": (
        "cli.psi.check:check_list",
        "Check a list before a session: which rows have a key, and which do not, and why.",
    ),
    "connect": (
        "cli.psi.command:connect_",
        "Call the other company's program (the peer), and match your list with the peer's list.",
    ),
    "estimate": (
        "cli.psi.estimate:estimate_",
        "Predict seconds, bytes and disk of a run, from a measurement made here and now.",
    ),
    "finish": ("cli.psi.offline:finish", "Read the peer's answer to your offer, and show the result."),
    "listen": (
        "cli.psi.command:listen",
        "Wait until the other company's program (the peer) calls, and match your list with the peer's list.",
    ),
    "local": (
        "cli.psi.local:local_",
        "Run both parties on this machine, without a network: to try out and to measure.",
    ),
    "offer": ("cli.psi.offline:offer", "Begin an exchange by files: write an offer for the peer to answer."),
    "runs": (
        "cli.psi.runs:command",
        "Show the sessions that a policy has counted, or mend a counter that has seen a wrong clock.",
    ),
    "verify": ("cli.psi.verify:verify", "Check the signed record of a session and show what both sides signed."),
}


@click.group("psi", cls=LazyGroup, lazy=COMMANDS)
def command() -> None:
    """Private set intersection: which of our rows do both have, and nothing else.

    Both sides run one command each, at the same time, with the same --reveal and --key rules.
    """
