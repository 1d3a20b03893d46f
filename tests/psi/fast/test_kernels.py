"""Each kernel, compiled for every width of vectors and portable, against a slow computation of its own."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path

import numpy as np
import pytest
from support.entropy import FixedEntropy
from support.fast import every_kernels, portable, with_sha_instructions
from support.symbols import drawn, slow_product, symbols_of

from psi.fast.kernels import choice, compiled, hashing, loading, selftest
from psi.fast.kernels.interface import U64, Kernels
from psi.group.curve25519.lanes import kernel, target
from psi.group.curve25519.lanes.backend import LanesBackend
from psi.group.curve25519.lanes.cache import CodeCache
from psi.group.curve25519.lanes.target import LanesUnavailableError
from psi.group.curve25519.portable import PortableBackend
from psi.oblivious.field import F16
from psiselect.base.errors import UsageError
from psiselect.base.packed import Packed

ALL = pytest.mark.parametrize("kernels", every_kernels(), ids=lambda kernels: kernels.name)
COMPILED = pytest.mark.skipif(len(every_kernels()) == 1, reason="no compiled code here")


def words(count: int, name: str = "words") -> U64:
    return np.frombuffer(FixedEntropy(name).read(8 * count), "<u8").astype(np.uint64)


def number(row: U64) -> int:
    """A row of 256 bits."""
    return int.from_bytes(row.astype("<u8").tobytes(), "little")


@ALL
def test_sha256_of_every_length(kernels: Kernels) -> None:
    check_sha256(kernels)


@COMPILED
def test_sha256_of_every_length_by_sha_instructions() -> None:
    """Or by what Intel's manual says that they do, where this processor has none. All other kernels are the same."""
    check_sha256(with_sha_instructions())
    assert selftest.failures(with_sha_instructions()) == []


def check_sha256(kernels: Kernels) -> None:
    """All lengths around the ends of blocks, long and short ones side by side in one vector."""
    block = drawn((64,), "block").tobytes()
    items = [drawn((300,), "data").tobytes()[:length] for length in [*range(140), 300, 0, 300, 1]]
    packed = Packed.of(items)
    digests = kernels.sha256(block, packed)
    assert [row.tobytes() for row in digests] == [hashlib.sha256(block + item).digest() for item in items]
    some = kernels.sha256(block, packed.slice(3, 20))
    assert np.array_equal(some, digests[3:20])
    assert kernels.sha256(block, packed.slice(3, 3)).shape == (0, 32)


@ALL
@pytest.mark.parametrize("slots", [256, 1000, 5000])
def test_decoding_adds_up_the_rows_under_a_band(kernels: Kernels, slots: int) -> None:
    rows, bands = words(4 * slots).reshape(-1, 4), words(4 * 40, "bands").reshape(-1, 4)
    starts = np.sort((words(40, "starts") % np.uint64(slots - 255)).astype(np.int64))
    starts[0], starts[-1] = 0, slots - 256
    bands[0], bands[1] = 0, 2**64 - 1
    plain = [number(row) for row in rows]
    for start, band, got in zip(starts.tolist(), bands, kernels.decode(rows, starts, bands), strict=True):
        total = 0
        for bit in range(256):
            if number(band) >> bit & 1:
                total ^= plain[start + bit]
        assert number(got) == total


@ALL
def test_combining_adds_up_the_rows_of_a_word(kernels: Kernels) -> None:
    rows, chosen = words(256).reshape(-1, 4), words(9, "chosen")
    for word, got in zip(chosen.tolist(), kernels.combine(rows, chosen), strict=True):
        total = 0
        for bit in range(64):
            total ^= number(rows[bit]) * (word >> bit & 1)
        assert number(got) == total


