"""What every answer keeps, over random tasks: no command spends more than the budget, no recommendation contradicts a
stated field, and what is printed lies within the predicted error at the predicted rate."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from support.advise_random import random_task
from support.advising import MACHINE, known

from cli.advisor import examples, printed_commands
from cli.advisor.answer import Answer, advise
from cli.advisor.labels import Label as L
from cli.advisor.logic import settle
from cli.advisor.numbers import Numbers
from cli.advisor.predicates import Traits
from cli.advisor.printed_commands import Step
from cli.advisor.rules import Rule
from cli.advisor.task import Facts, FieldError, NeedToKnow, check
from dpselect.committee import peeling, subset_exponential
from dpselect.local_dp import Poll
from dpselect.privacy import NeighbouringRelation, parse_poll_epsilon
from psiselect.base.entropy import SystemEntropy

# ---------------------------------------------------------------------------------------------- the budget


def spent(steps: tuple[Step, ...]) -> Fraction:
    """What the commands of one release cost one person: those that draw. The two sides of a session run one draw."""
    total = Fraction(0)
    for step in steps:
        drawn = step.words[1:3] not in (("poll", "estimate"), ("vote", "plan"), ("psi", "listen"))
        if "--epsilon" in step.words and drawn:
            total += Fraction(step.words[step.words.index("--epsilon") + 1]) * step.times
    return total


def granted(given: dict[str, Any]) -> Fraction:
    """What one release may cost."""
    total = Fraction(repr(float(given["epsilon_total"])))
    return total if given.get("unit_per_release") else total / int(given.get("releases") or 1)


def _hopeful(rng: random.Random) -> dict[str, Any]:
    """For two tasks of three: fields with which a command that spends is likely. Anything at all for the others."""
    if rng.random() < 1 / 3:
        return {}
    own = rng.random() < 0.3
    holders = rng.choice((1, 1, 2, 5, 12, 80)) if not own else rng.choice((30, 10**6))
    functions = (
        "sum",
        "mean",
        "count",
        "histogram",
        "quantile",
        "select_best",
        "top_k",
        "threshold",
        "intersection_size",
    )
    return {
        "function": rng.choice(functions), "data_public": False, "output_privacy": rng.choice(("required", "desired")),
        "exact": "not_needed", "n_holders": holders, "n_units": 10**6, "each_holder_one_unit": own, "bounded": "yes",
        "bounds": [0.0, 1.0], "tolerance": None, "expected_value": None, "score_gap": None,
        "max_contrib": rng.choice((1, 3)),
        "epsilon_total": rng.choice((0.3, 1.0, 7.0)), "releases": rng.choice((1, 7, 30)), "adversary": "semi_honest",
        "output_dim": rng.choice((1, 2, 9)), "n_candidates": 12, "n_a": 10**5, "n_b": 10**5, "match": "exact",
        "trusted_curator": rng.random() < 0.5, "score_sensitivity": rng.choice((None, 1.0, 2.5)),
    }  # fmt: skip


def decided(count: int, seed: int) -> Iterator[tuple[dict[str, Any], Rule, Traits]]:
    rng = random.Random(seed)
    for _ in range(count):
        try:
            task = {name: check(name, value) for name, value in (random_task(rng) | _hopeful(rng)).items()}
            rule = settle(task)
        except FieldError:
            continue
        if isinstance(rule, Rule):
            yield task, rule, Traits(Facts(task, asking=frozenset()))


def overspending(count: int, seed: int) -> list[Any]:
    found, spending = [], 0
    for task, rule, traits in decided(count, seed):
        steps = printed_commands.steps(traits.f, traits.n, rule.label)
        cost = spent(steps)
        spending += cost > 0
        if cost and (task.get("epsilon_total") is None or cost > granted(task)):
            found.append((cost, task))
    assert spending > count / 40, "hardly a command spends anything: the test would miss what it looks for"
    return found


def test_no_command_spends_more_than_the_budget() -> None:
    assert overspending(600, 41) == []


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(420, 430))
def test_no_command_of_many_tasks_spends_more_than_the_budget(seed: int) -> None:
    """100,000 in all."""
    assert overspending(10_000, seed) == []


@pytest.mark.parametrize("item", examples.items(), ids=lambda item: item["id"])
def test_the_commands_of_the_examples_and_their_changes_stay_in_the_budget(item: dict[str, Any]) -> None:
    answer = advise(known(item["id"]), MACHINE)
    assert isinstance(answer, Answer)
    if spent(answer.steps):
        assert spent(answer.steps) <= granted(known(item["id"]))


@pytest.mark.parametrize(
    ("function", "label"), [("count", "DP_LAPLACE"), ("quantile", "DP_EXP"), ("proportion", "DP_LOCAL")]
)
def test_each_of_several_numbers_gets_its_share(function: str, label: str) -> None:
    local = label == "DP_LOCAL"
    task: dict[str, Any] = {
        "function": function, "n_holders": 10**6 if local else 1, "trusted_curator": not local, "n_units": 10**6,
        "each_holder_one_unit": local, "exact": "not_needed", "output_privacy": "required", "epsilon_total": 1.0,
        "output_dim": 10, "releases": 2, "recipients": "public", "unit_per_release": False, "bounds": [0.0, 1.0],
        "helper_servers": False,
    }  # fmt: skip
    answer = advise(task, MACHINE)
    assert isinstance(answer, Answer)
    assert answer.primary == label
    assert spent(answer.steps) == Fraction(1, 2)
    step = answer.steps[-1]
    assert (step.times, step.words[step.words.index("--epsilon") + 1]) == (10, "1/20")
    numbers = answer.setting.n
    assert numbers.drawn == pytest.approx(1 / 20)


def test_an_epsilon_that_nobody_stated_is_in_no_command() -> None:
    task = {name: value for name, value in known("A09").items() if name != "epsilon_total"}
    answer = advise(task, MACHINE)
    assert not isinstance(answer, Answer) or (answer.steps == () and any("epsilon" in n for n in answer.notes))


# ---------------------------------------------------------------------------------------------- contradictions

EXACT = (L.PSI, L.PSI_AGG, L.MPC_SUM, L.MPC_THRESHOLD, L.MPC_OTHER, L.NO_PET)
CENTRAL = (L.DP_LAPLACE, L.DP_EXP, L.NO_PET)
NOISY = (L.DP_LAPLACE, L.DP_EXP, L.DP_LOCAL, L.MPC_DP)


def contradictions(task: dict[str, Any], rule: Rule, traits: Traits) -> list[str]:
    """Every stated field that the recommendation goes against."""
    label, said = rule.label, task.get
    steps = printed_commands.steps(traits.f, traits.n, label)
    commands = {step.words[1] for step in steps}
    if said("data_public"):
        return [] if label is L.NO_PET else ["public inputs"]
    several = said("n_holders") not in (None, 1)
    checks = {
        "the result must hide everybody": said("output_privacy") == "required" and label in EXACT,
        "the result must be exact": said("exact") == "required" and label in NOISY,
        "nobody may see all": several and said("trusted_curator") is False and label in CENTRAL,
        "there is nobody to compute with": said("n_holders") == 1 and label in (*EXACT[:-1], L.MPC_DP)
        and rule.name not in ("training", "training-released"),
        "no limit, no clamp": said("bounded") == "no" and label in NOISY,
        "others' data": said("each_holder_one_unit") is False and label is L.DP_LOCAL,
        "cheating": said("adversary") == "malicious" and not commands <= {"release", "vote", "select", "poll"},
        "spellings": said("match") == "fuzzy" and "psi" in commands,
        "more than two lists": (said("n_holders") or 0) > 2 and "psi" in commands,
        "more parties than the command takes": (said("n_holders") or 0) > 100 and "mpc" in commands,
        "two parties would tell each other": said("n_holders") == 2 and "mpc" in commands and label is not L.MPC_DP,
        "no servers": said("helper_servers") is False and said("each_holder_one_unit") is True
        and (said("n_holders") or 0) > 1000 and rule.name == "together",
        "the error is too large": bool(said("tolerance") and said("function"))
        and _error(rule, traits) > (traits.n.or_none("limit") or math.inf) * 1.0000001,
    }  # fmt: skip
    return [name for name, against in checks.items() if against]


def _error(rule: Rule, traits: Traits) -> float:
    """The predicted error of a recommended number; 0 for anything else."""
    errors = {
        "number-central": "central_err95", "local": "local_err95", "overlap-noisy": "shared_err95",
        "together": "shared_err95",
    }  # fmt: skip
    if rule.name not in errors or traits.selects:
        return 0.0
    try:
        return float(getattr(traits.n, errors[rule.name]))
    except NeedToKnow:  # whatever it is, the rule holds
        return 0.0


def contradicting(count: int, seed: int) -> list[Any]:
    return [
        (against, task)
        for task, rule, traits in decided(count, seed)
        if (against := contradictions(task, rule, traits))
    ]


def test_no_recommendation_contradicts_a_stated_field() -> None:
    assert contradicting(800, 51) == []


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(520, 530))
def test_no_recommendation_of_many_contradicts_a_stated_field(seed: int) -> None:
    """100,000 in all."""
    assert contradicting(10_000, seed) == []


def test_the_overlap_of_eight_that_must_hide_everybody_is_noisy() -> None:
    task = {"function": "intersection_size", "n_holders": 8, "output_privacy": "required", "n_a": 10**4, "n_b": 10**4,
            "epsilon_total": 1.0, "exact": "not_needed"}  # fmt: skip
    answer = advise(task, MACHINE)
    assert isinstance(answer, Answer)
    assert answer.primary == "MPC_DP"
    assert answer.steps == ()


# ------------------------------------------------------------------------------ bounds, and running them


def test_both_ends_of_the_bounds_cover_all_units_of_a_party() -> None:
    task = {**known("A06"), "each_holder_one_unit": False, "bounds": [-100.0, 100.0], "n_units": 10_000,
            "tolerance": {"kind": "abs", "value": 1e5}, "bounded": "yes", "epsilon_total": 1.0}  # fmt: skip
    facts = Facts(task, asking=frozenset())
    (step,) = printed_commands.steps(facts, Numbers(facts), L.MPC_DP)
    words = step.words
    assert words[words.index("--lower") + 1] == "-1000000"
    assert words[words.index("--upper") + 1] == "1000000"
    assert words[words.index("--sensitivity") + 1] == "200"


HOLDER = {"n_holders": 1, "trusted_curator": True, "n_units": 400, "exact": "not_needed", "output_privacy": "required",
          "epsilon_total": 1.0, "recipients": "public", "unit_per_release": False}  # fmt: skip


@pytest.mark.parametrize(("candidates", "seats"), [(100, 5), (300, 20)])
def test_committees_lie_within_the_predicted_shortfall(candidates: int, seats: int) -> None:
    """The hardest race: the committee's members tie, and all others are at the shortfall. False alarm below 1e-6."""
    task = {**HOLDER, "function": "top_k", "n_candidates": candidates, "output_dim": seats, "n_units": 10**6}
    numbers = Numbers(Facts(task, asking=frozenset()))
    below = int(numbers.shortfall95) + 1
    scores = np.array([10**6] * seats + [10**6 - below] * (candidates - seats))
    replace = NeighbouringRelation.REPLACE
    from cli.advisor.sources import draws_sets

    make = subset_exponential if draws_sets(candidates, seats, numbers.command_epsilon, 1.0, None) else peeling
    entropy, runs = SystemEntropy(), 120
    outside = sum(max(chosen) >= seats for chosen in make("1", replace, seats).release_many(scores, runs, entropy))
    assert outside <= 22  # Pr[Bin(120, 0.05) > 22] < 1e-7


