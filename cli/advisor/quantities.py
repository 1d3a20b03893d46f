"""The table of printed quantities: name, formula, unit, when it is of interest, its value. A new one is one entry.

Sources: Dwork and Roth, *The Algorithmic Foundations of Differential Privacy*, for the Laplace and exponential
mechanisms and
composition; Warner 1965 and Wang et al. 2017 for responses; arXiv 2110.06559 for shared noise; the rest as in
`formulas.py`.
"""

from __future__ import annotations

import math

from cli.advisor import fast_protocol, formulas, sources
from cli.advisor.fields import COUNTS, ONE_BIT
from cli.advisor.predictions import DEMO_DELTA, P_YES, PHONES, Quantity, Setting, psi_cost, shared_items

Q = Quantity  # for the table


def _numeric(s: Setting) -> bool:
    return (s.t.summable or s.t.overlap_number) and s.t.bounded


def _per_unit(s: Setting) -> bool:
    return _numeric(s) and s.f.function in ("mean", "proportion")


def _whole(s: Setting) -> bool:
    return _numeric(s) and s.f.function in ("count", "sum", "intersection_size", "intersection_sum", *ONE_BIT)


def _cells(s: Setting) -> bool:
    return _numeric(s) and s.f.function == "histogram"


def _local(s: Setting) -> bool:
    return s.t.own_value and _numeric(s) and s.t.additive


def _local_bit(s: Setting) -> bool:
    return _local(s) and s.f.function in COUNTS


def _choice(s: Setting) -> bool:
    return s.t.selection or s.t.quantile


def _winner(s: Setting) -> bool:
    return s.t.selection


def _gap(s: Setting) -> bool:
    return s.f.function == "select_best" and s.f.score_gap is not None


def _parties(s: Setting) -> bool:
    return not s.t.one_holder and (s.t.additive or s.t.selection)


def _yes_or_no(s: Setting) -> bool:
    return s.f.function in COUNTS and not s.t.one_holder


def _lists(s: Setting) -> bool:
    return s.t.over_lists and not s.t.more_than_two


def _items(s: Setting) -> bool:
    return _lists(s) and s.t.elements


def _voters(s: Setting) -> int:
    return int(s.f.n_holders if s.t.own_value else s.f.need("n_units"))


def _sets(s: Setting, index: int, exponential: bool) -> float:
    law = formulas.exponential_sets if exponential else formulas.randomised_sets
    return law(shared_items(s.f), int(s.f.need("n_a")), s.n.epsilon)[index]


def _bytes_all_to_all(s: Setting) -> float:
    return formulas.sum_messages(s.f.n_holders) * 8 * int(s.f.output_dim)


def _shared(s: Setting) -> bool:
    return _parties(s) and _numeric(s) and not s.t.central


def _mpc_count(s: Setting) -> bool:
    return _shared(s) and s.f.function == "count" and s.n.epsilon_unit > 1 / 16


def _local_share(s: Setting) -> bool:
    return _local(s) and s.f.function in ("mean", "proportion")


def _local_cells(s: Setting) -> bool:
    return _local(s) and _cells(s)


def _list_sum(s: Setting) -> bool:
    return _lists(s) and s.f.function == "intersection_sum"


def _usable_count(s: Setting) -> float:
    return 10 * formulas.laplace_err95(1 / s.n.epsilon_unit)


