"""Slots: who has one, whose results are still to be written, and how sessions ended."""

from __future__ import annotations

from psi.serve.serving import Counts, ServeLimits, SessionSlots

A, B, C = (bytes([number]) * 32 for number in range(3))


def test_places_are_counted_in_all_and_by_peer() -> None:
    slots = SessionSlots(ServeLimits(total=3, each=2, proof_seconds=60))
    assert [slots.enter(peer) for peer in (A, A, A, B, C)] == [True, True, False, True, False]
    slots.leave(A)
    assert not slots.wait_empty(0)
    assert [slots.enter(peer) for peer in (C, A)] == [True, False]
    for peer in (A, B, C):
        slots.leave(peer)
    assert slots.wait_empty(0)
    assert [slots.enter(A) for _ in range(3)] == [True, True, False]


def test_a_slot_is_free_while_the_result_of_its_session_is_written_once() -> None:
    """Twice in a row: the third would have to wait, so that results which nobody writes do not pile up."""
    rules = ServeLimits(total=3, each=1, proof_seconds=60)
    assert rules.most_unwritten == 6
    slots = SessionSlots(rules)
    assert slots.enter(A)
    slots.vacate(A)
    assert slots.unwritten == 1
    assert [slots.enter(peer) for peer in (A, A, B, C)] == [True, False, True, True]
    for peer in (A, B, C):
        slots.vacate(peer)
    assert [slots.enter(peer) for peer in (A, B, C)] == [False, True, True]
    for peer in (B, C):
        slots.leave(peer)
    assert not slots.wait_empty(0)
    for _ in range(2):
        slots.written(A)
    assert slots.unwritten == 2
    assert slots.enter(A)
    slots.leave(A)
    for peer in (B, C):
        slots.written(peer)
    assert slots.wait_empty(0)


def test_all_results_that_are_not_written_are_bounded() -> None:
    slots = SessionSlots(ServeLimits(total=2, each=2, proof_seconds=60))
    for _ in range(2):
        assert [slots.enter(A), slots.enter(B)] == [True, True]
        slots.vacate(A)
        slots.vacate(B)
    assert not slots.enter(C)
    slots.written(B)
    assert slots.enter(C)


def test_sessions_are_counted() -> None:
    slots = SessionSlots(ServeLimits(2, 1, 60))
    for _ in range(3):
        slots.begun()
    slots.ended(well=True)
    slots.ended(well=False)
    assert slots.counts == Counts(running=1, done=1, failed=1)
