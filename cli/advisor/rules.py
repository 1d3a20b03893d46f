"""The decision: rules in order, the first that holds gives the answer. Their words and sources are in `words.toml`.

A rule reads fields lazily, so that an unknown one is asked for only where it can matter, and names the fields that are
responsible. A new rule is one line here and one there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cli.advisor.fields import ELEMENTS, INTERSECTIONS, ONE_BIT, SELECTIONS
from cli.advisor.labels import L
from cli.advisor.numbers import FEW_HOLDERS, Numbers
from cli.advisor.task import Facts
from cli.advisor.words import phrase


@dataclass(frozen=True)
class Rule:
    """A condition on a task's facts and numbers, the label it leads to, and the fields that it rests on."""

    name: str
    label: L
    when: Callable[[Facts, Numbers], bool]
    fields: str

    @property
    def because(self) -> tuple[str, ...]:
        """The fields responsible."""
        return tuple(self.fields.split())

    @property
    def why(self) -> str:
        """One sentence for the user."""
        return phrase(f"rules.{self.name}.why")

    @property
    def source(self) -> str:
        """A section of the article (S1, S2, P1, P2, C), a paper, or a decision record."""
        return phrase(f"rules.{self.name}.source")


ENTITLED = ("participants", "one_participant", "subset")
GENERAL = ("auction", "inference", "custom")


def _entitled(f: Facts) -> bool:
    # The function is looked at first, though it does not matter here, so that it is the first thing asked.
    return f.function is not None and f.recipients in ENTITLED and f.n_holders == 1 and not f.hides_output


def _overlap(f: Facts) -> bool:
    return f.function in INTERSECTIONS


def _number_enough(f: Facts) -> bool:
    return f.function in INTERSECTIONS and (f.wants_exact or not f.hides_output)


def _given_away(f: Facts) -> bool:
    return f.function == "training" and (f.recipients in ("external", "public") or f.hides_output)


def _bare_extreme(f: Facts) -> bool:
    return f.function == "extreme" and f.n_holders >= 2 and (f.wants_exact or not f.hides_output)


def _two_alone(f: Facts) -> bool:
    return f.n_holders == 2 and (f.participants_see or f.each_holder_one_unit)


def _known_giant(f: Facts) -> bool:
    return bool(f.exact != "required" and f.dominant_possible and f.aux_likely)


def _winner_only(f: Facts) -> bool:
    return f.function in SELECTIONS and f.output_dim == 1


def _locally(f: Facts, n: Numbers) -> bool:
    return not f.central and not n.selects and f.each_holder_one_unit and n.local_fits and not f.helper_servers


def _together(f: Facts, n: Numbers) -> bool:
    reachable = not f.each_holder_one_unit or n.selects or f.n_holders <= FEW_HOLDERS or f.helper_servers
    return not f.central and bool(reachable) and n.shared_fits


# fmt: off
RULES: tuple[Rule, ...] = (
    # Nothing to hide, or from nobody; or the output is the private datum.
    Rule("public", L.NO_PET, lambda f, n: f.data_public, "data_public"),
    Rule("entitled", L.NO_PET, lambda f, n: _entitled(f),
         "n_holders recipients output_privacy"),
    Rule("individual", L.CHANGE_TASK, lambda f, n: f.function == "individual_record", "function"),
    Rule("rows", L.CHANGE_TASK, lambda f, n: f.function == "row_release", "function"),
    # Two lists, or more.
    Rule("many-lists", L.MPC_OTHER, lambda f, n: _overlap(f) and f.n_holders > 2, "function n_holders"),
    Rule("fuzzy", L.MPC_OTHER, lambda f, n: _overlap(f) and f.match == "fuzzy", "function match"),
    Rule("cheating-lists", L.MPC_OTHER, lambda f, n: _overlap(f) and f.adversary == "malicious", "function adversary"),
    Rule("joined", L.MPC_OTHER, lambda f, n: f.function == "intersection_join_stats", "function"),
    Rule("elements", L.PSI, lambda f, n: f.function in ELEMENTS, "function"),
    Rule("overlap-exact", L.PSI_AGG, lambda f, n: _number_enough(f), "function exact output_privacy"),
    Rule("overlap-noisy", L.MPC_DP, lambda f, n: _overlap(f) and n.bounded and n.shared_fits,
         "function output_privacy exact tolerance epsilon_total"),
    Rule("overlap-hopeless", L.CHANGE_TASK, lambda f, n: _overlap(f), "output_privacy tolerance epsilon_total bounded"),
    # General computations; one bit; extremes.
    Rule("computing", L.MPC_OTHER, lambda f, n: f.function in GENERAL, "function"),
    Rule("central-training", L.DP_LAPLACE, lambda f, n: _given_away(f) and f.central,
         "function recipients trusted_curator n_holders"),
    Rule("training-released", L.MPC_DP, lambda f, n: _given_away(f), "function recipients output_privacy"),
    Rule("training", L.MPC_OTHER, lambda f, n: f.function == "training", "function recipients"),
    Rule("one-bit", L.MPC_THRESHOLD, lambda f, n: f.function in ONE_BIT and f.n_holders >= 2, "function n_holders"),
    Rule("extreme-exact", L.MPC_OTHER, lambda f, n: _bare_extreme(f), "function exact output_privacy n_holders"),
    Rule("extreme", L.CHANGE_TASK, lambda f, n: f.function == "extreme", "function output_privacy exact"),
    # Exact numbers and choices.
    Rule("exact-holder", L.NO_PET, lambda f, n: n.exact_serves and f.central, "exact trusted_curator n_holders"),
    Rule("two-inputs", L.CHANGE_TASK, lambda f, n: n.exact_serves and _two_alone(f), "n_holders exact"),
    Rule("cheating", L.MPC_OTHER, lambda f, n: n.exact_serves and f.adversary == "malicious", "adversary exact"),
    Rule("dominated", L.MPC_THRESHOLD, lambda f, n: n.exact_serves and _known_giant(f),
         "dominant_possible aux_likely exact"),
    Rule("exact-quantile", L.MPC_OTHER, lambda f, n: n.exact_serves and f.function == "quantile", "function exact"),
    Rule("exact-winner", L.MPC_OTHER, lambda f, n: n.exact_serves and _winner_only(f), "function exact output_dim"),
    Rule("exact-sum", L.MPC_SUM, lambda f, n: n.exact_serves, "exact trusted_curator n_holders"),
    # Noise is allowed.
    Rule("unbounded", L.CHANGE_TASK, lambda f, n: not n.bounded, "bounded"),
    Rule("choice-central", L.DP_EXP, lambda f, n: n.selects and f.central and n.central_fits,
         "function trusted_curator score_gap n_candidates epsilon_total"),
    Rule("number-central", L.DP_LAPLACE, lambda f, n: not n.selects and f.central and n.central_fits,
         "trusted_curator exact tolerance epsilon_total"),
    Rule("local", L.DP_LOCAL, _locally, "trusted_curator each_holder_one_unit n_units tolerance helper_servers"),
    Rule("together", L.MPC_DP, _together, "trusted_curator n_holders helper_servers tolerance epsilon_total"),
    Rule("hopeless", L.CHANGE_TASK, lambda f, n: True, "tolerance n_units epsilon_total releases"),
)
# fmt: on


def decide(facts: Facts) -> Rule:
    """The first rule that holds. Raises NeedToKnow when it depends on an unknown field."""
    numbers = Numbers(facts)
    return next(rule for rule in RULES if rule.when(facts, numbers))
