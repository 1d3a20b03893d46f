"""Group operations a second: the vector backend, the portable one, and other libraries called point by point.

Every contender masks the same elements with the same scalar, in turns within one run, so that what else the machine
does falls on all alike; medians of the rounds are shown, and ratios of medians. `python bench/group.py [--json]`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from psi.group.curve25519.backend import load_backend
from psi.group.curve25519.lanes.backend import LanesBackend
from psi.group.curve25519.lanes.target import DOUBLES, IFMA, fields
from psi.group.curve25519.scalar import Scalar
from psi.group.curve25519.suite import DST
from psiselect.base.entropy import SystemEntropy
from psiselect.base.packed import Packed

ROUNDS = 9
ROWS = 16384  # a round of the vector backend
SINGLE_ROWS = 2000  # a round of a library called point by point

Work = Callable[[], object]


def contenders() -> dict[str, tuple[Work, int]]:
    """Name -> (one round's work, how many points that is)."""
    scalar, key_entropy = Scalar.draw(SystemEntropy()), SystemEntropy()
    lanes = {threads: load_backend("lanes", threads) for threads in (1, 2)}  # in the processor's best field
    portable = {threads: load_backend("portable", threads) for threads in (1, 2)}
    items = Packed.of(key_entropy.read(16).hex().encode() for _ in range(ROWS))
    elements = lanes[1].hash_to_curve(items, DST)
    few, few_items = elements[:SINGLE_ROWS], items.slice(0, SINGLE_ROWS)
    raw = [row.tobytes() for row in few]
    private = X25519PrivateKey.from_private_bytes(bytes(scalar.key))
    prefix = bytes(128)

    def openssl() -> list[bytes]:
        return [private.exchange(X25519PublicKey.from_public_bytes(row)) for row in raw]

    if b"".join(openssl()) != lanes[2].mask(few, scalar).tobytes():
        raise SystemExit("the backends disagree: nothing to measure")
    found: dict[str, tuple[Work, int]] = {
        "cryptography, per call": (openssl, SINGLE_ROWS),
        "lanes mask, 1 thread": (lambda: lanes[1].mask(elements, scalar), ROWS),
        "lanes mask, 2 threads": (lambda: lanes[2].mask(elements, scalar), ROWS),
        "lanes hash-and-mask, 1 thread": (lambda: lanes[1].hash_and_mask(items, scalar, DST), ROWS),
        "lanes hash-and-mask, 2 threads": (lambda: lanes[2].hash_and_mask(items, scalar, DST), ROWS),
        "lanes hash-to-curve, 1 thread": (lambda: lanes[1].hash_to_curve(items, DST), ROWS),
        "lanes digest, 1 thread": (lambda: lanes[1].digest(prefix, elements, items, 12), ROWS),
        "portable mask, 1 worker": (lambda: portable[1].mask(few, scalar), SINGLE_ROWS),
        "portable mask, 2 workers": (lambda: portable[2].mask(few, scalar), SINGLE_ROWS),
        "portable hash-and-mask, 1 worker": (lambda: portable[1].hash_and_mask(few_items, scalar, DST), SINGLE_ROWS),
    }
    if IFMA in fields():
        doubles = LanesBackend(1, field=DOUBLES)
        found["lanes mask on doubles, 1 thread"] = (lambda: doubles.mask(elements, scalar), ROWS)
    try:
        from nacl.bindings import crypto_scalarmult
    except ImportError:
        return found
    key = bytes(scalar.key)
    found["PyNaCl, per call"] = (lambda: [crypto_scalarmult(key, row) for row in raw], SINGLE_ROWS)
    return found


def measure() -> dict[str, float]:
    """Name -> points a second, the median of the rounds."""
    work = contenders()
    rates: dict[str, list[float]] = {name: [] for name in work}
    for name, (run, _) in work.items():  # start workers and threads, warm the caches
        run()
        rates[name].clear()
    for _ in range(ROUNDS):
        for name, (run, points) in work.items():
            start = time.perf_counter()
            run()
            rates[name].append(points / (time.perf_counter() - start))
    return {name: statistics.median(values) for name, values in rates.items()}


def ratios(rates: dict[str, float]) -> dict[str, float]:
    """The comparisons that the project makes claims about."""
    one, two = rates["lanes mask, 1 thread"], rates["lanes mask, 2 threads"]
    out = {
        "lanes mask, 1 thread / cryptography": one / rates["cryptography, per call"],
        "2 threads / 1 thread": two / one,
        "hash-and-mask / mask": rates["lanes hash-and-mask, 1 thread"] / one,
    }
    if "lanes mask on doubles, 1 thread" in rates:
        out["lanes mask with IFMA / on doubles"] = one / rates["lanes mask on doubles, 1 thread"]
    if "PyNaCl, per call" in rates:
        out["lanes mask, 1 thread / PyNaCl"] = one / rates["PyNaCl, per call"]
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    as_json = parser.parse_args().json
    rates = measure()
    compared = ratios(rates)
    if as_json:
        print(json.dumps({"rounds": ROUNDS, "per_second": rates, "ratios": compared}, indent=2))
        return
    for name, rate in rates.items():
        print(f"{name:36} {rate:12,.0f} a second")
    for name, ratio in compared.items():
        print(f"{name:36} {ratio:12.2f}")


if __name__ == "__main__":
    main()
