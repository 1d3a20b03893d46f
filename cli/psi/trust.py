"""What a session leaves for those who have to account for it: the audit line, the signed record, and its check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from cli._errors import classify
from cli._output import json_option, print_fields, print_json, print_table, say
from psi.accounts import audit
from psi.accounts.records import MAX_BYTES, TERM_NAMES, SignedRecord
from psi.agreement.outcomes import Side
from psi.identity.identity import Identity, PeerIdentity
from psi.identity.signing import Verifier
from psi.protocol.party import Setup
from psi.serve.serving import new_file_of_session
from psi.session.session import SessionResult
from psiselect.base import atomic
from psiselect.base.errors import InputError, PsiselectError, RemoteError, UsageError

_PATH = click.Path(path_type=Path)

OPTIONS = (
    click.option("--audit", type=_PATH, metavar="FILE", help="Append one line about this session to my audit file."),
    click.option(
        "--record", type=_PATH, metavar="FILE", help="Write the session's record here, signed by both sides (JSON)."
    ),
)


@dataclass(frozen=True)
class Papers:
    """Where this side keeps account of a session. again: an earlier process may have done so for the same session."""

    audit: Path | None = None
    record: Path | None = None
    again: bool = False

    def check(self, *others: Path | None) -> None:
        """See that both can be written, before the peer is bothered; `others` are files of the same command. Raises
        InputError, UsageError."""
        taken = {path.absolute() for path in others if path is not None}
        for option, path in (("--audit", self.audit), ("--record", self.record)):
            if path is None:
                continue
            if path.absolute() in taken:
                raise UsageError(f"{option} {path} is named twice in this command; give each file a name of its own")
            taken.add(path.absolute())
            if path.is_dir() or not path.absolute().parent.is_dir():
                raise InputError(f"cannot write {option} {path}: name a file in a folder that exists")
        if self.audit is not None:
            audit.check(self.audit)

    def keep(
        self,
        setup: Setup,
        identity: Identity,
        peer: PeerIdentity,
        run: Callable[[], SessionResult],
        ending: str = "done",
    ) -> SessionResult:
        """Run a session and put it on file, however it ends; a result is handed on only when it is on file. `ending` is
        what the audit file calls it: a part of an offline exchange lacks signatures."""
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
            atomic.write_bytes(
                new_file_of_session(self.record, result.transcript, again=self.again), signed.encode(), secret=True
            )
        return result

    def keep_failure(
        self, side: Side, peer: PeerIdentity, error: BaseException, tell: Callable[[str], None] = say
    ) -> None:
        """Put on file a session that ended before this side had anything to declare."""
        self._append_failure({"own_size": None, "terms": None, **_who(side, peer)}, error, tell)

    def _append_failure(
        self, declared: dict[str, Any], error: BaseException, tell: Callable[[str], None] = say
    ) -> None:
        if self.audit is None:
            return
        code, kind = classify(error)
        found = {"code": code, "kind": kind, "term": getattr(error, "term", None)}
        try:
            audit.append(self.audit, _entry(declared, outcome="failed", error=found))
        except PsiselectError as second:  # the error that ended the session matters more
            tell(str(second))


def _who(side: Side, peer: Verifier) -> dict[str, Any]:
    return {"peer": peer.fingerprint.hex(), "side": side.value}


def _declared(setup: Setup) -> dict[str, Any]:
    return {"own_size": setup.size, "terms": setup.terms.to_json(), **_who(setup.side, setup.verifier)}


def _entry(declared: dict[str, Any], **ending: Any) -> dict[str, Any]:
    always = {**declared, "time": datetime.now(UTC).isoformat(timespec="seconds")}
    return {**always, "error": None, "record": None, "signatures": None, **ending}


@click.command("verify")
@click.argument("record", metavar="RECORD", type=_PATH)
@click.option(
    "--peer", "peers", multiple=True, type=_PATH, metavar="CERT", help="A party that I know; may be repeated."
)
@click.option("--identity", type=_PATH, metavar="DIR/NAME", help="My identity; only its certificate is read.")
@json_option
def verify(record: Path, peers: tuple[Path, ...], identity: Path | None, as_json: bool) -> None:
    """Check the signed record of a session and show what both sides signed.

    The record carries both certificates. That they belong to the parties that you mean is known only if you name
    them: with --peer and --identity the record must be theirs. Exit code 3: not a whole record; 4: a signature does
    not verify or the record is somebody else's.

    \b
    Examples:
      psiselect psi verify session.json --peer globex.crt --identity keys/acme
    """
    signed = SignedRecord.decode(_read(record), str(record))
    signed.verify()
    known = [PeerIdentity.read(path) for path in peers]
    own = None if identity is None else PeerIdentity.read(_certificate(identity))
    _require_parties(signed, known, own)
    named = {party.fingerprint for party in (*known, *([own] if own else []))}
    if as_json:
        parties = {
            side.value: {"name": party.name, "fingerprint": party.fingerprint, "named": party.fingerprint in named}
            for side, party in signed.certificates.items()
        }
        print_json({"verified": True, "parties": parties, "record": signed.content})
        return
    _show(signed, named)


def _require_parties(signed: SignedRecord, known: list[PeerIdentity], own: PeerIdentity | None) -> None:
    """Raises RemoteError unless the record is between the parties that were named."""
    if own is not None and signed.side_of(own.fingerprint) is None:
        raise RemoteError(f"the record is not one of {own.name}'s: both signatures are by others")
    named = {party.fingerprint for party in known} | ({own.fingerprint} if own else set())
    strangers = [party for party in signed.certificates.values() if party.fingerprint not in named]
    others_named = len(named) > 1 or (own is not None and bool(known))
    if known and len(strangers) > (0 if others_named else 1):
        raise RemoteError(
            f"the record is by {strangers[0].name} ({strangers[0].fingerprint.hex()[:16]}...), which no --peer names"
        )


def _show(signed: SignedRecord, named: set[bytes]) -> None:
    content = signed.content
    words = {Side.LISTEN: "listening", Side.CONNECT: "connecting"}
    unit = "distinct keys" if content["terms"].get("pad_to") is None else "items, padding included"
    parties = {
        words[side]: f"{party.name}, {party.fingerprint.hex()}, "
        + ("as named" if party.fingerprint in named else "NOT named by --peer: compare the fingerprint")
        for side, party in signed.certificates.items()
    }
    print_fields(
        {
            "signatures": "both verify",
            **parties,
            "listener's date": datetime.fromtimestamp(content["time"], UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
            **{f"list, {words[side]}": f"{_listed(content['sizes'][side.value])} {unit}" for side in Side},
            "matches": "not known to both" if content["counts"] is None else _listed(content["counts"]),
            "transcript": content["transcript"],
        }
    )
    rows = [(name, content["terms"][name]) for name in TERM_NAMES if name not in ("keys", "columns")]
    for side, names in (content["terms"]["columns"] or {}).items():
        rows.append((f"columns that {side} gives", ", ".join(names) or "none"))
    for number, key in enumerate(content["terms"]["keys"], start=1):
        rows += [(f"key {number}", key["rule"]), (f"key {number}, digest", key["digest"])]
    print_table(("term", "value"), [(name, None if value is None else str(value)) for name, value in rows])


def _listed(numbers: list[int]) -> str:
    return " + ".join(f"{number:,}" for number in numbers)


def _certificate(prefix: Path) -> Path:
    return prefix if prefix.suffix == ".crt" else Path(f"{prefix}.crt")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)  # one more than any record has: the decoder refuses it
    except OSError as error:
        raise InputError(f"cannot read the record {path}: {error.strerror}") from None
