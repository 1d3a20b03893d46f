"""`psiselect budget`: make and look at a privacy ledger."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import click

from cli import words
from cli._numbers import WholeNumber
from cli._options import choice
from cli._output import json_option, print_fields, print_json, print_line, print_table, say
from dpselect.accounting import BudgetKind, Cost, epsilon_of_rho
from dpselect.composition import tight_epsilon
from dpselect.ledger import Balance, Entry, Ledger
from dpselect.privacy import NeighbouringRelation, parse_fraction, parse_poll_epsilon
from psiselect.charges import budget_of
from psiselect.records import json_text_with

_COMPOSED = 100  # different spendings: each takes some hundredths of a second
_SHOWN = 100  # rows of a table for people: more take minutes to lay out, and nobody reads them

_file = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


@click.group("budget")
def command() -> None:
    """Limit what all published results together may reveal about a person.

    Each result has an epsilon, a number that you choose: smaller is safer and less accurate. A ledger is a file that
    holds a budget: the most that the epsilons of all results may add up to.

    \b
    Examples:
      psiselect budget create town.db --epsilon 1 --neighbors add-remove --dataset poll-2026
      psiselect budget show town.db
    """


@command.command("create", short_help="Make a ledger, the file that holds a budget.")
@_file
@click.option(
    "--epsilon",
    metavar="E",
    help="Set the budget of each data set: the most that the epsilons of its results may add up to, such as 1, 0.5 or "
    "ln(3). Smaller is safer.",
)
@click.option(
    "--delta",
    metavar="D",
    help="Set the budget for delta: the chance that the results give away more than epsilon allows, such as 1e-6. With "
    "--kind zcdp (see --kind below), the command computes the budget from --epsilon and --delta.",
)
@click.option(
    "--rho",
    metavar="R",
    help="With --kind zcdp (see --kind below): set the budget as rho, instead of --epsilon and --delta.",
)
@click.option(
    "--kind",
    type=choice(BudgetKind),
    default=BudgetKind.PURE.value,
    show_default=True,
    help="Choose what the budget limits. pure: the sum of the results' epsilons. zcdp: the sum of another measure, "
    "rho, which is better for many results. You cannot change this later.",
)
@click.option(
    "--neighbors",
    required=True,
    type=choice(NeighbouringRelation),
    help="Say what all results must hide: whether and how somebody takes part (add-remove), or only how (replace). You "
    "cannot change this later.",
)
@click.option(
    "--dataset",
    "datasets",
    multiple=True,
    metavar="NAME",
    help="Name a data set that has this budget. May be repeated. Without this option, any name is accepted. Each new "
    "name then starts with a full budget, even a misspelt one.",
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
    """Make a ledger, a file that limits what all published results together may reveal about a person. You cannot
    change its budget, --kind or --neighbors later.

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
@click.option("--dataset", metavar="NAME", help="Show only this data set.")
@click.option(
    "--delta",
    metavar="D",
    help="Also show one epsilon for all results together. D, such as 1e-6, is the chance that they give away more than "
    "this epsilon allows. For a budget of --kind pure (the usual kind), the command shows it only if it is less than "
    "the sum. This needs an extra package: pip install 'psiselect[accounting]'.",
)
@click.option(
    "--group",
    type=WholeNumber(min=1),
    default=1,
    metavar="C",
    help="Also show the epsilon for a group of C people together. It is C times as large, so a group is protected less "
    "than one person. Only for a budget of --kind pure.",
)
@json_option
def show(file: Path, dataset: str | None, delta: str | None, group: int, as_json: bool) -> None:
    """Show how much of a budget was spent, on what, and what is left.

    A budget limits what all published results together may reveal about a person. Each result costs its epsilon:
    smaller is safer.

    The command shows the newest 100 entries and the first 100 data sets; --json lists all.

    The budget limits the sum of all costs. Results often reveal less than this sum says: with --delta, the command also
    shows a more exact figure.

    \b
    Examples:
      psiselect budget show town.db
      psiselect budget show study.db --delta 1e-6 --json
    """
    ledger = Ledger.open(file)
    if group > 1 and ledger.kind is not BudgetKind.PURE:
        raise words.group_of_zcdp()
    at = None if delta is None else parse_fraction(delta, "delta")
    if as_json:
        _print_whole(ledger, dataset, at, group)
        return
    balances = ledger.balances(_SHOWN + 1) if dataset is None else [ledger.balance(dataset)]
    entries = ledger.entries(dataset, newest=_SHOWN + 1)
    tight = {} if at is None else _epsilons_at(ledger, balances[:_SHOWN], at)
    _print_terms(ledger)
    if not balances:
        print_line(words.NOTHING_SPENT)
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
                *([_or_sum(tight.get(balance.dataset))] if at else []),
                *([str(group * balance.spent.amount)] if group > 1 else []),
            )
            for balance in balances[:_SHOWN]
        ],
    )
    if len(balances) > _SHOWN:
        say(words.more_datasets(ledger.count() - _SHOWN))
    if entries:
        print_line()
        print_table(
            ["when (UTC)", "data set", "cost", "what"],
            [(entry.at, entry.dataset, ledger.describe(entry.cost), entry.what) for entry in entries[-_SHOWN:]],
        )
        if len(entries) > _SHOWN:
            say(words.OLDER_ENTRIES)


