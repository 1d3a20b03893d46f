"""One session of a listener that keeps running: in a thread of its own, and whatever happens is a line in the log."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

from psi.agreement.modes import Side
from psi.group.curve25519.backend import Backend
from psi.identity.identity import PeerIdentity
from psi.protocol import messages
from psi.serve.current_table import CurrentTable
from psi.serve.facts import Traffic
from psi.serve.room import Room
from psi.serve.serving import ServedChannel, ServedSession
from psi.session import session
from psi.session.job import Job
from psi.session.session import SessionResult
from psi.transport.channel import Channel
from psiselect.base import threads
from psiselect.base.errors import (
    EXIT_BUG,
    MinimumError,
    OutputError,
    PolicyError,
    RemoteError,
    TransportError,
    classify,
)
from psiselect.base.events import SafeLogger, event
from psiselect.matching import words
from psiselect.matching.guard import Admission, Guard
from psiselect.matching.own_side import OwnSide, Parties
from psiselect.matching.records import SessionRecords
from psiselect.matching.results import Results
from psiselect.talk import ProgressLines, Talk

LOGGER = SafeLogger("psiselect")

_GENERATIONS = 4  # of certificates that a session may have been accepted with


class Sessions:
    """Runs sessions as was asked, any number at once. The policy's file is read for each, and so is
    the table if it is a new one.

    talk: takes notices. room: for what a session leaves.
    measured: whether what sessions move may be told; not where it would show whether a result was withheld.
    """

    def __init__(
        self,
        parties: Parties,
        guard: Guard,
        records: SessionRecords,
        results: Results,
        backend: Backend,
        table: CurrentTable,
        *,
        talk: Talk,
        measured: bool = True,
    ) -> None:
        self._generations: tuple[Parties, ...] = (parties,)  # newest first
        self._guard = guard
        self._records = replace(records, tell=_warn)
        self._results = results
        self._backend = backend
        self._table = table
        self._talk = talk
        self._measured = measured
        self._traffic = Traffic()
        self._counting = threading.Lock()
        self._speaking = threading.Lock()  # results on stdout do not mix
        self.room = Room(self._take_room)

    @property
    def parties(self) -> Parties:
        """Who takes part in sessions to come."""
        return self._generations[0]

    @property
    def traffic(self) -> Traffic:
        """What the sessions that are over have moved."""
        with self._counting:
            return self._traffic

    def _take_room(self) -> None:
        self._records.prepare()
        self._results.prepare()

    def renew(self, parties: Parties) -> None:
        """These take part in sessions to come. Sessions that were accepted before go on as they were."""
        self._generations = (parties, *self._generations[: _GENERATIONS - 1])

    def _accepted_as(self, channel: ServedChannel) -> Parties:
        """The two parties of one session: the peer, and the identity that it was shown."""
        for parties in self._generations:
            own = [identity for identity in parties.identities if identity.fingerprint == channel.own_fingerprint]
            peers = [peer for peer in parties.peers if peer.fingerprint == channel.peer_fingerprint]
            if own and peers:
                return replace(parties, identity=own[0], others=(), peers=tuple(peers))
        raise words.renewed_too_often()

    def own_side(self, job: Job, parties: Parties) -> OwnSide:
        """This side of a session with one of these peers, under the policy as its file is now. Raises InputError."""
        return OwnSide(parties, job, self._guard.anew(), self._records, self._results, self._talk)

    def run(self, served: ServedSession) -> bool:
        """One session, to its end; whether it ended well. Raises nothing."""
        channel = cast(Channel, served.channel)
        try:
            parties = self._accepted_as(served.channel)
        except TransportError as error:
            channel.abandon(messages.abort_frame(error))
            LOGGER.warning(words.NOT_BEGUN, error, extra=event("session_failed", reason=str(error)))
            return False
        (peer,) = parties.peers
        known = {
            "session": served.number,
            "peer": peer.name,
            "fingerprint": peer.fingerprint.hex()[:16],
            "own": parties.identity.fingerprint.hex()[:16],
        }
        began = time.monotonic()
        LOGGER.info("session with %s", peer.name, extra=event("session_started", **known))
        try:
            result = self._session(served, channel, parties)
        except BaseException as error:  # noqa: BLE001 - whatever it was, the listener goes on
            channel.abandon(messages.abort_frame(error))
            served.withheld = isinstance(error, MinimumError)
            if not served.over:
                self._count(served, channel)
            _log_failure(error, {**known, "seconds": round(time.monotonic() - began, 3), **_moved(channel)})
            return False
        facts = {
            "code": 0,
            "transcript": result.transcript[:8].hex(),
            "own_size": result.own_size,
            "peer_size": result.peer_size,
            "seconds": round(time.monotonic() - began, 3),
            **_moved(channel),
        }
        LOGGER.info(words.SESSION_DONE, peer.name, extra=event("session_done", **known, **facts))
        return True

    def _count(self, served: ServedSession, channel: Channel) -> None:
        """Add up what the session has moved. Its time ends with its last byte: what follows depends on the matches."""
        ended = served.channel.closing_since
        if self._measured and served.began is not None and ended is not None:
            moved = Traffic(channel.bytes_sent, channel.bytes_received, ended - served.began)
            with self._counting:
                self._traffic = self._traffic.plus(moved)

    def _session(self, served: ServedSession, channel: Channel, parties: Parties) -> SessionResult:
        setup = None
        (peer,) = parties.peers
        try:
            with threads.granted(), self._table.lease() as job:
                own = self.own_side(job, parties)
                own.check_list()
                self.room.take()
                admission = own.guard.admission(peer, job.terms)
                setup = own.setup(peer, self._backend, admit=_noting_proof(admission, served))
                served.begin()
                brought = setup
                shown = ProgressLines(f"session with {peer.name}", _note_progress(served.number))
                troubles: list[OutputError] = []
                result = own.records.keep(
                    *(brought, own.parties.identity, peer, lambda: session.run(channel, brought, shown)),
                    trouble=troubles.append,
                )
                self._count(served, channel)
                served.end()
                with self._speaking:
                    self._report(job, result, peer, admission, troubles)
                return result
        except BaseException as error:
            if setup is None:
                self._records.keep_failure(Side.LISTEN, peer, error)
            raise

    def _report(
        self,
        job: Job,
        result: SessionResult,
        peer: PeerIdentity,
        admission: Admission,
        troubles: Sequence[OutputError] = (),
    ) -> None:
        """Give out the result. One that is withheld, or that the peer has spoiled, is said to be so where results go:
        either is part of the result, and neither is for the log nor for the peer, whose slot is free by now. The
        session is over and counts as done, whether or not its result can be written: how much there is to write
        depends on the matches."""
        try:
            with admission.saying_paid():
                try:
                    self._results.give(job, result, self._backend.name, peer, troubles)
                except (PolicyError, RemoteError) as error:
                    self._results.give_refusal(error, result, peer, troubles)
        except OutputError as error:
            facts = event("result_not_written", peer=peer.name, transcript=result.transcript[:8].hex())
            LOGGER.error("%s", error, extra=facts)


def _noting_proof(admit: Callable[[], None], served: ServedSession) -> Callable[[], None]:
    """The peer has proved who it is when this side's policy is asked about it."""

    def noted() -> None:
        served.prove()
        admit()

    return noted


def _warn(text: str) -> None:
    """To the log: stderr may be a pipe that nobody reads, where a session would wait."""
    LOGGER.error("%s", text, extra=event("audit_unwritable"))


def _note_progress(number: int) -> Callable[[str, int, int], None]:
    def noted(text: str, done: int, total: int) -> None:
        LOGGER.info("%s", text, extra=event("session_progress", session=number, done=done, total=total))

    return noted


def _moved(channel: Channel) -> dict[str, int]:
    return {"bytes_sent": channel.bytes_sent, "bytes_received": channel.bytes_received}


def _log_failure(error: BaseException, known: dict[str, object]) -> None:
    code, kind = classify(error)
    term = getattr(error, "term", None)
    if code == EXIT_BUG:
        LOGGER.error(words.SESSION_BUG, exc_info=error, extra=event("session_failed", code=code, kind=kind, **known))
        return
    facts = event("session_failed", code=code, kind=kind, term=term, reason=str(error), **known)
    LOGGER.warning(words.SESSION_FAILED, known["peer"], error, extra=facts)
