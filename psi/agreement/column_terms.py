"""Which columns travel with a match, as both sides state it: the consent of the one that gives them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from psi.agreement import words
from psi.agreement.modes import Learner, Reveal, Side
from psi.labels.payloads import MAX_WIDTH
from psiselect.base.errors import UsageError

MIN_LABEL_BYTES = 64
MAX_LABEL_BYTES = MAX_WIDTH
DEFAULT_LABEL_BYTES = 256
MAX_COLUMNS = 64
MAX_NAMES_BYTES = 4096  # of one side's names, so that a hello stays below its cap


@dataclass(frozen=True, slots=True)
class ColumnTerms:
    """The columns that each side gives to the other with each match; names as the giver's table has them, sorted, so
    that the order in which somebody asks for them does not matter."""

    connect: tuple[str, ...]
    listen: tuple[str, ...]

    @classmethod
    def between(cls, side: Side, sent: Iterable[str], received: Iterable[str]) -> Self | None:
        """What `side` says it sends and receives; None when that is nothing. Raises UsageError."""
        given = {side.value: _names(sent), side.other.value: _names(received)}
        return cls(**given) if any(given.values()) else None

    @classmethod
    def decode(cls, columns: dict[str, Any]) -> Self:
        """The reverse of `to_json`, for what somebody else wrote. Raises RemoteError."""
        lists = list(columns.values())
        if columns.keys() != {side.value for side in Side} or not all(isinstance(names, list) for names in lists):
            raise words.in_columns(words.NOT_LISTS)
        if not any(lists) or not all(isinstance(name, str) for names in lists for name in names):
            raise words.in_columns(words.NO_NAMES)
        try:
            found = cls(_names(columns["connect"]), _names(columns["listen"]))
        except UsageError as error:
            raise words.in_columns(str(error)) from None
        if found.to_json() != columns:
            raise words.in_columns(words.NOT_IN_ORDER)
        return found

    def given_by(self, side: Side) -> tuple[str, ...]:
        """What a side gives to the other."""
        return self.connect if side is Side.CONNECT else self.listen

    def to_json(self) -> dict[str, list[str]]:
        """As sent in a hello."""
        return {"connect": list(self.connect), "listen": list(self.listen)}


def check(columns: ColumnTerms | None, label_bytes: int | None, reveal: Reveal, learn: Learner) -> None:
    """Raises UsageError for columns that cannot be had."""
    if columns is None:
        if label_bytes is not None:
            raise words.label_bytes_of_nothing()
        return
    if label_bytes is None or not MIN_LABEL_BYTES <= label_bytes <= MAX_LABEL_BYTES:
        raise words.label_bytes(MIN_LABEL_BYTES, MAX_LABEL_BYTES, label_bytes)
    if reveal is not Reveal.MATCHES:
        raise words.columns_of_another_mode(reveal.value)
    for side in Side:
        if columns.given_by(side) and side.other not in learn.receivers:
            raise words.columns_for_nobody()


def _names(names: Iterable[str]) -> tuple[str, ...]:
    found = sorted(names)
    if len(set(found)) != len(found):
        raise words.column_twice()
    if not all(name and name.isprintable() for name in found):
        raise words.column_name()
    if len(found) > MAX_COLUMNS or sum(len(name.encode()) for name in found) > MAX_NAMES_BYTES:
        raise words.too_many_columns(MAX_COLUMNS, MAX_NAMES_BYTES)
    return tuple(found)
