"""What a peer could time: the work between the last tag and the next message, for no match and for all.

    python bench/timing.py [--rows 1000000] [--rounds 15]

Where one side learns, nothing is compared before the session is over, so there is nothing to time. The other modes
compare before (docs/protocol.md, "When matches may matter"); this measures that comparison. Rounds with no match, half
and all take turns; a difference counts as seen when it is larger than the spread of the runs.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

from psi.agreement.modes import Reveal
from psi.group.curve25519.portable import PortableBackend
from psi.group.curve25519.suite import DST
from psi.inputs.tokens import KeyTokens
from psi.protocol.matching import Comparison
from psi.protocol.run import RunContext
from psi.store.spool import Store
from psiselect.base.entropy import SystemEntropy
from psiselect.base.packed import Packed

WIDTH = 10
SHARES = (0.0, 0.5, 1.0)


def once(rows: int, share: float, backend: PortableBackend, draw: np.random.Generator) -> float:
    """Seconds that a sum's receiver takes from the last tag to its bits and counts."""
    own = draw.integers(0, 256, (rows, WIDTH), np.uint8)
    peer = draw.integers(0, 256, (rows, WIDTH), np.uint8)
    same = int(share * rows)
    peer[:same] = own[:same]
    peer = peer[np.lexsort(peer.T[::-1])]
    store = Store()
    columns = [store.column(name, WIDTH) for name in ("own", "peer")]
    for column, table in zip(columns, (own[draw.permutation(rows)], peer), strict=True):
        column.append(table)
    tokens = KeyTokens(Packed.of([b"x"]), np.zeros(1, np.int64), b"\x01")
    run = RunContext(
        Reveal.SUM, 8192, tokens, rows, None, bytes(64), DST, backend, store, SystemEntropy(), lambda k: None
    )
    started = time.perf_counter()
    comparison = Comparison(run, columns[:1], columns[1:])
    bits, counts = comparison.bits(), comparison.counts()
    seconds = time.perf_counter() - started
    if counts != (same,) or int(bits.sum()) != same:
        raise SystemExit("the comparison is wrong")
    return seconds


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    backend, draw = PortableBackend(threads=1), np.random.default_rng()
    found: dict[float, list[float]] = {share: [] for share in SHARES}
    for _ in range(given.rounds):
        for share in SHARES:
            found[share].append(once(given.rows, share, backend, draw))
    middle = {share: statistics.median(seconds) for share, seconds in found.items()}
    spread = statistics.median(
        statistics.quantiles(seconds, n=4)[2] - statistics.quantiles(seconds, n=4)[0] for seconds in found.values()
    )
    print(f"from the last tag to bits and counts, {given.rows:,} rows on either side, {given.rounds} rounds")
    for share, seconds in middle.items():
        print(f"  {share:4.0%} of the rows match   {1000 * seconds:8.1f} ms")
    apart = middle[1.0] - middle[0.0]
    print(f"all against none: {1000 * apart:+.1f} ms, {1e9 * apart / given.rows:+.1f} ns a match")
    print(f"spread of the runs, between quartiles: {1000 * spread:.1f} ms")
    backend.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
