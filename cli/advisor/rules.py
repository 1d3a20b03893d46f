"""The decision: rules in order, the first that holds gives the answer.

A rule is a list of predicates (`predicates.py`), the answer, and the fields that are responsible. Its words and its
source are in `words.toml`. A new rule is one line here and one entry there.
"""

from __future__ import annotations

from dataclasses import dataclass

from cli.advisor.labels import L
from cli.advisor.predicates import Condition, Traits, Unless, holds
from cli.advisor.task import Facts
from cli.advisor.words import phrase


@dataclass(frozen=True)
class Rule:
    """The conditions that must all hold, tried in order; the label that follows; the fields responsible."""

    name: str
    label: L
    when: tuple[Condition, ...]
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


T = Traits  # for the table

# fmt: off
RULES: tuple[Rule, ...] = (
    # Nothing to hide, or from nobody; or the output is the private datum.
    Rule("public", L.NO_PET, (T.inputs_public,), "data_public"),
    Rule("entitled", L.NO_PET, (T.entitled,), "n_holders recipients output_privacy"),
    Rule("individual", L.CHANGE_TASK, (T.individual,), "function"),
    Rule("rows", L.CHANGE_TASK, (T.rows,), "function"),
    # What no result can do.
    Rule("both-demanded", L.CHANGE_TASK, (T.must_hide, T.must_be_exact), "exact output_privacy"),
    Rule("tells-inputs", L.CHANGE_TASK, (T.must_hide, T.tells_inputs), "function output_privacy"),
    # Two lists, or more.
    Rule("alone", L.NO_PET, (T.takes_several, T.one_holder, Unless(T.must_hide)), "function n_holders"),
    Rule("many-lists", L.MPC_OTHER, (T.over_lists, T.more_than_two, Unless(T.must_hide)), "function n_holders"),
    Rule("fuzzy", L.MPC_OTHER, (T.over_lists, T.fuzzy, Unless(T.must_hide)), "function match"),
    Rule("cheating-lists", L.MPC_OTHER, (T.over_lists, T.cheating, Unless(T.must_hide)), "function adversary"),
    Rule("joined-noisy", L.MPC_DP, (T.joined, T.must_hide), "function output_privacy"),
    Rule("joined", L.MPC_OTHER, (T.joined,), "function"),
    Rule("elements", L.PSI, (T.elements,), "function"),
    Rule("overlap-exact", L.PSI_AGG, (T.over_lists, T.exact_will_do), "function exact output_privacy"),
    Rule("overlap-noisy", L.MPC_DP, (T.over_lists, Unless(T.one_holder), T.bounded, T.shared_fits),
         "function output_privacy exact tolerance epsilon_total"),
    Rule("overlap-hopeless", L.CHANGE_TASK, (T.over_lists, Unless(T.one_holder)),
         "output_privacy tolerance epsilon_total bounded"),
    # General computations; one bit; extremes.
    Rule("computing", L.MPC_OTHER, (T.general,), "function"),
    Rule("central-training", L.DP_LAPLACE, (T.noisy_training, T.central),
         "function recipients trusted_curator n_holders"),
    Rule("training-released", L.MPC_DP, (T.noisy_training,), "function recipients output_privacy"),
    Rule("training", L.MPC_OTHER, (T.training, Unless(T.one_holder), Unless(T.must_hide)), "function recipients"),
    Rule("one-bit", L.MPC_THRESHOLD, (T.one_bit, Unless(T.one_holder), Unless(T.must_hide)), "function n_holders"),
    Rule("extreme-exact", L.MPC_OTHER, (T.extreme, Unless(T.one_holder), T.exact_will_do),
         "function exact output_privacy n_holders"),
    Rule("extreme", L.CHANGE_TASK, (T.extreme,), "function output_privacy exact"),
    # Exact numbers and choices.
    Rule("exact-holder", L.NO_PET, (T.exact_serves, T.central), "exact trusted_curator n_holders"),
    Rule("two-inputs", L.CHANGE_TASK, (T.exact_serves, T.two_alone), "n_holders exact"),
    Rule("cheating", L.MPC_OTHER, (T.exact_serves, T.cheating), "adversary exact"),
    Rule("dominated", L.MPC_THRESHOLD, (T.exact_serves, T.known_giant), "dominant_possible aux_likely exact"),
    Rule("exact-quantile", L.MPC_OTHER, (T.exact_serves, T.quantile), "function exact"),
    Rule("exact-winner", L.MPC_OTHER, (T.exact_serves, T.winner_only), "function exact output_dim"),
    Rule("exact-sum", L.MPC_SUM, (T.exact_serves,), "exact trusted_curator n_holders"),
    # Noise is allowed.
    Rule("unbounded", L.CHANGE_TASK, (Unless(T.bounded),), "bounded"),
    Rule("choice-central", L.DP_EXP, (T.selects, T.central, T.central_fits),
         "function trusted_curator score_gap n_candidates epsilon_total"),
    Rule("number-central", L.DP_LAPLACE, (Unless(T.selects), T.central, T.central_fits),
         "trusted_curator exact tolerance epsilon_total"),
    Rule("local", L.DP_LOCAL, (Unless(T.central), Unless(T.selects), T.own_value, T.local_good, Unless(T.helpers)),
         "trusted_curator each_holder_one_unit n_units tolerance helper_servers"),
    Rule("together", L.MPC_DP, (T.reachable, Unless(T.central), T.shared_fits),
         "trusted_curator n_holders helper_servers tolerance epsilon_total"),
    Rule("hopeless", L.CHANGE_TASK, (), "tolerance n_units epsilon_total releases"),
)
# fmt: on


def decide(facts: Facts) -> Rule:
    """The first rule that holds. Raises NeedToKnow when it depends on an unknown field."""
    return decide_on(Traits(facts))


def decide_on(traits: Traits) -> Rule:
    """The same, from the rule on that was reached before: none of the rules above it holds."""
    for place in range(traits.reached, len(RULES)):
        traits.reached = place
        if holds(RULES[place].when, traits):
            break
    return RULES[traits.reached]  # the last rule always holds
