"""What is refused from a peer, how wide tags are, what is derived."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.entropy import FixedEntropy

from psi.group import masking
from psi.group.curve25519.backend import Backend, load_backend
from psi.group.curve25519.scalar import Scalar
from psi.group.curve25519.suite import DST, FIELD_PRIME
from psi.group.masking import Derivation
from psiselect.base.errors import RemoteError
from psiselect.base.packed import Packed

TRANSCRIPT = hashlib.sha512(b"a transcript").digest()


@pytest.fixture(scope="module")
def backend() -> Backend:
    return load_backend("portable", threads=1)


def rows(*values: int) -> np.ndarray:
    return np.frombuffer(b"".join(v.to_bytes(32, "little") for v in values), np.uint8).reshape(-1, 32)


NOT_CANONICAL = [FIELD_PRIME, FIELD_PRIME + 1, FIELD_PRIME + 18, 2**255, 2**255 + 9, 2**256 - 1, 2**255 + FIELD_PRIME]
CANONICAL = [0, 1, 9, FIELD_PRIME - 1, FIELD_PRIME - 2, 2**255 - 20, (2**63 - 1) << 192, 2**192 - 1]
CANONICAL += [FIELD_PRIME - 2**64, FIELD_PRIME - 2**128, FIELD_PRIME - 2**192]  # one word below, the others as of p


@pytest.mark.parametrize("value", NOT_CANONICAL)
def test_not_canonical_is_refused_by_position(value: int) -> None:
    elements = rows(*CANONICAL, value, *CANONICAL, value)
    with pytest.raises(RemoteError, match=f"encrypted key {100 + len(CANONICAL)} "):
        masking.check_canonical(elements, start=100)


def test_canonical_edges_pass() -> None:
    masking.check_canonical(rows(*CANONICAL))
    masking.check_canonical(rows())


@given(st.integers(0, 2**256 - 1) | st.integers(2**255 - 40, 2**255 + 20))
def test_canonical_is_below_p(value: int) -> None:
    if value < FIELD_PRIME:
        masking.check_canonical(rows(7, value))
    else:
        with pytest.raises(RemoteError, match="encrypted key 1 "):
            masking.check_canonical(rows(7, value))


@pytest.mark.parametrize("low", [0, 1, FIELD_PRIME - 1])
def test_low_order_is_refused_by_position(backend: Backend, low: int, fixed_entropy: FixedEntropy) -> None:
    with pytest.raises(RemoteError, match=r"encrypted key 12 of the peer is invalid: it has low order"):
        masking.mask_checked(backend, rows(9, 5, low, 6, low), Scalar.draw(fixed_entropy), start=10)
    with pytest.raises(RemoteError, match="encrypted key 2 "):
        masking.mask_checked(backend, rows(9, 5, low, 6, low), Scalar.draw(fixed_entropy))


def test_mask_checked_checks_before_it_masks(fixed_entropy: FixedEntropy) -> None:
    class Untouched:
        def mask(self, elements: object, scalar: object) -> None:
            raise AssertionError("masked an element that is not below")

    with pytest.raises(RemoteError, match="is not below"):
        masking.mask_checked(Untouched(), rows(FIELD_PRIME + 9), Scalar.draw(fixed_entropy))  # type: ignore[arg-type]


def test_mask_checked_masks(backend: Backend, fixed_entropy: FixedEntropy) -> None:
    scalar, elements = Scalar.draw(fixed_entropy), rows(9, 5, 6)
    assert np.array_equal(masking.mask_checked(backend, elements, scalar), backend.mask(elements, scalar))


def test_u_and_its_inverse_have_one_output(backend: Backend, fixed_entropy: FixedEntropy) -> None:
    """The reason why shuffled modes look for repeats among outputs: distinct inputs pass here."""
    hashed = backend.hash_to_curve(Packed.of([b"an item"]), DST)
    u = int.from_bytes(hashed.tobytes(), "little")
    pair = rows(u, pow(u, -1, FIELD_PRIME))
    first, second = masking.mask_checked(backend, pair, Scalar.draw(fixed_entropy))
    assert not np.array_equal(*pair)
    assert np.array_equal(first, second)


def test_tag_width_of_the_specification() -> None:
    assert masking.tag_bytes(2**20, 2**20) == 10
    assert masking.tag_bytes(2**20, 2**20 + 1) == 11
    assert masking.tag_bytes(1, 1) == 5
    assert masking.tag_bytes(0, 0) == 5
    assert masking.tag_bytes(10**7, 10**7) == 11


@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_tag_width_is_the_least_that_keeps_the_bound(n: int, m: int) -> None:
    w = masking.tag_bytes(n, m)
    pairs = max(n, 1) * max(m, 1)
    assert pairs * 2**40 <= 2 ** (8 * w)
    assert pairs * 2**40 > 2 ** (8 * (w - 1))


def test_tags_are_the_written_formula(backend: Backend) -> None:
    items, elements = Packed.of([b"", b"an item", b"x" * 300]), rows(9, 5, 6)
    prefix = b"psiselect-v1 tag" + bytes(48) + TRANSCRIPT
    got = masking.tags(backend, TRANSCRIPT, elements, items, 10)
    expected = [hashlib.sha512(prefix + elements[i].tobytes() + items[i]).digest()[:10] for i in range(3)]
    assert [row.tobytes() for row in got] == expected
    without = masking.tags(backend, TRANSCRIPT, elements, None, 10)
    assert without[1].tobytes() == hashlib.sha512(prefix + elements[1].tobytes()).digest()[:10]


def test_every_input_of_a_tag_counts(backend: Backend) -> None:
    def tag(purpose: Derivation, transcript: bytes, element: int, item: bytes) -> bytes:
        return masking.derive(backend, purpose, transcript, rows(element), Packed.of([item]), 32).tobytes()

    variants = {
        tag(Derivation.TAG, TRANSCRIPT, 9, b"item"),
        tag(Derivation.LABEL, TRANSCRIPT, 9, b"item"),
        tag(Derivation.TAG, TRANSCRIPT[:-1] + b"\0", 9, b"item"),
        tag(Derivation.TAG, TRANSCRIPT, 10, b"item"),
        tag(Derivation.TAG, TRANSCRIPT, 9, b"iten"),
    }
    assert len(variants) == 5


def test_prefixes_are_one_block_and_distinct() -> None:
    prefixes = {masking.derivation_prefix(purpose, TRANSCRIPT) for purpose in Derivation}
    assert len(prefixes) == len(Derivation)
    assert {len(prefix) for prefix in prefixes} == {128}
    assert all(len(purpose.value) <= 64 and not purpose.value.endswith(b"\0") for purpose in Derivation)
    for wrong in (b"", TRANSCRIPT[:63], TRANSCRIPT + b"\0"):
        with pytest.raises(ValueError, match="64 bytes"):
            masking.derivation_prefix(Derivation.TAG, wrong)


@pytest.mark.parametrize("width", [0, 33, 64])
def test_derived_widths_leave_half_of_the_state_unknown(backend: Backend, width: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        masking.tags(backend, TRANSCRIPT, rows(9), None, width)


@pytest.mark.parametrize("width", [1, 32])
def test_the_least_and_the_largest_width_are_derived(backend: Backend, width: int) -> None:
    full = hashlib.sha512(b"psiselect-v1 tag" + bytes(48) + TRANSCRIPT + rows(9).tobytes()).digest()
    assert masking.tags(backend, TRANSCRIPT, rows(9), None, width).tobytes() == full[:width]


@pytest.mark.parametrize(
    "elements",
    [np.zeros((3, 31), np.uint8), np.zeros((3, 64), np.uint8), np.zeros((3, 32), np.int64), np.zeros(32, np.uint8)],
)
def test_elements_are_rows_of_32_bytes(elements: np.ndarray) -> None:
    with pytest.raises(ValueError, match="32"):
        masking.check_canonical(elements)
