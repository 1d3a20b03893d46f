"""What people read from this room: errors, and what a party is told before a share leaves."""

from __future__ import annotations

from dpselect.privacy import NeighbouringRelation
from dpselect.words import counted
from psiselect.base.errors import InputError, UsageError

# Options that do not go together.


def only_with_noise(option: str) -> UsageError:
    return UsageError(
        f"--{option} applies only to a result with noise. Add --epsilon, or leave out --{option}", term=option
    )


def nothing_to_charge(option: str) -> UsageError:
    return UsageError(
        f"--{option} works only with --epsilon, because only a result with noise uses up a budget. Add --epsilon, or "
        f"leave out --{option}",
        term=option,
    )


def no_bound(option: str) -> UsageError:
    return UsageError(
        f"--{option} is missing. With --epsilon, give both --lower and --upper. Without bounds one party could change "
        "the sum by any amount, and no noise could hide that",
        term=option,
    )


def no_colluding() -> UsageError:
    return UsageError(
        "--epsilon needs --colluding N. N is how many parties may share what they know with each other: 1 or more"
    )


def other_length(length: int | None, found: int) -> UsageError:
    given = f"{counted(found, 'number')} {'was' if found == 1 else 'were'} given"
    return UsageError(f"--length is {length}, but {given}. Leave out --length", term="length")


# Files of numbers.


def which_column(name: str, columns: int) -> UsageError:
    return UsageError(
        f"{name}: the table has {columns} columns. Add --column NAME: the name of the column that has the numbers",
        term="column",
    )


def number_of_numbers(name: str, most: int, *, none: bool) -> InputError:
    many = "no numbers" if none else f"more than {most:,} numbers"
    return InputError(f"{name}: the table has {many}. It must have 1 to {most:,} numbers")


# Before a share leaves.


def split_into(computing: int) -> str:
    return (
        f"Each number is split into {computing} shares. Fewer than {computing} of the computing parties together "
        "learn nothing but the result. Every party is trusted to follow the protocol."
    )


def exact_result(others: int) -> str:
    together = (
        "one party can compute" if others == 1 else f"{others} parties that put their inputs together can compute"
    )
    return (
        f"The result is exact, so {together} the input of the last one. So can anybody who knows the other inputs "
        "from elsewhere."
    )


def noisy_result(epsilon: object, neighbors: NeighbouringRelation, colluding: int, inputs: int, error: float) -> str:
    even = (
        f"from 1 of {inputs} parties" if colluding == 1 else f"if {colluding} of {inputs} parties share what they know"
    )
    return (
        f"The result has random noise that hides the data: epsilon {epsilon}, {neighbors.value}. It hides them even "
        f"{even}. In 19 of 20 runs, the noise is at most {error:.6g}."
    )


def rounded_to(unit: str) -> str:
    return (
        f"Values are rounded to multiples of {unit}. A finer unit would take too long to draw noise for, and this one "
        "is small beside the noise."
    )


def spent_on(function: str, epsilon: str) -> str:
    """What a ledger notes beside the charge."""
    return f"mpc {function}: epsilon {epsilon}"
