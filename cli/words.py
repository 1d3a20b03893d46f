"""What people read from the modules at the top of the command: errors, notes, results. Each folder has its own.

Help is not here: it belongs to its option or command.
"""

from __future__ import annotations

from pathlib import Path

from psiselect.base.errors import InputError, OutputError, UsageError

# Standard output.


def stdout_closed() -> OutputError:
    return OutputError(
        "standard output is closed, so no result can be printed. Send the output to a file, or to /dev/null"
    )


def nobody_reads() -> OutputError:
    reason = "the other program, which reads the output (such as the one after a |), has already ended"
    return OutputError(f"cannot print the result: {reason}", reason=reason)


def stdout_refused(reason: str) -> OutputError:
    return OutputError(
        f"cannot print the result on standard output: {reason}",
        "Send the output to a file on a disk that has space left",
        reason=reason,
    )


# Releases, and the ledger that pays for them.


def not_written(reason: str, kept: Path | None) -> InputError:
    """kept: the file that has the result all the same."""
    if kept is not None:
        return InputError(f"the result is in the file '{kept}', but it could not be printed: {reason}", term="output")
    return InputError(f"the result could not be written: {reason}", term="output")


def charged_not_written(reason: str) -> InputError:
    return InputError(
        f"the ledger was charged for the result, but the result could not be written: {reason}. The ledger keeps the "
        "charge, and the result is lost. Before you run the command again, make sure that the output can be written, "
        "because the next run is charged too",
        term="output",
    )


def left_for(dataset: str | None, ledger: Path | None, amount: str) -> str:
    return f"left for {dataset!r} in the ledger '{ledger}': {amount}"


# Budgets.


def group_of_zcdp() -> UsageError:
    return UsageError(
        "--group works only with a ledger of --kind pure, and this ledger has --kind zcdp. Leave out --group"
    )


NOTHING_SPENT = "Nothing spent yet."
OLDER_ENTRIES = "Older entries are not shown. To see all, use --json."
EACH_DATASET = ", for each data set"
ANY_NAME = "any name"


def more_datasets(count: int) -> str:
    are = "set is" if count == 1 else "sets are"
    return f"{count:,} more data {are} not shown. To see one of them, use --dataset NAME. To see all, use --json."


def without_epsilon(count: int) -> str:
    return (
        f"With --delta, the program computes epsilon for some data sets only. It left out {count:,}. To see the "
        "epsilon of one of them, add --dataset NAME."
    )


# Identities.


def keep_the_key(certificate: Path, key: Path) -> str:
    return f"Give '{certificate}' to your peers. Keep '{key}' to yourself."


# Polls.


def options_twice() -> UsageError:
    return UsageError("--options and --options-file cannot be used together. Leave out one of them")


THE_ANSWERS = "the possible answers"


def no_answer_typed() -> UsageError:
    return UsageError(
        "you gave --answer '-', so the program reads your answer from standard input. Type your answer as exactly one "
        "line"
    )


def response_written(output: Path) -> str:
    return f"The response is in '{output}'. Your true answer is not in it."


def shares(confidence: float) -> str:
    return (
        f"Shares estimated from answers with privacy noise: each interval holds the true share with {confidence:.0%} "
        "confidence."
    )


# Selections.

SELECTED = "Selected with privacy noise, so the best score does not always win:"


# The page in the browser.


def no_page() -> UsageError:
    return UsageError("the page needs more packages. Install them: pip install 'psiselect[ui]'")


def page_is_open(port: int, key: Path) -> str:
    return f"The page is open in your browser (127.0.0.1:{port}). If not, open this file: {key}"


def open_this(key: Path) -> str:
    return f"Open this file in your browser: {key}"


CTRL_C = "Ctrl-C ends the page."


def page_ended(minutes: int) -> str:
    return f"Nobody has used the page for {minutes} minutes, so it has ended."


# Numbers within bounds.


def bounds(least: float | None, most: float | None) -> str:
    return f"{_shown(least)} or more" if most is None else f"{_shown(least)} to {_shown(most)}"


def above(least: float | None, most: float | None) -> str:
    return f"above {_shown(least)}, up to {_shown(most)}"


def not_whole(value: object, least: float | None, most: float | None) -> str:
    return f"{value!r} is not a whole number {'of' if most is None else 'from'} {bounds(least, most)}."


def not_seconds(value: object, expected: str) -> str:
    return f"{value!r} is not a number of seconds {expected}."


def _shown(number: float | None) -> str:
    """With commas only where they help, because people type these numbers."""
    return f"{number:,}" if number is not None and number >= 100_000 else f"{number}"
