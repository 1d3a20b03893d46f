"""Both parties of an offline exchange, with files in memory."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from psi.agreement.modes import Reveal, Side
from psi.agreement.terms import Terms
from psi.identity.identity import Identity
from psi.inputs.tokens import KeyTokens
from psi.offline import exchange
from psi.offline.envelope import NO_FILE, FileKind, Reader, Writer
from psi.protocol.setup import Setup
from psi.session.session import SessionResult
from psiselect.base.packed import Packed
from psiselect.base.seeded import SeededEntropy
from support.entropy import FixedEntropy
from support.parties import setup

SEED = bytes(range(32))
OWN = [b"a", b"b", b"c", b"d"]
PEER = [b"x", b"c", b"a"]


@dataclass
class Pair:
    """Both parties' set-ups; each call makes them anew, as each command does."""

    people: dict[Side, Identity]
    agreed: Terms

    def setup(self, side: Side, items: Iterable[bytes], **changes: object) -> Setup:
        whom = {"signer": self.people[side], "verifier": self.people[side.other].public}
        return setup(side, items, self.agreed, **{**whom, **changes})

    def offerer(self, items: Iterable[bytes] = OWN, seed: bytes = SEED, **changes: object) -> Setup:
        packed, entropy = Packed.of(items), SeededEntropy(seed)

        def tokens(number: int) -> KeyTokens:
            return KeyTokens.shuffled(packed, b"\x01", entropy)

        return self.setup(Side.CONNECT, items, **{"tokens": tokens, "entropy": entropy, **changes})

    def answerer(self, items: Iterable[bytes] = PEER, **changes: object) -> Setup:
        return self.setup(Side.LISTEN, items, **changes)

    def write(self, kind: FileKind, previous: bytes, frames: Callable[[Writer], object]) -> tuple[bytes, object]:
        file = io.BytesIO()
        author, reader = self.people[kind.side], self.people[kind.side.other]
        writer = Writer(file, kind, author, reader.public, previous, FixedEntropy("file"))
        made = frames(writer)
        writer.finish()
        return file.getvalue(), made

    def read(self, kind: FileKind, data: bytes) -> Reader:
        own, author = self.people[kind.side.other], self.people[kind.side]
        return Reader(io.BytesIO(data), "the file", kind, own, [author.public])

    def offer(self, **changes: object) -> tuple[bytes, bytes]:
        file, contents = self.write(
            FileKind.OFFER, NO_FILE, lambda writer: exchange.offer(self.offerer(**changes), writer.send, silent)
        )
        assert isinstance(contents, bytes)
        return file, contents

    def answer(self, offer: bytes, **changes: object) -> tuple[bytes, SessionResult]:
        reader = self.read(FileKind.OFFER, offer)
        file, result = self.write(
            FileKind.ANSWER,
            reader.id,
            lambda writer: exchange.answer(self.answerer(**changes), reader.id, reader.frames(), writer.send, silent),
        )
        assert isinstance(result, SessionResult)
        return file, result

    def finish(self, offer: bytes, contents: bytes, answer: bytes, **changes: object) -> SessionResult:
        offer_id = self.read(FileKind.OFFER, offer).id
        reader = self.read(FileKind.ANSWER, answer)
        assert reader.previous == offer_id
        return exchange.finish(self.offerer(**changes), offer_id, contents, reader.frames(), silent)


def silent(done: int, total: int) -> None:
    """No progress."""


MODES = {
    "matches": {},
    "count": {"reveal": Reveal.COUNT},
    "noisy-count": {"reveal": Reveal.NOISY_COUNT, "epsilon": "1", "delta": "1/1000"},
    "padded": {"pad_to": 9},
    "padded count": {"reveal": Reveal.COUNT, "pad_to": 9},
}
