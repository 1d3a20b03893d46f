"""What people read from this room: every error about scores, and the promise of a selection."""

from __future__ import annotations

from collections.abc import Sequence

from dpselect.privacy import NeighbouringRelation
from dpselect.words import counted
from psiselect.base.errors import InputError, UsageError

# Options that do not go together.

_CHANGES = {
    NeighbouringRelation.ADD_REMOVE: "one person is added or removed",
    NeighbouringRelation.REPLACE: "one person's data change",
}


def monotonic_with_replace() -> UsageError:
    return UsageError(
        "--monotonic cannot be used with --neighbors replace, because replaced data can raise one score and lower "
        "another. Leave out --monotonic, or use --neighbors add-remove"
    )


def ledger_needs_neighbors(relation: NeighbouringRelation) -> UsageError:
    case = _CHANGES[relation]
    return UsageError(
        f"--ledger also needs --neighbors, and this ledger accepts only --neighbors {relation.value}. Add this option "
        f"if your --sensitivity says how much a score changes when {case}. If not, compute --sensitivity again for "
        "this case, or use another ledger"
    )


def nothing_to_choose(seats: int, candidates: int) -> UsageError:
    remedy = "Lower --seats" if candidates > 1 else "Give more candidates"
    return UsageError(
        f"there {'is' if candidates == 1 else 'are'} {counted(candidates, 'candidate')} for {counted(seats, 'seat')}, "
        f"so there is nothing to choose. {remedy}"
    )


# The promise.


def promised(epsilon: str, sensitivity: object, mechanism: str, exponent: object, *, monotonic: bool) -> str:
    moves = f"by at most {sensitivity}" + (", all up or all down" if monotonic else "")
    return (
        f"this protects each person with epsilon {epsilon}, if one person's data change each candidate's score "
        f"{moves} (mechanism: {mechanism}, exponent {exponent} per unit of score)"
    )


def spent_on(mechanism: str, epsilon: str) -> str:
    """What a ledger notes beside the charge."""
    return f"select: {mechanism}, epsilon {epsilon}"


# Tables of scores.

NO_LABEL = "the label is empty"


def no_candidates(name: str) -> InputError:
    return InputError(f"{name}: there are no candidates. Write one row for each candidate")


def label_twice(label: str) -> str:
    return f"two rows have the label {label!r}. Give each candidate a different label"


def in_row(name: str, unit: str, number: int, column: str | None, problem: str) -> InputError:
    where = "" if column is None else f", column {column!r}"
    return InputError(f"{name}, {unit} {number}{where}: {problem}", line=number)


def in_column(name: str, column: str, error: InputError) -> InputError:
    return InputError(f"{name}, column {column!r}: {error}")


def not_labels(name: str, column: str, kind: object) -> InputError:
    return InputError(
        f"{name}: the column {column!r} has the type {kind}. Names of candidates must be text or integers"
    )


def not_scores(name: str, column: str, kind: object) -> InputError:
    return InputError(f"{name}: the column {column!r} has the type {kind}. Scores must be integers, decimals or text")


def binary_floats(name: str, column: str) -> InputError:
    return InputError(
        f"{name}: the column {column!r} holds binary floating-point numbers, which are often only close to the decimal "
        "numbers that people mean. Store the scores as integers, decimals or text. If you mean exactly these binary "
        "numbers, use --exact-floats"
    )


def no_column(name: str, column: str, header: Sequence[str], *, several: bool) -> UsageError:
    """several: whether more than one column has this name."""
    if several:
        return UsageError(f"{name}: several columns have the name {column!r}. Give each column a different name")
    there = ", ".join(map(repr, header)) or "none"
    return UsageError(f"{name}: the table has no column {column!r}. Its columns are {there}")
