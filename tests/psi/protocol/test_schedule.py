"""Which runs a session has, in which order, and whose word counts about a minimum."""

from __future__ import annotations

import itertools

import pytest
from support.parties import RAW, declared, pump, setup, terms

from psi.agreement.modes import Comparer, Learner, Matching, Reveal, Side
from psi.protocol import messages
from psi.protocol.messages import MessageType as M
from psi.protocol.party import Party
from psi.protocol.schedule import PlannedRun, plan
from psiselect.base.errors import MinimumError, RemoteError

C, L = Side.CONNECT, Side.LISTEN
OTHER = {"min_matches": 3, "min_matches_by": Comparer.OTHER}
# number, receiver, list, reveal, gate
PLANS: dict[str, tuple[dict[str, object], list[tuple[object, ...]]]] = {
    "connect": ({"learn": Learner.CONNECT}, [(1, C, 0, Reveal.MATCHES, False)]),
    "listen": ({"learn": Learner.LISTEN, "reveal": Reveal.COUNT}, [(1, L, 0, Reveal.COUNT, False)]),
    "both": ({"learn": Learner.BOTH}, [(1, C, 0, Reveal.MATCHES, False), (2, L, 0, Reveal.MATCHES, False)]),
    "both, two lists": (
        {"learn": Learner.BOTH, "keys": (RAW, RAW)},
        [(1 + n, side, n % 2, Reveal.MATCHES, False) for n, side in enumerate((C, C, L, L))],
    ),
    "two keys, one list": (
        {"keys": (RAW, RAW), "matching": Matching.ONE_TO_ONE},
        [(1, C, 0, Reveal.MATCHES, False)],
    ),
    "a gate": (OTHER, [(1, L, 0, Reveal.COUNT, True), (2, C, 0, Reveal.MATCHES, False)]),
    "a gate, listen learns": (
        {**OTHER, "learn": Learner.LISTEN},
        [(1, C, 0, Reveal.COUNT, True), (2, L, 0, Reveal.MATCHES, False)],
    ),
    "a gate, two lists": (
        {**OTHER, "keys": (RAW, RAW)},
        [
            (1, L, 0, Reveal.COUNT, True),
            (2, L, 1, Reveal.COUNT, True),
            (3, C, 0, Reveal.MATCHES, False),
            (4, C, 1, Reveal.MATCHES, False),
        ],
    ),
}


@pytest.mark.parametrize("name", PLANS)
def test_runs_come_in_the_order_of_the_specification(name: str) -> None:
    """The connecting side learns first; the runs of a gate come before all others."""
    changes, expected = PLANS[name]
    assert plan(terms(**changes)) == tuple(PlannedRun(*run) for run in expected)


@pytest.mark.parametrize(("least", "passes"), [(3, True), (4, True), (5, False)])
def test_a_gate_of_several_lists_counts_all_their_matches_together(least: int, passes: bool) -> None:
    """Two matches in each of two lists. Below the minimum nothing of the comparer's own list has left it."""
    agreed = terms(keys=(RAW, RAW), min_matches=least, min_matches_by=Comparer.OTHER)
    lists = {C: [b"a", b"b", b"x"], L: [b"a", b"b", b"y"]}
    parties = {side: Party(setup(side, lists[side], agreed, sizes=(3, 3))) for side in Side}
    sent: list[int] = []

    def watch(side: Side, frame: object) -> None:
        if side is L:
            sent.append(frame.type)  # type: ignore[attr-defined]

    if passes:
        pump(parties, watch)
        assert parties[L].outcome.counts == (2, 2)
        return
    with pytest.raises(MinimumError):
        pump(parties, watch)
    assert {M.REPLIES, M.TAGS, M.FINISH}.isdisjoint(sent)
    assert sent.count(M.ELEMENTS_END) == 2
    assert parties[L].record == {}


@pytest.mark.parametrize(
    ("least", "by", "learn", "side"), list(itertools.product((None, 3), Comparer, Learner, Side)), ids=repr
)
def test_a_minimum_is_believed_only_of_the_peer_that_compares(
    least: int | None, by: Comparer, learn: Learner, side: Side
) -> None:
    if by is Comparer.OTHER and (least is None or learn is Learner.BOTH):
        pytest.skip("there are no such terms")
    """And not before both sizes are known: nobody has compared anything by then."""
    agreed = terms(min_matches=least, min_matches_by=by, learn=learn)
    told = messages.abort_frame(MinimumError("too few"))
    compares = by is Comparer.OTHER and side in learn.receivers
    for sized in (False, True):
        parties = {one: Party(setup(one, [b"a"], agreed)) for one in Side}
        sizes = declared(parties)
        if sized:
            parties[side].receive(sizes[side.other])
        with pytest.raises(MinimumError if compares and sized else RemoteError) as caught:
            parties[side].receive(told)
        assert ("had no right to check" in str(caught.value)) is not (compares and sized)
