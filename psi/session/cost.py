"""What a session costs: multiplications, bytes, seconds, disk. Pure formulas over one calibration of a machine.

Every figure that the project predicts (`psiselect psi estimate`, the advisor) comes from here. Which runs a session has
is in `psi.protocol.schedule`. For a receiver with n items and a sender with m, one run is (docs/protocol.md)

    receiver   2n multiplications: masks each item, takes its mask off each reply
    sender     n + m: masks the receiver's elements again, and its own items
    wire       32n one way, 32n + w*m the other, and the frames around them; w = masking.tag_bytes(n, m)

In `sum` there are 24m bytes more, 16 one way and 8 the other, and the hashing around them. Where noise is added, n and
m count the 2t items that carry it. In a gate with t copies the receiver has (3t - 1)n multiplications and the sender
tn + m; 32tn bytes go each way.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from psi.agreement.modes import Matching, Reveal, Side
from psi.agreement.terms import DEFAULT_CHUNK, Terms
from psi.group import masking
from psi.group.curve25519.suite import ELEMENT_BYTES
from psi.labels.labels import KEY_BYTES, SEAL_BYTES
from psi.oblivious import cost as sum_cost
from psi.oblivious.columns import ROW_BYTES
from psi.oblivious.correlated import WORD_BYTES
from psi.oblivious.extension import block_rows
from psi.protocol.schedule import RunSize, plan, size_of
from psi.transport.wire import HEADER_BYTES, MAX_FRAME_BYTES

DEFAULT_KEY_BYTES = 32

# HELLO, AUTH, the ends of the streams and FINISH, each way: the terms in JSON and two signatures, mostly.
CONTROL_BYTES = 660


class Machines(enum.Enum):
    """Where the two parties run."""

    APART = "apart"  # one machine each, taken to be as fast as this one
    SHARED = "shared"  # both on this one, as in `psi local`


class Bound(enum.Enum):
    """What the session waits for."""

    COMPUTE = "compute"
    NETWORK = "network"


@dataclass(frozen=True, slots=True)
class Calibration:
    """One machine and backend as measured. Seconds of one core, per item.

    multiplication: X25519. hashing: what hashing to the curve adds to it. handling: everything else that an item
    causes on one core: finding it distinct, shuffling, tagging, comparing. transfer: what a sender's item costs in
    `sum` beyond `count`, both sides together. sealing: encrypting or opening columns that travel along with an item.
    """

    backend: str
    cores: int
    multiplication: float
    hashing: float
    handling: float
    transfer: float = 1e-6
    sealing: float = 4e-6


@dataclass(frozen=True, slots=True)
class Machine:
    """What a session runs on. calibration: its speed. machines: how many there are. link_bits_per_second: None for a
    link that never binds. memory_limit: bytes for keys and columns, None for no limit (then nothing goes to disk)."""

    calibration: Calibration
    machines: Machines = Machines.APART
    link_bits_per_second: float | None = None
    memory_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Sizes:
    """What goes in, seen from `side`. own, peer: distinct values of each key, or items one-to-one, without what the
    terms add. key_bytes: mean length of a key; rows: of the own table, where keys repeat. Both matter for the disk
    only."""

    own: int
    peer: int
    side: Side = Side.CONNECT
    key_bytes: int = DEFAULT_KEY_BYTES
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class RunCost:
    """What one run costs. reveal: of the run; a gate's is `count`, whatever the terms say. gate: whether it is one.
    label_bytes: of the columns that travel along with each of the sender's items, 0 for none. chunk: elements in a full
    chunk."""

    size: RunSize
    reveal: Reveal = Reveal.MATCHES
    gate: bool = False
    label_bytes: int = 0
    chunk: int = DEFAULT_CHUNK

    @property
    def sums(self) -> bool:
        """Whether values are added up."""
        return self.reveal is Reveal.SUM

    @property
    def receiver_multiplications(self) -> int:
        """Of the receiver."""
        return self.size.operations(receives=True) + sum_cost.RECEIVER_MULTIPLICATIONS * self.sums

    @property
    def sender_multiplications(self) -> int:
        """Of the sender."""
        return self.size.operations(receives=False) + sum_cost.SENDER_MULTIPLICATIONS * self.sums

    @property
    def tag_bytes(self) -> int:
        """Width of a tag."""
        return masking.tag_bytes(self.size.n, self.size.m)

    @property
    def sealed_bytes(self) -> int:
        """Of a label on the wire, 0 for none."""
        return self.label_bytes + SEAL_BYTES if self.label_bytes else 0

    @property
    def payload_bytes(self) -> int:
        """Both ways, without frames: 64n + w*m, and 24m where values are added up, and labels."""
        tags = (self.tag_bytes + self.sealed_bytes) * self.size.tags
        return 2 * ELEMENT_BYTES * self.size.elements + tags + 24 * self.sums * self.size.m

    @property
    def receiver_sends(self) -> int:
        """Bytes of the elements, with their frames, and what summing adds."""
        transfers = sum_cost.receiver_sends(self.size.m, block_rows(self.chunk)) if self.sums else 0
        return self._elements + transfers

    @property
    def sender_sends(self) -> int:
        """Bytes of the replies and tags, with their frames, and what summing adds."""
        row, rows = self._tag_row, self.tag_rows_in_chunk
        transfers = sum_cost.sender_sends(self.size.m, block_rows(self.chunk)) if self.sums else 0
        return self._elements + row * self.size.m + HEADER_BYTES * -(-self.size.m // rows) + transfers

    @property
    def crossing(self) -> int:
        """Bytes that the link carries one after the other: elements and replies cross, the tags come after the last
        reply, transfers go back and forth."""
        both_ways = sum_cost.receiver_sends(self.size.m, block_rows(self.chunk)) if self.sums else 0
        return self.sender_sends + both_ways

    @property
    def tag_rows_in_chunk(self) -> int:
        """Tags with their labels in a full frame."""
        return min(self._items_in_chunk, (MAX_FRAME_BYTES - HEADER_BYTES) // self._tag_row)

    @property
    def _tag_row(self) -> int:
        return self.size.keys * (self.tag_bytes + self.sealed_bytes)

    @property
    def _items_in_chunk(self) -> int:
        return max(1, self.chunk // self.size.keys)

    @property
    def _elements(self) -> int:
        return ELEMENT_BYTES * self.size.elements + HEADER_BYTES * -(-self.size.rows // self._items_in_chunk)

    def seconds(self, calibration: Calibration, machines: Machines) -> float:
        """Chunks keep both parties at work at once: on two machines the busier one decides, on one their work adds up.
        In a gate each side waits for all that the other sends before it can go on."""
        c, size = calibration, self.size

        def core_seconds(multiplications: int, hashed: int) -> float:
            return multiplications * c.multiplication + hashed * c.hashing

        sealing = c.sealing if self.label_bytes else 0.0
        # At most so many labels are opened.
        opening = min(size.tokens, size.tags) * sealing
        receiver = core_seconds(self.receiver_multiplications, size.tokens) / c.cores
        receiver += size.elements * c.handling + opening
        sender = core_seconds(self.sender_multiplications, size.tags) / c.cores + size.tags * (c.handling + sealing)
        # Transfers go back and forth, so that neither side has much to do while the other works.
        summing = size.m * c.transfer * self.sums
        if self.gate and machines is Machines.APART:
            return max(receiver + core_seconds(size.elements, 0) / c.cores, sender)
        return (max(receiver, sender) if machines is Machines.APART else receiver + sender) + summing


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """What to expect. Seconds are wall time of the session, from connection to result; reading the table comes on top.

    link_bits_per_second: as given, None for a link that never binds. balance_bits_per_second: the link at which compute
    and network take equally long; a slower one binds. disk_bytes: the most that this side's temporary
    files hold. resume_bytes: what a session that is kept for --resume takes on this side's disk beside that. tag_bytes:
    width of a compared tag, wide enough that some false match in a session has probability at most 2^-40.
    memory_bytes: what the fast protocol holds beside that list and columns, 0 on the curve.
    """

    own_multiplications: int
    peer_multiplications: int
    bytes_sent: int
    bytes_received: int
    tag_bytes: int
    compute_seconds: float
    network_seconds: float
    seconds: float
    bound: Bound
    disk_bytes: int
    resume_bytes: int
    link_bits_per_second: float | None
    balance_bits_per_second: float
    machines: Machines
    memory_bytes: int = 0

    @property
    def bytes_in_sequence(self) -> int:
        """Bytes that the link carries one after another: what goes both ways at once counts once."""
        return round(self.balance_bits_per_second * self.compute_seconds / 8)

    def to_dict(self) -> dict[str, Any]:
        """The same, in values that JSON has; the command's `--json` also has what was asked and measured."""
        return {**asdict(self), "bound": self.bound.value, "machines": self.machines.value}


