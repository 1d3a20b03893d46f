"""Runs one party's state machine over real links, with one deadline for the whole run."""

from __future__ import annotations

import contextlib
import queue
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from mpc import words_messages as words
from mpc.mesh import Connected, Event, Mesh, Received
from mpc.messages import Cause, Message, Outgoing
from mpc.parties import PartyList
from mpc.securesum import Admit, SecureSum, admit_all
from mpc.terms import MpcTerms
from psi.identity.identity import Identity
from psi.transport.pinning import HungUpError
from psi.transport.wire import Frame
from psiselect.base.entropy import Entropy
from psiselect.base.errors import CancelError, LocalError, PsiselectError, RemoteError, TransportError

DEFAULT_TIMEOUT = 300.0
_HEARSAY_SECONDS = 1.0
_LATECOMER_SECONDS = 2.0
_LOOK_SECONDS = 0.1  # between two looks at whether the caller has cancelled

Progress = Callable[[int, int], None]  # connected peers, all peers


@dataclass(frozen=True, slots=True)
class MpcSession:
    """What a finished run leaves behind. `unconfirmed` names parties that may not hold the result."""

    totals: tuple[int, ...]
    seconds: float
    bytes_sent: int
    bytes_received: int
    unconfirmed: tuple[str, ...]


class Driver:
    """Feeds a state machine from a mesh and sends what it answers."""

    def __init__(
        self,
        machine: SecureSum,
        mesh: Mesh,
        timeout: float,
        progress: Progress | None = None,
        look: Callable[[], None] | None = None,
    ) -> None:
        self.machine, self.mesh = machine, mesh
        self._look = look
        self.deadline = time.monotonic() + timeout
        self.aside: Callable[[str, Frame], bool] = lambda _peer, _frame: (
            False
        )  # takes frames that are not the machine's
        self.events = mesh.events
        self._kept: deque[Event] = deque()
        self._lost: list[str] = []
        self._hearing = False
        self._progress = progress
        self._connected: set[str] = set()
        self._all = len(machine.roster.peers(machine.me.name))

    @contextlib.contextmanager
    def telling(self) -> Iterator[None]:
        """Whatever ends this party in here is told to the peers first: a refusal of its own, or whoever runs it, which
        comes as CancelError, KeyboardInterrupt or SystemExit."""
        try:
            yield
        except (CancelError, KeyboardInterrupt, SystemExit):
            self.send(self.machine.interrupted())
            raise
        except LocalError:
            self.send(self.machine.stopped())
            raise
        finally:
            if self.machine.failure is not None:
                self.mesh.farewell = self.machine.failure.frame()

    def until(self, reached: Callable[[], bool]) -> None:
        """Go on until `reached`, or until the run fails. Raises the failure, and the refusal of this party's
        `admit`."""
        while not reached():
            if self.machine.failure is not None:
                break
            event = self._next(self.deadline)
            if event is not None:
                self.handle(event)
            elif self.machine.settled:
                return
            else:
                self.send(self.machine.expired())
        if self.machine.failure is not None:
            self._tell_latecomers()
            raise self.error()

    def _tell_latecomers(self) -> None:
        """A peer that connects only now must hear why there is no result, rather than find nobody."""
        until = time.monotonic() + _LATECOMER_SECONDS
        while not self.machine.everyone_seen and (event := self._next(until)) is not None:
            self.handle(event)

    def _next(self, until: float) -> Event | None:
        """The next event before `until`. None after it, even if events wait: a peer that sends without pause does not
        move a deadline."""
        while (left := until - time.monotonic()) > 0:
            if self._look is not None:
                self._look()
            if self._kept:
                return self._kept.popleft()
            with contextlib.suppress(queue.Empty):
                return self.events.get(timeout=left if self._look is None else min(left, _LOOK_SECONDS))
        return None

    def handle(self, event: Event) -> None:
        """One event of the mesh."""
        machine = self.machine
        if isinstance(event, Connected):
            self._connected.add(event.peer)
            if self._progress is not None:
                self._progress(len(self._connected), self._all)
            self.send(machine.connected(event.peer))
        elif isinstance(event, Received):
            if event.frame.type == Message.MPYC and self.aside(event.peer, event.frame):
                machine.noted(event.peer)
            else:
                self.send(machine.received(event.peer, event.frame))
        elif isinstance(event.error, RemoteError):
            self.send(machine.misbehaved(event.peer))
        elif isinstance(event.error, HungUpError) and not machine.heard(event.peer):
            machine.hung_up(event.peer)
        else:
            self._lost.append(event.peer)
        if not self._hearing and (self._lost or machine.suspects):
            self._hear_others()

    def keep(self, events: Iterable[Event]) -> None:
        """Events to be handled before any other, in this order."""
        self._kept.extend(events)

    def _hear_others(self) -> None:
        """A link broke. Its peer may have left because of somebody else, and what it said may be lost with the link:
        others who know better come first, for a moment."""
        until = time.monotonic() + _HEARSAY_SECONDS
        self._hearing = True
        while not self.machine.finished and self.machine.failure is None:
            event = self._next(until)
            if event is None:
                break
            self.handle(event)
        self._hearing = False
        lost, self._lost = self._lost, []
        for peer in (*lost, *self.machine.suspects):
            self.send(self.machine.lost(peer))

    def send(self, out: Sequence[Outgoing]) -> None:
        """Hand frames to the links. One that is down is news for the machine, but not before what the peer had said:
        its reader passes on what has arrived and then reports the loss."""
        for item in out:
            try:
                self.mesh.send(item.peer, item.frame)
            except TransportError as error:
                self.mesh.problems.setdefault(item.peer, str(error))

    def error(self) -> PsiselectError:
        """The failure, with what this side knows about the link where it was this side that saw it."""
        failure = self.machine.failure
        if failure is None:
            raise RuntimeError("no failure to report")
        me = self.machine.me.name
        error = failure.error(me)
        if not isinstance(error, TransportError):
            return error
        detail = self.mesh.problems.get(failure.party) if failure.by == me else None
        # Which of several is the reason for the others, this side cannot know: it has met none.
        missing = self.machine.missing if failure.cause is Cause.MISSING else ()
        return words.with_detail(error, detail, me, [name for name in missing if name != failure.party])


def run_sum(
    roster: PartyList,
    me: str,
    identity: Identity,
    terms: MpcTerms,
    values: Sequence[int] | None,
    entropy: Entropy,
    *,
    timeout: float = DEFAULT_TIMEOUT,
    progress: Progress | None = None,
    admit: Admit = admit_all,
    look: Callable[[], None] | None = None,
) -> MpcSession:
    """One party's part in a secure sum; `values` in units with this party's noise, None for a server.

    admit: see `mpc.securesum.SecureSum`. look: called ten times a second; raises CancelError to end the run.

    Returns once every party has confirmed, or the deadline passed with this party holding the sum. Raises
    TransportError or RemoteError with the name of the party that ended the run, the same name at every party; and what
    `admit` and `look` raise.
    """
    started = time.monotonic()
    machine = SecureSum(roster, me, terms, values, entropy, admit=admit)
    with Mesh(roster, me, identity, timeout) as mesh:
        driver = Driver(machine, mesh, timeout, progress, look)
        with driver.telling():
            driver.until(lambda: machine.finished)
        totals = machine.totals
        if totals is None:
            raise RuntimeError("a finished sum has totals")
        return MpcSession(
            tuple(machine.ring.centred(totals)),
            time.monotonic() - started,
            mesh.bytes_sent,
            mesh.bytes_received,
            machine.unconfirmed,
        )
