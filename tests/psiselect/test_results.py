"""What calls return: one way to a dict for all of it, the one that `--json` prints."""

from __future__ import annotations

import inspect
import json
from fractions import Fraction

import pyarrow as pa
import pytest
from support.library import SLOW

import psiselect

TABLE = pa.table({"e": ["ann@example.com", "bob@example.com"], "n": [1, 2]})
NO_RESULTS = {"Identity", "Ledger"}


def kinds() -> dict[str, type]:
    public = {name: getattr(psiselect, name) for name in psiselect.__all__}
    return {
        name: kind
        for name, kind in public.items()
        if inspect.isclass(kind) and not issubclass(kind, Exception) and name not in NO_RESULTS
    }


@pytest.mark.parametrize("name", kinds())
def test_each_kind_of_result_becomes_a_dict(name: str) -> None:
    assert callable(kinds()[name].to_dict)  # type: ignore[attr-defined]


def test_a_dict_has_what_json_has() -> None:
    matched = psiselect.match(TABLE, TABLE, key="e:email", **SLOW)  # type: ignore[call-overload]
    checked = psiselect.check(TABLE, key="e:email")
    charged = psiselect.Charged("town", Fraction(1, 3), Fraction(0), Fraction(2, 3))
    for found in (matched, checked, charged):
        record = found.to_dict()
        assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert (matched.to_dict()["matches"], checked.to_dict()["rows"]) == (2, 2)
    assert charged.to_dict() == {
        "dataset": "town", "amount": 1 / 3, "delta": 0.0, "left": 2 / 3,
        "amount_exact": "1/3", "delta_exact": "0", "left_exact": "2/3",
    }  # fmt: skip


def test_the_older_name_stays() -> None:
    checked = psiselect.check(TABLE, key="e:email")
    assert checked.to_json() == checked.to_dict()
    for kind in (psiselect.MatchResult, psiselect.FileResult, psiselect.Checked):
        assert kind.to_json is kind.to_dict
