"""`--key COLUMN[:RULE[/VERSION][,option=value...]]`, and compound keys joined by `+`.

A backslash takes the special meaning off the character after it, so a column may hold any of `: + , = \\`.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from psi.normalize import words
from psi.normalize.date import Date, FirstDate
from psi.normalize.email import Email, FirstEmail
from psi.normalize.phone import FirstPhone, Phone
from psi.normalize.rule import Normalized, Reason, Rule, digest_fields
from psi.normalize.text import FirstName, FirstSha256, FirstText, Name, Raw, Sha256, Text
from psiselect.base.packed import I64

RULES: Mapping[str, type[Rule]] = {rule.name: rule for rule in (Raw, Text, Email, Phone, Name, Date, Sha256)}
# The rules as they were before; what was begun under them is finished under them.
FIRST: Mapping[str, type[Rule]] = {
    rule.name: rule for rule in (Raw, FirstText, FirstEmail, FirstPhone, FirstName, FirstDate, FirstSha256)
}
_VERSIONS = {(rule.name, rule.version): rule for rules in (FIRST, RULES) for rule in rules.values()}
REGION_COLUMN = "region-column"
_SPECIAL = "\\:+,="
_LENGTH_BYTES = 4


@dataclass(frozen=True, slots=True)
class KeyPart:
    """One column and the rule that reads it. region_column: the one that says each row's country, if any; its name is
    private, as the column's own is."""

    column: str
    rule: Rule
    region_column: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """What has to be read."""
        return (self.column,) if self.region_column is None else (self.column, self.region_column)

    @property
    def written(self) -> str:
        """The column's name as `--key` has it, with backslashes where they are needed."""
        return _escaped(self.column)

    def apply(self, columns: Sequence[pa.Array | pa.ChunkedArray]) -> Normalized:
        """Canonical values, from the columns named by `columns`."""
        if isinstance(self.rule, Phone) and len(columns) == 2:
            return self.rule.apply_by_row(*columns)
        (column,) = columns
        return self.rule.apply(column)


