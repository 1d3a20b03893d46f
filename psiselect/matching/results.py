"""What a session has found: checked, its rows put where they belong, and handed to whoever says it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from psi.accounts.session_file import new_file_of_session
from psi.agreement.modes import Side
from psi.agreement.terms import Terms
from psi.identity.identity import PeerIdentity
from psi.protocol.outcome import Outcome
from psi.session.job import Job, JobRows
from psi.session.read_list import ReadList
from psi.session.session import SessionResult
from psi.tables import ALL, Chosen, Source, StoreTarget, check_bytes, check_target
from psiselect.base.errors import OutputError, PolicyError, RemoteError, as_record
from psiselect.matching import files, values, words
from psiselect.matching.spare import NOWHERE, Spare
from psiselect.talk import tell_log


@dataclass(frozen=True)
class Found:
    """What one side has found in a session, when all that can be written is written.

    Attributes:
        peer: None where both parties are on this machine.
        matched_rows: how many rows matched; None when this side did not learn which.
        joined_rows: lines of a joined table, None where nothing was joined or kept.
        written: where the rows are, None where they are in no file.
        to_file: whether a file was named for them.
        replaced: whether they are in the place of an earlier file.
        rows: the matched rows in memory, None where they were not wanted so.
        troubles: what of the session could not be written where it belongs.
        paid: whether a ledger has paid for it.
    """

    job: ReadList
    result: SessionResult
    backend: str
    peer: PeerIdentity | None
    matched_rows: int | None
    joined_rows: int | None
    written: Path | str | None
    to_file: bool
    replaced: bool = False
    rows: JobRows | None = None
    troubles: tuple[OutputError, ...] = ()
    paid: bool = False

    @property
    def terms(self) -> Terms:
        """What both sides agreed on."""
        return self.job.terms

    @property
    def outcome(self) -> Outcome:
        """What was learnt."""
        return self.result.outcome

    @property
    def trouble(self) -> OutputError | None:
        """All troubles as one error."""
        return together(self.troubles) if self.troubles else None

    def to_json(self) -> dict[str, object]:
        """As `--json` prints it; values are not all of plain JSON types."""
        result, outcome, terms = self.result, self.outcome, self.terms
        return {
            "protocol": terms.protocol.value,
            **({} if terms.protocol.status is None else {"protocol_status": terms.protocol.status}),
            "reveal": terms.reveal.value,
            "learn": learn_of(self.job.side, terms),
            "own_size": result.own_size,
            "peer_size": result.peer_size,
            "matches": outcome.matches,
            "matches_by_key": _by_key(self.job, outcome),
            "matched_rows": self.matched_rows,
            "joined_rows": self.joined_rows,
            **values.as_json(terms.amounts, outcome),
            "noisy_count": outcome.noisy_count,
            "output": self.written,
            "seconds": round(result.seconds, 3),
            "bytes_sent": result.bytes_sent,
            "bytes_received": result.bytes_received,
            "peer_fingerprint": self.peer.fingerprint if self.peer else None,
            "transcript": result.transcript,
            "backend": self.backend,
            "disk_bytes": self.job.disk_bytes,
            "input": input_of(self.job),
            **({"error": as_record(self.trouble)} if self.trouble else {}),
        }


class Speaker(Protocol):
    """Says what a session has found to whoever asked for it."""

    @property
    def takes_rows(self) -> bool:
        """Whether it wants the matched rows in memory, where no file was named for them."""
        ...

    @property
    def log(self) -> Path | None:
        """A file that it writes results to, None where there is none."""
        ...

    def prepare(self) -> None:
        """Take room for what a session finds, of one size whatever that will be. Raises InputError when there is none,
        so that the session does not begin."""
        ...

    def say(self, found: Found, spare: Spare) -> None:
        """Say it. spare: what becomes of a result that cannot be said. Raises OutputError, when all that can be done is
        done, for what could not be written where it belongs."""
        ...

    def refuse(
        self,
        error: PolicyError | RemoteError,
        result: SessionResult,
        peer: PeerIdentity,
        troubles: Sequence[OutputError],
        spare: Spare,
    ) -> None:
        """Say that the result is withheld, or was spoiled by the peer. Raises OutputError like `say`."""
        ...


@dataclass(frozen=True)
class Results:
    """Where results go.

    Attributes:
        file: for the matched rows.
        speaker: gets what was found.
        chosen: which of their columns.
        again: an earlier process may have written the file for this session.
        spare: what becomes of a result that cannot be written where it belongs.
        tell: takes a notice for people.
    """

    file: Path | StoreTarget | None
    speaker: Speaker
    again: bool = False
    chosen: Chosen = ALL
    spare: Spare = NOWHERE
    tell: Callable[[str], None] = tell_log

    @property
    def files(self) -> dict[str, Path | None]:
        """What is written, by option."""
        return {"--output": self._path, "--results": self.speaker.log}

    @property
    def _path(self) -> Path | None:
        return None if isinstance(self.file, StoreTarget) else self.file

    def check(self, source: Source, read: Mapping[str, Path | None], stored: Sequence[str] = ()) -> None:
        """Refuse, before the session, an output that could not be written; take room where that can be done. read: the
        command's inputs, by option. stored: the names of inputs in stores, besides the source. Raises InputError,
        UsageError."""
        self.prepare()
        if self.file is not None or self.speaker.takes_rows:
            self.chosen.check(source)
        if self.file is None:
            return
        if isinstance(self.file, StoreTarget) and self.file.name in (source.name, *stored):
            raise words.output_is_input(self.file.name)
        check_target(self.file, self.chosen.shape(source.schema))
        files.require_apart(read, {"--output": self._path})
        if self._path is not None:
            files.tell_of_little_room(self._path, next(iter(read.values()), None), self.tell)

    def check_list(self, source: Source) -> None:
        """Refuse, before the session, a list that was read and whose rows the output could not hold. Raises
        InputError."""
        if self.file is not None:
            check_bytes(source, self.file, self.chosen)

    def prepare(self) -> None:
        """See `Speaker.prepare`."""
        self.speaker.prepare()

    def give(
        self,
        job: Job,
        result: SessionResult,
        backend: str,
        peer: PeerIdentity | None,
        troubles: Sequence[OutputError] = (),
    ) -> Found:
        """Put the rows where they belong, then say what happened. troubles: what else of the session could not be
        written.

        Raises PolicyError when the result is withheld, RemoteError when the peer has spoiled it, OutputError like
        `Speaker.say`.
        """
        outcome, terms = result.outcome, job.terms
        require_shown(terms, outcome)
        values.check_total(terms.amounts, outcome)
        rows = job.count_rows(outcome)
        output: Path | StoreTarget | None = self.file
        if isinstance(output, Path):
            output = new_file_of_session(output, result.transcript, again=self.again)
        replaced = isinstance(output, Path) and files.is_there(output)
        joined, output, held, missed = self._keep_rows(job, result, output)
        found = Found(
            job=job,
            result=result,
            backend=backend,
            peer=peer,
            matched_rows=rows,
            joined_rows=joined,
            written=output.name if isinstance(output, StoreTarget) else output,
            to_file=self.file is not None,
            replaced=replaced and not missed,
            rows=held,
            troubles=(*troubles, *missed),
        )
        self.speaker.say(found, self.spare)
        return found

    def give_refusal(
        self,
        error: PolicyError | RemoteError,
        result: SessionResult,
        peer: PeerIdentity,
        troubles: Sequence[OutputError] = (),
    ) -> None:
        """See `Speaker.refuse`."""
        self.speaker.refuse(error, result, peer, troubles, self.spare)

    def _keep_rows(
        self, job: Job, result: SessionResult, output: Path | StoreTarget | None
    ) -> tuple[int | None, Path | StoreTarget | None, JobRows | None, list[OutputError]]:
        """Write the matched rows, elsewhere if need be, or read them: how many lines a joined table has, where they
        are, the rows, and what went wrong. Raises RemoteError when columns that the peer gave do not open or cannot be
        read."""
        outcome, chosen = result.outcome, self.chosen
        received = job.received(outcome)
        if output is None:
            if not self.speaker.takes_rows or outcome.matched is None:
                return None, None, None, []
            held = job.read_rows(outcome, received, chosen)
            return (None if received is None else len(held.numbers)), None, held, []

        def write(place: Path | StoreTarget, chosen: Chosen) -> int | None:
            if received is not None:
                return job.write_joined(outcome, received, place, chosen)
            job.write_matches(outcome, place, chosen)
            return None

        try:
            return write(output, chosen), output, None, []
        except OutputError as error:
            lines: list[int | None] = [None]

            def keep(place: Path) -> None:
                lines[0] = write(place, replace(chosen, private=True))

            told, place = self.spare.keep(error, words.THE_ROWS, result.transcript, output.suffix, keep)
            return lines[0], place, None, [told]


def together(troubles: Sequence[OutputError]) -> OutputError:
    """Several errors as one."""
    return words.together(troubles)


def require_shown(terms: Terms, outcome: Outcome) -> None:
    """Raises PolicyError when the result is withheld."""
    if outcome.withheld:
        raise words.withheld(terms.min_matches)


def learn_of(side: Side, terms: Terms) -> str:
    """Who learns, as this side says it: me, peer or both."""
    receivers = terms.learn.receivers
    return "both" if len(receivers) == 2 else "me" if side in receivers else "peer"


def input_of(job: ReadList) -> dict[str, object]:
    """How rows became keys: one report, or one per key."""
    first, *others = (report.to_json() for report in job.reports)
    return {"rows": first["rows"], "records": job.size, "keys": [first, *others]} if others else first


def _by_key(job: ReadList, outcome: Outcome) -> list[dict[str, object]] | None:
    if outcome.counts is None:
        return None
    return [{"rule": key.describe(), "matches": count} for key, count in zip(job.keys, outcome.counts, strict=True)]
