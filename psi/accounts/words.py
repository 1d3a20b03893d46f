"""What people read from this room: every error about policies, counters of sessions, records and audit files.

Rule: a policy is private, so its errors are for its own side; the peer hears only that it was refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from psiselect.base.errors import InputError, OutputError, PolicyError, RemoteError
from psiselect.base.words import SYMBOLIC_LINK, counted

# The file of a policy. What a field must be follows its name.


def wrong_field(path: Path, name: str, problem: str) -> InputError:
    return InputError(f"{path}: the field '{name}' {problem}", term=name)


NO_PEER = "is missing. Add a section [[peer]] with a fingerprint for each peer"
FINGERPRINT = "must have 64 hexadecimal digits in lower case, as `psiselect identity show FILE.crt` prints them"
NAMED_TWICE = "has the same value as in another [[peer]]. Name each peer once"
NAME = "must be text in quotes. The program does not use this text: it is a note for people who read the policy"
FIELD_MISSING = "is missing. Set it at the top of the file, or under this [[peer]]"
LEDGER_OF_NOISE = "works only if 'reveal' is [\"noisy-count\"]. Correct 'reveal', or remove this field"
STATE = 'must be the path of a file, such as "weekly.runs"'
TEXTS = "must be a list of values in quotes"
SOME_TEXTS = "must be a list of one or more values in quotes"
FLAG = "must be true or false"
RUNS = 'must have the form {count = 2, per = "7d"}'
PERIOD = 'must be a number of hours, days or weeks, such as "12h", "7d" or "2w"'
COMPARER = 'must be "learner" or "other"'
LEDGER = 'must have the form {file = "weekly.budget", dataset = "customers"}'
LEDGER_TEXTS = "must have text in quotes for 'file' and for 'dataset'"


def unknown_field(names: Iterable[str]) -> str:
    return f"is not known. Remove this field, or correct its name. The fields are {', '.join(names)}"


def modes(names: Iterable[str]) -> str:
    return f"must be a list of values that --reveal can have: {', '.join(names)}"


def protocols(names: Iterable[str]) -> str:
    return f"must be a list of values that --protocol can have: {', '.join(names)}"


def whole_number(least: int, most: int) -> str:
    return f"must be a whole number from {least} to {most:,}"


# What a policy refuses. The problem follows the name of its field.


def unknown_peer(path: Path, fingerprint: bytes) -> PolicyError:
    return PolicyError(
        f"the policy '{path}' does not name this peer. To allow this peer, add a [[peer]] with this fingerprint to "
        f"the policy: {fingerprint.hex()}",
        term="peer",
    )


def refused(path: Path, name: str, problem: str) -> PolicyError:
    return PolicyError(f"the policy '{path}' refuses this session. Its field '{name}' {problem}", term=name)


KEY_COLUMN = "does not list a column that you gave with --key or --value. Add the column there, or give another one"
SENT_COLUMN = "does not list a column that you gave with --send. Add the column there, or do not send it"
NO_ROWS = "is false. Leave out --output, or use rows=False in a program"


def not_revealed(mode: str) -> str:
    return f"does not list '{mode}'. Use another --reveal, or add this value there"


def minimum(least: int) -> str:
    return f"is {least}. Agree with the peer on --min-matches {least}"


def comparer(who: str) -> str:
    return f'is "{who}". Agree with the peer on --min-matches-by {who}'


def only_protocols(allowed: Iterable[str]) -> str:
    return (
        f"allows only {' and '.join(allowed)}. Agree with the peer on one of these, and give it with --protocol on "
        "both sides"
    )


def own_size(most: int) -> str:
    return f"is {most:,}, but your list is longer"


def peer_size(most: int, declared: int) -> str:
    return f"is {most:,}, but the peer's list has {declared:,} keys"


# Counting sessions.


def no_counter(path: Path, reason: str | None) -> InputError:
    return InputError(
        f"the program cannot create '{path}', the file in which it counts sessions ({reason}). In the policy's field "
        "'state', name a file in a local folder that exists and that you can write to"
    )


def counter_unusable(path: Path, reason: str) -> InputError:
    return InputError(
        f"the program counts sessions in '{path}', but cannot use this file ({reason}). Until the program can use the "
        "file, the policy allows no session"
    )


def not_a_counter(path: Path) -> InputError:
    return InputError(
        f"'{path}' is not a file in which psiselect counts sessions. Name another file in the policy's field 'state'"
    )


def sessions_used_up(allowed: int, per: str, begun: int, free: int, latest: int | None) -> PolicyError:
    """free: when the next session may begin. latest: a time that the counter has seen, later than now, if it has."""
    ahead = (
        ""
        if latest is None
        else (
            f". At an earlier session, this computer's clock showed {_moment(latest)}, which is later than now. If the "
            "clock was wrong at that session, `psiselect psi runs show` shows how to correct the counted sessions"
        )
    )
    return PolicyError(
        f"the policy allows {counted(allowed, 'session', 'sessions')} with this peer in {_period(per)}, and {begun:,} "
        f"{'has' if begun == 1 else 'have'} begun already. The next one may begin at {_moment(free)}{ahead}",
        term="runs",
    )


def _period(per: str) -> str:
    """A period as people write it: 7d is 7 days."""
    unit = {"h": "hour", "d": "day", "w": "week"}[per[-1]]
    return counted(int(per[:-1]), unit, f"{unit}s")


def _moment(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


# Files of sessions.


def line_not_written(path: Path, option: str, reason: str) -> OutputError:
    room = "" if reason == SYMBOLIC_LINK else "Free some disk space, or "
    advice = f"{room}name another file with --{option}"
    return OutputError(f"cannot write the {option} file '{path}': {reason}. {advice[0].upper()}{advice[1:]}")


def not_made_for(path: Path, option: str) -> str:
    return (
        f"'{path}' exists already and is not a file that psiselect wrote for --{option}, so the program adds nothing "
        f"to this file. Choose another name for --{option}"
    )


def already_there(path: Path) -> InputError:
    return InputError(
        f"'{path}' exists already, and the program never overwrites a session's file. Move this file to another folder"
    )


# Signed records. A reason stands in brackets behind the name of the file.

_SIDES = {"connect": "connecting", "listen": "listening"}
NOT_CANONICAL = "somebody edited the file, or another program wrote it"


def _detail(reason: str) -> str:
    """What is wrong, without what to do: that was written for a session, not for a file."""
    return reason.partition("(technical detail: ")[2].removesuffix(")") or reason.partition(". ")[0]


def no_record(source: str, reason: str, term: str | None) -> InputError:
    if reason in _OF_OTHER_RELEASES:
        problem = (
            f"this release of psiselect cannot verify '{source}': {reason}. Use the release that wrote the record, or "
            "a later one"
        )
    else:
        problem = (
            f"'{source}' is not a session record, or somebody has changed it since it was written. Use another "
            f"copy, or ask the peer for theirs (technical detail: {_detail(reason)})"
        )
    return InputError(problem, term=term)


def in_record(reason: str, term: str | None = None) -> RemoteError:
    return RemoteError(reason, term=term)


STATUS = "the record's field 'status' does not fit the protocol of the session"
OTHER_FORMAT = "the record has another version of the file format"
OTHER_VERSION = "the record is about a session with another version of the protocol"
UNKNOWN_PROTOCOL = "the record is about a session with a protocol that this release does not have"
_OF_OTHER_RELEASES = frozenset((OTHER_FORMAT, OTHER_VERSION, UNKNOWN_PROTOCOL))
KEY_OF_TERMS = "the record has a key without a rule or without a digest"
TERM = "the record has a setting that is neither text nor a whole number"
TERM_NOT_PRINTABLE = "the record has a setting with characters that cannot be printed"


def certificate(side: str) -> str:
    return f"the record's certificate of the {_SIDES[side]} side cannot be read"


def other_fields(what: str) -> str:
    return f"{what} has too many or too few fields"


def impossible_number(name: str) -> str:
    return f"the record's field '{name}' has a number that is too large or negative"


def not_numbers(name: str, count: int) -> str:
    numbers = counted(count, "whole number", "whole numbers")
    return f"the record's field '{name}' must be {f'a list of {numbers}' if count else 'an empty list'}"


def not_hex(name: str, size: int) -> str:
    return f"the record's field '{name}' must have {2 * size} hexadecimal digits in lower case"


def other_certificate(side: str) -> RemoteError:
    return RemoteError(
        f"the certificate of the {_SIDES[side]} side is not the one that the record names, so do not rely on this "
        "record"
    )


def not_signed(side: str, name: str) -> RemoteError:
    return RemoteError(
        f"the signature of the {_SIDES[side]} side is not valid: {name} did not sign this record, or somebody has "
        "changed the record. Do not rely on it"
    )
