"""Ballots that name candidates by number, many at once: what BLT and PrefLib have in common."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dpselect.ballots import words
from dpselect.ballots.model import BallotBox

Numbers = npt.NDArray[np.int64]
Marks = npt.NDArray[np.bool_]


def count_members(
    box: BallotBox,
    lines: Numbers,
    counts: Numbers,
    good: Marks,
    members: tuple[Numbers, Numbers],
    unknown: str,
    approving: Marks | None = None,
) -> None:
    """Count the ballots that hold known candidates, each at most once, and refuse the others.

    Args:
        box: where ballots are counted.
        lines: the line of each ballot.
        counts: how many ballots each line stands for.
        good: whether each ballot is valid so far.
        members: for each number on a ballot, the place of its ballot, and the candidate's index. The index may be
            nobody's.
        unknown: the reason that is given where an index is nobody's.
        approving: which members are approvals; None for all.
    """
    ballot, index = members
    strange = np.zeros(len(lines), np.bool_)
    strange[ballot[(index < 0) | (index >= box.size)]] = True
    refuse(box, lines, good & strange, counts, unknown)
    good = good & ~strange
    kept = good[ballot]
    keys = np.sort(ballot[kept] * box.size + index[kept])
    twice = np.zeros(len(lines), np.bool_)
    twice[keys[1:][keys[1:] == keys[:-1]] // box.size] = True
    refuse(box, lines, twice, counts, words.TWICE)
    good = good & ~twice
    chosen = good[ballot] if approving is None else good[ballot] & approving
    box.count(int(counts[good].sum()), index[chosen], counts[ballot[chosen]])


def refuse(box: BallotBox, lines: Numbers, bad: Marks, counts: Numbers | None, problem: str) -> None:
    """Leave out the ballots of these lines; each line is one where its count is not known."""
    if bad.any():
        box.refuse(problem, int(bad.sum() if counts is None else counts[bad].sum()), int(lines[bad].min()))
