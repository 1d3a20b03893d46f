"""A session over links that come and go, in a process that may be killed and started again.

with enter(workdir, plans, first_channel) as session:
    result = session.run()      # the peer's FINISH is on disk, and the peer has been told so (BYE)
    ...                         # put the result where it belongs
    session.reported()
    session.part()              # wait for the peer's BYE, then remove every trace
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from psi.protocol import messages
from psi.protocol.messages import MessageType
from psi.protocol.party import Setup
from psi.protocol.states import State
from psi.resume import greeting
from psi.resume.folder import Manifest, SessionFolder
from psi.resume.greeting import Bond, Resume
from psi.resume.journal import Journal, Mark
from psi.resume.memo import MemoBackend
from psi.resume.party import JournaledParty
from psi.resume.plan import Plan
from psi.session import session as plain
from psi.session.session import SessionResult
from psi.transport.channel import Channel
from psi.transport.wire import Frame
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import InputError, PolicyError, PsiselectError, RemoteError, TransportError, UsageError
from psiselect.base.seeded import SEED_BYTES, SeededEntropy

_RETRY_SECONDS = 0.2
_BYE_SECONDS = 2.0
_BYE = Frame(MessageType.BYE, b"")


def enter(workdir: Path, plans: Sequence[Plan], first: Callable[[bool], Channel]) -> ResumableSession:
    """The session to go on with: one whose result has still to be reported (it needs no peer), else the one with the
    peer that comes first, a new one if there is none in `workdir`.

    plans: one for each peer that may come. first(hurry) opens the first channel; hurry says that a result which has
    been reported before can be given again when nobody comes. Raises as `first` and ResumableSession.
    """
    over = []
    for plan in plans:
        session = _over(workdir, plan)
        if session is not None and not session.told:
            return session
        if session is not None:
            session.close()
            over.append(plan)
    try:
        channel = first(bool(over))
    except TransportError as error:
        again = _over(workdir, over[0]) if over else None
        if again is None:
            raise
        over[0].say(f"{error}; this is the result of the session that has ended in {again.place}")
        return again
    plan = next(plan for plan in plans if plan.peer == channel.peer_fingerprint)
    try:
        return ResumableSession(SessionFolder(workdir, plan.scope()), plan, channel)
    except BaseException:
        channel.abandon(None)
        raise


def _over(workdir: Path, plan: Plan) -> ResumableSession | None:
    """The plan's session, if all has come that it needs from the peer. Raises InputError when it is damaged."""
    scope = plan.scope()
    if not SessionFolder.exists(workdir, scope):
        return None
    try:
        folder = SessionFolder(workdir, scope)
    except UsageError:  # another process runs it
        return None
    try:
        manifest = folder.load()
    except BaseException:
        folder.close()
        raise
    if manifest is None or manifest.input_digest != plan.input_digest:
        folder.close()
        return None
    session = ResumableSession(folder, plan, None)
    if session.over:
        return session
    session.close()
    return None


