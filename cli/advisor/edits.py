"""Changes to the task that would make it fit, or show less; each is re-evaluated by the same rules before it is
offered.

An entry says when it is worth trying, what it changes, and how that reads. A new proposal is one entry.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cli.advisor import printed_commands
from cli.advisor.case import Case
from cli.advisor.fields import BY_NAME, COUNTS
from cli.advisor.formulas import LN20
from cli.advisor.labels import L
from cli.advisor.logic import Open, settle
from cli.advisor.numbers import FEW_HOLDERS
from cli.advisor.predicates import Traits
from cli.advisor.task import Facts, FieldError, Given, NeedToKnow, check, check_together
from cli.advisor.wording import count, number
from cli.advisor.words import phrase

MAX_EDITS = 6


@dataclass(frozen=True)
class Proposal:
    """`changes` gives the fields to set; `text` reads as an instruction."""

    when: Callable[[Case], bool]
    changes: Callable[[Case], Mapping[str, Any]]
    text: Callable[[Case, Mapping[str, Any]], str]


@dataclass(frozen=True)
class Edit:
    """A change and what it leads to, as in the JSON."""

    edit: str
    effect: str
    command: str | None


def _too_few(c: Case) -> bool:
    return c.hopeless and c.f.function in ("mean", "proportion") and c.n.limit > 0


def _too_many_releases(c: Case) -> bool:
    return c.hopeless and c.f.releases > 1 and not c.f.unit_per_release and not c.t.selects and _fewer(c) >= 1


def _fewer(c: Case) -> int:
    """Releases that the tolerance allows."""
    return math.floor(c.f.releases * c.n.limit / c.least_error) if c.least_error > 0 else 0


def _more_units(c: Case) -> Mapping[str, Any]:
    wish = c.n.n * (c.least_error / c.n.limit) ** (2 if c.alone else 1)
    if c.t.own_value and not c.t.central and not c.t.helpers and wish > FEW_HOLDERS:
        wish = c.n.n * (c.n.local_err95 / c.n.limit) ** 2  # too many to compute together: each adds noise
    return _of(c, _round_up(wish))


def _of(c: Case, units: int) -> Mapping[str, Any]:
    """A task of so many people or firms; as many holders, where each holds its own value."""
    return {"n_units": units, "n_holders": units} if c.t.own_value else {"n_units": units}


def _round_up(value: float) -> int:
    """A little above, to two or three digits, so that rounding errors do not bite."""
    exact = math.ceil(value * (1 + 1e-9))
    step = int(10 ** max(0, len(str(exact)) - 3))
    return -(-exact // step) * step


def _round_error(value: float) -> float:
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    return math.ceil(value / step * (1 + 1e-9)) * step


def _clamp(c: Case) -> Mapping[str, Any]:
    """A clamp at which the noise alone is half of what is tolerable; the other half is left for what is cut off."""
    limit = c.n.limit if c.f.tolerance or c.f.expected_value is not None else None
    if limit is None or (c.f.tolerance and c.f.tolerance["kind"] == "rel" and c.f.expected_value is None):
        return {"bounded": "clampable"}
    room = limit / 2 * c.n.epsilon_unit / LN20 * (c.n.n if c.f.function == "mean" else 1)
    step = 10.0 ** math.floor(math.log10(room))
    return {"bounded": "clampable", "bounds": [0, math.floor(room / step) * step]}


def _clamp_text(c: Case, changes: Mapping[str, Any]) -> str:
    if "bounds" in changes:
        return phrase("changes.clamp-at", clamp=number(changes["bounds"][1]))
    return phrase("changes.clamp")


def _needed_epsilon(c: Case) -> float:
    return _round_error(c.f.epsilon_total * c.least_error / c.n.limit)


def _counted_with_noise(c: Case) -> bool:
    """A yes or no about a noisy count has the same noise, and shows no less."""
    return c.label in printed_commands.NOISY and c.f.function in COUNTS


def _sumlike(c: Case) -> bool:
    return c.f.function in ("sum", "mean", "extreme")


PROPOSALS: tuple[Proposal, ...] = (
    Proposal(
        lambda c: c.rule.name == "both-demanded",
        lambda c: {"exact": "not_needed"},
        lambda c, new: phrase("changes.noise"),
    ),
    Proposal(
        lambda c: c.rule.name in ("both-demanded", "tells-inputs"),
        lambda c: {"output_privacy": "not_needed"},
        lambda c, new: phrase("changes.not-hidden"),
    ),
    Proposal(
        lambda c: c.rule.name == "tells-inputs" and c.t.elements,
        lambda c: {"function": "intersection_size"},
        lambda c, new: phrase("changes.noisy-size"),
    ),
    Proposal(
        lambda c: c.rule.name == "unbounded" and c.f.function in ("sum", "mean", "quantile", "intersection_sum"),
        _clamp,
        _clamp_text,
    ),
    Proposal(_too_few, _more_units, lambda c, new: phrase("changes.units", n=count(new["n_units"]))),
    Proposal(
        lambda c: c.hopeless and not c.t.helpers and c.t.own_value and not c.t.central,
        lambda c: {"helper_servers": True},
        lambda c, new: phrase("changes.helpers"),
    ),
    Proposal(
        _too_many_releases,
        lambda c: {"releases": _fewer(c)},
        lambda c, new: phrase("changes.releases", releases=count(new["releases"])),
    ),
    Proposal(
        lambda c: c.hopeless and not c.t.selects and c.n.limit > 0 and c.t.bounded,
        lambda c: {"tolerance": {"kind": "abs", "value": _round_error(c.least_error)}},
        lambda c, new: phrase("changes.error", error=number(new["tolerance"]["value"])),
    ),
    Proposal(
        lambda c: c.hopeless and not c.t.selects and c.n.limit > 0 and c.t.bounded and _needed_epsilon(c) <= 20,
        lambda c: {"epsilon_total": _needed_epsilon(c)},
        lambda c, new: phrase("changes.epsilon", epsilon=number(new["epsilon_total"])),
    ),
    Proposal(
        lambda c: c.hopeless and c.f.function in ("count", "histogram") and c.f.expected_value is not None,
        lambda c: {
            "expected_value": _round_up(10 * c.least_error),
            "tolerance": None,
            **_of(c, max(c.f.n_units or 1, _round_up(10 * c.least_error))),
        },
        lambda c, new: phrase("changes.merge", expected=count(new["expected_value"])),
    ),
    Proposal(
        lambda c: c.hopeless and c.t.selection,
        lambda c: {"score_gap": _round_error(c.n.shortfall95)},
        lambda c, new: phrase("changes.lead", lead=number(new["score_gap"])),
    ),
    Proposal(
        lambda c: c.hopeless and c.t.quantile and c.f.score_gap is None,
        lambda c: _of(c, _round_up(4 * c.n.shortfall95)),
        lambda c, new: phrase("changes.units", n=count(new["n_units"])),
    ),
    Proposal(
        lambda c: c.rule.name == "extreme",
        lambda c: {"function": "quantile", "bounded": "clampable" if c.f.bounded == "no" else c.f.bounded},
        lambda c, new: phrase("changes.quantile"),
    ),
    Proposal(
        lambda c: (c.rule.name == "unbounded" or (c.f.dominant_possible and c.hopeless)) and _sumlike(c),
        lambda c: {"function": "count", "bounded": "yes", "bounds": [0, 1], "tolerance": None, "expected_value": None},
        lambda c, new: phrase("changes.exceed"),
    ),
    Proposal(
        lambda c: (c.rule.name == "unbounded" or (c.f.dominant_possible and c.hopeless)) and _sumlike(c),
        lambda c: {
            "function": "quantile",
            "bounded": "clampable",
            "bounds": [0, 1e6],
            "tolerance": None,
            "expected_value": None,
        },
        lambda c, new: phrase("changes.median", low=number(new["bounds"][0]), high=number(new["bounds"][1])),
    ),
    Proposal(
        lambda c: (c.t.additive or c.t.extreme) and not c.t.central and not _counted_with_noise(c),
        lambda c: {"function": "threshold", "bounded": "yes", "bounds": None},
        lambda c, new: phrase("changes.yes-or-no"),
    ),
    Proposal(
        lambda c: c.rule.name == "two-inputs",
        lambda c: {"n_holders": 3, "n_units": 3 if c.t.own_value else c.f.n_units},
        lambda c, new: phrase("changes.third"),
    ),
    Proposal(
        lambda c: c.t.selection and c.rule.name == "exact-sum",
        lambda c: {"output_dim": 1},
        lambda c, new: phrase("changes.winner"),
    ),
    Proposal(
        lambda c: c.rule.name == "exact-winner",
        lambda c: {"output_dim": max(2, c.f.n_candidates or 2)},
        lambda c, new: phrase("changes.totals"),
    ),
    Proposal(
        lambda c: c.f.function == "intersection" and c.label is L.PSI,
        lambda c: {"function": "intersection_size"},
        lambda c, new: phrase("changes.how-many"),
    ),
    Proposal(
        lambda c: c.rule.name == "overlap-exact" and c.f.function == "intersection_size",
        lambda c: {"exact": "not_needed", "output_privacy": "required"},
        lambda c, new: phrase("changes.noisy-size"),
    ),
    Proposal(
        lambda c: c.label is L.MPC_OTHER and c.t.fuzzy,
        lambda c: {"match": "exact"},
        lambda c, new: phrase("changes.normalise"),
    ),
    Proposal(
        lambda c: c.t.rows,
        lambda c: {"function": "histogram", "output_dim": 100, "domain_known": True},
        lambda c, new: phrase("changes.tables"),
    ),
    Proposal(
        lambda c: c.rule.name == "exact-holder" and c.t.hides_output and c.t.summable,
        lambda c: {"exact": "not_needed"},
        lambda c, new: phrase("changes.noise"),
    ),
    Proposal(
        lambda c: (c.hopeless or c.rule.name == "unbounded") and c.t.hides_output and not c.t.exact_required,
        lambda c: {"output_privacy": "not_needed"},
        lambda c, new: phrase("changes.not-hidden"),
    ),
)


def edits(case: Case, given: Given) -> list[Edit]:
    """The proposals that apply, each with the answer that it would lead to. Those that lead nowhere are left out."""
    found: list[Edit] = []
    for proposal in PROPOSALS:
        if len(found) == MAX_EDITS:
            break
        try:
            if not proposal.when(case):
                continue
            changes = proposal.changes(case)
            edit = _evaluate(given, changes, proposal.text(case, changes))
        except (NeedToKnow, FieldError, OverflowError, ValueError, ZeroDivisionError):
            continue
        if edit is not None:
            found.append(edit)
    return found


def _evaluate(given: Given, changes: Mapping[str, Any], text: str) -> Edit | None:
    changed = {name: check(name, value) for name, value in {**given, **changes}.items()}
    check_together(changed)
    rule = settle(changed)
    if isinstance(rule, Open):
        return Edit(text, phrase("changes.leads.open", field=BY_NAME[rule.field].within), None)
    if rule.label is L.CHANGE_TASK:
        return None
    traits = Traits(Facts(changed, asking=frozenset()))
    steps = printed_commands.steps(traits.f, traits.n, rule.label)
    replace = printed_commands.stand_ins(traits.f, rule.label) if steps else None
    effect = _effect(traits, rule.label)
    return Edit(text, f"{effect}. {replace}" if replace else effect, steps[-1].line if steps else None)


def _effect(t: Traits, label: L) -> str:
    """The answer that a change leads to, with its error where there is one."""
    errors = {L.DP_LAPLACE: "central_err95", L.DP_LOCAL: "local_err95", L.MPC_DP: "shared_err95"}
    if (t.selection or t.quantile) and label in (L.DP_EXP, L.MPC_DP):
        shortfall = t.n.or_none("shortfall95")
        if shortfall:
            return phrase("changes.leads.choice", label=label.short, error=number(shortfall))
    elif label in errors and not t.training and not t.elements:
        error = t.n.or_none(errors[label])
        if error:
            return phrase("changes.leads.number", label=label.short, error=number(error))
    return phrase("changes.leads.answer", label=label.short)
