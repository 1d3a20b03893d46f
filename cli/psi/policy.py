"""`--policy`: what this side allows, held against the command at its start and against the peer when it is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import click

from cli._output import say
from dpselect.accounting import ApproximateDp
from dpselect.ledger import Ledger
from psi.accounts.policy import Charge, Policy, Request
from psi.accounts.session_counter import SessionCounter
from psi.agreement.terms import Terms
from psi.identity.identity import PeerIdentity
from psiselect.base.errors import PolicyError

OPTION = click.option(
    "--policy",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What I allow, in TOML: peers, modes, columns, sizes, sessions in a period. Refuses the rest with exit 6.",
)


@dataclass(frozen=True)
class Guard:
    """A policy, if one was given, with the file that counts sessions. request: what this side is about to do."""

    policy: Policy | None
    request: Request

    @classmethod
    def load(cls, path: Path | None, request: Request) -> Guard:
        """Read the policy. Raises InputError."""
        return cls(None if path is None else Policy.load(path), request)

    def anew(self) -> Guard:
        """The policy as its file is now. Raises InputError."""
        return self if self.policy is None else Guard.load(self.policy.path, self.request)

    def check(self, peers: Iterable[PeerIdentity], own_size: int | None = None) -> None:
        """Every peer that is named must be one that may have this session. own_size: None as long as the table
        has not been read. Raises PolicyError."""
        if self.policy is not None:
            for peer in peers:
                self.policy.check(peer.fingerprint, replace(self.request, own_size=own_size))

    def check_peer_size(self, peer: PeerIdentity, size: int) -> None:
        """Raises PolicyError when the peer declares a longer list than it may."""
        if self.policy is not None:
            self.policy.check_peer_size(peer.fingerprint, size)

    def prepare(self, peers: Iterable[PeerIdentity]) -> None:
        """Open the counter of sessions and the ledgers before the peer is bothered. Raises InputError."""
        if self.policy is None:
            return
        if SessionCounter(self.policy.state).created:
            say(f"sessions are counted in {self.policy.state}, made now")
        for peer in peers:
            charge = self.policy.rules(peer.fingerprint).ledger
            if charge is not None:
                Ledger.open(self.policy.beside(charge.file))

    def admission(self, peer: PeerIdentity, terms: Terms) -> Callable[[], None]:
        """What `psi.protocol.setup.Setup.admit` asks: counts a session with the peer, and pays for it."""
        policy = self.policy
        if policy is None:
            return lambda: None

        def admit() -> None:
            rules = policy.rules(peer.fingerprint)
            SessionCounter(policy.state).spend(peer.fingerprint, rules.runs, int(time.time()))
            if rules.ledger is not None:
                _charge(policy, rules.ledger, peer, terms)

        return admit


def _charge(policy: Policy, charge: Charge, peer: PeerIdentity, terms: Terms) -> None:
    """Pay for a noisy session. Raises BudgetError when the budget does not hold it, PolicyError, InputError."""
    if terms.epsilon is None or terms.delta is None:
        raise PolicyError(f"the policy {policy.path} has a ledger, which pays for noisy sessions only", term="ledger")
    # A key added, removed or replaced changes the count by at most 1: it holds under the ledger's relation.
    Ledger.open(policy.beside(charge.file)).spend(
        charge.dataset,
        ApproximateDp(terms.epsilon, terms.delta),
        neighbors=None,
        what=f"psi {terms.reveal.value} with {peer.fingerprint.hex()[:16]}",
    )
