"""What people read from this room: errors and notes, and how sizes and durations are written.

words_arguments has the errors about a function's arguments.
"""

from __future__ import annotations

import re
from pathlib import Path

from psiselect.base.errors import CancelError, InputError, OutputError, UsageError

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)


def parse_size(text: str) -> int | None:
    """A size such as 800M, 1.5G or 2GiB in bytes; plain letters are powers of 1000, with an i powers of 1024. None for
    any other text."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        return None
    number, letter, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** " kmgt".index(letter.lower() or " "))


# Work that takes a while.

CANCELLED = "your program cancelled the call. Nothing was written, and there is no result"


def cancelled() -> CancelError:
    return CancelError(CANCELLED)


def joint_work_cancelled() -> CancelError:
    return CancelError("your program cancelled the call. The other parties have been told, and there is no result")


def waiting(what: str, spent: str) -> str:
    return f"{what}: waiting for the peer, {spent} elapsed"


def done_so_far(what: str, percent: int, spent: str, left: str | None) -> str:
    """left: how long it will take, None once all is done here."""
    rest = "waiting for the peer" if left is None else f"about {left} left"
    return f"{what}: {percent}% done, {spent} elapsed, {rest}"


# Identities.


def named_twice() -> UsageError:
    return UsageError("--identity names the same identity twice. Leave one of the two out")


def left_out(certificate: Path) -> str:
    return (
        f"the certificate '{certificate}' has expired, so the program does not use it. Remove the certificate from "
        "--identity"
    )


# Budgets and their charges.

_KEPT = "The ledger keeps the charge"
KEPT = f"{_KEPT}."
_NOT_WRITTEN = "the ledger was charged for the result, but the result could not be written: "
NO_MEMORY = "there is not enough memory"


def ledger_without_dataset() -> UsageError:
    return UsageError(
        "--ledger and --dataset go together: the ledger counts how much epsilon each data set has used. Give both or "
        "neither"
    )


def pure_takes_epsilon() -> UsageError:
    return UsageError(
        "a ledger of --kind pure, the usual kind, needs --epsilon and cannot have --rho. Only a ledger of --kind zcdp "
        "takes --rho"
    )


def zcdp_takes_rho() -> UsageError:
    return UsageError(
        "a ledger of --kind zcdp needs either --epsilon and --delta (usually 1 and 1e-6), or only --rho. If you do not "
        "know which of them to use, make a ledger of --kind pure, which needs only --epsilon"
    )


def left_for(dataset: str, ledger: Path, left: str) -> str:
    return f"left for {dataset!r} in the ledger '{ledger}': {left}"


def charged(error: Exception) -> str:
    """What an error says after a charge."""
    lost = _NOT_WRITTEN if isinstance(error, OutputError) else ""
    return f"{lost}{str(error).removesuffix('.')}. {_KEPT}"


def not_delivered(reason: str) -> OutputError:
    return OutputError(
        f"the budget was charged, but the program failed before it could return the result: {reason}. {_KEPT}, and the "
        "result is lost",
        reason=reason,
    )


# Polls and elections.


def response_exists(output: Path) -> InputError:
    return InputError(
        f"{output}: this file exists already. If you must send your response again, send this file. A new response "
        "would cost more epsilon"
    )


def responses_twice() -> UsageError:
    return UsageError("you named the same table of responses twice. Name each table only once")


def query_of_files() -> UsageError:
    return UsageError("--query needs a database, such as sqlite:///FILE. For a file, leave out --query", term="query")


def of_one_answer(epsilon: str, mechanism: str) -> str:
    return f"this one answer is protected with epsilon {epsilon} (method: {mechanism})"


def of_each_answer(epsilon: str, mechanism: str) -> str:
    return f"each answer is protected with epsilon {epsilon} (method: {mechanism})"


def spent_on_a_response(mechanism: str, epsilon: str) -> str:
    """What a ledger notes beside the charge."""
    return f"poll respond: {mechanism}, epsilon {epsilon}"


def other_ballot_column(table: str, column: str, line: int | None) -> InputError:
    return InputError(
        f"{table}: it is not clear which column holds the ballots. The column {column!r} looks right, so give "
        f"ballot_column={column!r}",
        line=line,
    )


# Results and advice.


def only_planned() -> UsageError:
    return UsageError("the call asked only for the plan, so there is no value. Leave out plan=True", term="plan")


def several_sums(count: int) -> UsageError:
    return UsageError(f"there are {count:,} sums, so use .values in place of .value", term="value")


def several_winners() -> UsageError:
    return UsageError("several seats were filled, so use .winners in place of .winner", term="seats")


def other_question(name: str, asked: str | None) -> UsageError:
    what = (
        "the advisor has no question left, so it takes no answer"
        if asked is None
        else f"the advisor now asks the question {asked!r}, not {name!r}. Answer {asked!r} first"
    )
    return UsageError(what, term=name)


def needs_an_answer(name: str) -> InputError:
    return InputError(
        f"the advisor needs an answer to the question {name!r}, so you cannot skip this question. Choose one of the "
        "answers in question.choices",
        term=name,
    )
