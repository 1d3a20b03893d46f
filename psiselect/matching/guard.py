"""What this side allows: its policy, held against what is asked at the start, and against the peer when it is known."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from psi.accounts.policy import Charge as PolicyCharge
from psi.accounts.policy import Policy, Request
from psi.agreement.modes import Side
from psi.agreement.terms import Terms
from psi.identity.identity import PeerIdentity
from psiselect.base import later
from psiselect.charges import Charge, saying_paid
from psiselect.matching import words

if TYPE_CHECKING:
    from dpselect import accounting
    from dpselect import ledger as ledgers
    from psi.accounts import session_counter
else:
    accounting, ledgers = later.Module("dpselect.accounting"), later.Module("dpselect.ledger")
    session_counter = later.Module("psi.accounts.session_counter")


@dataclass(frozen=True)
class Guard:
    """A policy, if one was given, with the file that counts sessions. request: what this side is about to do. own: what
    a session costs the ledger that the command names."""

    policy: Policy | None
    request: Request
    own: Charge | None = None

    @classmethod
    def load(cls, path: Path | None, request: Request, own: Charge | None = None) -> Guard:
        """Read the policy. Raises InputError."""
        return cls(None if path is None else Policy.load(path), request, own)

    def anew(self) -> Guard:
        """The policy as its file is now. Raises InputError."""
        return self if self.policy is None else Guard.load(self.policy.path, self.request, self.own)

    def check(self, peers: Iterable[PeerIdentity], own_size: int | None = None) -> None:
        """Every peer that is named must be one that may have this session. own_size: None as long as the table
        has not been read. Raises PolicyError; UsageError when two ledgers would pay."""
        if self.policy is not None:
            for peer in peers:
                self.policy.check(peer.fingerprint, replace(self.request, own_size=own_size))
                if self.own is not None and self.policy.rules(peer.fingerprint).ledger is not None:
                    raise words.paid_twice(self.policy.path, peer.name)

    def check_peer_size(self, peer: PeerIdentity, size: int) -> None:
        """Raises PolicyError when the peer declares a longer list than it may."""
        if self.policy is not None:
            self.policy.check_peer_size(peer.fingerprint, size)

    def prepare(self, peers: Iterable[PeerIdentity], tell: Callable[[str], None]) -> None:
        """Open the counter of sessions and the ledgers before the peer is bothered. Raises InputError."""
        if self.policy is None:
            return
        if session_counter.SessionCounter(self.policy.state).created:
            tell(words.counter_is_new(self.policy.state))
        for peer in peers:
            charge = self.policy.rules(peer.fingerprint).ledger
            if charge is not None:
                ledgers.Ledger.open(self.policy.beside(charge.file))

    def admission(self, peer: PeerIdentity, terms: Terms) -> Admission:
        """What counts a session with the peer, and pays for it."""
        return Admission(self, peer, terms)


@dataclass
class Admission:
    """What `psi.protocol.setup.Setup.admit` asks of one session. paid: whether a ledger has paid for it."""

    guard: Guard
    peer: PeerIdentity
    terms: Terms
    paid: bool = False

    def __call__(self) -> None:
        """Count the session, and pay for it. Raises PolicyError, BudgetError, InputError."""
        policy, own = self.guard.policy, self.guard.own
        if policy is not None:
            rules = policy.rules(self.peer.fingerprint)
            session_counter.SessionCounter(policy.state).spend(self.peer.fingerprint, rules.runs, int(time.time()))
            if rules.ledger is not None:
                _charge(policy, rules.ledger, self.peer, self.terms)
                self.paid = True
        if own is not None:
            replace(own, what=words.spent_on(self.terms.reveal, self.peer.fingerprint)).pay()
            self.paid = True

    def saying_paid(self) -> contextlib.AbstractContextManager[None]:
        """Around the session and what writes its results; see `psiselect.charges.saying_paid`."""
        return saying_paid(lambda: self.paid)


def charge_of(side: Side, terms: Terms, ledger: Path | None, dataset: str | None) -> Charge | None:
    """What a session costs this side's ledger, None without one. Raises UsageError where there is nothing to charge,
    InputError."""
    if ledger is None and dataset is None:
        return None
    name = "ledger" if ledger is not None else "dataset"
    if terms.epsilon is None or terms.delta is None:
        raise words.nothing_to_charge(name)
    if side in terms.learn.receivers:
        raise words.the_other_side_pays(name)
    return Charge.of(
        ledger, dataset, accounting.ApproximateDp(terms.epsilon, terms.delta), None, f"psi {terms.reveal.value}"
    )


def _charge(policy: Policy, charge: PolicyCharge, peer: PeerIdentity, terms: Terms) -> None:
    """Pay for a noisy session. Raises BudgetError when the budget does not hold it, PolicyError, InputError."""
    if terms.epsilon is None or terms.delta is None:
        raise words.policy_pays_for_noise(policy.path)
    # A key added, removed or replaced changes the count by at most 1: it holds under the ledger's relation.
    ledgers.Ledger.open(policy.beside(charge.file)).spend(
        charge.dataset,
        accounting.ApproximateDp(terms.epsilon, terms.delta),
        neighbors=None,
        what=words.spent_on(terms.reveal, peer.fingerprint),
    )
