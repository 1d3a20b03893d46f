"""Numbering plans: which digits are a number in which country, for whole columns, as the `phonenumbers` library
(libphonenumber) reads them.

The library takes some 50 us a number. Most numbers in a column need little of what it can do, so two steps go first and
leave it the rest: the usual punctuation is taken off, and `Plan` settles in whole columns the cases in which the
library's result follows from four facts of a country's metadata. tests/psi/normalize/test_normalize_phone.py
compares the result with the library's, country by country.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from psi.normalize.rule import true_rows
from psiselect.base import later
from psiselect.base.packed import I64

if TYPE_CHECKING:
    import phonenumbers
else:
    phonenumbers = later.Module("phonenumbers")

# The library's limits, except that shorter numbers than _MIN_NATIONAL are all left to it.
MAX_TEXT, MAX_CODE, _MIN_NATIONAL, _MAX_NATIONAL = 250, 3, 3, 17
# What people put between digits. None of it can begin an extension, and none but the plus sign steers the library.
USUAL = r"^[ (]*\+?[0-9 ()./-]*$"
_KINDS = (
    "fixed_line",
    "mobile",
    "toll_free",
    "premium_rate",
    "shared_cost",
    "personal_number",
    "voip",
    "pager",
    "uan",
    "voicemail",
)
_PUNCTUATION = r"[ ()./-]+"
NULL = pa.scalar(None, pa.large_string())
EMPTY = pa.scalar("", pa.large_string())
PLUS = pa.scalar("+", pa.large_string())


def read_usual(text: pa.LargeStringArray, region: str) -> pa.LargeStringArray:
    """Version 1 of the rule: E.164 of the numbers that need no library; null where it has to look."""
    usual = pc.and_(pc.match_substring_regex(text, USUAL), pc.less_equal(pc.binary_length(text), MAX_TEXT))
    dialled = pc.replace_substring_regex(pc.if_else(usual, text, NULL), _PUNCTUATION, "")
    return assembled(by_country(dialled, region), len(text))


def assembled(countries: Iterator[tuple[I64, int, pa.Array]], size: int) -> pa.LargeStringArray:
    """E.164 by row, null where a number is not settled, from rows, country codes and national numbers."""
    where = np.full(size, -1, np.int64)
    found, count = [pa.array([], pa.large_string())], 0
    for rows, code, national in countries:
        settled = plan_of(phonenumbers.region_code_for_country_code(code), code).settled(national)
        good = settled.is_valid()
        kept = settled.filter(good)
        where[rows[true_rows(good)]] = np.arange(count, count + len(kept))
        found.append(pc.binary_join_element_wise(pa.scalar(f"+{code}", pa.large_string()), kept, EMPTY))
        count += len(kept)
    return pa.concat_arrays(found).take(pa.array(where, mask=where < 0))


def by_country(dialled: pa.Array, region: str) -> Iterator[tuple[I64, int, pa.Array]]:
    """Rows, country code and the digits after it, for each code that occurs."""
    if region != "none":
        home = plan_of(region, phonenumbers.country_code_for_region(region))
        dialled = home.plus_for_abroad(dialled)
        rows = true_rows(pc.invert(pc.starts_with(dialled, "+")))
        yield rows, int(home.code), home.national(dialled.take(pa.array(rows)))
    yield from with_codes(dialled)


def with_codes(dialled: pa.Array) -> Iterator[tuple[I64, int, pa.Array]]:
    """The same for those that begin with a plus sign."""
    rows = true_rows(pc.starts_with(dialled, "+"))
    begun = pc.utf8_slice_codeunits(dialled.take(pa.array(rows)), 1, 1 + MAX_CODE).dictionary_encode()
    codes = np.array([code_at(start) for start in begun.dictionary.to_pylist()], np.int64)
    code_of = codes[begun.indices.to_numpy()] if len(rows) else np.zeros(0, np.int64)
    for code in np.unique(code_of[code_of > 0]).tolist():
        these = rows[code_of == code]
        after = pc.utf8_slice_codeunits(dialled.take(pa.array(these)), 1 + len(str(code)))
        yield these, code, plan_of(phonenumbers.region_code_for_country_code(code), code).without_trunk(after)


def code_at(digits: str) -> int:
    """The country code that these digits begin with, 0 if none."""
    begun = (digits[:size] for size in range(1, len(digits) + 1) if digits[0] != "0")
    return next((int(code) for code in begun if int(code) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE), 0)


@dataclass(frozen=True, slots=True)
class Plan:
    """The facts of a numbering plan that the quick way rests on; patterns are RE2, as in the library's C++ edition.

    viable: what a national number looks like. trunk: what may be dialled before one; abroad: what is dialled before a
    country code; `..._digits`: the digits that such a pattern tries first, if it consists of digits only. lengths: of
    numbers that can be dialled from anywhere. longest: of any. valid: what numbers of ranges in use look like, in all
    regions of the code. drops_zero: whether a zero before a number is no part of it. more_than_zero: how digits begin
    that have such a zero and more before the number.
    """

    code: str
    viable: str
    trunk: str
    trunk_digits: str
    abroad: str
    abroad_digits: str
    lengths: pa.Array
    longest: int
    valid: str
    drops_zero: bool
    more_than_zero: str

    def plus_for_abroad(self, dialled: pa.Array) -> pa.Array:
        """A plus sign instead of the digits for a call abroad. (No country code begins with the zero before which the
        library does not see them.)"""
        if not self.abroad_digits:
            return dialled
        plus = pc.binary_join_element_wise(PLUS, pc.utf8_slice_codeunits(dialled, len(self.abroad_digits)), EMPTY)
        return pc.if_else(pc.starts_with(dialled, self.abroad_digits), plus, dialled)

    def national(self, dialled: pa.Array) -> pa.Array:
        """National numbers from digits dialled inside the country; null where the library has to look."""
        viable = self.is_viable(dialled)
        coded = pc.starts_with(dialled, self.code)
        bare = pc.utf8_slice_codeunits(dialled, len(self.code))
        code_off = pc.and_(pc.and_not(coded, viable), pc.and_not(self.is_viable(bare), begins(bare, self.trunk)))
        # A number that begins like the country's code and is viable with these digits, and not too long, keeps them.
        code_on = pc.or_(pc.invert(coded), pc.and_(viable, pc.less_equal(pc.binary_length(dialled), self.longest)))
        read = pc.if_else(code_off, bare, pc.if_else(code_on, self.without_trunk(dialled), NULL))
        return pc.if_else(begins(dialled, self.abroad), NULL, read)

    def without_trunk(self, national: pa.Array) -> pa.Array:
        """The digits as they are where no trunk prefix can be among them, without it where all is clear; else null."""
        kept = pc.if_else(begins(national, self.trunk), NULL, national)
        if not self.trunk_digits:
            return kept
        inner = pc.utf8_slice_codeunits(national, len(self.trunk_digits))
        clear = pc.and_(self.is_viable(inner), pc.is_in(pc.binary_length(inner), self.lengths))
        return pc.if_else(pc.and_(pc.starts_with(national, self.trunk_digits), clear), inner, kept)

    def settled(self, national: pa.Array) -> pa.Array:
        """The numbers that the library would leave alone after the country code and call possible; else null."""
        good = pc.and_not(pc.is_in(pc.binary_length(national), self.lengths), begins(national, self.trunk))
        return pc.if_else(good, national, NULL)

    def is_possible(self, national: pa.Array) -> pa.BooleanArray:
        """Whether the digits could be a national number, as far as length and shape go."""
        return pc.and_(pc.is_in(pc.binary_length(national), self.lengths), self.is_viable(national))

    def is_valid(self, national: pa.Array) -> pa.BooleanArray:
        """Whether the digits are a national number in a range that is in use."""
        return begins(national, f"(?:{self.valid})$" if self.valid else "")

    def is_viable(self, national: pa.Array) -> pa.BooleanArray:
        """Whether the digits look like a national number."""
        return begins(national, f"(?:{self.viable})$" if self.viable else "")


@cache
def plan_of(region: str, code: int) -> Plan:
    known: Any = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(code, region)
    general = known.general_desc
    trunk = known.national_prefix_for_parsing or ""
    abroad = known.international_prefix or ""
    starts = ["0" + "".join(rest) for rest in product("0123456789", repeat=3)]
    taken = {start: found.end() if (found := re.match(trunk, start)) else 0 for start in starts} if trunk else {}
    lengths = set(general.possible_length) - set(general.possible_length_local_only)
    return Plan(
        code=str(code),
        viable=general.national_number_pattern or "",
        trunk=trunk,
        trunk_digits="" if known.national_prefix_transform_rule else _first_digits(trunk),
        abroad=abroad,
        abroad_digits=_first_digits(abroad),
        lengths=pa.array(sorted(n for n in lengths if _MIN_NATIONAL <= n <= _MAX_NATIONAL), pa.int64()),
        longest=max(general.possible_length),
        valid="|".join(f"(?:{pattern})" for pattern in _ranges(code)),
        drops_zero=all(taken.values()) and bool(trunk),
        more_than_zero="|".join(start for start, size in taken.items() if size > 1),
    )


def _ranges(code: int) -> Iterator[str]:
    """The patterns of all kinds of numbers, in all regions with the country code."""
    for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]:
        known: Any = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(code, region)
        for kind in _KINDS:
            found = getattr(known, kind)
            if found is not None and found.national_number_pattern:
                yield found.national_number_pattern


def _first_digits(pattern: str) -> str:
    """The first alternative of a pattern whose alternatives are all plain digits; empty for any other pattern."""
    found = re.fullmatch(r"([0-9]+)(?:\|[0-9]+)*", pattern)
    return found[1] if found else ""


def begins(values: pa.Array, pattern: str) -> pa.BooleanArray:
    """Whether the values begin with a match of the pattern; an empty pattern matches nothing."""
    return pc.match_substring_regex(values, f"^(?:{pattern})" if pattern else r"^[^\x00-\x{10ffff}]")
