"""What a party says of its work, before and after it knows how much there is, and what it keeps meanwhile."""

from __future__ import annotations

from collections.abc import Callable

from support.parties import declared, pump, setup, terms

from psi.agreement.modes import Learner, Side
from psi.protocol.messages import MessageType as M
from psi.protocol.party import Party
from psi.store.spool import Store
from psi.transport.wire import Frame


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


class Noted(Store):
    """It knows whether it was closed."""

    closed = False

    def close(self) -> None:
        super().close()
        self.closed = True


def test_what_a_sender_kept_is_dropped_at_the_end_of_its_run() -> None:
    """A receiver's tags are needed until the session is over. Both sides learn: one receives first, the other last."""
    made: dict[Side, list[Noted]] = {side: [] for side in Side}

    def stores(side: Side) -> Callable[[], Store]:
        def store() -> Store:
            made[side].append(Noted())
            return made[side][-1]

        return store

    agreed = terms(learn=Learner.BOTH)
    parties = {side: Party(setup(side, [b"a", b"b"], agreed, stores=stores(side))) for side in Side}
    dropped: dict[Side, list[bool]] = {}

    def watch(side: Side, frame: Frame) -> None:
        if frame.type == M.FINISH:
            dropped[side] = [store.closed for store in made[side]]

    pump(parties, watch)
    assert sorted(dropped.values()) == [[False, True], [True, False]]
    assert all(store.closed for stores in made.values() for store in stores)
