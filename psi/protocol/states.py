"""The transition table: what may be sent and received in which state.

Everything that decides whether a message is in order lives here, and nothing else does. This file does not know what
a message means. A message that the table does not list for the current state ends the session: received, it is the
peer's fault (RemoteError); sent, it is a bug of ours (the rule that the sender releases nothing before the receiver's
last element is held here, whatever the code around it does).

One run has two roles. The receiver passes MASKING -> UNMASKING -> COMPARING; the sender ANSWERING (or COLLECTING,
when replies must be shuffled) -> REPLYING -> TAGGING. In `sum` the receiver goes on with DEALING -> GRANTING ->
TRANSFERRING -> EXPECTING -> SHOWING -> ADDING, the sender with ASKING -> ASKED -> GATHERING -> CHALLENGING -> CHECKING
-> CORRECTING: no correction leaves before the receiver's proof has come, and the sender goes no further if it is wrong.
A run of the fast protocol has one state a role here: psi.fast.states has the order of its messages, and its sides hold
to that. After the last run both sides FINISH.
"""

from __future__ import annotations

from enum import Enum, auto

from psi.protocol.messages import MessageType as M
from psiselect.base.turns import RECEIVE, SEND, Way, following


class State(Enum):
    """Where one side stands."""

    OPENING = auto()  # our hello has not gone out
    GREETED = auto()  # it has; the peer's has not come
    SIGNING = auto()  # terms agree; our signature has not gone out
    PROVING = auto()  # it has; the peer's has not come
    ADMITTING = auto()  # the peer has proved who it is; our sizes have not gone out
    DECLARED = auto()  # they have; the peer's have not come

    MASKING = auto()  # receiver: sending elements; replies may come as they are ready
    MASKING_QUIETLY = auto()  # receiver: sending elements; replies come shuffled, so none before the last element
    UNMASKING = auto()  # receiver: all sent; replies coming
    COMPARING = auto()  # receiver: tags coming

    ANSWERING = auto()  # sender: answering elements as they come
    COLLECTING = auto()  # sender: keeping elements until the last one is here
    REPLYING = auto()  # sender: has all elements; sending what replies are left
    TAGGING = auto()  # sender: sending its tags

    DEALING = auto()  # receiver of a sum: waiting for the sender's choices of seeds
    GRANTING = auto()  # receiver: has them; its answer has not gone out
    TRANSFERRING = auto()  # receiver: sending its bits, hidden
    EXPECTING = auto()  # receiver: all sent; the challenge has not come
    SHOWING = auto()  # receiver: it has; the proof has not gone out
    ADDING = auto()  # receiver: corrections coming, then the share of the total

    ASKING = auto()  # sender of a sum: its choices of seeds have not gone out
    ASKED = auto()  # sender: waiting for seeds
    GATHERING = auto()  # sender: keeping the receiver's transfers until the last one is here
    CHALLENGING = auto()  # sender: it is; the challenge has not gone out
    CHECKING = auto()  # sender: waiting for the proof
    CORRECTING = auto()  # sender: has it; sending corrections, then its share

    RECEIVING_FAST = auto()  # receiver of a run of the fast protocol
    SENDING_FAST = auto()  # sender of one

    RUN_OVER = auto()  # between runs, or before FINISH; never left standing while the peer is waited for
    FINISHING = auto()  # our FINISH is out; the peer's has not come
    DONE = auto()
    FAILED = auto()


Event = tuple[Way, M]

