"""The secure sum, and the sharing round of every other function: sans-I/O.

Everything that decides is here; whoever drives it moves frames, tells time and reports dead links (`mpc.session`).
Each party runs one `SecureSum`. From each peer messages come in one fixed order, of which its and our roles leave
parts out:

    TERMS            what it understood, and 32 random bytes for the public order of candidates
    SHARE ...        its share for us, if it brings a value and we compute
    PARTIAL ...      the sum of all shares it holds, if it computes; once all of them are in
    RESULT           instead of PARTIAL, for functions that go on inside MPyC: the result, for parties that only input
    DONE             it holds the result

A computing party shows its terms to a party that only inputs when it has seen everyone's, so that shares leave only
when all parties hold the same terms; a partial sum leaves only when every share is in. ABORT may come at any time. The
first failure, seen or told, is told once to every peer, and nothing is sent after it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from mpc import words, words_messages
from mpc.messages import MAX_TERMS, Cause, Failure, Message, Outgoing, printable_term
from mpc.parties import PartyEntry, PartyList
from mpc.sharing import Modulus, Residues
from mpc.terms import MpcTerms, differing
from psi.transport.wire import MAX_FRAME_BYTES, Frame
from psiselect.base import strict_json
from psiselect.base.entropy import Entropy
from psiselect.base.errors import RemoteError

CHUNK_BYTES = MAX_FRAME_BYTES // 2
SEED_BYTES = 32

Admit = Callable[[], None]


def admit_all() -> None:
    """Refuses nothing."""


@dataclass(slots=True)
class _Peer:
    party: PartyEntry
    expects: deque[Message]
    chunks: list[Residues] = field(default_factory=list)
    held: int = 0
    seed: bytes = b""
    live: bool = False
    seen: bool = False
    last_heard: int = 0  # which of all frames was its last one, from 1
    hung_up: bool = False  # before it said anything


class SecureSum:
    """One party's side of one run.

    values: this party's numbers in units, or None for a server. With `opens`, partial sums are exchanged and `totals`
    is the result; without, `partial` is this party's additive share of it, for a computation that goes on elsewhere
    and ends with `announce`. admit: called once, when all parties hold the same terms and before anything that depends
    on values leaves; what it raises comes out of `received`, and then `stopped` tells the peers.
    """

    def __init__(
        self,
        roster: PartyList,
        me: str,
        terms: MpcTerms,
        values: Sequence[int] | None,
        entropy: Entropy,
        *,
        opens: bool = True,
        admit: Admit = admit_all,
    ) -> None:
        self.roster, self.me, self.terms = roster, roster[me], terms
        if (values is not None) != self.me.inputs:
            raise words.no_value(me) if self.me.inputs else words.value_of_a_server(me)
        if values is not None and len(values) != terms.length:
            raise words.other_length(terms.length, len(values))
        self.ring = Modulus(terms.modulus)
        self._values = None if values is None else self.ring.residues(values)
        self._entropy = entropy
        self._opens = opens
        self._admit = admit
        self._record = terms.record(roster)
        self.seed = entropy.read(SEED_BYTES)
        self._peers = {p.name: _Peer(p, self._order(p)) for p in roster.peers(me)}
        self._own_share: Residues | None = None
        self._shares: dict[str, Residues] = {}
        self._partials: dict[str, Residues] = {}
        self._announced: bytes | None = None
        self._dealt = self._summed = self._confirmed = False
        self.partial: Residues | None = None
        self.totals: Residues | None = None
        self.result: bytes | None = None
        self.failure: Failure | None = None
        self.missing: tuple[str, ...] = ()
        self._frames = 0

    # -- events ---------------------------------------------------------------------------------------------------

    def connected(self, peer: str) -> list[Outgoing]:
        """The authenticated link to `peer` stands."""
        state = self._peers[peer]
        state.live, state.seen, state.hung_up = True, True, False
        if self.failure:
            return [Outgoing(peer, self.failure.frame())]
        return [] if self._answers_last(state) else [self._shown(peer)]

    def received(self, peer: str, frame: Frame) -> list[Outgoing]:
        """A frame came. A peer that breaks the protocol ends the run; this raises nothing for what a peer sends, only
        what `admit` raises."""
        self.noted(peer)
        if self.failure:
            return []
        state = self._peers[peer]
        try:
            if frame.type == Message.ABORT:
                return self._fail(Failure.read(frame, self.roster), peer)
            if not state.expects or frame.type != state.expects[0]:
                raise words_messages.out_of_order()
            _HANDLERS[state.expects[0]](self, peer, state, frame)
        except _Disagreement as found:
            return self._fail(Failure(Cause.TERMS, peer, self.me.name, found.terms), peer)
        except RemoteError:
            return self._fail(Failure(Cause.PROTOCOL, peer, self.me.name), peer)
        return self._advance()

    def noted(self, peer: str) -> None:
        """A frame came that is not for this machine, but shows that the peer is at work."""
        self._frames += 1
        self._peers[peer].last_heard = self._frames

    def hung_up(self, peer: str) -> None:
        """The peer ended the link. If it never said anything over it, it may have left because of somebody else, as a
        party does that ends just when another one reaches it. It is then one that has not connected yet: `suspects`
        says when there is nobody else whose fault it could be. If it did, this does nothing; see `lost`."""
        state = self._peers[peer]
        if not state.last_heard:
            state.live, state.hung_up = False, True

    def lost(self, peer: str, *, silent: bool = False) -> list[Outgoing]:
        """The link to `peer` died, or it stalled. After its DONE that is how a run ends; once we hold the result, it
        leaves that peer unconfirmed."""
        state = self._peers[peer]
        state.live = False
        if self.failure or not state.expects:
            return []
        return self._fail(Failure(Cause.LATE if silent else Cause.LOST, peer, self.me.name), peer)

    def misbehaved(self, peer: str) -> list[Outgoing]:
        """What came from `peer` was not even a frame, or broke a later stage."""
        return [] if self.failure else self._fail(Failure(Cause.PROTOCOL, peer, self.me.name), peer)

    def expired(self) -> list[Outgoing]:
        """The deadline passed: name the party that holds up the run. That is one without a link before all others, then
        the one from which most is missing. Of several alike, as inside MPyC, it is the one that has said nothing for
        longest: the others went on until they had to wait for it. `missing` lists all that have no link."""
        if self.failure or self.settled:
            return []
        waiting = [p for p in self._peers.values() if not p.live] or [p for p in self._peers.values() if p.expects]
        blamed = min(waiting, key=lambda p: (-len(p.expects), p.last_heard, self.roster.parties.index(p.party)))
        cause = Cause.LATE if blamed.live else Cause.MISSING
        return self._fail(Failure(cause, blamed.party.name, self.me.name), blamed.party.name)

    def stopped(self) -> list[Outgoing]:
        """This party gives up by itself: it refuses, or its own later stage failed."""
        return [] if self.failure else self._fail(Failure(Cause.INPUT, self.me.name, self.me.name), None)

    def interrupted(self) -> list[Outgoing]:
        """This party is stopped from outside, by a signal."""
        return [] if self.failure else self._fail(Failure(Cause.LOST, self.me.name, self.me.name), None)

    def announce(self, result: bytes) -> list[Outgoing]:
        """The later stage is over: tell the parties that only input, and confirm to all."""
        self.result = result
        told = [Outgoing(n, Frame(Message.RESULT, result)) for n, p in self._peers.items() if not p.party.computes]
        return told + self._advance()

    # -- what the driver asks --------------------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Without `opens`, at a computing party: the shares are in and the later stage may begin."""
        return self.partial is not None and not self._opens and not self.failure

    @property
    def settled(self) -> bool:
        """This party holds the result."""
        return self.totals is not None or self.result is not None

    @property
    def finished(self) -> bool:
        """This party holds the result, and so does every peer that is still there."""
        return self.settled and not any(p.expects and p.live for p in self._peers.values())

    @property
    def unconfirmed(self) -> tuple[str, ...]:
        """Peers that have not said that they hold the result."""
        return tuple(n for n, p in self._peers.items() if p.expects)

    @property
    def everyone_seen(self) -> bool:
        """Every peer has connected at some time, so that after a failure every peer has been told."""
        return all(p.seen for p in self._peers.values())

    def heard(self, peer: str) -> bool:
        """Whether the peer has said anything."""
        return self._peers[peer].last_heard > 0

    @property
    def suspects(self) -> tuple[str, ...]:
        """The one peer that hung up before it said anything, once every other peer is here and has spoken."""
        silent = tuple(n for n, p in self._peers.items() if p.hung_up)
        alone = all(p.live and p.last_heard for p in self._peers.values() if not p.hung_up)
        return silent if len(silent) == 1 and alone else ()

    @property
    def seeds(self) -> bytes:
        """The computing parties' random bytes, in roster order: the same at each of them."""
        return b"".join(
            self.seed if p.name == self.me.name else self._peers[p.name].seed for p in self.roster.computing
        )

    # -- the inside --------------------------------------------------------------------------------------------------

    def _order(self, peer: PartyEntry) -> deque[Message]:
        """What this peer will send us, in order."""
        order = [Message.TERMS]
        if self.me.computes and peer.inputs:
            order.append(Message.SHARE)
        if peer.computes:
            if self._opens:
                order.append(Message.PARTIAL)
            elif not self.me.computes:
                order.append(Message.RESULT)
        return deque([*order, Message.DONE])

    def _on_terms(self, peer: str, state: _Peer, frame: Frame) -> None:
        message = strict_json.decode(frame.payload, "terms")
        strict_json.only(message, {"terms", "seed"}, "terms")
        record = strict_json.field(message, "terms", dict, "terms")
        seed = strict_json.field(message, "seed", str, "terms")
        if found := differing(self._record, record):
            raise _Disagreement(tuple(printable_term(n) for n in found[:MAX_TERMS]))
        try:
            state.seed = bytes.fromhex(seed)
        except ValueError:
            raise words_messages.seed() from None
        if len(state.seed) != SEED_BYTES:
            raise words_messages.seed()
        state.expects.popleft()

    def _on_share(self, peer: str, state: _Peer, frame: Frame) -> None:
        self._collect(peer, state, frame, self._shares)

    def _on_partial(self, peer: str, state: _Peer, frame: Frame) -> None:
        self._collect(peer, state, frame, self._partials)

    def _collect(self, peer: str, state: _Peer, frame: Frame, into: dict[str, Residues]) -> None:
        """One chunk of a vector; a chunk is full but for the last one."""
        chunk = self.ring.unpack(frame.payload)
        state.held += len(chunk)
        full = CHUNK_BYTES // self.ring.width
        if state.held > self.terms.length or (state.held < self.terms.length and len(chunk) != full):
            raise words_messages.chunk_length()
        state.chunks.append(chunk)
        if state.held == self.terms.length:
            into[peer] = np.concatenate(state.chunks)
            state.chunks, state.held = [], 0
            state.expects.popleft()

    def _on_result(self, peer: str, state: _Peer, frame: Frame) -> None:
        if len(frame.payload) > strict_json.MAX_BYTES:
            raise words_messages.result_too_long()
        if self._announced not in (None, frame.payload):
            # One of two servers is wrong; which, this party cannot know, so it takes neither.
            raise words_messages.different_results()
        self._announced = bytes(frame.payload)
        state.expects.popleft()

    def _on_done(self, peer: str, state: _Peer, frame: Frame) -> None:
        if frame.payload:
            raise words_messages.last_with_content()
        state.expects.popleft()

    def _advance(self) -> list[Outgoing]:
        """Take every step for which all that it needs is in."""
        out: list[Outgoing] = []
        if not self._dealt and not self._awaiting(Message.TERMS):
            self._admit()
            self._dealt = True
            out += [self._shown(name) for name, state in self._peers.items() if self._answers_last(state)]
            out += self._deal()
        if self.me.computes and self._dealt and not self._summed and not self._awaiting(Message.SHARE):
            self._summed = True
            own = [] if self._own_share is None else [self._own_share]
            self.partial = self.ring.total([*own, *self._shares.values()])
            self._own_share, self._shares = None, {}
            if self._opens:
                for name in self._peers:
                    out += self._vector(name, Message.PARTIAL, self.partial)
        if not self.settled:
            self._settle()
        if self.settled and not self._confirmed:
            self._confirmed = True
            out += [Outgoing(name, Frame(Message.DONE, b"")) for name in self._peers]
        return out

    def _answers_last(self, state: _Peer) -> bool:
        return self.me.computes and not state.party.computes

    def _shown(self, peer: str) -> Outgoing:
        return Outgoing(
            peer,
            Frame(Message.TERMS, strict_json.encode({"terms": self._record, "seed": self.seed.hex()})),
        )

    def _deal(self) -> list[Outgoing]:
        """Split the own values among the computing parties; the own share stays here."""
        if self._values is None:
            return []
        out = []
        computing = self.roster.computing
        for party, share in zip(computing, self.ring.split(self._values, len(computing), self._entropy), strict=True):
            if party.name == self.me.name:
                self._own_share = share
            else:
                out += self._vector(party.name, Message.SHARE, share)
        self._values = None
        return out

    def _settle(self) -> None:
        """Turn the last round into the result, once it is complete."""
        if not self._dealt or self._awaiting(Message.PARTIAL) or self._awaiting(Message.RESULT):
            return
        if self._opens:
            if self.me.computes and self.partial is None:
                return
            own = [] if self.partial is None else [self.partial]
            self.totals = self.ring.total([*own, *self._partials.values()])
        elif not self.me.computes:
            self.result = self._announced

    def _vector(self, peer: str, kind: Message, values: Residues) -> list[Outgoing]:
        step = CHUNK_BYTES // self.ring.width
        return [Outgoing(peer, Frame(kind, self.ring.pack(values[i : i + step]))) for i in range(0, len(values), step)]

    def _awaiting(self, kind: Message) -> bool:
        return any(kind in p.expects for p in self._peers.values())

    def _fail(self, failure: Failure, seen_at: str | None) -> list[Outgoing]:
        if self.settled:  # too late to undo: the peer merely stays unconfirmed
            if seen_at is not None:
                self._peers[seen_at].live = False
            return []
        self.failure = failure
        self.missing = tuple(n for n, p in self._peers.items() if not p.live)
        self._values = self._own_share = None
        self._shares, self._partials = {}, {}
        return [Outgoing(n, failure.frame()) for n, p in self._peers.items() if p.live]


class _Disagreement(Exception):  # noqa: N818 - not an error of ours: it carries what differs to the one handler
    def __init__(self, terms: tuple[str, ...]) -> None:
        super().__init__()
        self.terms = terms


_HANDLERS: dict[Message, Callable[[SecureSum, str, _Peer, Frame], None]] = {
    Message.TERMS: SecureSum._on_terms,
    Message.SHARE: SecureSum._on_share,
    Message.PARTIAL: SecureSum._on_partial,
    Message.RESULT: SecureSum._on_result,
    Message.DONE: SecureSum._on_done,
}
