"""What is predicted of the fast protocol: bytes as they are sent, memory as it is taken, time that grows with both."""

from __future__ import annotations

import tracemalloc

import pytest
from support.fast import Listed, context, drive, every_kernels, without_curve
from support.parties import backend, pump, setup, terms

from psi.agreement.column_terms import ColumnTerms
from psi.agreement.modes import Learner, SessionProtocol, Side
from psi.fast import cost as engine
from psi.fast.receiver import FastReceiver
from psi.fast.sender import FastSender
from psi.protocol.messages import MessageType as M
from psi.protocol.party import Party
from psi.session import fast_cost
from psi.session.cost import CONTROL_BYTES, Bound, Machines, Sizes
from psi.session.fast_cost import FastCalibration
from psi.store.spool import Store

FAST = terms(protocol=SessionProtocol.FAST)
SPEED = FastCalibration("test", 2, 0.5, 4e-6, 1e-6, 3e-6, 2e-6, 8e-6)
CONTROL = (M.HELLO, M.AUTH, M.SIZES, M.FINISH)


@pytest.mark.parametrize("sizes", [(1, 1), (40, 7), (3, 90), (0, 5), (5, 0)])
@pytest.mark.parametrize("learn", [Learner.CONNECT, Learner.BOTH])
def test_bytes_are_those_that_are_sent(sizes: tuple[int, int], learn: Learner, monkeypatch: pytest.MonkeyPatch) -> None:
    without_curve(monkeypatch)
    agreed = terms(protocol=SessionProtocol.FAST, learn=learn)
    lists = {
        side: [b"%d" % n for n in range(size)] for side, size in zip((Side.CONNECT, Side.LISTEN), sizes, strict=True)
    }
    sent = dict.fromkeys(Side, 0)

    def watch(side: Side, frame: object) -> None:
        sent[side] += len(frame) if frame.type not in CONTROL else 0  # type: ignore[attr-defined,arg-type]

    parties = {side: Party(setup(side, lists[side], agreed)) for side in Side}
    pump(parties, watch)
    found = fast_cost.estimate(agreed, Sizes(*sizes), Machines.SHARED, None, None, SPEED)
    assert found.own_multiplications == found.peer_multiplications == 5 * 212 if learn is Learner.BOTH else 3 * 212
    assert found.bytes_sent - CONTROL_BYTES == sent[Side.CONNECT]
    assert found.bytes_received - CONTROL_BYTES == sent[Side.LISTEN]


def test_time_is_what_was_measured_of_each_side() -> None:
    found = fast_cost.estimate(FAST, Sizes(1000, 3000), Machines.APART, 1e8, None, SPEED)
    assert found.compute_seconds == pytest.approx(0.5 + 1000 * 6e-6 + 3000 * 4e-6)
    assert found.network_seconds == pytest.approx(8 * (found.bytes_sent + found.bytes_received) / 1e8)
    assert found.seconds == found.compute_seconds + found.network_seconds
    assert found.bound is Bound.COMPUTE
    labelled = terms(protocol=SessionProtocol.FAST, columns=ColumnTerms((), ("city",)), label_bytes=64)
    more = fast_cost.estimate(labelled, Sizes(1000, 3000), Machines.APART, None, None, SPEED)
    assert more.compute_seconds == pytest.approx(found.compute_seconds + 4000 * 8e-6)
    assert more.bytes_received > found.bytes_received + 3000 * 79
    two = terms(protocol=SessionProtocol.FAST, learn=Learner.BOTH)
    both = fast_cost.estimate(two, Sizes(1000, 3000), Machines.SHARED, None, None, SPEED)
    assert both.compute_seconds == pytest.approx(2 * 0.5 + 4000 * 10e-6)


def test_a_measurement_has_a_figure_for_each_side() -> None:
    """What it measures depends on the machine and its load; figures below zero are none."""
    found = fast_cost.calibrate(backend(), every_kernels()[-1], 1)
    assert found.fixed > 0
    assert found.sealing > 0
    assert min(found.receiver_own, found.receiver_peer, found.sender_own, found.sender_peer) >= 0


def test_the_figures_are_what_more_items_took(monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = every_kernels()[-1]
    count = fast_cost._ITEMS.get(kernels.name, 1 << 11)
    took = {
        (1, 1): (0.1, 0.2),
        (count, 1): (0.1 + count * 1e-6, 0.2 + count * 2e-6),
        (1, count): (0.05, 0.2 + count * 3e-6),
    }
    monkeypatch.setattr(fast_cost, "_seconds", lambda backend, kernels, own, peer: took[own, peer])
    monkeypatch.setattr(fast_cost.time, "perf_counter", lambda: 1.0)  # no other work
    found = fast_cost.calibrate(backend(), kernels, 1)
    assert found.fixed == pytest.approx(0.3)
    assert (found.receiver_own, found.sender_peer) == (pytest.approx(1e-6), pytest.approx(2e-6))
    assert (found.receiver_peer, found.sender_own) == (0.0, pytest.approx(3e-6))


@pytest.mark.skipif(len(every_kernels()) == 1, reason="too slow without compiled code")
@pytest.mark.parametrize("receives", [True, False])
def test_memory_is_not_more_than_is_said(receives: bool) -> None:
    """A side of 2^16 items: what it holds beside its list, tags included."""
    count = 1 << 16
    items = Listed.of([b"%d" % number for number in range(count)])
    few = [b"1"]
    drive(FastReceiver(context(few, 1)), FastSender(context(few, 1)))
    tracemalloc.start()
    try:
        kernels = every_kernels()[-1]
        own, peer = (items, few) if receives else (few, items)
        receiver = FastReceiver(context(own, len(peer), kernels=kernels, store=Store(), chunk=32767))
        sender = FastSender(context(peer, len(own), kernels=kernels, store=Store(), chunk=32767))
        drive(receiver, sender, keep=False)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The other side has slices of its own; tags are 10 bytes.
    assert most < engine.memory_bytes(count, receives=receives) + engine.memory_bytes(1, receives=not receives)
