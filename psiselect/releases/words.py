"""What people read from this room: every error, what a release says of itself, and what a ledger notes of it."""

from __future__ import annotations

from dpselect.privacy import NeighbouringRelation
from psiselect.base.errors import InputError, UsageError

# Options that are missing, or do not go together.


def no_epsilon(statistic: str) -> UsageError:
    return UsageError(
        f"`release {statistic}` needs --epsilon, the strength of the protection. Smaller is safer, and 1 is usual"
    )


def too_many_contributions(most: int) -> UsageError:
    return UsageError(f"--contributions, the most rows that one person has in the table, must be at most {most:,}")


def no_column(statistic: str) -> UsageError:
    return UsageError(f"`release {statistic}` needs --column, the name of the column to read")


def lower_not_below_upper() -> UsageError:
    return UsageError("--lower must be below --upper")


def bounds_need_column() -> UsageError:
    return UsageError("--equals, --lower and --upper need --column, the name of the column to look at")


def equals_or_bounds() -> UsageError:
    return UsageError(
        "--equals cannot be used with --lower or --upper. Leave out --equals, or leave out --lower and --upper"
    )


def public_count(whose: str) -> UsageError:
    return UsageError(
        f"with --neighbors replace, the total number of {whose} is public, so noise would hide nothing. Count only the "
        "rows with a certain value, such as 'yes', in a column (--column). Or hide whether a person is there at all "
        "(--neighbors add-remove)"
    )


def mean_of_several_rows() -> UsageError:
    return UsageError(
        "with --neighbors replace, a mean does not hide its number of rows. If a person can have several rows, this "
        "number could reveal something about that person. Use one row of each person (--contributions 1), and "
        "give the number of persons with --n. Or hide whether a person is there at all (--neighbors add-remove)"
    )


def grid_too_fine(most: int) -> UsageError:
    return UsageError(
        f"--unit is too small: there are more than {most:,} steps between --lower and --upper. Use a larger --unit"
    )


def bounds_of_a_count() -> UsageError:
    return UsageError(
        "--column, --lower, --upper and --unit apply only to --statistic sum and mean. Leave out these options, or "
        "add the statistic sum or mean"
    )


def no_groups() -> UsageError:
    return UsageError(
        "name the groups with --groups or --groups-file. If you do not know the groups, give --delta, such as 1e-6: "
        "then the program finds the groups that are large enough"
    )


def rho_is_for_gaussian() -> UsageError:
    return UsageError("--rho works only with --noise gaussian. Leave out --rho, or add --noise gaussian")


def delta_of_laplace() -> UsageError:
    return UsageError(
        "you named the groups, so --delta is needed only with --noise gaussian. Leave out --delta, or add --noise "
        "gaussian"
    )


def rho_or_epsilon() -> UsageError:
    return UsageError("--noise gaussian needs either --epsilon and --delta (usually 1 and 1e-6), or only --rho")


def delta_beside_rho() -> UsageError:
    return UsageError("you named the groups, so --rho needs no --delta. Leave out --delta")


def gaussian_needs_delta() -> UsageError:
    return UsageError("--noise gaussian with --epsilon needs --delta, such as 1e-6")


def one_or_two_columns() -> UsageError:
    return UsageError("--by must name one column, or two different columns")


def groups_of_one() -> UsageError:
    return UsageError(
        "--by and --person name the same column. Then each group would be one person, and nobody would be hidden. Name "
        "another column with --by"
    )


def groups_twice() -> UsageError:
    return UsageError("--groups and --groups-file cannot be used together. Leave out one of them")


def other_needs_groups() -> UsageError:
    return UsageError("--other works only with --groups. Add --groups, or leave out --other")


def names_for_each_column() -> UsageError:
    return UsageError(
        "--groups must be given once for each --by, in the same order: the first --groups lists the groups of the "
        "first --by column"
    )


def names_repeat() -> UsageError:
    return UsageError("--groups has a name that is empty or given twice. Give each name once")


def _most_groups(most: int) -> str:
    return f"a table can have at most {most:,} groups. Name fewer groups"


def too_many_groups(most: int) -> UsageError:
    return UsageError(_most_groups(most))


def no_values_to_ask() -> UsageError:
    return UsageError("use --categories or --categories-file to list the values to look for")


def value_asked_twice() -> UsageError:
    return UsageError("--categories or --categories-file has the same value more than once. Give each value once")


# Tables and their rows.

_OR_DROP = "or use --on-invalid drop"


def place(name: str, unit: str, line: int | None, column: str) -> str:
    """Where a cell is."""
    return f"{name}, {unit} {line}: the value in the column {column!r}"


def wrong_row(name: str, unit: str, line: int | None, problem: str) -> InputError:
    return InputError(f"{name}, {unit} {line}: {problem}, {_OR_DROP} to leave out such rows", line=line)


