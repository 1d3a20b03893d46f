"""The own list on an engine: each key's distinct values, and how rows became keys, counted as on one machine.

An engine has no order of rows. So there are numbers of rows, and no row is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from psi.agreement.modes import Side
from psi.agreement.terms import KeyTerm, Terms
from psi.distributed import distinct, failures, steps, words
from psi.distributed.functions import Digest, DigestOfState, WithKeys
from psi.inputs import items
from psi.inputs.advice import Sample, advise
from psi.inputs.items import Frequent, Report
from psi.normalize import KeySpec, Reason
from psi.offline.exchange import changed
from psi.tables import MATCHED_BY, Chosen, require_columns

Frame = Any
Session = Any
_SAMPLE_ROWS = 2000
_OWN_NAME = "psiselect_key_"


@dataclass(frozen=True)
class EngineSource:
    """A table that an engine reads; of `psi.tables.Source` what errors and results need."""

    name: str
    frame: Frame = field(repr=False)
    schema: pa.Schema = field(repr=False)
    first_row = 1
    disk_bytes = 0

    @classmethod
    def of(cls, name: str, frame: Frame) -> EngineSource:
        """Ask the engine for the columns, and read no row."""
        with failures.typed():
            return cls(name, frame, steps.in_arrow(frame.limit(0)).schema)


class EngineList:
    """One side's list, gathered once. frames: for each key what `steps.gathered` gives; attributes as those of
    `psi.session.job.Job`."""

    disk_bytes = 0

    def __init__(
        self,
        source: EngineSource,
        keys: tuple[KeySpec, ...],
        side: Side,
        terms: Terms,
        frames: Sequence[Frame],
        advice: Sequence[str | None] = (),
    ) -> None:
        """Count what was gathered."""
        if terms.keys != tuple(map(KeyTerm.of, keys)):
            raise ValueError("the keys are not those of the terms")
        self.source, self.keys, self.side, self.terms = source, keys, side, terms
        self.frames = list(frames)
        with failures.typed():
            self.reports = tuple(map(_report, self.frames))
        self.advice = tuple(advice) or (None,) * len(keys)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Distinct values of each key."""
        return tuple(report.distinct for report in self.reports)

    @property
    def size(self) -> int:
        """All of `sizes` together."""
        return sum(self.sizes)

    def rows_of(self, matched: Sequence[Frame]) -> int | None:
        """How many rows have a matched key, from what was gathered; None for several keys, which one row may have."""
        if len(self.frames) != 1:
            return None
        with failures.typed():
            found = matched[0].groupBy().sum("rows").collect()
        return int(found[0][0] or 0)


def read(
    session: Session,
    source: EngineSource,
    keys: tuple[KeySpec, ...],
    side: Side,
    terms: Terms,
    place: str,
    *,
    nulls: tuple[str, ...],
    strict: bool,
    step: Callable[[], None],
) -> EngineList:
    """Gather the list into `place`. strict: refuse rows that a rule cannot read. step: called now and then. Raises
    InputError."""
    for key in keys:
        require_columns(source, key.columns, [rule.digests for rule in key.rules])  # type: ignore[arg-type]
    frames = []
    for number, key in enumerate(keys, start=1):
        with failures.typed():
            frames.append(steps.gathered(session, source.frame, key, nulls, f"{place}/keys-{number}"))
        step()
    made = EngineList(source, keys, side, terms, frames)
    if strict:
        for key, report in zip(keys, made.reports, strict=True):
            _require_readable(source, key, report)
    made.advice = tuple(_advice(source, key, nulls, report) for key, report in zip(keys, made.reports, strict=True))
    return made


def require_same(
    session: Session, then: EngineList, states: Sequence[Frame], place: str, nulls: tuple[str, ...], secrets: str
) -> None:
    """Raises InputError unless the table has the keys that it had for the offer. states: for each key, what the offer
    stored. place: for what is gathered now. secrets: with a fresh salt, `digest`."""
    with failures.typed():
        for number, (key, state) in enumerate(zip(then.keys, states, strict=True), start=1):
            rows = then.source.frame.select(*map(quoted, dict.fromkeys(key.columns)))
            now = Digest(str(key), nulls, secrets)
            if steps.sums(rows.mapInArrow(now, now.schema)) == _stored_sums(state, secrets, once=False):
                continue
            # Rows came or went. It is still the same list if they repeat keys.
            found = steps.gathered(session, then.source.frame, key, nulls, f"{place}/again-{number}")
            keyed = found.where("key is not null")
            if _stored_sums(keyed, secrets, once=True) != _stored_sums(state, secrets, once=True):
                raise changed()


