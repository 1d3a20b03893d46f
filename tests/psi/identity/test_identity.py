from __future__ import annotations

import hashlib
import ssl
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from support.entropy import FixedEntropy

from psi.identity.certificate import ENCRYPTION_KEY_OID
from psi.identity.identity import MAX_DAYS, Identity, PeerIdentity
from psiselect.base.errors import InputError, RemoteError, UsageError

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
Edit = Callable[[x509.CertificateBuilder], x509.CertificateBuilder]


def certificate_der(
    *,
    name: str = "acme",
    ca: bool | None = False,
    cert_sign: bool = False,
    digital_signature: bool = True,
    encryption_key: bytes | None = None,
    edit: Edit = lambda builder: builder,
    key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey | None = None,
    issuer: str | None = None,
    subject_key_id: str | None = None,
) -> bytes:
    """A certificate by `cryptography` alone, right by default, wrong as asked."""
    key = key or Ed25519PrivateKey.generate()

    raw = key.public_key().public_bytes_raw() if isinstance(key, Ed25519PrivateKey) else b""
    key_id = (subject_key_id or hashlib.sha256(raw).hexdigest())[:32]

    def common_name(text: str) -> x509.Name:
        attributes = {NameOID.COMMON_NAME: text, NameOID.SERIAL_NUMBER: key_id}
        return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes.items()])

    builder = (
        x509.CertificateBuilder()
        .subject_name(common_name(name))
        .issuer_name(common_name(issuer or name))
        .serial_number(7)
        .public_key(key.public_key())
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=30))
        .add_extension(
            x509.KeyUsage(digital_signature, False, False, False, False, cert_sign, False, False, False), True
        )
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca, None), True)
    if encryption_key is None:
        encryption_key = spki(X25519PrivateKey.generate().public_key())
    if encryption_key:
        builder = builder.add_extension(x509.UnrecognizedExtension(ENCRYPTION_KEY_OID, encryption_key), False)
    algorithm = None if isinstance(key, Ed25519PrivateKey) else SHA256()
    return edit(builder).sign(key, algorithm).public_bytes(serialization.Encoding.DER)


def spki(key: X25519PublicKey | Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def test_an_identity_is_two_files_that_load_again(tmp_path: Path) -> None:
    made = Identity.create("acme.eu", tmp_path / "deep" / "keys")
    assert made.key_path == tmp_path / "deep/keys/acme.eu.key"
    assert made.certificate_path == tmp_path / "deep/keys/acme.eu.crt"
    for prefix in (tmp_path / "deep/keys/acme.eu", made.key_path, str(made.certificate_path)):
        loaded = Identity.load(prefix)
        assert (loaded.name, loaded.fingerprint) == ("acme.eu", made.fingerprint)
        assert loaded.decryption_key.public_key() == made.public.encryption_key


def test_the_fingerprint_is_the_sha256_of_the_certificate(tmp_path: Path) -> None:
    identity = Identity.create("acme", tmp_path)
    der = ssl.PEM_cert_to_DER_cert(identity.certificate_path.read_text())
    assert identity.fingerprint == hashlib.sha256(der).digest()


def test_the_certificate_says_what_it_should(tmp_path: Path) -> None:
    identity = Identity.create("acme", tmp_path, days=10, now=NOW)
    certificate = x509.load_pem_x509_certificate(identity.certificate_path.read_bytes())
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value.ca is False
    assert isinstance(certificate.public_key(), Ed25519PublicKey)
    assert certificate.not_valid_after_utc == NOW + timedelta(days=10)
    certificate.verify_directly_issued_by(certificate)


def test_two_identities_differ_and_fixed_entropy_repeats(tmp_path: Path) -> None:
    one, other = Identity.create("a", tmp_path), Identity.create("b", tmp_path)
    assert one.public.encryption_key != other.public.encryption_key
    assert len({one.fingerprint, other.fingerprint}) == 2
    repeated = [Identity.create("c", tmp_path / str(i), entropy=FixedEntropy("acme"), now=NOW) for i in range(2)]
    assert repeated[0].public.der == repeated[1].public.der


def test_the_key_is_for_its_owner_only(tmp_path: Path) -> None:
    identity = Identity.create("acme", tmp_path)
    assert stat.S_IMODE(identity.key_path.stat().st_mode) == 0o600
    for mode in (0o640, 0o604, 0o660, 0o602):
        identity.key_path.chmod(mode)
        with pytest.raises(InputError, match=rf"mode 0{mode:o}\). Run `chmod 600"):
            Identity.load(tmp_path / "acme")
    identity.key_path.chmod(0o400)
    assert Identity.load(tmp_path / "acme").name == "acme"


@pytest.mark.parametrize("taken", ["acme.key", "acme.crt"])
def test_nothing_is_overwritten(tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).write_text("precious")
    with pytest.raises(UsageError, match="never overwrites"):
        Identity.create("acme", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [taken]
    assert (tmp_path / taken).read_text() == "precious"


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "-rf", ".hidden", "a b", "ä", "x" * 64, "a.key", "a\n"])
def test_names_that_could_be_paths_or_options_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of an identity"):
        Identity.create(name, tmp_path / "keys")
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize("days", [0, -1, MAX_DAYS + 1])
def test_days_have_bounds(tmp_path: Path, days: int) -> None:
    with pytest.raises(UsageError, match="--days must be from 1 to 3,650, but is"):
        Identity.create("acme", tmp_path, days=days)
    for fits in (1, MAX_DAYS):
        made = Identity.create(f"acme{fits}", tmp_path, days=fits, now=NOW)
        assert made.public.not_after == NOW + timedelta(days=fits)


