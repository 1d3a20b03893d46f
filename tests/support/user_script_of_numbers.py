"""What a user's program may look like: every public name for votes, numbers and advice, with the types it gives."""

from __future__ import annotations

import threading
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import assert_type

import psiselect


def main(rows: Path, ballots: Path, scores: Path, folder: Path) -> list[str]:
    """Everything once; the reprs of all results."""
    ledger = psiselect.Ledger.create(folder / "user.db", epsilon=Decimal("1e12"), neighbors="replace")
    assert_type(ledger, psiselect.Ledger)
    assert_type(ledger.left("rows"), Fraction)
    total = psiselect.release.sum(
        rows, "raise", lower=0, upper=5000, epsilon="1e10", neighbors="replace", ledger=ledger, dataset="rows"
    )
    assert_type(total, psiselect.ReleasedNumber)
    assert_type(total.value, int | float)
    assert_type(total.exact, Fraction)
    assert_type(total.charged, psiselect.Charged | None)
    cells = psiselect.release.histogram(rows, "smoker", categories=["yes", "no"], epsilon=1, neighbors="add-remove")
    assert_type(cells, psiselect.ReleasedCells)
    assert_type(cells.values, dict[str, int | float])
    groups = psiselect.release.table(rows, by="smoker", groups=["yes"], other="else", epsilon=1, neighbors="replace")
    assert_type(groups, psiselect.ReleasedTable)
    first = psiselect.release.threshold(
        rows, "smoker", categories=["yes"], at_least=1, epsilon=Fraction(1, 3), neighbors="replace"
    )
    assert_type(first, psiselect.ReleasedFirst)
    assert_type(first.value, str | None)
    election = psiselect.elect(ballots, epsilon=1, neighbors="replace", seats=1)
    assert_type(election, psiselect.Election)
    assert_type(election.winner, str)
    assert_type(election.winners, tuple[str, ...])
    best = psiselect.select(scores, label="name", score="score", sensitivity=1, epsilon=1, neighbors="replace")
    assert_type(best, psiselect.Selection)
    response = psiselect.poll.respond("yes", epsilon="ln(3)", name="lunch")
    assert_type(response, psiselect.PollResponse)
    assert_type(response.row, str)
    shares = psiselect.poll.estimate([response], epsilon="ln(3)", confidence=0.9)
    assert_type(shares, psiselect.PollShares)
    assert_type(shares.shares["yes"].estimate, float)
    advice = psiselect.advise({"function": "sum", "n_holders": 3})
    assert_type(advice, psiselect.Advice)
    assert_type(advice.recommendation, str | None)
    return [repr(found) for found in (ledger, total, cells, groups, first, election, best, response, shares, advice)]


def joint(parties: Path, cancel: threading.Event) -> int | float:
    """One party of a sum."""
    found = psiselect.mpc_sum(
        "3.5", party="alice", parties=parties, identity=parties.parent / "keys" / "alice", cancel=cancel
    )
    assert_type(found, psiselect.JointSum)
    return found.value
