"""Values and sums at their ends: 2^63 - 1 is taken, 2^63 is refused, in every form that a table may have."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from psi.agreement.amounts import TOTAL_LIMIT, Amounts
from psi.inputs import values
from psi.inputs.values import SummedValues, Values, add_up, read
from psi.tables import Source, open_source
from psiselect.base.errors import InputError, UsageError

MOST = 2**63 - 1
WHOLE = Amounts(0, MOST)
HUNDRED = Amounts.of(2, "100")  # in hundredths


def table(folder: Path, array: pa.Array) -> Source:
    path = folder / "list.parquet"
    pq.write_table(pa.table({"amount": array}), path)
    return open_source(path)


def decimal(number: int, places: int = 0) -> Decimal:
    return Decimal(number).scaleb(-places)


# How a whole number of units is written, with so many places.
FORMS: dict[str, Callable[[list[int], int], pa.Array]] = {
    "text": lambda units, places: pa.array([f"{decimal(n, places):f}" for n in units]),
    "decimal128": lambda units, places: pa.array([decimal(n, places) for n in units], pa.decimal128(38, places)),
    "decimal256": lambda units, places: pa.array([decimal(n, places) for n in units], pa.decimal256(60, places)),
}
WHOLE_FORMS = {**FORMS, "uint64": lambda units, places: pa.array(units, pa.uint64())}


@pytest.mark.parametrize("form", WHOLE_FORMS)
def test_the_largest_value_of_all_is_taken_and_the_next_is_refused(tmp_path: Path, form: str) -> None:
    made = WHOLE_FORMS[form]
    found = read(table(tmp_path, made([1, MOST, 2], 0)), "amount", WHOLE)
    assert found.units.tolist() == [1, MOST, 2]
    for beyond in (2**63, 2**63 + 1, 2**64 - 1):
        with pytest.raises(InputError, match=r"row 2: the value in column .amount. (must be from|has too many digits)"):
            read(table(tmp_path, made([1, beyond, 2], 0)), "amount", WHOLE)


@pytest.mark.parametrize("form", [*FORMS, "int64"])
def test_the_least_value_of_all_is_taken_and_the_next_is_refused(tmp_path: Path, form: str) -> None:
    made = {**FORMS, "int64": lambda units, places: pa.array(units, pa.int64())}[form]
    assert read(table(tmp_path, made([-MOST], 0)), "amount", WHOLE).units.tolist() == [-MOST]
    with pytest.raises(InputError, match="must be from"):
        read(table(tmp_path, made([-(2**63)], 0)), "amount", WHOLE)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("form", [*FORMS, "double", "int16"])
def test_the_agreed_largest_is_taken_and_one_unit_more_is_refused(tmp_path: Path, form: str, sign: int) -> None:
    made = {
        **FORMS,
        "double": lambda units, places: pa.array([n / 10**places for n in units]),
        "int16": lambda units, places: pa.array([n // 100 for n in units], pa.int16()),
    }[form]
    assert read(table(tmp_path, made([sign * 10_000], 2)), "amount", HUNDRED).units.tolist() == [sign * 10_000]
    more = 10_100 if form == "int16" else 10_001
    with pytest.raises(InputError, match="must be from -100"):
        read(table(tmp_path, made([0, sign * more], 2)), "amount", HUNDRED)


def test_a_double_is_exact_up_to_the_last_number_that_it_can_be(tmp_path: Path) -> None:
    last = values._EXACT_DOUBLE
    for number in (last, -last, last - 1):
        assert read(table(tmp_path, pa.array([float(number)])), "amount", WHOLE).units.tolist() == [number]
    for number in (last + 1, -last - 1):
        with pytest.raises(InputError, match="a floating-point number that is too large"):
            read(table(tmp_path, pa.array([float(number)])), "amount", WHOLE)


@pytest.mark.parametrize(
    ("text", "fits"),
    [("9" * 19, False), ("0" * 12 + "1234567", True), ("0" * 13 + "1234567", False), ("1." + "0" * 18, True),
     ("1." + "0" * 19, False)],
)  # fmt: skip
def test_text_has_19_digits_before_the_point_and_18_after_it_at_most(tmp_path: Path, text: str, fits: bool) -> None:
    source = table(tmp_path, pa.array([text]))
    if fits:
        assert read(source, "amount", WHOLE).units.tolist() == [int(text.split(".")[0])]
    else:
        with pytest.raises(InputError, match=r"too many digits|must be from"):
            read(source, "amount", WHOLE)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("form", FORMS)
def test_a_value_beyond_64_bits_does_not_come_back_round(tmp_path: Path, form: str, sign: int) -> None:
    """Its low 64 bits are a small number, which would be taken."""
    for units in (2**64 + 84, 2**65 + 68, 3 * 2**64 + 52):
        assert units % 100 == 0
        with pytest.raises(InputError, match="row 1: the value in column 'amount' must be from"):
            read(table(tmp_path, FORMS[form]([sign * units], 2)), "amount", HUNDRED)


# ---- adding up


def total(numbers: list[int], largest: int = MOST, folder: Path = Path()) -> int:
    path = folder / "list.csv"
    path.write_text("amount\n")
    groups = np.zeros(len(numbers), np.int64)
    found = add_up(Values(np.array(numbers, np.int64), 0), groups, 1, Amounts(0, largest), open_source(path), "amount")
    return int(found[0])


HALF = 2**62


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    "numbers",
    [[MOST], [HALF, HALF - 1], [MOST, MOST, -MOST], [2**32 - 1, MOST - 2**32 + 1], [HALF, HALF, HALF, -HALF - 1]],
)
def test_rows_may_add_up_to_the_largest_and_to_no_unit_more(tmp_path: Path, numbers: list[int], sign: int) -> None:
    assert total([sign * n for n in numbers], folder=tmp_path) == sign * MOST
    for more in ([1], [1, 0], [MOST, 1 - MOST], [MOST]):
        with pytest.raises(InputError, match="add up"):
            total([sign * n for n in numbers + more], folder=tmp_path)


@pytest.mark.parametrize("largest", [1, 100, 2**31, 2**32 - 1, 2**32, HALF])
def test_sums_end_at_the_agreed_largest(tmp_path: Path, largest: int) -> None:
    for sign in (1, -1):
        assert total([sign * (largest - 1), sign], largest, tmp_path) == sign * largest
        with pytest.raises(InputError, match="add up"):
            total([sign * largest, sign], largest, tmp_path)


def test_a_sum_beyond_64_bits_does_not_come_back_round(tmp_path: Path) -> None:
    """Four times 2^62 is 2^64, which 64 bits take for 0; so many rows of 2^63 - 1 leave every 64-bit sum behind."""
    for numbers in ([HALF] * 4, [HALF] * 5, [-HALF] * 4, [MOST] * 1000, [-MOST] * 1000):
        with pytest.raises(InputError, match="add up"):
            total(numbers, folder=tmp_path)


def test_the_value_of_an_added_item_is_nothing() -> None:
    """-1 stands for it; the last item keeps its own."""
    summed = SummedValues(np.array([5, 7, 9, 0], np.int64), 0)
    assert summed.of(np.array([2, -1, 0, -1, 1])).tolist() == [9, 0, 5, 0, 7]


@pytest.mark.parametrize(("rows", "largest"), [(1, MOST), (7, MOST // 7), (2, HALF - 1), (2**20, 2**43 - 1), (0, MOST)])
def test_room_ends_with_the_last_total_that_64_bits_hold(rows: int, largest: int) -> None:
    assert TOTAL_LIMIT == 2**63
    Amounts(0, largest).check_room(rows)
    if rows:
        with pytest.raises(UsageError, match="could be too large for this program"):
            Amounts(0, MOST // rows + 1).check_room(rows)
