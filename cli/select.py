"""`psiselect select`: a private winner, or several, from any table of candidates and scores."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import click

from cli._ledger import ledger_options, open_ledger, writing
from cli._options import choice
from cli._output import json_option, print_json, print_line, say
from cli._reading import taking_reading
from cli._score_table import read_scores
from cli._table import FILE_OR_DATABASE, query_option
from dpselect.accounting import BudgetKind
from dpselect.approval import epsilon_text
from dpselect.committee import CommitteeSelection, peeling, subset_exponential
from dpselect.mechanisms import Mechanism, Selection, exponential, permute_and_flip
from dpselect.planning import ASSUMED_GAP, FOR_SEVERAL, committee_rule
from dpselect.privacy import NeighbouringRelation, parse_epsilon, parse_fraction
from dpselect.scores import Declared, ScoreBound
from dpselect.utility import Race
from psi.tables import ReadingOptions
from psiselect.base.errors import UsageError
from psiselect.tables import Table

Measurement = Selection | CommitteeSelection
_BUILDERS: dict[Mechanism, Callable[[Fraction, Declared, int], Measurement]] = {
    Mechanism.PERMUTE_AND_FLIP: lambda epsilon, score, seats: permute_and_flip(epsilon, None, score),
    Mechanism.EXPONENTIAL: lambda epsilon, score, seats: exponential(epsilon, None, score),
    Mechanism.SUBSET_EXPONENTIAL: lambda epsilon, score, seats: subset_exponential(epsilon, None, seats, score),
    Mechanism.PEELING: lambda epsilon, score, seats: peeling(epsilon, None, seats, score),
}


@click.command("select")
@click.argument("scores", type=FILE_OR_DATABASE)
@query_option
@taking_reading()
@click.option("--label", required=True, metavar="COLUMN", help="Column with the candidates' names.")
@click.option("--score", required=True, metavar="COLUMN", help="Column with their scores.")
@click.option(
    "--sensitivity", required=True, metavar="S", help="By how much one person's data can change any one score, at most."
)
@click.option(
    "--monotonic", is_flag=True, help="One person's data move all scores up, or all down: half the noise is enough."
)
@click.option("--epsilon", required=True, metavar="E", help="Privacy parameter, exact: 0.1 or 1/10.")
@click.option(
    "--neighbors",
    type=choice(NeighbouringRelation),
    help="What one person can change, as you count --sensitivity: whether the person's data are there (add-remove), or "
    "what they say (replace). Needed with --ledger.",
)
@click.option(
    "--mechanism",
    type=click.Choice(["auto", *(mechanism.value for mechanism in _BUILDERS)]),
    default="auto",
    show_default=True,
    help="auto: permute-and-flip for one seat (exponential on a zCDP ledger); for more, by sizes, epsilon and --gap.",
)
@click.option("--seats", type=click.IntRange(min=1), default=1, show_default=True, help="How many to select.")
@click.option("--gap", metavar="G", help="Your guess, made without the data, of the winners' lead; steers auto.")
@click.option("--exact-floats", is_flag=True, help="Take a floating-point column as exactly those binary fractions.")
@ledger_options("these data")
@json_option
def command(
    scores: Path | str,
    query: str | None,
    said: ReadingOptions,
    label: str,
    score: str,
    sensitivity: str,
    monotonic: bool,
    epsilon: str,
    neighbors: str | None,
    mechanism: str,
    seats: int,
    gap: str | None,
    exact_floats: bool,
    ledger: Path | None,
    dataset: str | None,
    as_json: bool,
) -> None:
    """The candidate with the best score, or the best --seats, with differential privacy.

    SCORES is a table: CSV, Parquet, a spreadsheet and others (docs/tables.md), or a database with --query. Text is read
    as exact decimals ("1.5") or ratios ("1/3"). The guarantee is as good as the sensitivity you state;
    `dpselect.declaration_search` can search for a counterexample.

    \b
    Examples:
      psiselect select routes.csv --label route --score riders --sensitivity 1 --monotonic --epsilon 0.5
      psiselect select scores.parquet --label name --score utility --sensitivity 0.2 --epsilon 1 --seats 3 --json
    """
    exact = parse_epsilon(epsilon)
    relation = None if neighbors is None else NeighbouringRelation.parse(neighbors)
    if monotonic and relation is NeighbouringRelation.REPLACE:
        raise UsageError(
            "--monotonic does not go with --neighbors replace: replaced data can raise one score and lower another, "
            "which costs twice as much. Leave out --monotonic, or protect whether a person takes part (add-remove)"
        )
    bound = ScoreBound.of(sensitivity, monotone=monotonic)
    guess = None if gap is None else parse_fraction(gap, "gap")
    book = open_ledger(ledger, dataset)
    if book is not None and relation is None:
        raise UsageError(
            f"--ledger needs --neighbors: the ledger counts releases under one relation, {book.neighbors.value}. Say "
            "--neighbors with the relation that your --sensitivity is for"
        )
    source = Table(scores, query, said).open(otherwise=".csv")
    labels, values = read_scores(source, label, score, exact_floats=exact_floats)
    if seats > 1 and seats >= len(labels):
        raise UsageError(f"--seats {seats}: with {len(labels)} candidates there is nothing to choose")
    kind = BudgetKind.PURE if book is None else book.kind
    chosen = _rule(len(labels), seats, exact, bound, guess, kind) if mechanism == "auto" else Mechanism(mechanism)
    if seats > 1:
        chosen = FOR_SEVERAL.get(chosen, chosen)
    measurement = _BUILDERS[chosen](exact, Declared(bound), seats)
    if isinstance(measurement, CommitteeSelection):
        measurement.check(len(labels))

    remaining = None
    if book is not None and dataset is not None:
        what = f"select: {chosen.value}, epsilon {epsilon_text(exact)}"
        remaining = book.spend(dataset, measurement.event, neighbors=relation, what=what[:200]).remaining
    released = measurement.release(values)
    winners = sorted(labels[index] for index in ((released,) if isinstance(released, int) else released))

    record: dict[str, object] = {
        "winners": winners,
        "seats": seats,
        "mechanism": chosen.value,
        "epsilon": float(exact),
        "epsilon_exact": str(exact),
        "neighbors": neighbors,
        "sensitivity": str(bound.sensitivity),
        "monotonic": monotonic,
        "exponent_per_vote": float(measurement.exponent),
        "exponent_per_vote_exact": str(measurement.exponent),
        "sampling": "exact",
        "ledger_remaining": None if remaining is None else float(remaining.amount),
        "ledger_remaining_exact": None if remaining is None else str(remaining.amount),
    }
    with writing(charged=book is not None):
        if as_json:
            print_json(record)
        else:
            for name in winners:
                print_line(name)
    if as_json:
        return
    moves = f"by at most {bound.sensitivity}" + (", all up or all down" if monotonic else "")
    say(
        f"{epsilon_text(exact)}-differentially private if one person's data move each score {moves} "
        f"({chosen.value}, exponent {measurement.exponent} per unit of score, sampled exactly)"
    )
    if book is not None and remaining is not None:
        say(f"left for {dataset!r} in {ledger}: {book.describe(remaining)}")


def _rule(
    candidates: int, seats: int, epsilon: Fraction, bound: ScoreBound, gap: Fraction | None, kind: BudgetKind
) -> Mechanism:
    """The rule of `dpselect.planning`, for scores in general: from public parameters only."""
    if seats == 1:
        return Mechanism.PERMUTE_AND_FLIP if kind is BudgetKind.PURE else Mechanism.EXPONENTIAL
    race = Race(candidates, seats, float(ASSUMED_GAP * bound.sensitivity if gap is None else gap))
    over_sets = subset_exponential(epsilon, None, seats, Declared(bound))
    peeled = peeling(epsilon, None, seats, Declared(bound))
    return committee_rule(race, over_sets, peeled)[0] if over_sets.fits(candidates) else Mechanism.PEELING
