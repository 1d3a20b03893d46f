from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpc.sharing import WORD, Modulus
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import RemoteError, UsageError

MODULI = [2, 3, 5, 256, 10**6 + 3, WORD >> 1, (WORD >> 1) + 1, WORD - 59, WORD, WORD + 13, 2**89 - 1]


class Counting:
    """Entropy whose words are 0, 1, 2, ...: `uniform` must map them one to one."""

    def __init__(self, start: int = 0) -> None:
        self.at = start

    def read(self, size: int) -> bytes:
        count = size // 8
        values = np.arange(count, dtype=np.uint64) + np.uint64(self.at % WORD)
        self.at += count
        return values.astype("<u8").tobytes()


@given(st.sampled_from(MODULI), st.lists(st.integers(-(10**25), 10**25), max_size=9), st.integers(2, 7))
def test_shares_reconstruct(modulus: int, values: list[int], parties: int) -> None:
    ring = Modulus(modulus)
    shares = ring.split(ring.residues(values), parties, SystemEntropy())
    assert len(shares) == parties
    total = ring.total([ring.unpack(ring.pack(s)) for s in shares])
    assert [int(v) for v in total] == [v % modulus for v in values]


@given(st.sampled_from(MODULI), st.data())
def test_centred_undoes_residues_within_half_the_modulus(modulus: int, data: st.DataObject) -> None:
    value = data.draw(st.integers(-(modulus // 2), (modulus - 1) // 2))
    ring = Modulus(modulus)
    assert ring.centred(ring.residues([value])) == [value]


def test_uniform_is_exact_where_the_word_range_is_no_multiple() -> None:
    ring = Modulus(5)
    # 2^64 = 1 modulo 5: the single word 2^64 - 1 would make 0 likelier than the rest, and is drawn again.
    drawn = ring.uniform(4, Counting(WORD - 3))
    assert list(drawn[:2]) == [(WORD - 3) % 5, (WORD - 2) % 5]
    assert drawn[2] == 1  # the next word of the source, 1, in place of 2^64 - 1
    assert drawn[3] == 0  # 2^64 wraps to 0
    assert np.bincount(ring.uniform(1000, Counting()).astype(int)).tolist() == [200] * 5


@pytest.mark.parametrize("modulus", [3, WORD + 13])
def test_hostile_residues_are_refused(modulus: int) -> None:
    ring = Modulus(modulus)
    with pytest.raises(RemoteError, match="not below"):
        ring.unpack(modulus.to_bytes(ring.width, "little"))
    with pytest.raises(RemoteError, match="not a multiple of"):
        ring.unpack(bytes(ring.width - 1))


@pytest.mark.parametrize("modulus", [1, 0, -5, 1 << 600])
def test_impossible_moduli_are_refused(modulus: int) -> None:
    with pytest.raises(UsageError):
        Modulus(modulus)


def test_the_largest_modulus_is_two_to_the_512_and_the_error_says_so() -> None:
    assert Modulus(1 << 512).value == 1 << 512
    with pytest.raises(UsageError, match=r"from 2 to 2\^512$"):
        Modulus((1 << 512) + 1)


def test_a_power_of_two_is_drawn_too_as_the_last_residue() -> None:
    class Last:
        def read(self, size: int) -> bytes:
            return WORD.to_bytes(size, "little")

    assert [int(v) for v in Modulus(WORD + 1).uniform(1, Last())] == [WORD]


@pytest.mark.parametrize("modulus", [WORD - 59, WORD + 13, 2**89 - 1])
def test_wide_residues_are_drawn_again_from_the_modulus_on(modulus: int) -> None:
    ring = Modulus(modulus)

    class Played:
        def __init__(self) -> None:
            self.numbers = iter([modulus, modulus - 1, modulus + 1, 0])

        def read(self, size: int) -> bytes:
            return next(self.numbers).to_bytes(size, "little")

    assert [int(v) for v in ring.uniform(2, Played())] == [modulus - 1, 0]


def test_wide_residues_use_every_bit_that_is_read() -> None:
    ring = Modulus(1 << 90)

    class Ones:
        def read(self, size: int) -> bytes:
            assert size == 12
            return b"\xff" * size

    assert [int(v) for v in ring.uniform(1, Ones())] == [(1 << 90) - 1]
