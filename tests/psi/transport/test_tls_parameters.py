"""What is handed to `ssl` and to the sockets: asserted where it is used, on live connections of both ends."""

from __future__ import annotations

import datetime
import hashlib
import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from support import rawtls
from support.handshakes import Parties, close_both

from psi.identity.identity import Identity
from psi.transport import credentials as listening_end
from psi.transport import tls
from psi.transport.pinning import LinkEnd, PinnedTls, make_context, pin
from psi.transport.stream import TlsStream
from psi.transport.tls import Listener, connect
from psi.transport.wire import Frame
from psiselect.base.errors import InputError, TransportError


class Seen:
    """Contexts that both ends made, and the TLS streams over them."""

    def __init__(self) -> None:
        self.contexts: dict[LinkEnd, list[ssl.SSLContext]] = {end: [] for end in LinkEnd}
        self.streams: list[TlsStream] = []


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    found = Seen()
    make, wrap = make_context, TlsStream.__init__

    def making(end: LinkEnd, *rest: Any) -> ssl.SSLContext:
        context = make(end, *rest)
        found.contexts[end].append(context)
        return context

    def wrapping(self: TlsStream, sock: socket.socket, context: ssl.SSLContext, **options: Any) -> None:
        assert any(context is made for contexts in found.contexts.values() for made in contexts)
        wrap(self, sock, context, **options)
        found.streams.append(self)

    for module in (tls, listening_end):
        monkeypatch.setattr(module, "make_context", making)
    monkeypatch.setattr(TlsStream, "__init__", wrapping)
    return found


def test_both_ends_of_a_connection_have_the_stated_parameters(seen: Seen, parties: Parties) -> None:
    """TLS 1.3 alone, a certificate demanded from the other end, no ticket, no compression, no name that is checked,
    nobody trusted but the pinned; and an end of the stream without TLS's own end is an error."""
    with Listener("127.0.0.1:0", parties.acme, [parties.globex.public], timeout=30) as listening:
        there = connect(listening.address, parties.globex, [parties.acme.public], timeout=30)
        here = listening.accept()
        there.send(Frame(1, b"hello"))
        assert here.receive() == Frame(1, b"hello")
        for end, peer in ((LinkEnd.LISTENER, parties.globex), (LinkEnd.CONNECTOR, parties.acme)):
            (context,) = seen.contexts[end]
            assert context.protocol is ssl._SSLMethod(end.value)  # type: ignore[attr-defined]
            assert context.minimum_version is ssl.TLSVersion.TLSv1_3
            assert context.maximum_version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.MAXIMUM_SUPPORTED)
            assert context.verify_mode is ssl.CERT_REQUIRED
            assert not context.check_hostname
            assert ssl.OP_NO_TICKET in context.options
            assert ssl.OP_NO_COMPRESSION in context.options
            assert context.get_ca_certs(binary_form=True) in ([], [peer.public.der])  # not listed without a CA bit
            assert context.cert_store_stats()["x509"] == 1
            assert context.sslobject_class is PinnedTls
            assert context.keylog_filename is None
            assert context.post_handshake_auth is False
        assert seen.contexts[LinkEnd.LISTENER][0].num_tickets == 0
        assert len(seen.streams) == 2
        for stream in seen.streams:
            assert stream.tls.version() == "TLSv1.3"
            assert stream.tls.cipher()[0] in STRONG
            assert stream.tls.compression() is None
            assert not stream.tls.session_reused
            assert getattr(stream.tls.context, "_msg_callback", None) is None  # not called back for each record
            assert stream.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert stream.sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert stream.sock.gettimeout() == 0
        close_both(here, there)


STRONG = {"TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"}


@pytest.mark.parametrize("end", LinkEnd)
def test_a_context_trusts_each_pinned_peer_and_nobody_else(end: LinkEnd, parties: Parties) -> None:
    pins = pin(parties.acme, [parties.globex.public, parties.stranger.public])
    assert pins.keys() == {hashlib.sha256(peer.public.der).digest() for peer in (parties.globex, parties.stranger)}
    assert make_context(end, parties.acme, pins).cert_store_stats() == {"x509": 2, "crl": 0, "x509_ca": 0}


def test_a_context_shows_the_certificate_that_was_read_whatever_its_file_is_now(
    parties: Parties, tmp_path: Path
) -> None:
    """So that what TLS shows is what the session signs with, also while files are being replaced."""
    own = Identity.create("own", tmp_path)
    own.certificate_path.write_bytes(parties.stranger.certificate_path.read_bytes())
    own.key_path.unlink()
    with Listener("127.0.0.1:0", own, [parties.globex.public], timeout=30) as listening:
        there = connect(listening.address, parties.globex, [own.public], timeout=30)
        here = listening.accept()
        assert there.peer_fingerprint == here.own_fingerprint == own.fingerprint
        close_both(here, there)


