"""What a session has found: checked, written where it belongs, and said."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cli._output import human_bytes, human_seconds, print_fields, print_json
from cli._table import Table
from cli.psi import values
from psi.accounts.session_file import new_file_of_session
from psi.agreement.modes import Matching, Side
from psi.agreement.terms import Terms
from psi.identity.identity import PeerIdentity
from psi.protocol.outcome import Outcome
from psi.session.job import Job
from psi.session.session import SessionResult
from psi.tables import Source
from psi.tables.writing import check_target
from psiselect.base.errors import PolicyError, UsageError


@dataclass(frozen=True)
class Results:
    """Where results go. file: for the matched rows. again: an earlier process may have written it for this session."""

    file: Path | None
    as_json: bool
    again: bool = False

    def check(self, table: Table, source: Source) -> None:
        """Refuse, before the session, an output that could not be written. Raises InputError, UsageError."""
        if self.file is None:
            return
        check_target(self.file, source.schema)
        read = table.file
        if read is not None and read.exists() and self.file.exists() and self.file.samefile(read):
            raise UsageError(f"--output {self.file} is the input file itself; choose another name")

    def give(self, job: Job, result: SessionResult, backend: str, peer: PeerIdentity | None) -> None:
        """Write the output file, then say what happened. Raises PolicyError when the result is withheld, RemoteError
        when the peer has spoiled it."""
        outcome, terms = result.outcome, job.terms
        require_shown(terms, outcome)
        values.check_total(terms.amounts, outcome)
        rows = job.count_rows(outcome)
        output = None if self.file is None else new_file_of_session(self.file, result.transcript, again=self.again)
        joined = _write(job, outcome, output)
        if self.as_json:
            print_json(
                {
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
                    "output": output,
                    "seconds": round(result.seconds, 3),
                    "bytes_sent": result.bytes_sent,
                    "bytes_received": result.bytes_received,
                    "peer_fingerprint": peer.fingerprint if peer else None,
                    "transcript": result.transcript,
                    "backend": backend,
                    "disk_bytes": job.disk_bytes,
                    "input": input_of(job),
                }
            )
            return
        padded = terms.pad_to is not None
        print_fields(
            {
                "own list": own_list(job),
                "peer's list": f"at most {result.peer_size:,} {unit_of(terms)}: both lists are padded to that"
                if padded
                else f"{result.peer_size:,} {unit_of(terms)}",
                **_found(job, outcome),
                **({} if rows is None else {"matched rows": f"{rows:,}"}),
                **_columns(job, kept=self.file is not None),
                **({} if joined is None else {"joined rows": f"{joined:,}"}),
                **({} if output is None else {"written to": output}),
                "time": human_seconds(result.seconds),
                "sent, received": f"{human_bytes(result.bytes_sent)}, {human_bytes(result.bytes_received)}",
                "transcript": transcript_text(result),
            }
        )


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


def _write(job: Job, outcome: Outcome, output: Path | None) -> int | None:
    """Write the output file, if one was asked for; returns how many lines a joined table has. Raises RemoteError when
    columns that the peer gave do not open or cannot be read."""
    received = job.received(outcome)
    if output is None:
        return None
    if received is not None:
        return job.write_joined(outcome, received, output)
    job.write_matches(outcome, output)
    return None


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
