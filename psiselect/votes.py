"""Private winners: `psiselect.elect` and `psiselect.select`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Unpack

from dpselect.ballots import (
    FORMATS,
    BallotColumnError,
    OnInvalid,
    Other,
    Repeated,
    Rules,
    load_candidates,
    parse_candidates,
)
from dpselect.mechanisms import Mechanism
from psiselect import words, words_arguments
from psiselect.arguments import (
    Neighbors,
    Reading,
    choice_of,
    epsilon_of,
    flag_of,
    given_table,
    in_python,
    relation_of,
    text_of,
    texts_of,
    whole,
)
from psiselect.budgets import AnyLedger, Charged, budget_file
from psiselect.elections.ballots import TABLE_FORMATS, GivenBallots, read_given, separator_of
from psiselect.elections.winner import Wish, draw_winner
from psiselect.exact import Exact, exact
from psiselect.results import Election, Selection
from psiselect.selections.best import Wish as ScoreWish
from psiselect.selections.best import select_best
from psiselect.selections.scores import read_scores

Candidates = Sequence[str] | str | os.PathLike[str]


@in_python
def elect(
    ballots: Any,
    *,
    epsilon: Exact,
    neighbors: Neighbors,
    candidates: Candidates | None = None,
    seats: int = 1,
    mechanism: str = "auto",
    gap: Exact | None = None,
    ledger: AnyLedger | None = None,
    dataset: str | None = None,
    ballot_column: str | None = None,
    separator: str | None = None,
    other: str = "refuse",
    yes: Sequence[str] = (),
    no: Sequence[str] = (),
    voter_column: str | None = None,
    repeated_voter: str | None = None,
    approve_category: Sequence[str] = (),
    on_invalid: str = "error",
    line_breaks: bool = False,
    **reading: Unpack[Reading],
) -> Election:
    """The winner of an approval election, or a committee, with differential privacy for the voters.

    Each call is one draw. Publish the first, and draw no second time: the epsilons of all draws add up. Nothing is
    recorded beside the ballots, as the command does; a ledger keeps count.

    Args:
        ballots: a path, an address, or a table in memory (docs/elections.md for what is in it).
        epsilon: privacy, exact: "0.1" is very strong, 1 usual, 5 weak.
        neighbors: what one voter can change: "add-remove", whether the voter took part at all, or "replace", how.
        candidates: the public list, as names or as a file with one a line. Needed where ballots hold names.
        seats: the size of the committee.
        mechanism: how to draw: "auto", or a mechanism by its name.
        gap: your guess, before counting, of the lead in votes; steers "auto" for several seats.
        ledger: a budget that pays, as `Ledger` or its path.
        dataset: the name of these ballots in the ledger.
        ballot_column: read lists of names from the cells of this column.
        separator: what stands between names in a cell. Without: any of ; , |
        other: a text that is no candidate: "refuse" the ballot, or "ignore" the text.
        yes: further texts that mean approval in a matrix.
        no: further texts that mean none.
        voter_column: the column that says whose each ballot is. Without: voter_id, if there is one.
        repeated_voter: several ballots of one voter: "error", or count the "last" or the "first".
        approve_category: PrefLib: the categories that mean approval.
        on_invalid: ballots that break a rule: "error", or "drop" to leave them out.
        line_breaks: CSV: cells may hold line breaks.
        reading: `query` for a database, `format` and what else is said about a file.

    Raises:
        UsageError: arguments that make no sense together.
        InputError: ballots that cannot be read, or break a rule.
        BudgetError: the budget does not hold the cost; nothing was drawn.
    """
    kind = None if mechanism == "auto" else choice_of(Mechanism, mechanism, "mechanism")
    wish = Wish(epsilon_of(epsilon), relation_of(neighbors), kind, whole(seats, "seats"), _gap(gap))
    rules = Rules(
        candidates=None if candidates is None else _candidates(candidates),
        on_invalid=choice_of(OnInvalid, on_invalid, "on_invalid"),
        ballot_column=None if ballot_column is None else text_of(ballot_column, "ballot_column"),
        separator=None if separator is None else separator_of(text_of(separator, "separator")),
        other=choice_of(Other, other, "other"),
        yes=texts_of(yes, "yes"),
        no=texts_of(no, "no"),
        voter_column=None if voter_column is None else text_of(voter_column, "voter_column"),
        repeated=None if repeated_voter is None else choice_of(Repeated, repeated_voter, "repeated_voter"),
        approve=texts_of(approve_category, "approve_category"),
    )
    form = reading.get("format")
    if form is not None and form not in (*FORMATS, *TABLE_FORMATS):
        raise words_arguments.not_a_format((*FORMATS, *TABLE_FORMATS))
    table = given_table(ballots, reading, words_arguments.OF_BALLOTS, formatted=False)
    book = budget_file(ledger, dataset)
    try:
        found = read_given(GivenBallots(table, rules, form, flag_of(line_breaks, "line_breaks")))
    except BallotColumnError as error:
        if error.column is None:
            raise
        raise words.other_ballot_column(words_arguments.OF_BALLOTS, error.column, error.line) from None
    drawn = draw_winner(found, wish, book=book, dataset=dataset)
    names = found.profile.candidates
    return Election(
        drawn.promise,
        Charged.of(drawn.paid, drawn.balance),
        found.notes,
        drawn.to_json(),
        drawn.winners,
        drawn.choice.mechanism.value,
        tuple(names if found.public_order else sorted(names)),
        found.titles,
        drawn.choice.why,
        found.warnings,
        drawn.announcement(),
    )


@in_python
def select(
    scores: Any,
    *,
    label: str,
    score: str,
    sensitivity: Exact,
    epsilon: Exact,
    neighbors: Neighbors,
    monotonic: bool = False,
    mechanism: str = "auto",
    seats: int = 1,
    gap: Exact | None = None,
    exact_floats: bool = False,
    ledger: AnyLedger | None = None,
    dataset: str | None = None,
    **reading: Unpack[Reading],
) -> Selection:
    """The candidate with the best score, or the best `seats`, with differential privacy.

    The guarantee is as good as the sensitivity that you state.

    Args:
        scores: a path, an address, or a table in memory, with a row for each candidate.
        label: the column with the candidates' names.
        score: the column with their scores: whole numbers, decimals, or text such as "1.5".
        sensitivity: by how much one person's data can change any one score, at most.
        epsilon: privacy, exact: "0.1" is very strong, 1 usual, 5 weak.
        neighbors: what one person can change, as you count the sensitivity: "add-remove", whether the person's data are
            there, or "replace", what they say.
        monotonic: one person's data move all scores up, or all down: half the noise is enough.
        mechanism: how to draw: "auto", or a mechanism by its name.
        seats: how many to select.
        gap: your guess, made without the data, of the winners' lead; steers "auto".
        exact_floats: take a floating-point column as exactly those binary fractions.
        ledger: a budget that pays, as `Ledger` or its path.
        dataset: the name of these data in the ledger.
        reading: `query` for a database, `format` and what else is said about a file.

    Raises:
        UsageError: arguments that make no sense together.
        InputError: scores that cannot be read exactly.
        BudgetError: the budget does not hold the cost; nothing was drawn.
    """
    wish = ScoreWish(
        epsilon_of(epsilon),
        relation_of(neighbors),
        exact(sensitivity, "sensitivity"),
        flag_of(monotonic, "monotonic"),
        None if mechanism == "auto" else choice_of(Mechanism, mechanism, "mechanism"),
        whole(seats, "seats"),
        _gap(gap),
    )
    book = budget_file(ledger, dataset)
    wish.check(book)
    table = given_table(scores, reading, words_arguments.OF_SCORES)
    source = table.open(otherwise=".csv")
    floats = flag_of(exact_floats, "exact_floats")
    labels, values = read_scores(source, text_of(label, "label"), text_of(score, "score"), exact_floats=floats)
    drawn = select_best(labels, values, wish, book=book, dataset=dataset)
    return Selection(
        drawn.promise, Charged.of(drawn.paid, drawn.balance), (), drawn.to_json(), drawn.winners, drawn.mechanism.value
    )


def _gap(gap: Exact | None) -> Any:
    return None if gap is None else exact(gap, "gap")


def _candidates(given: Candidates) -> tuple[str, ...]:
    if isinstance(given, str | os.PathLike):
        return load_candidates(Path(given))
    names = texts_of(given, "candidates")
    if any("\n" in name for name in names):
        raise words_arguments.line_break_in_a_name()
    return parse_candidates("\n".join(names).encode(), "candidates")
