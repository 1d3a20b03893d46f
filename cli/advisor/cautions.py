"""The warnings: tag, the field that triggers it, when, and what it says.

A new one is one line here and one text in `words.toml`; `caution_words.py` has those whose words depend on the task.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cli.advisor import caution_words as words
from cli.advisor import predictions
from cli.advisor.case import Case
from cli.advisor.fields import BY_NAME, ELEMENTS, ONE_BIT, SELECTIONS
from cli.advisor.labels import L
from cli.advisor.printed_commands import MAX_PARTIES, implemented
from cli.advisor.task import NeedToKnow
from cli.advisor.words import phrase, saying

SMALL = 100  # inputs up to which an exact result gives some of them away with noticeable probability
LISTS_LARGE, BYTES_LARGE = 10**7, 10**9


@dataclass(frozen=True)
class Caution:
    """A warning given, as in the JSON."""

    tag: str
    text: str
    field: str

    @property
    def title(self) -> str:
        """The warning's name in words."""
        return phrase(f"warning-titles.{self.tag}")


@dataclass(frozen=True)
class Trigger:
    """One kind of warning. `text` makes its words from the case."""

    tag: str
    field: str
    when: Callable[[Case], bool]
    text: Callable[[Case], str]

    def give(self, case: Case) -> Caution | None:
        """The warning where it applies; where its arithmetic lacks a field, it says which."""
        try:
            if not self.when(case):
                return None
        except NeedToKnow:
            return None
        try:
            text = self.text(case)
        except NeedToKnow as unknown:
            text = phrase("warnings.ask-for-numbers", field=BY_NAME[unknown.field].within)
        return Caution(self.tag, text, self.field)


def _lists(c: Case) -> bool:
    return c.t.over_lists and c.label not in (L.NO_PET, L.CHANGE_TASK)


def _jointly(c: Case) -> bool:
    return c.f.n_holders > 1 and c.family in ("MPC", "BOTH")


def _edge(c: Case) -> bool:
    name = c.f.function
    if c.rule.name == "two-inputs":
        return True
    if not c.exact_output or name in (*ELEMENTS, "inference", "training", "custom", "intersection_join_stats"):
        return False
    if c.t.overlap_number:
        return min(c.f.n_a or SMALL, c.f.n_b or SMALL) <= SMALL
    return name in ("count", "proportion", "histogram", *ONE_BIT) or c.inputs <= SMALL


def _small_n(c: Case) -> bool:
    n = c.n
    if c.t.selection:
        return c.f.score_gap is not None and n.gap_needed95 > c.f.score_gap
    if c.t.quantile:
        return not c.t.central_fits
    numeric = (c.t.additive or c.t.overlap_number) and c.t.bounded
    return numeric and n.stated_limit and not n.fits(c.least_error)


def _bound(c: Case) -> bool:
    about = c.f.function in ("sum", "mean", "quantile", "extreme", "intersection_sum")
    if c.label is L.NO_PET:
        return False
    return c.rule.name == "unbounded" or (about and c.f.bounded in ("no", "clampable"))


def _dominant(c: Case) -> bool:
    return c.f.dominant_possible and c.rule.name not in ("public", "entitled")


def _high(c: Case) -> bool:
    return c.rule.name == "extreme" or (c.t.quantile and c.noisy)


def _auth(c: Case) -> bool:
    compared = c.label in (L.MPC_THRESHOLD, L.MPC_OTHER) and c.f.function in (*ONE_BIT, "auction", "extreme")
    return _lists(c) or compared


def _collusion(c: Case) -> bool:
    compared = (*ONE_BIT, *SELECTIONS, "extreme", "auction", "quantile")
    return c.label in (L.MPC_SUM, L.MPC_DP, L.MPC_THRESHOLD) or (c.label is L.MPC_OTHER and c.f.function in compared)


def _group(c: Case) -> bool:
    covered = c.t.selection and c.f.score_sensitivity is not None  # it says what all records of one can move
    return c.noisy and c.f.max_contrib > 1 and not covered


def _unknown_domain(c: Case) -> bool:
    return c.noisy and c.f.domain_known is False and c.f.function in ("histogram", *SELECTIONS)


