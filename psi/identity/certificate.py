"""The certificate of an identity (X.509, self-signed, Ed25519): how it is made, and what is taken for one."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.x509.oid import ExtensionOID, NameOID

from psi.identity import words
from psiselect.base.entropy import Entropy

# The arc 2.25 is free for anyone's UUIDs (ITU-T X.667); this one is the UUID fc033bcd-6326-4673-9454-883f8c5c517f.
ENCRYPTION_KEY_OID = x509.ObjectIdentifier("2.25.334982244762999623178565394930301948287")

_BIT_STRING_64 = b"\x03\x41\x00"  # DER: a bit string of 65 bytes, the first of which says that no bit is unused
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_CLOCK_SKEW = timedelta(hours=1)
_UNDERSTOOD = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    ENCRYPTION_KEY_OID,
}
# What `cryptography` raises on a certificate that is not one, besides ValueError's children.
PARSE_ERRORS = (
    ValueError,
    TypeError,
    InvalidSignature,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.UnsupportedGeneralNameType,
)


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a certificate says; the dates are UTC."""

    name: str
    signing_key: Ed25519PublicKey
    encryption_key: X25519PublicKey
    not_before: datetime
    not_after: datetime


def parse(der: bytes, source: str) -> Parsed:
    """Read a certificate in DER, strictly; `source` names it in errors. Raises InputError.

    Refused: anything but version 3, self-signed by an Ed25519 key, `CA:FALSE`, usable for signatures and not for
    certificates, with a well-formed name and encryption key, and no critical extension beyond these.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
        if not der.endswith(_BIT_STRING_64 + certificate.signature):
            raise ValueError("not a signature of whole bytes")
        problem = _problem(certificate)
        if problem:
            raise words.no_certificate(source, problem)
        signing_key = certificate.public_key()
        if not isinstance(signing_key, Ed25519PublicKey):
            raise TypeError
        return Parsed(
            _name(certificate, signing_key),
            signing_key,
            _encryption_key(certificate),
            certificate.not_valid_before_utc,
            certificate.not_valid_after_utc,
        )
    except PARSE_ERRORS:
        raise words.not_an_identity(source) from None


def issue(
    name: str,
    signing_key: Ed25519PrivateKey,
    encryption_key: X25519PublicKey,
    entropy: Entropy,
    now: datetime,
    validity: timedelta,
) -> x509.Certificate:
    """A certificate for these keys, valid from an hour before `now`, since clocks differ."""
    subject = _subject(name, signing_key.public_key())
    # 159 bits keep the serial number positive within its 20 bytes (RFC 5280, 4.1.2.2).
    serial = int.from_bytes(entropy.read(20), "big") >> 1
    key_usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .serial_number(serial or 1)
        .public_key(signing_key.public_key())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + validity)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, **key_usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(signing_key.public_key()), critical=False)
        .add_extension(x509.UnrecognizedExtension(ENCRYPTION_KEY_OID, _spki(encryption_key)), critical=False)
        .sign(signing_key, None)
    )


def valid_name(name: str) -> bool:
    """Whether `name` may name an identity, and so its files."""
    return _NAME.fullmatch(name) is not None and not name.endswith((".key", ".crt"))


def _problem(certificate: x509.Certificate) -> str | None:
    """Why a certificate is not an identity's, for a reader who may have picked the wrong file; None if it may be."""
    extensions = certificate.extensions
    if certificate.version is not x509.Version.v3:
        return words.VERSION_3
    constraints = extensions.get_extension_for_class(x509.BasicConstraints).value
    usage = extensions.get_extension_for_class(x509.KeyUsage).value
    if constraints.ca or usage.key_cert_sign:
        return words.AUTHORITY
    if not usage.digital_signature:
        return words.MAY_NOT_SIGN
    unknown = [e.oid.dotted_string for e in extensions if e.critical and e.oid not in _UNDERSTOOD]
    if unknown:
        return words.unknown_extension(unknown[0])
    if certificate.issuer != certificate.subject:
        return words.OF_ANOTHER
    certificate.verify_directly_issued_by(certificate)
    return None


def _subject(name: str, key: Ed25519PublicKey) -> x509.Name:
    """The name, and what makes it one party's: OpenSSL looks pinned certificates up by subject, and tells no two apart
    that share it (an old and a new one of the same peer, say)."""
    key_id = hashlib.sha256(key.public_bytes_raw()).hexdigest()[:32]
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name), x509.NameAttribute(NameOID.SERIAL_NUMBER, key_id)])


def _name(certificate: x509.Certificate, key: Ed25519PublicKey) -> str:
    (name,) = (attribute.value for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME))
    if not isinstance(name, str) or not valid_name(name) or certificate.subject != _subject(name, key):
        raise ValueError("not the subject of an identity")
    return name


def _encryption_key(certificate: x509.Certificate) -> X25519PublicKey:
    extension = certificate.extensions.get_extension_for_oid(ENCRYPTION_KEY_OID).value
    if not isinstance(extension, x509.UnrecognizedExtension):
        raise TypeError
    key = serialization.load_der_public_key(extension.value)
    if not isinstance(key, X25519PublicKey) or _spki(key) != extension.value:
        raise ValueError("not a canonical X25519 key")
    X25519PrivateKey.generate().exchange(key)  # a ValueError on a key of low order: anyone could decrypt
    return key


def _spki(key: X25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