def runs(terms: Terms, sizes: Sizes) -> tuple[tuple[RunCost, bool], ...]:
    """The runs of a session, each with whether this side is the receiver."""
    declared = {sizes.side: [sizes.own] * terms.lists, sizes.side.other: [sizes.peer] * terms.lists}
    return tuple(
        (
            RunCost(
                size_of(run, terms, declared),
                reveal=run.reveal,
                gate=run.gate,
                label_bytes=terms.label_width(run.receiver.other) if run.needs_labels else 0,
                chunk=terms.chunk,
            ),
            run.receiver is sizes.side,
        )
        for run in plan(terms)
    )


def estimate(terms: Terms, sizes: Sizes, machine: Machine) -> CostEstimate:
    """Predict a session. Pure. What a side gives along with its matches waits in memory or on disk beside what is
    counted here, as long as it is in the table."""
    session = runs(terms, sizes)
    own_work, peer_work, sent, received = 0, 0, CONTROL_BYTES, CONTROL_BYTES
    compute, bits = 0.0, 0
    for run, receiving in session:
        receiver = run.receiver_multiplications, run.receiver_sends
        sender = run.sender_multiplications, run.sender_sends
        mine, theirs = (receiver, sender) if receiving else (sender, receiver)
        own_work, sent = own_work + mine[0], sent + mine[1]
        peer_work, received = peer_work + theirs[0], received + theirs[1]
        compute += run.seconds(machine.calibration, machine.machines)
        bits += 8 * run.crossing
    network = 0.0 if machine.link_bits_per_second is None else bits / machine.link_bits_per_second
    return CostEstimate(
        own_multiplications=own_work,
        peer_multiplications=peer_work,
        bytes_sent=sent,
        bytes_received=received,
        tag_bytes=session[0][0].tag_bytes,
        compute_seconds=compute,
        network_seconds=network,
        seconds=max(compute, network),
        bound=Bound.COMPUTE if compute >= network else Bound.NETWORK,
        disk_bytes=_disk_bytes(terms, sizes, session, machine.memory_limit),
        resume_bytes=sent + received + ELEMENT_BYTES * _written_down(session),
        link_bits_per_second=machine.link_bits_per_second,
        balance_bits_per_second=bits / compute if compute else 0.0,
        machines=machine.machines,
    )


