"""Tokens that a side adds to its own: how many, and that their places say nothing."""

from __future__ import annotations

from collections import Counter
from math import comb, exp, log, sqrt

import numpy as np
from support.entropy import FixedEntropy
from support.laws import FALSE_ALARM
from support.parties import terms
from support.played import Played

from psi.agreement.modes import Reveal
from psi.inputs import padding
from psi.inputs.padding import PaddedTokens, dummies, fillers
from psi.inputs.tokens import KeyTokens
from psiselect.base.packed import Packed


def test_the_senders_dummies_follow_the_law_and_its_number_of_tokens_never_changes() -> None:
    """Bernstein for each cell, at FALSE_ALARM; nothing else decides the result here."""
    noise, draws, entropy = terms(reveal=Reveal.NOISY_COUNT, epsilon="1", delta="1/5").noise, 2000, FixedEntropy()
    assert noise is not None
    seen: Counter[int] = Counter()
    for _ in range(draws):
        padded = padding.pad(KeyTokens.shuffled(Packed.of([]), b"", entropy), 0, noise, padding.Part.SENDER, entropy)
        assert len(padded) == noise.added
        tokens = padded.read(0, noise.added)
        seen[sum(tokens[i][:1] == b"\x02" for i in range(noise.added)) - noise.bound] += 1
    weights = {x: exp(-abs(x)) for x in range(-noise.bound, noise.bound + 1)}
    assert set(seen) <= set(weights)
    for x, weight in weights.items():
        p, limit = weight / sum(weights.values()), log(2 / FALSE_ALARM)
        slack = limit / 3 + sqrt(limit * limit / 9 + 2 * draws * p * (1 - p) * limit)
        assert abs(seen[x] - draws * p) <= slack


def test_added_tokens_are_strewn_and_the_others_keep_their_numbers() -> None:
    keys = Packed.of(b"key %d" % i for i in range(50))
    inner = KeyTokens.shuffled(keys, b"\x01", FixedEntropy("inner"))
    added = dummies(20), fillers(7, FixedEntropy("fillers"))
    more = [packed[i] for packed in added for i in range(len(packed))]
    padded = PaddedTokens(inner, padding.join(*added), FixedEntropy("places"))
    everything = [padded.read(i, i + 1)[0] for i in range(len(padded))]
    assert sorted(everything) == sorted([*(b"\x01" + keys[i] for i in range(50)), *more])
    for chunk in (1, 3, 16, 77, 1000):
        pieces = [padded.read(start, start + chunk) for start in range(0, len(padded), chunk)]
        assert [piece[i] for piece in pieces for i in range(len(piece))] == everything
    real = np.array([i for i, token in enumerate(everything) if token[:1] == b"\x01"])
    found = padded.numbers(np.append(real[5:15], np.setdiff1d(np.arange(77), real))).tolist()
    assert found == [int(everything[i].split()[1]) for i in real[5:15]] + 27 * [-1]
    assert len(set(more)) == 27


def test_places_of_added_tokens_are_uniform() -> None:
    """Every set of places as often as any other; Hoeffding at 1e-9 for each of 10 cells."""
    inner = KeyTokens.shuffled(Packed.of([b"a", b"b", b"c"]), b"\x01", FixedEntropy())
    entropy, draws = FixedEntropy("uniform"), 3000
    seen: Counter[tuple[int, ...]] = Counter()
    for _ in range(draws):
        padded = PaddedTokens(inner, dummies(2), entropy)
        tokens = padded.read(0, 5)
        seen[tuple(i for i in range(5) if tokens[i][:1] == b"\x02")] += 1
    assert len(seen) == comb(5, 2)
    assert all(abs(n - draws / 10) < sqrt(draws * log(2e9) / 2) for n in seen.values())


def test_what_is_added_has_a_type_and_a_form_of_its_own() -> None:
    """docs/protocol.md, "Items": a dummy is its number in 8 bytes, a filler 32 random bytes."""
    assert list(dummies(3)) == [b"\x02" + number.to_bytes(8, "big") for number in range(3)]
    drawn = Played(bytes(range(64)))
    assert list(fillers(2, drawn)) == [b"\x03" + bytes(range(32)), b"\x03" + bytes(range(32, 64))]
    assert not drawn.data
    assert len(fillers(0, drawn)) == 0
