"""What people read from this room: errors, notes, the log, results. Help is not here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from psiselect.base.errors import InputError, PolicyError, UsageError
from psiselect.base.words import counted

# Options.


def port_zero(address: str) -> str:
    return f"{address!r} has port 0, on which no program can listen. Use the port that the peer's program shows"


def not_a_size(text: str) -> str:
    return f"{text!r} is not a size. Write it like 800M, 1.5G or 2GiB"


def not_columns(text: str) -> str:
    return f"{text!r} is not a list of column names. Write commas between the names"


_OF_A = re.compile(r"--(query|format|delimiter|encoding|csv-escape|header-lines|no-header|header|sheet)\b(?!-b)")


def with_options_of_b(text: str) -> str:
    """What is said of B's table, with the options that are for B alone."""
    return _OF_A.sub(r"--\1-b", text)


def both_from_stdin() -> UsageError:
    return UsageError(
        "both tables, A and B, are '-' (standard input), but only one of them can be. Name a file for the other one"
    )


def not_staying_up(option: str, wanted: str) -> UsageError:
    return UsageError(f"--{option} works only with a listener that keeps running. Add {wanted}")


SERVE, SERVE_IN_FILE = "--serve", "the line `serve = true` to the file"


# The configuration file of a listener.


def no_such_option(file: Path, key: str, command: str | None, near: str | None) -> UsageError:
    hint = f"Did you mean {near!r}?" if near else f"`psi {command} --help` shows all options"
    return UsageError(f"{file}: {key!r} is not an option of `psi {command}`. {hint}", term=key)


def no_certificate_any_more(file: Path, key: str) -> UsageError:
    return UsageError(f"{file}: {key!r} names no certificate any more. Name at least one certificate there", term=key)


TEXTS = "text in quotes, or a list of such texts"
TRUE_OR_FALSE, TEXT_OR_NUMBER = "true or false", "text in quotes, or a number"


def wrong_kind(file: Path, key: str, expected: str) -> UsageError:
    return UsageError(f"{file}: {key!r} must be {expected}, but is something else", term=key)


def value_refused(file: Path, key: str, why: str) -> UsageError:
    return UsageError(f"{file}: {key!r}: {why}", term=key)


# The log of a listener.


def lines_lost(count: int) -> str:
    return f"{counted(count, 'line', 'lines')} of this log {'is' if count == 1 else 'are'} lost"


def no_log(file: Path, why: str | None) -> InputError:
    return InputError(
        f"cannot write the log '{file}': {why}. Name a file in a folder that exists and that you can write to"
    )


def log_fails(name: str, why: str | None) -> str:
    return (
        f"psiselect: cannot write the log '{name}': {why}. New lines are lost until the program can write the log "
        "again. The program tries again with each new line"
    )


def log_works(name: str) -> str:
    return f"psiselect: the program can write the log '{name}' again"


def listening(places: Sequence[str], log: Path) -> str:
    return f"listening on {', '.join(places)}; the log is '{log}'"


# Checking a list.


def shown_as_json() -> UsageError:
    return UsageError(
        "--show prints private values, but --json never does. Leave out one of the two options",
        term="show",
    )


def shown_to_a_file() -> UsageError:
    return UsageError(
        "--show prints private values, so it works only on a terminal. Here the output goes to a file or to another "
        "program. Leave out --show",
        term="show",
    )


def advice_for_key(number: int, advice: str) -> str:
    return f"Key {number}: {advice}"


def rows_without_key(rows: int, without: int, *, several: bool) -> str:
    """several: the list has several keys."""
    return f"{rows:,}, {without:,} of them without a key" + (" of any kind" if several else "")


def repeated_keys(count: int) -> str:
    return "1 key is in several rows" if count == 1 else f"{count} keys are each in several rows"


PLACEHOLDER = "; does this key stand for a missing value? If so, give the key with --null to leave out such rows"
BLANK = "(blank)"


# Estimates.

BOTH_HERE, ONE_EACH = "both on this machine", "each on a machine like this one"
NEXT_TO_NOTHING = "next to nothing"
WEAKER = "it does not protect the other list if the side that gets the result cheats"


CPU, NETWORK = "the CPU", "the network"


def limited_by(what: str, compute: str, network: str, megabits: float) -> str:
    """compute, network: how long each takes. megabits: below so many a second the network takes longer."""
    return f"{what} (CPU {compute}, network {network}). The network takes longer only below {megabits:.3g} Mbit/s"


