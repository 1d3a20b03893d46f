"""`psiselect select`: a private winner, or several, from any table of candidates and scores."""

from __future__ import annotations

from pathlib import Path

import click

from cli import words
from cli._ledger import ledger_options, open_ledger, writing
from cli._numbers import WholeNumber
from cli._options import choice
from cli._output import json_option, print_json, print_line, say
from cli._reading import taking_reading
from cli._table import FILE_OR_DATABASE, query_option
from dpselect.mechanisms import Mechanism
from dpselect.privacy import NeighbouringRelation, parse_epsilon, parse_fraction
from psi.tables import ReadingOptions
from psiselect.selections.best import BUILDERS, Wish, select_best
from psiselect.selections.scores import read_scores
from psiselect.tables import Table


@click.command("select")
@click.argument("scores", type=FILE_OR_DATABASE)
@query_option
@taking_reading()
@click.option("--label", required=True, metavar="COLUMN", help="Read the candidates' names from this column.")
@click.option("--score", required=True, metavar="COLUMN", help="Read their scores from this column.")
@click.option(
    "--sensitivity",
    required=True,
    metavar="S",
    help="Say by how much, at most, one person's data can change any one score.",
)
@click.option(
    "--monotonic",
    is_flag=True,
    help="Say that one person's data never raise one score and lower another. Then half the randomness is enough.",
)
@click.option(
    "--epsilon",
    required=True,
    metavar="E",
    help="Limit what the result can give away about one person: smaller is safer and less accurate; 1 is usual. Write "
    "a decimal number or a fraction: 0.1 or 1/10.",
)
@click.option(
    "--neighbors",
    type=choice(NeighbouringRelation),
    help="Say what stays hidden: whether a person's data are there (add-remove), or what they say (replace). With "
    "add-remove, --sensitivity is the largest change when a person is added or removed. With replace, it is the "
    "largest change when a person's data change. Needed with --ledger.",
)
@click.option(
    "--mechanism",
    type=click.Choice(["auto", *(mechanism.value for mechanism in BUILDERS)]),
    default="auto",
    show_default=True,
    help="Draw by this method. auto chooses without looking at the scores; docs/privacy.md explains the methods.",
)
@click.option(
    "--seats", type=WholeNumber(min=1), default=1, show_default=True, metavar="N", help="Choose this many candidates."
)
@click.option(
    "--gap",
    metavar="G",
    help="Guess, without looking at the data, how far the winners are ahead. With several --seats, auto uses "
    "this guess.",
)
@click.option(
    "--exact-floats",
    is_flag=True,
    help="Accept a column that stores numbers as floating point, as many Parquet files do. Without this option, the "
    "command refuses such numbers, because they are often slightly rounded.",
)
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
    """Choose the candidate with the best score (or, with --seats, several). Chance plays a part, to hide the people
    from whose data the scores were computed.

    SCORES is a table: CSV, Parquet, a spreadsheet and others (docs/tables.md), or a database with --query. Write scores
    as decimals (1.5) or as fractions (1/3). --sensitivity says how much one person's data can change a score. If this
    number is too small, people are not hidden. If a Python program of yours computes the scores, the Python module
    `dpselect.declaration_search` can look for a mistake in your --sensitivity.

    \b
    Examples:
      psiselect select routes.csv --label route --score riders --sensitivity 1 --monotonic --epsilon 0.5
      psiselect select scores.parquet --label name --score utility --sensitivity 0.2 --epsilon 1 --seats 3 --json
    """
    wish = Wish(
        parse_epsilon(epsilon),
        None if neighbors is None else NeighbouringRelation.parse(neighbors),
        parse_fraction(sensitivity, "sensitivity"),
        monotonic,
        None if mechanism == "auto" else Mechanism(mechanism),
        seats,
        None if gap is None else parse_fraction(gap, "gap"),
    )
    book = open_ledger(ledger, dataset)
    wish.check(book)
    source = Table(scores, query, said).open(otherwise=".csv")
    labels, values = read_scores(source, label, score, exact_floats=exact_floats)
    found = select_best(labels, values, wish, book=book, dataset=dataset)
    with writing(charged=found.paid is not None):
        if as_json:
            print_json(found.to_json())
        else:
            print_line(words.SELECTED)
            for name in found.winners:
                print_line(name)
    if as_json:
        return
    say(found.promise)
    if book is not None and found.balance is not None:
        say(words.left_for(dataset, ledger, book.describe(found.balance.remaining)))