def _local_cost(c: Case) -> bool:
    return c.label is L.DP_LOCAL or (c.rule.name == "hopeless" and c.alone and not c.t.selects)


def _exactness(c: Case) -> bool:
    conflict = c.t.exact_required and c.t.hides_output and c.family == "MPC"
    return c.rule.name == "exact-holder" or conflict


def _scale(c: Case) -> bool:
    if not _lists(c):
        return c.label in (L.MPC_SUM, L.MPC_DP, L.MPC_THRESHOLD) and c.f.n_holders > MAX_PARTIES
    if not c.t.sizes_known:
        return False
    large = c.f.n_a + c.f.n_b >= LISTS_LARGE or predictions.list_cost(c).bytes > BYTES_LARGE
    return large and not c.t.more_than_two


def _not_implemented(c: Case) -> bool:
    if c.label in (L.CHANGE_TASK, L.NO_PET):
        return c.rule.name == "rows"
    return not implemented(c.f, c.label)


# fmt: off
TRIGGERS: tuple[Trigger, ...] = (
    Trigger("SMALL_N", "n_units", _small_n, words.small_n),
    Trigger("UNBOUNDED_SENS", "bounded", _bound, words.unbounded),
    Trigger("DOMINANT_INPUT", "dominant_possible", _dominant, saying("warnings.dominant-input")),
    Trigger("HIGH_SENS", "function", _high, words.high_sensitivity),
    Trigger("EDGE_OUTPUT", "n_units", _edge, words.edge),
    Trigger("AUX_INFO", "aux_likely", lambda c: c.exact_output or (c.f.aux_likely and c.label is L.CHANGE_TASK),
            saying("warnings.aux-info")),
    Trigger("DIFFERENCING", "inputs_change", lambda c: c.exact_output and c.f.releases > 1 and c.f.inputs_change,
            words.differencing),
    Trigger("MEMBERSHIP_REVEALED", "function", lambda c: _lists(c) and c.t.elements,
            saying("warnings.membership-revealed")),
    Trigger("SET_SIZE_LEAK", "n_a", _lists, saying("warnings.set-size-leak")),
    Trigger("LOW_ENTROPY", "ids_enumerable", lambda c: c.f.ids_enumerable and _lists(c), words.low_entropy),
    Trigger("INPUT_AUTH", "function", _auth, saying("warnings.input-auth")),
    Trigger("MALICIOUS", "adversary", lambda c: c.t.cheating and c.label is not L.NO_PET,
            words.malicious),
    Trigger("COLLUSION", "n_holders", _collusion, words.collusion),
    Trigger("COMPOSITION", "releases", lambda c: c.noisy and c.f.releases > 1, words.composition),
    Trigger("GROUP_PRIVACY", "max_contrib", _group, words.group),
    Trigger("UNKNOWN_DOMAIN", "domain_known", _unknown_domain, words.unknown_domain),
    Trigger("ANON_PARTICIPATION", "anonymous_participants",
            lambda c: c.f.anonymous_participants and (_jointly(c) or c.label is L.DP_LOCAL),
            saying("warnings.anonymous")),
    Trigger("TRUSTED_CURATOR", "trusted_curator", lambda c: c.label in (L.DP_LAPLACE, L.DP_EXP),
            saying("warnings.trusted-curator")),
    Trigger("LOCAL_COST", "trusted_curator", _local_cost, words.local_cost),
    Trigger("FUZZY", "match", lambda c: _lists(c) and c.t.fuzzy, saying("warnings.fuzzy")),
    Trigger("MULTI_PARTY", "n_holders", lambda c: _lists(c) and c.t.more_than_two, words.multi_party),
    Trigger("EXACTNESS", "exact", _exactness, saying("warnings.exactness")),
    Trigger("SCALE", "n_b", _scale, words.scale),
    Trigger("DROPOUT", "always_online", lambda c: not c.f.always_online and _jointly(c), saying("warnings.dropout")),
    Trigger("NOT_IMPLEMENTED", "function", _not_implemented, words.not_implemented),
)
# fmt: on


def cautions(case: Case) -> list[Caution]:
    """Every warning that applies."""
    return [caution for trigger in TRIGGERS if (caution := trigger.give(case)) is not None]
