"""Sizes at their limits: a list as long as allowed is taken, one item more is refused."""

from __future__ import annotations

import pytest
from support.parties import RAW, pump, run, setup, terms

from psi.agreement.modes import Learner, Reveal, Side
from psi.protocol.party import Party
from psiselect.base.errors import InputError, PolicyError, UsageError

ITEMS = [b"%d" % n for n in range(7)]
SUM = {"reveal": Reveal.SUM, "value_decimals": 0}


@pytest.mark.parametrize("side", Side, ids=lambda side: side.value)
def test_a_peers_list_may_be_as_long_as_the_policy_allows(side: Side) -> None:
    """The sizes of all its lists together."""
    for allowed, peer in ((7, ITEMS), (0, [])):
        parties = {s: Party(setup(s, peer if s is side.other else [], max_peer_size=allowed)) for s in Side}
        pump(parties)
        assert parties[side].peer_size == allowed
    party = Party(setup(side, [], max_peer_size=6))
    party.start()
    with pytest.raises(PolicyError, match="list of 7 items, more than --max-peer-size 6"):
        party.receive(Party(setup(side.other, ITEMS)).start()[0])


def test_all_lists_of_a_peer_count_together() -> None:
    agreed = terms(keys=(RAW, RAW))
    for allowed in (8, 7):
        party = Party(setup(Side.LISTEN, [], agreed, sizes=(0, 0), max_peer_size=allowed))
        party.start()
        hello = Party(setup(Side.CONNECT, [], agreed, sizes=(4, 4))).start()[0]
        if allowed == 8:
            party.receive(hello)
            continue
        with pytest.raises(PolicyError, match="list of 8 items"):
            party.receive(hello)


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
    """By the sizes of both hellos, before any element."""
    most = (2**63 - 1) // 7
    for largest, fits in ((most, True), (most + 1, False)):
        agreed = terms(**SUM, value_max=str(largest), learn=Learner.CONNECT)
        party = Party(setup(Side.CONNECT, [], agreed))
        party.start()
        hello = Party(setup(Side.LISTEN, ITEMS, agreed)).start()[0]
        if fits:
            party.receive(hello)
        else:
            with pytest.raises(UsageError, match="64 bits"):
                party.receive(hello)
