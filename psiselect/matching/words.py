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

# Options that do not go together.


def resume_needs_workdir() -> UsageError:
    return UsageError("--resume needs --workdir, the folder where the session is kept", term="workdir")


def fast_is_not_resumed() -> UsageError:
    return UsageError(
        "--resume cannot keep a session of the fast protocol, because its secrets must be used only once. Leave out "
        "--resume, or use --protocol ecdh on both sides",
        term="resume",
    )


def resume_needs_one_identity() -> UsageError:
    return UsageError("--resume works with one identity only; name one --identity", term="identity")


def nothing_to_write() -> UsageError:
    return UsageError("this side does not get the matching rows, so there is nothing to write; leave out --output")


def columns_need_output() -> UsageError:
    return UsageError("--columns says which columns are written to --output; name an --output", term="columns")


def serve_does_not_resume() -> UsageError:
    return UsageError(
        "--serve cannot resume sessions; leave out --resume, or leave out --serve and listen for one session",
        term="resume",
    )


def serve_writes_here(option: str) -> UsageError:
    return UsageError(
        f"{option}: with --serve, the program writes only to files of this machine; name a folder", term="output"
    )


def a_file_for_each_session(option: str, path: Path, field: str, such_as: Path) -> UsageError:
    return UsageError(
        f"{option} {path}: with --serve, name a folder that exists, or a file with {field} in its name, such as "
        f"{such_as}"
    )


def value_is_for_sums(reveal: Reveal) -> UsageError:
    return UsageError(f"--value is for --reveal sum, not for --reveal {reveal.value}; leave it out", term="value")


def values_of_the_other_side() -> UsageError:
    return UsageError(
        "this side gets the result, so the values of the other side are added up. Leave out --value here, or use "
        "--learn both",
        term="value",
    )


def value_is_missing() -> UsageError:
    return UsageError("the result adds up values of this side's list; name their column with --value", term="value")


def not_as_many_keys(here: int, there: int) -> UsageError:
    return UsageError(
        f"the command has {here} --key and {there} --key-b; give both tables the same number of keys", term="keys"
    )


def not_the_same_rules(here: str, there: str) -> UsageError:
    return UsageError(
        f"--key has the rule {here}, and --key-b has the rule {there}; use the same rule for both tables", term="rule"
    )


def too_many_keys_for_fast(keys: int, most: int) -> UsageError:
    return UsageError(
        f"the peer's list has {keys:,} distinct keys, and the fast protocol takes at most {most:,}; use --protocol "
        "ecdh on both sides",
        term="protocol",
    )


# The policy and the ledger.


def paid_twice(policy: Path, peer: str) -> UsageError:
    return UsageError(
        f"the policy {policy} has a ledger that pays for sessions with {peer}; leave out --ledger and --dataset, so "
        "that each session is paid once",
        term="ledger",
    )


def nothing_to_charge(option: str) -> UsageError:
    return UsageError(
        f"--{option} needs --reveal noisy-count, because a ledger pays only for results with noise", term=option
    )


def the_other_side_pays(option: str) -> UsageError:
    return UsageError(
        f"--{option} is for the side that does not get the result, because the noise protects the list of that side. "
        f"Leave out --{option}, and let the other side charge its ledger",
        term=option,
    )


def policy_pays_for_noise(policy: Path) -> PolicyError:
    return PolicyError(
        f"the policy {policy} has a ledger, so it allows only --reveal noisy-count: the ledger pays only for results "
        "with noise",
        term="ledger",
    )


def spent_on(reveal: Reveal, fingerprint: bytes) -> str:
    """What a ledger notes beside a charge."""
    return f"psi {reveal.value} with {fingerprint.hex()[:16]}"


def counter_is_new(counter: Path) -> str:
    return f"{counter} is new; it counts the sessions under this policy"


def withheld(least: int | None) -> PolicyError:
    return PolicyError(f"the result is below --min-matches {least} and is withheld", term="min_matches")


# Before and during a session.

ROWS_NOT_KEPT = "the matching rows will not be kept, only their number: there is no --output"
GO_ON = "run the same command again to go on with this session"
PLACEHOLDER = "A key in so many rows may be a placeholder. Leave it out with --null TEXT."


def experimental(protocol: str, status: str) -> str:
    return (
        f"--protocol {protocol} is {status}. If the side that gets the result does not follow the protocol, nothing "
        "protects the other side's list (docs/fast-protocol.md)"
    )


def listening(addresses: Sequence[str], names: str) -> str:
    return f"listening on {', '.join(addresses)} for {names}"


def calling(address: object, seconds: float) -> str:
    return f"calling {address}, for up to {seconds:g} s"


def read_by(engine: str) -> str:
    return f"{engine} reads the list"


def no_values(name: str, rows: int) -> str:
    return f"{name}: {rows:,} rows have no value; each counts as 0"


def _rows(rows: int) -> str:
    return f"{rows:,} {'row' if rows == 1 else 'rows'}"


