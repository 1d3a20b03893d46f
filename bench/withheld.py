"""What a sender sees that withholds its last message from a session that can be resumed, for no match and for all.

    python bench/withheld.py [--items 2000] [--rounds 7]

Before protocol version 2 a learner looked at its matches, opened labels and wrote, and then called the sender again:
the time until then told how many there were. Now it waits for a fixed time, serves the sender no more, and looks then.
All that the sender can time is when its link is closed; nobody calls. Both sides run here, the sender's last word is
not sent, and rounds with no match and with all take turns.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from psi.agreement.modes import Learner, Reveal, Side
from psi.agreement.terms import KeyTerm, Terms
from psi.group.curve25519.backend import Backend, load_backend
from psi.inputs.tokens import KeyTokens
from psi.protocol.setup import Setup
from psi.resume import greeting, inputs, opening
from psi.resume.folder import SessionFolder
from psi.resume.plan import ResumePlan
from psi.resume.session import open_session
from psi.session.local import EphemeralKey
from psi.session.session import drive
from psi.store.spool import Store
from psi.transport.channel import Channel
from psi.transport.memory import memory_pair
from psiselect.base.entropy import Entropy, SystemEntropy
from psiselect.base.errors import TransportError
from psiselect.base.packed import Packed

STALL = 1.0  # seconds that the learner waits, `--timeout` of the command
TERMS = Terms(reveal=Reveal.MATCHES, learn=Learner.CONNECT, keys=(KeyTerm("raw/1", "00" * 32),))


class Nobody:
    """Counts the calls of the learner, which find nobody."""

    calls = 0

    def open(self, wait: float) -> Channel:
        """See `psi.resume.plan.Link`."""
        self.calls += 1
        raise TransportError("nobody is there")


def plan_of(side: Side, items: Packed, keys: dict[Side, EphemeralKey], backend: Backend, link: Nobody) -> ResumePlan:
    """One side of the session."""

    def build(entropy: Entropy, used: Backend) -> Setup:
        return Setup(
            side=side,
            terms=TERMS,
            sizes=(len(items),),
            tokens=lambda number: KeyTokens.shuffled(items, b"\x01", entropy),
            signer=keys[side],
            verifier=keys[side.other],
            backend=used,
            stores=Store,
            entropy=entropy,
            max_peer_size=1 << 30,
            now=1_800_000_000,
        )

    digest = inputs.digest_of(lambda entropy: build(entropy, backend))
    return ResumePlan(build, digest, backend, link, STALL)


def sender(plan: ResumePlan, workdir: Path, channel: Channel) -> float:
    """Play to the end but say no BYE; seconds until the link is closed."""
    party = opening.open_party(SessionFolder(workdir, plan.scope()), plan)
    hello = greeting.digest(bytes(party.journal.own_frame(0).payload))
    channel.send(greeting.Resume(hello, None, 0, done=False).frame())
    party.link_up(greeting.expect(channel).received)
    drive(party, channel, lambda done, total: None)
    started = time.perf_counter()
    try:
        while True:
            channel.receive()
    except TransportError:
        return time.perf_counter() - started


def once(items: int, matches: int, backend: Backend) -> tuple[float, int]:
    """Seconds until the link was closed, and how often the learner called."""
    keys = {side: EphemeralKey(SystemEntropy()) for side in Side}
    ends = memory_pair(fingerprints=(keys[Side.CONNECT].fingerprint, keys[Side.LISTEN].fingerprint))
    own = Packed.of(b"%d" % number for number in range(items))
    others = Packed.of(b"%d" % number for number in range(items - matches, 2 * items - matches))
    link = Nobody()
    seen: list[float] = []
    with tempfile.TemporaryDirectory() as place:
        folders = {side: Path(place) / side.value for side in Side}
        for folder in folders.values():
            folder.mkdir()
        cheat = plan_of(Side.LISTEN, others, keys, backend, link)
        play: Callable[[], None] = lambda: seen.append(sender(cheat, folders[Side.LISTEN], ends[1]))  # noqa: E731
        thread = threading.Thread(target=play)
        thread.start()
        learner = plan_of(Side.CONNECT, own, keys, backend, link)
        with open_session(folders[Side.CONNECT], [learner], lambda hurry: ends[0]) as session:
            result = session.run()
        thread.join()
    if result.outcome.matches != matches:
        raise SystemExit("the session is wrong")
    return seen[0], link.calls


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    backend = load_backend("auto", None)
    found: dict[int, list[float]] = {0: [], given.items: []}
    calls = 0
    for _ in range(given.rounds):
        for matches, seconds in found.items():
            closed, called = once(given.items, matches, backend)
            seconds.append(closed)
            calls += called
    backend.close()
    print(f"{given.items:,} items on either side, {given.rounds} rounds, the learner waits {STALL:g} s for a BYE")
    for matches, seconds in found.items():
        spread = max(seconds) - min(seconds)
        middle = statistics.median(seconds)
        print(
            f"  {matches:6,} matches: link closed after {1000 * middle:.1f} ms, between all runs {1000 * spread:.1f} ms"
        )
    apart = statistics.median(found[given.items]) - statistics.median(found[0])
    print(f"all against none: {1000 * apart:+.1f} ms; calls of the learner afterwards: {calls}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
