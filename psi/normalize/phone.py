"""Rule `phone`: E.164 as the `phonenumbers` library (libphonenumber) reads it, and only where one reading is clear.

`phone_columns` settles most rows in whole columns; this module reads the rest, a value at a time. Digits that lost
their plus sign, a leading zero or their last places in a program are read right or not at all: a wrong reading is
somebody else's number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from psi.normalize.characters import without_ignorable
from psi.normalize.numbering import plan_of, read_usual
from psi.normalize.phone_columns import read_columns
from psi.normalize.regions import region_of
from psi.normalize.rule import Explain, Normalized, Reason, Rule, large_text, true_rows
from psi.normalize.written_numbers import as_digits
from psiselect.base import later
from psiselect.base.packed import I64

if TYPE_CHECKING:
    import phonenumbers
else:
    phonenumbers = later.Module("phonenumbers")

BY_ROW = "by row"

_REASONS = (
    Reason.NOT_A_NUMBER,
    Reason.COUNTRY,
    Reason.LENGTH,
    Reason.EXTENSION,
    Reason.LETTERS,
    Reason.DIGITS_LOST,
    Reason.AMBIGUOUS,
)
_EXTENSION = ("refuse", "drop")
_MAX_TEXT = 250
_BEGINNING = re.compile(r"[^0-9+\uff0b\d]*")
_PLUS = re.compile(r"[+\uff0b]+")
_ZERO_IN_BRACKETS = re.compile(r"[(\uff08\[]\s*[0\uff10]\s*[)\uff09\]]")
_SLASH = re.compile(r"[/\\\u2044\uff0f]")
_USUAL_ABROAD = ("00", "0011", "011")
_AREA_DIGITS = 6  # at most, before a slash, a leading zero included
_LONG = 12  # a national number of so many digits, where they are also country code and number, is the latter


class _Choices(Mapping[str, tuple[str, ...]]):
    """What the options may be. The regions are those of the library, which is not loaded before they are asked for."""

    def __init__(self, **others: tuple[str, ...]) -> None:
        self._others = others

    def __getitem__(self, option: str) -> tuple[str, ...]:
        return _regions() if option == "region" else self._others[option]

    def __iter__(self) -> Iterator[str]:
        yield from (*self._others, "region")

    def __len__(self) -> int:
        return len(self._others) + 1


@cache
def _regions() -> tuple[str, ...]:
    return ("none", *sorted(phonenumbers.SUPPORTED_REGIONS))


@dataclass(frozen=True, slots=True)
class Phone(Rule):
    """A telephone number in E.164 form, `+48601234567`.

    region: ISO 3166 code of the country whose national formats are read; without it only numbers that begin with a
    plus sign and a country code are. `by row` when a column of the table says it.
    extension: `refuse` makes a number with an extension unreadable, since the number without it is shared; `drop`
    takes the extension off.
    plus: `optional` reads digits without a plus sign as a country code and number too; `required` does so only for the
    region's own code.
    """

    extension: str = "refuse"
    plus: str = "required"
    region: str = "none"

    name: ClassVar[str] = "phone"
    version: ClassVar[int] = 2
    choices: ClassVar[Mapping[str, tuple[str, ...]]] = _Choices(extension=_EXTENSION, plus=("required", "optional"))
    meant: ClassVar[Mapping[str, Callable[[str], str]]] = {"region": region_of}

    def by_row(self) -> Phone:
        """The rule that takes the region from another column. That column is private, and no option."""
        return replace(self, region=BY_ROW)

    def apply_by_row(self, column: pa.Array | pa.ChunkedArray, regions: pa.Array | pa.ChunkedArray) -> Normalized:
        """As `apply`; `regions`, as long as the column, names each row's country: an ISO 3166 code or an English name.
        A row that names none is read as without a region."""
        text = large_text(column)
        coded = large_text(regions).dictionary_encode()
        names = [region_of(name) for name in coded.dictionary.to_pylist()]
        distinct = sorted({"none", *names})
        of_name = np.array([*map(distinct.index, names), distinct.index("none")], np.int64)
        region = of_name[pc.fill_null(coded.indices, len(names)).to_numpy(zero_copy_only=False)]
        values, why = [pa.array([], pa.large_string())], dict[Reason, list[I64]]()
        places = np.empty(len(text), np.int64)
        done = 0
        for number, name in enumerate(distinct):
            rows = np.flatnonzero(region == number)
            read = replace(self, region=name).apply(text.take(pa.array(rows)))
            values.append(read.values)
            places[rows] = np.arange(done, done + len(rows))
            done += len(rows)
            for reason, some in read.unreadable.items():
                why.setdefault(reason, []).append(rows[some])
        unreadable = {reason: np.sort(np.concatenate(rows)) for reason, rows in why.items()}
        return Normalized(pa.concat_arrays(values).take(pa.array(places)), unreadable)

    def _read(self, text: pa.LargeStringArray) -> tuple[pa.Array, Explain]:
        if self.region == BY_ROW:
            raise ValueError("the region is said by row; use apply_by_row")
        found = self._clear(text)
        left = pc.and_(pc.is_valid(text), pc.is_null(found))
        if pc.any(left).as_py():
            # Quantities are plain digits once they are written out.
            digits = [as_digits(value.strip()) for value in text.filter(left).to_pylist()]
            written = pa.array([d if type(d) is str else None for d in digits], pa.large_string())
            if written.null_count < len(written):
                found = pc.replace_with_mask(found, left, self._clear(written))
        return _completed(text, found, self.read)

    def _clear(self, text: pa.LargeStringArray) -> pa.LargeStringArray:
        return read_columns(text, self.region, plus_optional=self.plus == "optional")

    def read(self, value: str) -> str | Reason:
        """One number, or why it is none."""
        value = without_ignorable(value).strip()
        if len(value) > _MAX_TEXT:
            return Reason.NOT_A_NUMBER
        quantity = as_digits(value)
        if isinstance(quantity, Reason):
            return quantity
        if quantity is None:
            cut = self._cut(value)
            if isinstance(cut, Reason):
                return cut
            value = cut
        else:
            value = quantity
        return self._of_digits(value)

    def _cut(self, value: str) -> str | Reason:
        """The digits and punctuation of a text, without what may stand before and after them."""
        value = value[_BEGINNING.match(value).end() :]  # type: ignore[union-attr]
        # The library's own idea of an extension, which it does not publish.
        stripped: tuple[str, str] = phonenumbers.phonenumberutil._maybe_strip_extension(value)
        extension, value = stripped
        if extension and self.extension == "refuse":
            return Reason.EXTENSION
        if any(c.isalpha() for c in value):
            return Reason.LETTERS if any(c.isdigit() for c in value) else Reason.NOT_A_NUMBER
        return value

    def _of_digits(self, value: str) -> str | Reason:
        digits = "".join(str(unicodedata.digit(c)) for c in value if c.isdecimal())
        if _PLUS.match(value) is None:
            return self._of_abroad(value, digits) if digits.startswith("00") else self._of_home(value, digits)
        if not digits.startswith("0"):
            return self._of_code(value, digits)
        # A prefix for calls abroad behind a plus sign, or a number that should have none.
        called = self._dialled_abroad(digits) or digits.startswith("00")
        return self._of_abroad(value, digits) if called else Reason.COUNTRY

    def _dialled_abroad(self, digits: str) -> str:
        """The region's prefix for calls abroad, as far as the digits begin with it; else nothing."""
        if self.region == "none":
            return ""
        plan: Any = phonenumbers.PhoneMetadata.metadata_for_region(self.region)
        found = re.match(plan.international_prefix or "$^", digits)
        return "" if found is None else found[0]

    def _of_abroad(self, value: str, digits: str) -> str | Reason:
        """A number behind a prefix for calls abroad: the region's, or one that is usual elsewhere."""
        own = self._dialled_abroad(digits)
        prefixes = dict.fromkeys(prefix for prefix in (own, *_USUAL_ABROAD) if prefix and digits.startswith(prefix))
        readings = [
            self._of_code("+" + _after_digits(value, len(prefix)), digits[len(prefix) :]) for prefix in prefixes
        ]
        if not own and _PLUS.match(value) is None:
            home = self._of_home(value, digits)
            readings.insert(0, home)
            if home is Reason.AMBIGUOUS:
                return home
        return self._one_of(readings, checked=not own)

    def _of_code(self, value: str, digits: str) -> str | Reason:
        """A number after a plus sign. A zero in brackets is dialled inside the country, except where it is a part of
        every number."""
        several = self._slashed(value, digits, coded=True)
        if several is not None:
            return several
        if not _ZERO_IN_BRACKETS.search(value):
            return _library(value, "none", self.extension)
        return self._one_of(
            [
                _library(_ZERO_IN_BRACKETS.sub(" ", value), "none", self.extension),
                _library(_ZERO_IN_BRACKETS.sub("0", value), "none", self.extension),
            ]
        )

    def _of_home(self, value: str, digits: str) -> str | Reason:
        """Digits without a plus sign: a number dialled in the region, or one that lost its plus sign or its zero."""
        several = self._slashed(value, digits, coded=False)
        if several is not None:
            return several
        known = self.region != "none"
        code = str(phonenumbers.country_code_for_region(self.region)) if known else ""
        readings = [_library(digits if digits else value, self.region, self.extension)]
        if known:
            readings.append(_library(f"+{code}{digits}", "none", self.extension))
            if not digits.startswith("0"):
                readings.append(_library(f"0{digits}", self.region, self.extension))
        if digits.startswith("0"):
            return self._one_of(readings)
        coded = known and digits.startswith(code)
        if coded or self.plus == "optional":
            abroad = _library(f"+{digits}", "none", self.extension)
            if not coded and not (abroad == f"+{digits}" and _valid(abroad)):
                abroad = Reason.COUNTRY
            if coded and len(digits) >= _LONG and _valid(abroad):
                readings = [each for each in readings if each != f"+{code}{digits}"]
            readings.append(abroad)
        return self._one_of(readings)

    def _slashed(self, value: str, digits: str, *, coded: bool) -> Reason | None:
        """AMBIGUOUS when a slash stands where no area code ends, and so begins another number."""
        parts = _SLASH.split(value)
        if len(parts) < 2:
            return None
        after = sum(c.isdecimal() for c in parts[-1])
        before = sum(c.isdecimal() for c in "".join(parts[:-1]))
        if coded:
            before -= next((n for n in (1, 2, 3) if digits[:n].isdigit() and _is_code(digits[:n])), 0)
        return Reason.AMBIGUOUS if before > _AREA_DIGITS or 0 < after <= 2 else None

    @staticmethod
    def _one_of(readings: list[str | Reason], *, checked: bool = False) -> str | Reason:
        """The reading that is left: the only possible one or, of several, the only one in a range that is in use; where
        none is, the only one that looks like its country's numbers. checked: even a single one must be in use."""
        possible = {each for each in readings if not isinstance(each, Reason)}
        if not possible:
            return readings[0]
        if len(possible) == 1 and not checked:
            return possible.pop()
        left = {each for each in possible if _valid(each)}
        if not left and not checked:
            left = {each for each in possible if _shaped(each)}
        return left.pop() if len(left) == 1 else Reason.AMBIGUOUS


