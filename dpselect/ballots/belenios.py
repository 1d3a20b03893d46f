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

from dpselect.ballots import words_files
from dpselect.ballots.model import BallotBox, Reading, Rules

_MARK = re.compile(r'\s*(\{\s*"(result|num_tallied|ballots)"|\[\s*\[\s*[0-9])')


def recognised(head: str) -> bool:
    """Whether a file begins like one of these results."""
    return _MARK.match(head) is not None


def read(text: str, rules: Rules) -> Reading:
    """Read decrypted ballots. Raises InputError, which for totals says what to run instead."""
    try:
        found = json.loads(text, parse_int=_short, object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:
        raise words_files.not_json(getattr(error, "lineno", 1)) from None
    question = _question(found)
    if rules.candidates is None:
        raise words_files.names_missing()
    box = BallotBox(len(rules.candidates), rules, "ballot")
    good = []
    for number, ballot in enumerate(question, 1):
        if not isinstance(ballot, list) or len(ballot) != box.size:
            box.refuse(words_files.NOT_EACH_CANDIDATE, 1, number)
        elif any(type(entry) is not int or entry not in (0, 1) for entry in ballot):
            box.refuse(words_files.NOT_ZERO_OR_ONE, 1, number)
        else:
            good.append(ballot)
    approvals = np.array(good, np.int64).reshape(-1, box.size).sum(axis=0, dtype=np.int64)
    box.count(len(good), np.arange(box.size), approvals)
    return box.reading(rules.candidates, "belenios", notes=[words_files.OWN_ORDER])


def _short(digits: str) -> int:
    """A number; -1 for one that is too long for a ballot or a total. Python refuses to read the longest ones."""
    return int(digits) if len(digits) < 20 else -1


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _question(found: Any) -> list[Any]:
    """The one question's ballots."""
    result = found.get("result") if isinstance(found, dict) else found
    if not isinstance(result, list) or not result:
        raise words_files.no_result()
    if all(isinstance(one, list) and one and all(type(entry) is int for entry in one) for one in result):
        raise words_files.totals()
    if len(result) > 1:
        raise words_files.several_questions(len(result))
    (question,) = result
    if isinstance(found, list) or not isinstance(question, list):
        raise words_files.no_result()
    return question
