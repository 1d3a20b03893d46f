"""What people read about noisy numbers and tables, and about polls."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from dpselect.words import not_positive
from psiselect.base.errors import InputError, UsageError

_MOST_SHOWN = 20

# Bounds, unit and noise.


def epsilon(value: Fraction) -> UsageError:
    return not_positive("epsilon", value)


def rho(value: Fraction) -> UsageError:
    return not_positive("rho", value)


def unit(value: Fraction) -> UsageError:
    return not_positive("unit", value)


def bounds() -> UsageError:
    return UsageError("lower: expected a number below upper")


def unit_too_coarse() -> UsageError:
    return UsageError("unit: this unit is too large, since both bounds round to the same number; use a smaller unit")


def no_sensitivity() -> UsageError:
    return UsageError(
        "unit: this unit is too large for these bounds, since no row could change the result; use a smaller unit"
    )


# Numbers and tables.


def contributions() -> UsageError:
    return UsageError("contributions: expected 1 or more")


def rows_per_group(contributions: int) -> UsageError:
    return UsageError(f"rows-per-group: expected 1 to {contributions}, the value of --contributions")


def no_rows() -> UsageError:
    return UsageError("n: expected 1 or more rows")


def public_rows() -> UsageError:
    return UsageError(
        "n: with --neighbors replace the number of rows is public; give --n, or use --neighbors add-remove"
    )


def cells() -> UsageError:
    return UsageError("a histogram needs either --bins or --categories, which say beforehand what is counted")


def other_of_bins() -> UsageError:
    return UsageError("other: this works only with --categories; with --bins, add edges for all other values instead")


def bins() -> UsageError:
    return UsageError("bins: expected two or more edges, each larger than the one before")


def categories() -> UsageError:
    return UsageError("categories: expected different categories, and one is named twice")


def too_many_cells(most: int) -> UsageError:
    return UsageError(f"a histogram has at most {most} counts; name fewer ranges or categories")


def groups() -> UsageError:
    return UsageError("groups: expected either a list of groups, or a threshold that finds them")


def no_bounds() -> UsageError:
    return UsageError("a sum or a mean needs bounds: give --lower and --upper")


def statistics() -> UsageError:
    return UsageError("statistics: name at least one statistic, and none of them twice")


def unbounded(epsilon: Fraction, contributions: int, reach: int, error: int, width: float, beyond: float) -> UsageError:
    """Why a sum or mean without bounds is refused.

    reach: the value of a row, as an example. error: of the noise that hides it, at 95 %. width: the same error for each
    unit between the bounds. beyond: how many rows may exceed the upper bound before their loss outweighs the noise.
    """
    rows = "a row" if contributions == 1 else f"{contributions} rows of one person"
    return UsageError(
        f"a sum or a mean needs bounds: give --lower A and --upper B. Without them {rows} may hold any number, and "
        f"noise has to hide it. To hide {reach:,} at epsilon {epsilon}, the noise is up to {error:,} in 95 % of "
        f"cases. With bounds it is up to about {width:.4g}*(B - A) with --neighbors replace, and a value above B "
        f"counts as B. The error is least where about {beyond:.3g} rows exceed B. Choose A and B from what is "
        "publicly known, not from the data"
    )


# Polls.


def options_number(most: int, found: int) -> UsageError:
    return UsageError(f"options: expected 2 to {most}, got {found}")


def option_twice() -> UsageError:
    return UsageError("options: expected different options, and one is named twice")


def option_text() -> UsageError:
    return UsageError("options: expected printable texts without ';', and without spaces before or after them")


def two_options(found: int) -> UsageError:
    return UsageError(
        f"options: randomised-response takes two options, got {found}. For more options, use the mechanism "
        "k-ary or optimised-unary"
    )


def noise_alone(epsilon: str, needed: float) -> UsageError:
    """needed: responses for an estimate to one part in ten."""
    return UsageError(
        f"epsilon: expected at least 1e-9, got {epsilon}; 1 is usual for a poll. With so small an epsilon, "
        f"even a rough estimate would take about {needed:.0e} responses"
    )


def answer(options: Sequence[str]) -> UsageError:
    return UsageError(f"answer: expected {one_option(options)}")


def no_responses() -> InputError:
    return InputError("responses: expected at least one, found none")


def confidence() -> UsageError:
    return UsageError("confidence: expected a number between 0 and 1, like 0.95")


def one_option(options: Sequence[str]) -> str:
    return f"one of {', '.join(options[:_MOST_SHOWN])}"


def digits(options: int) -> str:
    return f"{options} digits 0 or 1, one for each option"


def response(number: int, form: str) -> InputError:
    return InputError(f"response {number}: expected {form}", line=number)


# Rows of responses. The reader of the table adds the place.

NO_RESPONSE_COLUMN = "expected a column 'response'"
THIRTY_TWO_DIGITS = "token: expected 32 hexadecimal digits"
OTHER_POLL = (
    "poll: this row answers another poll than the rows before it; put the responses of each poll into a table of "
    "their own"
)
NO_EPSILON = "epsilon: expected a number like 0.5 or ln(3)"


def columns(known: Sequence[str]) -> str:
    return f"expected each column once, and only these: {', '.join(known)}"


def read_before(place: str) -> str:
    return f"the same response is in {place} already. Each response counts once; remove one of the two"


def response_form(form: str) -> str:
    return f"response: expected {form}"


def other_epsilon(found: str, expected: str) -> str:
    return f"epsilon: expected {expected}, but this row was answered with {found}"


def other_terms(column: str, expected: str) -> str:
    return f"{column}: expected {expected!r}, as you have stated for this poll"
