"""Rule `phone` by whole columns: the rows for which everything that could be meant is clear without the library."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from psi.normalize.numbering import (
    EMPTY,
    MAX_CODE,
    MAX_TEXT,
    NULL,
    PLUS,
    Plan,
    assembled,
    begins,
    code_at,
    plan_of,
    with_codes,
)
from psi.normalize.rule import to_numpy, true_rows
from psiselect.base import later
from psiselect.base.packed import I64

if TYPE_CHECKING:
    import phonenumbers
else:
    phonenumbers = later.Module("phonenumbers")

# What people put between digits. A slash stands after an area code: what comes after a whole number, or one or two
# digits at the end, is another number. Digits with zeros after a point, and `(0)`, are left to the library too.
_USUAL = r"^[ (]*\+?(?:[0-9 ().-]*|(?:[ ().-]*[0-9]){1,6}[ ().-]*/(?:[ ().-]*[0-9]){3,}[ ().-]*)$"
_ZEROS_AFTER_POINT = r"^ *\+?[0-9]*\.0+ *$"
_LONG = 12  # a national number of so many digits, where they are also country code and number, is the latter
_ZERO = pa.scalar("0", pa.large_string())
_KEPT = np.zeros(256, bool)
_KEPT[[ord(c) for c in "+0123456789"]] = True


def read_columns(text: pa.LargeStringArray, region: str, *, plus_optional: bool) -> pa.LargeStringArray:
    """E.164 of the numbers that are clear; null for all others."""
    dialled = _digits(pc.if_else(_usual(text), text, NULL))
    return assembled(_by_country(dialled, region, plus_optional), len(text))


def _usual(text: pa.LargeStringArray) -> pa.BooleanArray:
    usual = pc.and_(pc.match_substring_regex(text, _USUAL), pc.less_equal(pc.binary_length(text), MAX_TEXT))
    unclear = pc.or_(pc.match_substring(text, "(0)"), pc.match_substring(text, ".0"))
    rows = true_rows(unclear)
    if len(rows):
        some = text.take(pa.array(rows))
        other = pc.or_(pc.match_substring(some, "(0)"), pc.match_substring_regex(some, _ZEROS_AFTER_POINT))
        mask = to_numpy(usual)
        mask[rows[to_numpy(other)]] = False
        usual = pa.array(mask)
    return usual


def _digits(text: pa.LargeStringArray) -> pa.LargeStringArray:
    """The texts' digits and plus signs."""
    _, places, letters = text.buffers()
    if not len(text) or letters is None:
        return text
    offsets = np.frombuffer(places, np.int64)[text.offset : text.offset + len(text) + 1]
    data = np.frombuffer(letters, np.uint8)[offsets[0] : offsets[-1]]
    kept = _KEPT[data]
    counts = np.zeros(len(data) + 1, np.int64)
    np.cumsum(kept, out=counts[1:])
    buffers = pa.py_buffer(counts[offsets - offsets[0]]), pa.py_buffer(data[kept])
    valid = text.is_valid().buffers()[1] if text.null_count else None
    return pa.LargeStringArray.from_buffers(len(text), *buffers, valid, text.null_count)


def _by_country(dialled: pa.Array, region: str, plus_optional: bool) -> Iterator[tuple[I64, int, pa.Array]]:
    """Rows, country code and the digits after it, for each code that occurs."""
    home = None if region == "none" else plan_of(region, phonenumbers.country_code_for_region(region))
    if home is not None:
        dialled = _called_abroad(home, dialled)
    if home is not None or plus_optional:
        rows = true_rows(pc.invert(pc.starts_with(dialled, "+")))
        bare = dialled.take(pa.array(rows))
        abroad = _may_be_abroad(bare, home) if plus_optional else np.zeros(len(rows), bool)
        if home is not None:
            yield rows[~abroad], int(home.code), _national(home, bare.filter(pa.array(~abroad)))
        if abroad.any():
            clear = to_numpy(pc.greater(pc.binary_length(bare), home.longest + 1)) if home is not None else abroad
            clear &= abroad
            if home is not None:
                clear &= ~to_numpy(pc.starts_with(bare, home.code))
            these = pc.binary_join_element_wise(PLUS, bare.filter(pa.array(clear)), EMPTY)
            for found, code, national in with_codes(these):
                there = plan_of(phonenumbers.region_code_for_country_code(code), code)
                yield rows[clear][found], code, pc.if_else(there.is_valid(national), national, NULL)
    yield from with_codes(dialled)


