"""Rule `date`."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from psi.normalize.characters import ASCII_SPACE, without_ignorable
from psi.normalize.rule import Explain, Reason, Rule, by_ascii, everywhere

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<word>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY_FIRST = rf"^(?P<d>[0-9]{{1,2}})[ -]{_MONTH}[ -](?P<y>[0-9]{{4}})"
_MONTH_FIRST = rf"^{_MONTH} +(?P<d>[0-9]{{1,2}}),? +(?P<y>[0-9]{{4}})"
_ISO = r"^(?P<y>[0-9]{4})-(?P<m>[0-9]{1,2})-(?P<d>[0-9]{1,2})"
_SLASHES = r"^(?P<y>[0-9]{4})/(?P<m>[0-9]{1,2})/(?P<d>[0-9]{1,2})"
_POINTS = r"^(?P<y>[0-9]{4})\.(?P<m>[0-9]{1,2})\.(?P<d>[0-9]{1,2})"
_DIGITS = r"^(?P<y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})"
_YEAR_LAST = r"^(?P<{0}>[0-9]{{1,2}})[./-](?P<{1}>[0-9]{{1,2}})[./-](?P<y>[0-9]{{4}})"
_ORDERS = {"dmy": _YEAR_LAST.format("d", "m"), "mdy": _YEAR_LAST.format("m", "d")}
# A time of day after a date is read and dropped, zone and all: the date is the local one. 24:00 is of the next day.
_HOUR = r"(?:[01]?[0-9]|2[0-3])"
_ZONE = r"(?: ?(?:z|utc|gmt)?(?: ?[+-][0-9]{2}(?::?[0-9]{2}){0,2})?(?: ?\[[a-z0-9_/+-]+\])?)?"
_TIME = rf"(?:(?:t|,? +){_HOUR}:[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]+)?|:60(?:[.,]0+)?)?(?: ?[ap]\.?m\.?)?{_ZONE})?$"
_BASIC_TIME = r"t[0-9]{4}(?:[0-9]{2}(?:[.,][0-9]+)?)?(?:z|[+-][0-9]{2}(?::?[0-9]{2})?)?$"
_WHOLE = r"\.0+$"  # of a number that went through a double
_DATES = (
    _ISO + "$",  # the most usual, and several times quicker to match
    _ISO + _TIME,
    _SLASHES + _TIME,
    _POINTS + _TIME,
    rf"{_DIGITS}(?:{_TIME}|{_BASIC_TIME}|{_WHOLE})",
    _DAY_FIRST + _TIME,
    _MONTH_FIRST + _TIME,
)
_FIRST_TIME = r"(?:[t ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?: ?z|[+-][0-9]{2}:?[0-9]{2})?)?$"
_FIRST_DATES = (
    _ISO + _FIRST_TIME,
    *(shape + "$" for shape in (_SLASHES, _POINTS, _DIGITS, _DAY_FIRST, _MONTH_FIRST.replace(" +", " "))),
)
# Days as spreadsheets count them: whole, or with the time as a fraction.
_SERIAL = r"^(?P<n>[0-9]{1,7})(?:\.[0-9]+)?$"
_EPOCHS = {"excel": np.datetime64("1899-12-30"), "excel-1904": np.datetime64("1904-01-01")}
_LAST = np.datetime64("9999-12-31")
_NO_SUCH_SERIAL = 60  # 29 February 1900, of which the year 1900 has none; before it Excel is a day off


@dataclass(frozen=True, slots=True)
class Date(Rule):
    """A calendar date, as YYYY-MM-DD (proleptic Gregorian, years 0001 to 9999).

    Read: year first with `-`, `/`, `.` or nothing between; an English month name with day and year; and, when `order`
    says which, day and month before a four-digit year. A time after the date is dropped, and its zone. Two-digit years
    are not read.

    order: `iso` leaves 03/04/1990 unreadable; `dmy` and `mdy` say what it means; `excel` reads the numbers under which
    Excel keeps dates, and `excel-1904` those of workbooks that count from 1904.
    """

    order: str = "iso"

    name: ClassVar[str] = "date"
    version: ClassVar[int] = 2
    local_time: ClassVar[bool] = True
    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {"order": ("iso", "dmy", "mdy", "excel", "excel-1904")}

    def _read(self, text: pa.LargeStringArray) -> tuple[pa.Array, Explain]:
        text = by_ascii(text, _prepare_ascii, lambda value: _prepare(without_ignorable(value)))
        # It does not matter which pattern goes first, so the likeliest does.
        if self.order in _EPOCHS:
            return _dates(text, (_SERIAL, *_DATES), self.order)
        return _dates(text, ((_ORDERS[self.order] + _TIME,) if self.order in _ORDERS else ()) + _DATES, self.order)


@dataclass(frozen=True, slots=True)
class FirstDate(Rule):
    """Version 1 of `date`: times after ISO dates only."""

    order: str = "iso"

    name: ClassVar[str] = "date"
    version: ClassVar[int] = 1
    placeholders: ClassVar[bool] = False
    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {"order": ("iso", *_ORDERS)}

    def _read(self, text: pa.LargeStringArray) -> tuple[pa.Array, Explain]:
        text = by_ascii(text, _prepare_ascii, _prepare)
        return _dates(text, _FIRST_DATES + ((_ORDERS[self.order] + "$",) if self.order in _ORDERS else ()), self.order)


def _dates(text: pa.LargeStringArray, patterns: tuple[str, ...], order: str) -> tuple[pa.Array, Explain]:
    """The dates of texts that match one of the patterns."""
    values = pa.nulls(len(text), pa.large_string())
    shaped = np.zeros(len(text), bool)
    left = pc.is_valid(text)
    for pattern in patterns:
        hit = pc.and_(left, pc.fill_null(pc.match_substring_regex(text, pattern), False))
        if pc.any(hit).as_py():
            found = text.filter(hit)
            dates = _of_serials(found, _EPOCHS[order]) if pattern == _SERIAL else _assemble(found, pattern)
            values = pc.replace_with_mask(values, hit, dates)
            shaped |= hit.to_numpy(zero_copy_only=False)
            left = pc.and_not(left, hit)
            if not pc.any(left).as_py():
                break
    return values, lambda rows: _why(text.take(pa.array(rows)), pa.array(shaped[rows]), order)


def _of_serials(text: pa.Array, epoch: np.datetime64) -> pa.Array:
    """Dates of serial numbers, null where there is no such day."""
    days = pc.extract_regex(text, _SERIAL).field("n").cast(pa.int64()).to_numpy()
    if epoch == _EPOCHS["excel"]:
        possible = (days >= 1) & (days != _NO_SUCH_SERIAL)
        days = days + (days < _NO_SUCH_SERIAL)
    else:
        possible = days >= 0
    dates = epoch + days.astype("timedelta64[D]")
    return pa.array(dates, pa.date32(), mask=~(possible & (dates <= _LAST))).cast(pa.large_string())


def _why(text: pa.Array, shaped: pa.Array, order: str) -> Iterator[tuple[Reason, pa.BooleanArray]]:
    yield Reason.NO_SUCH_DAY, shaped
    if order not in _ORDERS:
        yield Reason.ORDER, pc.match_substring_regex(text, _ORDERS["dmy"] + "(?:$|[ t,])")
    yield Reason.NOT_A_DATE, everywhere(text)


def _prepare_ascii(text: pa.Array) -> pa.Array:
    return pc.ascii_lower(pc.ascii_trim(text, ASCII_SPACE))


def _prepare(value: str) -> str:
    return unicodedata.normalize("NFKC", value).strip().lower()


def _assemble(text: pa.Array, pattern: str) -> pa.Array:
    """YYYY-MM-DD of rows that match `pattern`, null where the calendar has no such day."""
    found = pc.extract_regex(text, pattern)
    names = {f.name for f in found.type}
    year, day = (found.field(part).cast(pa.int32()).to_numpy() for part in ("y", "d"))
    if "word" in names:
        short = pc.utf8_slice_codeunits(found.field("word"), 0, 3)
        month = pc.index_in(short, value_set=pa.array(_MONTHS, short.type)).to_numpy() + 1
    else:
        month = found.field("m").cast(pa.int32()).to_numpy()
    possible = (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    months = (np.where(possible, year, 1970) - 1970) * 12 + np.where(possible, month, 1) - 1
    first = months.astype("datetime64[M]").astype("datetime64[D]")
    date = first + np.where(possible, day - 1, 0).astype("timedelta64[D]")
    possible &= date.astype("datetime64[M]") == months.astype("datetime64[M]")
    return pa.array(date.astype("datetime64[D]"), pa.date32(), mask=~possible).cast(pa.large_string())
