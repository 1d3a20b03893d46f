"""Who a party is: an Ed25519 signing key with a self-signed certificate, and an X25519 encryption key carried in it.

    DIR/NAME.crt   the certificate, to be given to peers by a channel they trust
    DIR/NAME.key   both private keys, PKCS#8 in PEM, signing key first; 0600

`psi.identity.files` says where else they may be.

Certificates are pinned, never chained: every one that is loaded must be self-signed and say `CA:FALSE`, so that the
holder of a pinned certificate can vouch for nobody else. Parties are compared by fingerprint, the SHA-256 of the
certificate in DER. The certificate names no address.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from psi.identity import files, words
from psiselect.base import durable, later
from psiselect.base.entropy import Entropy, SystemEntropy

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    from psi.identity import certificate
else:
    certificate, x509 = later.Module("psi.identity.certificate"), later.Module("cryptography.x509")
    serialization = later.Module("cryptography.hazmat.primitives.serialization")

DEFAULT_DAYS = 3 * 365
MAX_DAYS = 10 * 365

# A signature made here can never be taken for one of TLS (which starts with 64 spaces, RFC 8446, 4.4.3).
_SIGNATURE_CONTEXT = b"psiselect-v1 identity signature\x00"
_PEM_KEY = re.compile(rb"-----BEGIN PRIVATE KEY-----\n[A-Za-z0-9+/=\n]+-----END PRIVATE KEY-----\n")


@dataclass(frozen=True, slots=True, repr=False)
class PeerIdentity:
    """The public half of an identity, read from a certificate.

    fingerprint: SHA-256 of `der`, 32 bytes. encryption_key: for HPKE (offline exchange). not_before and not_after are
    UTC.
    """

    name: str
    der: bytes
    fingerprint: bytes
    not_before: datetime
    not_after: datetime
    encryption_key: X25519PublicKey
    _signing_key: Ed25519PublicKey = field(repr=False)

    def __repr__(self) -> str:
        return f"<PeerIdentity {self.name}, certificate {self.fingerprint.hex()[:16]}...>"

    @classmethod
    def load(cls, path: Path | str, *, now: datetime | None = None) -> Self:
        """Read a certificate and check that it is valid at `now` (default: the system's clock). Raises InputError."""
        peer = cls.read(path)
        peer.require_valid(now)
        return peer

    @classmethod
    def read(cls, path: Path | str) -> Self:
        """Read a certificate, expired or not (to show it, or to verify an old record). Raises InputError."""
        return cls.from_pem(files.read(_path(path), "the certificate"), str(path))

    @classmethod
    def from_pem(cls, text: bytes, source: str = "certificate") -> Self:
        """Parse one certificate in PEM; see `from_der`. Raises InputError."""
        try:
            certificates = x509.load_pem_x509_certificates(text)
        except certificate.PARSE_ERRORS:
            raise words.not_pem(source) from None
        if len(certificates) != 1:
            raise words.several(source, len(certificates))
        return cls.from_der(certificates[0].public_bytes(serialization.Encoding.DER), source)

    @classmethod
    def from_der(cls, der: bytes, source: str = "certificate") -> Self:
        """Parse a certificate in DER, strictly, as `psi.identity.certificate.parse` does; `source` names it in errors.
        Raises InputError."""
        found = certificate.parse(der, source)
        return cls(
            name=found.name,
            der=der,
            fingerprint=hashlib.sha256(der).digest(),
            not_before=found.not_before,
            not_after=found.not_after,
            encryption_key=found.encryption_key,
            _signing_key=found.signing_key,
        )

    @property
    def pem(self) -> str:
        """The certificate in PEM, in the one form that `Identity.create` writes."""
        loaded = x509.load_der_x509_certificate(self.der)
        return loaded.public_bytes(serialization.Encoding.PEM).decode("ascii")

    def require_valid(self, now: datetime | None = None) -> None:
        """Raises InputError, with the date, when the certificate has expired or is not valid yet."""
        now = now or datetime.now(UTC)
        if now > self.not_after:
            raise words.expired(self.name, self.not_after)
        if now < self.not_before:
            raise words.not_valid_yet(self.name, self.not_before)

    def verify(self, signature: bytes, message: bytes) -> None:
        """Check `signature` over `message`. Raises RemoteError when this identity did not make it."""
        try:
            self._signing_key.verify(signature, _SIGNATURE_CONTEXT + message)
        except InvalidSignature:
            raise words.not_signed(self.name) from None


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """One's own identity: the certificate with its private keys.

    Attributes:
        public: the certificate.
        certificate_path, key_path: where both were read, to name them; the same for a file descriptor.
        decryption_key: for HPKE (offline exchange).
        note: what its user should know about who else can read the key; None when nobody can.
    """

    public: PeerIdentity
    certificate_path: Path
    key_path: Path
    decryption_key: X25519PrivateKey = field(repr=False)
    _signing_key: Ed25519PrivateKey = field(repr=False)
    note: str | None = None

    def __repr__(self) -> str:
        return f"<Identity {self.name}, certificate {self.fingerprint.hex()[:16]}...>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Raises UsageError: a copy in another process, in a queue or on disk is one more place that holds the keys."""
        raise words.never_copied()

    @property
    def name(self) -> str:
        """The name in the certificate."""
        return self.public.name

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the certificate in DER, 32 bytes."""
        return self.public.fingerprint

    @classmethod
    def create(
        cls,
        name: str,
        folder: Path | str,
        *,
        days: int = DEFAULT_DAYS,
        entropy: Entropy | None = None,
        now: datetime | None = None,
    ) -> Self:
        """Make an identity and write FOLDER/NAME.key (0600) and FOLDER/NAME.crt; the folder is made if need be.

        Raises UsageError for a bad name or number of days, and when either file exists: nothing is ever overwritten.
        Raises InputError when the folder cannot be written.
        """
        if not isinstance(name, str) or not certificate.valid_name(name):
            raise words.bad_name(name)
        if not 1 <= days <= MAX_DAYS:
            raise words.bad_days(days, MAX_DAYS)
        prefix = Path(_path(folder)) / name
        certificate_path, key_path = files.paths(prefix)
        entropy = entropy or SystemEntropy()
        signing_key = Ed25519PrivateKey.from_private_bytes(entropy.read(32))
        decryption_key = X25519PrivateKey.from_private_bytes(entropy.read(32))
        issued = certificate.issue(
            name, signing_key, decryption_key.public_key(), entropy, now or datetime.now(UTC), timedelta(days=days)
        )
        try:
            prefix.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if certificate_path.exists():
                raise FileExistsError(certificate_path)
            _write_new(key_path, _pem(signing_key) + _pem(decryption_key), 0o600)
            try:
                _write_new(certificate_path, issued.public_bytes(serialization.Encoding.PEM), 0o644)
            except BaseException:
                key_path.unlink()  # ours, made a moment ago, and of no use alone
                raise
            durable.sync_folder(prefix.parent)
        except FileExistsError:
            raise words.already_there(prefix) from None
        except OSError as error:
            raise words.not_written(prefix, error.strerror) from None
        return cls(
            PeerIdentity.from_der(issued.public_bytes(serialization.Encoding.DER), str(certificate_path)),
            certificate_path,
            key_path,
            decryption_key,
            signing_key,
        )

    @classmethod
    def load(cls, path: Path | str, *, now: datetime | None = None) -> Self:
        """Read an identity and check that it is valid at `now` (default: the system's clock).

        path: DIR/NAME, a folder with one identity, or an open file descriptor (see `psi.identity.files`).
        Raises InputError when a file is missing, malformed or belongs to other keys, when others can read the key, and
        when the certificate is not valid.
        """
        identity = cls.read(path)
        identity.public.require_valid(now)
        return identity

    @classmethod
    def read(cls, path: Path | str) -> Self:
        """Read an identity, expired or not. Raises InputError as `load` does."""
        if files.is_descriptor(_path(path)):
            certificate_path = key_path = Path(path)
            text, note = files.read_secret(path, "the identity")
            public = PeerIdentity.from_pem(text, str(path))
        else:
            certificate_path, key_path = files.find(path)
            public = PeerIdentity.read(certificate_path)
            text, note = files.read_secret(key_path, "the private key")
        signing_key, decryption_key = _private_keys(text, key_path)
        if signing_key.public_key() != public._signing_key or decryption_key.public_key() != public.encryption_key:
            raise words.other_keys(key_path, certificate_path)
        return cls(public, certificate_path, key_path, decryption_key, signing_key, note)

    @property
    def signing_key_pem(self) -> bytes:
        """The signing key, PKCS#8 in PEM: for TLS, which signs with it too."""
        return _pem(self._signing_key)

    def sign(self, message: bytes) -> bytes:
        """An Ed25519 signature (64 bytes, RFC 8032) over a fixed context and `message`; callers add a context of their
        own to keep their kinds of message apart."""
        return self._signing_key.sign(_SIGNATURE_CONTEXT + message)


def _private_keys(text: bytes, path: Path) -> tuple[Ed25519PrivateKey, X25519PrivateKey]:
    try:
        blocks = _PEM_KEY.findall(text)
        signing_key, decryption_key = (serialization.load_pem_private_key(block, None) for block in blocks)
        if isinstance(signing_key, Ed25519PrivateKey) and isinstance(decryption_key, X25519PrivateKey):
            return signing_key, decryption_key
    except (ValueError, TypeError, UnsupportedAlgorithm):
        pass
    raise words.no_keys(path)


def _write_new(path: Path, content: bytes, mode: int) -> None:
    """Create a file that must not exist yet, with its mode from the start, and sync it."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            durable.sync_file(file)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _pem(key: Ed25519PrivateKey | X25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _path(path: Path | str) -> Path | str:
    """Raises UsageError for what is no path, such as what a program got elsewhere."""
    if not isinstance(path, str | os.PathLike):
        raise words.no_path(path)
    return path
