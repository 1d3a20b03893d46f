"""Error against epsilon and against n for the user's own numbers: the same formulas, with one field varied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cli.advisor import costs
from cli.advisor.formulas import exponential_sets, randomised_sets
from cli.advisor.numbers import Limit, Numbers
from cli.advisor.predictions import Setting, shared_items
from cli.advisor.task import Facts, NeedToKnow
from cli.advisor.words import phrase

POINTS = 41


@dataclass(frozen=True)
class Curve:
    """One line: its name and its points."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Chart:
    """A plot with logarithmic axes. `level` is a horizontal mark (the tolerance), `here` the user's own value."""

    title: str
    x: str
    y: str
    curves: tuple[Curve, ...]
    here: float | None
    level: float | None = None
    level_name: str = ""


def charts(setting: Setting, given: dict[str, Any]) -> list[Chart]:
    """The plots that make sense for the task; empty when its fields do not allow any."""
    f = setting.f
    if setting.t.over_lists:
        return _of_lists(setting)
    made = []
    if f.epsilon_total is None:  # the advisor chooses none, for a chart neither
        return []
    epsilons = _logspace(f.epsilon_total / 100, f.epsilon_total * 10)
    made.append(_chart(setting, given, "epsilon_total", epsilons, f.epsilon_total))
    n = f.n_units or (f.n_holders if setting.t.own_value else None)
    if n:
        sizes = [max(2, round(x)) for x in _logspace(max(2, n / 100), n * 100)]
        made.append(_chart(setting, given, "n_units", sizes, n))
    return [chart for chart in made if chart is not None]


def _chart(setting: Setting, given: dict[str, Any], field: str, xs: Sequence[float], here: float) -> Chart | None:
    quantities = _quantities(setting)
    curves = tuple(
        curve for name, value in quantities if len((curve := Curve(name, _points(given, field, xs, value))).points) > 1
    )
    if not curves:
        return None
    choice = setting.t.selects
    level = setting.n.or_none("at_stake" if choice else "limit")
    stated = choice or setting.n.or_none("limit_source") in (Limit.TOLERANCE, Limit.EXPECTED)
    what = "shortfall" if choice else "error"
    return Chart(
        phrase(f"charts.noise.{what}.{field}"),
        phrase(f"charts.axes.{field}"),
        phrase(f"charts.noise.{what}.axis"),
        curves,
        here,
        level if stated else None,
        phrase(f"charts.noise.{what}.level"),
    )


def _quantities(setting: Setting) -> list[tuple[str, Callable[[Numbers], float]]]:
    if setting.t.selects:
        return [(phrase("charts.exponential"), lambda n: n.shortfall95)]
    if not setting.t.additive:
        return []
    lines: list[tuple[str, Callable[[Numbers], float]]] = [(phrase("charts.central"), lambda n: n.central_err95)]
    if not setting.t.one_holder:
        lines.append((phrase("charts.together"), lambda n: n.split_err95(1)))
    if setting.t.own_value:
        lines.append((phrase("charts.source"), lambda n: n.local_err95))
    return lines


def _points(
    given: dict[str, Any], field: str, xs: Sequence[float], value: Callable[[Numbers], float]
) -> tuple[tuple[float, float], ...]:
    found = []
    for x in xs:
        varied = {**given, field: x}
        if field == "n_units" and given.get("each_holder_one_unit"):
            varied["n_holders"] = x
        try:
            y = value(Numbers(Facts(varied, asking=frozenset())))
        except (NeedToKnow, OverflowError, ZeroDivisionError):
            continue
        if 0 < y < 1e300:
            found.append((float(x), y))
    return tuple(found)


def _of_lists(setting: Setting) -> list[Chart]:
    f, machine = setting.f, setting.machine
    if not setting.t.sizes_known:
        return []
    made = []
    if setting.t.elements:
        share = shared_items(f)
        epsilons = _logspace(0.01, 20)
        laws: tuple[tuple[str, Callable[[float], float]], ...] = (
            (phrase("charts.sets.precision"), lambda e: randomised_sets(share, f.n_a, e)[0]),
            (phrase("charts.sets.recall"), lambda e: randomised_sets(share, f.n_a, e)[1]),
            (phrase("charts.sets.exponential"), lambda e: exponential_sets(share, f.n_a, e)[0]),
        )
        lines = (Curve(name, tuple((e, law(e)) for e in epsilons)) for name, law in laws)
        # Without a common item precision is 0, for which a logarithmic axis has no place.
        curves = tuple(line for line in lines if all(y > 0 for _, y in line.points))
        made.append(
            Chart(
                phrase("charts.sets.title"),
                phrase("charts.sets.epsilon"),
                phrase("charts.sets.axis"),
                curves,
                f.epsilon_total,
                1.0,
                phrase("charts.sets.level"),
            )
        )
    sizes = [round(x) for x in _logspace(100, 10**8)]
    ratio = f.n_b / f.n_a
    seconds = tuple((float(n), costs.psi(n, max(1, round(n * ratio)), machine).seconds) for n in sizes)
    made.append(
        Chart(
            phrase("charts.seconds.title"),
            phrase("charts.axes.n_a"),
            phrase("charts.seconds.axis"),
            (Curve(phrase("charts.seconds.one"), seconds),),
            f.n_a,
        )
    )
    return made


def _logspace(low: float, high: float) -> list[float]:
    return [low * (high / low) ** (i / (POINTS - 1)) for i in range(POINTS)]
