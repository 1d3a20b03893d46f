"""What a listener shows and whom it lets in, while both change; and where it listens."""

from __future__ import annotations

import hashlib
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import rawtls
from support.handshakes import Parties, close_both, expect_honest_peer_served, wait_for_log

from psi.identity.identity import Identity
from psi.transport import listening, tls
from psi.transport.address import Address
from psi.transport.credentials import Credentials
from psi.transport.listening import address_of, open_sockets
from psi.transport.pinning import server_name
from psi.transport.tls import Listener, connect
from psiselect.base.errors import InputError, TransportError, UsageError


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """Acme's next identity, valid for longer than its first."""
    return Identity.create("acme-2", tmp_path_factory.mktemp("later"), days=3000)


class Now:
    """The listener's clock."""

    def __init__(self) -> None:
        self.moment = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.moment


def shown(listener: Listener, parties: Parties, *pinned: Identity) -> Identity:
    """Which of the identities Globex is shown when it pins these."""
    there = connect(listener.address, parties.globex, [one.public for one in pinned], timeout=30)
    here = listener.accept()
    assert here.own_fingerprint == there.peer_fingerprint
    close_both(here, there)
    return next(one for one in pinned if one.fingerprint == there.peer_fingerprint)


def test_each_peer_is_shown_the_identity_that_it_has_pinned(parties: Parties, later: Identity) -> None:
    with Listener("127.0.0.1:0", [parties.acme, later], [parties.globex.public], timeout=30) as listener:
        assert shown(listener, parties, parties.acme) is parties.acme
        assert shown(listener, parties, later) is later
        assert shown(listener, parties, later, parties.acme) is later  # the first one named
        assert shown(listener, parties, parties.stranger, parties.acme) is parties.acme  # an unknown name


def test_who_asks_for_none_gets_the_first(parties: Parties, later: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "server_name", lambda fingerprint: None)
    with Listener("127.0.0.1:0", [later, parties.acme], [parties.globex.public], timeout=30) as listener:
        assert shown(listener, parties, later) is later
        with pytest.raises(TransportError, match="is not one that you have named"):
            connect(listener.address, parties.globex, [parties.acme.public], timeout=30)


def test_the_name_asked_for_is_the_stated_hash(parties: Parties) -> None:
    digest = hashlib.sha256(b"psiselect-v1 server name\x00" + parties.acme.fingerprint).hexdigest()
    assert server_name(parties.acme.fingerprint) == f"{digest[:32]}.psiselect.invalid"


def test_an_expired_identity_is_not_shown_whatever_the_callers_clock_says(
    parties: Parties, later: Identity, caplog: pytest.LogCaptureFixture
) -> None:
    now = Now()
    with Listener("127.0.0.1:0", parties.acme, [parties.globex.public], timeout=30) as listener:
        listener.renew(Credentials([parties.acme, later], [parties.globex.public], now))
        now.moment = parties.acme.public.not_after  # the last moment
        assert shown(listener, parties, parties.acme) is parties.acme
        now.moment += timedelta(seconds=1)
        with pytest.raises(TransportError, match=r"the certificate of the other program.* has expired. Ask the peer"):
            connect(listener.address, parties.globex, [parties.acme.public], timeout=30)
        assert "your own certificate, 'acme', has expired" in wait_for_log(caplog, "refused a connection")
        assert shown(listener, parties, later) is later
        assert shown(listener, parties, parties.stranger, later) is later  # the first that is valid
        now.moment = later.public.not_after + timedelta(seconds=1)
        for pinned in (later, parties.acme, parties.stranger):
            with pytest.raises(TransportError, match=r"the certificate of the other program.* has expired"):
                connect(listener.address, parties.globex, [pinned.public], timeout=30)
        now.moment = datetime.now(UTC)
        expect_honest_peer_served(listener, parties)


def test_renewed_credentials_hold_from_the_next_caller_on(parties: Parties, later: Identity) -> None:
    with Listener("127.0.0.1:0", parties.acme, [parties.globex.public], timeout=30) as listener:
        there = connect(listener.address, parties.globex, [parties.acme.public], timeout=30)
        here = listener.accept()
        listener.renew(Credentials([later], [parties.stranger.public]))
        other = connect(listener.address, parties.stranger, [later.public], timeout=30)
        assert listener.accept().peer_fingerprint == parties.stranger.fingerprint
        late = connect(listener.address, parties.globex, [later.public], timeout=30)
        with pytest.raises(TransportError, match="the other program does not know your certificate"):
            late.receive(30)
        assert here.own_fingerprint == there.peer_fingerprint == parties.acme.fingerprint
        close_both(here, there)
        other.break_off("over")


