"""The vector backend beyond what every backend must do: fields, widths, odd encodings, another implementation's
answers."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
import time

import numpy as np
import pytest

pytest.importorskip("llvmlite")
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st
from support.curve_vectors import BASE, ITERATED, NU, SINGLE
from support.entropy import FixedEntropy
from support.fields import structured

from psi.group.curve25519 import reference
from psi.group.curve25519.lanes.backend import LanesBackend
from psi.group.curve25519.lanes.target import IFMA, LanesUnavailableError, Target, fields
from psi.group.curve25519.scalar import Scalar
from psi.group.curve25519.suite import DST, FIELD_PRIME
from psiselect.base.packed import Packed

try:
    Target.host().lanes()
except LanesUnavailableError as reason:
    pytest.skip(str(reason), allow_module_level=True)

# All 32-byte strings that RFC 7748 makes a point of small order of, on the curve or its twist.
_ORDER_8 = [
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
]
LOW_ORDER = [
    value + high for value in (0, 1, *_ORDER_8, FIELD_PRIME - 1, FIELD_PRIME, FIELD_PRIME + 1) for high in (0, 2**255)
]
# Canonical and not, with and without the bit that RFC 7748 ignores.
EDGES = [
    value + high
    for value in (2, 9, FIELD_PRIME - 2, FIELD_PRIME + 2, 2**255 - 1, 2**254, 2**51 - 1, 2**204)
    for high in (0, 2**255)
]


CASES = [("doubles", 2), ("doubles", 4), ("doubles", 8), ("ifma-generic", 2), ("ifma-generic", 8)]
CASES += [(IFMA, 8)] if IFMA in fields() else []


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def backend(request: pytest.FixtureRequest) -> LanesBackend:
    """Forced widths: LLVM splits what the processor's registers cannot hold, or leaves part of them unused. A field
    whose instructions this processor may lack runs by ordinary multiplications."""
    field, lanes = request.param
    return LanesBackend(1, field=field, lanes=lanes)


@pytest.fixture(scope="module")
def native() -> LanesBackend:
    return LanesBackend(2)


def table(values: list[int]) -> np.ndarray:
    return np.frombuffer(b"".join(v.to_bytes(32, "little") for v in values), np.uint8).reshape(-1, 32)


def openssl(key: bytes, elements: np.ndarray) -> bytes:
    private = X25519PrivateKey.from_private_bytes(key)
    return b"".join(private.exchange(X25519PublicKey.from_public_bytes(row.tobytes())) for row in elements)


def random_elements(entropy: FixedEntropy, count: int) -> np.ndarray:
    """Uniform 32-byte strings: half of them on the twist, half with the ignored bit set."""
    return np.frombuffer(entropy.read(32 * count), np.uint8).reshape(-1, 32)


def test_rfc_vectors_at_forced_widths(backend: LanesBackend) -> None:
    for vector in SINGLE:
        u = np.frombuffer(vector.u, np.uint8).reshape(1, 32)
        assert backend.mask(u, Scalar(vector.scalar)).tobytes() == vector.out
    items = Packed.of(case["msg"].encode() for case in NU["vectors"])
    mapped = backend.hash_to_curve(items, NU["dst"].encode())
    assert mapped.tobytes() == table([int(case["Q"]["x"], 16) for case in NU["vectors"]]).tobytes()


def test_forced_widths_agree_with_openssl(backend: LanesBackend, fixed_entropy: FixedEntropy) -> None:
    for count in (1, 3, 17, 33, 300):
        elements, key = random_elements(fixed_entropy, count), fixed_entropy.read(32)
        assert backend.mask(elements, Scalar(key)).tobytes() == openssl(key, elements)


def test_names_say_the_field(backend: LanesBackend, request: pytest.FixtureRequest) -> None:
    assert backend.name == ("lanes" if "doubles" in request.node.callspec.id else "lanes-ifma")


def test_structured_rows_agree_with_openssl(backend: LanesBackend, fixed_entropy: FixedEntropy) -> None:
    """Numbers in which carries run far, under scalars of few and of many ones. OpenSSL refuses points of low order."""
    rows = [number for number in structured() if number not in LOW_ORDER]
    for key in (fixed_entropy.read(32), b"\xff" * 32):
        assert backend.mask(table(rows), Scalar(key)).tobytes() == openssl(key, table(rows))


def test_iterated_without_the_instructions() -> None:
    """RFC 7748, section 5.2. Backends in the registry do it in test_backend_contract."""
    backend, k = LanesBackend(1, field="ifma-generic", lanes=2), BASE
    u = k
    for _ in range(1000):
        k, u = backend.mask(np.frombuffer(u, np.uint8).reshape(1, 32), Scalar(k)).tobytes(), k
    assert k == ITERATED[1000]


def test_many_scalars_agree_with_openssl(native: LanesBackend, fixed_entropy: FixedEntropy) -> None:
    for _ in range(40):
        elements, key = random_elements(fixed_entropy, 100), fixed_entropy.read(32)
        assert native.mask(elements, Scalar(key)).tobytes() == openssl(key, elements)


@pytest.mark.soak
def test_a_million_inputs_agree_with_openssl(native: LanesBackend, fixed_entropy: FixedEntropy) -> None:
    for _ in range(1000):
        elements, key = random_elements(fixed_entropy, 1000), fixed_entropy.read(32)
        assert native.mask(elements, Scalar(key)).tobytes() == openssl(key, elements)


def test_edge_encodings(backend: LanesBackend, fixed_entropy: FixedEntropy) -> None:
    """As RFC 7748: bit 255 is ignored, values from p on are reduced. OpenSSL agrees."""
    for key in (fixed_entropy.read(32), bytes(32), b"\xff" * 32):
        masked = backend.mask(table(EDGES), Scalar(key)).tobytes()
        assert masked == openssl(key, table(EDGES))
        expected = [reference.x25519(key, u.to_bytes(32, "little")) for u in EDGES]
        assert masked == b"".join(expected)


def test_low_order_in_any_encoding_anywhere(backend: LanesBackend, fixed_entropy: FixedEntropy) -> None:
    """Each lane of each vector of a group in turn, and all of them: zero rows there, unchanged rows elsewhere."""
    count, scalar = 41, Scalar(fixed_entropy.read(32))
    elements = random_elements(fixed_entropy, count)
    clean = backend.mask(elements, scalar)
    for spot in range(count):
        mixed = elements.copy()
        mixed[spot] = table(LOW_ORDER)[spot % len(LOW_ORDER)]
        masked = backend.mask(mixed, scalar)
        assert not masked[spot].any()
        assert np.array_equal(np.delete(masked, spot, 0), np.delete(clean, spot, 0))
    assert not backend.mask(table(LOW_ORDER), scalar).any()


@settings(max_examples=30, deadline=None)
@given(
    lengths=st.lists(
        st.sampled_from([0, 1, 7, 8, 63, 64, 65, 70, 127, 128, 129, 250, 256, 1000]), min_size=1, max_size=20
    ),
    dst_length=st.sampled_from([1, 44, 45, 46, 50, 172, 173, 174, 255]),
    seed=st.binary(min_size=8, max_size=8),
)
def test_ragged_items(backend: LanesBackend, lengths: list[int], dst_length: int, seed: bytes) -> None:
    """Lanes with different numbers of blocks; lengths around every boundary of the padding."""
    stream = hashlib.shake_128(seed).digest(sum(lengths) + dst_length)
    dst, items = stream[:dst_length], []
    for length in lengths:
        at = dst_length + sum(map(len, items))
        items.append(stream[at : at + length])
    expected = b"".join(reference.map_item(item, dst) for item in items)
    assert backend.hash_to_curve(Packed.of(items), dst).tobytes() == expected


def test_every_length_up_to_three_blocks(native: LanesBackend, fixed_entropy: FixedEntropy) -> None:
    raw = fixed_entropy.read(400)
    items = [raw[:length] for length in range(400)]
    prefix, elements = bytes(range(128)), random_elements(fixed_entropy, 400)
    digests = native.digest(prefix, elements, Packed.of(items), 64)
    expected = [
        hashlib.sha512(prefix + row.tobytes() + item).digest() for row, item in zip(elements, items, strict=True)
    ]
    assert digests.tobytes() == b"".join(expected)
    mapped = native.hash_to_curve(Packed.of(items), DST)
    assert mapped.tobytes() == b"".join(reference.map_item(item, DST) for item in items)


def test_both_branches_of_the_map_are_common(native: LanesBackend) -> None:
    """x1 and x2 are each taken for about half of the items: 1000 fair coins, off by 8 sigma with chance below 1e-14."""
    items = [b"%d" % i for i in range(1000)]
    mapped = native.hash_to_curve(Packed.of(items), DST)
    first = 0
    for item, row in zip(items, mapped, strict=True):
        u = reference.hash_to_field(item, 1, DST)[0]
        first += int.from_bytes(row.tobytes(), "little") == -486662 * pow(1 + 2 * u * u, -1, FIELD_PRIME) % FIELD_PRIME
    assert abs(first - 500) < 8 * 15.9


def test_views_and_empty_inputs(native: LanesBackend, fixed_entropy: FixedEntropy) -> None:
    scalar, wide = Scalar(fixed_entropy.read(32)), np.frombuffer(fixed_entropy.read(64 * 20), np.uint8).reshape(20, 64)
    assert np.array_equal(native.mask(wide[::2, 3:35], scalar), native.mask(wide[::2, 3:35].copy(), scalar))
    assert native.mask(np.zeros((0, 32), np.uint8), scalar).shape == (0, 32)
    assert native.hash_to_curve(Packed.of([]), DST).shape == (0, 32)
    assert native.digest(bytes(128), np.zeros((0, 32), np.uint8), None, 5).shape == (0, 5)


def test_the_input_is_not_written(native: LanesBackend, fixed_entropy: FixedEntropy) -> None:
    elements, scalar = random_elements(fixed_entropy, 700).copy(), Scalar(fixed_entropy.read(32))
    before, key = elements.copy(), bytes(scalar.key)
    native.mask(elements, scalar)
    assert np.array_equal(elements, before)
    assert bytes(scalar.key) == key
    scalar.wipe()
    assert not any(scalar.key)


@pytest.mark.parametrize(
    "offsets", [[0, 5, 3], [-1, 2, 4], [0, 2, 11], [2**62, 2**62 + 1, 2**62 + 2]], ids=["back", "before", "past", "far"]
)
def test_offsets_that_point_outside_are_refused(native: LanesBackend, offsets: list[int]) -> None:
    items = Packed(np.zeros(10, np.uint8), np.array(offsets, np.int64))
    with pytest.raises(ValueError, match="offsets"):
        native.hash_to_curve(items, DST)
    with pytest.raises(ValueError, match="offsets"):
        native.digest(bytes(128), np.zeros((2, 32), np.uint8), items, 8)


def test_wrong_shapes_are_refused(native: LanesBackend) -> None:
    with pytest.raises(ValueError, match="elements"):
        native.mask(np.zeros((2, 31), np.uint8), Scalar(bytes(32)))
    with pytest.raises(ValueError, match="prefix"):
        native.digest(bytes(127), np.zeros((1, 32), np.uint8), None, 8)
    with pytest.raises(ValueError, match="1 to 255"):
        native.hash_to_curve(Packed.of([b"a"]), b"")
    with pytest.raises(ValueError, match="thread"):
        LanesBackend(0)


def test_the_interpreter_runs_while_the_kernel_does(fixed_entropy: FixedEntropy) -> None:
    """The lock is released: another thread goes on during one native call of a one-thread backend."""
    backend, scalar = LanesBackend(1), Scalar(fixed_entropy.read(32))
    elements = random_elements(fixed_entropy, 2048)
    ticks, stop = [0], threading.Event()

    def count() -> None:
        while not stop.is_set():
            ticks[0] += 1
            time.sleep(0)

    def during_one_call() -> int:
        before = ticks[0]
        backend.mask(elements, scalar)
        return ticks[0] - before

    thread = threading.Thread(target=count)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(10.0)  # nobody takes the lock away within the call; it must be given
    thread.start()
    try:
        # No tick falls into a call that keeps the lock. On a busy machine few fall into one that gives it.
        seen = any(during_one_call() > 10 for _ in range(200))
    finally:
        stop.set()
        sys.setswitchinterval(interval)
        thread.join(timeout=10)
    assert seen


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_works_in_a_forked_child(native: LanesBackend, fixed_entropy: FixedEntropy) -> None:
    elements, scalar = random_elements(fixed_entropy, 2000), Scalar(fixed_entropy.read(32))
    expected = native.mask(elements, scalar)
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(native.mask(elements, scalar), expected) else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_closed_backends_refuse_large_work(fixed_entropy: FixedEntropy) -> None:
    backend = LanesBackend(2)
    backend.close()
    backend.close()
    with pytest.raises(ValueError, match="closed"):
        backend.mask(random_elements(fixed_entropy, 5000), Scalar(bytes(32)))
