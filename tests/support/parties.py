"""Two parties of a session, driven by hand: no channel, no threads, no clock."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable
from fractions import Fraction

from psi.agreement.modes import Learner, Reveal, SessionProtocol, Side
from psi.agreement.terms import KeyTerm, Terms
from psi.fast.kernels.portable import PortableKernels
from psi.group.curve25519.portable import PortableBackend
from psi.inputs.tokens import KeyTokens
from psi.protocol.party import Party
from psi.protocol.setup import Setup
from psi.protocol.states import State
from psi.session.local import EphemeralKey
from psi.store.spool import Store
from psi.transport.wire import Frame
from psiselect.base.packed import Packed
from support.entropy import FixedEntropy

RAW = KeyTerm("raw/1", "00" * 32)


class Key(EphemeralKey):
    """An Ed25519 identity without a certificate, the same each time."""

    def __init__(self, seed: str) -> None:
        super().__init__(FixedEntropy(seed))


KEYS = {side: Key(side.value) for side in Side}


@functools.cache
def backend() -> PortableBackend:
    return PortableBackend(threads=1)


def terms(**changes: object) -> Terms:
    """Plain terms, changed; epsilon and delta may be written as text."""
    changes = {name: Fraction(value) if isinstance(value, str) and name in ("epsilon", "delta") else value
               for name, value in changes.items()}  # fmt: skip
    plain = Terms(reveal=Reveal.MATCHES, learn=Learner.CONNECT, keys=(RAW,), chunk=16)
    return dataclasses.replace(plain, **changes)


def setup(side: Side, items: Iterable[bytes], agreed: Terms | None = None, seed: str = "", **changes: object) -> Setup:
    packed = Packed.of(items)
    entropy = FixedEntropy(f"{seed} {side.value}")
    plain = Setup(
        side=side,
        terms=agreed or terms(),
        sizes=(len(packed),),
        tokens=lambda number: KeyTokens.shuffled(packed, b"\x01", entropy),
        signer=KEYS[side],
        verifier=KEYS[side.other],
        backend=backend(),
        stores=Store,
        entropy=entropy,
        max_peer_size=1 << 20,
        now=1_700_000_000,
        kernels=PortableKernels() if agreed is not None and agreed.protocol is SessionProtocol.FAST else None,
    )
    return dataclasses.replace(plain, **changes)


Watch = Callable[[Side, Frame], None]


def pump(
    parties: dict[Side, Party],
    watch: Watch = lambda sender, frame: None,
    step: Callable[[], None] = lambda: None,
) -> None:
    """Carry frames between two parties until both are done; `watch` sees each frame with its sender,
    `step` is called before each move.

    Frames arrive one at a time, in order; a party works only when nothing has arrived for it.
    """
    queues: dict[Side, list[Frame]] = {side: [] for side in Side}

    def deliver(sender: Side, frames: list[Frame] | None) -> None:
        for frame in frames or []:
            watch(sender, frame)
            queues[sender.other].append(Frame(frame.type, bytes(frame.payload)))

    for side, party in parties.items():
        deliver(side, party.start())
    while any(party.state is not State.DONE for party in parties.values()):
        moved = False
        for side, party in parties.items():
            step()
            if queues[side]:
                deliver(side, party.receive(queues[side].pop(0)))
                moved = True
            elif (frames := party.work()) is not None:
                deliver(side, frames)
                moved = True
        if not moved:
            raise AssertionError(f"both wait: {[party.state for party in parties.values()]}")
    for party in parties.values():
        party.settle()


def declared(parties: dict[Side, Party]) -> dict[Side, Frame]:
    """Each side's SIZES: both have greeted and proved who they are, and taken no size yet."""
    hellos = {side: party.start()[0] for side, party in parties.items()}
    proofs = {side: party.receive(hellos[side.other])[0] for side, party in parties.items()}
    return {side: party.receive(proofs[side.other])[0] for side, party in parties.items()}


def run(
    left: Iterable[bytes], right: Iterable[bytes], agreed: Terms | None = None, **options: object
) -> dict[Side, Party]:
    """A whole session; left connects, right listens."""
    parties = {
        Side.CONNECT: Party(setup(Side.CONNECT, left, agreed, **options)),
        Side.LISTEN: Party(setup(Side.LISTEN, right, agreed, **options)),
    }
    pump(parties)
    return parties
