"""Mutual TLS 1.3 between pinned identities: `Listener` on one side, `connect` on the other."""

from __future__ import annotations

import selectors
import socket
import ssl
import time
from collections.abc import Iterable

from psi.identity.identity import Identity, PeerIdentity
from psi.transport.address import Address, close, tune
from psi.transport.listener import Listener
from psi.transport.pinning import LinkEnd, handshake_done, make_context, pin, pinned_peer, reason
from psi.transport.tlschannel import TlsChannel
from psiselect.base.errors import TransportError

__all__ = ["Address", "Listener", "connect"]

_RETRY_SECONDS = 0.2


def connect(
    address: str,
    identity: Identity,
    peers: Iterable[PeerIdentity],
    *,
    timeout: float,
    stall: float | None = None,
) -> TlsChannel:
    """Connect to the listener at `address` (`HOST:PORT`), trying again until it is up or `timeout` seconds are over.
    The channel's own deadline without progress is `stall`, by default the same `timeout`.

    Raises UsageError (a bad address, no peers or oneself among them), InputError (an expired certificate) or
    TransportError (nobody there, not a pinned peer). When the listener refuses this side's certificate, TLS 1.3 tells
    it at the first `receive`.
    """
    target = Address.parse(address)
    pins = pin(identity, peers)
    context = make_context(LinkEnd.CONNECTOR, identity, pins)
    deadline = time.monotonic() + timeout
    raw = _dial(target, deadline, timeout)
    sock: ssl.SSLSocket | None = None
    try:
        raw.settimeout(None)
        tune(raw)
        sock = context.wrap_socket(raw, do_handshake_on_connect=False, suppress_ragged_eofs=False)
        sock.setblocking(False)
        _finish_handshake(sock, deadline)
        peer = pinned_peer(sock, pins)
        handshake_done(sock)
    except OSError as error:
        close(sock or raw)
        raise TransportError(f"no session with the listener at {target}: {reason(error, sock)}") from None
    except TransportError as error:
        close(sock or raw)
        raise TransportError(f"no session with the listener at {target}: {error}") from None
    return TlsChannel(
        sock,
        own_fingerprint=identity.fingerprint,
        peer_fingerprint=peer.fingerprint,
        timeout=timeout if stall is None else stall,
    )


def _dial(address: Address, deadline: float, timeout: float) -> socket.socket:
    """A TCP connection, tried again while nobody listens there yet."""
    while True:
        try:
            return socket.create_connection(address, timeout=max(0.01, deadline - time.monotonic()))
        except socket.gaierror as error:
            raise TransportError(f"cannot find {address.host}: {error.strerror}") from None
        except OSError as error:
            if time.monotonic() + _RETRY_SECONDS > deadline:
                why = "no answer" if isinstance(error, TimeoutError) else error.strerror or error
                raise TransportError(f"nobody listened at {address} within {timeout:g} s ({why})") from None
        time.sleep(_RETRY_SECONDS)


def _finish_handshake(sock: ssl.SSLSocket, deadline: float) -> None:
    """Raises OSError (TimeoutError when the deadline passes)."""
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        while True:
            try:
                sock.do_handshake()
            except ssl.SSLWantReadError:
                selector.modify(sock, selectors.EVENT_READ)
            except ssl.SSLWantWriteError:
                selector.modify(sock, selectors.EVENT_WRITE)
            else:
                return
            left = deadline - time.monotonic()
            if left <= 0 or not selector.select(left):
                raise TimeoutError
