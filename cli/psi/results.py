"""What a session has found: checked, written where it belongs, and said."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from cli._errors import ToldError, as_record
from cli._output import hold_stdout, human_bytes, human_seconds, plain_json, print_fields, print_json
from cli.psi import files, values
from cli.psi.spare import NOWHERE, Spare
from psi.accounts import results_file
from psi.accounts.session_file import new_file_of_session
from psi.agreement.modes import Matching, Side
from psi.agreement.terms import Terms
from psi.identity.identity import PeerIdentity
from psi.protocol.outcome import Outcome
from psi.session.job import Job
from psi.session.session import SessionResult
from psi.tables import ALL, Chosen, Source, StoreTarget, check_target
from psiselect.base import atomic
from psiselect.base.errors import OutputError, PolicyError, RemoteError, UsageError


@dataclass(frozen=True)
class Results:
    """Where results go.

    Attributes:
        file: for the matched rows.
        chosen: which of their columns.
        again: an earlier process may have written the file for this session.
        spare: what becomes of a result that cannot be written where it belongs.
        log: for results, in place of stdout.
        sessions: how many may write to it at once.
    """

    file: Path | StoreTarget | None
    as_json: bool
    again: bool = False
    chosen: Chosen = ALL
    spare: Spare = NOWHERE
    log: Path | None = None
    sessions: int = 1

    @property
    def files(self) -> dict[str, Path | None]:
        """What is written, by option."""
        return {"--output": self._path, "--results": self.log}

    @property
    def _path(self) -> Path | None:
        return None if isinstance(self.file, StoreTarget) else self.file

    def check(self, source: Source, read: Mapping[str, Path | None], stored: Sequence[str] = ()) -> None:
        """Refuse, before the session, an output that could not be written; take room where that can be done. read: the
        command's inputs, by option. stored: the names of inputs in stores, besides the source. Raises InputError,
        UsageError."""
        self.prepare()
        if self.file is None:
            return
        self.chosen.check(source)
        if isinstance(self.file, StoreTarget) and self.file.name in (source.name, *stored):
            raise UsageError(f"--output {self.file.name} is an input of this command; name another file")
        check_target(self.file, self.chosen.shape(source.schema))
        files.require_apart(read, {"--output": self._path})
        if self._path is not None:
            files.tell_of_little_room(self._path, next(iter(read.values()), None))

    def prepare(self) -> None:
        """Take room for what a session finds, of one size whatever that will be. Raises InputError when there is none,
        so that the session does not begin."""
        if self.log is None:
            hold_stdout()
        else:
            results_file.hold(self.log, self.sessions)

    def give(
        self,
        job: Job,
        result: SessionResult,
        backend: str,
        peer: PeerIdentity | None,
        troubles: Sequence[OutputError] = (),
    ) -> None:
        """Write the output file, then say what happened. troubles: what else of the session could not be written.

        Raises PolicyError when the result is withheld, RemoteError when the peer has spoiled it, OutputError, when all
        that can be done is done, for what could not be written where it belongs.
        """
        outcome, terms = result.outcome, job.terms
        require_shown(terms, outcome)
        values.check_total(terms.amounts, outcome)
        rows = job.count_rows(outcome)
        output: Path | StoreTarget | None = self.file
        if isinstance(output, Path):
            output = new_file_of_session(output, result.transcript, again=self.again)
        joined, output, missed = self._write_rows(job, result, output)
        written = output.name if isinstance(output, StoreTarget) else output
        troubles = [*troubles, *missed]
        record: dict[str, object] = {
            "reveal": terms.reveal.value,
            "learn": learn_of(job.side, terms),
            "own_size": result.own_size,
            "peer_size": result.peer_size,
            "matches": outcome.matches,
            "matches_by_key": _by_key(job, outcome),
            "matched_rows": rows,
            "joined_rows": joined,
            **values.as_json(terms.amounts, outcome),
            "noisy_count": outcome.noisy_count,
            "output": written,
            "seconds": round(result.seconds, 3),
            "bytes_sent": result.bytes_sent,
            "bytes_received": result.bytes_received,
            "peer_fingerprint": peer.fingerprint if peer else None,
            "transcript": result.transcript,
            "backend": backend,
            "disk_bytes": job.disk_bytes,
            "input": input_of(job),
            **({"error": as_record(_together(troubles))} if troubles else {}),
        }
        padded = terms.pad_to is not None
        words: dict[str, object] = {
            "own list": own_list(job),
            "peer's list": f"at most {result.peer_size:,} {unit_of(terms)}: both lists are padded to that"
            if padded
            else f"{result.peer_size:,} {unit_of(terms)}",
            **_found(job, outcome),
            **({} if rows is None else {"matched rows": f"{rows:,}"}),
            **_columns(job, kept=self.file is not None),
            **({} if joined is None else {"joined rows": f"{joined:,}"}),
            **({} if written is None else {"written to": written}),
            "time": human_seconds(result.seconds),
            "sent, received": f"{human_bytes(result.bytes_sent)}, {human_bytes(result.bytes_received)}",
            "transcript": transcript_text(result),
        }
        self._say(record, words, result, troubles)

    def give_refusal(
        self,
        error: PolicyError | RemoteError,
        result: SessionResult,
        peer: PeerIdentity,
        troubles: Sequence[OutputError] = (),
    ) -> None:
        """Say that the result is withheld, or was spoiled by the peer. Raises OutputError like `give`."""
        record = {"error": as_record(error), "peer_fingerprint": peer.fingerprint, "transcript": result.transcript}
        words = {"matches": str(error), "transcript": result.transcript[:16].hex() + "..."}
        self._say(record, words, result, troubles)

    def _write_rows(
        self, job: Job, result: SessionResult, output: Path | StoreTarget | None
    ) -> tuple[int | None, Path | StoreTarget | None, list[OutputError]]:
        """Write the matched rows, elsewhere if need be: how many lines a joined table has, where they are, and what
        went wrong. Raises RemoteError when columns that the peer gave do not open or cannot be read."""
        outcome, chosen = result.outcome, self.chosen
        received = job.received(outcome)
        if output is None:
            return None, None, []

        def write(place: Path | StoreTarget, chosen: Chosen) -> int | None:
            if received is not None:
                return job.write_joined(outcome, received, place, chosen)
            job.write_matches(outcome, place, chosen)
            return None

        try:
            return write(output, chosen), output, []
        except OutputError as error:
            lines: list[int | None] = [None]

            def keep(place: Path) -> None:
                lines[0] = write(place, replace(chosen, private=True))

            told, place = self.spare.keep(error, "the matched rows are", result.transcript, output.suffix, keep)
            return lines[0], place, [told]

    def _say(
        self,
        record: Mapping[str, object],
        words: Mapping[str, object],
        result: SessionResult,
        troubles: Sequence[OutputError],
    ) -> None:
        try:
            if self.log is not None:
                time = datetime.now(UTC).isoformat(timespec="seconds")
                results_file.append(self.log, {"time": time, **plain_json(record)})
            elif self.as_json:
                print_json(record)
            else:
                print_fields(words)
        except OutputError as error:
            content = json.dumps(plain_json(record)).encode() + b"\n"
            told, _ = self.spare.keep(
                *(error, "the result is", result.transcript, ".json"),
                lambda place: atomic.write_bytes(place, content, secret=True),
            )
            raise _together([told, *troubles]) from None
        if troubles:
            raise ToldError(str(_together(troubles)))


def _together(troubles: Sequence[OutputError]) -> OutputError:
    return OutputError(". ".join(map(str, troubles)))


def require_shown(terms: Terms, outcome: Outcome) -> None:
    """Raises PolicyError when the result is withheld."""
    if outcome.withheld:
        raise PolicyError(f"the result is below --min-matches {terms.min_matches} and is withheld", term="min_matches")


def learn_of(side: Side, terms: Terms) -> str:
    """Who learns, as this side says it: me, peer or both."""
    receivers = terms.learn.receivers
    return "both" if len(receivers) == 2 else "me" if side in receivers else "peer"


def unit_of(terms: Terms) -> str:
    """What sizes count."""
    return "distinct keys" if terms.matching is Matching.ONE_TO_MANY else "distinct rows"


def own_list(job: Job) -> str:
    """The own list's size in words."""
    return f"{job.size:,} {unit_of(job.terms)} in {job.reports[0].rows:,} rows"


