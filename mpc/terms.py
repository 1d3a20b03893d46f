"""What every party must say the same before a share leaves any of them."""

from __future__ import annotations

import enum
from dataclasses import asdict, dataclass
from typing import Any

from mpc import words
from mpc.parties import PartyList

VERSION = 1
MAX_LENGTH = 1_000_000


class Function(enum.Enum):
    """What is computed of the inputs, and all that anyone learns."""

    SUM = "sum"
    MEAN = "mean"
    THRESHOLD = "threshold"
    ARGMAX = "argmax"
    MAX = "max"

    @property
    def linear(self) -> bool:
        """Whether adding shares is all there is to compute."""
        return self in (Function.SUM, Function.MEAN)


@dataclass(frozen=True, slots=True)
class MpcTerms:
    """The agreed terms. Amounts are exact decimal text; None marks what the function does not use.

    `length` counts the numbers that each party shares; `labels` is what they stand for (candidates), as one digest.
    """

    function: Function
    length: int
    modulus: int
    unit: str
    bound: str
    labels: str | None = None
    at_least: str | None = None
    epsilon: str | None = None
    neighbors: str | None = None
    lower: str | None = None
    upper: str | None = None
    contributions: int | None = None
    sensitivity: str | None = None
    colluding: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.length <= MAX_LENGTH:
            raise words.too_many_numbers(self.length, MAX_LENGTH)

    def record(self, roster: PartyList) -> dict[str, Any]:
        """The terms with the roster, as JSON values. Addresses are not part of it: they may differ by viewpoint."""
        made = asdict(self)
        made["function"] = self.function.value
        made["modulus"] = str(self.modulus)
        made["parties"] = [[p.name, p.role.value, p.fingerprint.hex()] for p in roster.parties]
        made["version"] = VERSION
        return made


def differing(own: dict[str, Any], peers: dict[str, Any]) -> tuple[str, ...]:
    """Names of the terms that are not the same, sorted; a name that only one side has differs too, and so does a value
    of another type (1, 1.0 and true are equal in Python)."""
    missing = object()

    def same(name: str) -> bool:
        here, there = own.get(name, missing), peers.get(name, missing)
        return type(here) is type(there) and here == there

    return tuple(sorted(n for n in own.keys() | peers.keys() if not same(n)))
