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
    """Create and show identities. An identity is two files by which other companies (your peers) recognise you."""


@command.command(short_help="Create the two files: NAME.key (secret) and NAME.crt (for your peers).")
@click.argument("name")
@click.option(
    "--out",
    "folder",
    required=True,
    type=click.Path(path_type=Path),
    help="Write NAME.key and NAME.crt into this folder.",
)
@click.option(
    "--days",
    default=DEFAULT_DAYS,
    show_default=True,
    metavar="N",
    help="Set for how many days the certificate is valid.",
)
@json_option
def create(name: str, folder: Path, days: int, as_json: bool) -> None:
    """Create an identity: NAME.key, which is secret, and the certificate NAME.crt, which you send to your peers.

    Compare the fingerprint, a short code for the certificate, with each peer by telephone. Otherwise somebody could
    replace the file in transit and pretend to be you.

    \b
    Examples:
      psiselect identity create acme --out keys
    """
    identity = Identity.create(name, folder, days=days)
    _show(identity.public, identity.certificate_path, identity.key_path, as_json)
    if not as_json:
        say(words.keep_the_key(identity.certificate_path, identity.key_path))


@command.command(short_help="Show a certificate (FILE.crt), or your own identity (DIR/NAME).")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def show(file: Path, as_json: bool) -> None:
    """Show a certificate (FILE.crt), or your own identity (DIR/NAME). For an identity, also check that its two files
    belong together.

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
