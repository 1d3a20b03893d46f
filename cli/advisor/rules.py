"""The decision: rules in order, the first that holds gives the answer.

A rule names the fields responsible (`because`), says why in one sentence, and names its source: a section of the article
*Computing on private data* (S1 secure computation, S2 differential privacy, P1 and P2 their power and limitations, C
conclusion), a paper, or a decision record of this project. A new rule is one entry.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cli.advisor.fields import COUNTS, ELEMENTS, INTERSECTIONS, ONE_BIT, SELECTIONS
from cli.advisor.labels import Label as L
from cli.advisor.numbers import FEW_HOLDERS, Numbers
from cli.advisor.task import Facts


@dataclass(frozen=True)
class Rule:
    """`when` reads fields lazily, so that an unknown one is only asked for where it can matter."""

    name: str
    when: Callable[[Facts, Numbers], bool]
    label: L
    because: tuple[str, ...]
    why: str
    source: str


ENTITLED = ("participants", "one_participant", "subset")
AGGREGATES = ("sum", "mean", "histogram", *COUNTS)
BY_COMPUTING = ("auction", "inference", "custom")


def _entitled_holder(f: Facts, n: Numbers) -> bool:
    return f.recipients in ENTITLED and f.n_holders == 1 and not f.hides_output


def _overlap(f: Facts) -> bool:
    return f.function in INTERSECTIONS


def _exact(f: Facts, n: Numbers) -> bool:
    """Exact is wanted; or noise is permitted but useless here, and nobody needs to be hidden in the result."""
    if f.wants_exact:
        return True
    if f.exact == "required" or f.hides_output:
        return False
    if f.central:
        return not n.central_fits
    locally = f.each_holder_one_unit and n.local_fits
    return not (locally or n.shared_fits)


def _two_alone(f: Facts) -> bool:
    return f.n_holders == 2 and (f.participants_see or f.each_holder_one_unit)


def _locally(f: Facts, n: Numbers) -> bool:
    return not n.selects and f.each_holder_one_unit and not f.helper_servers and n.local_fits


def _together(f: Facts, n: Numbers) -> bool:
    reachable = not f.each_holder_one_unit or n.selects or f.helper_servers or f.n_holders <= FEW_HOLDERS
    return bool(reachable) and n.shared_fits


def _released(f: Facts) -> bool:
    return f.recipients in ("external", "public") or f.hides_output


RULES: tuple[Rule, ...] = (
    # 0. Nothing to hide, or from nobody.
    Rule("public", lambda f, n: f.data_public, L.NO_PET, ("data_public",), "The inputs are public.", "S1, S2"),
    Rule(
        "entitled", _entitled_holder, L.NO_PET, ("n_holders", "recipients", "output_privacy"),
        "One holder has all the data, and those who get the result may have it.", "S1: private data held by several",
    ),
    # 1. The output is the private datum.
    Rule(
        "individual", lambda f, n: f.function == "individual_record", L.CHANGE_TASK, ("function",),
        "The output is the private datum itself; that is a question of lawful access, not of computing.", "C",
    ),
    Rule(
        "rows", lambda f, n: f.function == "row_release", L.CHANGE_TASK, ("function",),
        "Rows about people can be recognised; ask for tables, or for a synthetic file made with differential privacy.", "S2",
    ),
    # 2. Two lists, or more.
    Rule(
        "many-lists", lambda f, n: _overlap(f) and f.n_holders > 2, L.MPC_OTHER, ("function", "n_holders"),
        "More than two lists: two-party runs would show every pair's overlap.", "P1; De Cristofaro, Gasti, Tsudik 2012",
    ),
    Rule(
        "fuzzy", lambda f, n: _overlap(f) and f.match == "fuzzy", L.MPC_OTHER, ("function", "match"),
        "Similar spellings must match; set intersection compares for equality.", "Vatsalan, Christen, Verykios 2013",
    ),
    Rule(
        "cheating-lists", lambda f, n: _overlap(f) and f.adversary == "malicious", L.MPC_OTHER, ("function", "adversary"),
        "A party may cheat; the lists would need a protocol with proofs.", "S1: 'follow this protocol faithfully'",
    ),
    Rule(
        "joined", lambda f, n: f.function == "intersection_join_stats", L.MPC_OTHER, ("function",),
        "Statistics over joined records need a computation after the match.", "P1",
    ),
    Rule(
        "elements", lambda f, n: f.function in ELEMENTS, L.PSI, ("function",),
        "The common items themselves are wanted. Noise would add and remove items, which destroys this very answer.",
        "P2: no good DP algorithm for set intersection",
    ),
    Rule(
        "overlap-exact", lambda f, n: _overlap(f) and (f.wants_exact or not f.hides_output), L.PSI_AGG,
        ("function", "exact", "output_privacy"), "Only a number about the overlap is wanted, so only that is shown.", "P1: less informative f",
    ),
    Rule(
        "overlap-noisy", lambda f, n: _overlap(f) and n.bounded and n.shared_fits, L.MPC_DP,
        ("function", "output_privacy", "exact", "tolerance", "epsilon_total"),
        "The size must hide each person and may be noisy: the parties compute it with noise.", "C: use MPC to compute g",
    ),
    Rule(
        "overlap-hopeless", lambda f, n: _overlap(f), L.CHANGE_TASK, ("output_privacy", "tolerance", "epsilon_total", "bounded"),
        "The result must hide each person, and the noise for that is more than you tolerate.", "P2",
    ),
    # 3. General computations.
    Rule(
        "computing", lambda f, n: f.function in BY_COMPUTING, L.MPC_OTHER, ("function",),
        "A function beyond sums and sets, exact, on private inputs: general secure computation.", "S1: auctions, inference",
    ),
    Rule(
        "central-training", lambda f, n: f.function == "training" and _released(f) and f.central, L.DP_LAPLACE,
        ("function", "recipients", "trusted_curator"), "One holder trains and gives the model away: noise on its clipped gradients.",
        "Abadi et al. 2016; decision 0082",
    ),
    Rule(
        "training-released", lambda f, n: f.function == "training" and _released(f), L.MPC_DP, ("function", "recipients", "output_privacy"),
        "Data stay with their holders and the model is given away: secure aggregation with noise.", "C: use MPC to compute g",
    ),
    Rule(
        "training", lambda f, n: f.function == "training", L.MPC_OTHER, ("function", "recipients"),
        "The model stays with the holders: general secure computation or plain federated aggregation.", "S1",
    ),
    # 4, 5. One bit; extremes.
    Rule(
        "one-bit", lambda f, n: f.function in ONE_BIT and f.n_holders >= 2, L.MPC_THRESHOLD, ("function", "n_holders"),
        "One bit is all that is wanted, so the parties compute one bit and show nothing else.", "P1: YES if at least half",
    ),
    Rule(
        "extreme-exact", lambda f, n: f.function == "extreme" and f.n_holders >= 2 and (f.wants_exact or not f.hides_output),
        L.MPC_OTHER, ("function", "exact", "n_holders"), "The exact extreme of several private values: secure comparison.", "S1: auctions",
    ),
    Rule(
        "extreme", lambda f, n: f.function == "extreme", L.CHANGE_TASK, ("function", "output_privacy", "exact"),
        "The extreme is one person's own value: no noise that hides it leaves it accurate. Ask for a high quantile.",
        "P2: strongly influenced by a single outlier",
    ),
    # 6. Exact numbers and choices.
    Rule(
        "exact-holder", lambda f, n: _exact(f, n) and f.central, L.NO_PET, ("exact", "trusted_curator", "n_holders"),
        "A holder who may see everything publishes the exact result; differential privacy is then not on offer.", "C: exact vs. noisy",
    ),
    Rule(
        "two-inputs", lambda f, n: _exact(f, n) and _two_alone(f), L.CHANGE_TASK, ("n_holders", "exact"),
        "With two, the exact result minus one's own input is the other's input: there is nothing to protect by computing.",
        "S1, P1; decision 0081",
    ),
    Rule(
        "cheating", lambda f, n: _exact(f, n) and f.adversary == "malicious", L.MPC_OTHER, ("adversary", "exact"),
        "Inputs and messages must be proved valid (verifiable tally, Prio-type checks).", "S1; Corrigan-Gibbs, Boneh 2017",
    ),
    Rule(
        "dominated", lambda f, n: _exact(f, n) and f.exact != "required" and f.dominant_possible and f.aux_likely,
        L.MPC_THRESHOLD, ("dominant_possible", "aux_likely", "exact"),
        "The largest input may be known and is most of the total, so the exact total gives the others away: ask for one bit.",
        "P1: the breach-loss example",
    ),
    Rule(
        "exact-quantile", lambda f, n: _exact(f, n) and f.function == "quantile", L.MPC_OTHER, ("function", "exact"),
        "An exact quantile of private values: secure comparison.", "Aggarwal, Mishra, Pinkas 2004",
    ),
    Rule(
        "exact-winner", lambda f, n: _exact(f, n) and f.function in SELECTIONS and f.output_dim == 1, L.MPC_OTHER,
        ("function", "exact", "output_dim"), "Only the winner is to be known, not the totals: find the largest inside the computation.",
        "P1: less informative f; decision 0080",
    ),
    Rule(
        "exact-sum", _exact, L.MPC_SUM, ("exact", "trusted_curator", "n_holders"),
        "An exact total among parties who show their inputs to nobody: secret shares, added up.", "S1: the four raises",
    ),
    # 7. Noise is allowed.
    Rule(
        "unbounded", lambda f, n: not n.bounded, L.CHANGE_TASK, ("bounded",),
        "One person can change the result without limit, so no finite noise hides anybody: accept a clamp.", "P2: unbounded sum",
    ),
    Rule(
        "choice-central", lambda f, n: n.selects and f.central and n.central_fits, L.DP_EXP,
        ("function", "trusted_curator", "score_gap", "n_candidates", "epsilon_total"),
        "A choice by scores that one person hardly moves, held by one who may see them.", "P2: approval voting",
    ),
    Rule(
        "number-central", lambda f, n: not n.selects and f.central and n.central_fits, L.DP_LAPLACE,
        ("trusted_curator", "exact", "tolerance", "epsilon_total"), "A trusted holder adds noise that stays within what you tolerate.",
        "P2: the Laplace mechanism",
    ),
    Rule(
        "local", lambda f, n: not f.central and _locally(f, n), L.DP_LOCAL,
        ("trusted_curator", "each_holder_one_unit", "n_units", "tolerance", "helper_servers"),
        "Nobody is trusted, everybody holds one answer, and there are enough of them: each adds noise.", "S2: the poll",
    ),
    Rule(
        "together", lambda f, n: not f.central and _together(f, n), L.MPC_DP,
        ("trusted_curator", "n_holders", "helper_servers", "tolerance", "epsilon_total"),
        "Nobody may see everything and the result must hide each person: the parties compute it with noise.", "C: use MPC to compute g",
    ),
    Rule(
        "hopeless", lambda f, n: True, L.CHANGE_TASK, ("tolerance", "n_units", "epsilon_total", "releases"),
        "The noise at your epsilon is more than you tolerate.", "P2: the sensitivity bounds the noise from below",
    ),
)


def decide(facts: Facts) -> Rule:
    """The first rule that holds. Raises NeedToKnow when it depends on an unknown field."""
    numbers = Numbers(facts)
    return next(rule for rule in RULES if rule.when(facts, numbers))
