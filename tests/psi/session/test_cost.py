"""Predictions against what real sessions do: multiplications, bytes, disk; and seconds in the soak run."""

from __future__ import annotations

import dataclasses
import threading
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.jobs import agreed, specs

from psi.agreement.column_terms import ColumnTerms
from psi.agreement.modes import Comparer, Learner, Matching, Reveal, Side
from psi.agreement.terms import Terms
from psi.group import masking
from psi.group.curve25519.backend import load_backend
from psi.group.curve25519.portable import PortableBackend
from psi.group.curve25519.scalar import Scalar
from psi.inputs.distinct import DistinctBuilder, SpooledKeys
from psi.inputs.spooled_tokens import SpooledTokens
from psi.protocol.schedule import RunSize, gate_copies
from psi.session import cost, local
from psi.session.calibration import calibrate
from psi.session.cost import Bound, Calibration, CostEstimate, Machine, Machines, RunCost, Sizes
from psi.session.job import Job, Memory
from psi.session.session import SessionResult
from psi.store.spool import Store
from psi.tables import open_source
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import UsageError
from psiselect.base.packed import U8, Packed
from psiselect.base.threads import available_cores

MACHINE = Calibration("portable", cores=2, multiplication=50e-6, hashing=5e-6, handling=2e-6)
KEY = specs("key")


def predict(
    own: int, peer: int, terms: Terms | None = None, *, calibration: Calibration = MACHINE, **machine: object
) -> CostEstimate:
    """Of the connecting side, which learns the matches unless the terms say otherwise."""
    agreed_on = terms or agreed(KEY, Reveal.MATCHES, Learner.CONNECT)
    return cost.estimate(agreed_on, Sizes(own, peer), Machine(calibration, **machine))  # type: ignore[arg-type]


class Counting(PortableBackend):
    """Counts the multiplications of each party, which run in threads of their own."""

    def __init__(self) -> None:
        super().__init__(threads=1)
        self.done: dict[str, int] = {}

    def mask(self, elements: U8, scalar: Scalar) -> U8:
        self.count(len(elements))
        return super().mask(elements, scalar)

    def hash_and_mask(self, items: Packed, scalar: Scalar, dst: bytes) -> U8:
        self.count(len(items))
        return super().hash_and_mask(items, scalar, dst)

    def count(self, rows: int) -> None:
        name = threading.current_thread().name
        self.done[name] = self.done.get(name, 0) + rows


