"""What is wrong with a list that hardly matches, in words, and what mends it where that is known."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from psi.inputs import words
from psi.inputs.items import Report
from psi.normalize import RULES, KeyPart, KeySpec, Normalized, Reason
from psi.normalize.phone import BY_ROW
from psiselect.base.packed import I64, arrow_numbers

_SAMPLE_ROWS = 1000

# What a column may hold besides what its rule expects, and which rule would read it. The first that fits is named.
_LOOKS_LIKE = {
    "email": "e-mail addresses",
    "sha256": "SHA-256 digests",
    "phone": "telephone numbers",
    "date": "dates",
}


def _region(part: KeyPart) -> str | None:
    region = part.rule.options().get("region")
    if region == "none":
        return words.no_country(part.written)
    if region == BY_ROW:
        return words.no_country_in(str(part.region_column))
    return None


def _option(setting: str, why: str) -> Callable[[KeyPart], str | None]:
    """Advice to set an option of the rule, unless it is set so."""
    name, _, value = setting.partition("=")

    def say(part: KeyPart) -> str | None:
        options = part.rule.options()
        if name not in options or options[name] == value:
            return None
        return words.set_option(why, part.written, part.rule.name, setting)

    return say


def _order(part: KeyPart) -> str | None:
    return words.day_or_month(part.written)


def _digits(part: KeyPart) -> str | None:
    return words.DIGITS_LOST


# By the reason for which most rows are unreadable.
_CURES: dict[Reason, Callable[[KeyPart], str | None]] = {
    Reason.COUNTRY: _region,
    Reason.ORDER: _order,
    Reason.DIGITS_LOST: _digits,
    Reason.EXTENSION: _option("extension=drop", words.EXTENSIONS),
    Reason.BRACKETS: _option("brackets=read", words.BRACKETS),
    Reason.MAILTO: _option("mailto=drop", words.MAILTO),
    Reason.SEVERAL: _option("several=first", words.SEVERAL),
    Reason.INNER_SPACE: _option("spaces=drop", words.SPACES),
}


class Sample:
    """The first 1,000 rows that have something in a key's columns, as text."""

    def __init__(self, key: KeySpec) -> None:
        self._key = key
        self._rows = 0
        self._texts: list[list[pa.Array]] = [[] for _ in key.columns]

    def add(self, columns: Sequence[pa.Array], read: Normalized, first: int) -> None:
        """Take what is missing from a batch; see `psi.inputs.items.See`."""
        wanted = _SAMPLE_ROWS - self._rows
        if wanted <= 0:
            return
        rows = _not_blank(read)[:wanted]
        self._rows += len(rows)
        for kept, column in zip(self._texts, columns, strict=True):
            kept.append(column.take(arrow_numbers(rows)).cast(pa.large_string()))

    def of(self, part: KeyPart) -> list[pa.Array]:
        """The texts in the columns of a part of the key."""
        start = 0
        for each in self._key.parts:
            if each is part:
                break
            start += len(each.columns)
        texts = self._texts[start : start + len(part.columns)]
        return [pa.concat_arrays([pa.array([], pa.large_string()), *some]) for some in texts]


def advise(key: KeySpec, report: Report, sample: Sample) -> str | None:
    """What is wrong where over half of the rows are blank or unreadable, or where a column under `raw` holds what a
    rule is made for; and what mends it, where that is known. Else None. It holds column names, and no value."""
    unreadable = sum(report.unreadable.values())
    lost = report.blank + unreadable
    mostly = 2 * lost > report.rows
    cure = _other_rule(key, sample)
    if not mostly and cure is None:
        return None
    if not mostly or not unreadable:
        start = words.all_blank(lost, report.rows) if mostly else ""
        return start + (cure or words.RIGHT_COLUMN)
    most = max(report.unreadable, key=lambda reason: report.unreadable[reason])
    why = words.mostly(report.rows, unreadable, most.words, report.blank)
    return why + (cure or _cure(key, most) or words.RIGHT_RULE)


def propose(batch: pa.RecordBatch) -> list[tuple[str, str]]:
    """The columns that look like keys, with the rule for each, for whoever has not named one: over half of the first
    1,000 cells that have something are e-mail addresses, digests, telephone numbers or dates. In this order, then in
    the table's. It holds column names, and no value."""
    found = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            texts = column[:_SAMPLE_ROWS].cast(pa.large_string())
        except pa.ArrowException:  # such as bytes that are no text
            continue
        texts = texts.filter(pc.greater(pc.utf8_length(pc.fill_null(pc.utf8_trim_whitespace(texts), "")), 0))
        if len(texts):
            fits = (rule for rule in _LOOKS_LIKE if _reads_half(RULES[rule].of({}).apply(texts)))
            found += [(name, rule) for rule in itertools.islice(fits, 1)]
    return sorted(found, key=lambda each: list(_LOOKS_LIKE).index(each[1]))


def _cure(key: KeySpec, reason: Reason) -> str | None:
    find = _CURES.get(reason)
    for part in key.parts:
        wanted = {Reason.COUNTRY: "phone", Reason.EXTENSION: "phone", Reason.ORDER: "date"}.get(reason, part.rule.name)
        said = None if find is None or part.rule.name != wanted else find(part)
        if said is not None:
            return words.cured(said)
    return None


def _other_rule(key: KeySpec, sample: Sample) -> str | None:
    """The first part whose column looks like something that its own rule does not read, and the rule that does."""
    for part in key.parts:
        texts = sample.of(part)
        if part.rule.name != "raw" and _reads_half(part.apply(texts)):
            continue
        for name, what in _LOOKS_LIKE.items():
            if name != part.rule.name and _reads_half(RULES[name].of({}).apply(texts[0])):
                return words.other_rule(part.column, what, part.rule.name, part.written, name)
    return None


def _reads_half(read: Normalized) -> bool:
    """Whether a rule makes keys of over half of the texts."""
    return 2 * (len(read.values) - int(read.values.null_count)) > len(read.values)


def _not_blank(read: Normalized) -> I64:
    """Positions of the rows that are readable or unreadable, ascending."""
    kept = pc.is_valid(read.values).to_numpy(zero_copy_only=False).copy()
    for rows in read.unreadable.values():
        kept[rows] = True
    found: I64 = kept.nonzero()[0]
    return found
