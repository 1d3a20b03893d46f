"""What a function of the parties' numbers is asked with, turned into terms; and what is refused, with the reason."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from dpselect.decimals import plain
from dpselect.privacy import NeighbouringRelation
from mpc import words
from mpc.fixedpoint import FixedPoint
from mpc.mpyc_bridge import prime
from mpc.noise import SharedNoise
from mpc.parties import PartyList
from mpc.terms import Function, MpcTerms
from mpc.winner import vote_noise

MAX_COMPARED = 4096
MAX_BITS = 128


@dataclass(frozen=True, slots=True)
class FunctionPlan:
    """Terms of a run and what they mean.

    labels: what the shared numbers stand for: candidates, or the parties that bid. bits: of the compared values, with
    sign. at_least: the threshold in units. noise: of a noisy winner, added by the computing parties.
    """

    terms: MpcTerms
    point: FixedPoint
    bits: int
    labels: tuple[str, ...] = ()
    at_least: int | None = None
    noise: SharedNoise | None = None


def plan_threshold(roster: PartyList, *, decimals: int, bound: Fraction, at_least: Fraction | None) -> FunctionPlan:
    """Whether the sum of all values is at least `at_least`; half the number of inputs when None. Raises UsageError,
    PolicyError."""
    require_majority(roster)
    point = _point(decimals, bound)
    inputs = len(roster.inputting)
    least = Fraction(inputs, 2) if at_least is None else at_least
    units = -(-least // point.unit)  # the least number of units that reaches it
    bits = _bits(inputs * point.largest + abs(units))
    terms = MpcTerms(Function.THRESHOLD, 1, prime(bits), plain(point.unit), plain(bound), at_least=plain(least))
    return FunctionPlan(terms, point, bits, at_least=units)


def plan_largest(
    function: Function,
    roster: PartyList,
    *,
    decimals: int,
    bound: Fraction,
    candidates: Sequence[str] | None = None,
    epsilon: Fraction | None = None,
    neighbors: NeighbouringRelation = NeighbouringRelation.REPLACE,
    colluding: int | None = None,
) -> FunctionPlan:
    """The largest of the parties' own numbers (max), which party or candidate has the largest total (argmax).

    Without candidates each party brings one number. With an epsilon the winner is noisy. Raises UsageError and
    PolicyError.
    """
    require_majority(roster)
    point = _point(decimals, bound)
    parties = [p.name for p in roster.inputting]
    labels = tuple(parties if candidates is None else candidates)
    if candidates is None and len(labels) < 2:
        raise words.one_bids()
    if not 2 <= len(labels) <= MAX_COMPARED:
        raise words.candidate_count(len(labels), MAX_COMPARED)
    if len(set(labels)) != len(labels):
        raise words.same_candidate()
    if candidates is not None and function is Function.MAX:
        raise words.max_of_candidates()
    reach = point.largest * (1 if candidates is None else len(parties))
    noise = None
    if epsilon is not None:
        noise = _vote_noise(roster, epsilon, neighbors, colluding, candidates, decimals)
        reach += noise.reach(len(labels))
    bits = _bits(2 * reach)
    digest = hashlib.sha256("\0".join(labels).encode()).hexdigest()
    terms = MpcTerms(
        function,
        len(labels),
        prime(bits),
        plain(point.unit),
        plain(bound),
        labels=digest,
        epsilon=None if epsilon is None else str(epsilon),
        neighbors=None if noise is None else neighbors.value,
        colluding=None if noise is None else noise.colluding,
    )
    return FunctionPlan(terms, point, bits, labels=labels, noise=noise)


def require_majority(roster: PartyList) -> None:
    """Raises PolicyError below three computing parties."""
    if len(roster.computing) < 3:
        raise words.no_majority(len(roster.computing))


def _vote_noise(
    roster: PartyList,
    epsilon: Fraction,
    neighbors: NeighbouringRelation,
    colluding: int | None,
    candidates: Sequence[str] | None,
    decimals: int,
) -> SharedNoise:
    if candidates is None or decimals:
        raise words.noise_of_a_vote_only()
    servers = len(roster.computing)
    most = (servers - 1) // 2
    chosen = most if colluding is None else colluding
    if not 1 <= chosen <= most:
        raise words.colluding_servers(chosen, most, servers)
    return vote_noise(epsilon, neighbors, servers, chosen)


def _point(decimals: int, bound: Fraction) -> FixedPoint:
    if not 0 <= decimals <= 18:
        raise words.decimals(decimals)
    if bound <= 0:
        raise words.bound(plain(bound))
    return FixedPoint(Fraction(1, 10**decimals), bound)


def _bits(reach: int) -> int:
    bits = reach.bit_length() + 2
    if bits > MAX_BITS:
        raise words.too_many_bits(bits, MAX_BITS)
    return bits
