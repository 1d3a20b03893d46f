"""Approval elections: the private winner or committee, and, apart from it, the exact tally."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Context, Decimal
from fractions import Fraction

from dpselect import words_choices
from dpselect.ballots.model import Election
from dpselect.committee import CommitteeSelection
from dpselect.planning import Measurement
from dpselect.privacy import NeighbouringRelation
from psiselect.base.entropy import Entropy, SystemEntropy

_STRONG, _WEAK = Fraction(1), Fraction(5)  # the words that `vote plan --voters` has for them: usual, weak


def elect(profile: Election, measurement: Measurement, entropy: Entropy | None = None) -> tuple[str, ...]:
    """Draw the winner, or the committee in the order of names.

    The draw costs the measurement's epsilon, so charge a ledger first. Candidates that tie are equally likely. Without
    ballots all candidates tie.

    Args:
        profile: the candidates, and how many ballots approve each.
        measurement: the mechanism with its guarantee.
        entropy: the source of random bits; None for the system's.
    """
    tally, source = profile.tally(), entropy or SystemEntropy()
    if isinstance(measurement, CommitteeSelection):
        chosen = measurement.release(tally, source)
    else:
        chosen = (measurement.release(tally, source),)
    return tuple(sorted(profile.candidates[index] for index in chosen))


def guarantee(
    epsilon: Fraction, neighbors: NeighbouringRelation, *, by_voter: bool = True, what: str = "this result"
) -> str:
    """The guarantee of one release, in two sentences for voters.

    The second sentence follows epsilon: up to 1 it says that nobody can tell, from 5 that the protection is weak.

    Args:
        epsilon: the cost of what is published.
        neighbors: what one voter can change.
        by_voter: whether at most one ballot of each voter was counted, by their ids; else the promise is for a ballot.
        what: what is published.
    """
    there = neighbors is NeighbouringRelation.ADD_REMOVE
    change = words_choices.change(what, factor_text(epsilon), there=there, voters=by_voter)
    secret = words_choices.secret(there=there, voters=by_voter)
    if epsilon <= _STRONG:
        return f"{change} {words_choices.hidden(secret)}"
    if epsilon < _WEAK:
        return f"{change} {words_choices.mostly_hidden(secret)}"
    return f"{change} {words_choices.weakly_hidden(secret)}"


def epsilon_text(epsilon: Fraction) -> str:
    """As a decimal where that is exact and short, else as a fraction."""
    decimal = Decimal(epsilon.numerator) / Decimal(epsilon.denominator)
    return f"{decimal:f}" if Fraction(decimal) == epsilon and len(f"{decimal:f}") <= 12 else str(epsilon)


def factor_text(epsilon: Fraction) -> str:
    """e^epsilon, rounded up: three digits, and two of what it is above 1."""
    if epsilon > 20:
        return f"e^{epsilon_text(epsilon)}"
    # Far more digits than are shown, then up.
    precise = (Decimal(epsilon.numerator) / Decimal(epsilon.denominator)).exp(Context(prec=40))
    digits = max(0, 2 - precise.adjusted(), 1 - (precise - 1).adjusted())
    return str(precise.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_CEILING))


@dataclass(frozen=True, slots=True)
class Tally:
    """The exact count, which is private.

    Attributes:
        counts: approvals of each candidate, the most first.
        voters: the number of ballots.
        winners: all candidates with at least the count of the last seat. Where the last ones tie, they are more than
            the seats.
        tied: the winners that tie for the last seats; empty where there is a seat for each winner.
    """

    counts: dict[str, int]  # by falling count, then name
    voters: int
    winners: tuple[str, ...]
    tied: tuple[str, ...]


def not_private_tally(profile: Election, seats: int = 1) -> Tally:
    """Count without any privacy. Raises UsageError when there are not as many candidates as seats."""
    if not 1 <= seats <= len(profile.candidates):
        raise words_choices.seats(len(profile.candidates), seats)
    found = dict(zip(profile.candidates, profile.tally().tolist(), strict=True))
    counts = {name: found[name] for name in sorted(found, key=lambda name: (-found[name], name))}
    last = list(counts.values())[seats - 1]
    winners = tuple(name for name, count in counts.items() if count >= last)
    tied = tuple(name for name in winners if counts[name] == last) if len(winners) > seats else ()
    return Tally(counts, profile.voters, winners, tied)
