"""What people read from this room: every error about what the peer sends in a session.

Rule: what the peer has sent is not shown, apart from numbers and the name of a term.
"""

from __future__ import annotations

from psiselect.base.errors import (
    MinimumError,
    PolicyError,
    PsiselectError,
    RemoteError,
    TransportError,
    UsageError,
)
from psiselect.base.words import breaks_protocol

# Hello and sizes.


def nonce() -> RemoteError:
    return breaks_protocol("the peer's hello has a malformed nonce", "nonce")


def time() -> RemoteError:
    return RemoteError("the peer's hello has an impossible time; check the clocks of both sides", term="time")


def sizes() -> RemoteError:
    return breaks_protocol("the peer declares impossible list sizes", "sizes")


def not_padded() -> RemoteError:
    return breaks_protocol("the peer does not declare the size that both pad to", "sizes")


def too_long(elements: int, most: int) -> PolicyError:
    return PolicyError(
        f"the peer declares lists of {elements:,} elements, more than --max-peer-size {most:,} allows; raise the limit "
        "if that is right",
        term="max-peer-size",
    )


def size_does_not_fit(error: object) -> RemoteError:
    return RemoteError(f"the peer's declared size does not fit the terms: {error}", term="sizes")


def one_sided() -> RemoteError:
    """One side was started with --resume and the other without."""
    return RemoteError(
        "one side was started with --resume and the other without; start both with it, or neither", term="resume"
    )


# What the peer says when it ends a session.

# By the code in its message.
ABORTS = {
    "minimum": "the peer, which compares, found fewer matches than --min-matches: nothing is revealed",
    "refused": "the peer's policy refuses this session; ask its operator which limits it sets",
    "protocol": "the peer says that this side broke the protocol; check that both run the same version",
    "failed": "the peer gave up because of a fault on its own side; ask its operator",
    "stopped": "the peer stopped the session: its operator, or its machine, ended the program; start again once it is "
    "up",
    "busy": "the peer refuses this session for now, since it has as many as it allows; try again later",
    "terms": "the peer refuses these terms",
}


def aborted(code: str) -> PsiselectError:
    """code: one of `ABORTS`, other than "terms"."""
    if code == "stopped":
        return TransportError(ABORTS[code])
    return MinimumError(ABORTS[code], term="min_matches") if code == "minimum" else RemoteError(ABORTS[code])


def terms_refused(term: str) -> RemoteError:
    return RemoteError(f"{ABORTS['terms']}: it names '{term}'", term=term)


def unknown_abort() -> RemoteError:
    return RemoteError("the peer ended the session with an abort that says nothing known")


def abort_without_term() -> RemoteError:
    return RemoteError("the peer ended the session with an abort that names no term")


def abort_for_a_minimum() -> RemoteError:
    return RemoteError("the peer ends the session for a minimum that it was not to compare")


# Runs.


def too_many(what: str) -> RemoteError:
    return breaks_protocol(f"the peer sent more {what} than it may")


def chunk_size(what: str, found: int, count: int, width: int) -> RemoteError:
    return breaks_protocol(f"the peer sent {what} of {found} bytes; expected {count} rows of {width}")


def carries_data(what: str) -> RemoteError:
    return breaks_protocol(f"the peer's {what} carries data")


def repeated_element() -> RemoteError:
    return breaks_protocol("two of the peer's elements have the same masked value")


def too_few_elements() -> RemoteError:
    return breaks_protocol("the peer sent fewer elements than it declared items")


def too_few_answers() -> RemoteError:
    return breaks_protocol("the peer answered fewer elements than it was sent")


def too_few_tags() -> RemoteError:
    return breaks_protocol("the peer sent fewer tags than it declared items")


def tags_unordered() -> RemoteError:
    return breaks_protocol("the peer's tags are not in ascending order")


def too_few_corrections() -> RemoteError:
    return breaks_protocol("the peer sent fewer corrections than tags")


def length(what: str, found: int, expected: int) -> RemoteError:
    return breaks_protocol(f"the peer's {what} has {found} bytes, not {expected}")


SHARE, CHECK, SIGN_OF_LIFE = "share of the total", "answer to the check", "sign of life"


def several_scalars() -> RemoteError:
    return RemoteError(
        "the peer's answers are not those of one scalar on all elements, so that one match could count several times; "
        "ask its operator which program and version it runs"
    )


# This side.


def too_few_matches(least: int | None) -> MinimumError:
    return MinimumError(
        f"the lists have fewer than the {least} matches of --min-matches; nothing was revealed to the side that learns "
        "but that",
        term="min_matches",
    )


def no_values() -> UsageError:
    return UsageError("this side's values are to be added up, and it has none; name their column", term="value")
