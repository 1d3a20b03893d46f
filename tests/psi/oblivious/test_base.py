"""Base transfers: the chooser gets the seeds that it chose, and bad elements are refused."""

from __future__ import annotations

import numpy as np
import pytest
from support.entropy import FixedEntropy
from support.transfers import BINDING, backend

from psi.group.curve25519.backend import load_backend
from psi.group.curve25519.portable import PortableBackend
from psi.group.curve25519.suite import DST
from psi.oblivious.base import BaseReceiver, BaseSender
from psi.oblivious.columns import COLUMNS
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import RemoteError
from psiselect.base.packed import U8


@pytest.mark.parametrize("name", ["lanes", "portable"])
def test_the_chooser_gets_the_seed_it_chose_and_all_seeds_differ(name: str) -> None:
    group = load_backend(name, 1)
    chooser = BaseReceiver(group, DST, BINDING, SystemEntropy())
    answer, seeds = BaseSender(group, DST, BINDING, SystemEntropy()).answer(chooser.request())
    assert np.array_equal(chooser.seeds(answer), seeds[np.arange(COLUMNS), chooser.bits])
    assert len({seed.tobytes() for seed in seeds.reshape(-1, 32)}) == 2 * COLUMNS
    assert 0 < chooser.bits.sum() < COLUMNS  # fails by chance with probability 2^-127
    group.close()


def test_seeds_are_bound_to_the_run() -> None:
    chooser = BaseReceiver(backend(), DST, BINDING, FixedEntropy())
    answer, seeds = BaseSender(backend(), DST, bytes(64), FixedEntropy("dealer")).answer(chooser.request())
    opened = chooser.seeds(answer)
    assert not (opened == seeds[np.arange(COLUMNS), chooser.bits]).all(axis=1).any()


def test_each_pair_has_a_scalar_of_its_own() -> None:
    """The same element in all places comes back as 128 different ones."""
    request = np.repeat(BaseReceiver(backend(), DST, BINDING, FixedEntropy()).request()[:1], COLUMNS, axis=0)
    answer, _ = BaseSender(backend(), DST, BINDING, SystemEntropy()).answer(request)
    assert len({row.tobytes() for row in answer}) == COLUMNS


def bad_elements() -> dict[str, U8]:
    low = np.zeros(32, np.uint8)
    high = np.full(32, 255, np.uint8)
    return {"low order": low, "is not below": high}


@pytest.mark.parametrize("words", bad_elements())
def test_elements_that_no_honest_side_sends_are_refused_by_position(words: str) -> None:
    chooser = BaseReceiver(backend(), DST, BINDING, FixedEntropy())
    request = chooser.request()
    answer, _ = BaseSender(backend(), DST, BINDING, FixedEntropy("d")).answer(request)
    for good, refuse in (
        (request, BaseSender(backend(), DST, BINDING, FixedEntropy("d")).answer),
        (answer, chooser.seeds),
    ):
        bad = good.copy()
        bad[77] = bad_elements()[words]
        with pytest.raises(RemoteError, match=f"encrypted key 77 .*{words}"):
            refuse(bad)


def test_hashing_and_tokens_of_the_chooser_do_not_depend_on_its_bits() -> None:
    """What it hashes is the same for all choices; only arithmetic on the results differs."""

    class Watched(PortableBackend):
        def hash_to_curve(self, items: object, dst: bytes) -> U8:
            asked.append(bytes(items.data))
            return super().hash_to_curve(items, dst)

    seen = []
    for seed in ("one", "two"):
        asked: list[bytes] = []
        group = Watched(threads=1)
        BaseReceiver(group, DST, BINDING, FixedEntropy(seed)).request()
        group.close()
        seen.append(asked)
    assert seen[0] == seen[1]
    assert len(seen[0]) == 2