@dataclass(frozen=True, slots=True)
class KeySpec:
    """What makes a row's key: one part, or several that must all be equal."""

    parts: tuple[KeyPart, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """What has to be read, in the key's order: for each part its column, and the one that says the region."""
        return tuple(column for part in self.parts for column in part.columns)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """For each of `columns`, the rule that it is read for."""
        return tuple(part.rule for part in self.parts for _ in part.columns)

    @property
    def first(self) -> KeySpec | None:
        """The same key under version 1 of its rules; None where they have no such options, or it is that already."""
        return _under_first(self)

    def describe(self) -> str:
        """Rules and options, without the columns: what both sides show when they differ."""
        return " + ".join(part.rule.describe() for part in self.parts)

    def rule_names(self) -> str:
        """Rules without their options and versions, as an error names them."""
        return " + ".join(part.rule.name for part in self.parts)

    def digest(self) -> bytes:
        """32 bytes that are equal on both sides exactly when rules, versions, options and their order are."""
        return digest_fields([b"psiselect key", *(part.rule.digest() for part in self.parts)])

    @property
    def type_tag(self) -> bytes:
        """16 bytes that keep keys of different types apart when one session carries several."""
        return self.digest()[:16]

    def apply(self, columns: Sequence[pa.Array | pa.ChunkedArray]) -> Normalized:
        """Canonical keys from the columns named by `columns`, in that order.

        A key of one part is the rule's text. A compound key is, part after part, the length in bytes (4 bytes,
        big-endian) and the value, so that no two different rows share a key; it is null when any part is, and counts
        as unreadable when any part is (under the first such part's reason), else as blank.
        """
        left = iter(columns)
        read = [part.apply(list(itertools.islice(left, len(part.columns)))) for part in self.parts]
        if len(read) == 1:
            return read[0]
        return Normalized(_compound([each.values for each in read]), _first_reasons(read))

    def values_of(self, key: str | bytes) -> tuple[str, ...]:
        """The canonical value of each part, from a key that `apply` has made."""
        if isinstance(key, str):
            return (key,)
        values, at = [], 0
        for _ in self.parts:
            begin = at + _LENGTH_BYTES
            at = begin + int.from_bytes(key[at:begin], "big")
            values.append(key[begin:at].decode())
        return tuple(values)

    def __str__(self) -> str:
        return "+".join(_show_part(part) for part in self.parts)


def parse_key(text: str, rules: Mapping[str, type[Rule]] = RULES) -> KeySpec:
    """Read `COLUMN[:RULE[/VERSION][,option=value...]]`, several joined by `+`; without a rule, `raw`. rules: those that
    are meant where no version is given. Raises UsageError."""
    return KeySpec(tuple(_parse_part(part, text, rules) for part in _split(text, "+")))


def with_rules(key: str, rules: str) -> str:
    """A key as `--key` has it, in which columns without a rule get the ones given.

    rules: one for each column, joined by `+`. One that takes each row's country from a column has the option
    `region-column` without a value, and the key names the column: `phone:region-column=land`. Raises UsageError for
    another number of columns, and where that column is missing.
    """
    columns, named = _split(key, "+"), _split(rules, "+")
    if len(columns) != len(named):
        raise words.other_columns(key, len(named), rules)
    return "+".join(_with_rule(part, rule.strip(), key) for part, rule in zip(columns, named, strict=True))


def _with_rule(part: str, rule: str, whole: str) -> str:
    column, *said = _split(part, ":")
    by_column = len(said) == 1 and said[0].startswith(f"{REGION_COLUMN}=")
    if said and not by_column:
        return part
    settings = _split(rule, ",")
    if not said and REGION_COLUMN in settings:
        raise words.no_region_column(whole, column, REGION_COLUMN)
    return f"{column}:{','.join([*(each for each in settings if each != REGION_COLUMN), *said])}"


def _rule_of(name: str, whole: str, rules: Mapping[str, type[Rule]]) -> type[Rule]:
    """The rule of this name, or of this name and version."""
    bare, slash, version = name.partition("/")
    found = rules.get(bare)
    if found is None:
        near = difflib.get_close_matches(bare, rules, n=1)
        raise words.no_rule(whole, bare, next(iter(near), None), rules)
    if not slash:
        return found
    number = int(version) if re.fullmatch("[1-9][0-9]{0,3}", version) else 0
    of_version = _VERSIONS.get((bare, number))
    if of_version is None:
        raise words.no_version(whole, bare, version, [each for rule, each in sorted(_VERSIONS) if rule == bare])
    return of_version


def _under_first(spec: KeySpec) -> KeySpec | None:
    """See `KeySpec.first`."""
    parts = []
    for part in spec.parts:
        rule = FIRST[part.rule.name]
        new = {k: v for k, v in part.rule.options().items() if k not in rule.choices}
        if part.region_column is not None or any(v != RULES[rule.name].choices[k][0] for k, v in new.items()):
            return None
        options = {k: v for k, v in part.rule.options().items() if k in rule.choices}
        if any(value not in rule.choices[option] for option, value in options.items()):
            return None
        parts.append(KeyPart(part.column, rule.of(options)))
    made = KeySpec(tuple(parts))
    return None if made == spec else made


def _parse_part(part: str, whole: str, rules: Mapping[str, type[Rule]]) -> KeyPart:
    column, *rest = _split(part, ":")
    if not _plain(column) or len(rest) > 1:
        raise words.key_form(whole)
    name, *settings = _split(rest[0], ",") if rest else ["raw"]
    rule = _rule_of(_plain(name), whole, rules)
    options: dict[str, str] = {}
    for setting in settings:
        option, *value = (_plain(s) for s in _split(setting, "="))
        if len(value) != 1:
            raise words.no_setting(whole, setting)
        if option in options:
            raise words.set_twice(whole, option)
        options[option] = value[0]
    region_column = options.pop(REGION_COLUMN, None) if issubclass(rule, Phone) else None
    if region_column is None:
        return KeyPart(_plain(column), rule.of(options))
    if "region" in options or not region_column:
        raise words.region_or_column(whole)
    made = rule.of(options)
    return KeyPart(_plain(column), made.by_row() if isinstance(made, Phone) else made, region_column)


def _split(text: str, separator: str) -> list[str]:
    """Cut at separators that no backslash precedes; escapes stay in place."""
    pieces, start, at = [], 0, 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == separator:
            pieces.append(text[start:at])
            start = at + 1
        at += 1
    return [*pieces, text[start:]]


def _plain(text: str) -> str:
    """Take the escapes out."""
    out, escaped = [], False
    for character in text:
        if character == "\\" and not escaped:
            escaped = True
            continue
        out.append(character)
        escaped = False
    if escaped:
        raise words.ends_in_backslash()
    return "".join(out)


def _show_part(part: KeyPart) -> str:
    options = part.rule.options()
    if part.region_column is not None:
        del options["region"]
        options[REGION_COLUMN] = _escaped(part.region_column)
    rule = f"{part.rule.name}/{part.rule.version}"
    return ",".join([f"{_escaped(part.column)}:{rule}", *(f"{k}={v}" for k, v in options.items())])


def _escaped(column: str) -> str:
    return "".join("\\" + c if c in _SPECIAL else c for c in column)


def _compound(parts: Sequence[pa.Array]) -> pa.Array:
    pieces: list[pa.Array | pa.Scalar] = []
    for values in parts:
        sizes = pc.fill_null(pc.binary_length(values), 0).to_numpy(zero_copy_only=False).astype(">u4")
        prefix = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(_LENGTH_BYTES), len(sizes), [None, pa.py_buffer(np.ascontiguousarray(sizes))]
        )
        pieces += [prefix.cast(pa.large_binary()), values.cast(pa.large_binary())]
    return pc.binary_join_element_wise(*pieces, pa.scalar(b"", pa.large_binary()))


def _first_reasons(read: Sequence[Normalized]) -> dict[Reason, I64]:
    """For each row that some part could not read, the first such part's reason."""
    seen = np.zeros(len(read[0].values), bool)
    merged: dict[Reason, list[I64]] = {}
    for part in read:
        new = {reason: rows[~seen[rows]] for reason, rows in part.unreadable.items()}
        for reason, rows in new.items():
            seen[rows] = True
            if len(rows):
                merged.setdefault(reason, []).append(rows)
    return {reason: np.sort(np.concatenate(rows)) for reason, rows in merged.items()}
