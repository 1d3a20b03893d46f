"""What people read about scores, winners, committees, quantiles and thresholds, and about how good a choice will be."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from dpselect.words import not_positive
from psiselect.base.errors import InputError, UsageError

# Scores.


def sensitivity(value: Fraction) -> UsageError:
    return not_positive("sensitivity", value)


def score_range(most: Fraction, value: Fraction) -> UsageError:
    return UsageError(f"range: expected a number above 0 and at most {most}, got {value}")


def unknown_candidate(last: int) -> InputError:
    return InputError(f"ballots: expected candidates' numbers from 0 to {last}, and a ballot has another one")


def no_candidate() -> InputError:
    return InputError("scores: expected at least one candidate, found none")


def dimensions(found: int) -> InputError:
    return InputError(f"scores: expected a plain list of numbers, got an array with {found} dimensions")


def no_score(text: str) -> InputError:
    return InputError(f"expected a number such as 12, 1.5 or 1/3, got {text!r}")


def truth_value(position: int) -> InputError:
    return InputError(f"scores: item {position} is True or False; expected a number")


def score_type(position: int, found: str) -> InputError:
    return InputError(f"scores: item {position} is {found}; expected int, Fraction or Decimal")


def not_finite(position: int, value: object) -> InputError:
    return InputError(f"scores: item {position} is {value}, expected a finite number")


def too_many_digits(position: int) -> InputError:
    return InputError(f"scores: item {position} has too many digits; round the scores to fewer digits")


def binary_float(position: int, value: object) -> InputError:
    return InputError(
        f"scores: item {position} is a binary floating-point number ({value}). Give int, Decimal or Fraction, or ask "
        "for exact floats if you mean the exact binary fraction"
    )


def common_denominator() -> InputError:
    return InputError(
        "scores: the numbers have too many digits (their common denominator exceeds 2^128); round them to fewer digits"
    )


def too_large() -> InputError:
    return InputError(
        "scores: a number is too large for so many digits (above 2^256 units); round the scores to fewer digits"
    )


# Search for data that break what is declared about scores.

SAME_FOR_ALL = "the same for all data"


def one_and_another(one: object, other: object) -> str:
    return f"{one} and {other}"


def mixed_moves(one: Fraction, other: Fraction) -> str:
    return f"one score moves by {one}, another by {other}"


def violation(broken: str, declared: str, found: str, data: tuple[object, str], neighbour: tuple[object, str]) -> str:
    """broken: which declaration. data, neighbour: the records, and their scores as text."""
    return (
        f"{broken}: declared {declared}, found {found}\n"
        f"  data      {data[0]!r} -> scores {data[1]}\n"
        f"  neighbour {neighbour[0]!r} -> scores {neighbour[1]}"
    )


def violation_found(violation: object) -> str:
    return f"violation found\n{violation}"


def no_violation(
    pairs: int, relation: str, size: int, sensitivity: Fraction, score_range: Fraction, *, exhaustive: bool
) -> str:
    """pairs: how many were looked at. size: the most records of one data set."""
    how = "all" if exhaustive else "a search of"
    return (
        f"no violation in {how} {pairs} pairs of neighbours ({relation}) of up to {size} records; largest seen: "
        f"sensitivity {sensitivity}, range {score_range}"
    )


def nothing_to_search() -> UsageError:
    return UsageError("audit: expected at least one possible record, and a size of 1 or more")


def no_hypothesis() -> UsageError:
    return UsageError(
        "audit: there are too many pairs to try them all, and hypothesis is not installed. Install it "
        "(pip install hypothesis), or pass fewer records or a smaller size"
    )


# Exact probabilities.


def law_too_long() -> UsageError:
    return UsageError(
        "the exact probabilities would take too long to compute. Use fewer candidates, or scores that lie closer "
        "together"
    )


def too_many_sets(most: int) -> UsageError:
    return UsageError(
        f"exact probabilities: there are more than {most} possible committees; use fewer candidates or fewer seats"
    )


# Winners and committees.


def seats(most: int, found: int) -> UsageError:
    return UsageError(f"seats: expected 1 to {most}, the number of candidates, got {found}")


def too_few_candidates(candidates: int, seats: int) -> InputError:
    return InputError(f"scores: {candidates} candidates for {seats} seats; expected at least one candidate per seat")


def sets_not_sampled(seats: int, candidates: int) -> UsageError:
    return UsageError(
        f"subset-exponential: there are too many ways to choose {seats} of {candidates} candidates; use "
        "--mechanism peeling"
    )


def one_seat(seats: int) -> UsageError:
    return UsageError(f"subset-exponential: expected at least 2 seats, got {seats}. For one seat, use permute-and-flip")


def no_seat(seats: int) -> UsageError:
    return UsageError(f"peeling: expected at least 1 seat, got {seats}")


def not_offered(mechanism: str, seats: int, candidates: int, offered: Sequence[str]) -> UsageError:
    return UsageError(
        f"mechanism: {mechanism} cannot be used to elect {seats} of {candidates} candidates; use {' or '.join(offered)}"
    )


# Why a mechanism was chosen.

AS_ASKED = "as asked"
CHEAPER = "it takes a quarter of what permute-and-flip takes from a ledger of the kind zcdp"
NEVER_WORSE = "on average, its winner is at least as good as that of exponential at the same epsilon"
TOO_MANY_SETS = "there are too many possible committees for subset-exponential"
NO_GAP = "without a gap between candidates, no mechanism is more likely to be right"


def sets_likelier(lead: str) -> str:
    return f"it is more likely than peeling to return the true committee {lead}"


def peeling_as_likely(lead: str) -> str:
    return f"it is at least as likely as subset-exponential to return the true committee {lead}"


def leading(gap: float, unit: str) -> str:
    return f"when the committee leads by {gap:g}{unit}"


# What a voter reads.
# there: whether the promise also hides who took part. voters: whether it is for voters, else it is for ballots.


def change(what: str, factor: str, *, there: bool, voters: bool) -> str:
    """what: what is published. factor: how much likelier one voter, or one ballot, can make it."""
    most = f"cannot make {what} more than {factor} times as likely"
    if not voters:
        return f"{'Adding or removing' if there else 'Changing'} one ballot {most}."
    if there:
        return f"One person alone {most} by voting or by staying away."
    return f"One voter alone {most} by voting differently."


def secret(*, there: bool, voters: bool) -> str:
    """What the promise hides."""
    if voters:
        return "how, or whether, you voted" if there else "how you voted"
    return "what any one ballot says, or whether it was cast" if there else "what any one ballot says"


def hidden(secret: str) -> str:
    return f"Nobody can tell from the result {secret}."


def mostly_hidden(secret: str) -> str:
    return f"The result says little about {secret}."


def weakly_hidden(secret: str) -> str:
    return f"This protection is weak: the result may show {secret}."


# How good a choice will be.


def race(candidates: int, seats: int) -> UsageError:
    return UsageError(
        f"seats: expected at least 2 candidates and fewer seats than candidates, got {candidates} candidates and "
        f"{seats} seats"
    )


def gap(found: float) -> UsageError:
    return UsageError(f"gap: expected a number of votes, 0 or more, got {found}")


def no_gap() -> UsageError:
    return UsageError(
        "gap: expected a number above 0. With a gap of 0 the best candidates tie, so that chance decides at any epsilon"
    )


def target(found: float) -> UsageError:
    return UsageError(f"target: expected a chance that is better than a random choice and below 1, got {found}")


def target_too_high(found: float) -> UsageError:
    return UsageError(f"target: {found} is so close to 1 that the program cannot compute with it; use a smaller number")


# Quantiles and thresholds.


def quantile(found: object) -> UsageError:
    return UsageError(f"quantile: expected a number from 0 to 1, got {found}")


def grid_not_rising() -> UsageError:
    return UsageError("quantile: expected a list of numbers (the grid), each larger than the one before")


def quantile_mechanism(known: Sequence[str], found: str) -> UsageError:
    return UsageError(f"quantile: expected {' or '.join(known)}, got {found}")


def answered() -> UsageError:
    return UsageError(
        "above-threshold: this run has given its one positive answer. Start another run, which costs epsilon again"
    )


def integer_sensitivity(found: Fraction) -> UsageError:
    return UsageError(f"above-threshold: expected an integer sensitivity, got {found}; scale the queries")


def integer_answer(found: str) -> InputError:
    """found: the type of the answer."""
    return InputError(f"above-threshold: expected an integer answer, got {found}; scale the queries")
