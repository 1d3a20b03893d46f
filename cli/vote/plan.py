"""How a plan is shown: as a table and a chart on the terminal, as JSON, and as a PNG or SVG."""

from __future__ import annotations

from pathlib import Path

from cli._drawing import stdout_console
from cli._output import print_json, print_line, print_table, to_stdout
from cli.vote import words
from dpselect.approval import epsilon_text
from dpselect.planning import Row, VotePlan, probability_curve
from dpselect.utility import UtilityEstimate
from psiselect.base.atomic import replacing

_WIDTH, _HEIGHT = 60, 11
_MARKS = "*o"


def print_plan(plan: VotePlan, plot: Path | None, as_json: bool) -> None:
    """The plan on stdout."""
    if as_json:
        print_json(_record(plan, plot))
        return
    task = plan.task
    elected = words.TRUE_WINNER if task.seats == 1 else words.TRUE_COMMITTEE
    print_table(
        ["", "mechanism", "exponent per vote", words.at_least(elected), "expected loss", *_target_columns(plan)],
        [_cells(row, row.mechanism is plan.choice.mechanism) for row in plan.rows],
        title=words.plan_title(
            task.candidates, task.seats, task.race.gap, epsilon_text(task.epsilon), task.neighbors.value
        ),
    )
    console = stdout_console()
    with to_stdout():
        console.print(words.chosen(plan.choice.mechanism.value, plan.choice.why))
        console.print(words.WHAT_P_IS)
    if task.race.gap:
        print_line("\n" + _chart(plan))
    if plot is not None:
        print_line(f"Plot: {plot}")


def save_plot(plan: VotePlan, target: Path) -> None:
    """Probability against epsilon for each mechanism, as PNG or SVG. Raises UsageError without matplotlib, InputError
    when the file cannot be written."""
    form = target.suffix.lower().removeprefix(".")
    if form not in ("png", "svg"):
        raise words.plot_ending(target.name)
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise words.no_matplotlib() from None
    epsilons = _epsilons(plan, 200)
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for row in plan.rows:
        chosen = row.mechanism is plan.choice.mechanism
        label = row.mechanism.value + (" (chosen)" if chosen else "")
        curve = probability_curve(plan.task, row.mechanism, epsilons)
        axes.plot(epsilons, curve, label=label, linewidth=2.2 if chosen else 1.2, linestyle="-" if chosen else "--")
    axes.axvline(float(plan.task.epsilon), color="grey", linewidth=0.8)
    axes.axhline(plan.target, color="grey", linewidth=0.8, linestyle=":")
    axes.set(xlabel="epsilon", ylabel="probability, at least", ylim=(0, 1.02), xlim=(0, epsilons[-1]))
    axes.set_title(
        words.plot_title(plan.task.candidates, plan.task.seats, plan.task.race.gap, plan.task.neighbors.value),
        fontsize=10,
    )
    axes.legend(loc="lower right")
    with replacing(target) as part:
        figure.savefig(part, format=form)


def _record(plan: VotePlan, plot: Path | None) -> dict[str, object]:
    task, chosen = plan.task, plan.chosen
    return {
        "mechanism": chosen.mechanism.value,
        "why": plan.choice.why,
        "probability_true_winner": chosen.probability.value,
        "probability_is": words.BOUND,
        "expected_loss": chosen.loss.value,
        "expected_loss_is": words.EXAMPLE,
        "epsilon_for_target": _number(chosen),
        "target": plan.target,
        "gap_for_target": chosen.gap_for_target,
        "candidates": task.candidates,
        "seats": task.seats,
        "gap": task.race.gap,
        "epsilon": float(task.epsilon),
        "epsilon_exact": str(task.epsilon),
        "neighbors": task.neighbors.value,
        "budget": task.budget.value,
        "mechanisms": [
            {
                "mechanism": row.mechanism.value,
                "chosen": row is chosen,
                "exponent_per_vote": float(row.exponent),
                "exponent_per_vote_exact": str(row.exponent),
                "probability_true_winner": row.probability.value,
                "probability_by": _basis(row.probability),
                "expected_loss": row.loss.value,
                "expected_loss_by": _basis(row.loss),
                "epsilon_for_target": _number(row),
                "gap_for_target": row.gap_for_target,
            }
            for row in plan.rows
        ],
        "plot": plot,
    }


def _basis(estimate: UtilityEstimate) -> dict[str, object]:
    return {"basis": estimate.basis.value, "error": estimate.error}


def _number(row: Row) -> float | None:
    return None if row.epsilon_for_target is None else float(row.epsilon_for_target)


def _target_columns(plan: VotePlan) -> list[str]:
    return [f"epsilon for P={plan.target:g}", f"gap for P={plan.target:g}"]


def _cells(row: Row, chosen: bool) -> tuple[object, ...]:
    return (
        "*" if chosen else "",
        row.mechanism.value,
        str(row.exponent),
        _probability(row.probability.value),
        _loss(row.loss),
        None if row.epsilon_for_target is None else f"{float(row.epsilon_for_target):.4g}",
        f"{row.gap_for_target:.1f}",
    )


def _probability(value: float) -> str:
    """Four digits, cut off: a lower bound must not be rounded up."""
    return f"{int(value * 10**4) / 10**4:.4f}" if value >= 1e-3 else f"{value:.1e}"


def _loss(loss: UtilityEstimate) -> str:
    return f"{loss.value:.3g}" + (words.simulated(loss.error) if loss.error > 1e-6 else "")


def _epsilons(plan: VotePlan, count: int) -> list[float]:
    """Up to where the chosen mechanism reaches the target, and past the epsilon asked for."""
    wanted = _number(plan.chosen) or 0.0
    last = max(1.25 * float(plan.task.epsilon), 1.3 * wanted)
    return [last * step / count for step in range(1, count + 1)]


def _chart(plan: VotePlan) -> str:
    """Probability against epsilon in characters."""
    epsilons = _epsilons(plan, _WIDTH)
    grid = [[" "] * _WIDTH for _ in range(_HEIGHT)]
    here = min(range(_WIDTH), key=lambda column: abs(epsilons[column] - float(plan.task.epsilon)))
    for line in grid:
        line[here] = "|"
    # The chosen one is drawn last, on top.
    rows = sorted(plan.rows, key=lambda row: row is plan.chosen)
    marks = dict(zip((row.mechanism for row in rows), reversed(_MARKS), strict=True))
    for row in rows:
        for column, p in enumerate(probability_curve(plan.task, row.mechanism, epsilons)):
            grid[round((1 - p) * (_HEIGHT - 1))][column] = marks[row.mechanism]
    lines = [f"{1 - i / (_HEIGHT - 1):4.1f} {''.join(line)}" for i, line in enumerate(grid)]
    legend = "   ".join(f"{mark} {mechanism.value}" for mechanism, mark in marks.items())
    scale = f"     0{'epsilon':^{_WIDTH - 8}}{epsilons[-1]:.3g}"
    return "\n".join([*lines, scale, words.legend(legend)])
