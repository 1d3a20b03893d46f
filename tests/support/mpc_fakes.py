"""A vote's sharing round and noise in memory, with the totals put together again for a test to look at."""

from __future__ import annotations

from collections.abc import Sequence

from mpc.noise import SharedNoise
from mpc.sharing import Modulus
from psiselect.base.entropy import Entropy


def deal_and_add_noise(scores: Sequence[int], noise: SharedNoise, entropy: Entropy) -> list[int]:
    """Shares of the scores, each with a server's share of the noise, put together again."""
    ring = Modulus((1 << 61) - 1)
    shares = ring.split(ring.residues(scores), noise.parties, entropy)
    noisy = [ring.add(s, ring.residues(noise.one_sided(entropy, len(scores)))) for s in shares]
    return ring.centred(ring.total(noisy))
