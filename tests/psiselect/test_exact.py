"""Numbers that a guarantee depends on: exact, or refused with what to write instead."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from psiselect import UsageError
from psiselect.exact import exact


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("0.1", Fraction(1, 10)),
        ("1/3", Fraction(1, 3)),
        ("1e-6", Fraction(1, 10**6)),
        (2, Fraction(2)),
        (np.int64(2), Fraction(2)),
        (Fraction(1, 7), Fraction(1, 7)),
        (Decimal("0.10"), Fraction(1, 10)),
    ],
)
def test_what_is_exact_is_taken(given: Any, found: Fraction) -> None:
    assert exact(given, "epsilon") == found


@pytest.mark.parametrize(
    ("given", "instead"),
    [
        (0.1, 'epsilon="0.1"'),
        (1e-6, 'epsilon="1e-06"'),
        (1.0, 'epsilon="1.0"'),
        (np.float64(0.5), 'epsilon="0.5"'),
        (np.float32(0.25), 'epsilon="0.25"'),
        (float("nan"), 'such as epsilon="0.1"'),
        (float("inf"), 'such as epsilon="0.1"'),
        (-0.5, 'such as epsilon="0.1"'),
    ],
)
def test_a_float_is_refused_with_the_exact_alternative(given: Any, instead: str) -> None:
    with pytest.raises(UsageError, match="a float is only close to") as raised:
        exact(given, "epsilon")
    assert str(raised.value).endswith(instead)
    assert raised.value.term == "epsilon"


@pytest.mark.parametrize("given", ["-1", "nan", "", "one", None, True, b"1", [1], -1, Fraction(-1)])
def test_what_is_no_number_is_refused(given: Any) -> None:
    with pytest.raises(UsageError, match="epsilon must be a number"):
        exact(given, "epsilon")
