"""What a session has found, in words or as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cli._errors import ToldError
from cli._output import hold_stdout, print_fields, print_json
from cli.psi import words
from psi.accounts import results_file
from psi.agreement.modes import Matching
from psi.agreement.terms import Terms
from psi.identity.identity import PeerIdentity
from psi.protocol.outcome import Outcome
from psi.session.read_list import ReadList
from psi.session.session import SessionResult
from psiselect.base import atomic
from psiselect.base.errors import OutputError, PolicyError, RemoteError, as_record
from psiselect.base.words import human_bytes, human_seconds
from psiselect.matching import values
from psiselect.matching.results import Found, together
from psiselect.matching.spare import Spare
from psiselect.records import plain_json


@dataclass(frozen=True)
class Printed:
    """Prints what was found; a `psiselect.matching.results.Speaker`.

    Attributes:
        as_json: one JSON object in place of words.
        log: for results, in place of stdout.
        sessions: how many may write to it at once.
    """

    as_json: bool
    log: Path | None = None
    sessions: int = 1
    takes_rows = False

    def prepare(self) -> None:
        """See `Speaker.prepare`."""
        if self.log is None:
            hold_stdout()
        else:
            results_file.hold(self.log, self.sessions)

    def say(self, found: Found, spare: Spare) -> None:
        """See `Speaker.say`."""
        job, result, terms = found.job, found.result, found.terms
        padded = terms.pad_to is not None
        shown: dict[str, object] = {
            "own list": own_list(job),
            "peer's list": words.padded_list(result.peer_size, unit_of(terms))
            if padded
            else f"{result.peer_size:,} {unit_of(terms)}",
            **_found(job, found.outcome),
            **({} if found.matched_rows is None else {"matched rows": f"{found.matched_rows:,}"}),
            **_columns(job, kept=found.to_file),
            **({} if found.joined_rows is None else {"joined rows": f"{found.joined_rows:,}"}),
            **({} if found.written is None else {"written to": f"{found.written}{words.REPLACED * found.replaced}"}),
            "time": human_seconds(result.seconds),
            "sent, received": f"{human_bytes(result.bytes_sent)}, {human_bytes(result.bytes_received)}",
            "transcript": transcript_text(result),
        }
        self._say(found.to_json(), shown, result, found.troubles, spare)

    def refuse(
        self,
        error: PolicyError | RemoteError,
        result: SessionResult,
        peer: PeerIdentity,
        troubles: Sequence[OutputError],
        spare: Spare,
    ) -> None:
        """See `Speaker.refuse`."""
        record = {"error": as_record(error), "peer_fingerprint": peer.fingerprint, "transcript": result.transcript}
        shown = {"matches": str(error), "transcript": result.transcript[:16].hex() + "..."}
        self._say(record, shown, result, troubles, spare)

    def _say(
        self,
        record: Mapping[str, object],
        shown: Mapping[str, object],
        result: SessionResult,
        troubles: Sequence[OutputError],
        spare: Spare,
    ) -> None:
        try:
            if self.log is not None:
                time = datetime.now(UTC).isoformat(timespec="seconds")
                results_file.append(self.log, {"time": time, **plain_json(record)})
            elif self.as_json:
                print_json(record)
            else:
                print_fields(shown)
        except OutputError as error:
            content = json.dumps(plain_json(record)).encode() + b"\n"
            told, _ = spare.keep(
                *(error, "the result is", result.transcript, ".json"),
                lambda place: atomic.write_bytes(place, content, secret=True),
            )
            raise together([told, *troubles]) from None
        if troubles:
            raise ToldError(str(together(troubles)))


def unit_of(terms: Terms) -> str:
    """What sizes count."""
    return "distinct keys" if terms.matching is Matching.ONE_TO_MANY else "distinct rows"


def own_list(job: ReadList) -> str:
    """The own list's size in words."""
    return words.own_list(job.size, unit_of(job.terms), job.reports[0].rows)


def transcript_text(result: SessionResult) -> str:
    """The transcript, as much of it as people compare."""
    return words.same_on_both_sides(result.transcript[:16].hex())


def _found(job: ReadList, outcome: Outcome) -> dict[str, str]:
    """The result in words."""
    if not outcome.learnt:
        return {"matches": words.NOT_LEARNT}
    if outcome.noisy_count is None:
        found = {"matches": f"{outcome.matches:,}"}
        if outcome.counts is not None and len(outcome.counts) > 1:
            counted = zip(job.keys, outcome.counts, strict=True)
            found["by key"] = ", ".join(f"{'+'.join(key.columns)} {count:,}" for key, count in counted)
        if outcome.total is not None and job.terms.amounts is not None:
            found["sum"] = values.text(job.terms.amounts, outcome.total)
        return found
    noise = job.terms.noise
    reach = "" if noise is None else words.noise_reach(noise.bound)
    return {"noisy count": f"{outcome.noisy_count:,}{reach}"}


def _columns(job: ReadList, *, kept: bool) -> dict[str, str]:
    """Which columns travelled, in words."""
    sent, received = job.terms.columns_of(job.side), job.terms.columns_of(job.side.other)
    lost = "" if kept else words.NOT_KEPT
    return {
        **({"columns sent": ", ".join(sent)} if sent else {}),
        **({"columns received": ", ".join(received) + lost} if received else {}),
    }
