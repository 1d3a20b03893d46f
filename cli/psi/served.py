"""One session of a listener that stays up: in a thread of its own, and whatever happens is a line in the log."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import cast

from cli._errors import EXIT_BUG, classify
from cli._output import print_fields, print_json
from cli.psi import json_log
from cli.psi.options import Choices
from cli.psi.session import check_table, report, setup_with
from psi.group.curve25519.backend import Backend
from psi.identity.identity import Identity, PeerIdentity
from psi.protocol import messages
from psi.protocol.party import Setup
from psi.serve.current_table import CurrentTable
from psi.serve.serving import Visit
from psi.session import session
from psi.session.job import Job
from psi.session.session import SessionResult
from psi.transport.channel import Channel
from psiselect.base.errors import PolicyError, RemoteError
from psiselect.base.events import event

LOGGER = json_log.LOGGER


class Sessions:
    """Runs sessions as the command's options say, any number at once. The policy's file is read for each, and so is
    the table if it is a new one."""

    def __init__(
        self,
        choices: Choices,
        identity: Identity,
        peers: list[PeerIdentity],
        backend: Backend,
        table: CurrentTable,
    ) -> None:
        self._choices = choices
        self._identity = identity
        self._peers = {peer.fingerprint: peer for peer in peers}
        self._backend = backend
        self._table = table
        self._speaking = threading.Lock()  # results on stdout do not mix

    def run(self, visit: Visit) -> bool:
        """One session, to its end; whether it ended well. Raises nothing."""
        peer = self._peers[visit.channel.peer_fingerprint]
        channel = cast(Channel, visit.channel)
        known = {"session": visit.number, "peer": peer.name, "fingerprint": peer.fingerprint.hex()[:16]}
        began = time.monotonic()
        LOGGER.info("session with %s", peer.name, extra=event("session_started", **known))
        try:
            result = self._session(visit, channel, peer)
        except BaseException as error:  # noqa: BLE001 - whatever it was, the listener goes on
            channel.abandon(messages.abort_frame(error))
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
        LOGGER.info("session with %s is done", peer.name, extra=event("session_done", **known, **facts))
        return True

    def _session(self, visit: Visit, channel: Channel, peer: PeerIdentity) -> SessionResult:
        choices, setup = self._choices, None
        try:
            with self._table.lease() as job:
                choices = replace(choices, guard=choices.guard.anew())
                check_table(choices, [peer], job)
                setup = _noting_proof(setup_with(choices, job, self._identity, peer, self._backend), visit)
                visit.begin()
                run = setup
                result = choices.papers.keep(run, self._identity, peer, lambda: session.run(channel, run))
                with self._speaking:
                    self._report(choices, job, result, peer)
                return result
        except BaseException as error:
            if setup is None:
                choices.papers.keep_failure(choices.side, peer, error)
            raise

    def _report(self, choices: Choices, job: Job, result: SessionResult, peer: PeerIdentity) -> None:
        """Give out the result. One that is withheld, or that the peer has spoiled, is said to be so where results go:
        either is part of the result, and neither for the log nor for the peer, whose place is free as after any
        session."""
        try:
            report(choices, job, result, self._backend, peer)
        except (PolicyError, RemoteError) as error:
            code, kind = classify(error)
            told = {"code": code, "kind": kind, "term": error.term, "message": str(error)}
            if choices.as_json:
                print_json({"error": told, "peer_fingerprint": peer.fingerprint, "transcript": result.transcript})
            else:
                print_fields({"matches": str(error), "transcript": result.transcript[:16].hex() + "..."})


def _noting_proof(setup: Setup, visit: Visit) -> Setup:
    """The peer has proved who it is when it is asked whether it may."""
    admit = setup.admit

    def noted(size: int) -> None:
        visit.prove()
        admit(size)

    return replace(setup, admit=noted)


def _moved(channel: Channel) -> dict[str, int]:
    return {"bytes_sent": channel.bytes_sent, "bytes_received": channel.bytes_received}


def _log_failure(error: BaseException, known: dict[str, object]) -> None:
    code, kind = classify(error)
    term = getattr(error, "term", None)
    if code == EXIT_BUG:
        LOGGER.error(
            "a session met a bug", exc_info=error, extra=event("session_failed", code=code, kind=kind, **known)
        )
        return
    facts = event("session_failed", code=code, kind=kind, term=term, reason=str(error), **known)
    LOGGER.warning("the session with %s failed: %s", known["peer"], error, extra=facts)
