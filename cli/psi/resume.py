"""`--resume`: a session that is kept in `--workdir`, over links that break and processes that are killed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from cli._output import progress, say
from cli.psi.options import Choices
from cli.psi.session import open_backend, prepared, report
from psi.group.curve25519.backend import Backend
from psi.identity.identity import Identity, PeerIdentity
from psi.protocol.messages import BUSY
from psi.protocol.party import Setup
from psi.resume import folder, inputs
from psi.resume.plan import Link, ResumePlan
from psi.resume.session import ResumableSession, open_session
from psi.session.job import Job
from psi.transport.channel import Channel
from psi.transport.tls import Listener
from psi.transport.tls import connect as call
from psiselect.base.entropy import Entropy
from psiselect.base.errors import PolicyError, RemoteError, TransportError, UsageError

# A silent link is taken for dead after a third of the time without progress, so that there is time to try others.
_LINKS = 3


def listen(choices: Choices, address: str) -> None:
    """Wait for the peer, again and again if need be, until the session is over."""
    stall = choices.stall_seconds
    with (
        prepared(choices) as (identity, peers, job),
        Listener(address, identity, peers, timeout=stall / _LINKS) as listener,
    ):
        say(f"listening on {listener.address} for {', '.join(peer.name for peer in peers)}")

        def first(hurry: bool) -> Channel:
            return listener.accept(choices.timeout or (stall if hurry else math.inf))

        _run(choices, identity, peers, job, first, lambda peer: _Accepted(listener, peer))


def connect(choices: Choices, address: str) -> None:
    """Call the peer, again and again if need be, until the session is over."""
    stall = choices.stall_seconds
    with prepared(choices) as (identity, peers, job):

        def first(hurry: bool) -> Channel:
            return call(address, identity, peers, timeout=stall, stall=stall / _LINKS)

        _run(choices, identity, peers, job, first, lambda peer: _Calls(address, identity, peer, stall / _LINKS))


@dataclass(frozen=True)
class _Calls:
    """New links to a listening peer."""

    address: str
    identity: Identity
    peer: PeerIdentity
    stall: float

    def open(self, wait: float) -> Channel:
        """See Link."""
        return call(self.address, self.identity, [self.peer], timeout=max(round(wait, 1), 0.1), stall=self.stall)


@dataclass(frozen=True)
class _Accepted:
    """New links from a calling peer; another peer is told to come later."""

    listener: Listener
    peer: PeerIdentity

    def open(self, wait: float) -> Channel:
        """See Link."""
        channel = self.listener.accept(wait)
        if channel.peer_fingerprint != self.peer.fingerprint:
            channel.abandon(BUSY)
            raise TransportError("another peer came")
        return channel


def _run(
    choices: Choices,
    identity: Identity,
    peers: list[PeerIdentity],
    job: Job,
    first: Callable[[bool], Channel],
    link: Callable[[PeerIdentity], Link],
) -> None:
    if choices.workdir is None:
        raise UsageError("--resume needs --workdir, the folder where the session is kept", term="workdir")
    with open_backend(choices) as backend, progress() as bar:
        task = bar.add_task("matching", total=None)

        def shown(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total or None)

        def plan(peer: PeerIdentity) -> ResumePlan:
            def setup(entropy: Entropy, used: Backend) -> Setup:
                made = job.setup(choices.side, choices.agreement, choices.limits, identity, peer, used, entropy)
                return replace(made, admit=choices.guard.admission(peer, choices.agreement))

            return ResumePlan(setup, digest, backend, link(peer), choices.stall_seconds, shown, say)

        digest = inputs.digest_of(
            lambda entropy: job.setup(
                choices.side, choices.agreement, choices.limits, identity, peers[0], backend, entropy
            )
        )
        with open_session(choices.workdir, [plan(peer) for peer in peers], first) as session:
            peer = next(peer for peer in peers if peer.fingerprint == session.setup.verifier.fingerprint)
            say(f"session with {peer.name}, kept in {session.place}")
            others = folder.count(choices.workdir) - 1
            if others > 0:
                say(f"other sessions kept in {choices.workdir}: {others}; remove those that will not go on")
            try:
                _finish(choices, job, session, identity, peer, backend)
            except (KeyboardInterrupt, SystemExit):
                say("the same command goes on with this session")
                raise


def _finish(
    choices: Choices, job: Job, session: ResumableSession, identity: Identity, peer: PeerIdentity, backend: Backend
) -> None:
    """Run it, put the result where it belongs, and let the peer go."""
    result = choices.papers.keep(session.setup, identity, peer, session.run)
    try:
        report(choices, job, result, backend, peer)
    except (PolicyError, RemoteError):  # that is the result, and it stays so
        session.reported()
        session.part()
        raise
    session.reported()
    session.part()
