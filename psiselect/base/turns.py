"""Whose message may come when: one table for each kind of conversation, and one way to read it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import TypeVar, cast

from psiselect.base import words


class Way(Enum):
    """Whether a message goes or comes."""

    SEND = auto()
    RECEIVE = auto()


SEND, RECEIVE = Way.SEND, Way.RECEIVE

_S = TypeVar("_S", bound=Enum)
_M = TypeVar("_M", bound=int)


def following(table: Mapping[_S, Mapping[tuple[Way, _M], _S]], state: _S, way: Way, message: int) -> _S:
    """The state that follows. Raises RemoteError for a received message that is out of place, RuntimeError (a bug
    here) for a sent one."""
    # An IntEnum hashes like its number, so a type byte from the wire is looked up as it is.
    found = table[state].get((way, cast("_M", message)))
    if found is not None:
        return found
    if way is RECEIVE:
        raise words.out_of_turn(message, state.name.lower())
    raise RuntimeError(f"message type {message} may not be sent while {state.name.lower()}")
