"""Results of Belenios and Helios: decrypted ballots are read, totals are not ballots.

Belenios: {"result": [question, ...]}. Where ballots were shuffled and decrypted, a question is a list of ballots. Each
is a list with 0 or 1 for every candidate, in the order of the election's page: that order is what `Rules.candidates`
says. Where they were added up before decryption, it is a list of totals, and so it is with Helios: [[12, 7], ...]. A
winner of totals is `psiselect select`.
"""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from dpselect.ballots.model import BallotBox, Reading, Rules, fault
from psiselect.base.errors import InputError

_MARK = re.compile(r'\s*(\{\s*"(result|num_tallied|ballots)"|\[\s*\[\s*[0-9])')
TOTALS = (
    "this result holds totals only, no ballots. Write a table with a column candidate and a column approvals, then run "
    "psiselect select TOTALS.csv --label candidate --score approvals --sensitivity 1 --monotonic --epsilon E. "
    "With --monotonic, epsilon is for adding or removing one voter; leave it out if the number of voters is public"
)


def recognised(head: str) -> bool:
    """Whether a file begins like one of these results."""
    return _MARK.match(head) is not None


def read(text: str, rules: Rules) -> Reading:
    """Read decrypted ballots. Raises InputError, which for totals says what to run instead."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise fault(getattr(error, "lineno", 1), "not well-formed JSON") from None
    question = _question(found)
    if rules.candidates is None:
        raise fault(1, "Belenios' result does not hold the names: --candidates FILE, one a line, in its order")
    box = BallotBox(len(rules.candidates), rules, "ballot")
    good = []
    for number, ballot in enumerate(question, 1):
        if not isinstance(ballot, list) or len(ballot) != box.size:
            box.refuse("the ballot does not have a number for every candidate", 1, number)
        elif any(type(entry) is not int or entry not in (0, 1) for entry in ballot):
            box.refuse("an entry of the ballot is neither 0 nor 1", 1, number)
        else:
            good.append(ballot)
    approvals = np.array(good, np.int64).reshape(-1, box.size).sum(axis=0, dtype=np.int64)
    box.count(len(good), np.arange(box.size), approvals)
    return box.reading(rules.candidates, "belenios", notes=["candidates: in the order of your list"])


def _question(found: Any) -> list[Any]:
    """The one question's ballots."""
    result = found.get("result") if isinstance(found, dict) else found
    if not isinstance(result, list) or not result:
        raise fault(1, 'expected a result of Belenios, {"result": [...]}')
    if len(result) > 1:
        raise fault(1, f"the result has {len(result)} questions; keep one of them in the file")
    (question,) = result
    if isinstance(question, list) and question and all(type(entry) is int for entry in question):
        raise InputError(TOTALS, line=1)
    if isinstance(found, list) or not isinstance(question, list):
        raise fault(1, 'expected a result of Belenios, {"result": [...]}')
    return question