IN_NO_GROUP = (
    "this row is in none of the groups. Add its group to --groups, use --other NAME to put all remaining groups into "
    "one"
)


def not_a_number(column: str) -> str:
    return f"the value in the column {column!r} is not a decimal number like 3171.50. Correct it"


def nobodys_row(column: str) -> str:
    return f"the column {column!r} is empty, so the program cannot tell whose row this is. Correct it"


def wrong_cell(error: InputError, line: int) -> InputError:
    return InputError(f"{error}. Correct it, {_OR_DROP} to leave out such values", line=line)


def no_category(where: str, line: int) -> InputError:
    return InputError(
        f"{where} is not one of the categories. Add it to --categories, use --other NAME to count all remaining values "
        f"as one category, {_OR_DROP} to leave out such values",
        line=line,
    )


def other_number(whose: str, rows: int | None) -> InputError:
    return InputError(
        f"you gave --n {rows}, but this is not the number of {whose} in the table. Correct --n or the table"
    )


def changed(name: str) -> InputError:
    return InputError(f"{name} changed while the program read it. Copy the file, and run the command on the copy")


def too_many_groups_in(name: str, most: int) -> InputError:
    return InputError(f"{name}: {_most_groups(most)}")


def names_no_group(name: str) -> InputError:
    return InputError(f"{name}: this table names no group. Write one group in each row")


# What a release says before anything is drawn.

ERROR_IS_PRIVATE = (
    "error at 95 %: it depends on how many rows there are, which is private. Give a public guess with --n to see it"
)


def may_be_identifier(column: str, contributions: int) -> str:
    rows = "1 row" if contributions == 1 else f"{contributions} rows"
    return (
        f"note: the column {column!r} seems to identify persons, and some of its values are in more than {rows}. A "
        f"person with more than {rows} gets less privacy than stated. To prevent this, use --person '{column}': then "
        f"the program uses at most {rows} of each person (--contributions {contributions})"
    )


def for_persons(rows: int) -> str:
    return f"at most {rows} {'row' if rows == 1 else 'rows'} of each person"


def for_rows(rows: int) -> str:
    return f"for {rows} rows together"


def promised(
    statistic: str, epsilon: object, relation: NeighbouringRelation, group: str, sensitivity: str, scale: float
) -> str:
    """group: what the promise is for, empty for one row."""
    of = f", {group}" if group else ""
    return (
        f"{statistic}: epsilon {epsilon}, {relation.value}{of}; hides changes of up to {sensitivity}; the noise is "
        f"typically {scale:.6g}"
    )


def error_of_one(error: float) -> str:
    return f"error at 95 %: +-{error:.6g}"


def error_of_all(cells: int, error: float) -> str:
    return f"all {cells} cells together at 95 %: +-{error:.6g}"


def error_of_each(statistic: str, error: float) -> str:
    return f"error of each {statistic} at 95 %: +-{error:.6g}"


def quantile_promised(q: object, epsilon: object, relation: NeighbouringRelation, ranks: float) -> str:
    return (
        f"quantile {q}: epsilon {epsilon}, {relation.value}. At 95 %, the answer is at most {ranks:.4g} rows further "
        "from the exact quantile than the best value of the grid"
    )


def table_promised(price: str, relation: NeighbouringRelation, rows: int) -> str:
    return f"table: {price}, {relation.value}, {for_persons(rows)}"


def noise_of(part: str, noise: str, scale: float) -> str:
    return f"{part}: the random noise ({noise}) is typically {scale:.6g}"


def shown_from(least: object) -> str:
    return f"only groups whose noisy count is at least {least} are shown"


def threshold_promised(epsilon: object, relation: NeighbouringRelation, rows: int, scale: float) -> str:
    return (
        f"threshold: epsilon {epsilon}, {relation.value}, {for_persons(rows)}. The random noise on each count is "
        f"typically {scale:.6g}"
    )


# The price.


def price(epsilon: object, delta: str | None = None, rho: object = None) -> str:
    """delta, rho: None where there is none, or where nobody asked."""
    more = "" if delta is None else f", delta {delta}"
    return f"epsilon {epsilon}{more}" + ("" if rho is None else f", rho {rho}")


def price_of_rho(rho: object, epsilon: float, delta: str | None) -> str:
    """epsilon: what rho comes to at a delta of 1e-6."""
    return f"rho {rho} (epsilon {epsilon:.6g} at delta 1e-6)" + ("" if delta is None else f", delta {delta}")


def spent_on(statistic: str, price: str, contributions: int) -> str:
    """What a ledger notes beside the charge."""
    return f"release {statistic}: {price}, {contributions} contributions"
