"""What a party says of its work, before and after it knows how much there is."""

from __future__ import annotations

from support.parties import declared, pump, setup, terms

from psi.agreement.modes import Side
from psi.protocol.party import Party


def test_the_work_is_known_once_the_peers_sizes_are() -> None:
    items = {Side.CONNECT: [b"a", b"b", b"c"], Side.LISTEN: [b"b", b"d"]}
    parties = {side: Party(setup(side, items[side], terms())) for side in Side}
    sizes = declared(parties)
    for side, party in parties.items():
        assert (party.own_size, party.peer_size) == (len(items[side]), 0)
        assert party.total_operations == party.done_operations == 0
        party.receive(sizes[side.other])
        assert party.peer_size == len(items[side.other])
    # The receiver masks its items and unmasks them; the sender masks those and its own.
    assert [parties[side].total_operations for side in (Side.CONNECT, Side.LISTEN)] == [6, 5]


def test_all_work_is_counted() -> None:
    parties = {side: Party(setup(side, [b"a", b"b"], terms())) for side in Side}
    pump(parties)
    assert all(party.done_operations == party.total_operations == 4 for party in parties.values())
