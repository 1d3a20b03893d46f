"""Polls with randomised responses: one response, drawn and paid for, and what can be read off many of them.

`psiselect.poll` and `psiselect poll` stand on this room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dpselect.accounting import Cost, PureDp
from dpselect.ledger import Ledger
from dpselect.local_dp import Poll, PollEstimate, PollMechanism
from dpselect.privacy import Epsilon, NeighbouringRelation
from dpselect.responses import Collection, row
from psi.tables import ReadingOptions, row_table
from psiselect import words
from psiselect.base.entropy import SystemEntropy
from psiselect.charges import Charge, saying_paid
from psiselect.tables import AnyTable, Table


def poll_of(options: Sequence[str], epsilon: Epsilon, mechanism: str) -> Poll:
    """A question's options and how they are answered; mechanism: "auto", or one by its name. Raises UsageError."""
    return Poll.of(options, epsilon, None if mechanism == "auto" else PollMechanism(mechanism))


@dataclass(frozen=True, repr=False)
class Drawn:
    """One response. row: a table with this one response, as CSV. charge: what has paid, None without a ledger."""

    poll: Poll
    response: str
    row: str
    charge: Charge | None

    @property
    def paid(self) -> Cost | None:
        """What it has cost a ledger."""
        return None if self.charge is None else self.charge.ledger.charged(self.charge.event)

    def to_json(self, output: Path | None) -> dict[str, object]:
        """As `--json` prints it. output: the file that it was written to."""
        epsilon = self.poll.epsilon
        record = {"response": self.response, "mechanism": self.poll.mechanism, "epsilon": float(epsilon.value)}
        remaining = {} if self.charge is None else self.charge.fields
        return record | {"epsilon_exact": epsilon.text, "output": output} | remaining


def require_new(output: Path | None) -> None:
    """Raises InputError for a file that has a response already."""
    if output is not None and output.exists():
        raise words.response_exists(output)


def draw(poll: Poll, answer: str, name: str, *, book: Ledger | None = None, dataset: str | None = None) -> Drawn:
    """Pay for one response to the poll, then draw it.

    name: of the question. Raises UsageError for an answer that is not an option, BudgetError when the budget does not
    hold the cost.
    """
    poll.require_option(answer)
    charge = None
    if book is not None and dataset is not None:
        # That somebody answers is seen; what is protected is which answer it is.
        what = words.spent_on_a_response(poll.mechanism.value, poll.epsilon.text)
        charge = Charge(book, dataset, PureDp(poll.epsilon.value), NeighbouringRelation.REPLACE, what[:200])
        charge.pay()
    with saying_paid(lambda: charge is not None):
        entropy = SystemEntropy()
        response = poll.respond(answer, entropy)
        return Drawn(poll, response, row(poll, name, response, entropy), charge)


@dataclass(frozen=True)
class Estimated:
    """The share of each option. responses: how many there were."""

    poll: Poll
    shares: tuple[PollEstimate, ...]
    responses: int
    confidence: float
    population: bool

    @property
    def about(self) -> dict[str, object]:
        """What holds for all options."""
        return {
            "responses": self.responses,
            "mechanism": self.poll.mechanism,
            "epsilon": float(self.poll.epsilon.value),
            "epsilon_exact": self.poll.epsilon.text,
            "confidence": self.confidence,
            "error_of": "noise and sampling" if self.population else "noise",
        }

    def to_json(self) -> dict[str, object]:
        """As `--json` prints it: the first option's, then all options'."""
        first = self.shares[0]
        each = {share.option: _fields(share) for share in self.shares}
        return {"option": first.option, **_fields(first), "options": each} | self.about


def _fields(share: PollEstimate) -> dict[str, object]:
    return {
        "estimate": share.estimate,
        "standard_error": share.standard_error,
        "interval": list(share.interval),
    }


def estimate(poll: Poll, tables: Sequence[AnyTable], *, confidence: float, population: bool) -> Estimated:
    """Shares from tables of responses, each of which counts once. Raises UsageError, InputError."""
    collection = Collection(poll)
    for table in tables:
        collection.add(row_table(table.open(otherwise=".csv")))
    shares = poll.estimate(collection.responses, confidence=confidence, population=population)
    return Estimated(poll, shares, len(collection.responses), confidence, population)


def tables_at(places: Sequence[Path | str], query: str | None, reading: ReadingOptions) -> list[Table]:
    """Tables of responses by where they are; a folder stands for its .csv files. Raises UsageError."""
    found: list[Table] = []
    for place in places:
        if not isinstance(place, Path):
            found.append(Table(place, query if Table(place).in_database else None))
        elif place.is_dir() and (inside := sorted(place.glob("*.csv"))):
            found += map(Table, inside)
        else:  # a folder that holds no .csv files may be one of Parquet files
            found.append(Table(place))
    found = [replace(table, reading=replace(reading, shared=len(found) > 1)) for table in found]
    if query is not None and not any(table.in_database for table in found):
        raise words.query_of_files()
    if len({table.where.resolve() if isinstance(table.where, Path) else table.where for table in found}) != len(found):
        raise words.responses_twice()
    return found