def _called_abroad(home: Plan, dialled: pa.Array) -> pa.Array:
    """A plus sign instead of the digits for a call abroad; null where they are not the region's, or may be others."""
    strange = pc.starts_with(dialled, "00")
    if not pc.any(strange).as_py():
        return home.plus_for_abroad(dialled)
    if home.abroad_digits == "00":
        strange = pc.starts_with(dialled, "0011")
    return home.plus_for_abroad(pc.if_else(strange, NULL, dialled))


def _may_be_abroad(bare: pa.Array, home: Plan | None) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether digits without a plus sign may begin with another country's code, by their number."""
    begun = pc.utf8_slice_codeunits(bare, 0, MAX_CODE).dictionary_encode()
    lengths = pc.binary_length(bare).to_numpy(zero_copy_only=False)
    found = np.zeros(len(bare), bool)
    which = pc.fill_null(begun.indices, -1).to_numpy()
    for number, start in enumerate(begun.dictionary.to_pylist()):
        code = code_at(start) if start else 0
        if not code or (home is not None and str(code) == home.code):
            continue
        rows = np.flatnonzero(which == number)
        plan = plan_of(phonenumbers.region_code_for_country_code(code), code)
        found[rows] = np.isin(lengths[rows] - len(str(code)), plan.lengths.to_numpy())
    return found


def _national(home: Plan, dialled: pa.Array) -> pa.Array:
    """National numbers where one reading is clear; null elsewhere."""
    read = home.national(dialled)
    rivals = _with_rivals(home, dialled)
    rows = true_rows(rivals)
    if not len(rows):
        return read
    return pc.replace_with_mask(read, pc.fill_null(rivals, False), _clearest(home, dialled.take(pa.array(rows))))


def _with_rivals(home: Plan, dialled: pa.Array) -> pa.BooleanArray:
    """Whether the digits have more than one reading that is possible: with the country's code taken off, or with a zero
    before them that a spreadsheet dropped."""
    lengths = pc.binary_length(dialled)
    coded = pc.and_(pc.starts_with(dialled, home.code), pc.is_in(pc.subtract(lengths, len(home.code)), home.lengths))
    if pc.any(coded).as_py():
        coded = pc.and_(coded, home.is_viable(dialled))
    if home.drops_zero and not home.more_than_zero:
        return coded
    with_zero = _zeroed(dialled)
    rivals = begins(with_zero, home.more_than_zero)
    if not home.drops_zero:
        possible = pc.is_in(pc.add(lengths, 1), home.lengths)
        if pc.any(possible).as_py():
            shaped = pc.or_(home.is_viable(with_zero), pc.invert(home.is_viable(dialled)))
            rivals = pc.or_(rivals, pc.and_(possible, shaped))
    return pc.or_(coded, pc.and_not(rivals, pc.starts_with(dialled, "0")))


def _clearest(home: Plan, dialled: pa.Array) -> pa.Array:
    """Of digits with several readings, the one that is a number in use; null where that is none or several, and where
    the library has to look."""
    nothing = pa.array([""] * len(dialled), pa.large_string())
    bare = pc.utf8_slice_codeunits(dialled, len(home.code))
    zeroed = _zeroed(dialled)
    columns = [
        home.without_trunk(dialled),
        pc.if_else(pc.starts_with(dialled, home.code), home.without_trunk(bare), nothing),
        nothing if home.drops_zero else pc.if_else(begins(zeroed, home.trunk), NULL, zeroed),
    ]
    columns[2] = pc.if_else(begins(zeroed, home.more_than_zero), NULL, columns[2])
    valid = np.stack(
        [to_numpy(pc.and_(home.is_valid(c), pc.is_in(pc.binary_length(c), home.lengths))) for c in columns]
    )
    long = to_numpy(pc.greater_equal(pc.binary_length(dialled), _LONG))
    valid[0] &= ~(long & valid[1])
    unclear = np.any([to_numpy(pc.is_null(c)) for c in columns], axis=0)
    one = (valid.sum(axis=0) == 1) & ~unclear
    return pc.choose(pa.array(valid.argmax(axis=0), mask=~one), *columns)


def _in_use(home: Plan, national: pa.Array) -> pa.BooleanArray:
    return pc.and_(home.is_valid(national), pc.is_in(pc.binary_length(national), home.lengths))


def _zeroed(dialled: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(_ZERO, dialled, EMPTY)
