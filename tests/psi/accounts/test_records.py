"""A session's record as a file: one encoding, every change refused, only typed errors."""

from __future__ import annotations

import dataclasses
import itertools
import json
import random
from collections.abc import Iterable

import pytest
from support.parties import pump, setup, terms

from psi.accounts.records import MAX_BYTES, SignedRecord
from psi.agreement.column_terms import ColumnTerms
from psi.agreement.modes import Learner, Side
from psi.agreement.terms import PROTOCOL_VERSION
from psi.identity.identity import Identity
from psi.protocol.party import Party
from psiselect.base import strict_json
from psiselect.base.errors import InputError, RemoteError


@pytest.fixture(scope="module")
def identities(tmp_path_factory: pytest.TempPathFactory) -> dict[Side, Identity]:
    folder = tmp_path_factory.mktemp("identities")
    return {side: Identity.create(side.value, folder) for side in Side}


def record_of_a_session(identities: dict[Side, Identity], learn: Learner = Learner.CONNECT) -> SignedRecord:
    parties = {
        side: Party(
            setup(
                side,
                [b"a", b"b", side.value.encode()],
                terms(learn=learn),
                signer=identities[side],
                verifier=identities[side.other].public,
            )
        )
        for side in Side
    }
    pump(parties)
    here, there = parties.values()
    assert here.signatures == there.signatures
    return SignedRecord(here.record, here.signatures, {side: identities[side].public for side in Side})


@pytest.fixture(scope="module")
def signed(identities: dict[Side, Identity]) -> SignedRecord:
    return record_of_a_session(identities)


@pytest.mark.parametrize("learn", Learner)
def test_a_record_survives_its_file_and_verifies(identities: dict[Side, Identity], learn: Learner) -> None:
    signed = record_of_a_session(identities, learn)
    read = SignedRecord.decode(signed.encode())
    read.verify()
    assert read == signed
    assert read.content["counts"] == ([2] if learn is Learner.BOTH else None)
    assert {side: read.side_of(identities[side].fingerprint) for side in Side} == {side: side for side in Side}
    assert read.side_of(bytes(32)) is None


def of_version(signed: SignedRecord, version: object) -> bytes:
    """The file of a made-up record: its signatures do not verify."""
    content = signed.content | {"terms": signed.content["terms"] | {"version": version}}
    return dataclasses.replace(signed, content=content).encode()


def test_a_record_outlives_the_version_that_made_it(signed: SignedRecord) -> None:
    for version in range(1, PROTOCOL_VERSION + 1):
        assert SignedRecord.decode(of_version(signed, version)).content["terms"]["version"] == version


@pytest.mark.parametrize("version", [0, PROTOCOL_VERSION + 1, True, "1", None])
def test_a_record_of_no_known_version_is_refused(signed: SignedRecord, version: object) -> None:
    with pytest.raises(InputError, match="version"):
        SignedRecord.decode(of_version(signed, version))


def test_a_record_whose_certificate_cannot_be_read_names_the_side(signed: SignedRecord) -> None:
    body = json.loads(signed.encode())
    for damaged in ("no certificate", "\u00e9", ""):
        body["certificates"]["listen"] = damaged
        with pytest.raises(InputError, match="certificate of the listening side cannot be read"):
            SignedRecord.decode(strict_json.encode(body) + b"\n")


COLUMNS = terms(columns=ColumnTerms((), ("a", "b")), label_bytes=64).to_json()


def test_columns_are_in_the_record(signed: SignedRecord) -> None:
    """Of a made-up record: signatures are not looked at here."""
    changed = dataclasses.replace(signed, content=signed.content | {"terms": COLUMNS})
    read = SignedRecord.decode(changed.encode())
    assert read.content["terms"]["columns"] == {"connect": [], "listen": ["a", "b"]}


@pytest.mark.parametrize(
    "columns",
    [
        {}, {"connect": [], "listen": []}, {"connect": ["a"]}, {"connect": [], "listen": ["b", "a"]},
        {"connect": [], "listen": ["a", "a"]}, {"connect": [], "listen": [1]}, {"connect": [], "listen": "a"},
        {"connect": [], "listen": ["a"], "other": []}, {"connect": [], "listen": ["\x1b[2J"]}, ["a"], "a",
    ],
)  # fmt: skip
def test_malformed_columns_are_refused(signed: SignedRecord, columns: object) -> None:
    changed = dataclasses.replace(signed, content=signed.content | {"terms": COLUMNS | {"columns": columns}})
    assert refused(changed.encode())


