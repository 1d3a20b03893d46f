"""Each printed quantity, worked by hand once from its formula: the numbers below come from no code of the advisor.

Throughout: e is epsilon of one release, c the records of a unit, T the releases, k the numbers, n the units. Neighbours
differ in one unit's data. Laplace noise of scale b exceeds t with probability exp(-t/b), so 95 % lie within b*ln 20.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from math import exp, expm1, log, log10, sqrt
from statistics import NormalDist
from typing import Any

import pytest
from support.advising import MACHINE

from cli.advisor.predicates import Traits
from cli.advisor.predictions import Setting, predict
from cli.advisor.quantities import QUANTITIES
from cli.advisor.task import Facts

Z = NormalDist().inv_cdf(0.975)


def root_of(falling: Callable[[float], float], level: float) -> float:
    """Where a falling function of t >= 0 crosses the level: bisection."""
    low, high = 0.0, 100.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > level else (low, middle)
    return low


def least_whole(epsilon: float, miss: float) -> int:
    """The least t with Pr[|discrete Laplace| > t] = 2 p^(t+1)/(1+p) at most `miss`, for p = exp(-epsilon)."""
    p = exp(-epsilon)
    return next(t for t in itertools.count() if 2 * p ** (t + 1) / (1 + p) <= miss)


def least_whole_of_two(epsilon: float) -> int:
    """The least t with Pr[|X + Y| > t] <= 0.05 for two independent discrete Laplace: their laws convolved."""
    p, reach = exp(-epsilon), 400
    law = {i: (1 - p) / (1 + p) * p ** abs(i) for i in range(-reach, reach + 1)}
    both = {t: sum(law[i] * law[t - i] for i in law if t - i in law) for t in range(60)}
    return next(t for t in range(60) if 1 - both[0] - 2 * sum(both[s] for s in range(1, t + 1)) <= 0.05)


def of(function: str, **fields: Any) -> dict[str, Any]:
    return {"function": function, "output_privacy": "required", **fields}


def within(value: float) -> dict[str, Any]:
    return {"kind": "abs", "value": value}


HOLDER = {"n_holders": 1, "trusted_curator": True}
# e = 2/4. A count moves by c*1 = 3: b = 3/(1/2) = 6.
COUNT = of("count", **HOLDER, n_units=1000, epsilon_total=2.0, releases=4, max_contrib=3, tolerance=within(60))
# e = 1/2, two numbers share it: 1/4 each. A mean moves by 10*c/n = 10*2/200: b = (1/10)/(1/4) = 2/5.
MEAN = of("mean", **HOLDER, n_units=200, bounds=[0, 10], epsilon_total=0.5, output_dim=2, max_contrib=2,
          tolerance=within(0.25))  # fmt: skip
# e = 1/2. One unit leaves a cell and enters another, with c = 2 records: b = 2*2/(1/2) = 8. Seven cells.
CELLS = of("histogram", **HOLDER, n_units=1000, epsilon_total=0.5, output_dim=7, max_contrib=2)
# e^e = 3, n = 400.
SHARE = of("proportion", n_holders=400, n_units=400, each_holder_one_unit=True, epsilon_total=log(3),
           tolerance=within(0.1))  # fmt: skip
LOCAL_CELLS = {**SHARE, "function": "histogram", "output_dim": 5, "tolerance": None}
# e = 1, sensitivity 1: the exponent of a score is 1/2. Twenty options, all rivals 4 behind: p = exp(-4/2).
VOTE = of("select_best", **HOLDER, n_units=500, n_candidates=20, epsilon_total=1.0, score_gap=4.0)
# e/3 for each of three seats. The stated sensitivity, 2, is of a unit with all its records: exponent (3/3)/(2*2) = 1/4.
SEATS = of("top_k", **HOLDER, n_units=500, n_candidates=20, epsilon_total=3.0, output_dim=3, score_sensitivity=2.0,
           max_contrib=2)  # fmt: skip
FIVE = of("sum", n_holders=5, n_units=5, each_holder_one_unit=True, bounds=[0, 1], output_dim=3, epsilon_total=1.0)
# Four parties, b = 1/(1/2) = 2. A tolerance of 5b pays for 2 colluders (4/(4-2) = 2 Laplace, 95 % within 4.7b at
# most), not for 3 (four Laplace: 5.7b).
FOUR = of("count", n_holders=4, n_units=400, epsilon_total=0.5, tolerance=within(10))
LISTS = of("intersection", n_holders=2, n_a=1000, n_b=3000, epsilon_total=2 * log(3), expected_value=400)
OPEN_KEYS = {**COUNT, "domain_known": False, "delta": 1e-5}


@dataclass(frozen=True)
class Hand:
    """A quantity, a task, its value by hand; `rel` where the code is allowed to be a little off."""

    quantity: str
    task: dict[str, Any]
    value: float
    rel: float = 1e-9


# fmt: off
HAND = (
    Hand("laplace_scale", COUNT, 6),
    Hand("laplace_scale", {**COUNT, "bounds": [0, 3]}, 18),  # up to three at each unit's every record
    Hand("laplace_scale", MEAN, 2 / 5, 1e-5),  # a grid of 10^6 steps
    Hand("laplace_scale", CELLS, 8),
    Hand("laplace_mean_abs_error", COUNT, 6),  # of Laplace noise: b
    Hand("laplace_mean_err95", MEAN, 2 / 5 * log(20), 1e-5),
    Hand("laplace_err95", COUNT, 6 * log(20)),
    Hand("histogram_err95_worst_cell", CELLS, 8 * log(7 / 0.05)),  # each of 7 misses with 0.05/7
    Hand("histogram_err95_one_cell", CELLS, 8 * log(20)),
    Hand("release_error95 as the command states it", COUNT, least_whole(1 / 6, 0.05)),
    Hand("release_error95 as the command states it", CELLS, least_whole(1 / 8, 0.05 / 7)),
    Hand("tolerable_error", COUNT, 60),
    Hand("tolerable_error", {**COUNT, "tolerance": None, "expected_value": 450}, 45),  # 10 %
    Hand("tolerable_error", {**COUNT, "tolerance": {"kind": "rel", "value": 0.02}, "expected_value": 450}, 9),
    # Without an expected value: of a middling count, half of 1000 units.
    Hand("tolerable_error", {**COUNT, "tolerance": {"kind": "rel", "value": 0.02}}, 10),
    Hand("n_needed_central", MEAN, 200 * 2 / 5 * log(20) / 0.25, 1e-5),  # the error falls as 1/n
    Hand("epsilon_needed_central", COUNT, 4 * 3 * log(20) / 60),  # T * c*ln(20)/tolerance
    Hand("usable_count", COUNT, 6 * log(20) / 0.1),
    Hand("releases_possible", COUNT, 13),  # 60*2/(3*ln 20) = 13.35
    Hand("epsilon_per_release", COUNT, 1 / 2),
    Hand("epsilon_per_release", {**COUNT, "unit_per_release": True}, 2),
    Hand("epsilon_after_all_releases", {**COUNT, "unit_per_release": True}, 8),
    Hand("epsilon_advanced_composition", COUNT, sqrt(2 * 4 * log(1e6)) / 2 + 4 * expm1(0.5) / 2),
    Hand("epsilon_advanced_composition", OPEN_KEYS, sqrt(2 * 4 * log(1e5)) / 2 + 4 * expm1(0.5) / 2),
    Hand("clamp_noise_per_unit_of_C", of("sum", **HOLDER, n_units=100, epsilon_total=0.25, bounded="clampable"), 4),
    # Pr[Laplace(b) > threshold - 1] = delta/c with b = 2c/e = 12 or c/e = 6: half of exp(-x/b) is delta/c = 1e-5/3.
    Hand("unknown_key_threshold_replace", OPEN_KEYS, 1 + 12 * log(3 / 2e-5)),
    Hand("unknown_key_threshold_add_remove", OPEN_KEYS, 1 + 6 * log(3 / 2e-5)),
    Hand("unknown_key_threshold_add_remove", {**OPEN_KEYS, "delta": None}, 1 + 6 * log(3 / 2e-6)),
    # A bit is kept with 3/4: the estimate (report - 1/4)/(1/2) has variance (3/16)/(1/4)/n = 3/4/400, and at a share of
    # one half with the sample 1/4/(1/4)/n = 1/400.
    Hand("rr_sd_max (sampling and noise together, upper bound)", SHARE, 1 / 20),
    Hand("rr_err95", SHARE, Z / 20),
    Hand("rr_sd_noise_alone", SHARE, sqrt(3) / 40),
    Hand("rr_sd_noise_alone", {**SHARE, "epsilon_total": 2 * log(3), "max_contrib": 2}, sqrt(3) / 40),
    Hand("local_err95", SHARE, Z * sqrt(3) / 40),
    Hand("local_err95", {**SHARE, "function": "count", "tolerance": None}, Z * sqrt(3) * 10),  # times 400
    Hand("local_err95", {**SHARE, "function": "mean", "bounds": [2, 12]}, Z * 10 / 20),  # width times a share's
    Hand("local_err95", {**SHARE, "function": "sum", "bounds": [2, 12]}, Z * 400 * 10 / 20),
    Hand("n_needed_local", SHARE, 400 * (Z * sqrt(3) / 40 / 0.1) ** 2),  # the error falls as 1/sqrt(n)
    # Sent: own bit 1/2, others 1/(1 + e^e) = 1/4. Variance of a rare cell: (3/16)/(1/2 - 1/4)^2/n = 3/400.
    Hand("unary_encoding_sd", LOCAL_CELLS, sqrt(3) / 20),
    # Sent: the truth with 3/7, each other of the 5 with 1/7. Variance: (1/7)(6/7)/(2/7)^2/n = (3/2)/400.
    # k-ary response at e^e = 3: of a cell that all are in, sqrt(3)/20 of the 400. Each of 5 misses with 0.05/5.
    Hand("local_err95_worst_cell", LOCAL_CELLS, 400 * sqrt(3) / 20 * NormalDist().inv_cdf(0.995)),
    Hand("kary_response_sd", LOCAL_CELLS, sqrt(3 / 2) / 20),
    Hand("em_shortfall_95", VOTE, 2 * log(20 / 0.05)),
    Hand("em_shortfall_95", SEATS, 4 * log(3 * 20 / 0.05)),  # a miss in each of three rounds
    Hand("em_shortfall_95", of("quantile", **HOLDER, n_units=900, epsilon_total=1.0), 2 * log(1000 / 0.05)),
    Hand("em_gap_needed_95", VOTE, 2 * log(19 * 19)),  # 1/(1 + 19x) = 0.95 for x = 1/(19*19)
    # Two options: permute-and-flip errs with p/2, which is 0.05 for p = exp(-gap/2) = 1/10.
    Hand("pf_gap_needed_95", {**VOTE, "n_candidates": 2}, 2 * log(10)),
    Hand("em_P_correct (replace, all rivals at the gap)", VOTE, 1 / (1 + 19 * exp(-2))),
    Hand("pf_P_correct (replace, same case)", VOTE, (1 - (1 - exp(-2)) ** 20) / (20 * exp(-2))),
    Hand("em_expected_loss (replace, same case)", VOTE, 4 * 19 * exp(-2) / (1 + 19 * exp(-2))),
    Hand("pf_expected_loss (replace, same case)", VOTE, 4 * (1 - (1 - (1 - exp(-2)) ** 20) / (20 * exp(-2)))),
    Hand("em_P_correct (add-remove, same case)", VOTE, 1 / (1 + 19 * exp(-4))),
    Hand("pf_P_correct (add-remove, same case)", VOTE, (1 - (1 - exp(-4)) ** 20) / (20 * exp(-4))),
    Hand("sum_share_messages_all_to_all", FIVE, 40),  # two rounds, each of 5 to 4 others
    Hand("sum_share_bytes_all_to_all", FIVE, 40 * 3 * 8),
    Hand("sum_share_bytes_two_servers", FIVE, 2 * (5 + 1) * 3 * 8),  # each server: 5 shares in, one sum out
    Hand("coalition_that_learns_the_last_input", FIVE, 4),
    # Sum of three Laplace: density (3 + 3x + x^2)e^-x/16, so beyond t on both sides e^-t (8 + 5t + t^2)/8.
    Hand("distributed noise err95 with all but one colluding (each adds a full Laplace share)",
         {**FOUR, "n_holders": 3}, 2 * root_of(lambda t: exp(-t) * (8 + 5 * t + t * t) / 8, 0.05), 0.01),
    # Sum of two: density (1 + x)e^-x/4, so beyond t on both sides e^-t (1 + t/2).
    Hand("distributed noise err95 at the t chosen", FOUR, 2 * root_of(lambda t: exp(-t) * (1 + t / 2), 0.05), 0.01),
    # E e^(l X) = (1 - l^2)^-2 for the sum of two, so Pr[|X| > t] <= 2 e^(-l t) (1 - l^2)^-2; seven cells share 0.05.
    Hand("distributed noise err95 of the worst cell, at most",
         {**FOUR, "function": "histogram", "output_dim": 7, "tolerance": within(20)},
         4 * root_of(lambda t: 14 * min(exp(-k * t / 1000) / (1 - (k / 1000) ** 2) ** 2 for k in range(1000)), 0.05),
         0.001),
    Hand("mpc_error95 as the command states it", FOUR, least_whole_of_two(0.5)),
    Hand("distributed noise: colluding parties t chosen", FOUR, 2),
    Hand("distributed noise: colluding parties t chosen", {**FOUR, "tolerance": within(100)}, 3),  # never all four
    Hand("distributed noise: colluding parties t chosen", {**FOUR, "tolerance": within(1)}, 1),  # at least one
    Hand("P(unanimous) if each votes yes w.p. 0.95", FOUR, 0.95**400 + 0.05**400),
    Hand("P(unanimous) if each votes yes w.p. 0.95", {**FIVE, "function": "all_agree"}, 0.95**5 + 0.05**5),
    Hand("P(lone dissenter) if each votes yes w.p. 0.95", {**FIVE, "function": "all_agree"},
         5 * 0.05 * 0.95**4 + 5 * 0.95 * 0.05**4),
    Hand("psi_scalar_mults_total", LISTS, 2 * 1000 + 1000 + 3000),
    Hand("psi_scalar_mults_total both learn", LISTS, 6000 + 2 * 3000 + 3000 + 1000),
    Hand("psi_scalar_mults_total classic form", LISTS, 8000),
    # A tag: 40 + log2(3*10^6) = 61.5 bits, so 8 bytes.
    Hand("psi_bytes one side learns", LISTS, 64 * 1000 + 8 * 3000),
    Hand("psi_bytes the other side learns", LISTS, 64 * 3000 + 8 * 1000),
    Hand("psi_bytes both learn, 32-byte points", LISTS, 88_000 + 200_000),
    Hand("psi_sum_extra_bytes", {**LISTS, "function": "intersection_sum"}, 24 * 3000),
    # Two cores, 20 us a multiplication, 1 us to hash, 1 us to handle. The busier side is the sender:
    # (4000*20 + 3000*1)/2 + 3000*1 = 44,500 us. Where the other list's side learns, it is the receiver:
    # (6000*20 + 3000*1)/2 + 3000*1 = 64,500 us.
    Hand("psi_seconds one side learns", LISTS, 0.0445),
    Hand("psi_seconds both learn", LISTS, 0.0445 + 0.0645),
    # 22*64 slots. Receiver: 212*32 bytes for seeds, 5,088 + 32 for trees, 1, and 26.5 each slot; sender: seeds, tags of
    # 8 bytes. Eight frames with a header of 5 bytes each.
    Hand("psi_bytes by the fast protocol, one side learns", LISTS,
         2 * 212 * 32 + 5120 + 1 + 26.5 * 1408 + 8 * 3000 + 8 * 5),
    # 20 ms, 1 + 4 us for each of the 1,000 items and 2 + 3 us for each of the 3,000.
    Hand("psi_seconds by the fast protocol, one side learns", LISTS, 0.02 + 0.005 + 0.015),
    # e^e = 9: a bit is kept with 9/10. 360 of 400 are reported, and 60 of the 600 others.
    Hand("dp_intersection_precision_rr", LISTS, 360 / 420),
    Hand("dp_intersection_precision_rr", {**LISTS, "expected_value": None}, 450 / 500),  # half of the shorter list
    Hand("dp_intersection_recall_rr", LISTS, 9 / 10),
    # e^(e/2) = 3: with 3/4. 300 of 400, and 150 of 600.
    Hand("dp_intersection_precision_em", LISTS, 300 / 450),
    Hand("dp_intersection_recall_em", LISTS, 3 / 4),
    Hand("dp_intersection_P_exact_em_log10", LISTS, 1000 * log10(0.75)),
    Hand("enumeration_core_days", {**LISTS, "ids_enumerable": True}, 1e10 * 21e-6 / 86400),
)
# fmt: on


@pytest.mark.parametrize("hand", HAND, ids=lambda hand: hand.quantity)
def test_the_printed_value_is_the_one_by_hand(hand: Hand) -> None:
    found = predict(Setting(Traits(Facts(hand.task, asking=frozenset())), MACHINE), QUANTITIES)
    assert {p.quantity: p.value for p in found}[hand.quantity] == pytest.approx(hand.value, rel=hand.rel)


def test_every_printed_quantity_is_worked_by_hand() -> None:
    assert {hand.quantity for hand in HAND} == {quantity.name for quantity in QUANTITIES}
