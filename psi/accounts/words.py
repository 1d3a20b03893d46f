"""What people read from this room: every error about policies, counters of sessions, records and audit files.

Rule: a policy is private, so its errors are for its own side; the peer hears only that it was refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from psiselect.base.errors import InputError, OutputError, PolicyError, RemoteError
from psiselect.base.words import SYMBOLIC_LINK

# The file of a policy. What a field must be follows its name.


def wrong_field(path: Path, name: str, problem: str) -> InputError:
    return InputError(f"{path}: field '{name}' {problem}", term=name)


NO_PEER = "is missing: a policy has a [[peer]] with a fingerprint for each peer"
FINGERPRINT = "must be 64 lower-case hex digits; see `psiselect identity show`"
NAMED_TWICE = "is named twice"
NAME = "must be a text in quotes; it is a note for people who read the policy"
FIELD_MISSING = "is missing: set it at the top of the file, or under this [[peer]]"
LEDGER_OF_NOISE = "works only with noisy-count; set 'reveal' to [\"noisy-count\"]"
STATE = 'must be the path of a file, such as "weekly.runs"'
TEXTS = "must be a list of texts"
SOME_TEXTS = "must be a list of texts, at least one"
FLAG = "must be true or false"
RUNS = 'must have the form {count = 2, per = "7d"}'
PERIOD = 'must be a number of hours, days or weeks, such as "12h", "7d" or "2w"'
COMPARER = 'must be "learner" or "other"'
LEDGER = 'must have the form {file = "weekly.budget", dataset = "customers"}'
LEDGER_TEXTS = "must have texts for its file and dataset"


def unknown_field(names: Iterable[str]) -> str:
    return f"is not known; the fields are {', '.join(names)}"


def modes(names: Iterable[str]) -> str:
    return f"must be a list of values of --reveal: {', '.join(names)}"


def protocols(names: Iterable[str]) -> str:
    return f"must be a list of values of --protocol: {', '.join(names)}"


def whole_number(least: int, most: int) -> str:
    return f"must be a whole number from {least} to {most:,}"


# What a policy refuses. The problem follows the name of its field.


def unknown_peer(path: Path, fingerprint: bytes) -> PolicyError:
    return PolicyError(
        f"the policy {path} has no [[peer]] with fingerprint {fingerprint.hex()}; add one if this peer may "
        "have sessions",
        term="peer",
    )


def refused(path: Path, name: str, problem: str) -> PolicyError:
    return PolicyError(f"the policy {path} refuses this session: its '{name}' {problem}", term=name)


KEY_COLUMN = "does not list a column that --key or --value names"
SENT_COLUMN = "does not list a column that --send names"
NO_ROWS = "is false; leave out --output, or use rows=False in a program"


def not_revealed(mode: str) -> str:
    return f"does not list {mode}"


def minimum(least: int) -> str:
    return f"is {least}; agree with the peer on --min-matches {least}"


def comparer(who: str) -> str:
    return f'is "{who}"; agree with the peer on --min-matches-by {who}'


def only_protocols(allowed: Iterable[str]) -> str:
    return (
        f"allows only {' and '.join(allowed)}; agree with the peer on one of these, and give it with --protocol on "
        "both sides"
    )


def own_size(most: int) -> str:
    return f"is {most:,}, and this list is longer"


def peer_size(most: int, declared: int) -> str:
    return f"is {most:,}, and the peer's list has {declared:,} keys"


# Counting sessions.


def no_counter(path: Path, reason: str | None) -> InputError:
    return InputError(
        f"cannot create {path}, the file that counts sessions: {reason}; as the policy's 'state', name a "
        "file in a local folder that can be written"
    )


def counter_unusable(path: Path, reason: str) -> InputError:
    return InputError(
        f"the file {path}, which counts sessions, cannot be used ({reason}); without this file no session is allowed"
    )


def not_a_counter(path: Path) -> InputError:
    return InputError(
        f"{path} is not a file in which psiselect counts sessions; name another file as the policy's 'state'"
    )


def sessions_used_up(allowed: int, per: str, begun: int, free: int, latest: int | None) -> PolicyError:
    """free: when the next session may begin. latest: a time that the counter has seen, later than now, if it has."""
    ahead = (
        ""
        if latest is None
        else (
            f". The file that counts sessions has recorded {_moment(latest)}, a time later than now; if that time "
            "was wrong, see `psiselect psi runs show`"
        )
    )
    return PolicyError(
        f"sessions with this peer: the policy allows {allowed} in {per}, and {begun} have begun; the next may begin at "
        f"{_moment(free)}{ahead}",
        term="runs",
    )


def _moment(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


# Files of sessions.


def line_not_written(path: Path, option: str, reason: str) -> OutputError:
    room = "" if reason == SYMBOLIC_LINK else "free some disk space, or "
    return OutputError(f"cannot write the {option} file {path}: {reason}; {room}name another file with --{option}")


def not_made_for(path: Path, option: str) -> str:
    return f"{path} is not a file that psiselect made for --{option}; choose another name"


def already_there(path: Path) -> InputError:
    return InputError(f"{path} exists already, and the program never overwrites a session's file; move it away")


# Signed records. A reason stands in brackets behind the name of the file.

NOT_CANONICAL = "not in canonical form: it was edited or written by another program"


def no_record(source: str, reason: str, term: str | None) -> InputError:
    return InputError(
        f"{source} is not a complete and unchanged session record ({reason}); use another copy, or ask the peer "
        "for theirs",
        term=term,
    )


def in_record(reason: str, term: str | None = None) -> RemoteError:
    return RemoteError(reason, term=term)


STATUS = "the field 'status' does not fit the --protocol of the session"
OTHER_FORMAT = "the field 'record' names another version of records; verify it with the release that wrote it"
OTHER_VERSION = "the terms are of a later version of the protocol; verify it with a newer release"
UNKNOWN_PROTOCOL = "the terms name a protocol that this release does not know"
KEY_OF_TERMS = "a key of the terms has no rule and digest"
TERM = "a term is neither a text nor a whole number"
TERM_NOT_PRINTABLE = "a term has characters that cannot be printed"
CERTIFICATE = "a certificate has characters that PEM does not have"


def other_fields(what: str) -> str:
    return f"{what} has a field too many or too few"


def impossible_number(name: str) -> str:
    return f"the field '{name}' has a number that is too large or negative"


def not_numbers(name: str, count: int) -> str:
    return f"the field '{name}' must be a list of {count} whole numbers"


def not_hex(name: str, size: int) -> str:
    return f"the field '{name}' must be {size} bytes in lower-case hex digits"


def other_certificate(side: str) -> RemoteError:
    return RemoteError(f"the {side} certificate is not the one that the record names")


def not_signed(side: str, name: str) -> RemoteError:
    return RemoteError(
        f"the {side} side's signature is not valid: {name} did not sign this record, or somebody has changed it"
    )
