"""What a session under the fast protocol costs, from a measurement of its engine made here and now."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from psi.agreement.column_terms import DEFAULT_LABEL_BYTES
from psi.agreement.terms import DEFAULT_CHUNK, Terms
from psi.fast import cost as engine
from psi.fast.kernels.interface import Kernels
from psi.fast.parameters import CHOICES
from psi.fast.receiver import FastReceiver
from psi.fast.run import FastRun
from psi.fast.sender import FastSender
from psi.fast.states import FastState
from psi.group.curve25519.backend import Backend
from psi.group.curve25519.suite import DST
from psi.inputs.tokens import TokensInOrder
from psi.labels import labels
from psi.labels.labels import KEY_BYTES
from psi.session.cost import (
    CONTROL_BYTES,
    Bound,
    CostEstimate,
    Machines,
    RunCost,
    Sizes,
    columns_on_disk,
    keys_on_disk,
    runs,
)
from psi.store.spool import Store
from psi.transport.wire import Frame
from psiselect.base.entropy import SystemEntropy
from psiselect.base.packed import Packed

_ITEMS = {"compiled": 1 << 16, "portable": 1 << 11}


@dataclass(frozen=True, slots=True)
class FastCalibration:
    """One machine as measured, in seconds of one core.

    fixed: a run of two single items, both sides. The others are for each item of a list: receiver_own is what a
    receiver does for each of its own items, sender_peer what a sender does for each of the receiver's, and so on.
    sealing: sealing or opening the columns that travel along with an item.
    """

    backend: str
    cores: int
    fixed: float
    receiver_own: float
    receiver_peer: float
    sender_own: float
    sender_peer: float
    sealing: float = 4e-6


def calibrate(backend: Backend, kernels: Kernels, cores: int) -> FastCalibration:
    """Measure this machine, in one or two seconds. Each side's share is taken from the time of its thread. What other
    work slows it down by is counted for both alike, since other protocols are measured by the clock."""
    count = _ITEMS.get(kernels.name, 1 << 11)
    wall, own = time.perf_counter(), time.thread_time()
    # The shortest of three: what a run costs in any case is subtracted below, so it must not be too much.
    runs = [_seconds(backend, kernels, 1, 1) for _ in range(3)]
    least = min(run[0] for run in runs), min(run[1] for run in runs)
    many = _seconds(backend, kernels, count, 1)
    wide = _seconds(backend, kernels, 1, count)

    def each(found: tuple[float, float], side: int) -> float:
        return slowed * max(0.0, found[side] - least[side]) / count

    slowed = max(1.0, (time.perf_counter() - wall) / (time.thread_time() - own))
    return FastCalibration(
        *(f"{backend.name}, {kernels.name} kernels", cores, slowed * sum(least)),
        receiver_own=each(many, 0),
        receiver_peer=each(wide, 0),
        sender_own=each(wide, 1),
        sender_peer=each(many, 1),
        sealing=slowed * _sealing(4096),
    )


def estimate(
    terms: Terms, sizes: Sizes, machines: Machines, link: float | None, limit: int | None, speed: FastCalibration
) -> CostEstimate:
    """Predict a session. Pure. The sides' work and the network are added up, since each side waits for the other most
    of the time: a session may be faster by what overlaps. link: bits per second, None for one that never binds.
    limit: bytes for keys and columns."""
    session = runs(terms, sizes)
    sent, received = CONTROL_BYTES, CONTROL_BYTES
    compute, receiving_runs = 0.0, 0
    for run, receiving in session:
        n, m = run.size.n, run.size.m
        of_receiver, of_sender = engine.receiver_sends(n), _sender_sends(run)
        sent, received = (
            (sent + of_receiver, received + of_sender) if receiving else (sent + of_sender, received + of_receiver)
        )
        receiving_runs += receiving
        compute += speed.fixed + n * (speed.receiver_own + speed.sender_peer)
        compute += m * (speed.sender_own + speed.receiver_peer)
        compute += (m + min(n, m)) * speed.sealing if run.label_bytes else 0.0
    bits = 8 * (sent + received)
    network = 0.0 if link is None else bits / link
    # For each transfer the receiver multiplies what it got and both hashes, the sender masks and takes its mask off.
    own = CHOICES * (2 * len(session) + receiving_runs)
    return CostEstimate(
        own_multiplications=own,
        peer_multiplications=5 * CHOICES * len(session) - own,
        bytes_sent=sent,
        bytes_received=received,
        tag_bytes=session[0][0].tag_bytes,
        compute_seconds=compute,
        network_seconds=network,
        seconds=compute + network,
        bound=Bound.COMPUTE if compute >= network else Bound.NETWORK,
        disk_bytes=_disk_bytes(terms, sizes, session, limit),
        resume_bytes=0,
        link_bits_per_second=link,
        balance_bits_per_second=bits / compute if compute else 0.0,
        machines=machines,
        memory_bytes=max(engine.memory_bytes(sizes.own, receives=receiving) for _, receiving in session),
    )


def _sender_sends(run: RunCost) -> int:
    return engine.sender_sends(run.size.m, run.tag_bytes + run.sealed_bytes, run.tag_rows_in_chunk)


def _disk_bytes(terms: Terms, sizes: Sizes, session: Sequence[tuple[RunCost, bool]], limit: int | None) -> int:
    """Keys, and tags with what travels along. Nothing is shuffled, so there is no second copy of the keys."""
    if limit is None:
        return 0
    of_keys = keys_on_disk(sizes.own, sizes.rows or sizes.own, sizes.key_bytes, 0, limit // 2 // terms.lists)
    return terms.lists * of_keys + columns_on_disk(terms, session, limit)


def _seconds(backend: Backend, kernels: Kernels, own: int, other: int) -> tuple[float, float]:
    """Of a receiver with `own` items and a sender with `other`, a run in this thread. Half of the items match."""
    receiver = FastReceiver(_run(backend, kernels, 0, own, other))
    sender = FastSender(_run(backend, kernels, own // 2, other, own))
    spent, waiting = [0.0, 0.0], list[list[Frame]]([[], []])
    sides: list[FastReceiver | FastSender] = [receiver, sender]
    waiting[0] += sender.start()

    def step(number: int) -> None:
        inbox, side = waiting[number], sides[number]
        waiting[1 - number] += side.receive(inbox.pop(0)) if inbox else side.work() or []

    while any(side.state is not FastState.OVER for side in sides):
        for number in range(2):
            spent[number] += _timed(functools.partial(step, number))
    comparison = receiver.comparison
    if comparison is not None:
        spent[0] += _timed(comparison.matches)
    for side in sides:
        side.close()
    return spent[0], spent[1]


def _run(backend: Backend, kernels: Kernels, first: int, count: int, peer: int) -> FastRun:
    items = TokensInOrder(Packed.of(b"%016d@example.org" % number for number in range(first, first + count)), b"\x01")
    return FastRun(items, peer, bytes(64), DST, backend, kernels, Store(), SystemEntropy(), DEFAULT_CHUNK)


def _sealing(count: int) -> float:
    keys, payloads = np.zeros((count, KEY_BYTES), np.uint8), np.zeros((count, DEFAULT_LABEL_BYTES), np.uint8)
    return _timed(lambda: labels.seal(keys, payloads)) / count


def _timed(work: Callable[[], object]) -> float:
    """Seconds of this thread, whatever else the machine does meanwhile."""
    start = time.thread_time()
    work()
    return time.thread_time() - start