def refused(data: bytes) -> bool:
    """Whether a file is refused; any but the two typed errors fails the test."""
    try:
        SignedRecord.decode(data).verify()
    except (InputError, RemoteError):
        return True
    return False


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@pytest.mark.parametrize("bits", [[None], pytest.param(range(8), marks=pytest.mark.soak)], ids=["one a byte", "each"])
def test_every_single_bit_flip_is_refused(signed: SignedRecord, bits: Iterable[int | None]) -> None:
    """None stands for another bit in each byte."""
    good = signed.encode()
    assert not refused(good)
    for bit, at in itertools.product(bits, range(len(good))):
        flipped = bytearray(good)
        flipped[at] ^= 1 << (at % 8 if bit is None else bit)
        assert refused(bytes(flipped)), at


@pytest.mark.parametrize("count", [500, pytest.param(10_000, marks=pytest.mark.soak)])
def test_mutated_records_raise_typed_errors_only(signed: SignedRecord, count: int) -> None:
    good = signed.encode()
    source = random.Random(count)
    words = [b'"', b"{}", b"null", b"-1", b"1e400", b"[" * 3000, b"\xff", b'"time":1,', b"\\ud800", b"9" * 5000, b"NaN"]
    for _ in range(count):
        data = bytearray(good)
        for _ in range(source.randint(1, 4)):
            at, end = sorted(source.choices(range(len(data) + 1), k=2))
            match source.randrange(4):
                case 0:
                    data[at:at] = source.choice(words)
                case 1:
                    del data[at : min(end, at + 50)]
                case 2:
                    data[at:at] = data[at : min(end, at + 50)]
                case 3:
                    data[at : at + 3] = source.randbytes(3)
        assert bytes(data) == good or refused(bytes(data))


MALFORMED = {
    "record": "other",
    "time": -1,
    "sizes": {"connect": [3], "listen": [3, 3]},
    "fingerprints": {"connect": "00" * 32, "listen": "AA" * 32},
    "transcript": "00",
    "counts": [4],  # of lists of 3
    "terms": {},
    "extra": 1,
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_content_is_refused_though_both_signed_it(
    identities: dict[Side, Identity], signed: SignedRecord, name: str
) -> None:
    content = {**signed.content, name: MALFORMED[name]}
    again = SignedRecord(content, signed.signatures, signed.certificates)
    with pytest.raises(InputError, match=r"is not a session record, or somebody|cannot verify"):
        SignedRecord.decode(again.encode())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b'{"record":1e400}',
        b'{"certificates":{},"record":-1e999,"signatures":{}}',
        b"[]",
        b"null\n",
        b"{" * 50_000,
        b" " * (MAX_BYTES + 1),
    ],
)
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        SignedRecord.decode(data)


def test_white_space_and_other_forms_are_refused(signed: SignedRecord) -> None:
    good = signed.encode()
    for other in (
        good[:-1],
        good + b"\n",
        good.replace(b":", b": ", 1),
        good.replace(b"-----BEGIN", b"x\\n-----BEGIN"),
    ):
        with pytest.raises(InputError, match="edited the file"):
            SignedRecord.decode(other)


def test_who_did_not_sign_is_named(identities: dict[Side, Identity], signed: SignedRecord) -> None:
    for side in Side:
        signatures = {**signed.signatures, side: signed.signatures[side.other]}
        with pytest.raises(RemoteError, match=f"the signature of the {side.value}ing side"):
            SignedRecord(signed.content, signatures, signed.certificates).verify()
        certificates = {**signed.certificates, side: signed.certificates[side.other]}
        with pytest.raises(RemoteError, match=f"the certificate of the {side.value}ing side"):
            SignedRecord(signed.content, signed.signatures, certificates).verify()


def test_a_signature_for_another_purpose_does_not_serve(identities: dict[Side, Identity], signed: SignedRecord) -> None:
    own = identities[Side.LISTEN].sign(strict_json.encode(signed.content))  # without purpose and side
    with pytest.raises(RemoteError, match="listen"):
        SignedRecord(signed.content, {**signed.signatures, Side.LISTEN: own}, signed.certificates).verify()
