"""BALLOTS.draw: the record that one draw is the result.

It is a file of lines beside the ballots, found by the ballots' path and never by what is in them. A draw's cost is on
disk before the winner is drawn, the winner before it is shown. A draw that was begun and not recorded counts: somebody
may have seen its winner. The record has no limit; it counts.
"""

from __future__ import annotations

import datetime
import json
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from dpselect.approval import epsilon_text
from dpselect.privacy import NeighbouringRelation
from psiselect.base.durable import AppendLog
from psiselect.elections import words
from psiselect.tables import Table

_TITLE = b'{"psiselect": "draws", "version": 1}\n'


@dataclass(frozen=True)
class PastDraw:
    """A draw on record.

    Attributes:
        at: when it was begun, or drawn, as text.
        winners: None when it was begun and its result was not recorded.
        by_voter: whether at most one ballot of each voter was counted; False where the record does not say.
        titles: what winners are called besides.
    """

    at: str
    epsilon: Fraction
    neighbors: NeighbouringRelation
    winners: tuple[str, ...] | None
    by_voter: bool = False
    titles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DrawRecord:
    """The record of a file's draws."""

    path: Path

    @classmethod
    def beside(cls, table: Table) -> DrawRecord:
        """The one of these ballots. Raises UsageError where it could not be kept."""
        if not isinstance(table.where, Path) or table.query is not None:
            what = words.A_STORE if table.is_stored else words.A_DATABASE
            what = words.STANDARD_INPUT if table.is_standard_input else what
            raise words.no_place_for_a_record(what)
        where = Path(os.path.realpath(table.where))
        try:
            regular = stat.S_ISREG(where.stat().st_mode)
        except OSError:
            regular = True  # the reader says what is wrong
        if not regular:
            raise words.not_beside(table.where)
        path = where.with_name(where.name + ".draw")
        needed = path if path.exists() else path.parent
        if path.parent.exists() and not os.access(needed, os.W_OK):
            raise words.cannot_be_written(path)
        return cls(path)

    def past(self) -> list[PastDraw]:
        """The draws on record, the first one first. Raises InputError when the record is damaged, BudgetError."""
        if not self.path.exists():
            return []
        with self._opened() as log:
            return _past(log, self.path)

    def refuse_another(self, epsilon: Fraction, also: Callable[[list[PastDraw]], str] | None = None) -> None:
        """Raise BudgetError with the recorded result, if there was a draw.

        Args:
            epsilon: what another one would cost.
            also: called with the draws so far; what it returns is said too.
        """
        past = self.past()
        if past:
            self._refuse(past, epsilon, "" if also is None else also(past))

    def draw(
        self,
        epsilon: Fraction,
        neighbors: NeighbouringRelation,
        draw: Callable[[], tuple[str, ...]],
        *,
        again: bool,
        by_voter: bool,
        titles: Mapping[str, str],
    ) -> list[PastDraw]:
        """Record the cost, draw, and record the winners. Returns all draws on record, this one last.

        by_voter, titles: see `PastDraw`; titles may have other candidates too. Raises BudgetError when there was a draw
        and `again` is not said, or when the record cannot be written.
        """
        with self._opened() as log:
            past = _past(log, self.path)
            if not again:
                self._refuse(past, epsilon)
            begun: dict[str, object] = {"at": _now(), "epsilon": str(epsilon), "neighbors": neighbors.value}
            log.append(_line({"begun": begun | ({"by_voter": True} if by_voter else {})}))
            winners = draw()
            made = drawn_now(epsilon, neighbors, winners, by_voter=by_voter, titles=titles)
            drawn: dict[str, object] = {"at": made.at, "winners": list(winners)}
            log.append(_line({"drawn": drawn | ({"titles": made.titles} if made.titles else {})}))
        return [*past, made]

    def _refuse(self, past: Sequence[PastDraw], epsilon: Fraction, more: str = "") -> None:
        if not past:
            return
        last = past[-1]
        cost = words.cost(epsilon_text(last.epsilon), last.neighbors)
        told = words.begun(last.at, cost) if last.winners is None else words.drawn(last.at, cost, last.winners)
        total = sum((draw.epsilon for draw in past), epsilon)
        raise words.already_drawn(told, more, epsilon_text(total), self.path)

    def _opened(self) -> AppendLog:
        return AppendLog(
            self.path,
            _whole,
            title=_TITLE,
            failed=lambda reason: words.not_recorded(self.path, reason),
            foreign=words.not_a_record(self.path),
        )


def drawn_now(
    epsilon: Fraction,
    neighbors: NeighbouringRelation,
    winners: tuple[str, ...],
    *,
    by_voter: bool,
    titles: Mapping[str, str],
) -> PastDraw:
    """A draw of this moment. titles: of all candidates; those of the winners are kept."""
    called = {name: titles[name] for name in winners if name in titles}
    return PastDraw(_now(), epsilon, neighbors, winners, by_voter, called)


def _past(log: AppendLog, path: Path) -> list[PastDraw]:
    """The draws so far. Raises InputError when the record is damaged."""
    past: list[PastDraw] = []
    try:
        for line in log.entries():
            entry = json.loads(line)
            if "begun" in entry:
                begun = entry["begun"]
                relation = NeighbouringRelation(begun["neighbors"])
                by_voter = begun.get("by_voter") is True
                past.append(PastDraw(str(begun["at"]), Fraction(begun["epsilon"]), relation, None, by_voter))
            else:
                drawn = entry["drawn"]
                winners = tuple(str(name) for name in drawn["winners"])
                titles = {str(name): str(title) for name, title in drawn.get("titles", {}).items()}
                past[-1] = replace(past[-1], winners=winners, titles=titles)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, ZeroDivisionError):
        raise words.damaged_record(path) from None
    return past


def _whole(entries: bytes) -> int | None:
    """Bytes of whole lines; what is behind them was torn by a crash. None when these are no lines of a record."""
    whole = entries.rfind(b"\n") + 1
    lines, torn = entries[:whole].splitlines(), entries[whole:]
    ours = all(line.startswith((b'{"begun"', b'{"drawn"')) for line in lines)
    begins = any(start.startswith(torn[: len(start)]) for start in (b'{"begun"', b'{"drawn"'))
    return whole if ours and begins else None


def _line(entry: dict[str, object]) -> bytes:
    return json.dumps(entry).encode() + b"\n"


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
