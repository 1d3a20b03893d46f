"""How much a list of releases adds up to, more tightly than by adding: to be shown, never to be charged.

The worst case of each (epsilon, delta) is composed numerically, as a privacy loss distribution, by the library
`dp-accounting` (Doroshenko et al. 2022, arXiv 2207.04380). It works in doubles, and errs towards too much. The result
holds for releases whose costs were fixed beforehand. A budget may not be spent by it: whoever chooses costs after
seeing results would need a filter (Rogers et al. 2016). So a ledger adds up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction

from dpselect import words
from dpselect.accounting import Cost, round_up

# Steps of the privacy loss: fine for few releases, and coarse enough for 10^5 of them.
_STEP = 1e-4
_MOST_STEPS = 10**6
# Kinds of costs beyond these take minutes.
_MOST_COSTS = 100


def tight_epsilon(costs: Iterable[Cost], delta: Fraction) -> Fraction | None:
    """The epsilon of (epsilon, delta)-DP that all these releases have together, rounded up to six decimals.

    Args:
        costs: of each release, in epsilon and delta.
        delta: above 0 and below 1.

    Returns:
        None where the deltas alone exceed `delta`, where the sum of the costs is as good, or where there are too many
        different costs.

    Raises:
        UsageError: `delta` is out of range, or `dp-accounting` is needed and not installed.
    """
    if not 0 < delta < 1:
        raise words.delta_range(delta)
    counts = {cost: times for cost, times in Counter(costs).items() if cost.amount or cost.delta}
    if len(counts) > _MOST_COSTS:
        return None  # before they are added up: denominators of old entries would grow with each of them
    simple = sum((cost.amount * times for cost, times in counts.items()), Fraction(0))
    if sum(counts.values()) < 2 and not any(cost.delta for cost in counts):
        return None
    if simple > 10**4:
        return None
    try:
        # Seconds to import, so only here.
        from dp_accounting.pld import common, privacy_loss_distribution
    except ImportError:
        raise words.no_accounting() from None

    step = max(_STEP, float(simple) / _MOST_STEPS)
    whole = privacy_loss_distribution.identity(value_discretization_interval=step)
    for cost, times in counts.items():
        parameters = common.DifferentialPrivacyParameters(float(cost.amount), float(cost.delta))
        one = privacy_loss_distribution.from_privacy_parameters(parameters, value_discretization_interval=step)
        whole = whole.compose(one.self_compose(times))
    epsilon = whole.get_epsilon_for_delta(float(delta))
    if not epsilon < float(simple):
        return None
    return round_up(max(0.0, float(epsilon)))
