from __future__ import annotations

import hashlib
import json
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

from click.testing import CliRunner, Result

from cli.identity import _status, command
from cli.main import root
from psi.identity.identity import PeerIdentity
from psiselect.base.errors import InputError


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(a) for a in arguments], catch_exceptions=True)


def test_create_writes_both_files_and_prints_the_fingerprint(tmp_path: Path) -> None:
    result = run("create", "acme", "--out", tmp_path / "keys")
    assert result.exit_code == 0
    certificate, key = tmp_path / "keys/acme.crt", tmp_path / "keys/acme.key"
    der = ssl.PEM_cert_to_DER_cert(certificate.read_text())
    assert hashlib.sha256(der).hexdigest() in result.stdout
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert "Keep" in result.stderr
    assert str(key) in result.stderr


def test_json_is_one_object_and_show_agrees_with_create(tmp_path: Path) -> None:
    created = run("create", "acme", "--out", tmp_path, "--days", 10, "--json")
    assert created.stderr == ""
    record = json.loads(created.stdout)
    der = ssl.PEM_cert_to_DER_cert((tmp_path / "acme.crt").read_text())
    assert record["fingerprint"] == hashlib.sha256(der).hexdigest()
    assert (record["name"], record["status"]) == ("acme", "valid")
    assert json.loads(run("show", tmp_path / "acme", "--json").stdout) == record
    shown = json.loads(run("show", tmp_path / "acme.crt", "--json").stdout)
    assert shown == {**record, "key": None}


def test_text_of_show_names_what_a_reader_compares(tmp_path: Path) -> None:
    run("create", "acme", "--out", tmp_path)
    fingerprint = json.loads(run("show", tmp_path / "acme.crt", "--json").stdout)["fingerprint"]
    text = run("show", tmp_path / "acme.crt").stdout
    assert fingerprint in text
    assert "acme" in text
    assert "valid until" in text


def test_an_existing_identity_is_not_overwritten(tmp_path: Path) -> None:
    run("create", "acme", "--out", tmp_path)
    before = (tmp_path / "acme.key").read_bytes(), (tmp_path / "acme.crt").read_bytes()
    again = run("create", "acme", "--out", tmp_path)
    assert again.exit_code != 0
    assert "never overwrites an identity" in str(again.exception)
    assert before == ((tmp_path / "acme.key").read_bytes(), (tmp_path / "acme.crt").read_bytes())


def test_the_status_says_when_a_certificate_is_valid(tmp_path: Path) -> None:
    """From the first second to the last, both included."""
    run("create", "acme", "--out", tmp_path, "--days", 10)
    public, second = PeerIdentity.read(tmp_path / "acme.crt"), timedelta(seconds=1)
    assert [_status(public, at) for at in (public.not_before - second, public.not_before)] == ["not yet valid", "valid"]
    assert [_status(public, at) for at in (public.not_after, public.not_after + second)] == ["valid", "expired"]
    assert abs(public.not_after - datetime.now(UTC) - timedelta(days=10)) < timedelta(days=1)


def test_show_checks_the_key_of_an_own_identity_and_reads_a_peers_that_has_none(tmp_path: Path) -> None:
    run("create", "acme", "--out", tmp_path)
    (tmp_path / "acme.key").unlink()
    assert run("show", tmp_path / "acme.crt").exit_code == 0
    assert isinstance(run("show", tmp_path / "acme").exception, InputError)


def test_help_has_an_example() -> None:
    for name in ("create", "show"):
        result = CliRunner().invoke(root, ["identity", name, "--help"])
        assert result.exit_code == 0
        assert f"psiselect identity {name} " in result.output.split("Examples:")[1]
