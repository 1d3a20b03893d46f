"""A session that is kept in a folder, over links that break and processes that are killed (`--resume`)."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from psi.agreement.terms import KeyTerm, Terms
from psi.group.curve25519.backend import Backend
from psi.identity.identity import Identity, PeerIdentity
from psi.protocol.messages import BUSY
from psi.protocol.setup import Setup
from psi.resume import folder, inputs
from psi.resume.plan import Link, ResumePlan, scope_of
from psi.resume.session import ResumableSession, open_session
from psi.transport.channel import Channel
from psi.transport.tls import Listener
from psi.transport.tls import connect as call
from psiselect.base.entropy import Entropy
from psiselect.base.errors import CancelError, PolicyError, RemoteError
from psiselect.identities import load_identities, load_peer
from psiselect.matching import words
from psiselect.matching.choices import Choices, Means
from psiselect.matching.own_side import OwnSide, open_backend, prepared
from psiselect.matching.results import Found

# A silent link is taken for dead after this part of the time allowed, so that there is time to try others.
_LINKS = 3


def listen(choices: Choices, addresses: Sequence[str]) -> Found:
    """Wait for the peer, again and again if need be, until the session is over."""
    choices = _as_begun(choices)
    means, stall = choices.means, choices.means.stall_seconds
    with (
        prepared(choices) as own,
        Listener(
            addresses, own.parties.identity, own.parties.peers, timeout=stall / _LINKS, busy_frame=BUSY
        ) as listener,
    ):
        look = own.talk.looking
        own.talk.listening(listener.addresses)
        own.talk.tell(words.listening(listener.addresses, own.parties.names))

        def first(hurry: bool) -> Channel:
            return listener.accept(means.timeout or (stall if hurry else math.inf), look=look)

        return _run(own, means, first, lambda peer: _Accepted(listener, peer, look))


def connect(choices: Choices, address: str) -> Found:
    """Call the peer, again and again if need be, until the session is over."""
    choices = _as_begun(choices)
    means, stall = choices.means, choices.means.stall_seconds
    with prepared(choices) as own:
        identity, look = own.parties.identity, own.talk.looking

        def first(hurry: bool) -> Channel:
            return call(address, identity, own.parties.peers, timeout=stall, stall=stall / _LINKS, look=look)

        return _run(own, means, first, lambda peer: _Called(address, identity, peer, stall / _LINKS, look))


@dataclass(frozen=True)
class _Called:
    """New links to a listening peer."""

    address: str
    identity: Identity
    peer: PeerIdentity
    stall: float
    look: Callable[[], None] | None

    def open(self, wait: float) -> Channel:
        """See Link."""
        return call(
            self.address, self.identity, [self.peer], timeout=max(round(wait, 1), 0.1), stall=self.stall, look=self.look
        )


@dataclass(frozen=True)
class _Accepted:
    """New links from a calling peer; another peer is told to come later."""

    listener: Listener
    peer: PeerIdentity
    look: Callable[[], None] | None

    def open(self, wait: float) -> Channel:
        """See Link."""
        channel = self.listener.accept(wait, look=self.look)
        if channel.peer_fingerprint != self.peer.fingerprint:
            channel.abandon(BUSY)
            raise words.another_peer()
        return channel


def _as_begun(choices: Choices) -> Choices:
    """The choices, under version 1 of the rules where a session is kept that was begun under it and none under the
    present ones: an older program began it, and the peer goes on with the same."""
    workdir = choices.means.workdir
    first = tuple(key.first or key for key in choices.list.keys)
    if workdir is None or first == choices.list.keys:
        return choices
    terms = replace(choices.terms, keys=tuple(map(KeyTerm.of, first)))
    own = load_identities(choices.peers.identities[:1], lambda note: None)[0].fingerprint
    peers = [load_peer(where).fingerprint for where in choices.peers.certificates]

    def is_kept(terms: Terms) -> bool:
        scopes = [scope_of(own, peer, choices.side, terms) for peer in peers]
        return any(folder.SessionFolder.exists(workdir, scope) for scope in scopes)

    if is_kept(choices.terms) or not is_kept(terms):
        return choices
    choices.talk.tell(words.goes_on_as_begun(workdir))
    return replace(choices, terms=terms, list=replace(choices.list, keys=first))


def _run(own: OwnSide, means: Means, first: Callable[[bool], Channel], link: Callable[[PeerIdentity], Link]) -> Found:
    if means.workdir is None:
        raise words.resume_needs_workdir()
    with open_backend(means, own.talk) as backend, contextlib.ExitStack() as display:
        done = display.enter_context(own.talk.shown(own.job.size))
        digest = inputs.digest_of(lambda entropy: own.setup(own.parties.peers[0], backend, entropy))

        def plan(peer: PeerIdentity) -> ResumePlan:
            def setup(entropy: Entropy, used: Backend) -> Setup:
                return own.setup(peer, used, entropy)

            return ResumePlan(setup, digest, backend, link(peer), means.stall_seconds, done, own.talk.tell)

        with open_session(means.workdir, [plan(peer) for peer in own.parties.peers], first) as session:
            _tell(means.workdir, session, own)
            try:
                return _finish(own, session, backend.name, display)
            except (KeyboardInterrupt, SystemExit):
                own.talk.tell(words.GO_ON)
                raise
            except CancelError:
                raise words.cancelled_but_kept(session.place) from None


def _tell(workdir: Path, session: ResumableSession, own: OwnSide) -> None:
    """Say with whom the session is and where it is kept."""
    peer = own.parties.peer(session.setup.verifier.fingerprint)
    own.talk.tell(words.kept_here(peer.name, session.place))
    others = folder.count(workdir) - 1
    if others > 0:
        own.talk.tell(words.others_kept(workdir, others))


def _finish(own: OwnSide, session: ResumableSession, backend: str, display: contextlib.ExitStack) -> Found:
    """Run it, end the display of progress, put the result where it belongs, and let the peer go."""
    peer = own.parties.peer(session.setup.verifier.fingerprint)
    identity, setup = own.parties.identity, session.setup
    result = own.records.keep(setup, identity, peer, lambda: own.talk.observed(setup, identity, peer, session.run))
    display.close()
    try:
        found = own.results.give(own.job, result, backend, peer)
    except (PolicyError, RemoteError):  # that is the result, and it stays so
        session.reported()
        session.part()
        raise
    session.reported()
    session.part()
    return found