# fmt: off
QUANTITIES: tuple[Q, ...] = (
    # Numbers with central noise.
    Q("laplace_scale", "c*sensitivity/eps (replace-one)", "output", _numeric, lambda s: s.n.scale),
    Q("laplace_mean_abs_error", "scale", "output", _numeric, lambda s: s.n.scale),
    Q("laplace_mean_err95", "(hi-lo)*c/(n*eps)*ln20", "output", _per_unit, lambda s: s.n.central_err95),
    Q("laplace_err95", "sensitivity*c/eps*ln20", "output", _whole, lambda s: s.n.central_err95),
    Q("histogram_err95_one_cell", "(2c/eps)*ln20", "units a cell", _cells, lambda s: s.n.central_err95),
    Q("histogram_err95_worst_cell", "(2c/eps)*ln(k/0.05)", "units a cell", _cells, lambda s: s.n.central_worst95),
    Q("release_error95 as the command states it", "least e with Pr[|discrete Laplace| > e] <= 0.05", "output",
      lambda s: _numeric(s) and s.f.function in ("count", "histogram"), lambda s: s.n.stated_err95),
    Q("tolerable_error", "tolerance, else 10 % of expected_value", "output",
      lambda s: _numeric(s) and s.n.stated_limit, lambda s: s.n.limit),
    Q("n_needed_central", "(hi-lo)*c*ln20/(eps*tolerance)", "units", _per_unit,
      lambda s: s.n.n * s.n.central_err95 / s.n.limit),
    Q("epsilon_needed_central", "sensitivity*c*ln20/tolerance, times T when shared", "nats",
      lambda s: _numeric(s) and s.n.limit > 0, lambda s: s.f.epsilon_total * s.n.central_err95 / s.n.limit),
    Q("usable_count", "c*ln20/0.1/eps: a smaller count is off by over 10 %", "units",
      lambda s: s.f.function in ("count", "histogram"), _usable_count),
    Q("releases_possible", "floor(tolerance*eps/(sensitivity*c*ln20))", "releases",
      lambda s: _numeric(s) and not s.f.unit_per_release,
      lambda s: math.floor(s.n.limit / (s.n.central_err95 / s.n.sharing) + 1e-9)),
    Q("epsilon_per_release", "eps/T", "nats", lambda s: s.f.releases > 1, lambda s: s.n.epsilon),
    Q("epsilon_after_all_releases", "T*eps", "nats",
      lambda s: s.f.releases > 1 and s.f.unit_per_release, lambda s: s.n.epsilon * s.f.releases),
    Q("epsilon_advanced_composition", "eps*sqrt(2T*ln(1/delta)) + T*eps*(e^eps - 1), delta as given or 1e-6", "nats",
      lambda s: s.f.releases > 1 and s.n.epsilon < 10,
      lambda s: formulas.advanced_composition(s.n.epsilon, s.f.releases, s.f.delta or DEMO_DELTA)),
    Q("clamp_noise_per_unit_of_C", "1/eps; best clamp C: about 1/eps units above it", "C",
      lambda s: s.f.bounded in ("no", "clampable") and s.f.function in ("sum", "mean", "intersection_sum"),
      lambda s: 1 / s.n.drawn),
    Q("unknown_key_threshold_replace", "1 + 2c*ln(c/(2*delta))/eps, delta as given or 1e-6", "units",
      lambda s: s.f.domain_known is False,
      lambda s: formulas.unknown_key_threshold(s.n.epsilon, s.f.delta or DEMO_DELTA, s.f.max_contrib, True)),
    Q("unknown_key_threshold_add_remove", "1 + c*ln(c/(2*delta))/eps, delta as given or 1e-6", "units",
      lambda s: s.f.domain_known is False,
      lambda s: formulas.unknown_key_threshold(s.n.epsilon, s.f.delta or DEMO_DELTA, s.f.max_contrib, False)),
    # Noise at the source.
    Q("rr_sd_max (sampling and noise together, upper bound)", "(e^eps+1)/(e^eps-1)/(2*sqrt(n))", "share", _local_bit,
      lambda s: sources.response_sd_max(s.n.epsilon_unit, s.n.n)),
    Q("rr_err95", "1.96*sd", "share", _local_bit,
      lambda s: formulas.Z95 * sources.response_sd_max(s.n.epsilon_unit, s.n.n)),
    Q("rr_sd_noise_alone", "e^(eps/2)/((e^eps-1)*sqrt(n))", "share", _local_bit,
      lambda s: sources.response_noise_sd(s.n.epsilon_unit, s.n.n)),
    Q("local_err95", "1.96*sd of the noise added at the source", "output", _local, lambda s: s.n.local_err95),
    Q("local_err95_worst_cell", "z(1-0.025/k)*sd of a cell", "units a cell", _local_cells, lambda s: s.n.local_worst95),
    Q("n_needed_local", "n*(local error/tolerance)^2", "units", _local_share,
      lambda s: s.n.n * (s.n.local_err95 / s.n.limit) ** 2),
    Q("unary_encoding_sd", "sqrt(4*e^eps/((e^eps-1)^2*n))", "share of a cell", _local_cells,
      lambda s: sources.unary_sd(s.n.epsilon_unit, s.n.n)),
    Q("kary_response_sd", "sqrt((d-2+e^eps)/((e^eps-1)^2*n)); better if d < 3*e^eps+2", "share of a cell",
      lambda s: _local_cells(s) and s.n.cells <= 1000,
      lambda s: sources.kary_sd(s.n.epsilon_unit, s.n.n, s.n.cells)),
    # Choices.
    Q("em_shortfall_95", "(2*du/eps)*ln(m/0.05)", "votes or ranks", _choice, lambda s: s.n.shortfall95),
    Q("em_gap_needed_95", "(2*du/eps)*ln((m-1)*19)", "votes", _winner, lambda s: s.n.gap_needed95),
    Q("pf_gap_needed_95", "the gap at which permute-and-flip reaches 0.95", "votes", _winner,
      lambda s: sources.pf_gap_needed95(s.n.candidates, s.n.exponent)),
    Q("em_P_correct (replace, all rivals at the gap)", "1/(1+(m-1)*exp(-eps*g/(2*du)))", "probability", _gap,
      lambda s: sources.em_winner(s.n.candidates, s.f.score_gap, s.n.exponent)),
    Q("pf_P_correct (replace, same case)", "(1-(1-p)^m)/(m*p), p=exp(-eps*g/(2*du))", "probability", _gap,
      lambda s: sources.pf_winner(s.n.candidates, s.f.score_gap, s.n.exponent)),
    Q("em_expected_loss (replace, same case)", "votes lost in that race, on average", "votes", _gap,
      lambda s: sources.em_loss(s.n.candidates, s.f.score_gap, s.n.exponent)),
    Q("pf_expected_loss (replace, same case)", "votes lost in that race, on average", "votes", _gap,
      lambda s: sources.pf_loss(s.n.candidates, s.f.score_gap, s.n.exponent)),
    Q("em_P_correct (add-remove, same case)", "1/(1+(m-1)*exp(-eps*g/du))", "probability", _gap,
      lambda s: sources.em_winner(s.n.candidates, s.f.score_gap, 2 * s.n.exponent)),
    Q("pf_P_correct (add-remove, same case)", "(1-(1-p)^m)/(m*p), p=exp(-eps*g/du)", "probability", _gap,
      lambda s: sources.pf_winner(s.n.candidates, s.f.score_gap, 2 * s.n.exponent)),
    # Several parties.
    Q("sum_share_messages_all_to_all", "2*n*(n-1)", "messages", _parties,
      lambda s: formulas.sum_messages(s.f.n_holders)),
    Q("sum_share_bytes_all_to_all", "2*n*(n-1)*k*8", "bytes", _parties, _bytes_all_to_all),
    Q("sum_share_bytes_two_servers", "s*(n+1)*k*8, s=2", "bytes", _parties,
      lambda s: 2 * (s.f.n_holders + 1) * s.f.output_dim * 8),
    Q("coalition_that_learns_the_last_input", "n-1", "parties", _parties, lambda s: s.f.n_holders - 1),
    Q("distributed noise err95 with all but one colluding (each adds a full Laplace share)",
      "95% quantile of |sum of n Laplace(sensitivity*c/eps)|", "output",
      _shared, lambda s: s.n.split_err95(s.n.noise_parties - 1)),
    Q("distributed noise err95 at the t chosen",
      "95% quantile of |Gamma(n/(n-t)) - Gamma(n/(n-t))| in units of the scale", "output",
      _shared, lambda s: s.n.shared_err95),
    Q("distributed noise err95 of the worst cell, at most", "Chernoff's bound, and the union bound over k cells",
      "units a cell", lambda s: _shared(s) and _cells(s), lambda s: s.n.shared_worst95),
    Q("mpc_error95 as the command states it", "discrete law of all shares at the t chosen", "output", _mpc_count,
      lambda s: sources.shared_noise_err95(s.n.noise_parties, s.n.colluding, s.n.epsilon_unit)),
    Q("distributed noise: colluding parties t chosen", "the most that the tolerance pays for, at least 1", "parties",
      _shared, lambda s: s.n.colluding),
    Q("P(unanimous) if each votes yes w.p. 0.95", "p^n+(1-p)^n", "probability", _yes_or_no,
      lambda s: formulas.unanimity(_voters(s), P_YES)),
    Q("P(lone dissenter) if each votes yes w.p. 0.95", "n*p^(n-1)*(1-p)+n*(1-p)^(n-1)*p", "probability", _yes_or_no,
      lambda s: formulas.lone_dissenter(_voters(s), P_YES)),
    # Two lists.
    Q("psi_scalar_mults_total", "learner 2*n_a, sender n_a+n_b", "multiplications", _lists,
      lambda s: psi_cost(s).multiplications),
    Q("psi_scalar_mults_total both learn", "two runs: 4*(n_a+n_b)", "multiplications", _lists,
      lambda s: psi_cost(s, both=True).multiplications),
    Q("psi_scalar_mults_total classic form", "2*(na+nb), for comparison", "multiplications", _lists,
      lambda s: 2 * (s.f.need("n_a") + s.f.need("n_b"))),
    Q("psi_bytes one side learns", "64*n_a + w*n_b, w=ceil((40+log2(n_a*n_b))/8)", "bytes", _lists,
      lambda s: psi_cost(s).bytes),
    Q("psi_bytes the other side learns", "64*n_b + w*n_a", "bytes", _lists,
      lambda s: psi_cost(s, swap=True).bytes),
    Q("psi_bytes both learn, 32-byte points", "both directions of 64*own + w*other", "bytes", _lists,
      lambda s: psi_cost(s, both=True).bytes),
    Q("psi_sum_extra_bytes", "24 bytes an item of the value side", "bytes", _list_sum,
      lambda s: 24 * s.f.need("n_b")),
    Q("psi_seconds one side learns", "multiplications at this machine's measured speed", "s", _lists,
      lambda s: psi_cost(s).seconds),
    Q("psi_seconds both learn", "multiplications at this machine's measured speed", "s", _lists,
      lambda s: psi_cost(s, both=True).seconds),
    Q("psi_bytes by the fast protocol, one side learns", "26.5*M + w*n_b + 18,729, M = 1.1*n_a + 256", "bytes",
      fast_protocol.applies, lambda s: fast_protocol.cost(s).bytes),
    Q("psi_seconds by the fast protocol, one side learns", "experimental, not reviewed; at this machine's speed", "s",
      fast_protocol.applies, lambda s: fast_protocol.cost(s).seconds),
    Q("dp_intersection_precision_rr",
      "m*p/(m*p+(n_a-m)*(1-p)), p=e^eps/(1+e^eps); m=expected_value or half", "expected share",
      _items, lambda s: _sets(s, 0, False)),
    Q("dp_intersection_recall_rr", "p=e^eps/(1+e^eps)", "expected share", _items, lambda s: _sets(s, 1, False)),
    Q("dp_intersection_precision_em",
      "as above, p=e^(eps/2)/(1+e^(eps/2)): mechanism over all subsets", "expected share",
      _items, lambda s: _sets(s, 0, True)),
    Q("dp_intersection_recall_em", "p=e^(eps/2)/(1+e^(eps/2))", "expected share", _items, lambda s: _sets(s, 1, True)),
    Q("dp_intersection_P_exact_em_log10", "n_a*log10(p)", "power of ten", _items, lambda s: _sets(s, 2, True)),
    Q("enumeration_core_days", "10^10 telephone numbers at this machine's speed", "core-days",
      lambda s: s.f.ids_enumerable and _lists(s),
      lambda s: PHONES * s.machine.seconds_to_hash / 86400),
)
# fmt: on
