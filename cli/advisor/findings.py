"""What the table of approaches is made of: a verdict for each approach, and the findings that lead to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from cli.advisor.fields import BY_NAME
from cli.advisor.labels import Label
from cli.advisor.predicates import Condition
from cli.advisor.predictions import Setting
from cli.advisor.words import phrase


class Fit(IntEnum):
    """Ranks: better first."""

    FITS = 0
    GAP = 1
    NO = 2


@dataclass(frozen=True)
class Verdict:
    """One line of the table. `number` is what decided, None where no number is involved."""

    label: Label
    fit: Fit
    reason: str
    number: float | None = None
    err95: float | None = None
    seconds: float | None = None
    bytes: float | None = None

    @property
    def recipients(self) -> str:
        """What those who get the result learn."""
        return self.label.recipients

    @property
    def party(self) -> str:
        """What each party learns besides."""
        return self.label.party


Reason = Callable[[Setting], str]
Value = Callable[[Setting], float | None]
Cost = Callable[[Setting], tuple[float | None, float | None]]


def none(_: Setting) -> None:
    """No number."""
    return


def zero(_: Setting) -> int:
    """The error of an exact result, and all that it hides."""
    return 0


def unpriced(_: Setting) -> tuple[None, None]:
    """Neither seconds nor bytes are known."""
    return None, None


@dataclass(frozen=True)
class Finding:
    """What is said of an approach when all of `when` hold.

    Attributes:
        when: the predicates or their opposites, tried in order. Where there are none, the finding always holds.
        fit: how the approach fits then.
        reason: why.
        number: what decided, None where no number is involved.
        err95: the error at 95 %, in units of the output; 0 for an exact result.
        cost: seconds and bytes.
    """

    when: tuple[Condition, ...]
    fit: Fit
    reason: Reason
    number: Value = none
    err95: Value = none
    cost: Cost = unpriced

    def verdict(self, label: Label, s: Setting) -> Verdict:
        """The line of the table. Raises NeedToKnow when one of its numbers depends on an unknown field."""
        return Verdict(label, self.fit, self.reason(s), self.number(s), self.err95(s), *self.cost(s))


Findings = tuple[Finding, ...]


def because(key: str, field: str) -> Reason:
    """The text of a key that names one field, with its value."""
    return lambda s: phrase(key, field=stated(s, field))


def stated(s: Setting, field: str) -> str:
    """A field and its value, in words."""
    return BY_NAME[field].stated(getattr(s.f, field))
