"""A party that floods its link below the record layer: at either end the link is lost at once, and closing ends."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from support import floods
from support.floods import Flooder, Sealer
from support.mpc_processes import free_port

from mpc.mesh import Connected, Lost, Mesh
from mpc.parties import PartyEntry, PartyList, PartyRole
from psi.identity.identity import Identity
from psi.transport import stream, tlschannel
from psi.transport.address import Address
from psiselect.base.errors import RemoteError

Identities = dict[str, Identity]
LATE = 2.0  # seconds by which a deadline may be missed on a busy machine


@pytest.fixture(scope="module")
def identities(tmp_path_factory: pytest.TempPathFactory) -> Identities:
    folder = tmp_path_factory.mktemp("keys")
    return {name: Identity.create(name, folder) for name in ("alice", "bob")}


def two(identities: Identities, address: Address) -> PartyList:
    return PartyList(tuple(PartyEntry(n, PartyRole.BOTH, i.public.der, address) for n, i in identities.items()))


@contextlib.contextmanager
def alice(identities: Identities) -> Iterator[tuple[Mesh, Flooder]]:
    """She listens; Bob is played by hand."""
    address = Address("127.0.0.1", free_port())
    links = Mesh(two(identities, address), "alice", identities["alice"], 60)
    yield links, floods.client(str(address), identities["alice"].public, identities["bob"])


@contextlib.contextmanager
def bob(identities: Identities) -> Iterator[tuple[Mesh, Flooder]]:
    """He connects; Alice is played by hand."""
    with floods.server(identities["alice"], identities["bob"].public) as (address, connected):
        links = Mesh(two(identities, Address.parse(address)), "bob", identities["bob"], 60)
        yield links, connected()


Who = Callable[[Identities], contextlib.AbstractContextManager[tuple[Mesh, Flooder]]]


@pytest.mark.parametrize("who", [alice, bob])
def test_a_party_that_floods_its_link_has_lost_it(identities: Identities, who: Who) -> None:
    with who(identities) as (links, peer), peer.flooding(Sealer.key_updates_asked):
        assert isinstance(links.events.get(timeout=30), Connected)
        lost = links.events.get(timeout=5)
        assert isinstance(lost, Lost)
        assert isinstance(lost.error, RemoteError)
        assert "TLS records without data" in str(lost.error)
        peer.close()
        links.close()


@pytest.mark.parametrize("who", [alice, bob])
def test_a_flooded_party_ends_its_links(identities: Identities, who: Who, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even were there no limit to such a flood: closing ends in time, and no thread is left."""
    monkeypatch.setattr(stream, "_SPARE_BYTES", 1 << 60)
    monkeypatch.setattr(tlschannel, "_LINGER_SECONDS", 0.3)
    with who(identities) as (links, peer), peer.flooding(Sealer.key_updates_asked):
        assert isinstance(links.events.get(timeout=30), Connected)
        time.sleep(0.1)
        (channel,) = links._channels.values()
        began = time.monotonic()
        links.close()
        assert time.monotonic() - began < 0.3 + LATE
        assert channel._thread not in threading.enumerate()
