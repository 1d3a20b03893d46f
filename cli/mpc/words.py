"""What people read from this room: errors, notes, results. Help is not here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dpselect.words import counted
from psiselect.base.errors import InputError, UsageError

# This party's numbers.


def without_values(option: str) -> UsageError:
    return UsageError(f"--{option} works only with --values. Add --values, or leave out --{option}", term=option)


def server_with_values(party: str) -> UsageError:
    return UsageError(
        f"the party '{party}' is a server and contributes no value. Leave out --value and --values", term="value"
    )


def server_with_votes(party: str) -> UsageError:
    return UsageError(f"the party '{party}' is a server and contributes no votes. Leave out --approve and --values")


def no_numbers() -> UsageError:
    return UsageError(
        "this party must contribute a number, and you gave none. Use --value for one number, or --values for a file of "
        "numbers",
        term="value",
    )


def numbers_twice() -> UsageError:
    return UsageError("--value and --values cannot be used together. Leave out one of them", term="value")


def votes_twice() -> UsageError:
    return UsageError("--approve, --value and --values cannot be used together. Use only one of them", term="value")


def one_number(found: int) -> UsageError:
    return UsageError(
        f"you gave {counted(found, 'number')}, but only one is possible here. Give one number. Only "
        "`psiselect mpc argmax` with --candidates FILE takes more: one number for each candidate",
        term="value",
    )


def number_for_each(candidates: int, found: int) -> InputError:
    return InputError(
        f"you gave {counted(found, 'number')}, but there are {candidates} candidates. Give one number for each "
        "candidate, in the order of the file that you gave with --candidates"
    )


def negative_approvals() -> InputError:
    return InputError(
        "the number of approvals of a candidate is negative. Give a number of 0 or more for each candidate"
    )


def votes_without_candidates() -> UsageError:
    return UsageError("--approve and --values need the list of candidates. Add --candidates FILE")


def no_candidate(name: str) -> UsageError:
    return UsageError(
        f"{name!r}, which you gave with --approve, is not one of the candidates. Write the name exactly as it is in "
        "the file that you gave with --candidates"
    )


ONE_CANDIDATE = "one candidate"


def not_text(file: Path, what: str) -> InputError:
    return InputError(f"{file}: this file is not UTF-8 text. Save it as UTF-8 text, with {what} on each line")


def line_count(file: Path, found: int, most: int, what: str) -> InputError:
    lines = "no lines" if found == 0 else counted(found, "line")
    return InputError(f"{file}: this file must have 1 to {most:,} lines, with {what} on each line. It has {lines}")


# Other options.


def modulus() -> UsageError:
    return UsageError("--modulus must be a whole number, such as 1000 or 2^64", term="modulus")


def no_noise() -> UsageError:
    return UsageError(
        "--colluding and --neighbors apply only if the winner is chosen with noise. Add --epsilon, or leave out "
        "--colluding and --neighbors"
    )


def unknown_ending(file: Path, endings: Iterable[str]) -> InputError:
    return InputError(
        f"{file}: the program cannot tell the file's format from the ending of this name. Use a name that ends in "
        f"{' or '.join(endings)}"
    )


def is_a_folder(file: Path) -> InputError:
    return InputError(f"{file}: this is a folder, but --output must name a file. Add the name of a file in this folder")


def no_folder(file: Path) -> InputError:
    return InputError(
        f"{file}: the folder '{file.parent}' does not exist. With --output, name a file in a folder that exists"
    )


def folder_refuses(file: Path) -> InputError:
    return InputError(
        f"{file}: you do not have permission to write in the folder '{file.parent}'. Choose another folder"
    )


def output_is_input(file: Path) -> UsageError:
    return UsageError(
        f"--output would overwrite '{file}', which is an input file of this command. Choose another name for --output",
        term="output",
    )


# What everyone learns, said before the run.


def sum_at_least(least: str | None) -> str:
    return f"whether the sum is at least {least}"


LARGEST_NUMBER = "the largest number"
LARGEST_TOTAL = "which candidate has the largest total"
HIGHEST_BIDDER = "who has the largest number"


def everyone_learns(what: str, pooling: int, names: Iterable[str]) -> str:
    return (
        f"Everyone learns {what}, and nothing else. This holds as long as fewer than {pooling} of {', '.join(names)} "
        f"show each other what they hold. If {pooling} do, they can read every number."
    )


def all_trusted(computing: int) -> str:
    return f"All are trusted to follow the protocol. {computing} parties compute, with the library MPyC."


def winner_hides(epsilon: str | None, neighbors: str | None, colluding: int) -> str:
    shared = "" if colluding == 1 else " that share what they know"
    return (
        f"The winner is drawn with noise that hides each ballot: epsilon {epsilon}, {neighbors}. It hides the ballots "
        f"even from {colluding} of these parties{shared}. A ballot may approve each candidate once."
    )


WAITING = "waiting for the others"


# Results.


def unconfirmed(party: str) -> str:
    return f"{party} has not confirmed that it has received the result"


def cost(seconds: float, sent: str, received: str | None = None) -> str:
    return f"{seconds:.2f} s, {sent} sent" + ("" if received is None else f", {received} received")


def more_numbers(count: int) -> str:
    return (
        f"{count:,} more numbers are not shown. To write all to a file, use --output FILE.csv. To print all, use "
        "--json."
    )


def result_printed(file: Path | None, why: object) -> InputError:
    return InputError(
        f"{file}: this file was not written: {why}. The program has printed the result to standard output instead, as "
        "JSON"
    )