@dataclass(frozen=True, slots=True)
class FirstPhone(Rule):
    """Version 1 of `phone`: the library's reading, also of digits that a program has changed."""

    extension: str = "refuse"
    region: str = "none"

    name: ClassVar[str] = "phone"
    version: ClassVar[int] = 1
    placeholders: ClassVar[bool] = False
    choices: ClassVar[Mapping[str, tuple[str, ...]]] = _Choices(extension=_EXTENSION)
    meant: ClassVar[Mapping[str, Callable[[str], str]]] = {"region": region_of}

    def _read(self, text: pa.LargeStringArray) -> tuple[pa.Array, Explain]:
        return _completed(text, read_usual(text, self.region), self.read)

    def read(self, value: str) -> str | Reason:
        """One number by the library, or why it is none."""
        return _library(value, self.region, self.extension)


def _completed(
    text: pa.LargeStringArray, numbers: pa.Array, read: Callable[[str], str | Reason]
) -> tuple[pa.Array, Explain]:
    """The numbers, with those that are null read one by one."""
    left = pc.and_(pc.is_valid(text), pc.is_null(numbers))
    coded = text.filter(left).dictionary_encode()
    found = [read(value) for value in coded.dictionary.to_pylist()]
    values = pa.array([None if isinstance(r, Reason) else r for r in found], pa.large_string())
    why = np.full(len(text), -1, np.int8)
    codes = np.array([_REASONS.index(r) if isinstance(r, Reason) else -1 for r in found], np.int8)
    why[true_rows(left)] = codes[coded.indices.to_numpy()]
    numbers = pc.replace_with_mask(numbers, left, values.take(coded.indices))
    return numbers, lambda rows: [(reason, pa.array(why[rows] == i)) for i, reason in enumerate(_REASONS)]


