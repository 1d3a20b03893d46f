"""Who gets a channel, who does not, and what each side is told."""

from __future__ import annotations

import datetime
import logging
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID
from support import rawtls
from support.handshakes import Parties, close_both, expect_honest_peer_served, http, wait_for_log

from psi.identity.identity import Identity, PeerIdentity
from psi.transport.tls import Listener, connect
from psi.transport.tlschannel import TlsChannel
from psi.transport.wire import Frame
from psiselect.base.errors import TransportError


def test_a_stranger_is_refused_and_told_why_and_the_listener_goes_on(
    listener: Listener, parties: Parties, caplog: pytest.LogCaptureFixture
) -> None:
    with connect(listener.address, parties.stranger, [parties.acme.public], timeout=30) as channel:
        with pytest.raises(TransportError, match="the other program does not know your certificate"):
            channel.receive()
        with pytest.raises(TransportError, match="the other program does not know your certificate"):
            channel.send(Frame(1, b""))
    message = wait_for_log(caplog, "is not one that you have named")
    assert parties.stranger.fingerprint.hex() in message
    assert "127.0.0.1" in message
    assert "BEGIN CERTIFICATE" not in message
    expect_honest_peer_served(listener, parties)


def test_a_client_is_told_why_even_if_it_sends_first(listener: Listener, parties: Parties) -> None:
    """The refusal is read although writing fails first."""
    with (
        connect(listener.address, parties.stranger, [parties.acme.public], timeout=30) as channel,
        pytest.raises(TransportError, match="the other program does not know your certificate"),
    ):
        send_much(channel)


def send_much(channel: TlsChannel) -> None:
    for _ in range(1000):
        channel.send(Frame(1, bytes(100_000)))


def test_a_listener_that_is_not_pinned_is_refused_by_its_fingerprint(
    parties: Parties, caplog: pytest.LogCaptureFixture
) -> None:
    with Listener("127.0.0.1:0", parties.stranger, [parties.globex.public], timeout=30) as listening:
        with pytest.raises(TransportError, match="not one that you have named") as refused:
            connect(listening.address, parties.globex, [parties.acme.public], timeout=30)
        wait_for_log(caplog, "the other program does not know your certificate")
    assert parties.stranger.fingerprint.hex() in str(refused.value)
    assert listening.address in str(refused.value)


def no_certificate(address: str, parties: Parties) -> None:
    sock = rawtls.client(address, parties.acme.public, None)
    with pytest.raises(ssl.SSLError, match=r"(?i)certificate.required"):
        sock.recv(1)
    sock.close()


def garbage(address: str, parties: Parties) -> None:
    with rawtls.dial(address) as sock:
        sock.sendall(bytes(range(1, 256)) * 8)
        while sock.recv(4096):
            pass


def old_tls(address: str, parties: Parties) -> None:
    with pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"):
        rawtls.client(address, parties.acme.public, parties.globex, version=ssl.TLSVersion.TLSv1_2)


def hangs_up(address: str, parties: Parties) -> None:
    rawtls.dial(address).close()


def hangs_up_in_the_handshake(address: str, parties: Parties) -> None:
    with rawtls.dial(address) as sock:
        sock.sendall(bytes.fromhex("16030100c8010000c4"))


@pytest.mark.parametrize(
    ("visit", "logged"),
    [
        (no_certificate, "the other program showed no certificate"),
        (http, "the other program does not use encryption (TLS) but HTTP"),
        (garbage, "the other program does not use encryption (TLS)"),
        (old_tls, "the other program does not use TLS 1.3"),
        (hangs_up, "the other program dropped the connection"),
        (hangs_up_in_the_handshake, "the other program dropped the connection"),
    ],
)
def test_other_visitors_are_logged_with_the_reason_and_the_listener_goes_on(
    listener: Listener,
    parties: Parties,
    caplog: pytest.LogCaptureFixture,
    visit: Callable[[str, Parties], None],
    logged: str,
) -> None:
    visit(listener.address, parties)
    wait_for_log(caplog, logged)
    expect_honest_peer_served(listener, parties)


