"""What a rule is: a named, versioned function from a text column to canonical values, and its digest.

A value is *blank* (null, empty, white space only: never matches, no fault), *unreadable* (the rule cannot make sense of
it: counted under a `Reason`), or has one canonical value. Nothing here puts a value into an error or a report.
"""

from __future__ import annotations

import abc
import dataclasses
import difflib
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sized
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from psi.normalize import words
from psi.normalize.characters import BLANK, is_nothing, may_be_nothing
from psiselect.base.packed import I64


class Reason(StrEnum):
    """Why a value is unreadable. The value is what --json shows; docs/normalization.md explains each."""

    NO_AT_SIGN = "no-at-sign"
    SEVERAL_AT_SIGNS = "several-at-signs"
    INNER_SPACE = "inner-space"
    LOCAL_PART = "bad-local-part"
    DOMAIN = "bad-domain"
    BRACKETS = "in-angle-brackets"
    MAILTO = "mailto-link"
    SEVERAL = "several-addresses"
    NOT_A_NUMBER = "not-a-phone-number"
    COUNTRY = "unknown-country"
    LENGTH = "impossible-length"
    EXTENSION = "has-extension"
    LETTERS = "letters-in-number"
    DIGITS_LOST = "digits-lost"
    AMBIGUOUS = "two-readings"
    NOT_A_DATE = "not-a-date"
    ORDER = "day-month-order-unknown"
    NO_SUCH_DAY = "no-such-day"
    NO_LETTERS = "no-letters"
    NOT_SHA256 = "not-64-hex-digits"
    NOT_A_DIGEST = "not-a-sha256-digest"

    @property
    def words(self) -> str:
        """The reason for people, without an article: no @ in the address."""
        return words.OF_REASONS[self.value]


@dataclass(frozen=True, slots=True)
class Normalized:
    """What a rule made of a column.

    values: canonical values, null where blank or unreadable; large_string for a rule, large_binary for a compound key.
    unreadable: for each reason that occurred, the positions in the column (int64, ascending, from 0).
    """

    values: pa.Array
    unreadable: Mapping[Reason, I64] = field(default_factory=dict)

    @property
    def unreadable_count(self) -> int:
        """How many rows the rule could not read."""
        return sum(len(rows) for rows in self.unreadable.values())

    @property
    def blank_count(self) -> int:
        """How many rows were blank."""
        return int(self.values.null_count) - self.unreadable_count

    def without(self, rows: pa.BooleanArray, reason: Reason) -> Normalized:
        """The same with these rows unreadable, for this reason where there is no other."""
        mask = to_numpy(rows)
        if not mask.any():
            return self
        for others in self.unreadable.values():
            mask[others] = False
        values = pc.if_else(pa.array(mask), pa.scalar(None, self.values.type), self.values)
        merged = np.union1d(self.unreadable.get(reason, np.zeros(0, np.int64)), np.flatnonzero(mask))
        return Normalized(values, {**self.unreadable, reason: merged} if len(merged) else self.unreadable)


# Given the rows that a rule could not read: reasons in order of precedence, each with a mask over those rows. The last
# mask holds for all that are left.
Explain = Callable[[I64], Iterable[tuple[Reason, pa.BooleanArray]]]


