"""What people read from this room: errors, notes, results. Help is not here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from psiselect.base.errors import InputError, UsageError

# This party's numbers.


def without_values(option: str) -> UsageError:
    return UsageError(f"--{option} works only with --values: add --values, or leave out --{option}", term=option)


def server_with_values(party: str) -> UsageError:
    return UsageError(f"{party} is a server and brings no value; leave out --value and --values", term="value")


def server_with_votes(party: str) -> UsageError:
    return UsageError(f"{party} is a server and brings no value; leave out --approve and --values")


def no_numbers() -> UsageError:
    return UsageError(
        "this party must bring a number, and you gave none; use --value for one number, or --values for a file of "
        "numbers",
        term="value",
    )


def numbers_twice() -> UsageError:
    return UsageError("--value and --values do not go together; leave out one of them", term="value")


def votes_twice() -> UsageError:
    return UsageError("--approve, --value and --values do not go together; use only one of them", term="value")


def one_number(found: int) -> UsageError:
    return UsageError(
        f"expected one number, got {found}. To give one number for each candidate, list the candidates with "
        "--candidates",
        term="value",
    )


def number_for_each(candidates: int, found: int) -> InputError:
    return InputError(
        f"expected {candidates} numbers, one for each candidate in the order of the candidates; found {found}"
    )


def negative_approvals() -> InputError:
    return InputError("a number of approvals is negative; expected 0 or more for each candidate")


def votes_without_candidates() -> UsageError:
    return UsageError("--approve and --values need the list of candidates; add --candidates")


def no_candidate(name: str) -> UsageError:
    return UsageError(
        f"--approve: {name!r} is not one of the candidates; write the name exactly as it is in the file of candidates"
    )


ONE_CANDIDATE = "one candidate"


def not_text(file: Path, what: str) -> InputError:
    return InputError(f"{file} is not UTF-8 text; expected {what} on each line")


def line_count(file: Path, found: int, most: int, what: str) -> InputError:
    return InputError(f"{file} has {found} lines; it must have 1 to {most}, with {what} on each line")


# Other options.


def modulus() -> UsageError:
    return UsageError("modulus: expected a whole number, or a power of 2 such as 2^64", term="modulus")


def no_noise() -> UsageError:
    return UsageError("--colluding and --neighbors are for a winner with noise; add --epsilon, or leave them out")


def unknown_ending(file: Path, endings: Iterable[str]) -> InputError:
    return InputError(
        f"{file}: the program cannot tell the file format from this ending; use one of {', '.join(endings)}"
    )


def is_a_folder(file: Path) -> InputError:
    return InputError(f"{file} is a folder; name a file")


def no_folder(file: Path) -> InputError:
    return InputError(f"{file}: the folder {file.parent} does not exist; choose a file in a folder that exists")


def folder_refuses(file: Path) -> InputError:
    return InputError(f"{file}: you cannot write in the folder {file.parent}; choose another one")


def output_is_input(file: Path) -> UsageError:
    return UsageError(f"--output {file} is the input file itself; choose another name", term="output")


# What everyone learns, said before the run.


def sum_at_least(least: str | None) -> str:
    return f"whether the sum is at least {least}"


LARGEST_NUMBER = "the largest number"
LARGEST_TOTAL = "which candidate has the largest total"
HIGHEST_BIDDER = "who has the largest number"


def everyone_learns(what: str, pooling: int, names: Iterable[str]) -> str:
    return (
        f"Everyone learns {what}, and nothing else, as long as no {pooling} of {', '.join(names)} pool what they hold. "
        f"If {pooling} do, they can read every number."
    )


def all_trusted(computing: int) -> str:
    return f"All are trusted to follow the protocol. {computing} parties compute, with the library MPyC."


def winner_hides(epsilon: str | None, neighbors: str | None, colluding: int) -> str:
    return (
        f"The winner is drawn with noise that hides each ballot: epsilon {epsilon}, {neighbors}. It also hides "
        f"them from any {colluding} of these parties that share with each other what they know. A ballot may "
        "approve each candidate once."
    )


WAITING = "waiting for the others"


# Results.


def unconfirmed(party: str) -> str:
    return f"{party} has not confirmed that it has received the result"


def cost(seconds: float, sent: str, received: str | None = None) -> str:
    return f"{seconds:.2f} s, {sent} sent" + ("" if received is None else f", {received} received")


def more_numbers(count: int) -> str:
    return f"{count:,} more numbers are not shown; --output FILE.csv writes all of them, --json prints them"


def result_printed(file: Path | None, why: object) -> InputError:
    return InputError(f"{file} was not written: {why}. The result is on standard output, as JSON")
