"""What people read from this room: every error and note of a session, its files and its listener.

words_calls has those of a function's arguments and answers, words_terms those of a file of shared terms, and
words_exchanges those of exchanges by files and of engines.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from psi.agreement.modes import Reveal
from psiselect.base.errors import (
    CancelError,
    InputError,
    OutputError,
    PolicyError,
    RemoteError,
    TransportError,
    UsageError,
)
from psiselect.base.words import counted, human_seconds

# Options that do not go together.


def resume_needs_workdir() -> UsageError:
    return UsageError("--resume needs --workdir, the folder where the session is kept", term="workdir")


def fast_is_not_resumed() -> UsageError:
    return UsageError(
        "--resume cannot keep a session of the fast protocol, because the secrets of such a session must be used "
        "only once. Leave out --resume, or use --protocol ecdh on both sides",
        term="resume",
    )


def resume_needs_one_identity() -> UsageError:
    return UsageError("--resume works with one identity only. Give --identity only once", term="identity")


def nothing_to_write() -> UsageError:
    return UsageError("this side does not get the matching rows, so there is nothing to write. Leave out --output")


def columns_need_output() -> UsageError:
    return UsageError(
        "--columns chooses the columns of the --output file. Name a file with --output, or leave out --columns",
        term="columns",
    )


def serve_does_not_resume() -> UsageError:
    return UsageError(
        "--serve cannot resume sessions. Leave out --resume, or leave out --serve and listen for one session",
        term="resume",
    )


def serve_writes_here(option: str) -> UsageError:
    return UsageError(
        f"with --serve, {option} cannot be an address such as s3://BUCKET/FILE. Name a folder on this computer",
        term="output",
    )


def a_file_for_each_session(option: str, path: Path, field: str, such_as: Path) -> UsageError:
    return UsageError(
        f"with --serve, {option} cannot be '{path}', because each session needs its own file. Name a folder that "
        f"exists, or a file name that contains {field}, such as '{such_as}'"
    )


def value_is_for_sums(reveal: Reveal) -> UsageError:
    return UsageError(
        f"--value works only with --reveal sum, and this session has --reveal {reveal.value}. Leave out --value",
        term="value",
    )


def values_of_the_other_side() -> UsageError:
    return UsageError(
        "you get the result, which is a sum of values from the other side's list. Leave out --value here. If both "
        "sides must get a result, agree with the peer on --learn both",
        term="value",
    )


def value_is_missing() -> UsageError:
    return UsageError(
        "the result is a sum of values from your list. Use --value to name the column that has these values",
        term="value",
    )


def not_as_many_keys(here: int, there: int) -> UsageError:
    return UsageError(
        f"you gave {counted(here, 'key', 'keys')} with --key and {counted(there, 'key', 'keys')} with --key-b. Give "
        "both tables the same number of keys",
        term="keys",
    )


def not_the_same_rules(here: str, there: str) -> UsageError:
    return UsageError(
        f"--key has the rule '{here}', and --key-b has the rule '{there}'. Use the same rule for both tables",
        term="rule",
    )


def not_the_same_options(here: str, there: str) -> UsageError:
    return UsageError(
        f"the rules of --key and --key-b have different options: --key has {here}, and --key-b has {there}. Use the "
        "same rule for both tables, with the same options",
        term="rule",
    )


def too_many_keys_for_fast(keys: int, most: int) -> UsageError:
    return UsageError(
        f"the peer's list has {keys:,} distinct keys, but the fast protocol allows at most {most:,}. Use --protocol "
        "ecdh on both sides",
        term="protocol",
    )


# The policy and the ledger.


def paid_twice(policy: Path, peer: str) -> UsageError:
    return UsageError(
        f"the policy '{policy}' already charges sessions with {peer!r} to a ledger. With --ledger, the program would "
        "charge each session twice. Leave out --ledger and --dataset",
        term="ledger",
    )


def nothing_to_charge(option: str) -> UsageError:
    return UsageError(
        f"--{option} works only with --reveal noisy-count, because only results with noise use up a budget. Leave out "
        f"--{option}",
        term=option,
    )


def the_other_side_pays(option: str) -> UsageError:
    return UsageError(
        f"--{option} is for the side that does not get the result, because the noise protects the list of that side. "
        f"You get the result, so leave out --{option}. The other side can use --{option} instead",
        term=option,
    )


def policy_pays_for_noise(policy: Path) -> PolicyError:
    return PolicyError(
        f"the policy '{policy}' takes the epsilon of each session from a budget, and only results with noise have an "
        "epsilon. So the policy allows only --reveal noisy-count",
        term="ledger",
    )


def spent_on(reveal: Reveal, fingerprint: bytes) -> str:
    """What a ledger notes beside a charge."""
    return f"psi {reveal.value} with {fingerprint.hex()[:16]}"


def counter_is_new(counter: Path) -> str:
    return f"the program has created '{counter}', in which it counts the sessions under this policy"


def withheld(least: int | None) -> PolicyError:
    return PolicyError(
        f"the result has fewer matches than --min-matches {least}, so the program does not show the result",
        term="min_matches",
    )


# Before and during a session.

ROWS_NOT_KEPT = "without --output, the program does not save the matching rows"
GO_ON = "run the same command again to go on with this session"
PLACEHOLDER = "A key in so many rows may stand for a missing value. To leave out such rows, give the key with --null."


def experimental(protocol: str, status: str) -> str:
    return (
        f"--protocol {protocol} is {status}. If the side that gets the result does not follow the protocol, nothing "
        "protects the other side's list (docs/fast-protocol.md)"
    )


def listening(addresses: Sequence[str], names: str) -> str:
    return f"listening on {', '.join(addresses)} for {names}"


def calling(address: object, seconds: float) -> str:
    return f"calling {address}, for up to {human_seconds(seconds)}"


def read_by(engine: str) -> str:
    return f"{engine} reads the list"


def no_values(name: str, rows: int) -> str:
    return f"{name}: {_rows(rows)} without a value; each counts as 0"


def _rows(rows: int) -> str:
    return counted(rows, "row", "rows")


def _numbered(rows: int, numbers: str | None) -> str:
    return "" if numbers is None else f" ({'row' if rows == 1 else 'rows'} {numbers})"


def may_be_placeholder(rows: int, why: str, numbers: str | None) -> str:
    return f"{_rows(rows)} {'has' if rows == 1 else 'have'} {why}{_numbered(rows, numbers)}. {PLACEHOLDER}"


def skipped(rows: int, why: str, numbers: str | None) -> str:
    return f"{_rows(rows)} skipped: {why}{_numbered(rows, numbers)}"


def rows_of_no_use(name: str, rows: int) -> str:
    return f"{name}: of {rows:,} rows, these cannot match or look wrong"


def little_room(target: Path, free: str, source: Path, most: str) -> str:
    return (
        f"'{target}' may not fit on the disk: {free} is free, and the file takes about {most} if every row of "
        f"'{source}' matches. The session goes on"
    )


# A session that is kept.


def kept_here(peer: str, place: object) -> str:
    return f"the session with {peer!r} is kept in '{place}'"


def others_kept(workdir: Path, others: int) -> str:
    return (
        f"other sessions kept in '{workdir}': {others}. Remove the folders of sessions that you do not want to finish"
    )


def goes_on_as_begun(workdir: Path) -> str:
    return f"the session kept in '{workdir}' began with version 1 of the rules for keys, and goes on with this version"


def another_peer() -> TransportError:
    return TransportError(
        "the peer that connected is not the peer of the kept session, so the program refused the connection"
    )


def cancelled_but_kept(place: object) -> CancelError:
    return CancelError(
        f"your program cancelled the call. The session is kept in '{place}'. To go on, make the same call again"
    )


# Where results go.


def named_twice(option: str, path: Path, other: str, *, is_input: bool) -> UsageError:
    what = "also the input file" if is_input else f"also the file of {other}"
    return UsageError(f"{option} names '{path}', which is {what}. Give each file its own name")


def output_is_input(name: str) -> UsageError:
    return UsageError(f"--output cannot be '{name}', because you also gave this file as input. Name another file")


def no_such_folder(option: str, path: Path, *, is_folder: bool) -> InputError:
    why = "this is a folder" if is_folder else f"there is no folder '{path.parent}'"
    return InputError(f"cannot write '{path}', the file for {option}: {why}. Name a file in a folder that exists")


THE_RECORD = "the record is"
THE_ROWS = "the matched rows are"
RESUMED = (
    "Nothing is lost: the session is kept. Free some disk space, or name a file on another disk. Then run the command "
    "again. The peer does not have to do anything"
)
LOCALLY = "Free some disk space, or name a file on another disk. Then run the command again"
FINISHED = (
    "Nothing is lost: the state file is kept. Free some disk space, or name a file on another disk. Then run "
    "`psi finish` again"
)


def can_be_had_again(error: OutputError, how: str) -> OutputError:
    return OutputError(error.fault, how)


def no_room_elsewhere(error: OutputError, folder: Path, what: str) -> OutputError:
    return OutputError(
        f"{error.fault}. The folder for working files, '{folder}', has no disk space either, so {what} lost"
    )


def kept_elsewhere(error: OutputError, what: str, place: Path) -> OutputError:
    return OutputError(f"{error.fault}. Instead, {what} in '{place}', a file that only you can read")


def lost(error: OutputError, what: str) -> OutputError:
    return OutputError(f"{error.fault}. So {what} lost")


def not_shown(error: OutputError) -> OutputError:
    return OutputError(
        f"{error}. Without the record, the program does not show the result. Name another file with --record, and "
        "start a new session"
    )


def together(troubles: Sequence[OutputError]) -> OutputError:
    """Several errors as one."""
    return OutputError(". ".join(map(str, troubles)))


# What the peer did.


def total_too_large(matches: int, largest: str) -> RemoteError:
    return RemoteError(
        "the other side sent data that does not follow the protocol. Ask them which program and version they run "
        f"(technical detail: the total is too large for {matches:,} values of up to {largest})",
        term="value_max",
    )


def not_of_this_side(own: str, term: str) -> RemoteError:
    return RemoteError(
        f"your identity {own!r} did not sign this record. Both signatures are from other parties. If you took part "
        "with another identity, name that one with --identity",
        term=term,
    )


def of_a_stranger(name: str, fingerprint: bytes, term: str) -> RemoteError:
    return RemoteError(
        f"{name!r} signed this record, but you did not give the certificate of {name!r} ({fingerprint.hex()[:16]}...) "
        "with --peer. If you know this party, give their .crt file with --peer",
        term=term,
    )


# A listener that keeps running, and its log.

NO_METRICS = "the metrics page needs another package. Install it: pip install 'psiselect[serve]'"
STOPPED = "somebody stopped the listener on this side"
HEALTH_ON = "health checks on %s"
TABLE_BUG = "the table could not be read because of a bug in this program"
SESSION_DONE = "session with %s is done"
SESSION_FAILED = "the session with %s failed: %s"
SESSION_BUG = "a session ended because of a bug in this program"
CALL_FAILED = "a session with %s failed"
NOT_BEGUN = "a session did not begin: %s"
RENEWED = "the program has read the certificates again"
NOT_RENEWED = "the program goes on with the old certificates, because it cannot use the new ones: %s"
EXPIRED = "%s %s expired on %s, so no session can begin with this certificate"
OWN_CERTIFICATE, PEERS_CERTIFICATE = "this side's certificate", "the peer's certificate"
EXPIRES_HERE = "%s %s expires on %s. Create a new identity, and send the new .crt file to your peers"
EXPIRES_THERE = "%s %s expires on %s. Ask the peer for their new .crt file"


def renewed_too_often() -> TransportError:
    return TransportError(
        "this side's certificate files changed several times before the session began, so the program ended the "
        "session. Ask the peer to start again"
    )


def listener_ended() -> TransportError:
    return TransportError("the listener ended because of a bug in this program. See the log")
