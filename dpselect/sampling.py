"""Exact samplers on integer arithmetic: no floating point, no approximation of the law.

Everything rests on two things: uniform integers by rejection, and coins (`dpselect.coins`) that are compared with
uniform digits until the first digit that differs. `width` is the number of bits of a digit; it changes how often the
second digit is looked at, never the law, so tests run 4-bit digits.

Not constant-time: how much is read and how long it takes depend on the random bits, and through the arguments on the
data (Jin et al. 2021, arXiv 2112.05307). docs/privacy.md says what that means.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from dpselect import words
from dpselect.coins import Coin, exp_coin, logistic_coin
from psiselect.base.entropy import Entropy

Indices = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Digits = npt.NDArray[np.unsignedinteger[Any]]

WIDTH = 64
# Lanes are cheap to read and 1 in 65536 needs a second digit: measured best from 10 to 10^6 lanes.
LANE_WIDTH = 16
_DIGIT_TYPES: dict[int, np.dtype[np.unsignedinteger[Any]]] = {
    width: np.dtype(name) for width, name in ((4, "<u1"), (8, "<u1"), (16, "<u2"), (32, "<u4"), (64, "<u8"))
}
# exp(-64) is small enough that what lies beyond is drawn rarely, and large enough that it is reached in few steps.
_TAIL = 64


# ---------------------------------------------------------------------------------------------- uniform integers


def uniform_below(entropy: Entropy, bound: int) -> int:
    """A uniform integer in range(bound), bound >= 1 of any size, by rejection (fewer than 2 tries expected)."""
    bits = (bound - 1).bit_length()
    if not bits:
        return 0
    size = (bits + 7) // 8
    excess = 8 * size - bits
    while True:
        value = int.from_bytes(entropy.read(size), "little") >> excess
        if value < bound:
            return value


def uniforms_below(entropy: Entropy, bounds: Indices) -> Indices:
    """Independent uniform integers, number i in range(bounds[i]); 1 <= bounds < 2^63. Same shape, dtype int64."""
    tops = (bounds - 1).astype(np.uint64)
    shifts = np.uint64(64) - _bit_lengths(tops)
    zero = shifts == 64  # a shift by 64 is undefined; those bounds are 1 and their value is 0
    shifts[zero] = 0
    values = _words(entropy, bounds.size).reshape(bounds.shape) >> shifts
    values[zero] = 0
    (again,) = np.nonzero((values > tops).ravel())
    flat, flat_tops, flat_shifts = values.ravel(), tops.ravel(), shifts.ravel()
    while again.size:
        flat[again] = _words(entropy, again.size) >> flat_shifts[again]
        again = again[flat[again] > flat_tops[again]]
    return flat.reshape(bounds.shape).astype(np.int64)


def _bit_lengths(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    smeared = values.copy()
    for step in (1, 2, 4, 8, 16, 32):
        smeared |= smeared >> np.uint64(step)
    return np.bitwise_count(smeared).astype(np.uint64)


def _words(entropy: Entropy, count: int) -> npt.NDArray[np.uint64]:
    return np.frombuffer(entropy.read(8 * count), dtype="<u8")


def random_digits(entropy: Entropy, count: int, width: int) -> Digits:
    """`count` uniform digits of `width` bits (4, 8, 16, 32 or 64), in the narrowest unsigned type."""
    kind = _DIGIT_TYPES[width]
    digits = np.frombuffer(entropy.read(kind.itemsize * count), dtype=kind)
    return digits & kind.type(15) if width == 4 else digits


# ---------------------------------------------------------------------------------------------- coins


def bernoulli(entropy: Entropy, probability: Fraction) -> bool:
    """True with this rational probability in [0, 1]."""
    return uniform_below(entropy, probability.denominator) < probability.numerator


def flip(entropy: Entropy, coin: Coin, *, width: int = WIDTH) -> bool:
    """True with the coin's probability: a uniform number is compared with it digit by digit."""
    index, mask = 0, (1 << width) - 1
    while True:
        digit = int.from_bytes(entropy.read((width + 7) // 8), "little") & mask
        wanted = coin.digit(index, width)
        if digit != wanted:
            return digit < wanted
        index += 1


def flip_on(entropy: Entropy, coin: Coin, bits: int) -> bool:
    """The end of a flip whose first `bits` random bits are those of the coin."""
    while True:
        bits += WIDTH
        drawn, wanted = uniform_below(entropy, 1 << WIDTH), coin.floor(bits) & ((1 << WIDTH) - 1)
        if drawn != wanted:
            return drawn < wanted


def bernoulli_exp(entropy: Entropy, gamma: Fraction, *, width: int = WIDTH) -> bool:
    """True with probability exp(-gamma), gamma >= 0 rational."""
    return flip(entropy, exp_coin(gamma), width=width)


class CoinTable:
    """Coins that are flipped together; their digits are computed once, the later ones only when a draw needs them."""

    def __init__(self, coins: Sequence[Coin]) -> None:
        self._coins = tuple(coins)
        self._digits: dict[tuple[int, int], Digits] = {}

    def __len__(self) -> int:
        return len(self._coins)

    def __getitem__(self, index: int) -> Coin:
        return self._coins[index]

    def digits(self, index: int, width: int) -> Digits:
        """Digit number `index` of every coin in base 2^width, in the narrowest unsigned type."""
        found = self._digits.get((index, width))
        if found is None:
            found = np.array([c.digit(index, width) for c in self._coins], dtype=_DIGIT_TYPES[width])
            self._digits[index, width] = found
        return found

    def flips(self, entropy: Entropy, which: Indices, *, rows: int = 1, width: int = LANE_WIDTH) -> Bools:
        """Independent flips, coin which[i] in column i of each row; which of shape (n,), result (rows, n) bool."""
        wanted = self.digits(0, width)[which]
        drawn = random_digits(entropy, rows * which.size, width).reshape(rows, which.size)
        heads: Bools = drawn < wanted
        tied = np.flatnonzero(drawn == wanted)
        index = 1
        while tied.size:
            wanted = self.digits(index, width)[which[tied % which.size]]
            drawn = random_digits(entropy, tied.size, width)
            heads.reshape(-1)[tied] = drawn < wanted
            tied = tied[drawn == wanted]
            index += 1
        return heads

    def heads(self, entropy: Entropy, counts: Indices, *, width: int = WIDTH) -> Indices:
        """How many heads coin i shows in counts[..., i] flips: exact binomials, in the shape of `counts`, dtype int64.

        The flips go on bit by bit of p. A lane whose random bit is below p's bit is a head, and above it a tail; an
        equal one goes on. Lanes of one coin are alike, so only their number is kept, and a popcount says how it splits.
        That takes about 2 random bits for each lane.

        Args:
            width: how many bits of p are computed at a time.
        """
        undecided = counts.reshape(-1, len(self._coins)).copy()
        result = np.zeros_like(undecided)
        position = 0
        while undecided.any():
            digit = self.digits(position // width, width)
            bit = (digit >> digit.dtype.type(width - 1 - position % width)) & digit.dtype.type(1) == 1
            ones = _fair_heads(entropy, undecided.ravel()).reshape(undecided.shape)
            zeros = undecided - ones
            result += np.where(bit, zeros, 0)
            undecided = np.where(bit, ones, zeros)
            position += 1
        return result.reshape(counts.shape)


def _fair_heads(entropy: Entropy, counts: Indices) -> Indices:
    """Independent Binomial(counts[i], 1/2): popcounts of that many random bits each; counts of shape (n,)."""
    (busy,) = np.nonzero(counts)
    wanted = counts[busy]
    sizes = (wanted + 63) >> 6
    ends = np.cumsum(sizes)
    words = _words(entropy, int(ends[-1])).copy()
    # The last word of each run is cut to the bits that are still wanted (1 to 64 of them).
    words[ends - 1] >>= ((sizes << 6) - wanted).astype(np.uint64)
    popcounts = np.bitwise_count(words)
    result = np.zeros_like(counts)
    result[busy] = np.add.reduceat(popcounts, ends - sizes, dtype=np.int64)
    return result


def binomial_exp(entropy: Entropy, count: int, gamma: Fraction, *, width: int = WIDTH) -> int:
    """Binomial(count, exp(-gamma)), gamma >= 0 rational, 0 <= count < 2^48: about 2 random bits for each trial."""
    if gamma == 0:
        return count
    return int(CoinTable([exp_coin(gamma)]).heads(entropy, np.array([count], dtype=np.int64), width=width)[0])


# ---------------------------------------------------------------------------------------------- integer noise


def geometric(entropy: Entropy, exponent: Fraction) -> int:
    """Draw G >= 0 with Pr[G = g] = (1 - z) * z^g, z = exp(-exponent): the failures before the first success.

    `discrete_laplace` has the two-sided law. The binary digits of G are independent, because 1 - z is the product of
    1/(1 + z^(2^j)). Digit j is 1 with probability 1/(1 + exp(exponent * 2^j)). Digits are drawn up to 2^j >=
    64/exponent, and the rest is a geometric again.

    Args:
        exponent: rational, above 0.
    """
    coins = _geometric_coins(exponent)
    steps = len(coins) - 1
    value = sum(1 << j for j in range(steps) if flip(entropy, coins[j]))
    while flip(entropy, coins[steps]):
        value += 1 << steps
    return value


def geometrics(entropy: Entropy, exponent: Fraction, count: int, *, width: int = LANE_WIDTH) -> Indices:
    """`count` independent draws of `geometric`, dtype int64. Raises UsageError when exponent < 2^-50, where int64 would
    not hold the values; use `geometric` there."""
    digits = _geometric_coins(exponent)
    steps = len(digits) - 1
    if steps > 56:
        raise words.noise_too_wide()
    values = np.zeros(count, dtype=np.int64)
    for j in range(steps):
        values |= digits.flips(entropy, np.full(count, j), width=width)[0].astype(np.int64) << j
    beyond = np.arange(count)
    while beyond.size:
        beyond = beyond[digits.flips(entropy, np.full(beyond.size, steps), width=width)[0]]
        values[beyond] += 1 << steps
    return values


def discrete_laplace(entropy: Entropy, exponent: Fraction) -> int:
    """Draw X with Pr[X = x] = (1 - z)/(1 + z) * z^|x|, z = exp(-exponent).

    It is the difference of two geometrics (Ghosh et al. 2009). On integers of sensitivity D, an exponent of epsilon/D
    gives epsilon-DP.
    """
    return geometric(entropy, exponent) - geometric(entropy, exponent)


def discrete_laplaces(entropy: Entropy, exponent: Fraction, count: int) -> Indices:
    """`count` independent draws of `discrete_laplace`, dtype int64. Raises UsageError as `geometrics` does."""
    both = geometrics(entropy, exponent, 2 * count)
    return both[:count] - both[count:]


def negative_binomial(entropy: Entropy, size: Fraction, exponent: Fraction) -> int:
    """Draw one share of geometric noise. Shares whose sizes add up to 1 add up to `geometric`.

    Pr[X = x] is proportional to size*(size+1)*...*(size+x-1)/x! * z^x, for x >= 0 and z = exp(-exponent). A geometric
    total is split by Polya's urn with the weights size and 1 - size. Given their total, the counts of such an urn are
    independent negative binomials. Nothing is rejected, and the work grows with the total, about 1/exponent.

    Args:
        size: rational, above 0 and at most 1.
        exponent: rational, above 0.

    Raises:
        UsageError: an argument is out of range.
    """
    if not 0 < size <= 1:
        raise words.share_size(size)
    total = geometric(entropy, exponent)
    if size == 1:
        return total
    numerator, denominator = size.numerator, size.denominator
    mine = 0
    for drawn in range(total):
        mine += uniform_below(entropy, denominator * (drawn + 1)) < numerator + denominator * mine
    return mine


@lru_cache(maxsize=64)
def _geometric_coins(exponent: Fraction) -> CoinTable:
    """The coins of the binary digits 0 to s - 1, then that of the rest; s is the least with exponent * 2^s >= 64."""
    if exponent <= 0:
        raise words.no_exponent(exponent)
    steps = max(0, (-(-_TAIL * exponent.denominator // exponent.numerator) - 1).bit_length())
    return CoinTable([logistic_coin(exponent * 2**j) for j in range(steps)] + [exp_coin(exponent * 2**steps)])
