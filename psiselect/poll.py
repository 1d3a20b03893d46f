"""Polls with plausible deniability: what `psiselect poll` does, as functions (docs/systems/polls.md).

Every respondent adds the noise to the own answer, so that nobody need be trusted.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from typing import Any, Unpack

import pyarrow as pa

from dpselect.local_dp import YES_NO, PollMechanism
from dpselect.privacy import Epsilon, parse_poll_epsilon
from psi.tables import ReadingOptions
from psiselect import polling, words, words_arguments
from psiselect.arguments import Reading, choice_of, flag_of, given_table, in_python, path_of, text_of, texts_of
from psiselect.base.atomic import write_bytes
from psiselect.base.errors import OutputError
from psiselect.budgets import AnyLedger, Charged, budget_file
from psiselect.charges import saying_paid
from psiselect.exact import Exact, exact
from psiselect.results import PollResponse, PollShares
from psiselect.tables import AnyTable, Table, table_of

__all__ = ["estimate", "respond"]


@in_python
def respond(
    answer: str,
    *,
    epsilon: Exact,
    options: Sequence[str] = YES_NO,
    mechanism: str = "auto",
    name: str = "",
    output: str | os.PathLike[str] | None = None,
    ledger: AnyLedger | None = None,
    dataset: str | None = None,
) -> PollResponse:
    """A randomised response to a question. It may be given to anyone: it says little about the true answer.

    Answer each question once, and keep the response: every further draw spends epsilon again.

    Args:
        answer: the true answer, one of the options. It is not stored.
        epsilon: protection of this one answer, exact: "0.5", "1/2", or "ln(3)", the two coins. Smaller is safer.
        options: the possible answers, in order.
        mechanism: how to randomise: "auto" takes the smaller error, else one by its name.
        name: of the question, so that polls are not mixed up.
        output: write the response to this new file, ready to be sent.
        ledger: the respondent's own budget, as `psiselect.Ledger` or its path; its relation is "replace".
        dataset: the name of this answer in the ledger.

    Raises:
        UsageError: an answer that is not an option, options that make no poll.
        InputError: the file exists. OutputError: it cannot be written; its `result` is the response.
        BudgetError: the budget does not hold the cost; nothing was drawn.
    """
    poll = polling.poll_of(texts_of(options, "options"), _epsilon(epsilon), _mechanism(mechanism))
    book = budget_file(ledger, dataset)
    file = None if output is None else path_of(output, "output")
    polling.require_new(file)
    drawn = polling.draw(poll, text_of(answer, "answer"), text_of(name, "name"), book=book, dataset=dataset)
    charge = drawn.charge
    found = PollResponse(
        words.of_one_answer(poll.epsilon.text, poll.mechanism.value),
        Charged.of(drawn.paid, None if charge is None else charge.balance),
        (),
        drawn.to_json(file),
        file,
        drawn.response,
        drawn.row,
    )
    if file is not None:
        with saying_paid(lambda: charge is not None):
            try:
                write_bytes(file, drawn.row.encode())
            except OutputError as error:
                error.result = found
                raise
    return found


@in_python
def estimate(
    responses: Any,
    *,
    epsilon: Exact,
    options: Sequence[str] = YES_NO,
    mechanism: str = "auto",
    confidence: float = 0.95,
    population: bool = False,
    **reading: Unpack[Reading],
) -> PollShares:
    """How many hold each option, from the responses of many.

    Estimates are unbiased, and may fall outside 0 to 1. Intervals are exact and stay inside.

    Args:
        responses: a table, a folder of .csv files, or several in a list; `PollResponse` objects may be among them.
            Every row must answer the same question in the same way, and a response counts once.
        epsilon: as the respondents used it.
        options: as the respondents had them, in the same order.
        mechanism: as the respondents used it.
        confidence: how often an interval holds the true share, at least.
        population: the respondents are a random sample of a population: add the error of drawing them.
        reading: `query` for a database, `format` and what else is said about files.

    Raises:
        UsageError: arguments that make no sense together.
        InputError: responses that cannot be read, or answer something else; the message names table and row.
    """
    poll = polling.poll_of(texts_of(options, "options"), _epsilon(epsilon), _mechanism(mechanism))
    if isinstance(confidence, bool) or not isinstance(confidence, int | float):
        raise words_arguments.not_a_confidence()
    several = isinstance(responses, list | tuple) and not any(isinstance(each, pa.RecordBatch) for each in responses)
    given = list(responses) if several else [responses]
    both = flag_of(population, "population")
    found = polling.estimate(poll, _tables(given, reading), confidence=confidence, population=both)
    shares = {share.option: share for share in found.shares}
    promise = words.of_each_answer(poll.epsilon.text, poll.mechanism.value)
    return PollShares(promise, None, (), found.to_json(), found.responses, shares)


def _epsilon(value: Exact) -> Epsilon:
    return parse_poll_epsilon(value if isinstance(value, str) else exact(value, "epsilon"))


def _mechanism(name: str) -> str:
    return name if name == "auto" else choice_of(PollMechanism, name, "mechanism").value


def _tables(given: Sequence[Any], said: Reading) -> list[AnyTable]:
    """Tables by where they are, then those in memory."""
    there = [each for each in given if isinstance(each, str | os.PathLike)]
    here = [each for each in given if not isinstance(each, str | os.PathLike)]
    held = [
        table_of(_one_row(each) if isinstance(each, PollResponse) else each, name=f"table {number}")
        for number, each in enumerate(here, 1)
    ]
    if not there:
        for each in here or [None]:  # refuses what is said about files
            given_table(each, said, words_arguments.OF_RESPONSES)
        return held
    asked = [given_table(each, said, words_arguments.OF_RESPONSES) for each in there]
    places = [table.where for table in asked if isinstance(table, Table)]
    return [*polling.tables_at(places, said.get("query"), _reading(asked)), *held]


def _reading(tables: Sequence[AnyTable]) -> ReadingOptions:
    return next(table.reading for table in tables if isinstance(table, Table))


def _one_row(response: PollResponse) -> pa.Table:
    header, cells = csv.reader(io.StringIO(response.row))
    return pa.table({name: [cell] for name, cell in zip(header, cells, strict=True)})
