"""What people read from this room: errors, and what a party is told before a share leaves."""

from __future__ import annotations

from dpselect.privacy import NeighbouringRelation
from psiselect.base.errors import InputError, UsageError

# Options that do not go together.


def only_with_noise(option: str) -> UsageError:
    return UsageError(f"--{option} is for a result with noise; add --epsilon, or leave out --{option}", term=option)


def nothing_to_charge(option: str) -> UsageError:
    return UsageError(
        f"--{option} is for a result with noise, which costs budget; add --epsilon, or leave out --{option}",
        term=option,
    )


def no_bound(option: str) -> UsageError:
    return UsageError(
        f"--{option} is missing: --epsilon needs --lower and --upper. Without bounds one party could move the sum by "
        "any amount, and no noise would hide that",
        term=option,
    )


def no_colluding() -> UsageError:
    return UsageError("--epsilon needs --colluding: how many parties may pool what they know (1 or more)")


def other_length(length: int | None, found: int) -> UsageError:
    return UsageError(f"--length is {length}, but {found} numbers were given; leave out --length", term="length")


# Files of numbers.


def which_column(name: str, columns: int) -> UsageError:
    return UsageError(f"{name} has {columns} columns; choose one with --column", term="column")


def number_of_numbers(name: str, most: int, *, none: bool) -> InputError:
    many = "no" if none else f"more than {most}"
    return InputError(f"{name} has {many} numbers; expected 1 to {most} numbers")


# Before a share leaves.


def split_into(computing: int) -> str:
    return (
        f"Each number is split into {computing} shares. Fewer than {computing} of the computing parties together learn "
        "nothing but the result. Every party is trusted to follow the protocol."
    )


def exact_result(others: int) -> str:
    return (
        f"The result is exact: {others} parties that put their inputs together can compute the input of the "
        "last one. So can anybody who knows the other inputs from elsewhere."
    )


def noisy_result(epsilon: object, neighbors: NeighbouringRelation, colluding: int, inputs: int, error: float) -> str:
    return (
        f"The result has random noise that hides the data: epsilon {epsilon}, {neighbors.value}. It hides them even if "
        f"{colluding} of {inputs} parties share what they know. In 19 of 20 runs, the noise is at most {error:.6g}."
    )


def rounded_to(unit: str) -> str:
    return (
        f"Values are rounded to multiples of {unit}. A finer unit would take too long to draw noise for, and this one "
        "is small beside the noise."
    )


def spent_on(function: str, epsilon: str) -> str:
    """What a ledger notes beside the charge."""
    return f"mpc {function}: epsilon {epsilon}"