def _stored_sums(packed: Frame, secrets: str, *, once: bool) -> list[int]:
    task = DigestOfState(secrets, once)
    return steps.sums(packed.select("key", "rows").mapInArrow(task, task.schema))


def matched_rows(then: EngineList, matched: Sequence[Frame], chosen: Chosen, nulls: tuple[str, ...]) -> Frame:
    """The rows whose key matched, with their chosen columns."""
    source, keys = then.source, then.keys
    own = chosen.own(source.schema)
    needed = list(dict.fromkeys([*own, *(column for key in keys for column in key.columns)]))
    names = tuple(f"{_OWN_NAME}{number}" for number in range(1, len(keys) + 1))
    if set(names) & set(needed):
        raise words.name_in_use(source.name, names[0])
    rows = source.frame.select(*map(quoted, needed))
    shape = ", ".join(
        [*(f"{quoted(item.name)} {item.dataType.simpleString()}" for item in rows.schema.fields)]
        + [f"{name} binary" for name in names]
    )
    found = rows.mapInArrow(WithKeys(tuple(map(str, keys)), names, nulls), shape)
    if len(names) == 1:
        found = found.join(matched[0].selectExpr(f"key as {names[0]}"), names[0], "left_semi")
        found = found.selectExpr("*", f"true as hit_{names[0]}")
    else:
        for name, common in zip(names, matched, strict=True):
            hit = common.selectExpr(f"key as {name}", f"true as hit_{name}")
            found = found.join(hit, name, "left")
        found = found.where(" or ".join(f"hit_{name}" for name in names))
    columns = [quoted(name) for name in source.schema.names] if chosen.columns is None else []
    for column in chosen.columns or ():
        if column == MATCHED_BY and chosen.names_keys(source.schema):
            columns.append(f"{_matched_by(keys, names)} as {MATCHED_BY}")
        else:
            columns.append(quoted(column))
    return found.selectExpr(*columns)


def quoted(name: str) -> str:
    """A column's name for the engine."""
    return "`" + name.replace("`", "``") + "`"


def _matched_by(keys: Sequence[KeySpec], names: Sequence[str]) -> str:
    columns = ["+".join(key.columns) for key in keys]
    plain = len(set(columns)) == len(columns)
    said = columns if plain else [f"{c}:{k.describe()}" for c, k in zip(columns, keys, strict=True)]
    each = (f"case when hit_{name} then {_text(word)} end" for name, word in zip(names, said, strict=True))
    return f"concat_ws(';', {', '.join(each)})"


def _text(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _report(gathered: Frame) -> Report:
    """How rows became keys."""
    keys = with_key = blank = 0
    unreadable: Counter[Reason] = Counter()
    for row in gathered.select("distinct", "many", "reason").collect():
        if row["distinct"] is not None:
            keys, with_key = keys + int(row["distinct"]), with_key + int(row["many"])
        elif row["reason"] is None:
            blank += int(row["many"])
        else:
            unreadable[Reason(row["reason"])] += int(row["many"])
    total = with_key + blank + sum(unreadable.values())
    frequent: tuple[Frequent, ...] = ()
    least = items.suspicious_rows(total)
    if with_key - keys >= least - 1:
        task = distinct.FrequentKeys(least)
        many = gathered.where("key is not null").select("rows").mapInArrow(task, task.schema).collect()
        frequent = tuple(Frequent(rows, ()) for rows in sorted((int(row[0]) for row in many), reverse=True))
    nowhere: dict[Reason, tuple[int, ...]] = dict.fromkeys(unreadable, ())
    return Report(total, keys, with_key - keys, blank, unreadable, nowhere, frequent)


def _require_readable(source: EngineSource, key: KeySpec, report: Report) -> None:
    total = sum(report.unreadable.values())
    if total:
        reasons = [(count, reason.words) for reason, count in report.unreadable.items()]
        raise words.unreadable_rows(source.name, key.rule_names(), total, report.rows, reasons)


def _advice(source: EngineSource, key: KeySpec, nulls: tuple[str, ...], report: Report) -> str | None:
    sample = Sample(key)
    with failures.typed():
        some = steps.in_arrow(source.frame.select(*map(quoted, dict.fromkeys(key.columns))).limit(_SAMPLE_ROWS))
    for batch in some.to_batches():
        columns, found = items.keys_of(batch, key, nulls, source.name)
        sample.add(columns, found, 1)
    return advise(key, report, sample)
