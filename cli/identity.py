"""`psiselect identity`: create an identity, show one's own or a peer's."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from cli import words
from cli._output import json_option, print_fields, print_json, say
from psi.identity.identity import DEFAULT_DAYS, Identity, PeerIdentity
from psiselect.identities import load_identity


@click.group()
def command() -> None:
    """Create and show identities: a key of one's own, a certificate for the peers."""


@command.command()
@click.argument("name")
@click.option("--out", "folder", required=True, type=click.Path(path_type=Path), help="Folder for NAME.key, NAME.crt.")
@click.option("--days", default=DEFAULT_DAYS, show_default=True, help="How long the certificate is valid.")
@json_option
def create(name: str, folder: Path, days: int, as_json: bool) -> None:
    """Create an identity: DIR/NAME.key (for nobody else) and DIR/NAME.crt (for the peers).

    Give the .crt file to your peers and read the fingerprint to each other over the telephone: whoever could exchange
    the file on its way could also pose as you.

    \b
    Examples:
      psiselect identity create acme --out keys
    """
    identity = Identity.create(name, folder, days=days)
    _show(identity.public, identity.certificate_path, identity.key_path, as_json)
    if not as_json:
        say(words.keep_the_key(identity.certificate_path, identity.key_path))


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def show(file: Path, as_json: bool) -> None:
    """Show the certificate FILE of a peer, or an identity of one's own (DIR/NAME) with its key checked.

    \b
    Examples:
      psiselect identity show keys/acme.crt
      psiselect identity show keys/acme
    """
    if file.suffix == ".crt":
        _show(PeerIdentity.read(file), file, None, as_json)
    else:
        identity = load_identity(file, say)
        _show(identity.public, identity.certificate_path, identity.key_path, as_json)


def _show(public: PeerIdentity, certificate: Path, key: Path | None, as_json: bool) -> None:
    record = {
        "name": public.name,
        "fingerprint": public.fingerprint,
        "valid_from": public.not_before.isoformat(),
        "valid_until": public.not_after.isoformat(),
        "status": _status(public, datetime.now(UTC)),
        "encryption_key": public.encryption_key.public_bytes_raw(),
        "certificate": certificate,
        "key": key,
    }
    if as_json:
        print_json(record)
    else:
        print_fields({name.replace("_", " "): value for name, value in record.items() if value is not None})


def _status(public: PeerIdentity, now: datetime) -> str:
    if now > public.not_after:
        return "expired"
    return "not yet valid" if now < public.not_before else "valid"