# ---- each end against peers that offer something else


OLD = [ssl.TLSVersion.TLSv1_2]


@pytest.mark.parametrize("version", OLD)
def test_a_listener_of_old_tls_gets_no_connection(version: ssl.TLSVersion, parties: Parties) -> None:
    """Only the listener's own refusal was shown before: here the connecting end refuses."""
    with (
        OldListener(parties.acme, parties.globex, version) as address,
        pytest.raises(TransportError, match=r"does not use TLS 1\.3"),
    ):
        connect(address, parties.globex, [parties.acme.public], timeout=20)


class OldListener:
    """Somebody with the pinned certificate who speaks one old version."""

    def __init__(self, identity: Identity, peer: Identity, version: ssl.TLSVersion) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._context.load_verify_locations(cadata=peer.public.der)
        self._context.load_cert_chain(identity.certificate_path, identity.key_path)
        self._context.minimum_version = self._context.maximum_version = version

    def __enter__(self) -> str:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()
        return "{}:{}".format(*self._socket.getsockname())

    def _answer(self) -> None:
        sock, _ = self._socket.accept()
        try:
            self._context.wrap_socket(sock, server_side=True).close()
        except OSError:
            sock.close()

    def __exit__(self, *_: object) -> None:
        self._thread.join(20)
        self._socket.close()


def test_a_listener_without_a_demand_for_certificates_is_told_apart_by_its_pin(
    parties: Parties,
) -> None:
    """One that shows the pinned certificate and asks for none: the connecting end shows its own to whoever asks."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(parties.stranger.certificate_path, parties.stranger.key_path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = "{}:{}".format(*server.getsockname())

        def answer() -> None:
            sock, _ = server.accept()
            try:
                context.wrap_socket(sock, server_side=True).close()
            except OSError:
                sock.close()

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        with pytest.raises(TransportError, match="is not one that you have named"):
            connect(address, parties.globex, [parties.acme.public], timeout=20)
        thread.join(20)


def test_the_connecting_ends_byte_for_byte_pin_holds_without_openssl(
    parties: Parties, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second line of defence alone, at the connecting end: its TLS layer is made to trust the stranger."""

    def trusting(end: LinkEnd, *rest: Any) -> ssl.SSLContext:
        context = make_context(end, *rest)
        context.load_verify_locations(cadata=parties.stranger.public.der)
        return context

    monkeypatch.setattr(tls, "make_context", trusting)
    with Listener("127.0.0.1:0", parties.stranger, [parties.globex.public], timeout=30) as listening:
        with pytest.raises(TransportError, match="is not one that you have named") as refused:
            connect(listening.address, parties.globex, [parties.acme.public], timeout=30)
        assert parties.stranger.fingerprint.hex() in str(refused.value)


def test_a_connection_cut_without_tls_end_is_an_error_at_both_ends(parties: Parties) -> None:
    """What came is read; then a cut is told from a peer that closed."""
    with Listener("127.0.0.1:0", parties.acme, [parties.globex.public], timeout=30) as listening:
        sock = rawtls.client(listening.address, parties.acme.public, parties.globex)
        with listening.accept() as channel:
            sock.sendall(b"\0\0\0\x02\x01x")
            rawtls.vanish(sock)
            assert channel.receive() == Frame(1, b"x")
            with pytest.raises(TransportError, match="dropped the connection"):
                channel.receive()
    with (
        rawtls.server(parties.acme, parties.globex.public) as (address, accepted),
        connect(address, parties.globex, [parties.acme.public], timeout=30) as channel,
    ):
        while not accepted:
            time.sleep(0.001)
        accepted[0].sendall(b"\0\0\0\x02\x01x")
        rawtls.vanish(accepted.pop())
        assert channel.receive() == Frame(1, b"x")
        with pytest.raises(TransportError, match="dropped the connection"):
            channel.receive()


@pytest.mark.parametrize("whose", ["own", "peer"])
@pytest.mark.parametrize("days", [-400, 400])
def test_a_certificate_that_is_not_valid_now_is_refused_before_anybody_is_called(
    parties: Parties, tmp_path: Path, whose: str, days: int
) -> None:
    """At either end, one's own and any of the peers': expired, or not valid yet."""
    now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    other = Identity.create("initech", tmp_path, now=now, days=300)
    own, peers = (other, [parties.acme.public])
    if whose == "peer":
        own, peers = parties.globex, [parties.acme.public, other.public]
    with pytest.raises(InputError, match=r"expired on|not valid before|clock"):
        connect("127.0.0.1:1", own, peers, timeout=1)
    with pytest.raises(InputError, match=r"expired on|not valid before|clock"):
        Listener("127.0.0.1:0", own, peers, timeout=1)
