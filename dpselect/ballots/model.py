"""What every reader of ballots fills: a profile, counted and never expanded; and the rules that hold for all formats.

A reader gets text, not a file, and raises `InputError` with the 1-based line at fault, nothing else. Messages say where
and what was expected; they never quote a ballot.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dpselect.names import clean
from psiselect.base.errors import InputError

MAX_BYTES = 256 << 20
MAX_CANDIDATES = 1_000_000
MAX_VOTERS = 10**15  # far from overflowing an int64 tally
MAX_NAME = 500

_NATURAL = re.compile(r"[0-9]{1,15}", re.ASCII)
_JOINERS = re.compile("[\u200c\u200d]")


class OnInvalid(enum.Enum):
    """What happens to a ballot that breaks a rule. DROP is silent and looks at each ballot alone, so that one voter
    still changes one ballot and the guarantee holds; ERROR stops, for the tallier, and lies outside the guarantee."""

    ERROR = "error"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Profile:
    """An approval election: public candidates in the order of the source, and a multiset of ballots.

    ballots: approved candidates, as ascending indices into `candidates`, mapped to the number of such ballots.
    """

    candidates: tuple[str, ...]
    ballots: Mapping[tuple[int, ...], int]

    @property
    def voters(self) -> int:
        """The number of ballots, empty ones included. Private under add/remove."""
        return sum(self.ballots.values())

    def tally(self) -> npt.NDArray[np.int64]:
        """Approvals of each candidate, shape (candidates,), dtype int64. Private."""
        counts = np.zeros(len(self.candidates), np.int64)
        if self.ballots:
            flat = np.fromiter((i for ballot in self.ballots for i in ballot), np.int64)
            times = np.repeat(np.fromiter(self.ballots.values(), np.int64), [len(ballot) for ballot in self.ballots])
            np.add.at(counts, flat, times)
        return counts


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file holds. `notes` depend on its public header only; `warnings` on ballots too: for the tallier alone."""

    profile: Profile
    format: str
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """What the caller decides about reading: the public candidates, where the format has none of its own (or to
    confirm those it has), and what becomes of invalid ballots."""

    candidates: tuple[str, ...] | None = None
    on_invalid: OnInvalid = OnInvalid.ERROR


class CandidateList:
    """Collects public candidates with the rules for names; `done` gives them in order."""

    def __init__(self) -> None:
        self._lines: dict[str, int] = {}

    def add(self, name: str, line: int) -> None:
        """One more name. Raises InputError when it is empty, too long, unprintable or already there."""
        name = clean(name)
        if not name or len(name) > MAX_NAME or not _printable(name):
            raise fault(line, f"a candidate's name is 1 to {MAX_NAME} printable characters")
        if name in self._lines:
            raise fault(line, f"the candidate {name!r} is already listed in line {self._lines[name]}")
        if len(self._lines) >= MAX_CANDIDATES:
            raise fault(line, f"more than {MAX_CANDIDATES} candidates")
        self._lines[name] = line

    def done(self, rules: Rules, line: int) -> tuple[str, ...]:
        """The candidates. Raises InputError when there are none, or when they are not those given by the user."""
        names = tuple(self._lines)
        if not names:
            raise fault(line, "no candidates")
        if rules.candidates is not None and set(rules.candidates) != set(names):
            missing = sorted(set(rules.candidates) - set(names)) or sorted(set(names) - set(rules.candidates))
            raise fault(line, f"the list of candidates and the file's own differ, for one in {missing[0]!r}")
        return names


@dataclass(slots=True)
class BallotBox:
    """Counts ballots under the rules shared by all formats.

    labels: how ballots of this format name a candidate, mapped to its index. shortest, longest: public bounds on the
    number of approvals.
    """

    labels: Mapping[str, int]
    on_invalid: OnInvalid
    shortest: int = 0
    longest: int | None = None
    voters: int = 0
    _ballots: dict[tuple[int, ...], int] = field(default_factory=dict)

    def cast(self, approved: Sequence[str], line: int, count: int = 1) -> None:
        """Count `count` ballots that approve the named candidates; one that breaks a rule is refused."""
        if self.longest is not None and len(approved) > self.longest:
            return self.refuse(line, f"the ballot approves {len(approved)} candidates, at most {self.longest} may be")
        if len(approved) < self.shortest:
            return self.refuse(
                line, f"the ballot approves {len(approved)} candidates, at least {self.shortest} must be"
            )
        indices = []
        for place, label in enumerate(approved, 1):
            index = self.labels.get(label)
            if index is None:
                return self.refuse(line, f"name {place} on the ballot is not on the list of candidates")
            indices.append(index)
        indices.sort()
        if len(set(indices)) != len(indices):
            return self.refuse(line, "the ballot names a candidate twice")
        return self.count(tuple(indices), line, count)

    def count(self, ballot: tuple[int, ...], line: int, count: int = 1) -> None:
        """Count ballots already known to be valid."""
        self.voters += count
        if self.voters > MAX_VOTERS:
            raise fault(line, f"more than {MAX_VOTERS} ballots")
        self._ballots[ballot] = self._ballots.get(ballot, 0) + count

    def refuse(self, line: int, why: str) -> None:
        """An invalid ballot: raises InputError, or drops it without a trace."""
        if self.on_invalid is OnInvalid.ERROR:
            raise fault(line, f"{why}. Correct the ballot, or use --on-invalid drop to leave out such ballots")

    def profile(self, candidates: tuple[str, ...]) -> Profile:
        """What was counted."""
        return Profile(candidates, self._ballots)

    def reading(
        self,
        candidates: tuple[str, ...],
        form: str,
        *,
        notes: Iterable[str] = (),
        warnings: Iterable[str] = (),
    ) -> Reading:
        """The reader's result. Under DROP even the tallier is told nothing that depends on ballots."""
        silent = self.on_invalid is OnInvalid.DROP
        return Reading(self.profile(candidates), form, tuple(notes), () if silent else tuple(warnings))


class VoterIds:
    """Notices voters who appear twice: the guarantee covers one ballot."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._repeated = False

    def add(self, voter: str) -> None:
        self._repeated = self._repeated or voter in self._seen
        self._seen.add(voter)

    def warnings(self) -> list[str]:
        text = "some voter_id appears more than once; the guarantee covers a ballot, so such a voter has less of it"
        return [text] if self._repeated else []


def fault(line: int, message: str) -> InputError:
    """The error for a line of the file, ready to be raised; `formats.parse` and `tabular.read` add where it is."""
    return InputError(message, line=line)


def _printable(name: str) -> bool:
    """No control, bidirectional or unassigned character; the joiners that some scripts need are fine."""
    return _JOINERS.sub("", name).isprintable()


def natural(text: str, line: int, what: str) -> int:
    """A natural number of at most 15 digits. Raises InputError."""
    if not _NATURAL.fullmatch(text.strip()):
        raise fault(line, f"{what}: expected a whole number of at most 15 digits")
    return int(text)


def total_warning(what: str, stated: int | None, read: int) -> list[str]:
    """For the tallier: the header's total is not what was read."""
    return [] if stated in (None, read) else [f"the header says {stated} {what}, the file holds {read}"]