def jobs(folder: Path, own: int, peer: int, terms: Terms) -> dict[Side, Job]:
    made = {}
    for side, count, first in ((Side.CONNECT, own, 0), (Side.LISTEN, peer, own // 2)):
        path = folder / f"{side.value}.csv"
        path.write_text("key,n\n" + "".join(f"person number {i:09d},{i}\n" for i in range(first, first + count)))
        made[side] = Job(open_source(path), KEY, side, terms, Memory.default(), value="n")
    return made


def play(folder: Path, own: int, peer: int, terms: Terms, backend: PortableBackend) -> SessionResult:
    results = local.run(jobs(folder, own, peer, terms), backend, SystemEntropy())
    return results[Side.CONNECT]


@pytest.mark.parametrize("learn", Learner)
@pytest.mark.parametrize("reveal", Reveal)
@pytest.mark.parametrize(("own", "peer"), [(300, 190), (90, 450)])
def test_multiplications_and_bytes_of_a_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: int, peer: int, reveal: Reveal, learn: Learner
) -> None:
    backend = Counting()
    mask = masking.FewRows.mask  # base transfers

    def counted(few: masking.FewRows, elements: U8, scalar: Scalar) -> U8:
        backend.count(len(elements))
        return mask(few, elements, scalar)

    monkeypatch.setattr(masking.FewRows, "mask", counted)
    more: dict[str, object] = {}
    if reveal is Reveal.NOISY_COUNT:
        more = {"epsilon": Fraction(1, 2), "delta": Fraction(1, 10**6)}
    if reveal is Reveal.SUM:
        more = {"value_decimals": 0, "value_max": "1000"}
    if reveal is Reveal.NOISY_COUNT and learn is Learner.BOTH:
        with pytest.raises(UsageError, match="cannot be used with --learn both"):
            agreed(KEY, reveal, learn, **more)
        return
    terms = agreed(KEY, reveal, learn, chunk=64, **more)
    result = play(tmp_path, own, peer, terms, backend)
    predicted = predict(own, peer, terms)
    here = threading.current_thread().name
    assert backend.done.pop(here) == predicted.own_multiplications
    assert list(backend.done.values()) == [predicted.peer_multiplications]
    # Only the terms' JSON and the frames that end a stream are not counted one by one.
    assert abs(result.bytes_sent - predicted.bytes_sent) < 100
    assert abs(result.bytes_received - predicted.bytes_received) < 100


@pytest.mark.parametrize("learn", Learner)
@pytest.mark.parametrize("label_bytes", [64, 4096])
def test_multiplications_and_bytes_of_a_session_with_columns(tmp_path: Path, learn: Learner, label_bytes: int) -> None:
    """Of 400 and 700 items, so that labels of 4096 bytes take several frames."""
    backend = Counting()
    given = {side: ("n",) if side.other in learn.receivers else () for side in Side}
    columns = ColumnTerms(given[Side.CONNECT], given[Side.LISTEN])
    terms = agreed(KEY, Reveal.MATCHES, learn, columns=columns, label_bytes=label_bytes)
    result = play(tmp_path, 400, 700, terms, backend)
    predicted = predict(400, 700, terms)
    assert backend.done.pop(threading.current_thread().name) == predicted.own_multiplications
    assert abs(result.bytes_sent - predicted.bytes_sent) < 150
    assert abs(result.bytes_received - predicted.bytes_received) < 150


def gated(reveal: Reveal, learn: Learner, **more: object) -> Terms:
    """The side that does not learn compares."""
    return agreed(KEY, reveal, learn, min_matches=1, min_matches_by=Comparer.OTHER, **more)


@pytest.mark.parametrize("learn", [Learner.CONNECT, Learner.LISTEN])
@pytest.mark.parametrize("reveal", [Reveal.MATCHES, Reveal.COUNT])
@pytest.mark.parametrize(("own", "peer"), [(300, 190), (2, 450), (70, 1)])
def test_multiplications_and_bytes_of_a_session_with_a_gate(
    tmp_path: Path, own: int, peer: int, reveal: Reveal, learn: Learner
) -> None:
    backend = Counting()
    terms = gated(reveal, learn, chunk=64)
    result = play(tmp_path, own, peer, terms, backend)
    predicted = predict(own, peer, terms)
    assert backend.done.pop(threading.current_thread().name) == predicted.own_multiplications
    assert list(backend.done.values()) == [predicted.peer_multiplications]
    assert abs(result.bytes_sent - predicted.bytes_sent) < 150
    assert abs(result.bytes_received - predicted.bytes_received) < 150


def test_a_gate_by_hand() -> None:
    """The connecting side learns a million matches of a million, and the other side compares: three copies."""
    n = 1_000_000
    assert gate_copies(n) == 3
    plain, gate = predict(n, n), predict(n, n, gated(Reveal.MATCHES, Learner.CONNECT))
    assert gate.own_multiplications - plain.own_multiplications == 4 * n  # as the gate's sender
    assert gate.peer_multiplications - plain.peer_multiplications == 8 * n
    # The comparer's 8,000,000 and, while it waits, the 3,000,000 of the answers; on 2 cores. Then hashing and handling.
    assert gate.compute_seconds - plain.compute_seconds == pytest.approx(11 * 25 + 2.5 + 3 * 2)
    assert gate.bytes_sent - plain.bytes_sent == pytest.approx((3 * 32 + gate.tag_bytes) * n, rel=1e-3)
    assert gate.bytes_received - plain.bytes_received == pytest.approx(3 * 32 * n, rel=1e-3)


def test_disk_of_the_side_that_compares() -> None:
    """Elements, replies, products and what is checked further, by hand; the keys are few enough for memory."""
    n, m, limit = 300_000, 200_000, 8_000_000
    sizes = Sizes(n, m, Side.LISTEN, key_bytes=0, rows=1)
    found = cost.estimate(gated(Reveal.MATCHES, Learner.CONNECT), sizes, Machine(MACHINE, memory_limit=limit))
    copies = gate_copies(n)
    columns = [*[(copies * n, 32)] * 3, ((copies - 2) * n, 32), (n, found.tag_bytes), (m, found.tag_bytes)]
    of_the_gate = cost.spilled_bytes(columns, limit // 2)
    assert of_the_gate > 3 * copies * n * 32
    assert of_the_gate <= found.disk_bytes < 1.03 * of_the_gate  # tags of the run after it may be there too


def test_bytes_an_item_at_the_sizes_of_the_specification() -> None:
    assert RunCost(RunSize(2**20, 2**20)).payload_bytes == 74 * 2**20
    assert RunCost(RunSize(2**20, 2**20), label_bytes=256).payload_bytes == (74 + 272) * 2**20
    assert RunCost(RunSize(2**20, 2**20), reveal=Reveal.SUM).payload_bytes == 98 * 2**20
    predicted = predict(2**18, 2**18)
    assert 73 < (predicted.bytes_sent + predicted.bytes_received) / 2**18 < 76


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_both_is_two_runs_and_the_sides_mirror_each_other(own: int, peer: int) -> None:
    mine, theirs, both = (
        predict(own, peer, agreed(KEY, Reveal.MATCHES, who)) for who in (Learner.CONNECT, Learner.LISTEN, Learner.BOTH)
    )
    mirrored = predict(peer, own)
    assert both.own_multiplications == mine.own_multiplications + theirs.own_multiplications
    assert both.compute_seconds == pytest.approx(mine.compute_seconds + theirs.compute_seconds)
    assert (mirrored.bytes_sent, mirrored.bytes_received) == (theirs.bytes_received, theirs.bytes_sent)
    assert mirrored.own_multiplications == theirs.peer_multiplications
    assert mirrored.seconds == theirs.seconds


def test_seconds_by_hand() -> None:
    apart = predict(1_000_000, 3_000_000)
    # The sender is busier: 4,000,000 multiplications and 3,000,000 hashes on 2 cores, 3,000,000 items to handle.
    assert apart.compute_seconds == pytest.approx(4 * 25 + 3 * 2.5 + 3 * 2)
    shared = predict(1_000_000, 3_000_000, machines=Machines.SHARED)
    assert shared.compute_seconds == pytest.approx(6 * 25 + 4 * 2.5 + 4 * 2)
    assert (apart.bound, apart.network_seconds, apart.seconds) == (Bound.COMPUTE, 0, apart.compute_seconds)


def test_which_of_compute_and_network_binds() -> None:
    slow, fast = (predict(10**6, 10**6, link_bits_per_second=bits) for bits in (1e6, 1e9))
    assert slow.bound is Bound.NETWORK
    assert slow.seconds == slow.network_seconds == pytest.approx(8 * slow.bytes_received / 1e6, rel=1e-4)
    assert fast.bound is Bound.COMPUTE
    assert fast.seconds == fast.compute_seconds > fast.network_seconds
    even = predict(10**6, 10**6, link_bits_per_second=fast.balance_bits_per_second)
    assert even.network_seconds == pytest.approx(even.compute_seconds)


def test_more_cores_take_less_time() -> None:
    one, four = (predict(10**6, 10**6, calibration=dataclasses.replace(MACHINE, cores=c)) for c in (1, 4))
    assert 3 < one.compute_seconds / four.compute_seconds < 4


def test_nothing_goes_to_disk_below_the_limit() -> None:
    assert predict(10**6, 10**6).disk_bytes == 0
    assert predict(10**6, 10**6, memory_limit=1 << 30).disk_bytes == 0
    assert predict(10**7, 10**7, memory_limit=1 << 28).disk_bytes > 10**8


@pytest.mark.parametrize("columns", [[(60_000, 11), (45_000, 11)], [(30_000, 32), (50_000, 10)], [(70_000, 10)]])
@pytest.mark.parametrize("limit", [100_000, 333_333, 900_000, 10_000_000])
def test_disk_of_columns(tmp_path: Path, columns: list[tuple[int, int]], limit: int) -> None:
    store = Store(tmp_path, limit)
    for number, (rows, width) in enumerate(columns):
        table = np.random.default_rng(number).integers(0, 256, (rows, width), np.uint8)
        column = store.column(f"column-{number}", width)
        for start in range(0, rows, 100):
            column.append(table[start : start + 100])
    predicted = cost.spilled_bytes(columns, limit)
    assert predicted == pytest.approx(store.disk_bytes, rel=0.1)
    assert (predicted == 0) == (store.disk_bytes == 0)
    store.close()


def test_disk_of_the_side_whose_values_add_up() -> None:
    """Elements, tags with their values, and rows of the transfers, by hand; the keys are few enough for memory."""
    n, m, limit = 300_000, 400_000, 8_000_000
    terms = agreed(KEY, Reveal.SUM, Learner.CONNECT, value_decimals=0, value_max="1000")
    found = cost.estimate(terms, Sizes(m, n, Side.LISTEN, key_bytes=0, rows=1), Machine(MACHINE, memory_limit=limit))
    columns = [(n, 32), (m, found.tag_bytes + 8), (m, 16)]
    assert found.disk_bytes == cost.spilled_bytes(columns, limit // 2) > m * (found.tag_bytes + 8 + 16)


def test_each_key_of_a_row_is_on_disk() -> None:
    """Two keys have half of the room for keys each; one-to-one they stay in memory."""
    limit = 8_000_000
    two = agreed(specs("key", "other"), Reveal.MATCHES, Learner.CONNECT)
    sizes, machine = Sizes(400_000, 1), Machine(MACHINE, memory_limit=limit)
    found = cost.estimate(two, sizes, machine).disk_bytes
    columns = cost.spilled_bytes([(400_000, cost.estimate(two, sizes, machine).tag_bytes), (1, 1)], limit // 4)
    assert found == 2 * cost.keys_on_disk(400_000, 400_000, 32, 1, limit // 4) + 2 * columns
    as_rows = dataclasses.replace(two, matching=Matching.ONE_TO_ONE)
    assert cost.estimate(as_rows, sizes, machine).disk_bytes < 400_000 * 32


@pytest.mark.parametrize(("rows", "repeats"), [(20_000, 1), (40_000, 4)])
@pytest.mark.parametrize("limit", [40_000, 700_000, 4_000_000, 100_000_000])
@pytest.mark.parametrize("shuffles", [1, 2])
def test_disk_of_keys(tmp_path: Path, rows: int, repeats: int, limit: int, shuffles: int) -> None:
    own, width = rows // repeats, 30
    builder = DistinctBuilder(tmp_path, limit)
    for start in range(0, rows, 500):
        builder.add(pa.array([b"%030d" % (i % own) for i in range(start, start + 500)], pa.binary()))
    keys = builder.finish().keys
    if isinstance(keys, SpooledKeys):
        for _ in range(shuffles):
            SpooledTokens(keys, b"", SystemEntropy())
    predicted = cost.keys_on_disk(own, rows, width, shuffles, limit)
    assert predicted == pytest.approx(builder._scratch.peak_bytes, rel=0.1)
    builder.close()


def test_calibration_measures_this_machine() -> None:
    backend = load_backend("portable", threads=1)
    measured = calibrate(backend, 1)
    assert (measured.backend, measured.cores) == ("portable", 1)
    assert 1e-7 < measured.multiplication < 1e-1
    assert 0 <= measured.hashing < 1e-1
    assert 1e-8 < measured.handling < 1e-1


@pytest.mark.soak
@pytest.mark.parametrize("name", ["lanes", "portable"])
def test_seconds_of_a_session(tmp_path: Path, name: str) -> None:
    """Within a factor of 1.5, the machine being equally busy while it is measured and while it runs."""
    backend = load_backend(name)
    own, peer = 150_000, 100_000
    both = jobs(tmp_path, own, peer, agreed(KEY, Reveal.MATCHES, Learner.CONNECT))
    before = calibrate(backend, available_cores())
    start = time.perf_counter()
    local.run(both, backend, SystemEntropy())
    seconds = time.perf_counter() - start
    after = calibrate(backend, available_cores())
    predicted = [predict(own, peer, calibration=c, machines=Machines.SHARED).seconds for c in (before, after)]
    assert min(predicted) / 1.5 < seconds < 1.5 * max(predicted)
    backend.close()