def _print_whole(ledger: Ledger, dataset: str | None, at: Fraction | None, group: int) -> None:
    """The whole ledger as JSON. Balances and entries are made one by one: of 10^5 releases there are many."""
    balances, entries = ledger.statement(dataset)
    tight: Mapping[str, Fraction | None] = {}
    if at is not None:
        kept = list(balances)
        balances, tight = iter(kept), _epsilons_at(ledger, kept, at)
    shown = _Shown(tight, group)
    lists = {"balances": map(shown.balance, balances), "entries": map(shown.entry, entries)}
    print_line(json_text_with(_terms(ledger), lists))


def _terms(ledger: Ledger) -> dict[str, object]:
    return {
        "ledger": ledger.path,
        "kind": ledger.kind.value,
        "neighbors": ledger.neighbors.value,
        "datasets": ledger.datasets,
    } | _amounts("budget", ledger.budget)


def _amounts(name: str, cost: Cost) -> dict[str, object]:
    above, below = cost.amount.as_integer_ratio()
    delta = float(cost.delta) if cost.delta else 0.0
    return {name: above / below, name + "_exact": str(cost.amount), name + "_delta": delta}


class _Shown:
    """Balances and entries as `--json` has them."""

    def __init__(self, tight: Mapping[str, Fraction | None], group: int) -> None:
        self._tight, self._group = tight, group

    def balance(self, balance: Balance) -> dict[str, object]:
        """What a data set has spent and has left."""
        record = {"dataset": balance.dataset, **_amounts("spent", balance.spent)}
        record |= _amounts("remaining", balance.remaining)
        if balance.dataset in self._tight:
            epsilon = self._tight[balance.dataset]
            record["epsilon_at_delta"] = None if epsilon is None else float(epsilon)
        if self._group > 1:
            record["group_epsilon"] = str(self._group * balance.spent.amount)
        return record

    def entry(self, entry: Entry) -> dict[str, object]:
        """One release."""
        return {"dataset": entry.dataset, "what": entry.what, "at": entry.at, **_amounts("cost", entry.cost)}


def _epsilons_at(ledger: Ledger, balances: list[Balance], delta: Fraction) -> dict[str, Fraction | None]:
    """For each data set the epsilon that its spending amounts to at this delta, the deltas that were spent included.
    None where they are more, or in a pure ledger where the sum is as good. A pure ledger of many different spendings
    has it for some of them."""
    if ledger.kind is BudgetKind.ZCDP:
        at = functools.lru_cache(4096)(epsilon_of_rho)
        lefts = {balance.dataset: (balance.spent.amount, delta - balance.spent.delta) for balance in balances}
        return {dataset: at(rho, left) if left > 0 else None for dataset, (rho, left) in lefts.items()}
    costs: dict[str, list[Cost]] = {balance.dataset: [] for balance in balances}
    for entry in ledger.entries(balances[0].dataset if len(balances) == 1 else None):
        if entry.dataset in costs:
            costs[entry.dataset].append(entry.cost)
    tight: dict[frozenset[tuple[Cost, int]], Fraction | None] = {}
    found: dict[str, Fraction | None] = {}
    for dataset, spent in costs.items():
        if len(spent) == 1 and not spent[0].delta:  # one release is what it is
            found[dataset] = None
            continue
        kind = frozenset(Counter(spent).items())
        if kind not in tight:
            if len(tight) >= _COMPOSED:
                continue
            tight[kind] = tight_epsilon(spent, delta)
        found[dataset] = tight[kind]
    if len(found) < len(costs):
        say(words.without_epsilon(len(costs) - len(found)))
    return found


def _or_sum(epsilon: Fraction | None) -> str:
    return "-" if epsilon is None else f"{float(epsilon):.6g}"


def _print_terms(ledger: Ledger) -> None:
    print_fields(
        {
            "ledger": ledger.path,
            "kind": ledger.kind.value,
            "neighbors": ledger.neighbors.value,
            "budget": ledger.describe(ledger.budget) + ("" if ledger.datasets else words.EACH_DATASET),
            "data sets": ", ".join(ledger.datasets) or words.ANY_NAME,
        }
    )