@dataclass(frozen=True, slots=True)
class Rule(abc.ABC):
    """A normalisation rule with its options. Subclasses set the class variables and `_read`.

    name, version: published in docs/normalization.md; any change of a result is a new version.
    choices: for each option (a dataclass field) the values that it may have.
    meant: for an option, what turns other texts into one of these values, for the advice in an error.
    placeholders: whether unmistakable ones, and characters that nobody sees, are blank.
    local_time: whether a zoned timestamp is read as the time in its zone; else in UTC.
    digests: whether 32 bytes that are no text are read as their hexadecimal digits.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    meant: ClassVar[Mapping[str, Callable[[str], str]]] = {}
    placeholders: ClassVar[bool] = True
    local_time: ClassVar[bool] = False
    digests: ClassVar[bool] = False

    @classmethod
    def of(cls, options: Mapping[str, str]) -> Self:
        """The rule with these options, defaults for the rest. Raises UsageError on an unknown option or value."""
        for option, value in options.items():
            if option not in cls.choices:
                raise words.no_option(cls.name, option, cls.choices)
            if value not in cls.choices[option]:
                raise words.no_value(cls.name, option, value, cls._expected(option, value))
        return cls(**options)

    @classmethod
    def _expected(cls, option: str, value: str) -> str:
        """What an option may be, in words; the value that was meant, where that is plain."""
        allowed = cls.choices[option]
        meant = cls.meant[option](value) if option in cls.meant else None
        if meant in allowed and meant != cls.of({}).options()[option]:
            return words.perhaps(f"{option}={meant}")
        if len(allowed) <= 8:
            return words.one_of(allowed)
        near = difflib.get_close_matches(value.upper(), allowed, n=3, cutoff=0.5)
        return words.perhaps(*near) if near else words.examples(a for a in allowed[:5] if a)

    def options(self) -> dict[str, str]:
        """All options, defaults included, by name."""
        return {f.name: getattr(self, f.name) for f in sorted(dataclasses.fields(self), key=lambda f: f.name)}

    def describe(self) -> str:
        """One line for terms, records and people: `email/1 case=fold dots=keep ...`."""
        return " ".join([f"{self.name}/{self.version}", *(f"{k}={v}" for k, v in self.options().items())])

    def digest(self) -> bytes:
        """SHA-256 over an injective encoding of name, version and all options: what two sides compare."""
        fields = ["psiselect rule", self.name, str(self.version)]
        for option, value in self.options().items():
            fields += [option, value]
        return digest_fields(f.encode() for f in fields)

    def apply(self, column: pa.Array | pa.ChunkedArray) -> Normalized:
        """Canonical values of a text column. Raises TypeError when the column is not text."""
        text = (_without_nothing if self.placeholders else _without_blank)(large_text(column))
        values, explain = self._read(text)
        lost = true_rows(pc.and_(pc.is_valid(text), pc.is_null(values)))
        return Normalized(values, _by_reason(lost, explain) if len(lost) else {})

    @abc.abstractmethod
    def _read(self, text: pa.LargeStringArray) -> tuple[pa.Array, Explain]:
        """Canonical values (null where blank or unreadable), and what explains the unreadable ones."""


def _by_reason(rows: I64, explain: Explain) -> dict[Reason, I64]:
    """Each row under the first reason whose mask holds for it."""
    found: dict[Reason, I64] = {}
    left = np.ones(len(rows), bool)
    for reason, mask in explain(rows):
        hit = left & to_numpy(mask)
        if hit.any():
            found[reason] = rows[hit]
            left &= ~hit
    return found


def digest_fields(fields: Iterable[bytes]) -> bytes:
    """SHA-256 over length-prefixed fields (8 bytes, big-endian), so that no two lists of fields share an input."""
    state = hashlib.sha256()
    for each in fields:
        state.update(len(each).to_bytes(8, "big"))
        state.update(each)
    return state.digest()


def large_text(column: pa.Array | pa.ChunkedArray) -> pa.LargeStringArray:
    """One large_string array from a text column of any Arrow layout."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        raise TypeError(f"a rule reads text, not {column.type}")
    return column.cast(pa.large_string())


def _without_blank(text: pa.LargeStringArray) -> pa.LargeStringArray:
    """Null instead of white space, as version 1 of the rules has it."""
    return mask_out(text, lambda t: pc.match_substring_regex(t, BLANK))


def _without_nothing(text: pa.LargeStringArray) -> pa.LargeStringArray:
    """Null instead of white space, characters that nobody sees, and placeholders."""
    rows = np.flatnonzero(may_be_nothing(text))
    if not len(rows):
        return text
    nothing = rows[to_numpy(is_nothing(text.take(pa.array(rows))))]
    if not len(nothing):
        return text
    mask = np.zeros(len(text), bool)
    mask[nothing] = True
    return pc.if_else(pa.array(mask), pa.scalar(None, text.type), text)


def mask_out(values: pa.Array, test: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """`values` with null where `test` holds."""
    hit = test(values)
    return pc.if_else(hit, pa.scalar(None, values.type), values) if pc.any(hit).as_py() else values


def by_ascii(
    text: pa.LargeStringArray, fast: Callable[[pa.Array], pa.Array], slow: Callable[[str], str]
) -> pa.LargeStringArray:
    """Whole-array `fast` for ASCII rows, `slow` a value at a time for the others. Both must agree on ASCII text."""
    done = fast(text)
    other = pc.invert(pc.fill_null(pc.string_is_ascii(text), True))
    if not pc.any(other).as_py():
        return done
    coded = text.filter(other).dictionary_encode()  # names and the like repeat
    mapped = pa.array([slow(value) for value in coded.dictionary.to_pylist()], pa.large_string())
    return pc.replace_with_mask(done, other, mapped.take(coded.indices))


def where(text: pa.LargeStringArray, pattern: str, change: Callable[[pa.Array], pa.Array]) -> pa.LargeStringArray:
    """`change` the rows in which the pattern occurs, and only those: searching is much cheaper than replacing."""
    return where_true(text, pc.match_substring_regex(text, pattern), change)


def where_true(
    text: pa.LargeStringArray, mask: pa.BooleanArray, change: Callable[[pa.Array], pa.Array]
) -> pa.LargeStringArray:
    """`change` the rows for which the mask holds, and only those."""
    hit = pc.fill_null(mask, False)
    if not pc.any(hit).as_py():
        return text
    return pc.replace_with_mask(text, hit, change(text.filter(hit)))


def always(reason: Reason) -> Explain:
    """The explanation of a rule that has only one."""
    return lambda rows: [(reason, everywhere(rows))]


def everywhere(rows: Sized) -> pa.BooleanArray:
    """A mask that holds on every row."""
    return pa.array(np.ones(len(rows), bool))


def to_numpy(mask: pa.BooleanArray) -> npt.NDArray[np.bool_]:
    """The mask as a NumPy array, false where it is null."""
    found: npt.NDArray[np.bool_] = pc.fill_null(mask, False).to_numpy(zero_copy_only=False)
    return found


def true_rows(mask: pa.BooleanArray) -> I64:
    """Positions where the mask holds."""
    return np.flatnonzero(to_numpy(mask))
