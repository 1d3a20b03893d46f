"""`--policy`: what this side allows, held against the command at its start and against the peer when it is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import click

from cli._output import say
from psi.identity import PeerIdentity
from psi.policy import Policy, Request
from psi.run_counter import RunCounter

OPTION = click.option(
    "--policy",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What I allow, in TOML: peers, modes, columns, sizes, runs in a period. Refuses the rest with exit 6.",
)


@dataclass(frozen=True)
class Guard:
    """A policy, if one was given, with the file that counts runs."""

    policy: Policy | None = None

    @classmethod
    def load(cls, path: Path | None) -> Guard:
        """Read the policy. Raises InputError."""
        return cls(None if path is None else Policy.load(path))

    def check(self, peers: Iterable[PeerIdentity], request: Request) -> None:
        """Every peer that is named must be one with whom the command may be run. Raises PolicyError."""
        if self.policy is not None:
            for peer in peers:
                self.policy.check(peer.fingerprint, request)

    def prepare(self) -> None:
        """Open the counter of runs before the peer is bothered. Raises InputError."""
        if self.policy is not None and RunCounter(self.policy.state).created:
            say(f"runs are counted in {self.policy.state}, made now")

    def admission(self, peer: PeerIdentity) -> Callable[[int], None]:
        """What `psi.protocol.Setup.admit` asks."""
        policy = self.policy
        if policy is None:
            return lambda size: None

        def admit(size: int) -> None:
            policy.check_peer_size(peer.fingerprint, size)
            allowance = policy.rules(peer.fingerprint).runs
            RunCounter(policy.state).spend(peer.fingerprint, allowance, int(time.time()))

        return admit
