"""What people read about privacy parameters: epsilon, delta, rho, relations, and what releases cost.

words_choices has the sentences about scores, winners and committees, words_numbers those about noisy numbers and polls,
words_ledger those about budgets in files. An error begins with the parameter that it is about.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from psiselect.base.errors import InputError, UsageError

# Numbers, as text or otherwise.


def counted(number: int, noun: str) -> str:
    """How many there are: "1 seat", "2 seats"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def power_of_ten(number: float) -> str:
    """A huge number as people write it, to one digit: 10^36, 4*10^19."""
    digit, _, exponent = f"{number:.0e}".partition("e")
    return f"{'' if digit == '1' else f'{digit}*'}10^{int(exponent)}"


def not_decimal(what: str) -> InputError:
    return InputError(f"{what} is not a decimal number like 3171.50")


def negative(field: str, value: Fraction) -> UsageError:
    return UsageError(f"{field} must be a number of 0 or more, not {value}")


def not_a_number(field: str, found: str) -> UsageError:
    """found: the text, quoted, or what `of_type` makes of the type."""
    return UsageError(f"{field} must be a number of 0 or more, such as 0.1 or 1/10, not {found}")


def of_type(name: str) -> str:
    """What stands there instead of a number: a value of another type."""
    return f"a value of the type {name!r}"


def not_positive(field: str, value: object) -> UsageError:
    return UsageError(f"{field} must be a number above 0, not {value}")


# The relation and epsilon.


def no_relation(text: str) -> UsageError:
    return UsageError(
        "neighbors must be 'add-remove' (hide whether a person is there at all) or 'replace' (hide only what a "
        f"person's data say), not {text!r}"
    )


def undeclared_relation(score: str, known: Iterable[str]) -> UsageError:
    return UsageError(f"with the score '{score}', neighbors= must be {' or '.join(map(repr, known))}")


def epsilon_of_zero() -> UsageError:
    return UsageError("epsilon must be above 0; 1 is usual. With 0, nothing about the data may be released")


def logarithm() -> UsageError:
    return UsageError("epsilon may be written as ln(...) only for polls. Use a number such as 0.1 or 1/10")


ARGUMENT_OF_LN = "the number in ln(...) for epsilon"


def small_logarithm(text: str) -> UsageError:
    return UsageError(f"{ARGUMENT_OF_LN} must be above 1, not {text}")


def not_a_fraction(found: str) -> UsageError:
    """found: the type."""
    return UsageError(
        f"in Python, the argument epsilon must be a Fraction, such as Fraction(1, 10), not {of_type(found)}"
    )


def changes(found: object) -> UsageError:
    return UsageError(
        f"changes= (the number of persons whose data may change) must be a whole number of 0 or more, not {found!r}"
    )


# Delta and rho.


def delta_range(delta: object) -> UsageError:
    return UsageError(
        f"delta must be a number above 0 and below 1, such as 1e-6. You gave {delta}. Delta is the chance that the "
        "protection fails"
    )


def delta_from_zero(delta: Fraction) -> UsageError:
    return UsageError(f"delta must be a number from 0 to 1, but not 1 itself. You gave {delta}")


def rho_and_delta() -> UsageError:
    return UsageError("rho must be a number above 0, and delta must be 0 or more, and below 1")


def rho_not_convertible(rho: Fraction, delta: Fraction) -> UsageError:
    return UsageError(
        f"rho must be 0 or more, and delta must be above 0 and below 1. But rho is {rho}, and delta is {delta}"
    )


def epsilon_not_convertible(epsilon: Fraction, delta: Fraction) -> UsageError:
    return UsageError(
        f"epsilon must be above 0, and delta must be above 0 and below 1. But epsilon is {epsilon}, and delta is "
        f"{delta}"
    )


def no_rho(epsilon: Fraction) -> UsageError:
    return UsageError(
        f"with this delta, epsilon {epsilon} is too small: the program cannot compute the noise. Use a larger epsilon. "
        "Or give --rho instead of --epsilon: rho is another measure of the protection"
    )


# What releases cost.


def no_persons(size: int) -> UsageError:
    return UsageError(f"the group must have at least 1 person, not {size}")


def delta_of_group(size: int) -> UsageError:
    return UsageError(
        f"for a group of {size} persons, the chance that the protection fails (delta) would be 1. Use a smaller delta, "
        "or a smaller group"
    )


def group_with_delta() -> UsageError:
    return UsageError(
        "this release has a delta, so the program cannot compute how well it protects several persons together. To "
        "protect a whole group as if it were one person, set --contributions to the number of rows that the group has"
    )


def rho_from_pure_ledger() -> UsageError:
    return UsageError(
        "this ledger counts epsilon, and noise that is set with --rho has no epsilon. Replace --rho with --epsilon and "
        "--delta (usually 1 and 1e-6). Or use a ledger that was created with --kind zcdp, which counts rho"
    )


def not_finite(value: float) -> UsageError:
    return UsageError(f"the privacy cost must be a finite number of 0 or more, not {value}")


def no_accounting() -> UsageError:
    return UsageError(
        "with --delta, the program computes the total cost more exactly, and needs another package for this. Install "
        "it: pip install 'psiselect[accounting]'. Or leave out --delta: then the program shows only the sum of all "
        "costs, which is what the ledger counts",
        term="delta",
    )


# Noise.


def noise_too_wide() -> UsageError:
    return UsageError("--unit is too small for so much noise. Use a larger --unit, or a larger epsilon")


def share_size(size: Fraction) -> UsageError:
    return UsageError(
        f"size= (the part of the whole noise that one party adds) must be above 0 and at most 1, not {size}"
    )


def no_exponent(exponent: Fraction) -> UsageError:
    return not_positive("exponent= (a smaller exponent makes larger noise)", exponent)


def noise_beyond(most: int) -> UsageError:
    return UsageError(
        f"epsilon and delta are so small that the noise could be larger than {most:,}, which is the most that the "
        "program can use. Use a larger epsilon or delta"
    )
