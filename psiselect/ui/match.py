"""A match as a task: the lists, the keys, the check, the partner, the terms, and the session.

What is checked and matched is what `psiselect psi check`, `local`, `listen`, `connect`, `offer`, `answer` and `finish`
check and match.
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
from psi.normalize import KeySpec
from psiselect.base.errors import CancelError, PsiselectError
from psiselect.matching import asked, both_here, calls, calls_by_files, public
from psiselect.matching.answers import FileResult, MatchResult
from psiselect.matching.choices import memory
from psiselect.ui import exchanges, words
from psiselect.ui.desk import Desk
from psiselect.ui.exchanges import Exchange
from psiselect.ui.lists import Counted, GivenList
from psiselect.ui.match_terms import FOUND_BY_ITSELF, Key, Terms
from psiselect.ui.told import told
from psiselect.ui.uploads import Upload
from psiselect.ui.work import Work
from psiselect.ui.workroom import Workroom

EXAMPLES = 8  # rows that are shown before and after the rule


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

    @property
    def total(self) -> str | None:
        """The sum over the matches, for people; None where none was asked for."""
        return f"{self.result.total:,}" if self.learnt and self.result.reveal == "sum" else None


@dataclass
class Match:
    """One match under way. Its methods are for one thread at a time, which `lock` sees to.

    Attributes:
        given: this side's list. other: the second list of a trial, else None.
        keys: what is compared, the first one first. matching: how often a row may match, as commands have it.
        found_by_itself: whether the page has chosen the column.
        checked: for each list what the rules made of it; none before the check.
        identity, peer: who takes part; None before they are chosen. sure: whether the fingerprints were compared.
        work: what is under way or has ended; None before.
        found: the result. made: a file for the partner. exchange: what waits for the partner's answer to it.
        problem: why the last work has failed.
    """

    desk: Desk
    given: GivenList
    other: GivenList | None = None
    room: Workroom = field(default_factory=Workroom)
    keys: tuple[Key, ...] = (Key(),)
    matching: str = "one-to-many"
    found_by_itself: bool = False
    checked: list[Checked] = field(default_factory=list)
    identity: Identity | None = None
    peer: PeerIdentity | None = None
    sure: bool = False
    terms: Terms | None = None
    work: Work | None = None
    found: Found | None = None
    made: FileResult | None = None
    exchange: Exchange | None = None
    problem: str | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def busy(self) -> bool:
        """Whether something is at work."""
        return self.work is not None and not self.work.over

    @property
    def over(self) -> bool:
        """Whether there is a result."""
        return self.found is not None or self.made is not None

    @property
    def lists(self) -> list[GivenList]:
        """This side's list and, in a trial, the second one."""
        return [self.given, *([self.other] if self.other else [])]

    @property
    def written(self) -> list[str]:
        """The keys as `--key` has them."""
        return [key.written(key.column) for key in self.keys]

    @property
    def written_b(self) -> list[str]:
        """The keys of the second list of a trial."""
        return [key.written(key.column_b) for key in self.keys]

    @property
    def digits(self) -> str:
        """What both sides have in common when their rules are the same: a few digits for each column."""
        return " ".join(key.digits for key in self.keys)

    def propose(self) -> bool:
        """Choose the column, where one of each list looks like a key under the same rule. Returns whether it is so."""
        found = [given.proposed(*FOUND_BY_ITSELF) for given in self.lists]
        if None in found or len({each[1] for each in found if each}) != 1:
            return False
        (column, rule), *rest = [each for each in found if each]
        self.keys = (Key(column, rest[0][0] if rest else "", rule),)
        self.found_by_itself = True
        return True

    def begin_check(self, keys: Sequence[Key], matching: str = "one-to-many") -> None:
        """Begin to read the lists under these keys. Raises UsageError, ResourceError."""
        specs = [[key.spec(key.column) for key in keys], [key.spec(key.column_b or "x") for key in keys]]
        self.keys, self.matching, self.checked, self.problem = tuple(keys), matching, [], None

        def run(work: Work) -> None:
            found = []
            for given, spec in zip(self.lists, specs, strict=False):
                work.say(words.reading(given.upload.called))
                found.append(_check(given, spec, work))
            self.checked = found

        self._begin(run, words.READING)

    def begin_trial(self) -> None:
        """Begin to match both lists here. Raises ResourceError."""
        other = self.other
        if other is None:
            raise words.needs_two_files()

        def run(work: Work) -> None:
            target = self.room.file("matched.csv")
            # As `psiselect.match`, but that the second file may be of another kind than the first one.
            options = {**self.given.said, **self.desk.means, "matching": self.matching, "output": target}
            given = asked.given(self.given.upload.path, self.written, options)
            there = both_here.Other(other.table(), tuple(self.written_b), ())
            talk = public.talk(self._shown(work, words.MATCHING), work.cancel)
            found = both_here.match(given, there, talk, public.speaker(False, given))
            self.found = Found(public.result(found, given, False), target, None)

        self._begin(run, words.READING_BOTH)

    def begin_session(self, offer: Upload | None = None) -> None:
        """Begin a session with the partner, or this side's half of an exchange by files. offer: the partner's, to be
        answered. Raises UsageError unless all is chosen, ResourceError."""
        terms, identity, peer = self.terms, self.identity, self.peer
        if terms is None or identity is None or peer is None or not self.sure or not self.checked:
            raise words.not_all_chosen()
        if terms.by_files:
            self._begin_half(terms, identity, peer, offer)
            return

        def run(work: Work) -> None:
            rows = self.room.file("matched.csv") if terms.has_rows else None
            record = self.room.file("record.json")
            shared: dict[str, Any] = {
                **self._shared(work, terms, words.matching_with(peer.name)),
                "identity": identity,
                "peer": peer,
                "rows": False,
                "record": record,
                **({} if rows is None else {"output": rows}),
            }

            def waiting(addresses: Sequence[str]) -> None:
                work.say(words.waiting_for(peer.name, addresses[0].rpartition(":")[2]))

            if terms.way == "wait":
                result = calls.listen(terms.address, self.given.upload.path, listening=waiting, **shared)
            else:
                result = calls.connect(terms.address, self.given.upload.path, **shared)
            self.found = Found(result, rows, record)
            self.given.close()

        first = words.READING_LIST if terms.way == "wait" else words.then_calling(peer.name, terms.address)
        self._begin(run, first)

    def _begin_half(self, terms: Terms, identity: Identity, peer: PeerIdentity, offer: Upload | None) -> None:
        def make_offer(work: Work) -> None:
            with exchanges.beginning(self.desk.folder, peer) as exchange:
                self.made = calls_by_files.offer(
                    self.given.upload.path,
                    identity=identity,
                    peer=exchange.certificate,
                    out=exchange.offer,
                    state=exchange.state,
                    **self._shared(work, terms, words.making_offer(peer.name)),
                )
                self.exchange = exchange
            self.given.close()

        def make_answer(work: Work) -> None:
            if offer is None:
                raise words.no_offer()
            self.made = calls_by_files.answer(
                offer.path,
                self.given.upload.path,
                identity=identity,
                peer=peer,
                out=self.room.file("answer.psi"),
                **self._shared(work, terms, words.answering_offer(peer.name)),
            )
            self.given.close()

        files = {} if offer is None else {str(offer.path): offer.called}
        self._begin(make_offer if terms.way == "offer" else make_answer, words.READING_LIST, offer, files)

    def begin_finish(self, exchange: Exchange, answer: Upload) -> None:
        """Begin to read the partner's answer to an offer. Raises InputError, ResourceError."""
        self.exchange, self.peer, takes_rows = exchange, exchange.peer, exchange.gives_rows

        def run(work: Work) -> None:
            rows = self.room.file("matched.csv") if takes_rows else None
            record = self.room.file("record.json")
            output: dict[str, Any] = {} if rows is None else {"output": rows}
            with exchanges.finishing(exchange):
                result = calls_by_files.finish(
                    answer.path,
                    state=exchange.state,
                    table=self.given.upload.path,
                    rows=False,
                    record=record,
                    progress=self._shown(work, "Reading the answer"),
                    cancel=work.cancel,
                    format=self.given.upload.form,
                    **output,
                )
            self.found = Found(result, rows, record)
            self.given.close()

        files = {str(answer.path): answer.called, str(exchange.state): "your offer"}
        self._begin(run, words.READING_LIST, answer, files)

    def _shared(self, work: Work, terms: Terms, words: str) -> dict[str, Any]:
        """What sessions and halves of an exchange take alike."""
        return {
            "key": self.written,
            "progress": self._shown(work, words),
            "cancel": work.cancel,
            **terms.arguments(),
            **self.given.said,
            **self.desk.means,
        }

    def close(self) -> None:
        """Stop what is at work, and let all files go."""
        if self.work is not None:
            self.work.stop()
        for given in self.lists:
            given.close()
        self.room.close()

    def _begin(
        self,
        run: Callable[[Work], None],
        words: str,
        theirs: Upload | None = None,
        files: dict[str, str] | None = None,
    ) -> None:
        """theirs: the partner's file, which goes with the work. files: what else errors may name."""
        if self.busy:
            if theirs is not None:
                theirs.close()
            return
        self.problem = None

        def told_at_end(work: Work) -> None:
            try:
                run(work)
            except CancelError:
                raise  # whoever has stopped it knows
            except PsiselectError as error:
                own = {str(given.upload.path): given.upload.called for given in self.lists}
                self.problem = told(error, {**own, **(files or {})})
                raise
            finally:
                if theirs is not None:
                    theirs.close()

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


def _check(given: GivenList, specs: Sequence[KeySpec], work: Work) -> Checked:
    """As `psiselect psi check --show`, with rows before and after."""

    def said(rows: int) -> None:
        work.look()
        work.say(words.read_so_far(given.upload.called, rows))

    space = memory(None, None)
    table = given.table()
    source: Any = Counted(table.open(space.folder), said)
    return checking.check(source, specs, folder=space.folder, memory_limit=space.half, examples=EXAMPLES)