@pytest.mark.parametrize("cells", [3, 50])
def test_cells_of_a_poll_lie_within_the_predicted_error(cells: int) -> None:
    """One cell of average share, and the worst of all, under local noise. False alarm below 1e-6."""
    n, epsilon, rng = 20_000, 1.0, np.random.default_rng(8)
    task = {"function": "histogram", "n_holders": n, "n_units": n, "each_holder_one_unit": True, "output_dim": cells,
            "epsilon_total": epsilon}  # fmt: skip
    numbers = Numbers(Facts(task, asking=frozenset()))
    poll = Poll.of([str(i) for i in range(cells)], parse_poll_epsilon("1"))
    truth, lie = poll.rates
    held, runs = n // cells, 400
    seen = rng.binomial(held, truth, (runs, cells)) + rng.binomial(n - held, lie, (runs, cells))
    off = np.abs((seen - n * lie) / (truth - lie) - held)
    # Normal for the binomial law is off by less than 0.01 here; 6 standard errors of 400 draws are 0.066.
    assert abs((off[:, 0] > numbers.local_err95).mean() - 0.05) < 0.076
    assert (off.max(axis=1) > numbers.local_worst95).mean() < 0.05 + 0.066


def test_cells_of_a_release_lie_within_the_predicted_error() -> None:
    task = {**HOLDER, "function": "histogram", "output_dim": 40}
    numbers = Numbers(Facts(task, asking=frozenset()))
    noise = np.abs(np.random.default_rng(9).laplace(0, numbers.scale, (4000, 40)))
    assert abs((noise[:, 0] > numbers.central_err95).mean() - 0.05) < 0.021  # six standard errors
    assert (noise.max(axis=1) > numbers.central_worst95).mean() < 0.05 + 0.021
