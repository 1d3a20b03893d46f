"""Version 1 of rule `phone`: the quick way gives what the phonenumbers library gives, in every country, or nothing."""

from __future__ import annotations

import phonenumbers
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psi.normalize.numbering import read_usual
from psi.normalize.phone import FirstPhone as Phone
from psi.normalize.rule import Reason

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
TYPES = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)


def library(value: str, region: str) -> str | None:
    """E.164 by the library alone; None where it sees no number that can be dialled from anywhere."""
    try:
        number = phonenumbers.parse(value, None if region == "none" else region)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    return None if number.extension else str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def written(region: str) -> list[str]:
    """The region's example numbers as people write them, right and slightly wrong."""
    texts: list[str] = []
    for kind in TYPES:
        number = phonenumbers.example_number_for_type(region, kind)
        if number is None:
            continue
        code, national = str(number.country_code), phonenumbers.national_significant_number(number)
        dialled = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
        texts += [
            phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164),
            phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL),
            dialled,
            f"+{code} (0) {national}",
            f"(+{code}) {dialled}",
            f"00{code}{national}",
            f"011 {code} {national}",
        ]
        for prefix in ("", "0", "1", "8", "00", code, code + code, code + "0", "+"):
            texts += [prefix + national, prefix + national[1:], prefix + national + "5", prefix + national[:7]]
    return texts


@pytest.mark.parametrize("region", ["none", *REGIONS])
def test_quick_way_equals_the_library(region: str) -> None:
    texts = written(region) if region != "none" else [t for r in REGIONS[::8] for t in written(r)]
    quick = read_usual(pa.array(texts, pa.large_string()), region).to_pylist()
    for text, number in zip(texts, quick, strict=True):
        assert number is None or number == library(text, region), text


def test_quick_way_is_taken() -> None:
    common = {
        "US": ["(202) 555-0143", "+1 202.555.0143", "1-202-555-0143", "2025550143"],
        "CA": ["(416) 555-0143", "1 416 555 0143"],
        "GB": ["07700 900123", "+44 7700 900123", "(020) 7946 0000"],
        "PL": ["601 234 567", "+48 601-234-567", "48601234567"],
        "DE": ["030/23125000", "+49 30 23125000"],
        "FR": ["01 99 00 12 34", "+33 1 99 00 12 34"],
    }
    for region, texts in common.items():
        assert read_usual(pa.array(texts, pa.large_string()), region).null_count == 0, region


digits = st.text("0123456789", max_size=18)
punctuated = st.text("0123456789 ()-./", max_size=20)
prefixed = st.builds(
    lambda plus, code, rest: plus + code + rest,
    st.sampled_from(["", "+", "++", "00", "011", "(+", "+(", "0", " "]),
    st.sampled_from(["", *(str(c) for c in sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE))]),
    st.one_of(digits, punctuated),
)
anything = st.text(st.characters(codec="utf-8"), max_size=24)
near_numbers = st.text("0123456789+ ()-./x#,;exta*~\uff0b\uff11\u0661\n", max_size=24)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["none", *REGIONS]), st.lists(st.one_of(prefixed, punctuated, near_numbers), max_size=60))
def test_quick_way_equals_the_library_on_any_digits(region: str, texts: list[str]) -> None:
    quick = read_usual(pa.array(texts, pa.large_string()), region).to_pylist()
    for text, number in zip(texts, quick, strict=True):
        assert number is None or number == library(text, region), (text, region)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["none", *REGIONS]), st.lists(st.one_of(prefixed, near_numbers, anything), max_size=20))
def test_rule_reads_like_the_library_and_is_idempotent(region: str, texts: list[str]) -> None:
    rule = Phone.of({"region": region})
    once = rule.apply(pa.array(texts, pa.string()))
    for text, number in zip(texts, once.values.to_pylist(), strict=True):
        first = library(text, region)
        # The library's own reading, repeated until it stays as it is.
        while first is not None and (again := library(first, "none")) != first:
            first = again
        assert number == first
    assert rule.apply(once.values).values.equals(once.values)
    assert all(reason in Reason for reason in once.unreadable)


def test_library_is_left_what_it_alone_can_read() -> None:
    for text in ("+1 202 555 0143 x5", "1-800-FLOWERS", "tel:+1-202-555-0143", "\uff0b12025550143"):
        assert read_usual(pa.array([text], pa.large_string()), "US").null_count == 1
