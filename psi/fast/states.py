"""Which message may come when, in a run of the fast mode.

Everything that decides whether a message is in order lives here. A message that the table does not list for the current
state ends the run: received, it is the peer's fault (RemoteError); sent, it is a bug of ours. In particular no tag
leaves the sender before the receiver's matrix is complete.
"""

from __future__ import annotations

from enum import Enum, auto

from psi.fast.messages import FastMessage as M
from psiselect.base.turns import RECEIVE, SEND, Way, following


class FastState(Enum):
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


TABLE: dict[FastState, dict[tuple[Way, M], FastState]] = {
    FastState.WAITING: {(RECEIVE, M.SEED_REQUEST): FastState.GRANTING},
    FastState.GRANTING: {(SEND, M.SEED_ANSWER): FastState.PLANTING},
    FastState.PLANTING: {(SEND, M.TREES): FastState.SOLVING},
    FastState.SOLVING: {(SEND, M.ENCODING): FastState.ENCODING},
    FastState.ENCODING: {(SEND, M.MATRIX): FastState.ENCODING, (SEND, M.MATRIX_END): FastState.COMPARING},
    FastState.COMPARING: {(RECEIVE, M.TAGS): FastState.COMPARING, (RECEIVE, M.TAGS_END): FastState.OVER},
    FastState.ASKING: {(SEND, M.SEED_REQUEST): FastState.ASKED},
    FastState.ASKED: {(RECEIVE, M.SEED_ANSWER): FastState.OPENING},
    FastState.OPENING: {(RECEIVE, M.TREES): FastState.HASHING},
    FastState.HASHING: {(RECEIVE, M.ENCODING): FastState.GATHERING},
    FastState.GATHERING: {(RECEIVE, M.MATRIX): FastState.GATHERING, (RECEIVE, M.MATRIX_END): FastState.TAGGING},
    FastState.TAGGING: {(SEND, M.TAGS): FastState.TAGGING, (SEND, M.TAGS_END): FastState.OVER},
    FastState.OVER: {},
}


def after(state: FastState, way: Way, message: int) -> FastState:
    """The state that follows; see `psiselect.base.turns.following`."""
    return following(TABLE, state, way, message)