@pytest.mark.parametrize(
    ("made", "logged", "told"),
    [
        (
            -datetime.timedelta(days=30),
            "has expired",
            "the other program refused your certificate, which has expired",
        ),
        (
            datetime.timedelta(days=30),
            "is not valid yet",
            "the other program refused your certificate, which is not valid yet by the other clock",
        ),
    ],
)
def test_a_pinned_certificate_outside_its_dates_is_refused_in_the_handshake(
    parties: Parties,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    made: datetime.timedelta,
    logged: str,
    told: str,
) -> None:
    """As when it expires between loading and connecting: loading refuses it by itself, so that is switched off."""
    monkeypatch.setattr(PeerIdentity, "require_valid", lambda self, now=None: None)
    late = Identity.create("late", tmp_path, days=10, now=datetime.datetime.now(datetime.UTC) + made)
    with (
        Listener("127.0.0.1:0", parties.acme, [late.public], timeout=30) as listening,
        connect(listening.address, late, [parties.acme.public], timeout=30) as channel,
    ):
        with pytest.raises(TransportError, match=told):
            channel.receive()
        assert late.fingerprint.hex() in wait_for_log(caplog, logged)


def minted_by(issuer: Identity, name: str, folder: Path, *, anew: bool = False) -> tuple[str, str]:
    """Files of a certificate that `issuer` made for `name`: over a fresh key, or over its own key `anew`."""
    text = issuer.key_path.read_bytes()
    issuer_key = serialization.load_pem_private_key(text[: text.index(b"-----END") + 26], None)
    assert isinstance(issuer_key, Ed25519PrivateKey)
    key = issuer_key if anew else Ed25519PrivateKey.generate()
    now = datetime.datetime.now(datetime.UTC)
    own = x509.load_der_x509_certificate(issuer.public.der)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(own.subject if anew else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(own.subject)
        .serial_number(99)
        .public_key(key.public_key())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(issuer_key, None)
    )
    crt, pem = folder / "minted.crt", folder / "minted.key"
    crt.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + own.public_bytes(serialization.Encoding.PEM))
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(crt), str(pem)


@pytest.mark.parametrize("name", ["acme", "globex", "somebody"])
def test_a_pinned_peer_cannot_mint_anothers_name(
    listener: Listener, parties: Parties, tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    chain = minted_by(parties.globex, name, tmp_path)
    sock = rawtls.client(listener.address, parties.acme.public, None, chain=chain)
    with pytest.raises(ssl.SSLError, match=r"(?i)unknown.ca"):
        sock.recv(1)
    sock.close()
    wait_for_log(caplog, "was issued by somebody else" if name != "globex" else "refused a connection")
    expect_honest_peer_served(listener, parties)


def test_a_pinned_key_with_another_certificate_is_refused(
    listener: Listener, parties: Parties, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Pinned is the certificate, byte for byte, not its key."""
    chain = minted_by(parties.globex, "globex", tmp_path, anew=True)
    sock = rawtls.client(listener.address, parties.acme.public, None, chain=chain)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        sock.recv(1)
    sock.close()
    wait_for_log(caplog, "refused a connection")
    expect_honest_peer_served(listener, parties)


def test_the_byte_for_byte_pin_holds_without_openssl(
    listener: Listener, parties: Parties, caplog: pytest.LogCaptureFixture
) -> None:
    """The second line of defence alone: the TLS layer is made to trust the stranger."""
    listener._reception.credentials.context.load_verify_locations(cadata=parties.stranger.public.der)
    with (
        connect(listener.address, parties.stranger, [parties.acme.public], timeout=30) as channel,
        pytest.raises(TransportError),
    ):
        channel.receive()
    assert parties.stranger.fingerprint.hex() in wait_for_log(caplog, "is not one that you have named")
    expect_honest_peer_served(listener, parties)


def test_several_peers_are_told_apart_even_with_one_name(parties: Parties, tmp_path: Path) -> None:
    twin = Identity.create("globex", tmp_path)
    with Listener("127.0.0.1:0", parties.acme, [parties.globex.public, twin.public], timeout=30) as listening:
        for identity in (twin, parties.globex):
            there = connect(listening.address, identity, [parties.acme.public], timeout=30)
            here = listening.accept()
            assert here.peer_fingerprint == identity.fingerprint
            close_both(here, there)


def test_no_session_can_be_resumed(listener: Listener, parties: Parties) -> None:
    """A resumed session would not show certificates."""
    sock = rawtls.client(listener.address, parties.acme.public, parties.globex)
    with listener.accept() as channel:
        channel.send(Frame(1, b"x"))
        assert sock.recv(6) == b"\0\0\0\x02\x01x"
        assert sock.session is None or not sock.session.has_ticket
        sock.close()


def test_logging_the_refusal_is_at_warning_level(
    listener: Listener, parties: Parties, caplog: pytest.LogCaptureFixture
) -> None:
    """So that it shows on stderr of a program that has set up no logging."""
    http(listener.address, parties)
    wait_for_log(caplog, "the other program does not use encryption (TLS)")
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
