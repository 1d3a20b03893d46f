"""--record, --audit and `psi verify`, as their users run them."""

from __future__ import annotations

import functools
import json
import re
import stat
from pathlib import Path

import pytest
from support.parties import setup, terms
from support.program import Run
from support.psi_processes import session

from psi.accounts.records import SignedRecord
from psi.agreement.modes import Side
from psi.identity.identity import Identity
from psi.protocol import messages
from psi.protocol.outcome import Outcome
from psi.session.session import SessionResult
from psiselect.base import strict_json
from psiselect.matching.records import SessionRecords


@pytest.fixture
def verify(program: Run) -> Run:
    return functools.partial(program, "psi", "verify")


@pytest.fixture
def done(place: Path) -> Path:
    """A folder in which one session has left records and audit lines on both sides."""
    acme, globex = session(
        place,
        acme=("--record", place / "acme.json", "--audit", place / "acme.log"),
        globex=("--record", place / "globex.json", "--audit", place / "globex.log"),
    )
    assert (acme.code, globex.code) == (0, 0), (acme, globex)
    return place


def test_both_sides_keep_the_same_record_and_verify_it(done: Path, verify: Run) -> None:
    assert (done / "acme.json").read_bytes() == (done / "globex.json").read_bytes()
    assert stat.S_IMODE((done / "acme.json").stat().st_mode) == 0o600
    text = (done / "acme.json").read_text() + (done / "acme.log").read_text() + (done / "globex.log").read_text()
    facts = re.sub(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", "", text)  # base64 may spell a name
    assert not [word for word in ("example.com", "ann", "Mail", "acme.csv") if word in facts]

    shown = verify(done / "acme.json", "--peer", done / "globex.crt", "--identity", done / "acme")
    assert shown.code == 0, shown.out
    assert "both are valid" in shown.out
    assert shown.out.count("as named") == 2
    assert "email" in shown.out
    alone = verify(done / "acme.json")
    assert alone.code == 0
    assert alone.out.count("NOT named") == 2

    parsed = json.loads(verify(done / "acme.json", "--peer", done / "acme.crt", "--json").out)
    assert parsed["record"]["sizes"] == {"connect": [3], "listen": [3]}
    assert {side: party["named"] for side, party in parsed["parties"].items()} == {"listen": True, "connect": False}
    for name in ("acme", "globex"):
        (line,) = [json.loads(line) for line in (done / f"{name}.log").read_text().splitlines()]
        assert line["outcome"] == "done"
        assert line["record"] == parsed["record"]
        assert line["peer"] == Identity.load(done / {"acme": "globex", "globex": "acme"}[name]).fingerprint.hex()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--peer", "mallory.crt"), 4, "you did not give the certificate of"),
        (("--identity", "mallory"), 4, "'mallory' did not sign this record"),
        (("--peer", "globex.crt", "--peer", "mallory.crt"), 4, "acme"),
        (("--peer", "mallory.crt", "--identity", "acme"), 4, "globex"),
        (("--peer", "acme.crt", "--identity", "acme.crt"), 4, "globex"),
        (("--peer", "globex.crt", "--peer", "mallory.crt", "--identity", "acme"), 0, ""),
        (("--peer", "globex.crt"), 0, ""),
        (("--identity", "acme"), 0, ""),
        (("--peer", "acme.key"), 3, "certificate"),
    ],
)
def test_the_parties_named_must_be_the_parties(
    tmp_path: Path, verify: Run, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int, words: str
) -> None:
    signed = a_record(tmp_path)
    (tmp_path / "record.json").write_bytes(signed.encode())
    monkeypatch.chdir(tmp_path)
    shown = verify("record.json", *arguments, "--json")
    assert shown.code == code, shown.out
    if code:
        assert words in shown.error


def a_record(folder: Path) -> SignedRecord:
    """A record that acme (listening) and globex signed, without a session."""
    names = {Side.LISTEN: "acme", Side.CONNECT: "globex"}
    who = {side: Identity.create(name, folder) for side, name in names.items()}
    Identity.create("mallory", folder)
    content = {
        "record": "psiselect-1",
        "terms": terms().to_json(),
        "time": 1_800_000_000,
        "sizes": {"listen": [1], "connect": [2]},
        "fingerprints": {side.value: party.fingerprint.hex() for side, party in who.items()},
        "transcript": "ab" * 64,
        "counts": None,
    }
    signatures = {
        side: party.sign(messages.signed_bytes("record", side, strict_json.encode(content)))
        for side, party in who.items()
    }
    return SignedRecord(content, signatures, {side: party.public for side, party in who.items()})


def test_bad_records_have_their_exit_codes(tmp_path: Path, verify: Run) -> None:
    good = a_record(tmp_path).encode()
    path = tmp_path / "record.json"
    for content, code in (
        (good.replace(b'"time":1800000000', b'"time":1800000001'), 4),
        (good[:-200], 3),
        (b"", 3),
        (b"\0" * 100_000, 3),
    ):
        path.write_bytes(content)
        shown = verify(path)
        assert shown.code == code, shown.out
    assert verify(tmp_path / "missing.json").code == 3


def test_a_failed_session_leaves_a_line_and_no_record(place: Path) -> None:
    acme, globex = session(
        place,
        acme=("--max-peer-size", "2", "--audit", place / "acme.log", "--record", place / "acme.json"),
        globex=("--audit", place / "globex.log", "--record", place / "globex.json"),
    )
    assert (acme.code, globex.code) == (6, 4)
    for name, kind, code in (("acme", "policy", 6), ("globex", "peer", 4)):
        (line,) = [json.loads(line) for line in (place / f"{name}.log").read_text().splitlines()]
        assert (line["outcome"], line["error"]["kind"], line["error"]["code"]) == ("failed", kind, code)
        assert (line["record"], line["own_size"]) == (None, 3)
        assert not (place / f"{name}.json").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--audit", "acme.csv"), 2, "Give each file its own name"),
        (("--audit", "a.log", "--record", "a.log"), 2, "Give each file its own name"),
        (("--audit", "mallory.crt"), 3, "not a file that psiselect wrote for --audit"),
        (("--record", "missing/record.json"), 3, "folder that exists"),
    ],
)
def test_papers_that_cannot_be_kept_are_refused_before_the_wait(
    place: Path,
    program: Run,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    words: str,
) -> None:
    monkeypatch.chdir(place)
    (place / "mallory.crt").write_bytes((place / "mallory.crt").read_bytes().rstrip())
    listen = ("psi", "listen", "--address", "127.0.0.1:0", "--identity", "acme", "--peer", "globex.crt")
    shown = program(*listen, "--input", "acme.csv", "--key", "Mail:email", "--timeout", "0.1", "--json", *arguments)
    assert shown.code == code, shown.out
    assert words in shown.error


@pytest.mark.parametrize(("again", "lines"), [(True, 1), (False, 2)])
def test_a_session_that_is_reported_again_has_one_line(place: Path, again: bool, lines: int) -> None:
    """An earlier process may have been killed after its line, before the result was where it belongs."""
    own, peer = Identity.load(place / "acme"), Identity.load(place / "globex").public
    brought = setup(Side.LISTEN, [b"a"], signer=own, verifier=peer)
    record = {"transcript": (b"\1" * 64).hex()}
    result = SessionResult(Outcome(), 1, 1, b"\1" * 64, record, dict.fromkeys(Side, bytes(64)))
    for _ in range(2):
        kept = SessionRecords(place / "acme.log", place / "record-{session}.json" if again else None, again=again)
        assert kept.keep(brought, own, peer, lambda: result) is result
    assert (place / "acme.log").read_text().count("\n") == lines
