"""Mutual TLS 1.3 between pinned identities: `Listener` on one side, `connect` on the other."""

from __future__ import annotations

import math
import selectors
import socket
import ssl
import time
from collections.abc import Callable, Iterable

from psi.identity.identity import Identity, PeerIdentity
from psi.transport import words
from psi.transport.address import Address, close, tune
from psi.transport.listener import Listener
from psi.transport.pinning import LinkEnd, handshake_done, make_context, pin, pinned_peer, reason, server_name
from psi.transport.stream import TlsStream
from psi.transport.tlschannel import TlsChannel
from psiselect.base.errors import TransportError

__all__ = ["Address", "Listener", "connect"]

_RETRY_SECONDS = 0.2
_DIAL_SECONDS = 2.0  # for one try, where the caller may give up
_LOOKUP_SECONDS = 1.0  # between two questions to a name server


def connect(
    address: str,
    identity: Identity,
    peers: Iterable[PeerIdentity],
    *,
    timeout: float,
    stall: float | None = None,
    look: Callable[[], None] | None = None,
) -> TlsChannel:
    """Connect to the listener at `address` (`HOST:PORT`), trying again until it is up, and its name known, or `timeout`
    seconds are over. The channel's own deadline without progress is `stall`, by default the same `timeout`.
    look: called now and then meanwhile; what it raises ends the wait.

    Raises UsageError (a bad address, no peers or oneself among them), InputError (an expired certificate) or
    TransportError (nobody there, not a pinned peer). When the listener refuses this side's certificate, TLS 1.3 tells
    it at the first `receive`.
    """
    target = Address.parse(address)
    pins = pin(identity, peers)
    context = make_context(LinkEnd.CONNECTOR, identity, pins)
    deadline = time.monotonic() + timeout
    raw = _dial(target, deadline, timeout, look)
    tls: ssl.SSLObject | None = None
    try:
        tune(raw)
        # A listener may have two identities for a while, and shows the one that is asked for.
        stream = TlsStream(raw, context, server_side=False, server_name=server_name(next(iter(pins))))
        tls = stream.tls
        _finish_handshake(stream, deadline, look)
        peer = pinned_peer(tls, pins)
        handshake_done(tls)
    except (OSError, TransportError) as error:
        close(raw)
        why = reason(error, tls) if isinstance(error, OSError) else error
        raise words.no_session_at(target, why) from None
    except BaseException:
        close(raw)
        raise
    return TlsChannel(
        stream,
        own_fingerprint=identity.fingerprint,
        peer_fingerprint=peer.fingerprint,
        timeout=timeout if stall is None else stall,
    )


def _dial(address: Address, deadline: float, timeout: float, look: Callable[[], None] | None = None) -> socket.socket:
    """A TCP connection, tried again while nobody listens there yet, or while the name does not resolve yet."""
    most = math.inf if look is None else _DIAL_SECONDS
    while True:
        if look is not None:
            look()
        try:
            return socket.create_connection(address, timeout=max(0.01, min(most, deadline - time.monotonic())))
        except socket.gaierror as error:
            if not address.is_name:  # such as an IPv6 zone that this machine does not have
                raise words.not_called(address, error.strerror) from None
            wait, problem = _LOOKUP_SECONDS, words.not_found(address.host)
            why: object = error.strerror
        except OSError as error:
            wait, problem = _RETRY_SECONDS, words.nobody_listened(address)
            why = "no answer" if isinstance(error, TimeoutError) else error.strerror or error
        if time.monotonic() + wait > deadline:
            raise words.gave_up(problem, timeout, why)
        time.sleep(wait)


def _finish_handshake(stream: TlsStream, deadline: float, look: Callable[[], None] | None) -> None:
    """Raises OSError (TimeoutError when the deadline passes), TransportError."""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while True:
            try:
                stream.do_handshake()
            except ssl.SSLWantReadError:
                selector.modify(stream, selectors.EVENT_READ)
            except ssl.SSLWantWriteError:
                selector.modify(stream, selectors.EVENT_WRITE)
            else:
                return
            while True:
                if look is not None:
                    look()
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                if selector.select(left if look is None else min(left, _RETRY_SECONDS)):
                    break