def test_outside_its_dates_an_identity_is_refused_with_the_date(tmp_path: Path) -> None:
    identity = Identity.create("acme", tmp_path, days=30, now=NOW)
    for load in (Identity.load, lambda prefix, now: PeerIdentity.load(f"{prefix}.crt", now=now)):
        for moment in (NOW - timedelta(hours=1), NOW, NOW + timedelta(days=30)):  # the first, and the last
            assert load(tmp_path / "acme", now=moment).name == "acme"
        with pytest.raises(InputError, match="acme expired on 2026-07-01 12:00 UTC"):
            load(tmp_path / "acme", now=NOW + timedelta(days=30, seconds=1))
        with pytest.raises(InputError, match="acme is not valid before 2026-06-01 11:00 UTC"):
            load(tmp_path / "acme", now=NOW - timedelta(hours=1, seconds=1))
    assert PeerIdentity.read(identity.certificate_path).name == "acme"


def test_signatures_verify_and_bind_message_and_signer(tmp_path: Path) -> None:
    acme, other = Identity.create("acme", tmp_path), Identity.create("other", tmp_path)
    signature = acme.sign(b"terms")
    assert len(signature) == 64
    acme.public.verify(signature, b"terms")
    for peer, forged, message in (
        (acme.public, signature, b"term"),
        (other.public, signature, b"terms"),
        (acme.public, signature[:-1] + bytes([signature[-1] ^ 1]), b"terms"),
        (acme.public, b"", b"terms"),
    ):
        with pytest.raises(RemoteError, match="is not valid"):
            peer.verify(forged, message)


def test_a_signature_cannot_be_one_over_bare_bytes(tmp_path: Path) -> None:
    """So nothing that is signed here can pass for what TLS signs with the same key."""
    acme = Identity.create("acme", tmp_path)
    key = x509.load_der_x509_certificate(acme.public.der).public_key()
    assert isinstance(key, Ed25519PublicKey)
    key.verify(acme.sign(b"m"), b"psiselect-v1 identity signature\x00m")
    with pytest.raises(InvalidSignature):
        key.verify(acme.sign(b"m"), b"m")


def test_keys_and_certificate_belong_together(tmp_path: Path) -> None:
    acme, other = Identity.create("acme", tmp_path), Identity.create("other", tmp_path)
    acme.key_path.write_bytes(other.key_path.read_bytes())
    with pytest.raises(InputError, match="does not belong to"):
        Identity.load(tmp_path / "acme")


