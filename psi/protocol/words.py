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
from psiselect.base.words import breaks_protocol, counted

# Hello and sizes.


def nonce() -> RemoteError:
    return breaks_protocol("the peer's first message has a malformed random number (nonce)", "nonce")


def time() -> RemoteError:
    return RemoteError(
        "the peer's program sent an impossible time. Ask the peer to check the clock of their machine",
        term="time",
    )


def sizes() -> RemoteError:
    return breaks_protocol("the peer announces sizes of lists that are not possible", "sizes")


def not_padded() -> RemoteError:
    return breaks_protocol("the peer's list does not have the size of --pad-to", "sizes")


def too_long(elements: int, most: int) -> PolicyError:
    return PolicyError(
        f"the peer's list has {counted(elements, 'key', 'keys')}, but --max-peer-size allows at most {most:,}. Ask the "
        "peer whether this number is right. If it is, raise --max-peer-size",
        term="max-peer-size",
    )


def size_does_not_fit(error: object) -> RemoteError:
    return RemoteError(f"the peer's list is too long for the agreed settings: {error}", term="sizes")


def one_sided() -> RemoteError:
    """One side was started with --resume and the other without."""
    return RemoteError("only one side uses --resume. Start both sides with --resume, or both without it", term="resume")


# What the peer says when it ends a session.

# By the code in its message.
ABORTS = {
    "minimum": "the peer found fewer matches than --min-matches, so there is no result",
    "refused": "the peer's policy refuses this session. Ask the peer which limits this policy sets",
    "protocol": (
        "the peer's program says that your program sent data that does not follow the protocol. Check that both "
        "sides run the same version of psiselect"
    ),
    "failed": "the peer's program stopped because of a fault on the peer's side. Ask the peer what happened",
    "stopped": "somebody, or the peer's computer, stopped the peer's program. Start again when that program is running",
    "busy": "the peer is busy with other sessions. Try again later",
    "terms": "the peer refuses this session",
}


def aborted(code: str) -> PsiselectError:
    """code: one of `ABORTS`, other than "terms"."""
    if code == "stopped":
        return TransportError(ABORTS[code])
    return MinimumError(ABORTS[code], term="min_matches") if code == "minimum" else RemoteError(ABORTS[code])


# Terms that no option sets, and the options that set the others.
_OF_A_RELEASE = ("version", "suite", "chunk", "terms")
_OPTIONS = {
    "keys": "--key",
    "rule": "--key",
    "columns": "--send and --receive",
    **{
        name: f"--{name.replace('_', '-')}"
        for name in (
            *("protocol", "reveal", "learn", "matching", "epsilon", "delta", "min_matches", "min_matches_by"),
            *("pad_to", "label_bytes", "value_decimals", "value_max", "resume"),
        )
    },
}


def terms_refused(term: str) -> RemoteError:
    if term in _OF_A_RELEASE:
        reason = "because the peer's program is another release of psiselect. Install the same release on both sides"
    elif term in _OPTIONS:
        reason = f"because of {_OPTIONS[term]}. Agree with the peer on {_OPTIONS[term]}, then start both sides again"
    else:
        reason = f"because of the setting '{term}'. Ask the peer which message their program shows"
    return RemoteError(f"{ABORTS['terms']} {reason}", term=term)


def unknown_abort() -> RemoteError:
    return RemoteError("the peer ended the session and gave no reason that this program knows. Ask the peer why")


def abort_without_term() -> RemoteError:
    return RemoteError("the peer refused a setting of this session, but did not say which one. Ask the peer")


def abort_for_a_minimum() -> RemoteError:
    return RemoteError(
        "the other side did not follow the protocol. Ask them which program and version they run (technical "
        "detail: the peer ended the session because of --min-matches, which it had no right to check)"
    )


# Runs.


def too_many(what: str) -> RemoteError:
    return breaks_protocol(f"the peer sent more {what} than it may")


def chunk_size(what: str, found: int, count: int, width: int) -> RemoteError:
    rows = "row" if count == 1 else "rows"
    return breaks_protocol(f"the peer sent {what} of {found} bytes; expected {count} {rows} of {width} bytes")


def carries_data(what: str) -> RemoteError:
    return breaks_protocol(f"the peer's message {what!r} contains data, but must be empty")


def repeated_element() -> RemoteError:
    return breaks_protocol("two of the peer's encrypted keys have the same masked value")


def too_few_elements() -> RemoteError:
    return breaks_protocol("the peer sent fewer encrypted keys than it announced")


def too_few_answers() -> RemoteError:
    return breaks_protocol("the peer answered fewer encrypted keys than this side sent")


def too_few_tags() -> RemoteError:
    return breaks_protocol("the peer sent fewer encrypted values (tags) than it announced keys")


def tags_unordered() -> RemoteError:
    return breaks_protocol("the peer's encrypted values (tags) are not in ascending order")


def too_few_corrections() -> RemoteError:
    return breaks_protocol("the peer sent fewer corrections than encrypted values (tags)")


def length(what: str, found: int, expected: int) -> RemoteError:
    return breaks_protocol(f"the peer's {what} has {found} bytes; expected {expected}")


SHARE, CHECK, SIGN_OF_LIFE = "share of the total", "answer to the check", "sign of life"


def several_scalars() -> RemoteError:
    return RemoteError(
        "the other side sent data that does not follow the protocol. Ask them which program and version they run "
        "(technical detail: the answers do not fit together, so one match could count several times)"
    )


# This side.


def too_few_matches(least: int | None) -> MinimumError:
    return MinimumError(
        f"the lists have fewer matches than --min-matches {least}, so there is no result. The side that would get the "
        "result learns only that there are fewer",
        term="min_matches",
    )


def no_values() -> UsageError:
    return UsageError(
        "--reveal sum adds up values of your list. Name the column of these values with --value", term="value"
    )
