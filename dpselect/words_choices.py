"""What people read about scores, winners, committees, quantiles and thresholds, and about how good a choice will be."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import SupportsFloat

from dpselect.words import counted, not_positive, of_type
from psiselect.base.errors import InputError, UsageError

# Scores.


def sensitivity(value: Fraction) -> UsageError:
    return not_positive("sensitivity", value)


def score_range(most: Fraction, value: Fraction) -> UsageError:
    return UsageError(
        "range_= (by how much one person can change the difference between two scores) must be above 0 and at most "
        f"{most}, not {value}. The limit is twice the sensitivity, or the sensitivity itself with monotone=True"
    )


def unknown_candidate(last: int) -> InputError:
    return InputError(f"a ballot has a number that belongs to no candidate. The candidates' numbers are 0 to {last}")


def no_candidate() -> InputError:
    return InputError("there are no scores. Give the score of at least one candidate")


def dimensions(found: int) -> InputError:
    return InputError(f"the scores must be a plain list of numbers, not an array with {found} dimensions")


def no_score(text: str) -> InputError:
    return InputError(f"{text!r} is not a number. Write a number such as 12, 1.5 or 1/3")


def truth_value(position: int) -> InputError:
    return InputError(f"item {position} of scores is True or False. It must be a number")


def score_type(position: int, found: str) -> InputError:
    return InputError(f"item {position} of scores is {of_type(found)}. It must be an int, a Fraction or a Decimal")


def not_finite(position: int, value: object) -> InputError:
    return InputError(f"item {position} of scores is {value}. It must be an ordinary number")


def too_many_digits(position: int) -> InputError:
    return InputError(
        f"item {position} of scores has too many digits. Round the scores to fewer digits, such as 6 decimal places"
    )


def binary_float(position: int, value: SupportsFloat) -> InputError:
    return InputError(
        f"item {position} of scores is a float ({value}). A float is often only close to the decimal number that "
        "people mean. Give an int, a Decimal or a Fraction. If you mean exactly this float, give "
        f"Fraction({float(value)})"
    )


def common_denominator() -> InputError:
    return InputError(
        "the scores have too many digits after the decimal point, or they are fractions with too many different "
        "denominators (such as 1/3, 1/7 and 1/11). Round the scores to fewer digits, such as 6 decimal places"
    )


def too_large() -> InputError:
    return InputError(
        "a score is too large, given how many decimal places the scores have. Round the scores to fewer decimal places"
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
    return UsageError("records= must have at least one possible record, and size= must be 1 or more")


def no_hypothesis() -> UsageError:
    return UsageError(
        "there are too many pairs of data sets to try all of them. Install the library 'hypothesis', and the "
        "program tries some of the pairs: pip install hypothesis. Or list fewer records in records=, or give a smaller "
        "size="
    )


# Exact probabilities.


def law_too_long() -> UsageError:
    return UsageError(
        "the exact probabilities would take too long to compute. Use fewer candidates, or scores that are closer "
        "together"
    )


def too_many_sets(most: int) -> UsageError:
    return UsageError(
        f"exact probabilities cannot be computed for more than {most:,} possible committees. Use fewer candidates or "
        "seats"
    )


# Winners and committees.


def seats(most: int, found: int) -> UsageError:
    return UsageError(f"the number of seats must be from 1 to {most:,} (the number of candidates), not {found}")


def too_few_candidates(candidates: int, seats: int) -> InputError:
    return InputError(
        f"there must be at least one candidate for each seat. Here, {counted(candidates, 'candidate')} cannot fill "
        f"{counted(seats, 'seat')}"
    )


def sets_not_sampled(seats: int, candidates: int) -> UsageError:
    return UsageError(
        f"there are too many ways to choose {seats:,} of {candidates:,} candidates, so the mechanism "
        "'subset-exponential' cannot be used. Use the mechanism 'peeling'"
    )


def one_seat(seats: int) -> UsageError:
    return UsageError(
        f"the mechanism 'subset-exponential' needs at least 2 seats, not {seats}. For one seat, use 'permute-and-flip'"
    )


def no_seat(seats: int) -> UsageError:
    return UsageError(f"the mechanism 'peeling' needs at least 1 seat, not {seats}")


def not_offered(mechanism: str, seats: int, candidates: int, offered: Sequence[str]) -> UsageError:
    return UsageError(
        f"the mechanism {mechanism!r} cannot elect {seats} of {candidates} candidates. Use "
        f"{' or '.join(map(repr, offered))}"
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
    most = f"changes the chance of {what} by a factor of at most {factor}."
    if voters:
        return f"Whether one person votes or stays away {most}" if there else f"How one person votes {most}"
    return f"Adding or removing one ballot {most}" if there else f"What one ballot says {most}"


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
        "there must be at least 2 candidates, and more candidates than seats. Here there "
        f"{'is' if candidates == 1 else 'are'} {counted(candidates, 'candidate')} for {counted(seats, 'seat')}"
    )


def gap(found: float) -> UsageError:
    return UsageError(f"the gap must be a number of votes, 0 or more, not {found}")


def no_gap() -> UsageError:
    return UsageError(
        "the gap must be above 0. With a gap of 0 the best candidates are equal, so the choice among them is random, "
        "however large epsilon is"
    )


def target(found: float) -> UsageError:
    return UsageError(f"the target must be below 1 and above the chance of a purely random choice, but it is {found}")


def target_too_high(found: float) -> UsageError:
    return UsageError(
        f"the target {found} is so close to 1 that the program cannot compute with it. Use a smaller number"
    )


# Quantiles and thresholds.


def quantile(found: object) -> UsageError:
    return UsageError(f"q must be a number from 0 to 1, such as 0.5 for the median, not {found}")


def grid_not_rising() -> UsageError:
    return UsageError(
        "grid= (the values that the quantile may take) must be a list of numbers, each larger than the one before"
    )


def quantile_mechanism(known: Sequence[str], found: str) -> UsageError:
    return UsageError(f"the mechanism of a quantile must be {' or '.join(map(repr, known))}, not {found!r}")


def answered() -> UsageError:
    return UsageError(
        "this run of above-threshold has already given its one positive answer. Start another run, which costs epsilon "
        "again"
    )


def integer_sensitivity(found: Fraction) -> UsageError:
    return UsageError(
        f"above-threshold needs a whole number as sensitivity, not {found}. Multiply all queries, the sensitivity and "
        "the threshold by the same number, so that the sensitivity becomes a whole number"
    )


def integer_answer(found: str) -> InputError:
    """found: the type of the answer."""
    return InputError(
        f"each query of above-threshold must have an int as its answer, not {of_type(found)}. Multiply all queries, "
        "the sensitivity and the threshold by the same number, so that the answers become whole numbers"
    )
