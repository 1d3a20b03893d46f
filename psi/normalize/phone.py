"""Rule `phone`: E.164 as the `phonenumbers` library (libphonenumber) reads it.

The library takes some 50 us a number. Most numbers in a column need little of what it can do, so two steps go first and
leave it the rest: `_dialled` takes the usual punctuation off, `_Plan` settles in whole columns the cases in which the
library's result follows from four facts of a country's metadata. tests/psi/normalize/test_normalize_phone.py
compares the result with the library's, country by country.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc
from phonenumbers.phonemetadata import PhoneMetadata

from psi.normalize.rule import Explain, Reason, Rule, true_rows
from psiselect.base.packed import I64

_PARSE_REASONS = {
    phonenumbers.NumberParseException.INVALID_COUNTRY_CODE: Reason.COUNTRY,
    phonenumbers.NumberParseException.NOT_A_NUMBER: Reason.NOT_A_NUMBER,
    phonenumbers.NumberParseException.TOO_SHORT_AFTER_IDD: Reason.LENGTH,
    phonenumbers.NumberParseException.TOO_SHORT_NSN: Reason.LENGTH,
    phonenumbers.NumberParseException.TOO_LONG: Reason.LENGTH,
}
_REASONS = (Reason.NOT_A_NUMBER, Reason.COUNTRY, Reason.LENGTH, Reason.EXTENSION)
# The library's limits, except that shorter numbers than _MIN_NATIONAL are all left to it.
_MAX_TEXT, _MAX_CODE, _MIN_NATIONAL, _MAX_NATIONAL = 250, 3, 3, 17
# What people put between digits. None of it can begin an extension, and none but the plus sign steers the library.
_USUAL = r"^[ (]*\+?[0-9 ()./-]*$"
_PUNCTUATION = r"[ ()./-]+"
_NULL = pa.scalar(None, pa.large_string())
_NOTHING = pa.scalar("", pa.large_string())
_PLUS = pa.scalar("+", pa.large_string())


@dataclass(frozen=True, slots=True)
class Phone(Rule):
    """A telephone number in E.164 form, `+48601234567`.

    region: ISO 3166 code of the country whose national formats are read; without it only numbers that begin with a
    plus sign and a country code are.
    extension: `refuse` makes a number with an extension unreadable, since the number without it is shared; `drop`
    takes the extension off.
    """

    extension: str = "refuse"
    region: str = "none"

    name: ClassVar[str] = "phone"
    version: ClassVar[int] = 1
    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "extension": ("refuse", "drop"),
        "region": ("none", *sorted(phonenumbers.SUPPORTED_REGIONS)),
    }

    def _read(self, text: pa.LargeStringArray) -> tuple[pa.Array, Explain]:
        numbers = read_usual(text, self.region)
        left = pc.and_(pc.is_valid(text), pc.is_null(numbers))
        coded = text.filter(left).dictionary_encode()
        read = [self.read(value) for value in coded.dictionary.to_pylist()]
        found = pa.array([None if isinstance(r, Reason) else r for r in read], pa.large_string())
        why = np.full(len(text), -1, np.int8)
        codes = np.array([_REASONS.index(r) if isinstance(r, Reason) else -1 for r in read], np.int8)
        why[true_rows(left)] = codes[coded.indices.to_numpy()]
        numbers = pc.replace_with_mask(numbers, left, found.take(coded.indices))
        return numbers, lambda rows: [(reason, pa.array(why[rows] == i)) for i, reason in enumerate(_REASONS)]

    def read(self, value: str) -> str | Reason:
        """One number by the library, or why it is none."""
        number = self._parse(value, self.region)
        if isinstance(number, Reason):
            return number
        # A number is canonical when it is read as itself; one with a stray trunk prefix left may take a few rounds.
        while (again := self._parse(number, "none")) != number:
            if isinstance(again, Reason):
                return again
            number = again
        return number

    def _parse(self, value: str, region: str) -> str | Reason:
        try:
            number = phonenumbers.parse(value, None if region == "none" else region)
        except phonenumbers.NumberParseException as error:
            return _PARSE_REASONS[error.error_type]
        if number.extension and self.extension == "refuse":
            return Reason.EXTENSION
        # Not is_possible_number(), which also takes numbers that can only be dialled within one area.
        if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
            return Reason.LENGTH
        return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def read_usual(text: pa.LargeStringArray, region: str) -> pa.LargeStringArray:
    """E.164 of the numbers that need no library; null where it has to look."""
    usual = pc.and_(pc.match_substring_regex(text, _USUAL), pc.less_equal(pc.binary_length(text), _MAX_TEXT))
    dialled = pc.replace_substring_regex(pc.if_else(usual, text, _NULL), _PUNCTUATION, "")
    where = np.full(len(text), -1, np.int64)
    found, count = [pa.array([], pa.large_string())], 0
    for rows, code, national in _by_country(dialled, region):
        settled = _plan(phonenumbers.region_code_for_country_code(code), code).settled(national)
        good = settled.is_valid()
        kept = settled.filter(good)
        where[rows[true_rows(good)]] = np.arange(count, count + len(kept))
        found.append(pc.binary_join_element_wise(pa.scalar(f"+{code}", pa.large_string()), kept, _NOTHING))
        count += len(kept)
    return pa.concat_arrays(found).take(pa.array(where, mask=where < 0))


def _by_country(dialled: pa.Array, region: str) -> Iterator[tuple[I64, int, pa.Array]]:
    """Rows, country code and the digits after it, for each code that occurs."""
    if region != "none":
        home = _plan(region, phonenumbers.country_code_for_region(region))
        dialled = home.plus_for_abroad(dialled)
        rows = true_rows(pc.invert(pc.starts_with(dialled, "+")))
        yield rows, int(home.code), home.national(dialled.take(pa.array(rows)))
    rows = true_rows(pc.starts_with(dialled, "+"))
    begun = pc.utf8_slice_codeunits(dialled.take(pa.array(rows)), 1, 1 + _MAX_CODE).dictionary_encode()
    codes = np.array([_code_at(start) for start in begun.dictionary.to_pylist()], np.int64)
    code_of = codes[begun.indices.to_numpy()] if len(rows) else np.zeros(0, np.int64)
    for code in np.unique(code_of[code_of > 0]).tolist():
        these = rows[code_of == code]
        after = pc.utf8_slice_codeunits(dialled.take(pa.array(these)), 1 + len(str(code)))
        yield these, code, _plan(phonenumbers.region_code_for_country_code(code), code).without_trunk(after)


def _code_at(digits: str) -> int:
    """The country code that these digits begin with, 0 if none."""
    begun = (digits[:size] for size in range(1, len(digits) + 1) if digits[0] != "0")
    return next((int(code) for code in begun if int(code) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE), 0)


@dataclass(frozen=True, slots=True)
class _Plan:
    """The facts of a numbering plan that the quick way rests on; patterns are RE2, as in the library's C++ edition.

    viable: what a national number looks like. trunk: what may be dialled before one; abroad: what is dialled before a
    country code; `..._digits`: the digits that such a pattern tries first, if it consists of digits only. lengths: of
    numbers that can be dialled from anywhere. longest: of any.
    """

    code: str
    viable: str
    trunk: str
    trunk_digits: str
    abroad: str
    abroad_digits: str
    lengths: pa.Array
    longest: int

    def plus_for_abroad(self, dialled: pa.Array) -> pa.Array:
        """A plus sign instead of the digits for a call abroad. (No country code begins with the zero before which the
        library does not see them.)"""
        if not self.abroad_digits:
            return dialled
        plus = pc.binary_join_element_wise(_PLUS, pc.utf8_slice_codeunits(dialled, len(self.abroad_digits)), _NOTHING)
        return pc.if_else(pc.starts_with(dialled, self.abroad_digits), plus, dialled)

    def national(self, dialled: pa.Array) -> pa.Array:
        """National numbers from digits dialled inside the country; null where the library has to look."""
        viable = self._is_viable(dialled)
        coded = pc.starts_with(dialled, self.code)
        bare = pc.utf8_slice_codeunits(dialled, len(self.code))
        code_off = pc.and_(pc.and_not(coded, viable), pc.and_not(self._is_viable(bare), _begins(bare, self.trunk)))
        # A number that begins like the country's code and is viable with these digits, and not too long, keeps them.
        code_on = pc.or_(pc.invert(coded), pc.and_(viable, pc.less_equal(pc.binary_length(dialled), self.longest)))
        read = pc.if_else(code_off, bare, pc.if_else(code_on, self.without_trunk(dialled), _NULL))
        return pc.if_else(_begins(dialled, self.abroad), _NULL, read)

    def without_trunk(self, national: pa.Array) -> pa.Array:
        """The digits as they are where no trunk prefix can be among them, without it where all is clear; else null."""
        kept = pc.if_else(_begins(national, self.trunk), _NULL, national)
        if not self.trunk_digits:
            return kept
        inner = pc.utf8_slice_codeunits(national, len(self.trunk_digits))
        clear = pc.and_(self._is_viable(inner), pc.is_in(pc.binary_length(inner), self.lengths))
        return pc.if_else(pc.and_(pc.starts_with(national, self.trunk_digits), clear), inner, kept)

    def settled(self, national: pa.Array) -> pa.Array:
        """The numbers that the library would leave alone after the country code and call possible; else null."""
        good = pc.and_not(pc.is_in(pc.binary_length(national), self.lengths), _begins(national, self.trunk))
        return pc.if_else(good, national, _NULL)

    def _is_viable(self, national: pa.Array) -> pa.BooleanArray:
        return _begins(national, f"(?:{self.viable})$" if self.viable else "")


@cache
def _plan(region: str, code: int) -> _Plan:
    known: Any = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
    general = known.general_desc
    trunk = known.national_prefix_for_parsing or ""
    abroad = known.international_prefix or ""
    lengths = set(general.possible_length) - set(general.possible_length_local_only)
    return _Plan(
        code=str(code),
        viable=general.national_number_pattern or "",
        trunk=trunk,
        trunk_digits="" if known.national_prefix_transform_rule else _first_digits(trunk),
        abroad=abroad,
        abroad_digits=_first_digits(abroad),
        lengths=pa.array(sorted(n for n in lengths if _MIN_NATIONAL <= n <= _MAX_NATIONAL), pa.int64()),
        longest=max(general.possible_length),
    )


def _first_digits(pattern: str) -> str:
    """The first alternative of a pattern whose alternatives are all plain digits; empty for any other pattern."""
    found = re.fullmatch(r"([0-9]+)(?:\|[0-9]+)*", pattern)
    return found[1] if found else ""


def _begins(values: pa.Array, pattern: str) -> pa.BooleanArray:
    """Whether the values begin with a match of the pattern; an empty pattern matches nothing."""
    return pc.match_substring_regex(values, f"^(?:{pattern})" if pattern else r"^[^\x00-\x{10ffff}]")