TABLE: dict[State, dict[Event, State]] = {
    State.OPENING: {(SEND, M.HELLO): State.GREETED},
    State.GREETED: {(RECEIVE, M.HELLO): State.SIGNING},
    State.SIGNING: {(SEND, M.AUTH): State.PROVING},
    State.PROVING: {(RECEIVE, M.AUTH): State.ADMITTING},
    State.ADMITTING: {(SEND, M.SIZES): State.DECLARED},
    State.DECLARED: {(RECEIVE, M.SIZES): State.RUN_OVER},
    State.MASKING: {
        (SEND, M.ELEMENTS): State.MASKING,
        (RECEIVE, M.REPLIES): State.MASKING,
        (SEND, M.ELEMENTS_END): State.UNMASKING,
    },
    State.MASKING_QUIETLY: {
        (SEND, M.ELEMENTS): State.MASKING_QUIETLY,
        (SEND, M.ELEMENTS_END): State.UNMASKING,
    },
    State.UNMASKING: {
        (RECEIVE, M.REPLIES): State.UNMASKING,
        (RECEIVE, M.REPLIES_END): State.COMPARING,
    },
    State.COMPARING: {
        (RECEIVE, M.TAGS): State.COMPARING,
        (RECEIVE, M.TAGS_END): State.RUN_OVER,
    },
    State.ANSWERING: {
        (RECEIVE, M.ELEMENTS): State.ANSWERING,
        (SEND, M.REPLIES): State.ANSWERING,
        (RECEIVE, M.ELEMENTS_END): State.REPLYING,
    },
    State.COLLECTING: {
        (RECEIVE, M.ELEMENTS): State.COLLECTING,
        (RECEIVE, M.ELEMENTS_END): State.REPLYING,
    },
    State.REPLYING: {
        (SEND, M.REPLIES): State.REPLYING,
        (SEND, M.REPLIES_END): State.TAGGING,
    },
    State.TAGGING: {
        (SEND, M.TAGS): State.TAGGING,
        (SEND, M.TAGS_END): State.RUN_OVER,
    },
    State.DEALING: {(RECEIVE, M.SEED_REQUEST): State.GRANTING},
    State.GRANTING: {(SEND, M.SEED_ANSWER): State.TRANSFERRING},
    State.TRANSFERRING: {
        (SEND, M.TRANSFERS): State.TRANSFERRING,
        (SEND, M.TRANSFERS_END): State.EXPECTING,
    },
    State.EXPECTING: {(RECEIVE, M.CHALLENGE): State.SHOWING},
    State.SHOWING: {(SEND, M.PROOF): State.ADDING},
    State.ADDING: {
        (RECEIVE, M.CORRECTIONS): State.ADDING,
        (RECEIVE, M.TOTAL): State.RUN_OVER,
    },
    State.ASKING: {(SEND, M.SEED_REQUEST): State.ASKED},
    State.ASKED: {(RECEIVE, M.SEED_ANSWER): State.GATHERING},
    State.GATHERING: {
        (RECEIVE, M.TRANSFERS): State.GATHERING,
        (RECEIVE, M.TRANSFERS_END): State.CHALLENGING,
    },
    State.CHALLENGING: {(SEND, M.CHALLENGE): State.CHECKING},
    State.CHECKING: {(RECEIVE, M.PROOF): State.CORRECTING},
    State.CORRECTING: {
        (SEND, M.CORRECTIONS): State.CORRECTING,
        (SEND, M.TOTAL): State.RUN_OVER,
    },
    State.RECEIVING_FAST: {
        (RECEIVE, M.SEED_REQUEST): State.RECEIVING_FAST,
        (SEND, M.SEED_ANSWER): State.RECEIVING_FAST,
        (SEND, M.TREES): State.RECEIVING_FAST,
        (SEND, M.ENCODING): State.RECEIVING_FAST,
        (SEND, M.MATRIX): State.RECEIVING_FAST,
        (SEND, M.MATRIX_END): State.RECEIVING_FAST,
        (RECEIVE, M.TAGS): State.RECEIVING_FAST,
        (RECEIVE, M.TAGS_END): State.RUN_OVER,
    },
    State.SENDING_FAST: {
        (SEND, M.SEED_REQUEST): State.SENDING_FAST,
        (RECEIVE, M.SEED_ANSWER): State.SENDING_FAST,
        (RECEIVE, M.TREES): State.SENDING_FAST,
        (RECEIVE, M.ENCODING): State.SENDING_FAST,
        (RECEIVE, M.MATRIX): State.SENDING_FAST,
        (RECEIVE, M.MATRIX_END): State.SENDING_FAST,
        (SEND, M.TAGS): State.SENDING_FAST,
        (SEND, M.TAGS_END): State.RUN_OVER,
    },
    State.RUN_OVER: {(SEND, M.FINISH): State.FINISHING},
    State.FINISHING: {(RECEIVE, M.FINISH): State.DONE},
    State.DONE: {},
    State.FAILED: {},
}

# ALIVE says "still computing"; it changes nothing and may come once the peer has proved who it is.
_QUIET = {State.OPENING, State.GREETED, State.SIGNING, State.PROVING, State.DONE, State.FAILED}
for _state, _row in TABLE.items():
    if _state not in _QUIET:
        _row[(SEND, M.ALIVE)] = _row[(RECEIVE, M.ALIVE)] = _state


def after(state: State, way: Way, message: int) -> State:
    """The state that follows; see `psiselect.base.turns.following`."""
    return following(TABLE, state, way, message)
