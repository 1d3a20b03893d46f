"""One run of the protocol whose messages are in files: a role, driven through the transition table."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from psi.offline import words
from psi.protocol.messages import MessageType as M
from psi.protocol.outcome import Findings
from psi.protocol.party import make_role, run_tokens
from psi.protocol.schedule import PlannedRun
from psi.protocol.setup import Setup
from psi.protocol.states import State, after
from psi.transport.wire import Frame
from psiselect.base.turns import RECEIVE, SEND

Send = Callable[[Frame], None]

# Of all that the table lets pass in a run, what a file may hold; a sign of life has no place in one.
_MESSAGES = frozenset((M.ELEMENTS, M.ELEMENTS_END, M.REPLIES, M.REPLIES_END, M.TAGS, M.TAGS_END))


class OfflineRun:
    """A context manager: on exit the scalars are wiped and, unless somebody took them over, the columns dropped.

    peer_size: as declared, 0 where nobody knows it yet. transcript: 64 bytes, for tags and labels only. advance(k): k
    group operations are done.
    """

    def __init__(
        self, setup: Setup, planned: PlannedRun, peer_size: int, transcript: bytes, advance: Callable[[int], None]
    ) -> None:
        self._store = setup.stores()
        self._given = False
        self._tokens = run_tokens(setup, planned)
        self._role = make_role(setup, planned, self._tokens, peer_size, transcript, self._store, advance)
        self.state = self._role.opening

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._role.close()
        if not self._given:
            self._store.close()
            self._tokens.close()

    def give(self, findings: Findings) -> None:
        """Hand over what the receiver has, when the run is over."""
        if self._role.finding is None:
            raise RuntimeError("the run is not over")
        findings.add(self._role.finding, (self._store, self._tokens))
        self._given = True

    def work_until(self, state: State, send: Send) -> None:
        """Do own work until `state`, handing out what it yields. Raises RemoteError when that needs more from the peer
        than is there."""
        while self.state is not state:
            frames = self._role.work(self.state)
            if frames is None:
                raise words.ends_while(self.state.name.lower())
            self._send(frames, send)

    def receive(self, frame: Frame, send: Send) -> None:
        """Handle one message of the file. Raises RemoteError for one that is out of place."""
        if frame.type not in _MESSAGES:
            raise words.message_in_a_run(frame.type)
        before = self.state
        self.state = after(before, RECEIVE, frame.type)
        self._send(self._role.receive(M(frame.type), frame.payload, before), send)

    def _send(self, frames: list[Frame], send: Send) -> None:
        for frame in frames:
            self.state = after(self.state, SEND, frame.type)
            send(frame)
