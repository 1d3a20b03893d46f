"""Sizes at their limits: a list as long as allowed is taken, one item more is refused."""

from __future__ import annotations

import pytest
from support.parties import RAW, declared, pump, run, setup, terms

from psi.agreement.modes import Learner, Matching, Reveal, Side
from psi.protocol.party import Party
from psiselect.base.errors import InputError, PolicyError, RemoteError

ITEMS = [b"%d" % n for n in range(7)]
SUM = {"reveal": Reveal.SUM, "value_decimals": 0}


@pytest.mark.parametrize("side", Side, ids=lambda side: side.value)
def test_a_peers_list_may_be_as_long_as_the_policy_allows(side: Side) -> None:
    """The sizes of all its lists together."""
    for allowed, peer in ((7, ITEMS), (0, [])):
        parties = {s: Party(setup(s, peer if s is side.other else [], max_peer_size=allowed)) for s in Side}
        pump(parties)
        assert parties[side].peer_size == allowed
    parties = {s: Party(setup(s, ITEMS if s is side.other else [], max_peer_size=6)) for s in Side}
    sizes = declared(parties)
    with pytest.raises(PolicyError, match="list has 7 keys, but --max-peer-size allows at most 6"):
        parties[side].receive(sizes[side.other])


@pytest.mark.parametrize("changes", [{}, {"matching": Matching.ONE_TO_ONE}], ids=["two lists", "linked rows"])
def test_all_elements_of_a_peer_count_together(changes: dict[str, object]) -> None:
    """Two lists of four items, or one of four rows with two keys each: eight elements to mask."""
    agreed = terms(keys=(RAW, RAW), **changes)
    for allowed in (8, 7):
        asked: list[int] = []
        policy = {"max_peer_size": allowed, "check_size": asked.append}
        sizes = {Side.LISTEN: (0,) * agreed.lists, Side.CONNECT: (4,) * agreed.lists}
        parties = {s: Party(setup(s, [], agreed, sizes=sizes[s], **(policy if s is Side.LISTEN else {}))) for s in Side}
        frames = declared(parties)
        if allowed == 8:
            parties[Side.LISTEN].receive(frames[Side.CONNECT])
            assert asked == [4 * agreed.lists]  # a policy speaks of items
            continue
        with pytest.raises(PolicyError, match="list has 8 keys"):
            parties[Side.LISTEN].receive(frames[Side.CONNECT])
        assert asked == []


def test_padding_may_be_as_long_as_the_list_and_no_shorter() -> None:
    assert run(ITEMS, ITEMS, terms(pad_to=7))[Side.CONNECT].outcome.matches == 7
    with pytest.raises(InputError, match="7"):
        Party(setup(Side.CONNECT, ITEMS, terms(pad_to=6)))


@pytest.mark.parametrize(("least", "withheld"), [(7, False), (8, True)])
def test_as_many_matches_as_the_minimum_are_shown(least: int, withheld: bool) -> None:
    learner = run(ITEMS, ITEMS, terms(min_matches=least))[Side.CONNECT]
    assert learner.outcome.withheld is withheld
    assert learner.outcome.matches == (None if withheld else 7)


def test_totals_may_be_as_large_as_64_bits_hold() -> None:
    """By the sizes that both declare, before any element. The peer is at fault: this side holds its own list against
    the terms before it calls."""
    most = (2**63 - 1) // 7
    for largest, fits in ((most, True), (most + 1, False)):
        agreed = terms(**SUM, value_max=str(largest), learn=Learner.CONNECT)
        parties = {Side.CONNECT: Party(setup(Side.CONNECT, [], agreed)),
                   Side.LISTEN: Party(setup(Side.LISTEN, ITEMS, agreed))}  # fmt: skip
        sizes = declared(parties)
        if fits:
            parties[Side.CONNECT].receive(sizes[Side.LISTEN])
        else:
            with pytest.raises(RemoteError, match=r"is too long for the agreed settings.*too large") as caught:
                parties[Side.CONNECT].receive(sizes[Side.LISTEN])
            assert caught.value.term == "sizes"
