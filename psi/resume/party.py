"""A party whose frames are all in a journal: it can be built again from there, and its frames sent again.

Own and peer's frames are numbered from 0 in the order in which they were sent; ALIVE and what belongs to the link
(RESUME, BYE, ABORT) are not. It has the face of `psi.protocol.party.Party` that `psi.session.session` drives. In
between come replay (`start`), links that break, and `link_up` with the number that the peer asks for.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Iterable

from psi.protocol.messages import MessageType
from psi.protocol.party import Party
from psi.protocol.run import Payload
from psi.protocol.setup import Setup
from psi.protocol.states import State
from psi.resume import words
from psi.resume.journal import EntryKind, Journal, Mark
from psi.resume.memo import misfit
from psi.transport.wire import Frame
from psiselect.base.errors import PsiselectError, TransportError


class JournaledParty:
    """One side of one session, over any number of links and processes.

    Attributes:
        journal: where every step is kept; the party closes it.
        party: what the journal leads to.
        peer_gone: the peer has said BYE.
        signs_of_life: how many ALIVEs came.
    """

    def __init__(
        self, setup: Setup, journal: Journal, progress: Callable[[int, int], None] = lambda done, total: None
    ) -> None:
        """setup: as it was when the session began, with the same random bits. progress(done, total) is called at each
        step of a replay. The first own frame is in the journal, durably, when this returns."""
        self.journal = journal
        self.party = Party(dataclasses.replace(setup, admit=_once(setup.admit, journal)))
        self.peer_gone = False
        self.signs_of_life = 0
        self._progress = progress
        self._behind = True  # the journal holds more than the party has been through
        self._next = 0  # own frame to send next
        self._emitted = deque(self.party.start())
        if journal.own_count == 0:
            self._store([self._emitted[0]])
            journal.sync()

    @property
    def state(self) -> State:
        """The party's; DONE only when there is nothing left to send on this link either."""
        state = self.party.state
        return State.FINISHING if state is State.DONE and self._backlog else state

    @property
    def done_operations(self) -> int:
        """See Party; includes what a replay took from the journal."""
        return self.party.done_operations

    @property
    def total_operations(self) -> int:
        """See Party."""
        return self.party.total_operations

    @property
    def _backlog(self) -> int:
        return self.journal.own_count - self._next

    def link_up(self, peer_has: int) -> None:
        """A link is up over which the peer wants own frames from number `peer_has` on. Raises RemoteError when there
        cannot be so many."""
        if not 0 <= peer_has <= self.journal.own_count:
            raise words.old_copy(peer_has, self.journal.own_count)
        self._next = peer_has

    def start(self) -> list[Frame]:
        """Go through the journal, if that is still to be done; nothing is sent."""
        if self._behind:
            for kind, frame in self.journal.frames():
                if kind is EntryKind.PEER:
                    self._emitted.extend(self.party.receive(frame))
                elif not _equal(self._next_emitted(), frame):
                    raise misfit(self.journal)
                self._progress(self.done_operations, self.total_operations)
            self._behind = False
            self._store(self._emitted)
            self._emitted.clear()
        return []

    def receive(self, frame: Frame) -> list[Frame]:
        """See Party."""
        match frame.type:
            case MessageType.ALIVE:
                if len(frame.payload):
                    raise words.carries_data(words.SIGN_OF_LIFE)
                self.signs_of_life += 1
                return []
            case MessageType.ABORT:
                raise self.told(frame.payload)
            case MessageType.BYE if self.party.state is State.DONE:
                if len(frame.payload):
                    raise words.carries_data(words.BYE)
                self.peer_gone = True
                return []
        self.journal.peer(frame)
        return self._outgoing(self.party.receive(frame))

    def told(self, payload: Payload) -> PsiselectError:
        """What the peer's ABORT amounts to. It ends the session for good, so it is no broken link, whatever its
        code."""
        error = self.party.told(payload)
        return words.as_the_peers(error) if isinstance(error, TransportError) else error

    def work(self) -> list[Frame] | None:
        """See Party. What the peer still lacks goes first."""
        if self._backlog:
            self.journal.sync()
            self._next += 1
            return [self.journal.own_frame(self._next - 1)]
        frames = self.party.work()
        return None if frames is None else self._outgoing(frames)

    def settle(self) -> None:
        """See Party."""
        self.party.settle()

    def close(self) -> None:
        """Close the party and its journal. Safe to call twice."""
        self.party.close()
        self.journal.close()

    def _outgoing(self, frames: list[Frame]) -> list[Frame]:
        """Store frames; hand them out unless older ones are still to be sent first."""
        waiting = self._backlog
        self._store(frames)
        if waiting or not frames:
            return []
        self.journal.sync()
        self._next += len(frames)
        return frames

    def _store(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            self.journal.own(frame)

    def _next_emitted(self) -> Frame:
        while not self._emitted:
            frames = self.party.work()
            if frames is None:
                raise misfit(self.journal)
            self._emitted.extend(frames)
        return self._emitted.popleft()


def _equal(one: Frame, other: Frame) -> bool:
    return one.type == other.type and one.view() == other.view()


def _once(admit: Callable[[], None], journal: Journal) -> Callable[[], None]:
    """Ask the policy, and count the session, once. A kill between the count and its mark counts it twice:
    the safe side."""

    def admit_once() -> None:
        if Mark.ADMITTED not in journal.marks:
            admit()
            journal.mark(Mark.ADMITTED)

    return admit_once