def beside_the_list(size: str) -> str:
    return f"{size} in addition to the list"


def more_on_disk(size: str) -> str:
    return f"{size} more on disk here"


def multiplications(own: int, peer: int) -> str:
    return f"{own:,} on this side, {peer:,} on the other side"


def tag(size: int) -> str:
    return f"{size} bytes, so that the chance of any wrong match in a session is at most 2^-40"


def measured(backend: str, cores: int, microseconds: float | None) -> str:
    each = "" if microseconds is None else f", {microseconds:.1f} us per multiplication on one core"
    return f"{backend} on {cores} cores{each}"


# Results.


def own_list(size: int, unit: str, rows: int) -> str:
    return f"{size:,} {unit} in {rows:,} rows"


def padded_list(size: int, unit: str) -> str:
    return f"at most {size:,} {unit}: both lists are filled up to this number"


PADDED = ", padding included"
NOT_LEARNT = "(only the other side learns this)"
NOT_KEPT = " (not kept without --output)"
REPLACED = " (replaced)"


def same_on_both_sides(transcript: str) -> str:
    return f"{transcript}... (the same on both sides)"


def noise_reach(most: int) -> str:
    return f", at most {most:,} away from the exact number"


# Exchanges by files.


def send_to(place: object, size: str, peer: str) -> str:
    return f"{place}, {size}: send it to {peer}"


def send_back(place: object, size: str, peer: str) -> str:
    return f"{place}, {size}: send it back to {peer}"


def keep_state(file: Path) -> str:
    return f"{file}: keep this file; `psi finish` needs it, and removes it"


# Counted sessions.


def nothing_counted(counter: Path, policy: Path) -> InputError:
    return InputError(
        f"'{counter}' does not exist, because the program has not counted a session for the policy '{policy}' yet"
    )


def clock_ahead(seen: str, days: float, now: str) -> str:
    return (
        f"at an earlier session, this computer's clock showed {seen}, which is {days:.1f} days later than now ({now})"
    )


MENDING = ". If the clock was wrong at that session, run `psiselect psi runs mend` to correct the counted sessions"


def what_changes(now: str, sessions: int) -> str:
    return (
        f"what changes: the latest recorded time becomes {now}, and "
        f"{counted(sessions, 'session counts', 'sessions count')} as begun now"
    )


ASK_TO_MEND = "Does this computer's clock show the correct time, and do you want this change?"


def nothing_changed() -> PolicyError:
    return PolicyError("you did not agree to the change, so the program has changed nothing", term="runs")


NO_LATER_TIME = "no: the file has recorded no time later than now"


# Records.

AS_NAMED = "as named"
NOT_NAMED = "NOT named by --peer: compare the fingerprint"
NOT_KNOWN_TO_BOTH = "not known to both"
BOTH_VERIFY = "both are valid"


def columns_of(side: str) -> str:
    return f"columns that {side} gives"


def no_record(file: Path, why: str | None) -> InputError:
    return InputError(f"cannot read the record '{file}': {why}")


# Words in the help of a session's options, and what other commands say in their place. `psi local` is one command for
# both sides. There A learns, so B alone has values to add up and a list that noise protects.
SAID_IN_ESTIMATES = ((". Both sides must use the same value [", " ["), (" Both sides must use the same value.", ""))
SAID_LOCALLY = (
    *SAID_IN_ESTIMATES,
    (" Both sides must use the same rule.", ""),
    (" Both sides use the same file.", ""),
    (" The peer does not see the text.", ""),
    ("add up this column of the matching rows", "add up this column of B's matching rows"),
    (" Only the side that does not get the result uses this option. With --learn both, both sides use it.", ""),
    ("the peer's matching rows. Use the peer's name for the column. --output then has your columns and the peer's, "
     "which are called peer_COLUMN.", "B's matching rows. In --output, this column is called peer_COLUMN."),
    ("With --send or --receive", "With --receive"),
    ("Write your matching rows", "Write the matching rows of A"),
    ("these columns of your list", "these columns of A"),
    ("you chose for this list", "you chose for B"),
)  # fmt: skip
_COLUMNS = "With --send or --receive"
SAID_IN_OFFERS = ((_COLUMNS, "With --receive"),)
SAID_IN_ANSWERS = ((_COLUMNS, "With --send"),)
