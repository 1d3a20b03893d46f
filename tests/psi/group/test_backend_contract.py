"""What every backend of the group must do, run against each one in the registry."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.curve_vectors import BASE, ITERATED, NU, RO, SINGLE, X25519Vector
from support.entropy import FixedEntropy

from psi.group.curve25519 import reference
from psi.group.curve25519.backend import BACKENDS, Backend, load_backend
from psi.group.curve25519.scalar import Scalar
from psi.group.curve25519.suite import DST, FIELD_PRIME
from psiselect.base.errors import UsageError
from psiselect.base.packed import Packed

# u-coordinates of small order on the curve and its twist, canonical: 0, 1, two of order 8, p-1.
LOW_ORDER = [
    0,
    1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
    FIELD_PRIME - 1,
]


@pytest.fixture(scope="module", params=sorted(BACKENDS))
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    loaded = load_backend(request.param, threads=2)
    yield loaded
    loaded.close()


def rows(*values: int | bytes) -> np.ndarray:
    raw = b"".join(v if isinstance(v, bytes) else v.to_bytes(32, "little") for v in values)
    return np.frombuffer(raw, np.uint8).reshape(-1, 32)


def test_names_and_unknown_names() -> None:
    for name in BACKENDS:
        loaded = load_backend(name, threads=1)
        assert loaded.name.removesuffix("-ifma") == name
        loaded.close()
    with pytest.raises(UsageError, match="portable"):
        load_backend("fortran")


@pytest.mark.parametrize("vector", SINGLE)
def test_x25519_vectors(backend: Backend, vector: X25519Vector) -> None:
    # A backend takes canonical u's (the caller checks); RFC 7748 has one with the top bit set, which it ignores.
    u = reference.decode_u(vector.u)
    assert backend.mask(rows(u), Scalar(vector.scalar)).tobytes() == vector.out


def iterate(backend: Backend, steps: int) -> bytes:
    k = u = BASE
    for _ in range(steps):
        k, u = backend.mask(rows(u), Scalar(k)).tobytes(), k
    return k


@pytest.mark.parametrize("steps", [1, 1000])
def test_x25519_iterated(backend: Backend, steps: int) -> None:
    assert iterate(backend, steps) == ITERATED[steps]


@pytest.mark.soak
def test_x25519_iterated_a_million_times(backend: Backend) -> None:
    assert iterate(backend, 1_000_000) == ITERATED[1_000_000]


def test_rfc9380_map(backend: Backend) -> None:
    items = Packed.of(case["msg"].encode() for case in NU["vectors"])
    mapped = backend.hash_to_curve(items, NU["dst"].encode())
    assert mapped.tobytes() == rows(*(int(case["Q"]["x"], 16) for case in NU["vectors"])).tobytes()


def test_rfc9380_encoding(backend: Backend, fixed_entropy: FixedEntropy) -> None:
    """P = 8*Q, and a clamped scalar is 8 times something: mask(P, k) = k*8*Q is also mask(Q, k) times 8."""
    encoded = rows(*(int(case["P"]["x"], 16) for case in NU["vectors"]))
    items = Packed.of(case["msg"].encode() for case in NU["vectors"])
    scalar = Scalar.draw(fixed_entropy)
    masked = backend.hash_and_mask(items, scalar, NU["dst"].encode())
    eightfold = [reference.ladder(8, int.from_bytes(row.tobytes(), "little")) for row in masked]
    assert rows(*eightfold).tobytes() == backend.mask(encoded, scalar).tobytes()


def test_rfc9380_random_oracle_points_are_masked_alike(backend: Backend, fixed_entropy: FixedEntropy) -> None:
    points = [int(case[name]["x"], 16) for case in RO["vectors"] for name in ("Q0", "Q1", "P")]
    scalar = Scalar.draw(fixed_entropy)
    expected = [reference.x25519(bytes(scalar.key), u.to_bytes(32, "little")) for u in points]
    assert backend.mask(rows(*points), scalar).tobytes() == b"".join(expected)


def test_edge_inputs_against_the_reference(backend: Backend, fixed_entropy: FixedEntropy) -> None:
    edges = [2, 3, 9, FIELD_PRIME - 2, FIELD_PRIME - 9, 2**254, (FIELD_PRIME - 1) // 2, 2**128 - 1, 2**51, 2**255 - 20]
    for key in (fixed_entropy.read(32), bytes(32), b"\xff" * 32):
        scalar = Scalar(key)
        expected = [reference.x25519(bytes(scalar.key), u.to_bytes(32, "little")) for u in edges]
        assert backend.mask(rows(*edges), scalar).tobytes() == b"".join(expected)


def test_low_order_rows_are_zero_and_spoil_no_neighbour(backend: Backend, fixed_entropy: FixedEntropy) -> None:
    scalar = Scalar.draw(fixed_entropy)
    items = Packed.of(b"item %d" % i for i in range(600))
    elements = backend.hash_to_curve(items, DST)
    clean = backend.mask(elements, scalar)
    spots = [0, 1, 2, 3, 7, 100, 101, 255, 256, 431, 599]
    for i, spot in enumerate(spots):
        elements[spot] = rows(LOW_ORDER[i % len(LOW_ORDER)])
    masked = backend.mask(elements, scalar)
    assert not masked[spots].any()
    others = np.setdiff1d(np.arange(600), spots)
    assert np.array_equal(masked[others], clean[others])
    assert clean.any(axis=1).all()


@settings(max_examples=25, deadline=None)
@given(key=st.binary(min_size=32, max_size=32), us=st.lists(st.integers(0, FIELD_PRIME - 1), min_size=1, max_size=9))
def test_mask_against_the_reference(backend: Backend, key: bytes, us: list[int]) -> None:
    expected = [reference.x25519(key, u.to_bytes(32, "little")) for u in us]
    assert backend.mask(rows(*us), Scalar(key)).tobytes() == b"".join(expected)


@settings(max_examples=25, deadline=None)
@given(items=st.lists(st.binary(max_size=300), min_size=1, max_size=9), dst=st.binary(min_size=1, max_size=255))
def test_hash_against_the_reference(backend: Backend, items: list[bytes], dst: bytes) -> None:
    expected = b"".join(reference.map_item(item, dst) for item in items)
    assert backend.hash_to_curve(Packed.of(items), dst).tobytes() == expected


@settings(max_examples=25, deadline=None)
@given(
    items=st.lists(st.binary(max_size=300), min_size=1, max_size=9),
    width=st.integers(1, 64),
    seed=st.binary(min_size=8, max_size=8),
)
def test_digest_against_hashlib(backend: Backend, items: list[bytes], width: int, seed: bytes) -> None:
    raw = hashlib.shake_128(seed).digest(128 + 32 * len(items))
    prefix, elements = raw[:128], rows(raw[128:])
    with_items = backend.digest(prefix, elements, Packed.of(items), width)
    without = backend.digest(prefix, elements, None, width)
    assert with_items.shape == without.shape == (len(items), width)
    for i, item in enumerate(items):
        element = elements[i].tobytes()
        assert with_items[i].tobytes() == hashlib.sha512(prefix + element + item).digest()[:width]
        assert without[i].tobytes() == hashlib.sha512(prefix + element).digest()[:width]


@pytest.mark.parametrize("count", [0, 1, 5, 255, 256, 257, 2500])
def test_one_pass_equals_two_at_any_size(backend: Backend, count: int, fixed_entropy: FixedEntropy) -> None:
    scalar = Scalar.draw(fixed_entropy)
    items = Packed.of(b"%d@example.org" % i for i in range(count))
    both = backend.hash_and_mask(items, scalar, DST)
    assert both.shape == (count, 32)
    assert np.array_equal(both, backend.mask(backend.hash_to_curve(items, DST), scalar))
    if count:
        last = reference.x25519(bytes(scalar.key), reference.map_item(items[count - 1], DST))
        assert both[-1].tobytes() == last


def test_a_slice_is_hashed_as_its_own_items(backend: Backend) -> None:
    items = Packed.of(b"%d" % (i * 37) for i in range(50))
    assert np.array_equal(backend.hash_to_curve(items, DST)[20:30], backend.hash_to_curve(items.slice(20, 30), DST))


def test_unmasking_takes_the_mask_off(backend: Backend, fixed_entropy: FixedEntropy) -> None:
    own, peer = Scalar.draw(fixed_entropy), Scalar.draw(fixed_entropy)
    items = Packed.of(b"%d" % i for i in range(64))
    twice = backend.mask(backend.hash_and_mask(items, own, DST), peer)
    assert np.array_equal(backend.mask(twice, own.inverse(fixed_entropy)), backend.hash_and_mask(items, peer, DST))


def test_calls_from_several_threads(backend: Backend, fixed_entropy: FixedEntropy) -> None:
    scalars = [Scalar.draw(fixed_entropy) for _ in range(4)]
    items = Packed.of(b"%d" % i for i in range(1500))
    expected = [backend.hash_and_mask(items, scalar, DST) for scalar in scalars]
    got: dict[int, np.ndarray] = {}

    def work(index: int) -> None:
        got[index] = backend.hash_and_mask(items, scalars[index], DST)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(got[i], expected[i]) for i in range(4))
    assert not np.array_equal(expected[0], expected[1])
