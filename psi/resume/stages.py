"""How far a process is with a session that can be resumed, and where it may go from there."""

from __future__ import annotations

import enum


class Stage(enum.Enum):
    """How far this process is with a session. What must outlive the process is in the journal, as a mark."""

    RUNNING = enum.auto()  # `run` has still to hand out the result, and no earlier process has reported it
    REPORTED_BEFORE = enum.auto()  # an earlier process has reported the result; the peer may need more of this side
    RESULT_HERE = enum.auto()  # `run` has handed out the result; the peer may need more of this side
    GIVEN_AGAIN = enum.auto()  # no peer came, and `run` has handed out a result that was reported before
    PEER_DONE = enum.auto()  # `run` has handed out the result, and the peer needs no more
    REMOVED = enum.auto()  # nothing is left on disk


# Where a session may go from each stage; `ResumableSession._move` does what goes with it.
NEXT = {
    Stage.RUNNING: {Stage.RESULT_HERE, Stage.PEER_DONE, Stage.REMOVED},
    Stage.REPORTED_BEFORE: {
        Stage.RUNNING,  # the peer has begun another session, so this side begins one too
        Stage.RESULT_HERE,
        Stage.GIVEN_AGAIN,
        Stage.PEER_DONE,
        Stage.REMOVED,
    },
    Stage.RESULT_HERE: {Stage.REMOVED},
    Stage.GIVEN_AGAIN: set(),  # the session stays, for a peer that comes later
    Stage.PEER_DONE: {Stage.REMOVED},
    Stage.REMOVED: set(),
}


def require_next(old: Stage, new: Stage) -> None:
    """Raises RuntimeError, for a bug, unless a session may go from `old` to `new`."""
    if new not in NEXT[old]:
        raise RuntimeError(f"a session cannot go from {old.name} to {new.name}")
