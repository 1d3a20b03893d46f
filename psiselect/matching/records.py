"""What a session leaves for those who have to account for it: the audit line and the signed record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from psi.accounts import audit
from psi.accounts.records import SignedRecord
from psi.accounts.session_file import new_file_of_session
from psi.agreement.modes import Side
from psi.identity.identity import Identity, PeerIdentity
from psi.identity.signing import Verifier
from psi.protocol.setup import Setup
from psi.session.session import SessionResult
from psiselect.base import atomic
from psiselect.base.errors import OutputError, PsiselectError, classify
from psiselect.matching import files, words
from psiselect.matching.spare import NOWHERE, Spare
from psiselect.talk import tell_log


@dataclass(frozen=True)
class SessionRecords:
    """Where this side keeps account of a session. again: an earlier process may have done so for the same session.
    tell: takes what is to be said when a session that failed cannot be put on file."""

    audit: Path | None = None
    record: Path | None = None
    again: bool = False
    tell: Callable[[str], None] = tell_log
    spare: Spare = NOWHERE

    def check(self, read: Mapping[str, Path | None], written: Mapping[str, Path | None]) -> None:
        """See that both can be written, before the peer is bothered. read, written: the other files of the same
        command, by option. Raises InputError, UsageError."""
        own = {"--audit": self.audit, "--record": self.record}
        files.require_apart(read, {**written, **own})
        for option, path in own.items():
            if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
                raise words.no_such_folder(option, path, is_folder=path.is_dir())
        if self.record is not None:
            atomic.check(self.record, secret=True)
        self.prepare()

    def prepare(self) -> None:
        """Take room for the audit line of a session that is about to begin. Raises InputError when there is none."""
        if self.audit is not None:
            audit.check(self.audit)

    def keep(
        self,
        setup: Setup,
        identity: Identity,
        peer: PeerIdentity,
        run: Callable[[], SessionResult],
        ending: str = "done",
        trouble: Callable[[OutputError], None] | None = None,
    ) -> SessionResult:
        """Run a session and put it on file, however it ends; a result is handed on only when it is on file.

        ending: what the audit file calls it: a part of an offline exchange lacks signatures. trouble: takes what is to
        be said of a record that is in another place than it should be; without it that is raised. Raises OutputError
        when something could not be put on file anywhere.
        """
        try:
            result = run()
        except BaseException as error:
            self._append_failure(_declared(setup), error)
            raise
        if self.audit is not None and not (self.again and audit.holds(self.audit, result.transcript)):
            made = {side.value: signature.hex() for side, signature in result.signatures.items()}
            ended = {"outcome": ending, "record": result.record or None, "signatures": made or None}
            audit.append(self.audit, _entry(_declared(setup), **ended))
        if self.record is not None:
            certificates = {setup.side: identity.public, setup.side.other: peer}
            signed = SignedRecord(result.record, result.signatures, certificates)
            place = new_file_of_session(self.record, result.transcript, again=self.again)
            try:
                atomic.write_bytes(place, signed.encode(), secret=True)
            except OutputError as error:
                told = self._keep_elsewhere(error, signed, result.transcript)
                if trouble is None:
                    raise told from None
                trouble(told)
        return result

    def _keep_elsewhere(self, error: OutputError, signed: SignedRecord, transcript: bytes) -> OutputError:
        """What is to be said of a record that is kept elsewhere. Raises OutputError when it is not."""

        def write(place: Path) -> None:
            atomic.write_bytes(place, signed.encode(), secret=True)

        told, kept = self.spare.keep(error, words.THE_RECORD, transcript, ".record.json", write)
        if kept is None:
            raise words.not_shown(told)
        return told

    def keep_failure(self, side: Side, peer: PeerIdentity, error: BaseException) -> None:
        """Put on file a session that ended before this side had anything to declare."""
        self._append_failure({"own_size": None, "terms": None, **_who(side, peer)}, error)

    def _append_failure(self, declared: dict[str, Any], error: BaseException) -> None:
        if self.audit is None:
            return
        code, kind = classify(error)
        found = {"code": code, "kind": kind, "term": getattr(error, "term", None)}
        try:
            audit.append(self.audit, _entry(declared, outcome="failed", error=found))
        except PsiselectError as second:  # the error that ended the session matters more
            self.tell(str(second))


def _who(side: Side, peer: Verifier) -> dict[str, Any]:
    return {"peer": peer.fingerprint.hex(), "side": side.value}


def _declared(setup: Setup) -> dict[str, Any]:
    return {"own_size": setup.size, "terms": setup.terms.to_json(), **_who(setup.side, setup.verifier)}


def _entry(declared: dict[str, Any], **ending: Any) -> dict[str, Any]:
    always = {**declared, "time": datetime.now(UTC).isoformat(timespec="seconds")}
    return {**always, "error": None, "record": None, "signatures": None, **ending}