class ResumableSession:
    """One side. Raises InputError when the folder is damaged or the list is another one than before, UsageError when
    another process runs the session. A context manager: leaving it closes files and channel and removes nothing."""

    def __init__(self, folder: SessionFolder, plan: Plan, channel: Channel | None) -> None:
        self._folder = folder
        self._plan = plan
        self._channel = channel
        self._started = time.monotonic()
        self._bytes = [0, 0]  # sent and received over the channels that are closed
        self._given_out = False
        self._in_vain = False  # the peer has not come, and the result is given once more
        self._greeted: Channel | None = None  # the channel over which both know that they mean the same session
        self._journal: Journal
        self._party: JournaledParty
        try:
            manifest = folder.load()
            if manifest is None:
                self._begin()
            elif manifest.input_digest == plan.input_digest:
                self._enter(manifest)
            else:
                self._input_changed(manifest)
        except BaseException:
            self.close()
            raise

    @property
    def place(self) -> Path:
        """The session's folder."""
        return self._folder.path

    @property
    def over(self) -> bool:
        """Whether the peer's FINISH is on disk: no more is needed from it."""
        return MessageType.FINISH in self._journal.peer_types

    @property
    def told(self) -> bool:
        """Whether the result has been reported."""
        return Mark.REPORTED in self._journal.marks

    @property
    def setup(self) -> Setup:
        """This side's setup, for what is written about the session."""
        return self._plan.setup(SystemEntropy(), self._plan.backend)

    def run(self) -> SessionResult:
        """Run the session to its end, over as many links as that takes. Raises RemoteError, PolicyError (the session is
        dead and its folder removed), TransportError and LocalError (the session is kept)."""
        if self._channel is None and self.over:
            self._in_vain = self.told
            self._replay()
        else:
            self._until(lambda: self._party.state is State.DONE, self._converse)
            self._await_bye()
        self._given_out = True
        # The link is not needed but for a BYE that may still come, over another one: with it open, the peer could time
        # what is done with the matches.
        self._drop_channel()
        self._party.party.settle()
        sent, received = self._bytes
        return plain.result_of(self._party.party, time.monotonic() - self._started, sent, received)

    def reported(self) -> None:
        """The result is where it belongs. If the peer needs no more either, the session is removed."""
        if Mark.PARTED in self._journal.marks:
            self._remove()
        else:
            self._journal.mark(Mark.REPORTED)

    def part(self) -> None:
        """Wait until the peer has said that it needs no more, then remove the session. When it does not say so in time,
        the session stays, for a later run of the same command to serve the peer. Raises nothing but InputError."""
        if Mark.PARTED in self._journal.marks or self._in_vain:
            self._drop_channel()
            return
        try:
            self._until(lambda: self._party.peer_gone, self._listen_for_bye)
        except TransportError:
            self._plan.say(
                f"the peer has not confirmed that it is done; {self._folder.path} is kept, so that the same command "
                "can be run again if the peer's side needs it; remove it otherwise"
            )
            return
        except (RemoteError, PolicyError):
            pass  # the peer has gone on to something else: this session is of no more use
        self._drop_channel()
        self._remove()

    def close(self) -> None:
        """Close everything, remove nothing. Safe to call twice."""
        self._drop_channel()
        self._leave()
        self._folder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _until(self, finished: Callable[[], bool], step: Callable[[Channel], None]) -> None:
        """Take the step over one channel after another until `finished`."""
        seen, since = self._standing, time.monotonic()
        while True:
            try:
                if self._channel is None:
                    self._channel = self._plan.link.open(max(0.0, since + self._plan.patience - time.monotonic()))
                step(self._channel)
                if finished():
                    return
            except TransportError as error:
                self._settle(error)
                if self._standing != seen:
                    seen, since = self._standing, time.monotonic()
                    self._plan.say(f"{error}; trying to go on")
                if time.monotonic() + _RETRY_SECONDS >= since + self._plan.patience:
                    raise TransportError(
                        f"{error}; the session is kept in {self._folder.path}: run the same command again to go on"
                    ) from None
                time.sleep(_RETRY_SECONDS)

    def _settle(self, error: TransportError) -> None:
        """A link broke. Raises what the peer said before it did, if that ends the session."""
        if self._channel is None:
            return
        word, greeted = plain.last_word(self._channel), self._greeted is self._channel
        self._drop_channel()
        if word is not None:
            if greeted:
                self._remove()
            raise word from error

    def _converse(self, channel: Channel) -> None:
        """All that there is to do over one channel: RESUME, the party's messages, BYE."""
        try:
            self._greet(channel)
        except RemoteError as error:
            # A peer that begins another session while the result of this one is being put away will come again.
            channel.abandon(None if self._given_out else messages.abort_frame(error))
            if self._journal.peer_count == 0:
                self._remove()  # nothing has begun
            raise
        try:
            plain.drive(self._party, channel, self._plan.progress)
            self._journal.sync()
            channel.send(_BYE)
        except (RemoteError, PolicyError) as error:
            channel.abandon(messages.abort_frame(error))
            self._remove()
            raise

    def _await_bye(self) -> None:
        """The peer's BYE is on its way as a rule. A session that has it needs no peer after a crash."""
        until = time.monotonic() + _BYE_SECONDS
        with contextlib.suppress(PsiselectError):
            while not self._party.peer_gone and self._channel is not None and time.monotonic() < until:
                frame = self._channel.receive(until - time.monotonic())
                if frame is not None:
                    self._party.receive(frame)
        if self._party.peer_gone:
            self._journal.mark(Mark.PARTED)

    def _replay(self) -> None:
        try:
            self._party.start()
        except RemoteError:
            self._remove()
            raise

    def _listen_for_bye(self, channel: Channel) -> None:
        if self._greeted is not channel:
            self._converse(channel)
        frame = channel.receive()
        if frame is not None:
            self._party.receive(frame)

    def _greet(self, channel: Channel) -> None:
        """Agree on the session. Raises RemoteError when the two sides hold different ones."""
        mine = self._resume()
        channel.send(mine.frame())
        theirs = greeting.expect(channel)
        bond = mine.bond(theirs)
        if bond is Bond.OURS_IS_OVER and self.told and not self._given_out:
            self._begin()
            mine = self._resume()
            channel.send(mine.frame())
            bond = mine.bond(theirs)
        elif bond is Bond.THEIRS_IS_OVER:
            theirs = greeting.expect(channel)
            bond = mine.bond(theirs)
        if bond is not Bond.SAME:
            raise RemoteError(self._apart(mine), term="resume")
        self._party.link_up(theirs.received)
        self._greeted = channel

    def _resume(self) -> Resume:
        self._journal.sync()
        first = self._journal.first_peer
        return Resume(
            greeting.digest(bytes(self._journal.own_frame(0).payload)),
            None if first is None else greeting.digest(first),
            self._journal.peer_count,
            self.over,
        )

    def _apart(self, mine: Resume) -> str:
        if mine.peer_hello is None:
            return (
                "the peer's work directory holds an unfinished session that this side has no state of; if it is lost, "
                "have the peer remove it, then start both again"
            )
        return (
            f"the peer has begun another session than the unfinished one in {self._folder.path}; use the peer's work "
            "directory of that session, or remove this folder, then start both again"
        )

    @property
    def _standing(self) -> tuple[int, ...]:
        """What grows with progress, the peer's included."""
        party, journal = self._party, self._journal
        return journal.own_count, journal.peer_count, party.done_operations, party.signs_of_life

    def _begin(self) -> None:
        """A new session in the folder, with new secrets."""
        self._leave()
        seed = SystemEntropy().read(SEED_BYTES)
        self._enter(self._folder.begin(seed, self.setup.now, self._plan.input_digest))

    def _enter(self, manifest: Manifest) -> None:
        self._journal = self._folder.journal(manifest)
        backend = MemoBackend(self._plan.backend, self._journal, manifest.seed)
        setup = replace(self._plan.setup(SeededEntropy(manifest.seed), backend), now=manifest.time)
        self._party = JournaledParty(setup, self._journal, self._replayed)

    def _input_changed(self, manifest: Manifest) -> None:
        """Only a session whose result has been reported may be dropped for a new list."""
        self._journal = self._folder.journal(manifest)
        if not self.told:
            raise InputError(
                f"the list, or --memory-limit, is not the one with which the session in {self._folder.path} was begun; "
                "go on with that one, or remove the folder on both sides and begin anew",
                term="input",
            )
        self._begin()

    def _replayed(self) -> None:
        self._plan.progress(self._party.done_operations, self._party.total_operations)

    def _drop_channel(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            self._bytes[0] += channel.bytes_sent
            self._bytes[1] += channel.bytes_received
            channel.abandon(None)

    def _remove(self) -> None:
        self._leave()
        self._folder.remove()

    def _leave(self) -> None:
        """Close what there is of party and journal."""
        for part in (getattr(self, "_party", None), getattr(self, "_journal", None)):
            if part is not None:
                part.close()