def transcript_text(result: SessionResult) -> str:
    """The transcript, as much of it as people compare."""
    return result.transcript[:16].hex() + "... (the same on both sides)"


def input_of(job: Job) -> dict[str, object]:
    """How rows became keys: one report, or one per key."""
    first, *others = (report.to_json() for report in job.reports)
    return {"rows": first["rows"], "records": job.size, "keys": [first, *others]} if others else first


def _found(job: Job, outcome: Outcome) -> dict[str, str]:
    """The result in words."""
    if not outcome.learnt:
        return {"matches": "not learnt by this side"}
    if outcome.noisy_count is None:
        found = {"matches": f"{outcome.matches:,}"}
        if outcome.counts is not None and len(outcome.counts) > 1:
            counted = zip(job.keys, outcome.counts, strict=True)
            found["by key"] = ", ".join(f"{'+'.join(key.columns)} {count:,}" for key, count in counted)
        if outcome.total is not None and job.terms.amounts is not None:
            found["sum"] = values.text(job.terms.amounts, outcome.total)
        return found
    noise = job.terms.noise
    reach = "" if noise is None else f", at most {noise.bound:,} from the truth"
    return {"noisy count": f"{outcome.noisy_count:,}{reach}"}


def _columns(job: Job, *, kept: bool) -> dict[str, str]:
    """Which columns travelled, in words."""
    sent, received = job.terms.columns_of(job.side), job.terms.columns_of(job.side.other)
    lost = "" if kept else " (not kept without --output)"
    return {
        **({"columns sent": ", ".join(sent)} if sent else {}),
        **({"columns received": ", ".join(received) + lost} if received else {}),
    }


def _by_key(job: Job, outcome: Outcome) -> list[dict[str, object]] | None:
    if outcome.counts is None:
        return None
    return [{"rule": key.describe(), "matches": count} for key, count in zip(job.keys, outcome.counts, strict=True)]
