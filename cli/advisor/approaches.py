"""The table of approaches: for each label its findings, of which the first that holds is the verdict.

The rules (`rules.py`) choose one approach. The table says of every approach whether it fits, and what decides. Both are
made of the same predicates, so that a condition has one meaning. Two conditions differ on purpose:

- `local_good` in the rules, `local_fits` here. Noise at the source may fit and still not be what to recommend to a few
  who could compute together.
- `exact_will_do` and `wants_exact` in the rules, `hiding_required` here. A task may demand an exact result that hides
  everybody. The rules then give the exact result, and the table says that it hides nobody.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from cli.advisor import formulas, predictions, sources
from cli.advisor.fields import BY_NAME
from cli.advisor.findings import Finding, Findings, Fit, Reason, Verdict, because, none, stated, zero
from cli.advisor.labels import L
from cli.advisor.predicates import Traits, Unless, holds, predicate
from cli.advisor.predictions import Setting
from cli.advisor.task import NeedToKnow
from cli.advisor.wording import count, number, percent
from cli.advisor.words import phrase, saying

T = Traits  # for the tables
FITS, GAP, NO = Fit.FITS, Fit.GAP, Fit.NO

ONE_HOLDER = Finding((T.one_holder,), NO, because("approaches.one-holder", "n_holders"), lambda s: 1)
UNBOUNDED = Finding((Unless(T.bounded),), NO, because("approaches.unbounded", "bounded"))
RAW_DATA = because("approaches.raw-data", "trusted_curator")


# Two lists, exactly.


def _list_cost(s: Setting, sums: bool = False) -> tuple[float | None, float | None]:
    try:
        cost = predictions.list_cost(s, sums=sums)
    except NeedToKnow:
        return None, None
    return cost.seconds, float(cost.bytes)


def _number_cost(s: Setting) -> tuple[float | None, float | None]:
    return _list_cost(s, sums=s.f.function == "intersection_sum")


def _two_lists_only(s: Setting) -> str:
    return phrase("approaches.two-lists-only", lists=count(s.f.n_holders), field=stated(s, "n_holders"))


# fmt: off
LISTS: Findings = (
    Finding((Unless(T.over_lists),), NO, because("approaches.not-lists", "function")),
    Finding((T.more_than_two,), NO, _two_lists_only, lambda s: s.f.n_holders),
    Finding((T.fuzzy,), NO, because("approaches.equality-only", "match")),
    Finding((T.joined,), NO, because("approaches.after-the-match", "function")),
    Finding((T.cheating,), NO, because("approaches.followed-by-both", "adversary")),
)
PSI: Findings = (
    *LISTS,
    Finding((T.hiding_required,), NO, because("approaches.items-hide-nobody", "output_privacy"), zero, zero),
    Finding((T.elements,), FITS, because("approaches.as-asked", "function"), none, zero, _list_cost),
    Finding((), GAP, saying("approaches.shows-the-items"), none, zero, _list_cost),
)
EXACT_NUMBER = because("approaches.number-hides-nobody", "output_privacy")
PSI_AGG: Findings = (
    *LISTS,
    Finding((T.elements,), NO, saying("approaches.not-which-items"), none, zero, _number_cost),
    Finding((T.hiding_required,), NO, EXACT_NUMBER, zero, zero, _number_cost),
    Finding((T.hides_output,), GAP, EXACT_NUMBER, zero, zero, _number_cost),
    Finding((), FITS, because("approaches.as-asked", "function"), none, zero, _number_cost),
)
# fmt: on


# Several parties, exactly.


def _sum_traffic(s: Setting) -> tuple[None, float]:
    return None, float(formulas.sum_messages(s.f.n_holders)) * 8 * s.f.output_dim


def _open_points(s: Setting) -> str:
    """Everything that speaks against an exact total without ruling it out."""
    return "; ".join(gap.reason(s) for gap in SUM_GAPS if holds(gap.when, s.t))


# fmt: off
EXACT_TOTAL = because("approaches.total-hides-nobody", "output_privacy")
SUM_GAPS: Findings = (
    Finding((T.hides_output,), GAP, EXACT_TOTAL),
    Finding((T.one_bit,), GAP, saying("approaches.shows-the-total")),
    Finding((T.winner_only,), GAP, saying("approaches.shows-every-total")),
    Finding((T.curator,), GAP, because("approaches.holder-suffices", "trusted_curator")),
)
MPC_SUM: Findings = (
    Finding((Unless(T.summable), Unless(T.selection)), NO, because("approaches.not-a-sum", "function")),
    ONE_HOLDER,
    Finding((T.two_alone,), NO, because("approaches.two-inputs", "n_holders"), lambda s: 2),
    Finding((T.cheating,), NO, because("approaches.unchecked", "adversary")),
    Finding((T.hiding_required,), NO, EXACT_TOTAL, zero, zero),
    *(Finding(gap.when, GAP, _open_points, none, zero, _sum_traffic) for gap in SUM_GAPS),
    Finding((), FITS, because("approaches.inputs-hidden", "exact"), none, zero, _sum_traffic),
)
MPC_THRESHOLD: Findings = (
    Finding((Unless(T.one_bit), Unless(T.additive), Unless(T.extreme), Unless(T.overlap_number)), NO,
            because("approaches.not-one-bit", "function")),
    ONE_HOLDER,
    Finding((T.hiding_required,), NO, because("approaches.result-hides-nobody", "output_privacy"), zero, zero),
    Finding((T.one_bit,), FITS, saying("approaches.one-bit")),
    Finding((), GAP, saying("approaches.yes-or-no")),
)
MPC_OTHER: Findings = (
    Finding((T.rows,), NO, saying("approaches.private-data")),
    Finding((T.individual,), NO, saying("approaches.private-data")),
    ONE_HOLDER,
    Finding((T.hiding_required,), NO,
            because("approaches.result-hides-nobody", "output_privacy"), zero, zero),
    Finding((T.compared_here,), FITS, saying("approaches.on-mpyc"), none, zero),
    Finding((), GAP, saying("approaches.in-general"), none, zero),
)
# fmt: on


# Noise on the items of two lists.


def _randomised(s: Setting) -> tuple[float, float]:
    return formulas.randomised_sets(predictions.shared_items(s.f), int(s.f.n_a), s.n.epsilon)


def _randomised_reason(s: Setting) -> str:
    precision, recall = map(percent, _randomised(s))
    return phrase("approaches.item-by-item", precision=precision, recall=recall, epsilon=number(s.n.epsilon))


def _subsets(s: Setting) -> tuple[float, float, float]:
    return formulas.exponential_sets(predictions.shared_items(s.f), int(s.f.n_a), s.n.epsilon)


def _subsets_reason(s: Setting) -> str:
    precision, recall, log10_exact = _subsets(s)
    right, found, epsilon = percent(precision), percent(recall), number(s.n.epsilon)
    if log10_exact < -3:
        power = math.floor(log10_exact)
        return phrase("approaches.subsets-odds", precision=right, recall=found, epsilon=epsilon, power=power)
    return phrase("approaches.subsets", precision=right, recall=found, epsilon=epsilon)


NO_SIZES = Finding((T.elements, Unless(T.sizes_known)), NO, saying("approaches.no-noisy-set"))
NOISY_ITEMS = (NO_SIZES, Finding((T.elements,), NO, _randomised_reason, lambda s: _randomised(s)[0]))
NOISY_SUBSETS = (NO_SIZES, Finding((T.elements,), NO, _subsets_reason, lambda s: _subsets(s)[0]))


# Noise on a number.

Error = Callable[[Setting], float]


def _central(s: Setting) -> float:
    return s.n.central_err95


def _local(s: Setting) -> float:
    return s.n.local_err95


def _shared(s: Setting) -> float:
    return s.n.shared_err95


# The worst cell's error beside that of one cell.
WORST: Mapping[Error, Error] = {
    _central: lambda s: s.n.central_worst95,
    _local: lambda s: s.n.local_worst95,
    _shared: lambda s: s.n.shared_worst95,
}


def _useless(error: Error) -> Reason:
    return lambda s: phrase(
        "approaches.too-noisy",
        error=_off(s, error),
        limit=number(s.n.limit),
        source=phrase(f"limits.{s.n.limit_source.value}"),
    )


def _off(s: Setting, error: Error) -> str:
    """An error in words. That of a histogram is one cell's; the worst cell's stands beside it."""
    if s.f.function != "histogram":
        return number(error(s))
    one, worst = number(error(s)), number(WORST[error](s))
    return phrase("approaches.in-cells", one=one, worst=worst, cells=count(s.n.cells))


def _forbidden(error: Error) -> Reason:
    return lambda s: phrase("approaches.noise-forbidden", error=_off(s, error), field=stated(s, "exact"))


def _within(error: Error) -> Reason:
    def reason(s: Setting) -> str:
        if s.n.stated_limit:
            return phrase("approaches.within", error=_off(s, error), limit=number(s.n.limit))
        return phrase("approaches.within-half", error=_off(s, error), limit=number(s.n.limit))

    return reason


def _needlessly(s: Setting) -> str:
    return phrase("approaches.within-by-holder", error=_off(s, _local), limit=number(s.n.limit))


def _needs_helpers(s: Setting) -> str:
    return phrase("approaches.needs-helpers", holders=count(s.f.n_holders))


def _tallies(s: Setting) -> str:
    return phrase("approaches.tallies", options=count(s.n.candidates), error=number(s.n.tallies_err95))


def _tallies_err95(s: Setting) -> float:
    return s.n.tallies_err95


def _ruled_out(fits: predicate, error: Error) -> Findings:
    """What rules out noise on a number: it is too much, or none is permitted."""
    return (
        Finding((Unless(fits),), NO, _useless(error), error, error),
        Finding((T.exact_required,), NO, _forbidden(error), error, error),
    )


# fmt: off
DP_LAPLACE: Findings = (
    *NOISY_ITEMS,
    Finding((T.training, T.central), GAP, saying("approaches.noisy-gradients")),
    Finding((T.selection, T.options_known, T.central, T.tallies_fit, Unless(T.exact_required)), GAP,
            _tallies, _tallies_err95, _tallies_err95),
    Finding((T.selection, T.options_known), NO, _tallies, _tallies_err95, _tallies_err95),
    Finding((Unless(T.summable), Unless(T.overlap_number)), NO, because("approaches.not-a-number", "function")),
    UNBOUNDED,
    *_ruled_out(T.central_fits, _central),
    Finding((Unless(T.central),), NO, RAW_DATA, none, _central),
    Finding((), FITS, _within(_central), _central, _central),
)
DP_LOCAL: Findings = (
    *NOISY_ITEMS,
    Finding((Unless(T.own_value),), NO, because("approaches.others-data", "each_holder_one_unit")),
    Finding((T.selects,), NO, saying("approaches.local-tally")),
    Finding((Unless(T.summable),), NO, because("approaches.not-a-share", "function")),
    UNBOUNDED,
    *_ruled_out(T.local_fits, _local),
    Finding((T.central,), GAP, _needlessly, _local, _local),
    Finding((), FITS, _within(_local), _local, _local),
)
# fmt: on


# Noise on a choice.


def _shortfall(s: Setting) -> float:
    return s.n.shortfall95


def _with_odds(choice: Reason) -> Reason:
    """The reason; for one winner with a known lead, the probability of finding it too."""

    def reason(s: Setting) -> str:
        if s.f.function != "select_best" or s.f.score_gap is None:
            return choice(s)
        race = s.n.candidates, s.f.score_gap, s.n.exponent
        least = percent(sources.em_winner(*race)).removeprefix("over ")  # permute-and-flip finds it at least as often
        return phrase("approaches.with-odds", choice=choice(s), em=least, gap=number(s.f.score_gap))

    return reason


def _far(s: Setting) -> str:
    error, stake = number(s.n.shortfall95), number(s.n.at_stake)
    return phrase("approaches.ranks-off" if s.t.quantile else "approaches.votes-below", error=error, stake=stake)


def _near(s: Setting) -> str:
    error = number(s.n.shortfall95)
    return phrase("approaches.near-in-ranks" if s.t.quantile else "approaches.near-in-votes", error=error)


# fmt: off
DRAW = _with_odds(because("approaches.draw-forbidden", "exact"))
DP_EXP: Findings = (
    *NOISY_SUBSETS,
    Finding((Unless(T.selects),), NO, because("approaches.not-a-choice", "function")),
    Finding((T.extreme,), NO, saying("approaches.no-extreme")),
    Finding((Unless(T.central_fits),), NO, _with_odds(_far), _shortfall, _shortfall),
    Finding((T.exact_required,), NO, DRAW, _shortfall, _shortfall),
    Finding((Unless(T.central),), NO, RAW_DATA, none, _shortfall),
    Finding((), FITS, _with_odds(_near), _shortfall, _shortfall),
)
CHOICE = _with_odds(saying("approaches.choice-together"))
MPC_DP: Findings = (
    *NOISY_ITEMS,
    Finding((T.training,), GAP, saying("approaches.federated")),
    Finding((T.joined, Unless(T.one_holder)), GAP, saying("approaches.joined-noise")),
    Finding((Unless(T.overlap_number), Unless(T.summable), Unless(T.selection), Unless(T.quantile)), NO,
            because("approaches.no-noisy-version", "function")),
    ONE_HOLDER,
    UNBOUNDED,
    Finding((T.selects, Unless(T.shared_fits)), NO, CHOICE, _shortfall, _shortfall),
    Finding((T.selects, T.exact_required), NO, CHOICE, _shortfall, _shortfall),
    Finding((T.selects,), FITS, CHOICE, _shortfall, _shortfall),
    *_ruled_out(T.shared_fits, _shared),
    Finding((Unless(T.reachable), Unless(T.overlap_number)), NO, _needs_helpers, lambda s: s.f.n_holders, _shared),
    Finding((), FITS, _within(_shared), _shared, _shared),
)

# Neither.

NO_PET: Findings = (
    Finding((T.inputs_public,), FITS, because("approaches.inputs-public", "data_public")),
    Finding((Unless(T.central),), NO, because("approaches.all-data", "trusted_curator")),
    Finding((T.hiding_required, Unless(T.exact_required)), NO,
            because("approaches.publishing-hides-nobody", "output_privacy"), zero, zero),
    Finding((T.hides_output,), GAP, saying("approaches.publish"), none, zero),
    Finding((), FITS, saying("approaches.publish"), none, zero),
)
# fmt: on

APPROACHES: Mapping[L, Findings] = {
    L.PSI: PSI,
    L.PSI_AGG: PSI_AGG,
    L.MPC_SUM: MPC_SUM,
    L.MPC_THRESHOLD: MPC_THRESHOLD,
    L.MPC_OTHER: MPC_OTHER,
    L.DP_LAPLACE: DP_LAPLACE,
    L.DP_EXP: DP_EXP,
    L.DP_LOCAL: DP_LOCAL,
    L.MPC_DP: MPC_DP,
    L.CHANGE_TASK: (Finding((), GAP, saying("approaches.changes-below")),),
    L.NO_PET: NO_PET,
}


def judge(setting: Setting) -> list[Verdict]:
    """Every label's verdict, best first; a label whose number cannot be computed says which field it lacks."""
    verdicts = []
    for label, findings in APPROACHES.items():
        try:
            finding = next(finding for finding in findings if holds(finding.when, setting.t))
            verdicts.append(finding.verdict(label, setting))
        except NeedToKnow as unknown:
            verdicts.append(Verdict(label, NO, phrase("approaches.not-without", field=BY_NAME[unknown.field].within)))
    return sorted(verdicts, key=lambda verdict: verdict.fit)
