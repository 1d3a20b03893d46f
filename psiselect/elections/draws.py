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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from dpselect.approval import epsilon_text
from dpselect.privacy import NeighbouringRelation
from psiselect.base.durable import AppendLog
from psiselect.base.errors import BudgetError, InputError, UsageError
from psiselect.tables import Table

_TITLE = b'{"psiselect": "draws", "version": 1}\n'
_OTHERWISE = "Use --ledger FILE --dataset NAME to charge a budget, or --no-ledger to draw without a record"


@dataclass(frozen=True)
class PastDraw:
    """A draw on record. winners: None when it was begun and its result was not recorded."""

    at: str
    epsilon: Fraction
    neighbors: NeighbouringRelation
    winners: tuple[str, ...] | None


@dataclass(frozen=True)
class DrawRecord:
    """The record of a file's draws."""

    path: Path

    @classmethod
    def beside(cls, table: Table) -> DrawRecord:
        """The one of these ballots. Raises UsageError where it could not be kept."""
        if not isinstance(table.where, Path) or table.query is not None:
            what = "standard input" if table.is_standard_input else "a store" if table.is_stored else "a database"
            raise UsageError(f"{what} has no place for the record of the draw. {_OTHERWISE}", term="ledger")
        where = Path(os.path.realpath(table.where))
        try:
            regular = stat.S_ISREG(where.stat().st_mode)
        except OSError:
            regular = True  # the reader says what is wrong
        if not regular:
            raise UsageError(
                f"{table.where} is not a file beside which the draw can be recorded. {_OTHERWISE}", term="ledger"
            )
        path = where.with_name(where.name + ".draw")
        needed = path if path.exists() else path.parent
        if path.parent.exists() and not os.access(needed, os.W_OK):
            raise UsageError(f"{path} cannot be written, so the draw cannot be recorded. {_OTHERWISE}", term="ledger")
        return cls(path)

    def past(self) -> list[PastDraw]:
        """The draws on record, the first one first. Raises InputError when the record is damaged, BudgetError."""
        if not self.path.exists():
            return []
        with self._opened() as log:
            return _past(log, self.path)

    def refuse_another(self, epsilon: Fraction) -> None:
        """Raise BudgetError with the recorded result, if there was a draw. epsilon: what another one would cost."""
        if self.path.exists():
            with self._opened() as log:
                self._refuse(_past(log, self.path), epsilon)

    def draw(
        self,
        epsilon: Fraction,
        neighbors: NeighbouringRelation,
        draw: Callable[[], tuple[str, ...]],
        *,
        again: bool,
    ) -> tuple[tuple[str, ...], list[PastDraw]]:
        """Record the cost, draw, and record the winners. Returns them, and the draws before this one.

        Raises BudgetError when there was a draw and `again` is not said, or when the record cannot be written.
        """
        with self._opened() as log:
            past = _past(log, self.path)
            if not again:
                self._refuse(past, epsilon)
            begun = {"at": _now(), "epsilon": str(epsilon), "neighbors": neighbors.value}
            log.append(_line({"begun": begun}))
            winners = draw()
            log.append(_line({"drawn": {"at": _now(), "winners": list(winners)}}))
        return winners, past

    def _refuse(self, past: Sequence[PastDraw], epsilon: Fraction) -> None:
        if not past:
            return
        last = past[-1]
        cost = f"epsilon {epsilon_text(last.epsilon)}, {last.neighbors.value}"
        if last.winners is None:
            told = f"a draw was begun on {last.at} ({cost}), and its result is not on record; somebody may have seen it"
        else:
            told = f"drawn on {last.at} ({cost}): {', '.join(last.winners)}. This is the result"
        total = sum((draw.epsilon for draw in past), epsilon)
        raise BudgetError(
            f"{told}. Nothing was drawn now. --again draws anew; with this draw the sum of epsilons would be "
            f"{epsilon_text(total)} (record: {self.path})",
            term="ledger",
        )

    def _opened(self) -> AppendLog:
        return AppendLog(
            self.path,
            _whole,
            title=_TITLE,
            failed=lambda reason: BudgetError(
                f"the record {self.path} cannot be written ({reason}), so nothing was drawn or shown. {_OTHERWISE}",
                term="ledger",
            ),
            foreign=f"{self.path} is no record of draws, or it is damaged. It stays as it is. {_OTHERWISE}",
        )


def _past(log: AppendLog, path: Path) -> list[PastDraw]:
    """The draws so far. Raises InputError when the record is damaged."""
    past: list[PastDraw] = []
    try:
        for line in log.entries():
            entry = json.loads(line)
            if "begun" in entry:
                begun = entry["begun"]
                relation = NeighbouringRelation(begun["neighbors"])
                past.append(PastDraw(str(begun["at"]), Fraction(begun["epsilon"]), relation, None))
            else:
                winners = tuple(str(name) for name in entry["drawn"]["winners"])
                past[-1] = PastDraw(past[-1].at, past[-1].epsilon, past[-1].neighbors, winners)
    except (ValueError, KeyError, TypeError, IndexError, ZeroDivisionError):
        raise InputError(f"the record {path} is damaged: a line cannot be read. {_OTHERWISE}", term="ledger") from None
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
