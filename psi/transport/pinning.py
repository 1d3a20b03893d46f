"""TLS contexts that know exactly the pinned certificates, and words for what goes wrong in a handshake."""

from __future__ import annotations

import contextlib
import enum
import functools
import hashlib
import os
import ssl
from collections.abc import Iterable, Iterator, Mapping

from psi.identity.identity import Identity, PeerIdentity
from psi.transport import words
from psiselect.base.errors import TransportError

# How `ssl` and `socket` report that the other end is gone.
DROPPED = (ConnectionError, ssl.SSLEOFError, ssl.SSLSyscallError)

_SERVER_NAME = b"psiselect-v1 server name\x00"

Pins = Mapping[bytes, PeerIdentity]  # by fingerprint


class HungUpError(TransportError):
    """The other end closed the connection, or reset it, without a word from TLS about why."""


class LinkEnd(enum.Enum):
    """Which end of the TLS connection a context is for."""

    LISTENER = ssl.PROTOCOL_TLS_SERVER
    CONNECTOR = ssl.PROTOCOL_TLS_CLIENT


class PinnedTls(ssl.SSLObject):
    """A TLS connection that remembers which certificate the other end showed, even if it was refused."""

    claimed: bytes | None = None  # SHA-256 of the certificate; not proven to be the peer's own until the handshake ends
    own_refusal: str | None = None  # why this side ended the handshake itself


def pin(identity: Identity, peers: Iterable[PeerIdentity]) -> Pins:
    """The peers by fingerprint. Raises UsageError for none at all or oneself, InputError for one not valid now."""
    pins = {peer.fingerprint: peer for peer in peers}
    if not pins:
        raise words.no_peer()
    if identity.fingerprint in pins:
        raise words.own_as_peer()
    for peer in pins.values():
        peer.require_valid()
    identity.public.require_valid()
    return pins


def make_context(side: LinkEnd, identity: Identity, pins: Pins) -> ssl.SSLContext:
    """TLS 1.3 or later, both sides with certificates, nobody trusted but the pinned ones.

    Tickets are off: a resumed session would skip the certificates, and a ticket that nobody reads turns the close of a
    connection into a reset. Host names are not checked, since an identity names no address.

    The certificate shown is the one that was read, even if its file is another one by now: `ssl` takes it from a pipe.
    """
    context = ssl.SSLContext(side.value)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    if side is LinkEnd.LISTENER:
        context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION
    context.load_verify_locations(cadata=b"".join(peer.der for peer in pins.values()))
    with _readable(identity.public.pem.encode()) as certificate, _readable(identity.signing_key_pem) as key:
        context.load_cert_chain(certificate, key, password=lambda: b"")
    context.sslobject_class = PinnedTls
    # The one way to learn which certificate was refused; not part of ssl's documented interface, so its absence only
    # costs the fingerprint in a message.
    if hasattr(context, "_msg_callback"):
        context._msg_callback = _remember_certificate
    return context


@contextlib.contextmanager
def _readable(text: bytes) -> Iterator[str]:
    """A path from which a few kilobytes can be read once: `ssl` takes certificates and keys from files only."""
    reading, writing = os.pipe()
    try:
        with os.fdopen(writing, "wb") as file:
            file.write(text)
        yield f"/dev/fd/{reading}"
    finally:
        os.close(reading)


def server_name(fingerprint: bytes) -> str:
    """The name by which a caller asks a listener with several identities for the one that it has pinned (TLS's server
    name). It tells nobody the certificate, but who has the certificate recognises it."""
    return hashlib.sha256(_SERVER_NAME + fingerprint).hexdigest()[:32] + ".psiselect.invalid"


def handshake_done(tls: ssl.SSLObject) -> None:
    """Stop watching: `ssl` would call back for each record, which costs a quarter of the throughput."""
    tls.context = _unwatched(tls.context.protocol)


@functools.cache
def _unwatched(protocol: int) -> ssl.SSLContext:
    """A context for connections whose handshake, all that a context is asked for, is over."""
    return ssl.SSLContext(protocol)


def pinned_peer(tls: ssl.SSLObject, pins: Pins) -> PeerIdentity:
    """Whom a finished handshake was with. Raises TransportError unless it is a pinned certificate, byte for byte:
    OpenSSL alone would accept one that a pinned key issued for itself anew."""
    der = tls.getpeercert(binary_form=True)
    peer = pins.get(hashlib.sha256(der).digest()) if der else None
    if peer is None or peer.der != der:
        raise words.not_pinned(_fingerprint(tls))
    return peer


def reason(error: OSError, tls: ssl.SSLObject | None = None) -> str:
    """What went wrong, as half a sentence about the other end ("it ...")."""
    if isinstance(tls, PinnedTls) and tls.own_refusal is not None:
        return tls.own_refusal
    if isinstance(error, ssl.SSLCertVerificationError):
        claimed = _fingerprint(tls)
        if error.verify_code in words.VERIFY_REASONS:
            return words.its_certificate(claimed, words.VERIFY_REASONS[error.verify_code])
        return words.its_certificate(claimed, words.UNKNOWN_HERE)
    if isinstance(error, DROPPED):
        return words.DROPPED
    if isinstance(error, ssl.SSLError):
        return words.TLS_REASONS.get(error.reason or "", words.tls_failed(error.reason or error))
    if isinstance(error, TimeoutError):
        return words.NO_ANSWER
    return words.network_failed(error.strerror or error)


def _fingerprint(tls: ssl.SSLObject | None) -> str:
    claimed = tls.claimed if isinstance(tls, PinnedTls) else None
    return f" (SHA-256 {claimed.hex()})" if claimed else ""


def _remember_certificate(
    conn: ssl.SSLObject, direction: str, _version: object, _content: object, message: object, data: bytes
) -> None:
    """Called by `ssl` for each handshake message. A Certificate (RFC 8446, 4.4.2) is: type 1 byte, length 3, request
    context with a length of 1, list length 3, then the first certificate with a length of 3."""
    if direction == "read" and getattr(message, "name", None) == "CERTIFICATE" and isinstance(conn, PinnedTls):
        entry = data[5 + int.from_bytes(data[4:5], "big") + 3 :]
        certificate = entry[3 : 3 + int.from_bytes(entry[:3], "big")]
        conn.claimed = hashlib.sha256(certificate).digest() if certificate else None
