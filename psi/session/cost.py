"""What a run costs: multiplications, bytes, seconds, disk. Pure formulas over one calibration of this machine.

Every figure that the project predicts (`psiselect psi estimate`, the advisor) comes from here. For a receiver with n
items and a sender with m, one run is (docs/protocol.md)

    receiver   2n multiplications: masks each item, takes its mask off each reply
    sender     n + m: masks the receiver's elements again, and its own items
    wire       32n one way, 32n + w*m the other, and the frames around them; w = masking.tag_bytes(n, m)

In `sum` there are 24m bytes more, 16 one way and 8 the other, and the hashing around them. `both` is two runs, one
after the other, with the roles reversed. Where noise is added, n and m count the 2t items that
carry it.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace

from psi.agreement.outcomes import Reveal
from psi.group import masking
from psi.group.curve25519.suite import ELEMENT_BYTES
from psi.labels.labels import KEY_BYTES, SEAL_BYTES
from psi.oblivious import cost as sum_cost
from psi.oblivious.columns import ROW_BYTES
from psi.oblivious.correlated import WORD_BYTES
from psi.oblivious.extension import block_rows
from psi.transport.wire import HEADER_BYTES, MAX_FRAME_BYTES

DEFAULT_CHUNK = 8192
DEFAULT_KEY_BYTES = 32

# HELLO, AUTH, the ends of the streams and FINISH, each way: the terms in JSON and two signatures, mostly.
_CONTROL_BYTES = 660


class Learns(enum.Enum):
    """Who learns, seen from here."""

    ME = "me"
    PEER = "peer"
    BOTH = "both"


class Machines(enum.Enum):
    """Where the two parties run."""

    APART = "apart"  # one machine each, taken to be as fast as this one
    SHARED = "shared"  # both on this one, as in `psi local`


class Bound(enum.Enum):
    """What the run waits for."""

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
class Run:
    """One direction: a receiver (who learns) with n items, a sender with m. sums: whether values are added up.
    label_bytes: of the columns that travel along with each of the sender's items, 0 for none."""

    n: int
    m: int
    sums: bool = False
    label_bytes: int = 0

    @property
    def receiver_multiplications(self) -> int:
        return 2 * self.n + sum_cost.RECEIVER_MULTIPLICATIONS * self.sums

    @property
    def sender_multiplications(self) -> int:
        return self.n + self.m + sum_cost.SENDER_MULTIPLICATIONS * self.sums

    @property
    def tag_bytes(self) -> int:
        """Width of a tag."""
        return masking.tag_bytes(self.n, self.m)

    @property
    def sealed_bytes(self) -> int:
        """Of a label on the wire, 0 for none."""
        return self.label_bytes + SEAL_BYTES if self.label_bytes else 0

    @property
    def payload_bytes(self) -> int:
        """Both ways, without frames: 64n + w*m, and 24m where values are added up, and labels."""
        return 2 * ELEMENT_BYTES * self.n + (self.tag_bytes + self.sealed_bytes + 24 * self.sums) * self.m

    def receiver_sends(self, chunk: int = DEFAULT_CHUNK) -> int:
        """Bytes of the elements, with their frames."""
        return ELEMENT_BYTES * self.n + HEADER_BYTES * -(-self.n // chunk)

    def sender_sends(self, chunk: int = DEFAULT_CHUNK) -> int:
        """Bytes of the replies and tags, with their frames."""
        row = self.tag_bytes + self.sealed_bytes
        rows = min(chunk, (MAX_FRAME_BYTES - HEADER_BYTES) // row)
        return self.receiver_sends(chunk) + row * self.m + HEADER_BYTES * -(-self.m // rows)

    def transfers(self, chunk: int = DEFAULT_CHUNK) -> tuple[int, int]:
        """What receiver and sender send after the tags: nothing, unless values are added up."""
        if not self.sums:
            return 0, 0
        block = block_rows(chunk)
        return sum_cost.receiver_sends(self.m, block), sum_cost.sender_sends(self.m, block)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What to expect. Seconds are wall time of the session, from connection to result; reading the table comes on top.

    link_bits_per_second: as given, None for a link that never binds. balance_bits_per_second: the link at which compute
    and network take equally long; a slower one binds. disk_bytes: the most that this side's temporary
    files hold. resume_bytes: what a session that is kept for --resume takes on this side's disk beside that. tag_bytes:
    width of a compared tag, wide enough for a false match in 2^40 sessions.
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


def runs(
    own: int,
    peer: int,
    learns: Learns,
    added: int = 0,
    keys: int = 1,
    *,
    gate: bool = False,
    reveal: Reveal = Reveal.MATCHES,
    label_bytes: int = 0,
) -> tuple[tuple[Run, bool], ...]:
    """The runs of a session, each with whether this side is the receiver. added: items that the mode adds to each.
    gate: the side that does not learn compares first (docs/protocol.md, "Minimum")."""
    own, peer = own + added, peer + added
    sums = reveal is Reveal.SUM
    mine, theirs = (Run(own, peer, sums, label_bytes), True), (Run(peer, own, sums, label_bytes), False)
    needed = {Learns.ME: (mine,), Learns.PEER: (theirs,), Learns.BOTH: (mine, theirs)}[learns]
    if gate:
        needed = ((Run(peer, own), False) if learns is Learns.ME else (Run(own, peer), True), *needed)
    return tuple(
        (replace(run, sums=run.sums and not key), receiving) for run, receiving in needed for key in range(keys)
    )


def estimate(
    own: int,
    peer: int,
    calibration: Calibration,
    *,
    reveal: Reveal = Reveal.MATCHES,
    label_bytes: int = 0,
    added: int = 0,
    keys: int = 1,
    gate: bool = False,
    learns: Learns = Learns.ME,
    machines: Machines = Machines.APART,
    link_bits_per_second: float | None = None,
    memory_limit: int | None = None,
    key_bytes: int = DEFAULT_KEY_BYTES,
    rows: int | None = None,
    chunk: int = DEFAULT_CHUNK,
) -> Estimate:
    """Predict a session between `own` and `peer` distinct keys. Pure.

    memory_limit: bytes for keys and columns, None for no limit (then nothing goes to disk). key_bytes: mean length of a
    key; rows: of the own table, where keys repeat. Both matter for the disk only. added: items that each side puts into
    a run beyond its keys (`psi.session.job.Agreement.added`). keys: how many keys records have, each taken to have
    `own` and `peer` distinct values; one-to-one they share a run, which costs the same. gate: as in `runs`.
    label_bytes: length of the columns that travel along with matches, to every side that learns; 0 for none. What is to
    be sent waits in memory or on disk beside that, as long as it is in the table.
    """
    session = runs(own, peer, learns, added, keys, gate=gate, reveal=reveal, label_bytes=label_bytes)
    own_work, peer_work, sent, received = 0, 0, _CONTROL_BYTES, _CONTROL_BYTES
    compute, bits = 0.0, 0
    for run, receiving in session:
        after_tags = run.transfers(chunk)
        receiver = run.receiver_multiplications, run.receiver_sends(chunk) + after_tags[0]
        sender = run.sender_multiplications, run.sender_sends(chunk) + after_tags[1]
        mine, theirs = (receiver, sender) if receiving else (sender, receiver)
        own_work, sent = own_work + mine[0], sent + mine[1]
        peer_work, received = peer_work + theirs[0], received + theirs[1]
        compute += _compute_seconds(run, calibration, machines)
        # Elements and replies cross, each way at the link's speed; the tags come after the last reply.
        bits += 8 * (run.sender_sends(chunk) + sum(after_tags))
    network = 0.0 if link_bits_per_second is None else bits / link_bits_per_second
    return Estimate(
        own_multiplications=own_work,
        peer_multiplications=peer_work,
        bytes_sent=sent,
        bytes_received=received,
        tag_bytes=session[0][0].tag_bytes,
        compute_seconds=compute,
        network_seconds=network,
        seconds=max(compute, network),
        bound=Bound.COMPUTE if compute >= network else Bound.NETWORK,
        disk_bytes=_disk_bytes(own, keys, session, reveal, memory_limit, key_bytes, rows or own),
        resume_bytes=sent + received + ELEMENT_BYTES * (own_work - _sent_as_computed(session, reveal)),
        link_bits_per_second=link_bits_per_second,
        balance_bits_per_second=bits / compute if compute else 0.0,
        machines=machines,
    )


def _sent_as_computed(session: Sequence[tuple[Run, bool]], reveal: Reveal) -> int:
    """Results of the group that go out as they are, so that a journal holds them once: own elements, and replies that
    need not be sorted."""
    return sum(run.n for run, receiving in session if receiving or not reveal.hides_membership)


def _compute_seconds(run: Run, calibration: Calibration, machines: Machines) -> float:
    """Chunks keep both parties at work at once: on two machines the busier one decides, on one their work adds up."""
    c = calibration

    def core_seconds(multiplications: int, hashed: int) -> float:
        return multiplications * c.multiplication + hashed * c.hashing

    sealing = c.sealing if run.label_bytes else 0.0
    # At most so many labels are opened.
    opening = min(run.n, run.m) * sealing
    receiver = core_seconds(run.receiver_multiplications, run.n) / c.cores + run.n * c.handling + opening
    sender = core_seconds(run.sender_multiplications, run.m) / c.cores + run.m * (c.handling + sealing)
    # Transfers go back and forth, so that neither side has much to do while the other works.
    summing = run.m * c.transfer * run.sums
    if machines is Machines.APART:
        return max(receiver, sender) + summing
    return receiver + sender + summing


def _disk_bytes(
    own: int,
    keys: int,
    session: Sequence[tuple[Run, bool]],
    reveal: Reveal,
    memory_limit: int | None,
    key_bytes: int,
    rows: int,
) -> int:
    """Keys stay for the whole session; columns live as long as their run."""
    if memory_limit is None:
        return 0
    columns = []
    gives = any(run.label_bytes and not receiving for run, receiving in session)  # what it gives has a share too
    for run, receiving in session:
        row = run.tag_bytes + run.sealed_bytes
        sizes = [(run.n, run.tag_bytes), (run.m, run.tag_bytes)] if receiving else [(run.m, row)]
        if receiving and run.label_bytes:
            sizes[1:] = [(run.n, KEY_BYTES), (run.m, run.tag_bytes), (run.m, run.sealed_bytes)]
        if reveal.hides_membership:
            sizes.insert(0, (run.n, ELEMENT_BYTES))
        if not receiving and run.sums:
            sizes[-1:] = [(run.m, run.tag_bytes + WORD_BYTES), (run.m, ROW_BYTES)]
        columns.append(spilled_bytes(sizes, memory_limit // (4 if gives else 2)))
    of_keys = keys * keys_on_disk(own, rows, key_bytes, len(session) // keys, memory_limit // 2 // keys)
    return of_keys + max(columns)


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
