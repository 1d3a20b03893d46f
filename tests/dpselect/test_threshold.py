"""AboveThreshold: which answers it takes, what it shows of itself, and its law at the ends."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from support.entropy import FixedEntropy

from dpselect.privacy import NeighbouringRelation
from dpselect.scores import APPROVAL, Declared, ScoreBound
from dpselect.threshold import above_threshold
from psiselect.base.errors import InputError

MEASUREMENT = above_threshold("1000", NeighbouringRelation.ADD_REMOVE, 10, APPROVAL)


@pytest.mark.parametrize("answer", [True, 1.0, "3", None, Fraction(3), Decimal(3), np.float64(3), np.bool_(True)])
def test_answers_are_integers(answer: Any) -> None:
    with pytest.raises(InputError, match=type(answer).__name__):
        MEASUREMENT.release([answer], FixedEntropy())
    with pytest.raises(InputError):
        MEASUREMENT.probabilities([answer])


@pytest.mark.parametrize("kind", [int, np.int8, np.uint64])
def test_integers_of_every_type_are_taken(kind: Any) -> None:
    assert MEASUREMENT.release([kind(1), kind(100)], FixedEntropy()) == 1
    assert MEASUREMENT.release([kind(1)], FixedEntropy()) is None


def test_the_law_of_no_answers_is_that_none_is_above() -> None:
    for monotone in (True, False):
        law = above_threshold("1", None, 0, Declared(ScoreBound.of(1, monotone=monotone))).probabilities([])
        assert law.outcomes == (None,)
        assert law.numerators == (law.denominator,)


def test_a_stream_shows_neither_its_noisy_threshold_nor_its_entropy() -> None:
    class Named(FixedEntropy):
        def __repr__(self) -> str:
            return "the seed"

    stream = above_threshold("1e-18", NeighbouringRelation.ADD_REMOVE, 10, APPROVAL).start(Named())
    assert stream._noisy_threshold != 10
    assert str(stream._noisy_threshold) not in repr(stream)
    assert "the seed" not in repr(stream)
