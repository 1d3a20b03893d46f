"""A valid number of any region, as programs write it that took it for a quantity: the right key, or unreadable."""

from __future__ import annotations

import re

import numpy as np
import phonenumbers
import pyarrow as pa
import pytest

from psi.normalize import Reason, parse_key
from psi.normalize.phone import Phone
from psi.normalize.written_numbers import as_digits

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


def as_programs_write(digits: str) -> list[str]:
    """As pandas, Excel, Spark, Java and POI write a number, with all or with lost digits."""
    number, power = int(digits), len(str(int(digits))) - 1
    mantissa = str(number).rstrip("0")
    grouped = f"{number:,}"
    return [
        f"{number}",
        f"{number}.0",
        f"{number}.00",
        f"{number},00",
        f"{mantissa[0]}.{mantissa[1:] or '0'}E{power}",
        f"{number:g}",
        f"{number:.2E}",
        f"{number:.5E}",
        f"{number:.10e}",
        grouped,
        f"{grouped}.00",
        *(grouped.replace(",", mark) for mark in " .'\u202f"),
        *as_java_writes_single(number),
    ]


def as_java_writes_single(number: int) -> list[str]:
    """A 32-bit number as Java writes it since version 19, and before: `1.2345679E8` and `1.23456792E8`."""
    single = np.float32(number)
    found = [np.format_float_scientific(single, trim="0", exp_digits=1), f"{float(single):.8e}"]
    halves = [text.replace("e+", "e").split("e") for text in found]
    return [
        f"{mantissa.rstrip('0')}{'0' if mantissa[2:].strip('0') == '' else ''}E{int(power)}"
        for mantissa, power in halves
    ]


def written(region: str, kinds: range) -> list[tuple[str, str]]:
    """Texts, and the key of the number in each."""
    found = []
    for kind in kinds:
        number = phonenumbers.example_number_for_type(region, kind)
        if number is None or not phonenumbers.is_valid_number(number):
            continue
        key = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        code, national = str(number.country_code), phonenumbers.national_significant_number(number)
        dialled = re.sub(r"\D", "", phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL))
        texts = [
            key,
            dialled,
            *(text for digits in (code + national, national, dialled) for text in as_programs_write(digits)),
            f"+{code} (0) {national}",
            f"+00{code}{national}",
            f"+0011{code}{national}",
            f"0011{code}{national}",
            f"{national} Anna",
        ]
        found += [(text, key) for text in texts]
    return found


def check(region: str, kinds: range, plus: str) -> None:
    pairs = written(region, kinds)
    rule = Phone.of({"region": region, "plus": plus})
    read = rule.apply(pa.array([text for text, _ in pairs], pa.string())).values.to_pylist()
    for (text, key), found in zip(pairs, read, strict=True):
        assert found in (key, None), text
    assert sum(found is not None for found in read) * 4 > len(read)


@pytest.mark.parametrize("region", REGIONS[::6])
def test_right_or_unreadable(region: str) -> None:
    check(region, range(2), "required")
    check(region, range(2), "optional")


@pytest.mark.soak
@pytest.mark.parametrize("region", REGIONS)
def test_right_or_unreadable_everywhere(region: str) -> None:
    check(region, range(11), "required")
    check(region, range(11), "optional")


@pytest.mark.parametrize("plus", ["required", "optional"])
@pytest.mark.parametrize("region", REGIONS[::12])
def test_both_ways_agree(region: str, plus: str) -> None:
    rule = Phone.of({"region": region, "plus": plus})
    texts = [text for text, _ in written(region, range(2))]
    texts += [change for text in texts[::7] for change in (text[1:], text[:-1], text + "5", "0" + text, "1" + text)]
    for text, quick in zip(texts, rule._clear(pa.array(texts, pa.large_string())).to_pylist(), strict=True):
        assert quick in (None, rule.read(text)), text


def test_the_country_of_each_row() -> None:
    spec = parse_key("phone:phone,region-column=land")
    numbers = ["601234567", "0151 2345 6789", "(650) 555-1212", "601234567", "+48601234567", None, "601234568"]
    lands = ["PL", "Germany", " usa ", "", None, "PL", "616"]
    read = spec.apply([pa.array(numbers), pa.array(lands)])
    wanted = ["+48601234567", "+4915123456789", "+16505551212", None, "+48601234567", None, "+48601234568"]
    assert read.values.to_pylist() == wanted
    assert {reason: rows.tolist() for reason, rows in read.unreadable.items()} == {Reason.COUNTRY: [3]}
    assert spec.columns == ("phone", "land")
    assert "region=by row" in spec.describe()
    assert "land" not in spec.describe()
    assert spec.digest() == parse_key("p:phone,region-column=country").digest()
    assert parse_key(str(spec)) == spec


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4.8601234567E10", "48601234567"),
        ("4.86012345E10", "48601234500"),  # as Java drops zeros
        ("4.86012345E+10", Reason.DIGITS_LOST),  # as programs round
        ("6.01234567E8", "601234567"),
        ("6.0123456E8", Reason.DIGITS_LOST),  # a 32-bit number since Java 19
        ("6.01234560E8", Reason.DIGITS_LOST),  # exactly a 32-bit number, and so as Java wrote it before
        ("4.93012352E8", Reason.DIGITS_LOST),
        ("4.93012345E8", "493012345"),
        ("6.012345678E8", Reason.DIGITS_LOST),  # not whole
        ("6.012345670E8", "601234567"),
        ("1.6777215E7", "16777215"),  # 32 bits hold all whole numbers up to here
        ("1.6777216E7", Reason.DIGITS_LOST),
    ],
)
def test_numbers_written_with_an_exponent(text: str, expected: str | Reason) -> None:
    assert as_digits(text) == expected


@pytest.mark.parametrize("whole", [493012345, 601234567, 48601234567, 4915123456789, 650555121234])
def test_no_32_bit_number_is_somebody_elses(whole: int) -> None:
    """Of many numbers near each other: what a 32-bit number makes of one is that number, or unreadable."""
    for number in range(whole, whole + 2000):
        for text in as_java_writes_single(number):
            assert as_digits(text) in (str(number), Reason.DIGITS_LOST), text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+39 (0)6 698 12345", "+390669812345"),  # in Italy the zero is a part of the number
        ("+49 (0)30 1234567", "+49301234567"),
        ("+44 (0) 20 7946 0018", "+442079460018"),
    ],
)
def test_a_zero_in_brackets(text: str, expected: str) -> None:
    assert Phone.of({}).read(text) == expected


@pytest.mark.parametrize(
    ("region", "text", "expected"),
    [
        ("PL", "601234567abc", Reason.LETTERS),
        ("PL", "60123456O", Reason.LETTERS),
        ("PL", "+48 601 BCD 567", Reason.LETTERS),
        ("PL", "tel. 601234567", "+48601234567"),
        ("none", "+48100000000", "+48100000000"),  # possible, and in no range in use
        ("none", "+0048100000000", Reason.AMBIGUOUS),  # behind a guessed prefix only what is in use is read
        ("US", "0048100000000", Reason.AMBIGUOUS),
    ],
)
def test_letters_and_guessed_prefixes(region: str, text: str, expected: str | Reason) -> None:
    assert Phone.of({"region": region}).read(text) == expected
