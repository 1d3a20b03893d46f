"""What people read from this room: every error about columns of a peer."""

from __future__ import annotations

from psiselect.base.errors import RemoteError
from psiselect.base.words import breaks_protocol

CUT_SHORT = "a file in it was cut short"


def tags_alike(count: int) -> RemoteError:
    return breaks_protocol(f"{count} of the peer's tags share their first bytes, which honest ones never do")


def elements_repeat() -> RemoteError:
    return breaks_protocol("the peer's elements are far from uniform: it repeats some of them many times")
