"""Terms under keys that are named as on the command line."""

from __future__ import annotations

from psi.agreement.modes import Learner, Reveal
from psi.agreement.terms import KeyTerm, Terms
from psi.normalize import KeySpec, parse_key


def specs(*keys: str) -> tuple[KeySpec, ...]:
    """Keys such as mail:text."""
    return tuple(map(parse_key, keys))


def agreed(keys: tuple[KeySpec, ...], reveal: Reveal, learn: Learner, **more: object) -> Terms:
    """The terms of a session that matches by these keys."""
    return Terms(reveal=reveal, learn=learn, keys=tuple(map(KeyTerm.of, keys)), **more)  # type: ignore[arg-type]
