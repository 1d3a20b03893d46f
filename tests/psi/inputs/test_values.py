"""Value columns, read exactly: against fractions computed row by row, in every type that a table may have."""

from __future__ import annotations

import random
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from psi.agreement.amounts import Amounts, canonical
from psi.inputs.values import Values, add_up, read
from psi.tables import Source, open_source
from psiselect.base.errors import InputError, UsageError

CENTS = Amounts.of(2, "1000000000")


def csv(folder: Path, *values: str) -> Source:
    path = folder / "list.csv"
    path.write_text("n,amount\n" + "".join(f'{n},"{value}"\n' for n, value in enumerate(values)))
    return open_source(path)


def parquet(folder: Path, values: pa.Array) -> Source:
    path = folder / "list.parquet"
    pq.write_table(pa.table({"amount": values}), path)
    return open_source(path)


def units(source: Source, amounts: Amounts = CENTS) -> list[int]:
    return read(source, "amount", amounts).units.tolist()


# ---- amounts


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1e9", "1000000000"), ("0.50", "0.5"), ("1_000", "1000"), (" 007.10 ", "7.1"), ("1.5e2", "150"), ("12", "12"),
     ("1.0", "1"), ("9" * 19, "9" * 19)],
)  # fmt: skip
def test_largest_values_have_one_form(text: str, expected: str) -> None:
    assert canonical(text) == expected
    assert Fraction(expected) == Fraction(text.strip().replace("_", ""))


@pytest.mark.parametrize("text", ["", "-1", "ten", "1,5", "1e100", "nan", "inf", "1e-3", "½", "1" * 20])
def test_largest_values_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="must be a decimal number above 0"):
        canonical(text)


