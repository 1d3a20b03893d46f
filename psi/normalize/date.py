"""Rule `date`."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from psi.normalize.rule import ASCII_SPACE, Explain, Reason, Rule, by_ascii, everywhere

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<word>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
# A time of day after an ISO date is read and dropped, zone and all.
_TIME = r"(?:[t ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?: ?z|[+-][0-9]{2}:?[0-9]{2})?)?"
_YEAR_FIRST = (
    rf"^(?P<y>[0-9]{{4}})-(?P<m>[0-9]{{1,2}})-(?P<d>[0-9]{{1,2}}){_TIME}$",
    r"^(?P<y>[0-9]{4})/(?P<m>[0-9]{1,2})/(?P<d>[0-9]{1,2})$",
    r"^(?P<y>[0-9]{4})\.(?P<m>[0-9]{1,2})\.(?P<d>[0-9]{1,2})$",
    r"^(?P<y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})$",
)
_MONTH_NAMED = (
    rf"^(?P<d>[0-9]{{1,2}})[ -]{_MONTH}[ -](?P<y>[0-9]{{4}})$",
    rf"^{_MONTH} (?P<d>[0-9]{{1,2}}),? (?P<y>[0-9]{{4}})$",
)
_YEAR_LAST = r"^(?P<{0}>[0-9]{{1,2}})[./-](?P<{1}>[0-9]{{1,2}})[./-](?P<y>[0-9]{{4}})$"
_ORDERS = {"dmy": _YEAR_LAST.format("d", "m"), "mdy": _YEAR_LAST.format("m", "d")}


@dataclass(frozen=True, slots=True)
class Date(Rule):
    """A calendar date, as YYYY-MM-DD (proleptic Gregorian, years 0001 to 9999).

    Read: year first with `-`, `/`, `.` or nothing between; an English month name with day and year; and, when `order`
    says which, day and month before a four-digit year. Two-digit years are not read.

    order: `iso` leaves 03/04/1990 unreadable; `dmy` and `mdy` say what it means.
    """

    order: str = "iso"

    name: ClassVar[str] = "date"
    version: ClassVar[int] = 1
    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {"order": ("iso", "dmy", "mdy")}

    def _read(self, text: pa.LargeStringArray) -> tuple[pa.Array, Explain]:
        text = by_ascii(text, _prepare_ascii, _prepare)
        patterns = _YEAR_FIRST + _MONTH_NAMED + ((_ORDERS[self.order],) if self.order in _ORDERS else ())
        values = pa.nulls(len(text), pa.large_string())
        shaped = np.zeros(len(text), bool)
        left = pc.is_valid(text)
        for pattern in patterns:
            hit = pc.and_(left, pc.fill_null(pc.match_substring_regex(text, pattern), False))
            if pc.any(hit).as_py():
                values = pc.replace_with_mask(values, hit, _assemble(text.filter(hit), pattern))
                shaped |= hit.to_numpy(zero_copy_only=False)
                left = pc.and_not(left, hit)
                if not pc.any(left).as_py():
                    break
        return values, lambda rows: _why(text.take(pa.array(rows)), pa.array(shaped[rows]), self.order)


def _why(text: pa.Array, shaped: pa.Array, order: str) -> Iterator[tuple[Reason, pa.BooleanArray]]:
    yield Reason.NO_SUCH_DAY, shaped
    if order not in _ORDERS:
        yield Reason.ORDER, pc.match_substring_regex(text, _ORDERS["dmy"])
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
