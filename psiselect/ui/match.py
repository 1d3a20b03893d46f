"""A match as a task: the lists, the key, the check, the partner, the terms, and the session.

What is checked and matched is what `psiselect psi check`, `local`, `listen` and `connect` check and match.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psi.identity.identity import Identity, PeerIdentity
from psi.inputs import checking
from psi.inputs.checking import Checked
from psi.normalize import KeySpec, parse_key
from psiselect.base.errors import CancelError, PsiselectError, UsageError
from psiselect.matching import asked, both_here, calls, public
from psiselect.matching.answers import MatchResult
from psiselect.matching.choices import memory
from psiselect.ui.desk import Desk
from psiselect.ui.lists import Counted, GivenList, command_line, file_word, options_of
from psiselect.ui.told import told
from psiselect.ui.work import Work
from psiselect.ui.workroom import Workroom

EXAMPLES = 8  # rows that are shown before and after the rule
PORT = "7001"
RULES = {
    "email": ("E-mail addresses", "Upper and lower case count as the same."),
    "phone": ("Telephone numbers", "Written with or without spaces, brackets or country code."),
    "name": ("Names of persons", "Accents, case and spaces do not matter. Many people share a name."),
    "date": ("Dates", ""),
    "text": ("Other texts", "Case and spaces around do not matter."),
    "raw": ("Exactly as written", "Such as a customer number. Every letter counts."),
}
ORDERS = {
    "iso": "Year first, such as 1990-04-03",
    "dmy": "Day first, such as 03/04/1990",
    "mdy": "Month first, such as 04/03/1990",
}
LEARN = {"me": "Only you", "peer": "Only your partner", "both": "Both of you"}
REVEAL = {
    "matches": "Which rows match",
    "count": "Only how many match",
}
_OTHER_SIDE = {"me": "peer", "peer": "me", "both": "both"}
_SPECIAL = "\\:+,="


@dataclass(frozen=True)
class Key:
    """What is compared: a column of one's own list, of the other one in a trial, and the rule for both."""

    column: str = ""
    column_b: str = ""
    rule: str = "email"
    region: str = ""
    order: str = "iso"

    @property
    def written_rule(self) -> str:
        """The rule as `--key` has it."""
        if self.rule == "phone" and self.region:
            return f"phone,region={self.region}"
        return f"date,order={self.order}" if self.rule == "date" and self.order != "iso" else self.rule

    def written(self, column: str) -> str:
        """The key as `--key` has it, with backslashes in the column's name where they are needed."""
        escaped = "".join(f"\\{letter}" if letter in _SPECIAL else letter for letter in column)
        return f"{escaped}:{self.written_rule}"

    def spec(self, column: str) -> KeySpec:
        """Raises UsageError for a region that there is not."""
        return parse_key(self.written(column))


@dataclass(frozen=True)
class Terms:
    """What both sides agree on, as this side says it, and how they meet. minimum: 0 for none."""

    learn: str = "me"
    reveal: str = "matches"
    minimum: int = 0
    waits: bool = True
    host: str = ""
    port: str = PORT

    @property
    def address(self) -> str:
        """Where this side waits, or whom it calls."""
        return f"{'*' if self.waits else self.host}:{self.port}"

    @property
    def partner_says(self) -> str:
        """What the partner must choose as who gets the result."""
        return LEARN[_OTHER_SIDE[self.learn]]

    def arguments(self) -> dict[str, Any]:
        """As keyword arguments of a call."""
        minimum = {"min_matches": self.minimum} if self.minimum else {}
        return {"learn": self.learn, "reveal": self.reveal, **minimum}

    def options(self) -> list[str]:
        """As words of a command."""
        minimum = ["--min-matches", str(self.minimum)] if self.minimum else []
        return ["--learn", self.learn, "--reveal", self.reveal, *minimum]


@dataclass
class Found:
    """A result, with the files that may be downloaded. rows, record: None where there is none."""

    result: MatchResult
    rows: Path | None
    record: Path | None

    @property
    def learnt(self) -> bool:
        """Whether this side gets the result."""
        return self.result.learnt

    @property
    def count(self) -> int | None:
        """How many keys match."""
        return self.result.count if self.learnt else None

    @property
    def matched_rows(self) -> int | None:
        """How many rows of the own list match."""
        return self.result.matched_rows if self.rows is not None else None


