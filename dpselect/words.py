"""What people read about privacy parameters: epsilon, delta, rho, relations, and what releases cost.

words_choices has the sentences about scores, winners and committees, words_numbers those about noisy numbers and polls,
words_ledger those about budgets in files. An error begins with the parameter that it is about.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from psiselect.base.errors import InputError, UsageError

# Numbers, as text or otherwise.


def not_decimal(what: str) -> InputError:
    return InputError(f"{what} is not a decimal number like 3171.50")


def negative(field: str, value: Fraction) -> UsageError:
    return UsageError(f"{field}: expected a number of 0 or more, got {value}")


def not_a_number(field: str, found: str) -> UsageError:
    """found: the text, quoted, or the type."""
    return UsageError(f"{field}: expected a number such as 0.1 or 1/10, got {found}")


def not_positive(field: str, value: object) -> UsageError:
    return UsageError(f"{field}: expected a number above 0, got {value}")


# The relation and epsilon.


def no_relation(text: str) -> UsageError:
    return UsageError(f"neighbors: expected 'add-remove' or 'replace', got {text!r}")


def undeclared_relation(score: str, known: Iterable[str]) -> UsageError:
    return UsageError(f"neighbors: for the score {score}, expected {' or '.join(known)}")


def epsilon_of_zero() -> UsageError:
    return UsageError("epsilon: expected a number above 0. At 0 nothing about the data may be released")


def logarithm() -> UsageError:
    return UsageError("epsilon: ln(...) works only in polls; use a number such as 0.1 or 1/10")


ARGUMENT_OF_LN = "epsilon: the number in ln(...)"


def small_logarithm(text: str) -> UsageError:
    return UsageError(f"{ARGUMENT_OF_LN} must be above 1, got {text}")


def not_a_fraction(found: str) -> UsageError:
    """found: the type."""
    return UsageError(f"epsilon: expected a Fraction, got {found}; convert it with parse_epsilon first")


def changes(found: object) -> UsageError:
    return UsageError(f"changes: expected a whole number of 0 or more, got {found!r}")


# Delta and rho.


def delta_range(delta: object) -> UsageError:
    return UsageError(f"delta: expected a number above 0 and below 1, such as 1e-6, got {delta}")


def delta_from_zero(delta: Fraction) -> UsageError:
    return UsageError(f"delta: expected a number of 0 or more, and below 1, got {delta}")


def rho_and_delta() -> UsageError:
    return UsageError("rho and delta: expected a rho above 0, and a delta of 0 or more and below 1")


def rho_not_convertible(rho: Fraction, delta: Fraction) -> UsageError:
    return UsageError(
        f"rho and delta: expected a rho of 0 or more, and a delta above 0 and below 1; got rho {rho} and delta {delta}"
    )


def epsilon_not_convertible(epsilon: Fraction, delta: Fraction) -> UsageError:
    return UsageError(
        "epsilon and delta: expected an epsilon above 0, and a delta above 0 and below 1; got epsilon "
        f"{epsilon} and delta {delta}"
    )


def no_rho(epsilon: Fraction) -> UsageError:
    return UsageError(
        f"epsilon: {epsilon} is so small that it cannot be converted to rho with this delta; use a larger epsilon, "
        "or give --rho"
    )


# What releases cost.


def no_persons(size: int) -> UsageError:
    return UsageError(f"group: expected 1 or more persons, got {size}")


def delta_of_group(size: int) -> UsageError:
    return UsageError(
        f"delta: for a group of {size} persons, the chance that the protection fails (delta) grows to 1; use a "
        "smaller delta"
    )


def group_with_delta() -> UsageError:
    return UsageError(
        "group: with a delta, the program cannot compute a guarantee for several persons together. Raise "
        "--contributions to the number of rows that they have together"
    )


def rho_from_pure_ledger() -> UsageError:
    return UsageError(
        "this ledger counts epsilon, and Gaussian noise with --rho has no epsilon that it could count. Use a "
        "ledger of --kind zcdp, or give --epsilon and --delta in place of --rho"
    )


def not_finite(value: float) -> UsageError:
    return UsageError(f"the cost cannot be computed: expected a finite number of 0 or more, got {value}")


def no_accounting() -> UsageError:
    return UsageError(
        "delta: with --delta, the program can show a smaller total for this ledger, but needs another package for "
        "it. Install it: pip install 'psiselect[accounting]'. Without --delta, the program shows the plain sum, "
        "which the ledger counts",
        term="delta",
    )


# Noise.


def noise_too_wide() -> UsageError:
    return UsageError("unit: this unit is too small for so much noise; use a larger unit")


def share_size(size: Fraction) -> UsageError:
    return UsageError(f"size: expected a share of noise above 0 and at most 1, got {size}")


def no_exponent(exponent: Fraction) -> UsageError:
    return not_positive("exponent", exponent)


def noise_beyond(most: int) -> UsageError:
    return UsageError(
        f"epsilon and delta: they are so small that the noise could go beyond {most:,}; use a larger epsilon or delta"
    )
