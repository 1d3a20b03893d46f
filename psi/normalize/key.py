"""`--key COLUMN[:RULE[,option=value...]]`, and compound keys joined by `+`.

A backslash takes the special meaning off the character after it, so a column may hold any of `: + , = \\`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from psi.normalize.date import Date
from psi.normalize.email import Email
from psi.normalize.phone import Phone
from psi.normalize.rule import Normalized, Reason, Rule, digest_fields
from psi.normalize.text import Name, Raw, Sha256, Text
from psiselect.base.errors import UsageError
from psiselect.base.packed import I64

RULES: Mapping[str, type[Rule]] = {rule.name: rule for rule in (Raw, Text, Email, Phone, Name, Date, Sha256)}
_SPECIAL = "\\:+,="
_LENGTH_BYTES = 4


@dataclass(frozen=True, slots=True)
class KeyPart:
    """One column and the rule that reads it."""

    column: str
    rule: Rule


@dataclass(frozen=True, slots=True)
class KeySpec:
    """What makes a row's key: one part, or several that must all be equal."""

    parts: tuple[KeyPart, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns in the key's order."""
        return tuple(part.column for part in self.parts)

    def describe(self) -> str:
        """Rules and options, without the columns: what both sides show when they differ."""
        return " + ".join(part.rule.describe() for part in self.parts)

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
        read = [part.rule.apply(column) for part, column in zip(self.parts, columns, strict=True)]
        if len(read) == 1:
            return read[0]
        return Normalized(_compound([each.values for each in read]), _first_reasons(read))

    def __str__(self) -> str:
        return "+".join(_show_part(part) for part in self.parts)


def parse_key(text: str) -> KeySpec:
    """Read `COLUMN[:RULE[,option=value...]]`, several joined by `+`; without a rule, `raw`. Raises UsageError."""
    return KeySpec(tuple(_parse_part(part, text) for part in _split(text, "+")))


def _parse_part(part: str, whole: str) -> KeyPart:
    column, *rest = _split(part, ":")
    if not _plain(column) or len(rest) > 1:
        raise UsageError(
            f"--key {whole}: write COLUMN or COLUMN:RULE[,option=value...]; a colon, plus sign, comma or equals sign "
            "that belongs to a column's name has a backslash before it",
            term="key",
        )
    name, *settings = _split(rest[0], ",") if rest else ["raw"]
    rule = RULES.get(_plain(name))
    if rule is None:
        near = difflib.get_close_matches(name, RULES, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UsageError(f"--key {whole}: no rule {name!r}; {hint}rules: {', '.join(RULES)}", term="rule")
    options: dict[str, str] = {}
    for setting in settings:
        option, *value = (_plain(s) for s in _split(setting, "="))
        if len(value) != 1:
            raise UsageError(f"--key {whole}: {setting!r} is not option=value", term="rule")
        if option in options:
            raise UsageError(f"--key {whole}: option {option} is given twice", term="rule")
        options[option] = value[0]
    return KeyPart(_plain(column), rule.of(options))


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
        raise UsageError("--key ends in a backslash with nothing after it; write two for one", term="key")
    return "".join(out)


def _show_part(part: KeyPart) -> str:
    escaped = "".join("\\" + c if c in _SPECIAL else c for c in part.column)
    return ",".join([f"{escaped}:{part.rule.name}", *(f"{k}={v}" for k, v in part.rule.options().items())])


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