def _written_down(session: Sequence[tuple[RunCost, bool]]) -> int:
    """Results of the group that a journal holds beside what is sent and received. Those that go out as they are it
    holds once: own elements, but sorted ones, and replies that need not be sorted. The few of base transfers are
    computed again."""
    computed = sum(run.size.operations(receives=receiving) for run, receiving in session)
    sent = sum(
        run.size.elements
        for run, receiving in session
        if (not run.gate if receiving else not run.reveal.hides_membership)
    )
    return computed - sent


def _disk_bytes(terms: Terms, sizes: Sizes, session: Sequence[tuple[RunCost, bool]], memory_limit: int | None) -> int:
    """Keys stay for the whole session. So do a receiver's columns, because nothing is compared before the end; a
    sender's live as long as their run. Lists share the room for columns."""
    if memory_limit is None:
        return 0
    columns = columns_on_disk(terms, session, memory_limit)
    if terms.matching is Matching.ONE_TO_ONE:
        return columns  # items are read in random order, so their keys stay in memory
    shuffles, limit = len(session) // terms.lists, memory_limit // 2 // terms.lists
    of_keys = keys_on_disk(sizes.own, sizes.rows or sizes.own, sizes.key_bytes, shuffles, limit)
    return terms.lists * of_keys + columns


def columns_on_disk(terms: Terms, session: Sequence[tuple[RunCost, bool]], memory_limit: int) -> int:
    """What the columns of a session's runs hold on disk at most."""
    received, sent = [0], [0]
    gives = any(run.label_bytes and not receiving for run, receiving in session)  # what it gives has a share too
    for run, receiving in session:
        n, m, row = run.size.tokens, run.size.tags, run.tag_bytes + run.sealed_bytes
        filled = [(n, run.tag_bytes), (m, run.tag_bytes)] if receiving else [(m, row)]
        if receiving and run.label_bytes:
            filled[1:] = [(n, KEY_BYTES), (m, run.tag_bytes), (m, run.sealed_bytes)]
        if run.gate and receiving:  # elements, replies, products, and what the check multiplies further
            each, further = run.size.elements, (run.size.copies - 2) * n
            filled[:0] = [(each, ELEMENT_BYTES)] * 3 + [(max(0, further), ELEMENT_BYTES)]
        elif run.reveal.hides_membership:
            filled.insert(0, (run.size.elements, ELEMENT_BYTES))
        if not receiving and run.sums:
            filled[-1:] = [(m, run.tag_bytes + WORD_BYTES), (m, ROW_BYTES)]
        spilled = spilled_bytes(filled, memory_limit // (4 if gives else 2) // terms.lists)
        (received if receiving else sent).append(spilled)
    return sum(received) + max(sent)


def keys_on_disk(own: int, rows: int, key_bytes: int, shuffles: int, limit: int) -> int:
    """The most that `psi.inputs.distinct` and `psi.inputs.spooled_tokens` hold on disk under a limit of `limit` bytes:
    the rows while they are encoded, then the keys and, for each run, a copy of them in random order."""
    stays = limit // 2  # each file up to half of the limit stays in memory
    gathered = rows * (key_bytes + 8)
    keys = own * key_bytes
    if gathered <= stays:
        return 0
    if keys <= stays:
        return gathered
    lengths = 4 * own if 4 * own > stays // 8 else 0
    return keys + lengths + max(gathered, shuffles * own * (key_bytes + 8))


def spilled_bytes(columns: Sequence[tuple[int, int]], limit: int) -> int:
    """What a `psi.store.spool.Store` under `limit` bytes holds on disk when (rows, width) columns are filled one
    after the other: whenever more than half of the limit waits in memory, the largest column goes, at width + 4 bytes a
    row.
    """
    waiting = [0] * len(columns)
    spilled = 0
    for current, (rows, width) in enumerate(columns):
        left = rows * width
        while left:
            room = limit // 2 - sum(waiting)
            step = min(left, max(width, room + width))
            waiting[current] += step
            left -= step
            if sum(waiting) > limit // 2:
                largest = max(range(len(columns)), key=lambda i: waiting[i])
                spilled += waiting[largest] // columns[largest][1] * (columns[largest][1] + 4)
                waiting[largest] = 0
    return spilled