def _numbered(rows: int, numbers: str | None) -> str:
    return "" if numbers is None else f" ({'row' if rows == 1 else 'rows'} {numbers})"


def may_be_placeholder(rows: int, why: str, numbers: str | None) -> str:
    return f"{_rows(rows)} have {why}{_numbered(rows, numbers)}. {PLACEHOLDER}"


def skipped(rows: int, why: str, numbers: str | None) -> str:
    return f"{_rows(rows)} skipped: {why}{_numbered(rows, numbers)}"


def rows_of_no_use(name: str, rows: int) -> str:
    return f"{name}: of {rows:,} rows, these cannot match or look wrong"


def little_room(target: Path, free: str, source: Path, most: str) -> str:
    return (
        f"{target} may not fit on the disk: {free} are free, and it takes about {most} if every row of {source} "
        "matches. The session goes on"
    )


# A session that is kept.


def kept_here(peer: str, place: object) -> str:
    return f"session with {peer}, kept in {place}"


def others_kept(workdir: Path, others: int) -> str:
    return f"other sessions kept in {workdir}: {others}; remove those that you will not go on with"


def goes_on_as_begun(workdir: Path) -> str:
    return f"the session kept in {workdir} began with version 1 of the rules for keys, and goes on with it"


def another_peer() -> TransportError:
    return TransportError("the peer that connected is not the peer of the kept session")


def cancelled_but_kept(place: object) -> CancelError:
    return CancelError(f"the caller cancelled; the session is kept in {place}, and the same call goes on with it")


# Where results go.


def named_twice(option: str, path: Path, other: str, *, is_input: bool) -> UsageError:
    what = "is the input file itself" if is_input else f"is also the file of {other}"
    return UsageError(f"{option} {path} is named twice in this command: it {what}. Give each file a name of its own")


def output_is_input(name: str) -> UsageError:
    return UsageError(f"--output {name} is an input file of this command; name another file")


def no_such_folder(option: str, path: Path) -> InputError:
    return InputError(f"cannot write {option} {path}: name a file in a folder that exists")


THE_RECORD = "the record is"
THE_ROWS = "the matched rows are"
RESUMED = (
    "Nothing is lost: the session is kept. Free some disk space or name another file, and run the same "
    "command again; the peer is not needed"
)
LOCALLY = "Free some disk space or name another file, and run the same command again"
FINISHED = "Nothing is lost: the state is kept. Free some disk space or name another file, and run `psi finish` again"


def can_be_had_again(error: OutputError, how: str) -> OutputError:
    return OutputError(f"{error}. {how}")


def no_room_elsewhere(error: OutputError, folder: Path, what: str) -> OutputError:
    return OutputError(f"{error}. There is no disk space in {folder} either, so {what} lost")


def kept_elsewhere(error: OutputError, what: str, place: Path) -> OutputError:
    return OutputError(f"{error}. Meanwhile {what} in {place}, for this user only")


def lost(error: OutputError, what: str) -> OutputError:
    return OutputError(f"{error}. So {what} lost")


def not_shown(error: OutputError) -> OutputError:
    return OutputError(f"{error}. The result is not shown without it")


def together(troubles: Sequence[OutputError]) -> OutputError:
    """Several errors as one."""
    return OutputError(". ".join(map(str, troubles)))


# What the peer did.


def total_too_large(matches: int, largest: str) -> RemoteError:
    return RemoteError(
        "the other side sent data that does not follow the protocol. Ask them which program and version they run "
        f"(technical detail: the total is larger than {matches:,} values of up to {largest} can be)",
        term="value_max",
    )


def not_of_this_side(own: str, term: str) -> RemoteError:
    return RemoteError(f"{own} did not sign this record: both signatures are from other parties", term=term)


def of_a_stranger(name: str, fingerprint: bytes, term: str) -> RemoteError:
    return RemoteError(
        f"the record is signed by {name} ({fingerprint.hex()[:16]}...), and no --peer names this certificate", term=term
    )


# A listener that stays up, and its log.

NO_METRICS = "metrics need another package. Install it: pip install 'psiselect[serve]'"
STOPPED = "this side's listener was stopped"
HEALTH_ON = "health checks on %s"
TABLE_BUG = "a bug in this program stopped it from reading the table"
SESSION_DONE = "session with %s is done"
SESSION_FAILED = "the session with %s failed: %s"
SESSION_BUG = "a bug ended a session"
CALL_FAILED = "a session with %s failed"
NOT_BEGUN = "a session did not begin: %s"
RENEWED = "the certificates were read again"
NOT_RENEWED = "the new certificates were not used, and the old ones stay: %s"
EXPIRED = "%s %s expired on %s; no session begins with it"
EXPIRES = "%s %s expires on %s; create a new identity and hand out its .crt file"


def renewed_too_often() -> TransportError:
    return TransportError("the certificates were renewed several times before the session began; start again")


def listener_ended() -> TransportError:
    return TransportError("the listener ended because of a bug in this program; see the log")
