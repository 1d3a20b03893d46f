"""Identities, as far as the protocol needs them."""

from __future__ import annotations

from typing import Protocol


class Signer(Protocol):
    """Own identity, as far as the protocol needs it."""

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the certificate in DER, 32 bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """An Ed25519 signature, 64 bytes."""
        ...


class Verifier(Protocol):
    """The peer's pinned identity."""

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the certificate in DER, 32 bytes."""
        ...

    def verify(self, signature: bytes, message: bytes) -> None:
        """Raises RemoteError unless the signature is the peer's."""
        ...
