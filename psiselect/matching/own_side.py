"""This side of a session, ready for its peer. What can go wrong on this side alone comes before the peer is called."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from psi.agreement.modes import Reveal
from psi.group.curve25519.backend import Backend, load_backend
from psi.identity.identity import Identity, PeerIdentity
from psi.inputs.items import no_key
from psi.protocol.setup import Setup
from psi.session import session
from psi.session.job import Job
from psi.session.session import SessionResult
from psiselect.base.entropy import Entropy, SystemEntropy
from psiselect.base.errors import OutputError, PolicyError, RemoteError
from psiselect.identities import load_identities, load_peer
from psiselect.matching import list_notes, words
from psiselect.matching.choices import Choices, Means
from psiselect.matching.guard import Guard
from psiselect.matching.records import SessionRecords
from psiselect.matching.results import Found, Results
from psiselect.talk import Talk

if TYPE_CHECKING:
    from psi.transport.tlschannel import TlsChannel


@dataclass(frozen=True)
class Parties:
    """Who takes part.

    identity: one's own. others: more of one's own, which a listener shows to callers that ask for them.
    max_peer_size: elements that a peer may declare, None for what is usual.
    """

    identity: Identity
    peers: tuple[PeerIdentity, ...]
    max_peer_size: int | None
    others: tuple[Identity, ...] = ()

    @property
    def identities(self) -> tuple[Identity, ...]:
        """All of one's own."""
        return (self.identity, *self.others)

    def shown(self, fingerprint: bytes) -> Identity:
        """The one of one's own that the peer was shown."""
        return next(own for own in self.identities if own.fingerprint == fingerprint)

    @property
    def names(self) -> str:
        """Of the peers, for people."""
        return ", ".join(peer.name for peer in self.peers)

    def peer(self, fingerprint: bytes) -> PeerIdentity:
        """The peer at the other end."""
        return next(peer for peer in self.peers if peer.fingerprint == fingerprint)


@dataclass(frozen=True)
class OwnSide:
    """Who takes part, the list that was read, what is allowed, and where results, records and words go."""

    parties: Parties
    job: Job
    guard: Guard
    records: SessionRecords
    results: Results
    talk: Talk = field(default_factory=Talk)

    def check_list(self) -> None:
        """Whether the list that was read may be put in, with these peers. Raises InputError, PolicyError."""
        for size in self.job.sizes:
            self.job.terms.declared_size(size)
        self.results.check_list(self.job.source)
        gather(self.job, self.talk.tell)
        self.guard.check(self.parties.peers, self.job.size)
        self.guard.prepare(self.parties.peers, self.talk.tell)

    def setup(
        self,
        peer: PeerIdentity,
        backend: Backend,
        entropy: Entropy | None = None,
        admit: Callable[[], None] | None = None,
        identity: Identity | None = None,
    ) -> Setup:
        """What this side brings to a session with the peer. admit: what is asked in place of the policy. identity: the
        one that the peer was shown, if there are several."""
        return self.job.setup(
            identity or self.parties.identity,
            peer,
            backend,
            entropy or SystemEntropy(),
            max_peer_size=self.parties.max_peer_size,
            admit=admit or self.guard.admission(peer, self.job.terms),
            check_size=lambda size: self.guard.check_peer_size(peer, size),
        )

    def run(self, channel: TlsChannel, means: Means) -> Found:
        """Run the session over a channel, and give out its result."""
        peer = self.parties.peer(channel.peer_fingerprint)
        identity = self.parties.shown(channel.own_fingerprint)
        with open_backend(means, self.talk) as backend:
            admission = self.guard.admission(peer, self.job.terms)
            setup = self.setup(peer, backend, admit=admission, identity=identity)
            troubles: list[OutputError] = []

            def run() -> SessionResult:
                with self.talk.breaking_off(channel), self.talk.shown(self.job.size) as done:
                    return session.run(channel, setup, done)

            with admission.saying_paid():
                result = self.records.keep(
                    *(setup, identity, peer, lambda: self.talk.observed(setup, identity, peer, run)),
                    trouble=troubles.append,
                )
                try:
                    found = self.results.give(self.job, result, backend.name, peer, troubles)
                except (PolicyError, RemoteError):
                    for trouble in troubles:
                        self.talk.tell(str(trouble))
                    raise
            return replace(found, paid=admission.paid)


@contextlib.contextmanager
def prepared(choices: Choices) -> Iterator[OwnSide]:
    """This side of a session, its list read. Raises InputError, UsageError, PolicyError."""
    parties = check_options(choices)
    with read(choices) as job:
        side = OwnSide(parties, job, choices.guard, choices.records, choices.results, choices.talk)
        side.check_list()
        yield side


def check_options(choices: Choices) -> Parties:
    """Who takes part, and whether what was asked for is allowed and can be written, as far as the options say."""
    named = choices.peers
    parties = load_parties(named.identities, named.certificates, named.max_size, choices.guard, choices.talk.tell)
    table = choices.list.table
    read = choices.files
    choices.results.check(table.open(choices.list.memory.folder), read)
    choices.records.check(read, choices.results.files)
    return parties


def load_parties(
    identities: Sequence[Path | Identity],
    certificates: Sequence[Path | PeerIdentity],
    max_size: int | None,
    guard: Guard,
    tell: Callable[[str], None],
) -> Parties:
    """Read the certificates of all who take part, whom the policy must allow. Raises InputError, PolicyError."""
    identity, *others = load_identities(identities, tell)
    peers = tuple(load_peer(where) for where in certificates)
    guard.check(peers)
    return Parties(identity, peers, max_size, tuple(others))


def read(choices: Choices) -> Job:
    """Read this side's table; tell which rows were left out."""
    return told(choices.list.read(choices.side, choices.terms, choices.talk.looking), choices.talk)


def told(job: Job, talk: Talk) -> Job:
    """The job, after telling which rows were left out. Raises InputError when that is all of them."""
    if not job.size and all(report.unreadable for report in job.reports):
        job.close()
        raise no_key(job.source, job.keys, job.advice)
    list_notes.tell(job, talk)
    return job


def tell_of_rows(choices: Choices) -> None:
    """Before a session in which this side learns which rows match: that they are not kept, where nothing keeps them."""
    learns = choices.side in choices.terms.learn.receivers and choices.terms.reveal is Reveal.MATCHES
    if learns and choices.results.file is None and not choices.results.speaker.takes_rows:
        choices.talk.tell(words.ROWS_NOT_KEPT)


def gather(job: Job, tell: Callable[[str], None]) -> None:
    """Read what a side gives beside its keys; tell how many rows have no value to add up. Raises InputError."""
    job.gather()
    if job.blank_values:
        tell(words.no_values(job.source.name, job.blank_values))


def open_backend(means: Means, talk: Talk) -> contextlib.closing[Backend]:
    """The group's implementation that was asked for."""
    return contextlib.closing(load_backend(means.backend, means.threads, talk.slower))
