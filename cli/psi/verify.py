"""`psiselect psi verify`: check the signed record of a session, and show it."""

from __future__ import annotations

from pathlib import Path

import click

from cli._output import json_option, print_fields, print_json, print_table
from cli.psi import words
from psi.accounts.records import MAX_BYTES, TERM_NAMES
from psi.agreement.modes import Side
from psi.identity.identity import PeerIdentity
from psiselect.matching import verifying
from psiselect.matching.verifying import Verified

_PATH = click.Path(path_type=Path)


@click.command("verify")
@click.argument("record", metavar="RECORD", type=_PATH)
@click.option(
    "--peer",
    "peers",
    multiple=True,
    type=_PATH,
    metavar="CERT",
    help="Expect the party with this certificate in the record. May be repeated.",
)
@click.option(
    "--identity",
    type=_PATH,
    metavar="DIR/NAME",
    help="Expect this identity of yours in the record. Only its certificate is read.",
)
@json_option
def verify(record: Path, peers: tuple[Path, ...], identity: Path | None, as_json: bool) -> None:
    """Check the signed record of a session and show what both sides signed.

    The record, a file that --record has written, holds both sides' certificates. Name the parties with --peer and
    --identity: the command then checks that the record is theirs. Exit code 3: the file is not a complete record. Exit
    code 4: a signature is wrong, or the session was between other parties.

    \b
    Examples:
      psiselect psi verify session.json --peer globex.crt --identity keys/acme
    """
    known = [PeerIdentity.read(path) for path in peers]
    own = None if identity is None else PeerIdentity.read(_certificate(identity))
    found = verifying.verify(_read(record), str(record), known, own)
    if as_json:
        parties = {
            side.value: {"name": party.name, "fingerprint": party.fingerprint, "named": found.is_named(side)}
            for side, party in found.record.certificates.items()
        }
        print_json({"verified": True, "parties": parties, "record": found.record.content})
        return
    _show(found)


def _show(found: Verified) -> None:
    signed, content, unit = found.record, found.record.content, found.unit
    names = {Side.LISTEN: "listening", Side.CONNECT: "connecting"}
    parties = {
        names[side]: f"{party.name}, {party.fingerprint.hex()}, "
        + (words.AS_NAMED if found.is_named(side) else words.NOT_NAMED)
        for side, party in signed.certificates.items()
    }
    print_fields(
        {
            "signatures": words.BOTH_VERIFY,
            **parties,
            "listener's date": found.date,
            **{f"list, {names[side]}": f"{_listed(content['sizes'][side.value])} {unit}" for side in Side},
            "matches": words.NOT_KNOWN_TO_BOTH if content["counts"] is None else _listed(content["counts"]),
            "transcript": content["transcript"],
            **({"status": content["status"]} if "status" in content else {}),
        }
    )
    terms = content["terms"]
    rows = [(name, terms[name]) for name in TERM_NAMES if name in terms and name not in ("keys", "columns")]
    for side, names in (content["terms"]["columns"] or {}).items():
        rows.append((words.columns_of(side), ", ".join(names) or "none"))
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
        raise words.no_record(path, error.strerror) from None