class NoSlots:
    def enter(self, peer: bytes) -> bool:
        return False

    def leave(self, peer: bytes) -> None:
        raise AssertionError("nobody entered")


def test_a_peer_that_is_removed_while_it_waits_is_turned_away(
    parties: Parties, caplog: pytest.LogCaptureFixture
) -> None:
    slots = NoSlots()
    with Listener("127.0.0.1:0", parties.acme, [parties.globex.public], timeout=30, slots=slots) as listener:
        with rawtls.client(listener.address, parties.acme.public, parties.globex):
            reception = listener._reception
            while not reception._waiting():
                pass
            slots.enter = lambda peer: True  # type: ignore[method-assign]
            listener.renew(Credentials([parties.acme], [parties.stranger.public]))
            assert "turned away globex" in wait_for_log(caplog, "turned away")
        assert not listener._ready


def test_what_cannot_be_used_is_refused_as_a_whole(parties: Parties, tmp_path: Path) -> None:
    past = datetime.now(UTC) - timedelta(days=400)
    expired = Identity.create("expired", tmp_path, days=300, now=past)
    for identities, peers, kind in (
        ([], [parties.globex], UsageError),
        ([parties.acme], [], UsageError),
        ([parties.acme, parties.globex], [parties.globex], UsageError),
        ([parties.acme, expired], [parties.globex], InputError),
        ([parties.acme], [parties.globex, expired], InputError),
    ):
        with pytest.raises(kind):
            Credentials(identities, [peer.public for peer in peers])


# ---- where it listens


def test_a_listener_has_several_addresses(parties: Parties) -> None:
    wanted = ["127.0.0.1:0", "127.0.0.1:0"]
    with Listener(wanted, parties.acme, [parties.globex.public], timeout=30) as listener:
        assert len(set(listener.addresses)) == 2
        assert listener.address == listener.addresses[0]
        for address in listener.addresses:
            there = connect(address, parties.globex, [parties.acme.public], timeout=30)
            close_both(listener.accept(), there)
    for address in listener.addresses:
        with pytest.raises(ConnectionError):
            rawtls.dial(address)


def test_a_star_is_both_families_on_one_port(parties: Parties) -> None:
    with Listener("*:0", parties.acme, [parties.globex.public], timeout=30) as listener:
        if len(listener.addresses) == 1:
            pytest.skip("this machine has one family of addresses only")
        ports = {Address.parse(address).port for address in listener.addresses}
        assert [Address.parse(address).host for address in listener.addresses] == ["0.0.0.0", "::"]
        assert len(ports) == 1
        for host in ("127.0.0.1", "[::1]"):
            there = connect(f"{host}:{next(iter(ports))}", parties.globex, [parties.acme.public], timeout=30)
            close_both(listener.accept(), there)


def test_a_star_on_a_machine_without_one_family(monkeypatch: pytest.MonkeyPatch) -> None:
    create = socket.create_server
    for missing in (socket.AF_INET, socket.AF_INET6):

        def one_family(name: object, *, family: int, backlog: int, missing: int = missing) -> socket.socket:
            if family == missing:
                raise OSError(97, "Address family not supported by protocol")
            return create(("127.0.0.1", 0), family=socket.AF_INET, backlog=backlog)

        monkeypatch.setattr(listening.socket, "create_server", one_family)
        (only,) = open_sockets([Address("*", 0)], "listen")
        only.close()


def test_a_failure_closes_what_was_opened_and_says_what_to_do() -> None:
    (taken,) = open_sockets([Address("127.0.0.1", 0)], "listen")
    (free,) = open_sockets([Address("127.0.0.1", 0)], "listen")
    first, second = address_of(free), address_of(taken)
    free.close()
    with pytest.raises(TransportError) as failed:
        open_sockets([first, second], "listen")
    remedy = "Stop the program that listens there, or choose another port"
    assert str(failed.value) == f"cannot listen on {second}: Address already in use. {remedy}"
    (again,) = open_sockets([first], "listen")  # the first one was closed
    again.close()
    taken.close()
    with pytest.raises(TransportError, match="This machine does not have that address"):
        open_sockets([Address("192.0.2.1", 0)], "listen")


def test_a_star_is_an_address_to_listen_at_only() -> None:
    assert Address.parse("*:7001", every=True) == ("*", 7001)
    for text, every in (("*:7001", False), ("*x:7001", True), ("*:70000", True)):
        with pytest.raises(UsageError):
            Address.parse(text, every=every)