@pytest.mark.parametrize("which", ["the signing key", "the decryption key"])
def test_either_key_of_another_identity_is_refused(tmp_path: Path, which: str) -> None:
    acme, other = Identity.create("acme", tmp_path), Identity.create("other", tmp_path)
    end = b"-----END PRIVATE KEY-----\n"
    (signing, decryption, _), (foreign_signing, foreign_decryption, _) = (
        identity.key_path.read_bytes().split(end) for identity in (acme, other)
    )
    keys = (foreign_signing, decryption) if which == "the signing key" else (signing, foreign_decryption)
    acme.key_path.write_bytes(end.join((*keys, b"")))
    with pytest.raises(InputError, match="does not belong to"):
        Identity.load(tmp_path / "acme")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: b"",
        lambda text: text[: len(text) // 2],
        lambda text: text[text.index(b"-----END") + 26 :],
        lambda text: text + text,
        lambda text: text.replace(b"PRIVATE", b"PUBLIC"),
        lambda text: b"\xff" * 100,
        lambda text: text + b"x" * (1 << 17),
    ],
)
def test_a_spoilt_key_file_is_refused(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    identity = Identity.create("acme", tmp_path)
    identity.key_path.write_bytes(spoil(identity.key_path.read_bytes()))
    with pytest.raises(InputError, match=r"acme.key(: this is not the private key|' is too large)"):
        Identity.load(tmp_path / "acme")


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read the certificate .*nobody\.crt': No such file"):
        Identity.load(tmp_path / "nobody")
    Identity.create("acme", tmp_path).key_path.unlink()
    with pytest.raises(InputError, match=r"cannot read the private key .*acme\.key': No such file"):
        Identity.load(tmp_path / "acme")


def test_the_certificate_built_here_is_right_unless_asked() -> None:
    assert PeerIdentity.from_der(certificate_der()).name == "acme"


@pytest.mark.parametrize(
    ("der", "message"),
    [
        (certificate_der(ca=True), r"an authority \(CA\), which could let in parties"),
        (certificate_der(cert_sign=True), r"an authority \(CA\)"),
        (certificate_der(ca=None), "not the certificate of a psiselect identity"),
        (certificate_der(digital_signature=False), "does not allow its key to sign"),
        (certificate_der(issuer="other"), "was issued by another party"),
        (certificate_der(name="a/b"), "not the certificate of a psiselect identity"),
        (certificate_der(name="\x1b[31m"), "not the certificate of a psiselect identity"),
        (certificate_der(subject_key_id="0" * 32), "not the certificate of a psiselect identity"),
        (certificate_der(encryption_key=b""), "not the certificate of a psiselect identity"),
        (certificate_der(encryption_key=bytes(32)), "not the certificate of a psiselect identity"),
        (
            certificate_der(encryption_key=spki(Ed25519PrivateKey.generate().public_key())),
            "not the certificate of a psiselect identity",
        ),
        (
            certificate_der(encryption_key=spki(X25519PublicKey.from_public_bytes(bytes(32)))),
            "not the certificate of a psiselect identity",
        ),
        (
            certificate_der(encryption_key=spki(X25519PublicKey.from_public_bytes(b"\x01" + bytes(31)))),
            "not the certificate of a psiselect identity",
        ),
        (certificate_der(key=ec.generate_private_key(ec.SECP256R1())), "not the certificate of a psiselect identity"),
        (
            certificate_der(edit=lambda b: b.add_extension(x509.InhibitAnyPolicy(0), True)),
            "extension that this program does not know \\(2.5.29.54\\)",
        ),
        (b"", "not the certificate of a psiselect identity"),
    ],
)
def test_other_certificates_are_refused(der: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        PeerIdentity.from_der(der, "peer.crt")


def test_a_certificate_signed_by_another_key_under_its_own_name_is_refused() -> None:
    right, wrong = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    der = certificate_der(key=right)
    forged = der[:-64] + wrong.sign(x509.load_der_x509_certificate(der).tbs_certificate_bytes)
    with pytest.raises(InputError, match="not the certificate of a psiselect identity"):
        PeerIdentity.from_der(forged)


def test_a_file_holds_one_certificate(tmp_path: Path) -> None:
    one, two = (Identity.create(name, tmp_path).certificate_path for name in ("one", "two"))
    both = tmp_path / "both.crt"
    both.write_bytes(one.read_bytes() + two.read_bytes())
    with pytest.raises(InputError, match=r"has 2 certificates, but must have only one"):
        PeerIdentity.load(both)
    with pytest.raises(InputError, match="not a certificate in text form \\(PEM\\)"):
        PeerIdentity.load(tmp_path / "one.key")


GOOD = certificate_der(key=Ed25519PrivateKey.from_private_bytes(bytes(32)))


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_every_flipped_bit_of_a_certificate_is_noticed() -> None:
    assert PeerIdentity.from_der(GOOD).name == "acme"
    for bit in range(len(GOOD) * 8):
        spoilt = bytearray(GOOD)
        spoilt[bit // 8] ^= 1 << bit % 8
        with pytest.raises(InputError):
            PeerIdentity.from_der(bytes(spoilt))


@given(st.binary(max_size=600), st.integers(0, len(GOOD)))
def test_hostile_certificates_raise_input_error_only(tail: bytes, keep: int) -> None:
    if tail == GOOD[keep:]:
        return
    with pytest.raises(InputError):
        PeerIdentity.from_der(GOOD[:keep] + tail)
