"""What was asked of a session, checked together and put into groups: list, terms, peers, result, means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Self

from dpselect.privacy import parse_fraction
from psi.accounts.policy import Request
from psi.agreement.column_terms import DEFAULT_LABEL_BYTES, ColumnTerms
from psi.agreement.modes import Comparer, Learner, Matching, Reveal, SessionProtocol, Side
from psi.agreement.terms import KeyTerm, Terms
from psi.identity.identity import Identity, PeerIdentity
from psi.normalize import KeySpec, parse_key
from psi.session.job import Job, Memory
from psi.tables import Chosen, StoreTarget
from psiselect.base import working
from psiselect.identities import files_of
from psiselect.matching import values, words
from psiselect.matching.given import GivenOptions
from psiselect.matching.guard import Guard, charge_of
from psiselect.matching.records import SessionRecords
from psiselect.matching.results import Results, Speaker
from psiselect.matching.spare import Spare
from psiselect.tables import AnyTable, LookedAt
from psiselect.talk import Talk

STALL_SECONDS = 60.0


@dataclass(frozen=True)
class ListChoice:
    """Which rows, and what is read of them."""

    table: AnyTable
    keys: tuple[KeySpec, ...]
    value: str | None
    nulls: tuple[str, ...]
    strict: bool
    memory: Memory

    def among(self, sessions: int) -> Self:
        """The same, with a share of the memory for each of so many sessions at once."""
        return replace(self, memory=replace(self.memory, limit=self.memory.limit // sessions))

    def read(self, side: Side, terms: Terms, look: Callable[[], None] | None) -> Job:
        """Read the table. look: called now and then; what it raises ends the reading. Raises InputError."""
        opened = self.table.open(self.memory.folder)
        source = opened if look is None else LookedAt(opened, look)
        return Job(source, self.keys, side, terms, self.memory, value=self.value, nulls=self.nulls, strict=self.strict)


@dataclass(frozen=True)
class PeerChoice:
    """Who takes part, by file or as loaded. identities: one's own; more than one for listeners only."""

    identities: tuple[Path | Identity, ...]
    certificates: tuple[Path | PeerIdentity, ...]
    max_size: int | None


@dataclass(frozen=True)
class Means:
    """What a session runs with."""

    backend: str
    threads: int | None
    workdir: Path | None
    timeout: float | None
    resume: bool

    @property
    def stall_seconds(self) -> float:
        """How long a session may go without progress."""
        return self.timeout or STALL_SECONDS


@dataclass(frozen=True)
class Choices:
    """All of it. talk: where words and progress go."""

    side: Side
    terms: Terms
    list: ListChoice
    peers: PeerChoice
    guard: Guard
    records: SessionRecords
    results: Results
    means: Means
    talk: Talk

    @property
    def files(self) -> dict[str, Path | None]:
        """What the command reads, by option; the table first."""
        policy = self.guard.policy
        return {
            "--input": self.list.table.file,
            **{f"--identity {path}": path for named in self.peers.identities for path in files_of(named)},
            **{f"--peer {path}": path for path in self.peers.certificates if isinstance(path, Path)},
            "--policy": None if policy is None else policy.path,
            "--ledger": None if self.guard.own is None else self.guard.own.ledger.path,
        }

    @classmethod
    def of(cls, side: Side, given: GivenOptions, talk: Talk, speaker: Speaker) -> Self:
        """Check the options together. talk: where words and progress go. speaker: gets what was found. Raises
        UsageError, InputError."""
        keys = tuple(parse_key(key) for key in given.keys)
        values.check_column(Reveal(given.reveal), given.learn, given.value)
        terms = terms_of(side, keys, given)
        if given.resume and given.workdir is None:
            raise words.resume_needs_workdir()
        if given.resume and terms.protocol is SessionProtocol.FAST:
            raise words.fast_is_not_resumed()
        if given.resume and given.more_identities:
            raise words.resume_needs_one_identity()
        if given.output is not None and (given.learn == "peer" or terms.reveal is not Reveal.MATCHES):
            raise words.nothing_to_write()
        if given.columns is not None and given.output is None and not speaker.takes_rows:
            raise words.columns_need_output()
        own = charge_of(side, terms, given.ledger, given.dataset)
        if terms.protocol.status is not None:
            talk.tell(words.experimental(terms.protocol.value, terms.protocol.status))
        room = memory(given.memory_limit, given.workdir)
        output = StoreTarget.of(given.output, room.folder) if isinstance(given.output, str) else given.output
        spare = Spare(room.folder, words.RESUMED if given.resume else None)
        return cls(
            side=side,
            terms=terms,
            list=ListChoice(given.table, keys, given.value, given.nulls, given.strict, room),
            peers=PeerChoice((given.identity, *given.more_identities), given.peers, given.max_peer_size),
            guard=Guard.load(given.policy, _request(side, terms, keys, given, rows=speaker.takes_rows), own),
            records=SessionRecords(given.audit, given.record, again=given.resume, tell=talk.tell, spare=spare),
            results=Results(
                output, speaker, again=given.resume, chosen=Chosen(given.columns), spare=spare, tell=talk.tell
            ),
            means=Means(given.backend, given.threads, given.workdir, given.timeout, given.resume),
            talk=talk,
        )


def terms_of(side: Side, keys: tuple[KeySpec, ...], given: GivenOptions) -> Terms:
    """The terms that the options name. Raises UsageError for terms that cannot be had together."""
    reveal = Reveal(given.reveal)
    travelling = ColumnTerms.between(side, given.sent, given.received)
    label_bytes = DEFAULT_LABEL_BYTES if travelling is not None and given.label_bytes is None else given.label_bytes
    decimals, largest = values.asked(reveal, given.value_decimals, given.value_max)
    return Terms(
        protocol=SessionProtocol(given.protocol),
        reveal=reveal,
        learn=_learner(side, given.learn),
        keys=tuple(map(KeyTerm.of, keys)),
        matching=Matching(given.matching),
        epsilon=exact(given.epsilon, "epsilon"),
        delta=exact(given.delta, "delta"),
        min_matches=given.min_matches,
        min_matches_by=Comparer(given.min_matches_by),
        pad_to=given.pad_to,
        columns=travelling,
        label_bytes=label_bytes,
        value_decimals=decimals,
        value_max=largest,
    )


def exact(text: str | None, name: str) -> Fraction | None:
    """An option's value as an exact fraction. Raises UsageError."""
    return None if text is None else parse_fraction(text, name)


def memory(limit: int | None, folder: Path | None) -> Memory:
    """The memory limit as asked for, defaults filled in. Raises InputError."""
    return Memory(Memory.usual_limit() if limit is None else limit, working.folder(folder))


def _learner(side: Side, learn: str) -> Learner:
    if learn == "both":
        return Learner.BOTH
    return Learner((side if learn == "me" else side.other).value)


def _request(side: Side, terms: Terms, keys: tuple[KeySpec, ...], given: GivenOptions, *, rows: bool) -> Request:
    """What this side's policy is asked about, as far as it is known before the table is read."""
    used = (*(column for key in keys for column in key.columns), *([given.value] if given.value else []))
    peer_counts = terms.min_matches_by is Comparer.OTHER and side in terms.learn.receivers
    return Request(
        reveals=(terms.reveal, Reveal.COUNT) if peer_counts else (terms.reveal,),
        columns=tuple(dict.fromkeys(used)),
        send_columns=terms.columns_of(side),
        output_rows=given.output is not None or rows,
        min_matches=terms.min_matches,
        own_size=None,
        min_matches_by=terms.min_matches_by,
        protocol=terms.protocol,
    )
