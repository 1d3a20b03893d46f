"""What people read from this room: every error about columns of a peer."""

from __future__ import annotations

from psiselect.base.errors import RemoteError
from psiselect.base.words import breaks_protocol

CUT_SHORT = "a file in the folder is cut short"


def tags_alike(count: int) -> RemoteError:
    return breaks_protocol(
        f"{count} of the peer's encrypted values (tags) have the same first bytes, which never happens with an "
        "honest program"
    )


def elements_repeat() -> RemoteError:
    return breaks_protocol("the peer sent some encrypted keys many times, which an honest program never does")