def _library(value: str, region: str, extension: str) -> str | Reason:
    """One number by the library, or why it is none."""
    number = _parse(value, region, extension)
    if isinstance(number, Reason):
        return number
    # A number is canonical when it is read as itself; one with a stray trunk prefix left may take a few rounds.
    while (again := _parse(number, "none", extension)) != number:
        if isinstance(again, Reason):
            return again
        number = again
    return number


def _parse(value: str, region: str, extension: str) -> str | Reason:
    try:
        number = phonenumbers.parse(value, None if region == "none" else region)
    except phonenumbers.NumberParseException as error:
        return _parse_reasons()[error.error_type]
    if number.extension and extension == "refuse":
        return Reason.EXTENSION
    # Not is_possible_number(), which also takes numbers that can only be dialled within one area.
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return Reason.LENGTH
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


@cache
def _parse_reasons() -> dict[int, Reason]:
    """What the library's reasons are here."""
    error = phonenumbers.NumberParseException
    return {
        error.INVALID_COUNTRY_CODE: Reason.COUNTRY,
        error.NOT_A_NUMBER: Reason.NOT_A_NUMBER,
        error.TOO_SHORT_AFTER_IDD: Reason.LENGTH,
        error.TOO_SHORT_NSN: Reason.LENGTH,
        error.TOO_LONG: Reason.LENGTH,
    }


def _valid(number: str | Reason) -> bool:
    """Whether a number is in a range that is in use."""
    return not isinstance(number, Reason) and bool(phonenumbers.is_valid_number(phonenumbers.parse(number)))


def _shaped(number: str) -> bool:
    """Whether a possible number looks like those of its country."""
    found: Any = phonenumbers.parse(number)
    plan = plan_of(phonenumbers.region_code_for_country_code(found.country_code), found.country_code)
    return re.fullmatch(plan.viable, phonenumbers.national_significant_number(found)) is not None


def _is_code(digits: str) -> bool:
    return int(digits) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE


def _after_digits(value: str, count: int) -> str:
    """What follows the first so many digits."""
    for at, character in enumerate(value):
        count -= character.isdecimal()
        if not count:
            return value[at + 1 :]
    return ""
