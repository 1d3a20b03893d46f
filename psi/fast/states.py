"""Which message may come when, in a run of the fast mode.

Everything that decides whether a message is in order lives here. A message that the table does not list for the current
state ends the run: received, it is the peer's fault (RemoteError); sent, it is a bug of ours. In particular no tag
leaves the sender before the receiver's matrix is complete.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import cast

from psi.fast.messages import MessageType as M
from psiselect.base.errors import RemoteError


class State(Enum):
    """Where one side stands."""

    WAITING = auto()  # receiver: the sender's request for seeds has not come
    GRANTING = auto()  # receiver: it has; the seeds have not gone out
    PLANTING = auto()  # receiver: they have; the trees have not
    SOLVING = auto()  # receiver: computing its store
    ENCODING = auto()  # receiver: sending the matrix
    COMPARING = auto()  # receiver: tags coming

    ASKING = auto()  # sender: its request for seeds has not gone out
    ASKED = auto()  # sender: it has; seeds have not come
    OPENING = auto()  # sender: they have; the trees have not
    HASHING = auto()  # sender: has the salt; the matrix has not begun
    GATHERING = auto()  # sender: matrix coming
    TAGGING = auto()  # sender: has all of it; sending tags

    OVER = auto()


class Way(Enum):
    """Whether a message goes or comes."""

    SEND = auto()
    RECEIVE = auto()


SEND, RECEIVE = Way.SEND, Way.RECEIVE

TABLE: dict[State, dict[tuple[Way, M], State]] = {
    State.WAITING: {(RECEIVE, M.SEED_REQUEST): State.GRANTING},
    State.GRANTING: {(SEND, M.SEED_ANSWER): State.PLANTING},
    State.PLANTING: {(SEND, M.TREES): State.SOLVING},
    State.SOLVING: {(SEND, M.ENCODING): State.ENCODING},
    State.ENCODING: {(SEND, M.MATRIX): State.ENCODING, (SEND, M.MATRIX_END): State.COMPARING},
    State.COMPARING: {(RECEIVE, M.TAGS): State.COMPARING, (RECEIVE, M.TAGS_END): State.OVER},
    State.ASKING: {(SEND, M.SEED_REQUEST): State.ASKED},
    State.ASKED: {(RECEIVE, M.SEED_ANSWER): State.OPENING},
    State.OPENING: {(RECEIVE, M.TREES): State.HASHING},
    State.HASHING: {(RECEIVE, M.ENCODING): State.GATHERING},
    State.GATHERING: {(RECEIVE, M.MATRIX): State.GATHERING, (RECEIVE, M.MATRIX_END): State.TAGGING},
    State.TAGGING: {(SEND, M.TAGS): State.TAGGING, (SEND, M.TAGS_END): State.OVER},
    State.OVER: {},
}


def after(state: State, way: Way, message: int) -> State:
    """The state that follows. Raises RemoteError for a received message that is out of place, RuntimeError (a bug
    here) for a sent one."""
    following = TABLE[state].get((way, cast(M, message)))
    if following is not None:
        return following
    if way is RECEIVE:
        raise RemoteError(f"the peer sent message type {message} while this side was {state.name.lower()}")
    raise RuntimeError(f"message type {message} may not be sent while {state.name.lower()}")