@dataclass
class Match:
    """One match under way. Its methods are for one thread at a time, which `lock` sees to.

    Attributes:
        given: this side's list. other: the second list of a trial, else None.
        checked: for each list what the rule made of it; none before the check.
        identity, peer: who takes part; None before they are chosen. sure: whether the fingerprints were compared.
        work: what is under way or has ended; None before.
        found: the result.
        problem: why the last work has failed.
    """

    desk: Desk
    given: GivenList
    other: GivenList | None = None
    room: Workroom = field(default_factory=Workroom)
    key: Key = field(default_factory=Key)
    checked: list[Checked] = field(default_factory=list)
    identity: Identity | None = None
    peer: PeerIdentity | None = None
    sure: bool = False
    terms: Terms | None = None
    work: Work | None = None
    found: Found | None = None
    problem: str | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def busy(self) -> bool:
        """Whether something is at work."""
        return self.work is not None and not self.work.over

    @property
    def lists(self) -> list[tuple[GivenList, str]]:
        """The lists with the columns to match by."""
        return [(self.given, self.key.column), *([(self.other, self.key.column_b)] if self.other else [])]

    @property
    def rule_digest(self) -> str:
        """The first digits of what both sides have in common exactly when their rules are the same."""
        return self.key.spec("x").digest().hex()[:8]

    def begin_check(self, key: Key) -> None:
        """Begin to read the lists under this key. Raises UsageError, ResourceError."""
        specs = [key.spec(column) for column in (key.column, key.column_b or "x")]
        self.key, self.checked, self.problem = key, [], None

        def run(work: Work) -> None:
            found = []
            for (given, _), spec in zip(self.lists, specs, strict=False):
                work.say(f"Reading {given.upload.called}")
                found.append(_check(given, spec, work))
            self.checked = found

        self._begin(run, "Reading")

    def begin_trial(self) -> None:
        """Begin to match both lists here. Raises ResourceError."""
        other = self.other
        if other is None:
            raise UsageError("a trial needs two files")

        def run(work: Work) -> None:
            target = self.room.file("matched.csv")
            # As `psiselect.match`, but that the second file may be of another kind than the first one.
            options = {**self.given.said, **self.desk.means, "output": target}
            given = asked.given(self.given.upload.path, self.key.written(self.key.column), options)
            there = both_here.Other(other.table(), (self.key.written(self.key.column_b),), ())
            talk = public.talk(self._shown(work, "Matching"), work.cancel)
            found = both_here.match(given, there, talk, public.speaker(False, given))
            self.found = Found(public.result(found, given, False), target, None)

        self._begin(run, "Reading both files")

    def begin_session(self) -> None:
        """Begin a session with the partner. Raises UsageError unless all is chosen, ResourceError."""
        terms, identity, peer = self.terms, self.identity, self.peer
        if terms is None or identity is None or peer is None or not self.sure or not self.checked:
            raise UsageError("the list is not checked, or the partner or the terms are not chosen yet")

        def run(work: Work) -> None:
            rows = self.room.file("matched.csv") if terms.reveal == "matches" and terms.learn != "peer" else None
            record = self.room.file("record.json")
            shared: dict[str, Any] = {
                "key": self.key.written(self.key.column),
                "identity": identity,
                "peer": peer,
                "rows": False,
                "record": record,
                "progress": self._shown(work, f"Matching with {peer.name}"),
                "cancel": work.cancel,
                **({} if rows is None else {"output": rows}),
                **terms.arguments(),
                **self.given.said,
                **self.desk.means,
            }

            def waiting(addresses: Sequence[str]) -> None:
                work.say(f"Waiting for {peer.name} to call, at port {addresses[0].rpartition(':')[2]}")

            if terms.waits:
                result = calls.listen(terms.address, self.given.upload.path, listening=waiting, **shared)
            else:
                result = calls.connect(terms.address, self.given.upload.path, **shared)
            self.found = Found(result, rows, record)
            self.given.close()

        calling = "" if terms.waits else f", then calling {peer.name} at {terms.address}"
        self._begin(run, f"Reading your list{calling}")

    def commands(self) -> list[str]:
        """What does the same in a terminal."""
        own = file_word(self.given.upload)
        keys = ["--key", self.key.written(self.key.column)]
        if self.other is not None:
            key_b = ["--key-b", self.key.written(self.key.column_b)]
            words = ["psiselect", "psi", "local", own, file_word(self.other.upload), *keys, *key_b]
            return [command_line([*words, *options_of(self.given.said), "--output", "matched.csv"])]
        check = command_line(["psiselect", "psi", "check", own, *keys, *options_of(self.given.said)])
        terms, identity, peer = self.terms, self.identity, self.peer
        if terms is None or identity is None or peer is None:
            return [check]
        place = ["listen", "--address", terms.address] if terms.waits else ["connect", terms.address]
        words = ["psiselect", "psi", *place, "--identity", str(identity.certificate_path.with_suffix(""))]
        words += ["--peer", f"{peer.name}.crt", "--input", own, *keys, *options_of(self.given.said), *terms.options()]
        output = ["--output", "matched.csv"] if terms.reveal == "matches" and terms.learn != "peer" else []
        return [check, command_line([*words, *output, "--record", "record.json"])]

    def close(self) -> None:
        """Stop what is at work, and let all files go."""
        if self.work is not None:
            self.work.stop()
        self.given.close()
        if self.other is not None:
            self.other.close()
        self.room.close()

    def _begin(self, run: Callable[[Work], None], words: str) -> None:
        if self.busy:
            return
        self.problem = None

        def told_at_end(work: Work) -> None:
            try:
                run(work)
            except CancelError:
                raise  # whoever has stopped it knows
            except PsiselectError as error:
                self.problem = told(error, {str(given.upload.path): given.upload.called for given, _ in self.lists})
                raise

        self.work = Work(told_at_end, self.desk.idle, words)

    def _shown(self, work: Work, words: str) -> Callable[[int, int], None]:
        begun = False

        def progress(done: int, total: int) -> None:
            nonlocal begun
            if not begun:
                begun = True
                work.say(words)
            work.progress(done, total)

        return progress


def _check(given: GivenList, spec: KeySpec, work: Work) -> Checked:
    """As `psiselect psi check --show`, with rows before and after."""

    def said(rows: int) -> None:
        work.look()
        work.say(f"Reading {given.upload.called}: {rows:,} rows so far")

    space = memory(None, None)
    table = given.table()
    source: Any = Counted(table.open(space.folder), said)
    return checking.check(source, [spec], folder=space.folder, memory_limit=space.half, examples=EXAMPLES)
