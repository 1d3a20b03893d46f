"""The other end of a connection written with `ssl` alone: it can misbehave where the product's own end would not."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

from psi.identity.identity import Identity, PeerIdentity

Socket = ssl.SSLSocket


def address_of(text: str) -> tuple[str, int]:
    host, port = text.rsplit(":", 1)
    return host.strip("[]"), int(port)


def dial(address: str) -> socket.socket:
    return socket.create_connection(address_of(address), timeout=20)


def client(
    address: str,
    server: PeerIdentity,
    identity: Identity | None,
    *,
    chain: tuple[str, str] | None = None,
    version: ssl.TLSVersion | None = None,
    key_log: Path | None = None,
) -> ssl.SSLSocket:
    """A TLS client that trusts `server` and shows the certificate of `identity`, the files of `chain`, or none.

    key_log: where OpenSSL writes the connection's secrets.
    """
    context = _context(server, identity, chain=chain, version=version, key_log=key_log)
    return context.wrap_socket(dial(address), suppress_ragged_eofs=False)


def begun(sock: socket.socket, server: PeerIdentity, identity: Identity) -> ssl.SSLSocket:
    """The same over a socket that is connected and does not block: it has said hello, and goes on when it is asked."""
    found = _context(server, identity).wrap_socket(sock, do_handshake_on_connect=False)
    with contextlib.suppress(ssl.SSLWantReadError):
        found.do_handshake()
    return found


def _context(
    server: PeerIdentity,
    identity: Identity | None,
    *,
    chain: tuple[str, str] | None = None,
    version: ssl.TLSVersion | None = None,
    key_log: Path | None = None,
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=server.der)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    if key_log is not None:
        context.keylog_filename = str(key_log)
    if identity is not None:
        context.load_cert_chain(identity.certificate_path, identity.key_path)
    if chain is not None:
        context.load_cert_chain(*chain)
    return context


@contextlib.contextmanager
def server(
    identity: Identity, peer: PeerIdentity, *, key_log: Path | None = None
) -> Iterator[tuple[str, list[ssl.SSLSocket]]]:
    """One TLS connection is accepted into the list, in a thread; its handshake may fail.

    key_log: where OpenSSL writes the connection's secrets; then no tickets are sent after the handshake.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if key_log is not None:
        context.keylog_filename = str(key_log)
        context.num_tickets = 0
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=peer.der)
    context.load_cert_chain(identity.certificate_path, identity.key_path)
    accepted: list[ssl.SSLSocket] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(20)

        def accept() -> None:
            with contextlib.suppress(OSError):
                sock, _ = listening.accept()
                accepted.append(context.wrap_socket(sock, server_side=True, suppress_ragged_eofs=False))

        thread = threading.Thread(target=accept)
        thread.start()
        host, port = listening.getsockname()
        try:
            yield f"{host}:{port}", accepted
        finally:
            thread.join(30)
            for sock in accepted:
                sock.close()


def vanish(sock: ssl.SSLSocket) -> None:
    """Close the connection as a killed process would: no goodbye in TLS."""
    socket.socket(fileno=sock.detach()).close()
