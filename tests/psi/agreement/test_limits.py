"""The last value that terms allow and the first that they refuse."""

from __future__ import annotations

import dataclasses

import pytest
from support.parties import RAW, terms

from psi.agreement.amounts import TOTAL_LIMIT, Amounts, canonical
from psi.agreement.modes import Learner, Reveal, Side
from psi.agreement.terms import KeyTerm, difference
from psiselect.base.errors import InputError, UsageError

LAST = (1 << 63) - 1  # 7 * 7 * 73 * 127 * 337 * 92737 * 649657


@pytest.mark.parametrize("rows", [1, 7, 49, 127, 7 * 73 * 337])
def test_values_may_add_up_to_2_to_the_63_less_1(rows: int) -> None:
    Amounts(0, LAST // rows).check_room(rows)
    with pytest.raises(UsageError, match="could be too large for this program"):
        Amounts(0, LAST // rows).check_room(rows + 1)


@pytest.mark.parametrize("power", [0, 1, 20, 40, 63])
def test_values_may_not_add_up_to_2_to_the_63(power: int) -> None:
    assert TOTAL_LIMIT == 1 << 63
    with pytest.raises(UsageError, match="could be too large for this program") as caught:
        Amounts(0, 1 << (63 - power)).check_room(1 << power)
    assert caught.value.term == "value_max"


def test_no_rows_have_room() -> None:
    Amounts(9, LAST).check_room(0)


@pytest.mark.parametrize(
    ("decimals", "largest", "units"),
    [
        (0, "9223372036854775807", LAST),
        (9, "9223372036.854775807", LAST),
        (0, "1", 1),
        (9, "0.000000001", 1),
        (2, "99.5", 9950),
    ],
)
def test_the_largest_and_the_smallest_value_that_can_be_agreed(decimals: int, largest: str, units: int) -> None:
    assert Amounts.of(decimals, largest).largest == units
    assert terms(reveal=Reveal.SUM, value_decimals=decimals, value_max=largest).amounts == Amounts(decimals, units)


@pytest.mark.parametrize(
    ("decimals", "largest", "term"),
    [
        (0, "9223372036854775808", "value_max"),
        (9, "9223372036.854775808", "value_max"),
        (0, "0", "value_max"),
        (1, "0.01", "value_max"),
        (0, "0.5", "value_max"),
        (10, "1", "value_decimals"),
        (-1, "1", "value_decimals"),
        (2, "1.0", "value_max"),
        (2, "01", "value_max"),
        (2, "1e3", "value_max"),
        (2, "-1", "value_max"),
        (2, "1_000", "value_max"),
        (2, " 1", "value_max"),
    ],
)
def test_values_that_cannot_be_agreed(decimals: int, largest: str, term: str) -> None:
    with pytest.raises(UsageError) as caught:
        Amounts.of(decimals, largest)
    assert caught.value.term == term


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("1e9", "1000000000"),
        ("0.50", "0.5"),
        ("007", "7"),
        ("1_000.00", "1000"),
        ("1E+2", "100"),
        (" 5 ", "5"),
        ("0", "0"),
    ],
)
def test_one_form_of_a_decimal(text: str, plain: str) -> None:
    assert canonical(text) == plain
    assert canonical(plain) == plain


@pytest.mark.parametrize(
    ("changes", "last", "beyond"),
    [
        ("keys", (RAW,) * 16, (RAW,) * 17),
        ("keys", (RAW,), ()),
        ("pad_to", 1 << 40, (1 << 40) + 1),
        ("pad_to", 1, 0),
        ("min_matches", 1, 0),
    ],
)
def test_the_last_term_that_can_be_had(changes: str, last: object, beyond: object) -> None:
    assert getattr(terms(**{changes: last}), changes) == last
    with pytest.raises(UsageError) as caught:
        terms(**{changes: beyond})
    assert caught.value.term == changes


def test_a_list_of_exactly_the_padding_fits() -> None:
    padded = terms(pad_to=10)
    assert [padded.declared_size(size) for size in (0, 9, 10)] == [10, 10, 10]
    with pytest.raises(InputError, match="--pad-to allows at most 10"):
        padded.declared_size(11)
    assert terms().declared_size(11) == 11


def test_totals_are_checked_for_the_side_that_gives_values() -> None:
    """Of `learn connect` the listening side gives them; of `learn both` either may be the one that has too many."""
    for learn, receivers in (
        (Learner.CONNECT, {Side.CONNECT}),
        (Learner.LISTEN, {Side.LISTEN}),
        (Learner.BOTH, set(Side)),
    ):
        agreed = terms(reveal=Reveal.SUM, value_decimals=0, value_max=str(1 << 62), learn=learn)
        for giver in Side:
            sizes = {giver: 2, giver.other: 1}
            if giver.other in receivers:
                with pytest.raises(UsageError):
                    agreed.check_totals(sizes)
            else:
                agreed.check_totals(sizes)


@pytest.mark.parametrize("count", [0, 1, 3, 17])
def test_another_number_of_keys_is_told_as_a_number(count: int) -> None:
    own = terms(keys=(RAW, KeyTerm("text/1", "11" * 32)))
    peer = own.to_json() | {"keys": [RAW.to_json()] * count}
    found = difference(own, peer)
    assert found is not None
    assert found.term == "keys"
    assert f"you have 2, the peer has {count}." in str(found)
    assert difference(own, dataclasses.replace(own).to_json()) is None
