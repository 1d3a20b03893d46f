"""`psiselect budget`: make and look at a privacy ledger."""

from __future__ import annotations

import functools
from fractions import Fraction
from pathlib import Path

import click

from cli._options import choice
from cli._output import json_option, print_fields, print_json, print_line, print_table, say
from dpselect.accounting import BudgetKind, Cost, epsilon_of_rho
from dpselect.composition import tight_epsilon
from dpselect.ledger import Balance, Ledger
from dpselect.privacy import NeighbouringRelation, parse_fraction, parse_poll_epsilon
from psiselect.base.errors import UsageError
from psiselect.budgets import budget_of

_SHOWN = 100  # rows of a table for people: more take minutes to lay out, and nobody reads them

_file = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


@click.group("budget")
def command() -> None:
    """Privacy ledgers: how much may be released about a data set, and how much has been.

    \b
    Examples:
      psiselect budget create town.db --epsilon 1 --neighbors add-remove --dataset poll-2026
      psiselect budget show town.db
    """


@command.command("create")
@_file
@click.option("--epsilon", metavar="E", help="The budget of each data set, exact: 1, 0.5, 1/3 or ln(3).")
@click.option("--delta", metavar="D", help="pure: budget for deltas. zcdp: turns --epsilon into a rho at this delta.")
@click.option("--rho", metavar="R", help="The budget of a zcdp ledger, instead of --epsilon and --delta.")
@click.option(
    "--kind",
    type=choice(BudgetKind),
    default=BudgetKind.PURE.value,
    show_default=True,
    help="pure adds up epsilons; zcdp adds up rhos, better for many releases. Fixed for good.",
)
@click.option(
    "--neighbors",
    required=True,
    type=choice(NeighbouringRelation),
    help="The relation that all releases are stated for. Fixed for good.",
)
@click.option(
    "--dataset",
    "datasets",
    multiple=True,
    metavar="NAME",
    help="A data set that may spend; repeat for more. Without, any name may, each with the whole budget.",
)
@json_option
def create(
    file: Path,
    epsilon: str | None,
    delta: str | None,
    rho: str | None,
    kind: str,
    neighbors: str,
    datasets: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make a ledger. Its kind, relation and budget never change.

    \b
    Examples:
      psiselect budget create town.db --epsilon 1 --neighbors add-remove --dataset poll-2026
      psiselect budget create study.db --kind zcdp --epsilon 2 --delta 1e-6 --neighbors replace
    """
    budget = budget_of(
        BudgetKind(kind),
        None if epsilon is None else parse_poll_epsilon(epsilon).value,
        None if delta is None else parse_fraction(delta, "delta"),
        None if rho is None else parse_fraction(rho, "rho"),
    )
    ledger = Ledger.create(
        file,
        kind=BudgetKind(kind),
        neighbors=NeighbouringRelation.parse(neighbors),
        budget=budget,
        datasets=datasets,
    )
    if as_json:
        print_json(_terms(ledger))
    else:
        _print_terms(ledger)


@command.command("show")
@_file
@click.option("--dataset", metavar="NAME", help="Only this one.")
@click.option(
    "--delta",
    metavar="D",
    help="Also say which epsilon the spending amounts to at this delta. pure: by tight composition, where "
    "that is less than the sum; this needs psiselect[accounting].",
)
@click.option(
    "--group",
    type=click.IntRange(min=1),
    default=1,
    metavar="C",
    help="pure: also say what a group of C persons together has left of privacy: C times epsilon.",
)
@json_option
def show(file: Path, dataset: str | None, delta: str | None, group: int, as_json: bool) -> None:
    """What was spent, on what, and what is left.

    With --delta it shows beside the sum how much the spending is by tighter composition. A budget is spent by the sum.

    As text it shows the newest 100 entries and the first 100 data sets; --json lists all.

    \b
    Examples:
      psiselect budget show town.db
      psiselect budget show study.db --delta 1e-6 --json
    """
    ledger = Ledger.open(file)
    if group > 1 and ledger.kind is not BudgetKind.PURE:
        raise UsageError("--group is for pure ledgers")
    most = None if as_json else _SHOWN + 1
    balances = ledger.balances(most) if dataset is None else [ledger.balance(dataset)]
    entries = ledger.entries(dataset, newest=most)
    at = None if delta is None else parse_fraction(delta, "delta")
    tight = {} if at is None else {balance.dataset: _epsilon_at(ledger, balance, at) for balance in balances[:_SHOWN]}
    if as_json:
        print_json(
            _terms(ledger)
            | {
                "balances": [_balance(balance, tight, group) for balance in balances],
                "entries": [
                    {"dataset": e.dataset, "what": e.what, "at": e.at, **_amounts("cost", e.cost)} for e in entries
                ],
            }
        )
        return
    _print_terms(ledger)
    if not balances:
        print_line("Nothing spent yet.")
        return
    extra = [*(["epsilon at delta"] if at else []), *([f"epsilon for {group}"] if group > 1 else [])]
    print_line()
    print_table(
        ["data set", "spent", "left", *extra],
        [
            (
                balance.dataset,
                ledger.describe(balance.spent),
                ledger.describe(balance.remaining),
                *([_or_sum(tight[balance.dataset])] if at else []),
                *([str(group * balance.spent.amount)] if group > 1 else []),
            )
            for balance in balances[:_SHOWN]
        ],
    )
    if len(balances) > _SHOWN:
        say(f"{ledger.count() - _SHOWN:,} data sets are not shown; name one with --dataset, or use --json")
    if entries:
        print_line()
        print_table(
            ["when (UTC)", "data set", "cost", "what"],
            [(entry.at, entry.dataset, ledger.describe(entry.cost), entry.what) for entry in entries[-_SHOWN:]],
        )
        if len(entries) > _SHOWN:
            say("older entries are not shown; --json lists all")


def _terms(ledger: Ledger) -> dict[str, object]:
    return {
        "ledger": ledger.path,
        "kind": ledger.kind.value,
        "neighbors": ledger.neighbors.value,
        "datasets": ledger.datasets,
    } | _amounts("budget", ledger.budget)


def _amounts(name: str, cost: Cost) -> dict[str, object]:
    number, exact = _shown(*cost.amount.as_integer_ratio())
    delta, _ = _shown(*cost.delta.as_integer_ratio())
    return {name: number, f"{name}_exact": exact, f"{name}_delta": delta}


@functools.lru_cache(4096)  # a long ledger has the same costs again and again
def _shown(numerator: int, denominator: int) -> tuple[float, str]:
    """A fraction as a float, and exactly."""
    return numerator / denominator, str(Fraction(numerator, denominator))


def _epsilon_at(ledger: Ledger, balance: Balance, delta: Fraction) -> Fraction | None:
    """The epsilon that the spending amounts to at this delta, the deltas that were spent included. None where they are
    more, or in a pure ledger where the sum is as good."""
    if ledger.kind is BudgetKind.PURE:
        return tight_epsilon((entry.cost for entry in ledger.entries(balance.dataset)), delta)
    left = delta - balance.spent.delta
    return epsilon_of_rho(balance.spent.amount, left) if left > 0 else None


def _or_sum(epsilon: Fraction | None) -> str:
    return "-" if epsilon is None else f"{float(epsilon):.6g}"


def _balance(balance: Balance, tight: dict[str, Fraction | None], group: int) -> dict[str, object]:
    record = {
        "dataset": balance.dataset,
        **_amounts("spent", balance.spent),
        **_amounts("remaining", balance.remaining),
    }
    if balance.dataset in tight:
        epsilon = tight[balance.dataset]
        record["epsilon_at_delta"] = None if epsilon is None else float(epsilon)
    if group > 1:
        record["group_epsilon"] = str(group * balance.spent.amount)
    return record


def _print_terms(ledger: Ledger) -> None:
    print_fields(
        {
            "ledger": ledger.path,
            "kind": ledger.kind.value,
            "neighbors": ledger.neighbors.value,
            "budget": ledger.describe(ledger.budget) + ("" if ledger.datasets else ", for each data set"),
            "data sets": ", ".join(ledger.datasets) or "any name",
        }
    )
