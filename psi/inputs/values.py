"""The value column of a table as whole numbers of the agreed unit, exactly, and what each key's rows add up to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from psi.agreement.amounts import Amounts
from psi.inputs import words
from psi.tables import Source, require_names
from psiselect.base.errors import InputError
from psiselect.base.packed import I64

# Digits on each side of the point, so that Arrow's decimals hold every number that this matches.
_TEXT = r"[+-]?[0-9]{1,19}(\.[0-9]{1,18})?"
_WRITTEN = re.compile(_TEXT, re.ASCII)
_LONG = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)
# Up to here the double nearest to k/10^d gives k back when multiplied by 10^d and rounded, and no other k has it.
_EXACT_DOUBLE = 1 << 51


@dataclass(frozen=True, slots=True)
class Values:
    """units: int64, shape (rows,), 0 where a row has no value; blank: how many have none."""

    units: I64
    blank: int


@dataclass(frozen=True, slots=True)
class SummedValues:
    """What items add up to. sums: int64, shape (items + 1,), the last one 0, for items that were only added.
    blank: rows without a value."""

    sums: I64
    blank: int

    def of(self, numbers: I64) -> I64:
        """The values of these items, in this order; -1 stands for one that was only added."""
        found: I64 = self.sums[numbers]
        return found


def read(source: Source, column: str, amounts: Amounts) -> Values:
    """Stream a value column. Text and decimals count as written, integers as they are; a double counts as the decimal
    of the agreed places that it is the nearest double to. Blank text and nulls count as nothing.

    Raises InputError naming row and column when a value has more places than agreed, is beyond the largest or is no
    number; never quoting it.
    """
    require_names(source, [column], "value")
    parsed, blank, row = [np.zeros(0, np.int64)], 0, source.first_row
    for batch in source.batches([column]):
        values = batch.column(column)
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        values, missing = _without_blanks(values)
        units = _units(values, amounts, source.name, column)
        if units is None or np.any((units > amounts.largest) | (units < -amounts.largest)):
            raise _fault(values, amounts, source.name, column, row)
        parsed.append(units)
        blank += missing
        row += len(batch)
    return Values(np.concatenate(parsed), blank)


def add_up(values: Values, groups: I64, count: int, amounts: Amounts, source: Source, column: str) -> I64:
    """The sum of each group's rows, int64, shape (count,); `groups` (int64, (rows,)) is -1 for rows of none.

    Raises InputError, naming the group's first row, when a sum is beyond the largest value.
    """
    grouped = groups >= 0
    number, units = groups[grouped], values.units[grouped]
    # In two halves, since very many rows of one key could leave 64 bits.
    high, low = np.zeros(count, np.int64), np.zeros(count, np.int64)
    np.add.at(high, number, units >> 32)
    np.add.at(low, number, units & 0xFFFFFFFF)
    high += low >> 32
    fits = (high >= -(1 << 31)) & (high < 1 << 31)
    sums: I64 = (np.where(fits, high, 0) << 32) | (low & 0xFFFFFFFF)
    wrong = ~fits | (sums > amounts.largest) | (sums < -amounts.largest)
    if wrong.any():
        row = int(np.argmax(np.isin(groups, np.flatnonzero(wrong)))) + source.first_row
        raise words.sum_too_large(source.name, row, column, amounts.text(amounts.largest))
    return sums


def _without_blanks(values: pa.Array) -> tuple[pa.Array, int]:
    """Text without space around it; nulls for blanks; how many there are."""
    kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        values = pc.utf8_trim_whitespace(values)
        values = pc.if_else(pc.equal(values, ""), pa.scalar(None, kind), values)
    return values, values.null_count


def _units(values: pa.Array, amounts: Amounts, name: str, column: str) -> I64 | None:
    """Values in units, 0 for null; None when some value does not fit. Raises InputError for a type that is no number.

    Values beyond the largest may come out wrong or as they are, but not within it.
    """
    kind = values.type
    types = pa.types
    if not len(values) or types.is_null(kind):
        return np.zeros(len(values), np.int64)
    if types.is_integer(kind):
        return _from_integers(values, amounts)
    if types.is_float64(kind):
        return _from_doubles(pc.fill_null(values, 0.0).to_numpy(zero_copy_only=False), amounts)
    if types.is_string(kind) or types.is_large_string(kind):
        if not pc.all(pc.match_substring_regex(values, f"^{_TEXT}$"), min_count=0).as_py():
            return None
        return _from_decimals(values, amounts)
    if types.is_decimal(kind):
        return _from_decimals(values, amounts)
    raise words.no_values(name, column, kind, floating=types.is_floating(kind))


def _from_integers(values: pa.Array, amounts: Amounts) -> I64 | None:
    whole = pc.fill_null(values, 0).to_numpy(zero_copy_only=False)
    most = amounts.largest // 10**amounts.decimals
    if whole.dtype != np.uint64:
        whole = whole.astype(np.int64)
        if np.any(whole < -most):
            return None
    if np.any(whole > most):
        return None
    out: I64 = whole.astype(np.int64) * 10**amounts.decimals
    return out


def _from_doubles(values: npt.NDArray[np.float64], amounts: Amounts) -> I64 | None:
    with np.errstate(over="ignore", invalid="ignore"):
        units = np.rint(values * 10.0**amounts.decimals)
        nearest = (np.abs(units) <= _EXACT_DOUBLE) & (units / 10.0**amounts.decimals == values)
    return units.astype(np.int64) if nearest.all() else None


def _from_decimals(values: pa.Array, amounts: Amounts) -> I64 | None:
    """Decimals, or text that reads as such; 128 bits each, little-endian, of which the low 64 must do."""
    try:
        fixed = values.cast(pa.decimal128(38, amounts.decimals))
    except pa.ArrowInvalid:
        return None
    halves = np.frombuffer(fixed.buffers()[1], np.int64).reshape(-1, 2)[fixed.offset : fixed.offset + len(fixed)]
    present = fixed.is_valid().to_numpy(zero_copy_only=False)
    low, high = halves[:, 0] * present, halves[:, 1] * present
    return low if np.array_equal(high, low >> 63) else None


def _fault(values: pa.Array, amounts: Amounts, name: str, column: str, first_row: int) -> InputError:
    """What is wrong with the first value that is: row by row, in exact fractions."""
    for row, value in enumerate(values.to_pylist(), start=first_row):
        problem = None if value is None else _problem(value, amounts)
        if problem is not None:
            return words.in_row(name, row, column, problem)
    raise RuntimeError("values were refused that are all in order")


def _problem(value: str | int | float | Decimal, amounts: Amounts) -> str | None:
    if isinstance(value, float):
        units = round(value * 10**amounts.decimals) if np.isfinite(value) else 0
        if not np.isfinite(value):
            return words.NOT_FINITE
        if abs(units) > _EXACT_DOUBLE:
            return words.TOO_LARGE_FOR_A_DOUBLE
        if units / 10**amounts.decimals != value:
            return words.too_many_places(amounts.decimals)
        exact = Fraction(units)
    else:
        text = f"{value:f}" if isinstance(value, Decimal) else str(value)
        if not (_WRITTEN if isinstance(value, str) else _LONG).fullmatch(text):
            if _LONG.fullmatch(text):
                return words.TOO_MANY_DIGITS
            return words.NO_NUMBER
        exact = Fraction(text) * 10**amounts.decimals
    if exact.denominator != 1:
        return words.too_many_places(amounts.decimals)
    if abs(exact) > amounts.largest:
        return words.beyond(amounts.text(amounts.largest))
    return None
