"""A session over links that come and go, in a process that may be killed and started again.

with open_session(workdir, plans, first_channel) as session:
    result = session.run()      # a learner serves the peer no more, which is on disk; others have the peer's FINISH
    ...                         # put the result where it belongs
    session.reported()
    session.part()              # a side that does not learn waits for the peer's BYE; then every trace is removed

A peer that could still reach a learner would see, from when it calls back, what the result took: the number of matches
or, with one label spoiled, whether one item is among them. So a learner waits for the peer's BYE, and if none comes in
time it stops serving the peer for good, before it looks at a match.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from psi.protocol import messages
from psi.protocol.messages import MessageType
from psi.protocol.setup import Setup
from psi.protocol.states import State
from psi.resume import greeting, opening, words
from psi.resume.folder import SessionFolder
from psi.resume.greeting import Resume, ResumeRelation
from psi.resume.journal import Mark
from psi.resume.party import JournaledParty
from psi.resume.plan import ResumePlan
from psi.resume.stages import Stage, require_next
from psi.session import session as plain
from psi.session.session import SessionResult
from psi.transport.channel import Channel
from psi.transport.wire import Frame
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import PolicyError, PsiselectError, RemoteError, TransportError, UsageError

_RETRY_SECONDS = 0.2
_BYE_SECONDS = 2.0
_BYE = Frame(MessageType.BYE, b"")


def open_session(workdir: Path, plans: Sequence[ResumePlan], first: Callable[[bool], Channel]) -> ResumableSession:
    """The session to go on with: one whose result has still to be reported (it needs no peer), else the one with the
    peer that comes first, a new one if there is none in `workdir`.

    plans: one for each peer that may come. first(hurry) opens the first channel; hurry says that a result which has
    been reported before can be given again when nobody comes. Raises as `first` and ResumableSession.open.
    """
    finished = []
    for plan in plans:
        opening.refuse_older(workdir, plan)
        session = _finished_session(workdir, plan)
        if session is None:
            continue
        if session.stage is not Stage.REPORTED_BEFORE:
            return session
        session.close()
        finished.append(plan)
    try:
        channel = first(bool(finished))
    except TransportError as error:
        again = _finished_session(workdir, finished[0]) if finished else None
        if again is None:
            raise
        finished[0].say(words.result_of(error, again.place))
        return again
    plan = next(plan for plan in plans if plan.peer == channel.peer_fingerprint)
    try:
        return ResumableSession.open(SessionFolder(workdir, plan.scope()), plan, channel)
    except BaseException:
        channel.abandon(None)
        raise


def _finished_session(workdir: Path, plan: ResumePlan) -> ResumableSession | None:
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
    session = ResumableSession.open(folder, plan, None)
    if session.over:
        return session
    session.close()
    return None


class ResumableSession:
    """One side of a session, made by `open`. A context manager: leaving it closes files and channel and removes
    nothing.

    Attributes:
        stage: how far this process is with it.
    """

    def __init__(
        self, folder: SessionFolder, plan: ResumePlan, party: JournaledParty, stage: Stage, channel: Channel | None
    ) -> None:
        self.stage = stage
        self._folder = folder
        self._plan = plan
        self._party = party
        self._channel = channel
        self._greeted = False  # both sides' RESUMEs have gone over it
        self._started = time.monotonic()
        self._sent, self._received = 0, 0  # bytes, over the channels that are closed

    @classmethod
    def open(cls, folder: SessionFolder, plan: ResumePlan, channel: Channel | None) -> Self:
        """The session that is kept in the folder, or a new one. Raises InputError, having closed the folder, when it is
        damaged, or when the list is another one than before."""
        try:
            party = opening.open_party(folder, plan)
        except BaseException:
            folder.close()
            raise
        stage = Stage.REPORTED_BEFORE if Mark.REPORTED in party.journal.marks else Stage.RUNNING
        return cls(folder, plan, party, stage, channel)

    @property
    def place(self) -> Path:
        """The session's folder."""
        return self._folder.path

    @property
    def over(self) -> bool:
        """Whether the peer's FINISH is on disk: no more is needed from it."""
        return MessageType.FINISH in self._party.journal.peer_types

    @property
    def setup(self) -> Setup:
        """This side's setup, for what is written about the session."""
        return self._plan.setup(SystemEntropy(), self._plan.backend)

    def run(self) -> SessionResult:
        """Run the session to its end, over as many links as that takes. Raises RemoteError, PolicyError (the session is
        dead and its folder removed), TransportError and LocalError (the session is kept)."""
        reached = Stage.RESULT_HERE
        if self._channel is None and self.over:
            if self.stage is Stage.REPORTED_BEFORE:
                reached = Stage.GIVEN_AGAIN
            if self._learns and Mark.PARTED not in self._party.journal.marks:
                self._see_off()
            self._replay()
        else:
            self._over_links(lambda: self._party.state is State.DONE)
            if self._learns:
                self._see_off()
            else:
                self._await_bye()
        if self._learns or self._party.peer_gone or Mark.PARTED in self._party.journal.marks:
            reached = Stage.PEER_DONE
        self._drop_channel()
        self._move(reached)
        self._party.party.settle()
        return plain.result_of(self._party.party, time.monotonic() - self._started, self._sent, self._received)

    @property
    def _learns(self) -> bool:
        setup = self.setup
        return setup.side in setup.terms.learn.receivers

    def reported(self) -> None:
        """The result is where it belongs. If the peer needs no more either, the session is removed."""
        if self.stage is Stage.PEER_DONE:
            self._move(Stage.REMOVED)
        else:
            self._party.journal.mark(Mark.REPORTED)

    def part(self) -> None:
        """Wait until the peer has said that it needs no more, then remove the session. When it does not say so in time,
        the session stays, for a later run of the same command to serve the peer. Raises nothing but InputError."""
        if self.stage is not Stage.RESULT_HERE:
            return
        try:
            self._over_links(lambda: self._party.peer_gone)
        except TransportError:
            self._plan.say(words.unconfirmed(self._folder.path))
            return
        except (RemoteError, PolicyError):
            pass  # the peer has gone on to something else: this session is of no more use
        self._drop_channel()
        self._move(Stage.REMOVED)

    def close(self) -> None:
        """Close everything, remove nothing. Safe to call twice."""
        self._drop_channel()
        self._party.close()
        self._folder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _move(self, stage: Stage) -> None:
        """Go to a stage, unless it is reached, and do on disk what that means. Raises InputError when the disk
        refuses."""
        if stage is self.stage:
            return
        require_next(self.stage, stage)
        match stage:
            case Stage.RUNNING:
                self._party.close()
                self._party = opening.begin(self._folder, self._plan)
            case Stage.PEER_DONE:
                self._party.journal.mark(Mark.PARTED)
            case Stage.REMOVED:
                self._party.close()
                self._folder.remove()
        self.stage = stage

    def _see_off(self) -> None:
        """Wait for the peer's BYE, over other links if need be, for as long as a session may go without progress. What
        the peer does meanwhile changes nothing: this side has all that it needs."""
        try:
            self._over_links(lambda: self._party.peer_gone, time.monotonic() + self._plan.stall_seconds)
        except (TransportError, RemoteError, PolicyError):
            self._plan.say(words.NOT_SERVED)

    def _over_links(self, finished: Callable[[], bool], until: float = math.inf) -> None:
        """Serve the peer over one channel after another until `finished`. Raises TransportError when the peer makes no
        progress, or at `until`."""
        seen, since = self._standing, time.monotonic()
        while True:
            try:
                if self._channel is None:
                    wait = min(since + self._plan.stall_seconds, until) - time.monotonic()
                    self._channel = self._plan.link.open(max(0.0, wait))
                if not self._greeted:
                    self._greet(self._channel)
                    self._greeted = True
                    self._converse(self._channel)
                while not finished():
                    if time.monotonic() >= until:
                        raise words.not_done()
                    self._take_frame(self._channel, None if until == math.inf else until - time.monotonic())
                return
            except TransportError as error:
                self._link_broke(error)
                if self._standing != seen:
                    seen, since = self._standing, time.monotonic()
                    self._plan.say(words.going_on(error))
                if time.monotonic() + _RETRY_SECONDS >= min(since + self._plan.stall_seconds, until):
                    raise words.kept(error, self._folder.path) from None
                time.sleep(_RETRY_SECONDS)

    def _link_broke(self, error: TransportError) -> None:
        """Let go of a channel. Raises what the peer said before the link broke, if that ends the session; after both
        sides' RESUMEs it is over for good."""
        if self._channel is None:
            return
        word, greeted = plain.last_word(self._channel, self._party.told), self._greeted
        self._drop_channel()
        if word is not None:
            if greeted:
                self._give_up()
            raise word from error

    def _greet(self, channel: Channel) -> None:
        """Exchange RESUMEs. Raises RemoteError when the two sides hold different sessions."""
        try:
            self._agree(channel)
        except RemoteError as error:
            # A peer that begins another session while this side waits for its BYE is told nothing: it will call again.
            quiet = self.over and self.stage is not Stage.REPORTED_BEFORE
            channel.abandon(None if quiet else messages.abort_frame(error))
            if self._party.journal.peer_count == 0:
                self._give_up()  # nothing has begun
            raise

    def _converse(self, channel: Channel) -> None:
        """The party's messages and BYE, over a channel on which both sides mean the same session."""
        try:
            plain.drive(self._party, channel, self._plan.progress)
            self._party.journal.sync()
            channel.send(_BYE)
        except (RemoteError, PolicyError) as error:
            channel.abandon(messages.abort_frame(error))
            self._give_up()
            raise

    def _give_up(self) -> None:
        """The peer will not go on. A side that has all it needs keeps it: its result has still to be given out."""
        if not self.over:
            self._move(Stage.REMOVED)

    def _take_frame(self, channel: Channel, wait: float | None) -> None:
        frame = channel.receive(wait)
        if frame is not None:
            self._party.receive(frame)

    def _await_bye(self) -> None:
        """The peer's BYE is on its way as a rule. A session that has it needs no peer after a crash."""
        until = time.monotonic() + _BYE_SECONDS
        with contextlib.suppress(PsiselectError):
            while not self._party.peer_gone and self._channel is not None and time.monotonic() < until:
                self._take_frame(self._channel, until - time.monotonic())

    def _replay(self) -> None:
        try:
            self._party.start()
        except RemoteError:
            self._move(Stage.REMOVED)
            raise

    def _agree(self, channel: Channel) -> None:
        mine = self._resume()
        channel.send(mine.frame())
        theirs = greeting.expect(channel)
        relation = mine.relation_to(theirs)
        if relation is ResumeRelation.OURS_IS_OVER and self.stage is Stage.REPORTED_BEFORE:
            self._move(Stage.RUNNING)
            mine = self._resume()
            channel.send(mine.frame())
            relation = mine.relation_to(theirs)
        elif relation is ResumeRelation.THEIRS_IS_OVER:
            theirs = greeting.expect(channel)
            relation = mine.relation_to(theirs)
        if relation is not ResumeRelation.SAME:
            raise self._apart(mine)
        self._party.link_up(theirs.received)

    def _resume(self) -> Resume:
        journal = self._party.journal
        journal.sync()
        first = journal.first_peer
        return Resume(
            greeting.digest(bytes(journal.own_frame(0).payload)),
            None if first is None else greeting.digest(first),
            journal.peer_count,
            self.over,
        )

    def _apart(self, mine: Resume) -> RemoteError:
        if mine.peer_hello is None:
            return words.unknown_here()
        return words.another_session(self._folder.path)

    @property
    def _standing(self) -> tuple[int, ...]:
        """What grows with progress, the peer's included."""
        party, journal = self._party, self._party.journal
        return journal.own_count, journal.peer_count, party.done_operations, party.signs_of_life

    def _drop_channel(self) -> None:
        channel, self._channel, self._greeted = self._channel, None, False
        if channel is not None:
            self._sent += channel.bytes_sent
            self._received += channel.bytes_received
            channel.abandon(None)
