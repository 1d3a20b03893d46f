"""What people read from this room: errors, what a record of draws says, and the announcement of a result.

Rule: what voters read says who does what, and assumes that they know nothing of the software.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dpselect.privacy import NeighbouringRelation
from psiselect.base.errors import BudgetError, InputError, UsageError

# Ballots.


def no_separator() -> UsageError:
    return UsageError("--separator must be one or more characters, such as ';'")


def other_column(error: Exception, column: str, command: str, line: int | None) -> InputError:
    return InputError(f"{error}. The column {column!r} looks right, so run: {command}", line=line)


def format_of_a_database(form: str) -> UsageError:
    return UsageError(
        f"--format {form} is only for files, and the ballots come from a database. Leave out --format", term="form"
    )


def in_the_format(form: str) -> str:
    return f"in the format {form}"


# The record of draws.

STANDARD_INPUT = "standard input"
A_STORE = "cloud storage"
A_DATABASE = "a database"
_IN_A_LEDGER = "--ledger FILE --dataset NAME to count the draw against a privacy budget"
_OTHERWISE = f"Use {_IN_A_LEDGER}, or --no-ledger to draw without a record"
_INSTEAD = f"Put back an intact copy of this file, or use {_IN_A_LEDGER}"


def no_place_for_a_record(what: str) -> UsageError:
    return UsageError(
        f"the ballots come from {what}, not from a file in a local folder. So the program cannot write its record of "
        f"draws next to the ballots. {_OTHERWISE}",
        term="ledger",
    )


def not_beside(where: Path) -> UsageError:
    return UsageError(
        f"'{where}' is not an ordinary file, so the program cannot write its record of draws next to it. {_OTHERWISE}",
        term="ledger",
    )


def cannot_be_written(record: Path) -> UsageError:
    return UsageError(
        f"{record}: the program cannot write this file, so it cannot record that the winner was drawn. {_OTHERWISE}",
        term="ledger",
    )


def cost(epsilon: str, neighbors: NeighbouringRelation) -> str:
    return f"epsilon {epsilon}, {neighbors.value}"


def begun(at: str, cost: str) -> str:
    return f"a draw of the winner began on {at} ({cost}), but its result was not recorded. Somebody may have seen it"


def drawn(at: str, cost: str, winners: Sequence[str]) -> str:
    who = "winner was" if len(winners) == 1 else "winners were"
    return f"the {who} drawn on {at} ({cost}): {', '.join(winners)}. This is the result"


def already_drawn(told: str, more: str, total: str, record: Path) -> BudgetError:
    return BudgetError(
        f"{told}. This time nothing was drawn. {more}To draw again, add --again. All draws together would then cost "
        f"epsilon {total}. The draws are recorded in '{record}'",
        term="ledger",
    )


def not_recorded(record: Path, reason: str) -> BudgetError:
    return BudgetError(
        f"the program cannot write its record of draws '{record}' ({reason}), so nothing was drawn or shown. "
        f"{_OTHERWISE}",
        term="ledger",
    )


def not_a_record(record: Path) -> str:
    return f"{record}: this file is not a record of draws, or it is damaged. The program does not change it. {_INSTEAD}"


def damaged_record(record: Path) -> InputError:
    return InputError(
        f"{record}: this record of draws is damaged: one of its lines cannot be read. {_INSTEAD}", term="ledger"
    )


def spent_on(mechanism: str, epsilon: str) -> str:
    """What a ledger notes beside the charge."""
    return f"vote winner: {mechanism}, epsilon {epsilon}"


# What epsilon means.

VERY_STRONG = "very strong protection"
USUAL = "usual protection"
WEAK = "weak protection"
HIDES = {
    NeighbouringRelation.ADD_REMOVE: "whether and how a person voted",
    NeighbouringRelation.REPLACE: "how a person voted; who voted is taken to be public",
}
