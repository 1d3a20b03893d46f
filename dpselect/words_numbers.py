"""What people read about noisy numbers and tables, and about polls."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from dpselect.words import not_positive, power_of_ten
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
    return UsageError("--lower must be below --upper")


def unit_too_coarse() -> UsageError:
    return UsageError("--unit is too large: both bounds round to the same number. Use a smaller --unit")


def no_sensitivity() -> UsageError:
    return UsageError("--unit is too large for these bounds: no row could change the result. Use a smaller --unit")


# Numbers and tables.


def contributions() -> UsageError:
    return UsageError("--contributions must be 1 or more")


def rows_per_group(contributions: int) -> UsageError:
    least = {1: "", 2: "1 or "}.get(contributions, "from 1 to ")
    return UsageError(f"--rows-per-group must be {least}{contributions}, because --contributions is {contributions}")


def no_rows() -> UsageError:
    return UsageError("--n (the number of rows) must be 1 or more")


def public_rows() -> UsageError:
    return UsageError(
        "with --neighbors replace the number of rows is public, so give this number with --n. If the number must stay "
        "hidden, use --neighbors add-remove",
        term="n",
    )


def cells() -> UsageError:
    return UsageError(
        "a histogram needs the ranges or the values that it counts. Give either --bins (the edges of the ranges) or "
        "--categories (the values)"
    )


def other_of_bins() -> UsageError:
    return UsageError("--other works only with --categories. With --bins, add edges so that the ranges hold all values")


def bins() -> UsageError:
    return UsageError(
        "--bins must be two or more numbers, each larger than the one before. They are the edges of the ranges"
    )


def categories() -> UsageError:
    return UsageError(
        "--categories must name each category once, but one of them is named twice. Remove one of the two"
    )


def too_many_cells(most: int) -> UsageError:
    return UsageError(f"a histogram can have at most {most:,} counts. Give fewer ranges or categories")


def groups() -> UsageError:
    return UsageError(
        "a table needs either groups= (the list of groups) or a delta, but not both. With a delta, the program finds "
        "the groups that are large enough"
    )


def no_bounds() -> UsageError:
    return UsageError("a sum or a mean needs bounds. Give --lower and --upper")


def statistics() -> UsageError:
    return UsageError("name at least one statistic, and name each statistic only once")


def unbounded(epsilon: Fraction, contributions: int, reach: int, error: int, width: float, beyond: float) -> UsageError:
    """Why a sum or mean without bounds is refused.

    reach: the value of a row, as an example. error: of the noise that hides it, at 95 %. width: the same error for each
    unit between the bounds. beyond: how many rows may exceed the upper bound before their loss outweighs the noise.
    """
    one = contributions == 1
    rows, values = ("a row", "a value") if one else (f"{contributions} rows of one person", f"{contributions} values")
    many = f"{beyond:.3g}"
    expected = "1 row" if many == "1" else f"{many} rows"
    return UsageError(
        "a sum or a mean needs bounds: give --lower A and --upper B. Choose A and B from what is publicly known, not "
        f"from the data. A value below A then counts as A, and a value above B counts as B. Without bounds, {rows} "
        f"may hold any number, and noise has to hide it. For example, to hide {values} of {reach:,} at epsilon "
        f"{epsilon}, the noise is up to {error:,} in 19 of 20 cases. With --lower 0 and --upper 100, the noise is "
        f"only up to about {100 * width:,.4g}. Choose B so that you expect a larger value in only about {expected}"
    )


# Polls.


def options_number(most: int, found: int) -> UsageError:
    return UsageError(f"a poll must have 2 to {most:,} possible answers (--options), not {found:,}")


def option_twice() -> UsageError:
    return UsageError(
        "--options must name each possible answer once, but one of them is named twice. Remove one of the two"
    )


def option_text() -> UsageError:
    return UsageError(
        "each answer in --options must have only printable characters and no ';'. It must not be empty, and must not "
        "begin or end with a space"
    )


def two_options(found: int) -> UsageError:
    return UsageError(
        f"the mechanism 'randomised-response' takes two possible answers, not {found}. For more answers, use the "
        "mechanism 'k-ary' or 'optimised-unary'"
    )


def noise_alone(epsilon: str, needed: float) -> UsageError:
    """needed: responses for an estimate to one part in ten."""
    return UsageError(
        f"epsilon must be at least 1e-9, not {epsilon}. For a poll, 1 is usual. With such a small epsilon, even a "
        f"rough estimate would take about {power_of_ten(needed)} responses"
    )


def answer(options: Sequence[str]) -> UsageError:
    return UsageError(f"--answer must be {one_option(options)}")


def no_responses() -> InputError:
    return InputError("there are no responses. An estimate needs at least one response")


def confidence() -> UsageError:
    return UsageError("--confidence must be a number between 0 and 1, such as 0.95")


def one_option(options: Sequence[str]) -> str:
    return f"one of these: {', '.join(options[:_MOST_SHOWN])}"


def digits(options: int) -> str:
    return f"{options} digits, each 0 or 1: one digit for each option"


def response(number: int, form: str) -> InputError:
    return InputError(f"response {number} must be {form}", line=number)


# Rows of responses. The reader of the table adds the place.

NO_RESPONSE_COLUMN = "the table needs a column 'response'"
THIRTY_TWO_DIGITS = "the token must be 32 hexadecimal digits (0 to 9, a to f)"
OTHER_POLL = (
    "this row answers another poll than the rows before it. Put the responses of each poll into a table of their own"
)
NO_EPSILON = "epsilon must be a number such as 0.5 or ln(3)"


def columns(known: Sequence[str]) -> str:
    return f"the table may have only these columns, and each of them once: {', '.join(known)}"


def read_before(place: str) -> str:
    return f"the same response is in {place} already. Each response counts once, so remove one of the two"


def response_form(form: str) -> str:
    return f"the response must be {form}"


def other_epsilon(found: str, expected: str) -> str:
    return f"this answer was given with epsilon {found}, but you gave --epsilon {expected} for this poll"


def other_terms(column: str, expected: str) -> str:
    return f"the column {column!r} must hold {expected!r}, as you gave it for this poll"