@pytest.mark.parametrize(
    ("decimals", "largest", "words"),
    [
        (-1, "1", "0 to 9"),
        (10, "1", "0 to 9"),
        (2, "0.005", "more decimal places than --value-decimals 2"),
        (2, "1e9", "Write --value-max 1000000000"),
        (2, "0", "above 0"),
        (0, "9223372036854775808", "at most 9223372036854775807"),
        (9, "9223372036.854775808", "at most 9223372036.854775807"),
    ],
)
def test_terms_that_make_no_sense_are_refused(decimals: int, largest: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Amounts.of(decimals, largest)


@pytest.mark.parametrize(
    ("decimals", "number", "text"),
    [(2, 123450, "1234.50"), (2, -5, "-0.05"), (0, -7, "-7"), (9, 1, "0.000000001"), (2, 0, "0.00"), (1, -10, "-1.0")],
)
def test_units_have_all_their_places(decimals: int, number: int, text: str) -> None:
    assert Amounts(decimals, 1).text(number) == text
    assert Fraction(text) * 10**decimals == number


@pytest.mark.parametrize(
    ("records", "largest"),
    [(1, 2**63 - 1), (7, (2**63 - 1) // 7), ((2**63 - 1) // 7, 7), (2**63 - 1, 1)],
)
def test_room_ends_exactly_where_64_bits_end(records: int, largest: int) -> None:
    """A total of 2^63 - 1 has room: it is the largest that 64 bits hold."""
    assert records * largest == 2**63 - 1
    Amounts(0, largest).check_room(records)


@pytest.mark.parametrize(("records", "largest"), [(2, 2**62), (2**21, 2**42), (2**62, 2), (2**63, 1), (8, 2**63 - 1)])
def test_one_more_than_64_bits_hold_has_no_room(records: int, largest: int) -> None:
    """From 2^63 on; the message names the largest value that would have room."""
    assert records * largest >= 2**63
    with pytest.raises(UsageError, match="--value-max") as refused:
        Amounts(0, largest).check_room(records)
    assert refused.value.term == "value_max"
    most = (2**63 - 1) // records
    expected = "a smaller --value-max" if not most else f"a --value-max of at most {most}"
    assert expected in str(refused.value)


def test_no_rows_have_room() -> None:
    Amounts(2, 10**11).check_room(0)
    with pytest.raises(UsageError, match=r"--value-max of at most 922337203\.68"):
        CENTS.check_room(10**8)


# ---- reading


def test_text_counts_as_written(tmp_path: Path) -> None:
    source = csv(tmp_path, "12.30", "-5", "+3.1", "007", "0.00", "12.3000", " 4 ", "999999999.99", "-1000000000")
    assert units(source) == [1230, -500, 310, 700, 0, 1230, 400, 99999999999, -100000000000]


def test_blanks_count_as_nothing_and_are_counted(tmp_path: Path) -> None:
    assert read(csv(tmp_path, "1", "", "  ", "2"), "amount", CENTS).blank == 2
    values = read(parquet(tmp_path, pa.array([None, 5, None], pa.int32())), "amount", CENTS)
    assert (values.units.tolist(), values.blank) == ([0, 500, 0], 2)
    values = read(parquet(tmp_path, pa.nulls(3)), "amount", CENTS)
    assert (values.units.tolist(), values.blank) == ([0, 0, 0], 3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("12.345", "more decimal places than --value-decimals 2 allows"),
        ("1000000000.01", r"must be from -1000000000\.00"),
        ("-1000000000.01", "must be from"),
        ("99999999999999999999", "19 digits before the point"),
        ("1.0000000000000000000", "18 after it"),
        ("1,234.50", "is not a number like 1234.50"),
        ("12,30", "is not a number"),
        ("1e3", "is not a number"),
        ("$5", "is not a number"),
        ("5.", "is not a number"),
        (".5", "is not a number"),
        ("- 5", "is not a number"),
        ("nan", "is not a number"),
        ("٣", "is not a number"),
        ("0x10", "is not a number"),
    ],
)
def test_a_value_that_does_not_fit_is_named_by_row_and_column_and_not_quoted(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(InputError, match=words) as refused:
        units(csv(tmp_path, "1", "2", text, "x"))
    assert "row 4: the value in column 'amount'" in str(refused.value)  # the header is row 1
    assert text not in str(refused.value).replace("1234.50", "")


def test_a_column_that_is_not_there_or_is_no_value(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no column 'ammount'. Did you mean 'amount'"):
        read(csv(tmp_path, "1"), "ammount", CENTS)
    for values, words in (
        (pa.array([True]), "type bool"),
        (pa.array([1.5], pa.float32()), "32-bit floats"),
        (pa.array([b"1"]), "type binary"),
    ):
        with pytest.raises(InputError, match=words):
            units(parquet(tmp_path, values))


@pytest.mark.parametrize("kind", [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint32(), pa.uint64()])
def test_integers_of_every_width(tmp_path: Path, kind: pa.DataType) -> None:
    signed = -100 if pa.types.is_signed_integer(kind) else 3
    assert units(parquet(tmp_path, pa.array([100, signed, 0, None], kind))) == [10000, 100 * signed, 0, 0]
    if kind.bit_width == 64:
        for value in (10**9 + 1, 2**63 - 1, -(2**63) if pa.types.is_signed_integer(kind) else 2**64 - 1):
            with pytest.raises(InputError, match=r"row 2: .*must be from"):
                units(parquet(tmp_path, pa.array([1, value], kind)))


@pytest.mark.parametrize(
    "kind", [pa.decimal128(20, 2), pa.decimal128(38, 9), pa.decimal256(70, 4), pa.decimal128(5, 0)]
)
def test_decimals_of_every_scale(tmp_path: Path, kind: pa.DataType) -> None:
    values = [Decimal("12.30") if kind.scale else Decimal(12), Decimal(-7), None, Decimal(0)]
    assert units(parquet(tmp_path, pa.array(values, kind))) == [1230 if kind.scale else 1200, -700, 0, 0]
    if kind.scale > 2:
        with pytest.raises(InputError, match=r"row 1: .*more decimal places than --value-decimals 2"):
            units(parquet(tmp_path, pa.array([Decimal("0.001")], kind)))
    if kind.precision > 19:
        with pytest.raises(InputError, match=r"row 2: .*must be from"):
            units(parquet(tmp_path, pa.array([Decimal(1), Decimal(10) ** 17], kind)))


def test_dictionaries_of_values(tmp_path: Path) -> None:
    assert units(parquet(tmp_path, pa.array(["1.5", "2", "1.5", None]).dictionary_encode())) == [150, 200, 150, 0]


def test_a_double_counts_as_the_decimal_it_is_nearest_to(tmp_path: Path) -> None:
    draw = random.Random(1)
    whole = [draw.randrange(-(10**11), 10**11) for _ in range(5000)]
    assert units(parquet(tmp_path, pa.array([float(f"{number / 100:.2f}") for number in whole]))) == whole
    assert units(parquet(tmp_path, pa.array([0.1, 0.3, -0.07, 12.3, 1e9]))) == [10, 30, -7, 1230, 10**11]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.1 + 0.2, "more decimal places than --value-decimals 2"),
        (12.345, "more decimal places than --value-decimals 2"),
        (float("nan"), "is infinite, or is not a number"),
        (float("inf"), "is infinite, or is not a number"),
        (2e9, "must be from"),
        (1e300, "a floating-point number that is too large"),
        (5e-324, "more decimal places than --value-decimals 2"),
    ],
)
def test_a_double_that_is_no_decimal_is_refused(tmp_path: Path, value: float, words: str) -> None:
    with pytest.raises(InputError, match=f"row 2: .*{words}"):
        units(parquet(tmp_path, pa.array([0.5, value])))


def test_random_values_in_every_form_against_fractions(tmp_path: Path) -> None:
    draw = random.Random(2)
    for _ in range(100):
        decimals = draw.randint(0, 9)
        amounts = Amounts.of(decimals, canonical(str(draw.randint(1, 9 * 10**9))))
        places = draw.randint(0, 12)
        text = f"{draw.choice(['', '-', '+'])}{draw.randint(0, 10 ** draw.randint(1, 11))}"
        text += f".{draw.randint(0, 10**places - 1):0{places}d}" if places else ""
        exact = Fraction(text) * 10**decimals
        fits = exact.denominator == 1 and abs(exact) <= amounts.largest
        for source in (
            csv(tmp_path, text),
            parquet(tmp_path, pa.array([Decimal(text)], pa.decimal128(38, 12))),
        ):
            if fits:
                assert units(source, amounts) == [exact]
            else:
                with pytest.raises(InputError, match=r"row [12]: the value in column 'amount'"):
                    units(source, amounts)


def test_rows_are_numbered_through_all_batches(tmp_path: Path) -> None:
    values = ["1"] * 200_000
    values[150_000] = "one"
    with pytest.raises(InputError, match="row 150001:"):
        units(parquet(tmp_path, pa.array(values)))


# ---- adding up


def test_rows_of_one_key_add_up(tmp_path: Path) -> None:
    source = csv(tmp_path, "1", "2", "3", "4", "5")
    values = read(source, "amount", CENTS)
    groups = np.array([2, -1, 0, 2, 2])
    assert add_up(values, groups, 4, CENTS, source, "amount").tolist() == [300, 0, 1000, 0]


def test_random_groups_add_up_like_python_integers(tmp_path: Path) -> None:
    source, draw = csv(tmp_path), random.Random(3)
    amounts = Amounts.of(0, str(2**62))
    for _ in range(200):
        rows, keys = draw.randint(0, 40), draw.randint(1, 5)
        groups = np.array([draw.randint(-1, keys - 1) for _ in range(rows)], np.int64)
        numbers = np.array([draw.choice([-1, 1]) * draw.randint(0, 2**62) for _ in range(rows)], np.int64)
        expected = [sum(int(v) for v, g in zip(numbers, groups, strict=True) if g == key) for key in range(keys)]
        if all(abs(total) <= 2**62 for total in expected):
            assert add_up(Values(numbers, 0), groups, keys, amounts, source, "amount").tolist() == expected
        else:
            with pytest.raises(InputError, match="add up"):
                add_up(Values(numbers, 0), groups, keys, amounts, source, "amount")


def test_a_sum_beyond_the_largest_names_the_first_row_of_its_key(tmp_path: Path) -> None:
    source = csv(tmp_path, "1", "999999999", "5", "2")
    values = read(source, "amount", CENTS)
    with pytest.raises(
        InputError, match="the values of row 3 and of the other rows with the same key add up"
    ) as refused:
        add_up(values, np.array([0, 1, 0, 1]), 2, CENTS, source, "amount")
    assert refused.value.term == "value_max"


def test_sums_that_leave_64_bits_on_the_way_are_exact(tmp_path: Path) -> None:
    source = csv(tmp_path)
    amounts = Amounts.of(0, str(2**63 - 1))
    numbers = np.array([2**62] * 3 + [-(2**62)] * 3 + [7], np.int64)
    assert add_up(Values(numbers, 0), np.zeros(7, np.int64), 1, amounts, source, "amount").tolist() == [7]
    with pytest.raises(InputError, match="add up"):
        add_up(Values(np.array([2**62] * 4), 0), np.zeros(4, np.int64), 1, amounts, source, "amount")
