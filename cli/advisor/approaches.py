"""Every approach judged for one task: does it fit, what is left open, which number kills it.

One judge a label; the table, `alternatives` and `rejected` of the answer are made from these verdicts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from cli.advisor import formulas, predictions, sources
from cli.advisor.fields import ADDITIVE, COUNTS, ELEMENTS, INTERSECTIONS, ONE_BIT, SELECTIONS
from cli.advisor.labels import Label
from cli.advisor.predictions import Setting
from cli.advisor.printed_commands import implemented
from cli.advisor.task import NeedToKnow
from cli.advisor.wording import number, percent
from cli.advisor.words import phrase


class Fit(IntEnum):
    """Ranks: better first."""

    FITS = 0
    GAP = 1
    NO = 2


@dataclass(frozen=True)
class Verdict:
    """One line of the table. `number` is what decided, None where no number is involved."""

    label: Label
    fit: Fit
    reason: str
    number: float | None = None
    err95: float | None = None
    seconds: float | None = None
    bytes: float | None = None

    @property
    def recipients(self) -> str:
        """What those who get the result learn."""
        return self.label.recipients

    @property
    def party(self) -> str:
        """What each party learns besides."""
        return self.label.party


def _no(label: Label, reason: str, value: float | None = None, err95: float | None = None) -> Verdict:
    return Verdict(label, Fit.NO, reason, value, err95)


def _psi_pair(s: Setting, label: Label, fits: bool, over: str, under: str) -> Verdict:
    f = s.f
    if f.function not in INTERSECTIONS:
        return _no(label, f"not about items of two lists [function={f.function}]")
    if f.n_holders > 2:
        return _no(label, f"for two lists, here are {f.n_holders:,} [n_holders={f.n_holders}]", f.n_holders)
    if f.match == "fuzzy":
        return _no(
            label, "compares for equality only [match=fuzzy]; normalise and use several exact keys, then it fits"
        )
    if f.function == "intersection_join_stats":
        return _no(label, "joined statistics need a computation after the match [function=intersection_join_stats]")
    if f.adversary == "malicious":
        return _no(label, "the shipped protocol assumes that both follow it [adversary=malicious]")
    seconds = size = None
    try:
        cost = predictions.list_cost(s, sums=label is Label.PSI_AGG and f.function == "intersection_sum")
        seconds, size = cost.seconds, float(cost.bytes)
    except NeedToKnow:
        pass
    if fits:
        if f.hides_output and label is Label.PSI_AGG:
            fit = Fit.NO if f.output_privacy == "required" else Fit.GAP
            return Verdict(
                label, fit, f"an exact number hides nobody [output_privacy={f.output_privacy}]", 0, 0, seconds, size
            )
        return Verdict(label, Fit.FITS, f"exact, shows what is asked [function={f.function}]", None, 0, seconds, size)
    return Verdict(label, Fit.NO if under else Fit.GAP, over or under, None, 0, seconds, size)


def _psi(s: Setting) -> Verdict:
    over = "would show the items where only a number is asked"
    return _psi_pair(s, Label.PSI, s.f.function in ELEMENTS, over, "")


def _psi_agg(s: Setting) -> Verdict:
    aggregate = s.f.function in ("intersection_size", "intersection_sum")
    return _psi_pair(s, Label.PSI_AGG, aggregate, "", "a count does not say which items are common")


def _alone(s: Setting, label: Label) -> Verdict | None:
    if s.f.n_holders == 1:
        return _no(label, "one holder: there is nobody to hide inputs from [n_holders=1]", 1)
    return None


def _mpc_sum(s: Setting) -> Verdict:
    f, label = s.f, Label.MPC_SUM
    if f.function not in (*ADDITIVE, *SELECTIONS, *ONE_BIT):
        return _no(label, f"not a sum [function={f.function}]")
    alone = _alone(s, label)
    if alone:
        return alone
    if f.n_holders == 2 and (f.participants_see or f.each_holder_one_unit):
        return _no(label, "with two, the sum minus one's own input is the other's [n_holders=2]", 2)
    if f.adversary == "malicious":
        return _no(label, "nothing checks the inputs or the arithmetic [adversary=malicious]")
    if f.output_privacy == "required":
        return _no(label, "the exact total hides nobody from those who know the rest [output_privacy=required]", 0, 0)
    size = float(formulas.sum_messages(f.n_holders)) * 8 * f.output_dim
    gaps = [
        (
            f.output_privacy == "desired",
            "the exact total hides nobody from those who know the rest [output_privacy=desired]",
        ),
        (f.function in ONE_BIT, "shows the total where one bit is asked"),
        (f.function in SELECTIONS and f.output_dim == 1, "shows every option's total where only the winner is asked"),
        (bool(f.trusted_curator), "a trusted holder makes it unnecessary [trusted_curator=true]"),
    ]
    open_points = "; ".join(text for holds, text in gaps if holds)
    if open_points:
        return Verdict(label, Fit.GAP, open_points, None, 0, None, size)
    return Verdict(label, Fit.FITS, f"exact, inputs stay hidden [exact={f.exact}]", None, 0, None, size)


def _mpc_threshold(s: Setting) -> Verdict:
    f, label = s.f, Label.MPC_THRESHOLD
    if f.function in ONE_BIT:
        return _alone(s, label) or Verdict(label, Fit.FITS, "one bit, computed together, nothing else shown")
    if f.function in (*ADDITIVE, "extreme", "intersection_size", "intersection_sum"):
        return _alone(s, label) or Verdict(label, Fit.GAP, "would answer yes or no instead of the number")
    return _no(label, f"one bit does not answer this [function={f.function}]")


def _mpc_other(s: Setting) -> Verdict:
    f, label = s.f, Label.MPC_OTHER
    if f.function in ("row_release", "individual_record"):
        return _no(label, "the output is the private data itself")
    alone = _alone(s, label)
    if alone:
        return alone
    if f.output_privacy == "required" and f.function not in ("training", "auction", "inference", "custom"):
        return _no(label, "an exact result hides nobody [output_privacy=required]", 0, 0)
    if implemented(f, label):
        return Verdict(
            label, Fit.FITS, "exact, on MPyC with at least three computing parties, most of them honest", None, 0
        )
    return Verdict(
        label, Fit.GAP, "possible in general; not shipped here, and its cost varies by orders of magnitude", None, 0
    )


def _noise_on_lists(s: Setting, label: Label) -> Verdict:
    if s.f.n_a is None or s.f.n_b is None:
        return _no(label, "no good private approximation of a set of items exists")
    shared, own, eps = predictions.shared_items(s.f), int(s.f.n_a), s.n.epsilon
    if label is Label.DP_EXP:
        precision, recall, log10_exact = formulas.exponential_sets(shared, own, eps)
        chance = f"; the right set with probability 10^{math.floor(log10_exact)}" if log10_exact < -3 else ""
        how = f"exponential mechanism over all subsets{chance}"
    else:
        precision, recall = formulas.randomised_sets(shared, own, eps)
        how = "the best randomised answer item by item, the kindest case"
    reason = f"expected precision {percent(precision)}, recall {percent(recall)} at epsilon {number(eps)}: {how}"
    return _no(label, reason, precision)


def _dp_number(s: Setting, label: Label, err95: float) -> Verdict:
    """Shared by the three ways to add noise to a number."""
    if not s.n.fits(err95):
        source = phrase(f"limits.{s.n.limit_source.value}")
        return _no(
            label,
            f"off by {number(err95)} at 95 %, tolerable {number(s.n.limit)} [{source}]",
            err95,
            err95,
        )
    if s.f.exact == "required":
        return _no(label, f"noise of {number(err95)} where none is permitted [exact=required]", err95, err95)
    return Verdict(label, Fit.FITS, f"off by {number(err95)} at 95 %, within {number(s.n.limit)}", err95, err95)


def _numeric(s: Setting) -> bool:
    return s.f.function in (*ADDITIVE, *COUNTS)


def _dp_laplace(s: Setting) -> Verdict:
    f, label = s.f, Label.DP_LAPLACE
    if f.function in ELEMENTS:
        return _noise_on_lists(s, label)
    if f.function == "training" and f.central:
        return Verdict(label, Fit.GAP, "noise on clipped gradients (DP-SGD); not shipped here")
    if f.function in SELECTIONS and f.n_candidates:
        return _tallies(s, label)
    if not _numeric(s) and f.function not in ("intersection_size", "intersection_sum"):
        return _no(label, f"not a number of low sensitivity [function={f.function}]")
    if not s.n.bounded:
        return _no(label, "one unit can change it without limit [bounded=no]", None)
    verdict = _dp_number(s, label, s.n.central_err95)
    if not f.central and verdict.fit is Fit.FITS:
        return _no(label, "nobody may see the raw data [trusted_curator=false]", None, verdict.err95)
    return verdict


def _tallies(s: Setting, label: Label) -> Verdict:
    """A noisy tally and its largest cell: each ballot may touch every option."""
    error = formulas.cells_err95(1 / (2 * s.n.exponent) * s.n.candidates, s.n.candidates)
    reason = (
        f"each of {s.n.candidates:,} totals off by up to {number(error)}; drawing the winner alone needs less noise"
    )
    fit = Fit.GAP if s.f.central and error <= s.n.at_stake and s.f.exact != "required" else Fit.NO
    return Verdict(label, fit, reason, error, error)


def _dp_exp(s: Setting) -> Verdict:
    f, label = s.f, Label.DP_EXP
    if f.function in ELEMENTS:
        return _noise_on_lists(s, label)
    if not s.n.selects:
        return _no(label, f"for choices and quantiles [function={f.function}]")
    if f.function == "extreme":
        return _no(label, "the extreme itself cannot be had; a high quantile can (see the changes)")
    shortfall = s.n.shortfall95
    unit = "ranks" if f.function == "quantile" else "votes"
    if shortfall > s.n.at_stake:
        return _no(
            label,
            _chance(s, f"up to {number(shortfall)} {unit} below the best, at stake {number(s.n.at_stake)}"),
            shortfall,
            shortfall,
        )
    if f.exact == "required":
        return _no(label, _chance(s, "a draw by lot, where none is permitted [exact=required]"), shortfall, shortfall)
    if not f.central:
        return _no(label, "nobody may see the raw data [trusted_curator=false]", None, shortfall)
    return Verdict(
        label,
        Fit.FITS,
        _chance(s, f"at most {number(shortfall)} {unit} below the best, 19 times in 20"),
        shortfall,
        shortfall,
    )


def _chance(s: Setting, text: str) -> str:
    if s.f.function != "select_best" or s.f.score_gap is None:
        return text
    em = sources.em_winner(s.n.candidates, s.f.score_gap, s.n.exponent)
    pf = sources.pf_winner(s.n.candidates, s.f.score_gap, s.n.exponent)
    return (
        f"{text}; the true winner with probability {percent(em)} (permute-and-flip {percent(pf)}) at a gap of "
        f"{number(s.f.score_gap)}"
    )


def _dp_local(s: Setting) -> Verdict:
    f, label = s.f, Label.DP_LOCAL
    if f.function in ELEMENTS:
        return _noise_on_lists(s, label)
    if not f.each_holder_one_unit:
        return _no(
            label, "the holders have other people's data, not one answer of their own [each_holder_one_unit=false]"
        )
    if s.n.selects:
        return _no(label, "a local tally of a vote is off by more than votes are apart at these sizes")
    if not _numeric(s):
        return _no(label, f"not a share or a mean [function={f.function}]")
    if not s.n.bounded:
        return _no(label, "one unit can change it without limit [bounded=no]")
    verdict = _dp_number(s, label, s.n.local_err95)
    if verdict.fit is Fit.FITS and f.central:
        return Verdict(
            label, Fit.GAP, f"{verdict.reason}; a trusted holder needs far less noise", verdict.number, verdict.err95
        )
    return verdict


def _mpc_dp(s: Setting) -> Verdict:
    f, label = s.f, Label.MPC_DP
    if f.function in ELEMENTS:
        return _noise_on_lists(s, label)
    if f.function == "training":
        return Verdict(label, Fit.GAP, "federated learning with secure aggregation and noise; not shipped here")
    listed = f.function in ("intersection_size", "intersection_sum")
    if not listed and not _numeric(s) and f.function not in (*SELECTIONS, "quantile"):
        return _no(label, f"no useful noisy version of this [function={f.function}]")
    alone = _alone(s, label)
    if alone:
        return alone
    if not s.n.bounded:
        return _no(label, "one unit can change it without limit [bounded=no]")
    if s.n.selects:
        verdict = _dp_exp(s)
        central = verdict.fit is Fit.NO and verdict.number is None
        return Verdict(
            label,
            Fit.FITS if central else verdict.fit,
            _chance(s, "a private choice without a trusted holder"),
            verdict.err95,
            verdict.err95,
        )
    verdict = _dp_number(s, label, s.n.shared_err95)
    if (
        verdict.fit is Fit.FITS
        and not listed
        and f.each_holder_one_unit
        and not f.helper_servers
        and f.n_holders > 1000
    ):
        return _no(label, f"{f.n_holders:,} holders need helper servers [helper_servers]", f.n_holders, verdict.err95)
    return verdict


def _change_task(s: Setting) -> Verdict:
    return Verdict(Label.CHANGE_TASK, Fit.GAP, "see the changes below")


def _no_pet(s: Setting) -> Verdict:
    f, label = s.f, Label.NO_PET
    if f.data_public:
        return Verdict(label, Fit.FITS, "the inputs are public [data_public=true]")
    if not f.central:
        return _no(label, "nobody may see all the data [trusted_curator=false]")
    if f.output_privacy == "required" and f.exact != "required":
        return _no(label, "the exact result hides nobody [output_privacy=required]", 0, 0)
    return Verdict(label, Fit.GAP if f.hides_output else Fit.FITS, "publish the exact result", None, 0)


JUDGES: Mapping[Label, Callable[[Setting], Verdict]] = {
    Label.PSI: _psi,
    Label.PSI_AGG: _psi_agg,
    Label.MPC_SUM: _mpc_sum,
    Label.MPC_THRESHOLD: _mpc_threshold,
    Label.MPC_OTHER: _mpc_other,
    Label.DP_LAPLACE: _dp_laplace,
    Label.DP_EXP: _dp_exp,
    Label.DP_LOCAL: _dp_local,
    Label.MPC_DP: _mpc_dp,
    Label.CHANGE_TASK: _change_task,
    Label.NO_PET: _no_pet,
}


def judge(setting: Setting) -> list[Verdict]:
    """Every label's verdict, best first; a label whose number cannot be computed says which field it lacks."""
    verdicts = []
    for label, judged in JUDGES.items():
        try:
            verdicts.append(judged(setting))
        except NeedToKnow as unknown:
            verdicts.append(_no(label, f"cannot be judged without [{unknown.field}]"))
    return sorted(verdicts, key=lambda verdict: verdict.fit)