@ALL
@pytest.mark.parametrize("slots", [64, 320, 512, 1088])
def test_planes_and_rows_are_the_same_bits(kernels: Kernels, slots: int) -> None:
    planes = drawn((212, slots // 8), "planes")
    rows = kernels.to_rows(planes)
    assert rows.shape == (slots, 4)
    for slot in (0, 1, 63, slots - 1):
        bits = [planes[plane, slot // 8] >> (slot % 8) & 1 for plane in range(212)]
        assert number(rows[slot]) == sum(int(bit) << plane for plane, bit in enumerate(bits))
    assert np.array_equal(kernels.to_planes(rows, 212), planes)
    assert np.array_equal(kernels.to_planes(rows, 3), planes[:3])


@ALL
@pytest.mark.parametrize("size", [8, 64, 72, 200])
def test_folding_and_scaling_are_sums_of_products(kernels: Kernels, size: int) -> None:
    streams = drawn((16, 4, size), "streams")
    total, weighted = (symbols_of(planes) for planes in kernels.fold(streams))
    symbols = symbols_of(streams)
    for place in (0, 7, 8 * size - 1):
        plain = products = 0
        for x in range(16):
            plain ^= int(symbols[x, place])
            products ^= slow_product(F16, x, int(symbols[x, place]))
        assert (total[place], weighted[place]) == (plain, products)
    factors = np.arange(16, dtype=np.uint8)
    added = drawn((16, 4, size), "added")
    scaled = symbols_of(kernels.scale(added, streams, factors) ^ added)
    for x in range(16):
        assert scaled[x, ::37].tolist() == [slow_product(F16, x, int(s)) for s in symbols[x, ::37]]


@pytest.mark.parametrize("lanes", [2, 4, 8])
def test_every_width_of_vectors_passes_the_self_test(lanes: int) -> None:
    if len(every_kernels()) == 1:
        pytest.skip("no compiled code here")
    assert loading.compiled_kernels(lanes).name == "compiled"


def test_the_self_test_sees_a_fault_in_each_operation() -> None:
    for operation, said in [(name, name) for name in ("sha256", "decode", "combine", "to_rows", "to_planes")] + [
        ("fold", "fold"), ("scale", "scale"), ("substitute", "solve"), ("eliminate", "solve")
    ]:  # fmt: skip
        assert selftest.failures(_changed(operation)) == [said]
    assert selftest.failures(portable()) == []


def _changed(operation: str) -> Kernels:
    """The portable kernels with one operation's result changed in one bit."""

    class Changed(type(portable())):  # type: ignore[misc]
        pass

    right = getattr(portable(), operation)

    def act(self: object, *arguments: object) -> object:
        found = right(*arguments)
        if operation == "eliminate":
            return True
        changed = arguments[1] if operation == "substitute" else found[-1] if isinstance(found, tuple) else found
        flat = np.array(changed, order="C")
        flat.reshape(-1)[7] ^= flat.dtype.type(1)
        if operation == "substitute":
            changed[:] = flat  # type: ignore[index]
            return None
        return (*found[:-1], flat) if isinstance(found, tuple) else flat

    setattr(Changed, operation, act)
    return Changed()  # type: ignore[no-any-return]


def test_code_that_fails_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "failures", lambda kernels: ["fold"])
    with pytest.raises(LanesUnavailableError, match="self-test of the fast protocol failed in fold"):
        loading.compiled_kernels()
    with pytest.raises(UsageError, match="Use --backend portable"):
        loading.load_kernels("compiled")
    with pytest.warns(RuntimeWarning, match="tens of times slower"):
        assert loading.load_kernels().name == "portable"


@COMPILED
def test_code_for_sha_instructions_is_made_only_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """And gives way, with a notice, if it does not work."""
    flags = "vendor_id : x\nflags : fpu avx2 {}\n"
    for flag, expected in (("sha_ni", ("sha", "lanes")), ("sha_ni_not", ("lanes",)), ("", ("lanes",))):
        monkeypatch.setattr(target, "processor_description", lambda flag=flag: flags.format(flag))
        assert hashing.ways() == expected
    monkeypatch.undo()
    made: list[str] = []

    def kernels(lanes: object, store: object, way: str) -> Kernels:
        made.append(way)
        return portable()

    monkeypatch.setattr(compiled, "CompiledKernels", kernels)
    monkeypatch.setattr(hashing, "ways", lambda: ("sha", "lanes"))
    loading.compiled_kernels()
    assert made == ["sha"]
    monkeypatch.setattr(selftest, "failures", lambda kernels: ["sha256"] if made[-1] == "sha" else [])
    with pytest.warns(
        RuntimeWarning, match=r"SHA instructions does not work on this machine \(.* failed in sha256\)\. The"
    ):
        loading.compiled_kernels()
    assert made == ["sha", "sha", "lanes"]
    monkeypatch.setattr(selftest, "failures", lambda kernels: ["fold"])
    with pytest.raises(LanesUnavailableError, match="fold"):
        loading.compiled_kernels()


@COMPILED
def test_each_way_to_hash_has_a_name_of_its_own_in_the_cache(tmp_path: Path) -> None:
    names = {compiled.program(way).sources() for way in (hashing.SHA, hashing.SHA_GENERIC, hashing.LANES)}
    assert len(names) == 3
    if hashing.SHA not in hashing.ways():
        with pytest.raises(LanesUnavailableError, match="have sha"):
            compiled.CompiledKernels(None, CodeCache(tmp_path), hashing.SHA)


def test_kernels_by_name() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert loading.load_kernels("portable").name == "portable"
    assert loading.load_kernels(every_kernels()[-1].name).name == every_kernels()[-1].name
    with pytest.raises(UsageError, match="must be 'auto', 'compiled' or 'portable'"):
        loading.load_kernels("numba")


@pytest.mark.skipif(len(every_kernels()) == 1, reason="no compiled code here")
def test_the_two_programs_are_cached_side_by_side(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    store = CodeCache(tmp_path)  # type: ignore[arg-type]
    loading.compiled_kernels(None, store)

    def refuse(*_: object) -> bytes:
        raise AssertionError("compiled again")

    monkeypatch.setattr(kernel, "_object", refuse)
    loading.compiled_kernels(None, store)
    with pytest.raises(AssertionError, match="compiled again"):
        kernel.load(None, store, kernel.curve_program("doubles"))


@pytest.mark.skipif(len(every_kernels()) == 1, reason="no compiled code here")
@pytest.mark.parametrize(
    "act",
    [
        lambda k: k.sha256(bytes(63), Packed.of([b"a"])),
        lambda k: k.sha256(bytes(64), Packed(np.zeros(3, np.uint8), np.array([0, 4]))),
        lambda k: k.sha256(bytes(64), Packed(np.zeros(3, np.uint8), np.array([2, 1]))),
        lambda k: k.decode(words(4 * 255).reshape(-1, 4), np.array([0]), words(4).reshape(1, 4)),
        lambda k: k.decode(words(4 * 256).reshape(-1, 4), np.array([1]), words(4).reshape(1, 4)),
        lambda k: k.decode(words(4 * 256).reshape(-1, 4), np.array([-1]), words(4).reshape(1, 4)),
        lambda k: k.decode(words(4 * 256).reshape(-1, 4), np.array([0]), words(8).reshape(2, 4)),
        lambda k: k.combine(words(4 * 63).reshape(-1, 4), words(2)),
        lambda k: k.to_rows(np.zeros((257, 8), np.uint8)),
        lambda k: k.to_rows(np.zeros((1, 7), np.uint8)),
        lambda k: k.to_planes(words(4 * 63).reshape(-1, 4), 1),
        lambda k: k.to_planes(words(4 * 64).reshape(-1, 4), 257),
        lambda k: k.fold(np.zeros((15, 4, 64), np.uint8)),
        lambda k: k.fold(np.zeros((16, 4, 128), np.uint8)[:, :, ::2]),
        lambda k: k.scale(*np.zeros((2, 3, 4, 64), np.uint8), np.zeros(2, np.uint8)),
        lambda k: k.eliminate(words(1200).reshape(-1, 4), words(555), np.array([0]), words(4).reshape(1, 4), words(1)),
        lambda k: k.eliminate(words(1200).reshape(-1, 4), words(556), np.array([45]), words(4).reshape(1, 4), words(1)),
        lambda k: k.eliminate(words(1200).reshape(-1, 4), words(556), np.array([0]), words(4).reshape(1, 4), words(2)),
    ],
)  # fmt: skip
def test_arrays_that_native_code_would_read_beyond_are_refused(act: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        act(every_kernels()[-1])  # type: ignore[operator]


def test_the_compiled_program_has_all_that_is_called() -> None:
    for way in (hashing.SHA, hashing.LANES):
        assert set(compiled._SIGNATURES) == set(compiled.program(way).functions)


@COMPILED
@pytest.mark.parametrize("field", ["doubles", "ifma-generic"])
def test_compiled_code_of_the_group_goes_with_compiled_kernels(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In whichever field: the fast mode is eight times as slow with portable ones."""
    monkeypatch.setattr(choice, "_loaded", lambda name: name)
    assert choice.kernels_beside(LanesBackend(1, field=field, lanes=2).name) == "auto"
    assert choice.kernels_beside(PortableBackend.name) == "portable"
