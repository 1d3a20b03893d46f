"""The cache of compiled code, and what happens when the vector code cannot be had."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("llvmlite")

from psi.group.curve25519.backend import load_backend
from psi.group.curve25519.lanes import backend as lanes_backend
from psi.group.curve25519.lanes import cache, compiler, image, kernel
from psi.group.curve25519.lanes import target as target_module
from psi.group.curve25519.lanes.backend import LanesBackend
from psi.group.curve25519.lanes.cache import CodeCache
from psi.group.curve25519.lanes.module import FIELDS
from psi.group.curve25519.lanes.target import (
    DOUBLES,
    IFMA,
    LanesUnavailableError,
    Target,
    fields,
    processor_description,
)
from psiselect.base.errors import UsageError

try:
    Target.host().lanes()
except LanesUnavailableError as reason:
    pytest.skip(str(reason), allow_module_level=True)

CODE = b"\x90" * 1000
NAME = "lanes-ifma" if IFMA in fields() else "lanes"  # what this processor gets


@pytest.fixture
def store(tmp_path: Path) -> CodeCache:
    made = CodeCache(tmp_path / "psiselect")
    made.store("a", CODE)
    assert made.load("a") == CODE
    return made


def files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "psiselect").iterdir())


def test_private_to_the_user(store: CodeCache, tmp_path: Path) -> None:
    (file,) = files(tmp_path)
    assert stat.S_IMODE((tmp_path / "psiselect").stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("position", [0, 20, 51, 500, -1])
def test_damage_counts_as_missing(store: CodeCache, tmp_path: Path, position: int) -> None:
    (file,) = files(tmp_path)
    content = bytearray(file.read_bytes())
    content[position] ^= 1
    file.write_bytes(content)
    assert store.load("a") is None
    store.store("a", CODE)
    assert store.load("a") == CODE


@pytest.mark.parametrize("length", [0, 10, 51, 900])
def test_a_short_file_counts_as_missing(store: CodeCache, tmp_path: Path, length: int) -> None:
    (file,) = files(tmp_path)
    file.write_bytes(file.read_bytes()[:length])
    assert store.load("a") is None


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_directory_that_others_may_write_is_not_used(store: CodeCache, tmp_path: Path, mode: int) -> None:
    (tmp_path / "psiselect").chmod(mode)
    assert store.load("a") is None
    store.store("b", CODE)
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_file_that_others_may_write_is_not_run(store: CodeCache, tmp_path: Path, mode: int) -> None:
    files(tmp_path)[0].chmod(mode)
    assert store.load("a") is None


def test_links_are_not_followed(store: CodeCache, tmp_path: Path) -> None:
    (file,) = files(tmp_path)
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert store.load("a") is None
    linked = tmp_path / "linked"
    linked.symlink_to(tmp_path / "psiselect", target_is_directory=True)
    assert CodeCache(linked).load("a") is None


def test_another_users_directory_is_not_used(store: CodeCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert store.load("a") is None


def test_no_place_to_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    for directory in (None, tmp_path / "file", tmp_path / "file" / "below"):
        store = CodeCache(directory)
        store.store("a", CODE)
        assert store.load("a") is None
    assert LanesBackend(1, cache=CodeCache(tmp_path / "file")).name == NAME


def test_the_cache_is_where_the_platform_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.default_directory() == tmp_path / "psiselect"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    found = cache.default_directory()
    assert found is not None
    assert found.is_relative_to(tmp_path)


def test_the_second_load_compiles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = CodeCache(tmp_path / "psiselect")
    LanesBackend(1, cache=store)

    def refuse(*_: object) -> bytes:
        raise AssertionError("compiled again")

    monkeypatch.setattr(compiler, "compile_object", refuse)
    LanesBackend(1, cache=store)
    with pytest.raises(AssertionError, match="compiled again"):  # another field is other code
        LanesBackend(1, field="ifma-generic", cache=store)
    monkeypatch.setattr(kernel, "source_digest", lambda: b"other sources")
    with pytest.raises(AssertionError, match="compiled again"):
        LanesBackend(1, cache=store)


def run(script: str, cache_home: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache_home), "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([sys.executable, "-c", script], env=environment)


@pytest.mark.skipif(processor_description() is None, reason="the code is cached as an object file here")
def test_a_later_run_does_not_even_import_llvm(tmp_path: Path) -> None:
    script = """
import sys
from psi.group.curve25519.backend import load_backend
assert load_backend("lanes", 1).name.startswith("lanes")
sys.exit(7 if "llvmlite" in sys.modules else 8)
"""
    assert run(script, tmp_path).wait() == 7
    assert run(script, tmp_path).wait() == 8


def test_objects_are_used_where_images_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on other systems: no description of the processor, no ELF."""
    monkeypatch.setattr(kernel, "processor_description", lambda: None)

    def decline(*_: object) -> None:
        raise image.NotLinkableError

    monkeypatch.setattr(kernel, "link", decline)
    store = CodeCache(tmp_path / "psiselect")
    LanesBackend(1, cache=store)
    assert len(files(tmp_path)) == 1
    monkeypatch.setattr(compiler, "compile_object", decline)
    LanesBackend(1, cache=store)


@pytest.mark.parametrize("content", [b"", b"\x7fELF", bytes(64), b"\xcf\xfa\xed\xfe" + bytes(100)])
def test_only_this_kind_of_object_is_linked(content: bytes) -> None:
    with pytest.raises(image.NotLinkableError):
        image.link(content, ["mask"])


@pytest.mark.skipif(processor_description() is None, reason="no images here")
def test_memory_is_never_writable_and_executable(tmp_path: Path) -> None:
    backend = LanesBackend(1, cache=CodeCache(tmp_path / "psiselect"))
    code = backend._kernel._code
    assert isinstance(code, image.LoadedImage)
    for line in Path("/proc/self/maps").read_text().splitlines():
        bounds, mode = line.split()[:2]
        low, high = (int(bound, 16) for bound in bounds.split("-"))
        if low <= code.address("mask") < high:
            assert mode.startswith("r-x")
            return
    pytest.fail("the code is not in the map of memory")


def test_a_damaged_kernel_is_rebuilt(tmp_path: Path) -> None:
    store = CodeCache(tmp_path / "psiselect")
    LanesBackend(1, cache=store)
    (file,) = files(tmp_path)
    good = file.read_bytes()
    file.write_bytes(good[:-7])
    LanesBackend(1, cache=store)
    assert file.read_bytes() == good


def test_processes_may_race(tmp_path: Path) -> None:
    """Two first runs at once: each works, one whole file stays and nothing else."""
    script = "from psi.group.curve25519.backend import load_backend; assert load_backend('lanes', 1).name != 'portable'"
    processes = [run(script, tmp_path) for _ in range(2)]
    assert [process.wait() for process in processes] == [0] * 2
    (file,) = files(tmp_path)
    assert CodeCache(tmp_path / "psiselect").load(file.name.removeprefix("kernel-")) is not None


# Falling back ------------------------------------------------------------------------------------------------------


def test_auto_is_lanes_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        backend = load_backend("auto", threads=1)
    assert backend.name == NAME
    backend.close()


@pytest.fixture
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def expect_portable(match: str) -> None:
    with pytest.warns(RuntimeWarning, match=match):
        backend = load_backend("auto", threads=1)
    assert backend.name == "portable"
    backend.close()
    with pytest.raises(UsageError, match=match):
        load_backend("lanes", threads=1)


# What Linux and LLVM say of a processor, beside what it must have anyway.
WITH_IFMA = "flags\t\t: avx512f avx512ifma avx512vl"
WITHOUT_IFMA = "flags\t\t: avx512f avx512vl"


@pytest.mark.parametrize(
    ("described", "features", "expected"),
    [
        (WITH_IFMA, "", (IFMA, DOUBLES)),
        (WITHOUT_IFMA, "+avx512ifma", (DOUBLES,)),
        (WITHOUT_IFMA + "\nmodel name\t: avx512ifma", "", (DOUBLES,)),
        ("flags\t\t: avx2 avx_ifma", "", (DOUBLES,)),  # 256 bits: docs/decisions/0280
        (None, "+avx512f,+avx512ifma", (IFMA, DOUBLES)),
        (None, "+avx512f,-avx512ifma", (DOUBLES,)),
    ],
)
def test_fields_by_processor(
    monkeypatch: pytest.MonkeyPatch, described: str | None, features: str, expected: tuple[str, ...]
) -> None:
    monkeypatch.setattr(target_module, "processor_description", lambda: described)
    monkeypatch.setattr(Target, "host", classmethod(lambda _: Target("x86_64", "", features)))
    assert fields() == expected


@pytest.fixture
def has_ifma(monkeypatch: pytest.MonkeyPatch, empty_cache: None) -> None:
    """As on a processor with IFMA; its code runs without the instructions."""
    monkeypatch.setattr(target_module, "processor_description", lambda: WITH_IFMA)
    monkeypatch.setattr(kernel, "processor_description", lambda: WITH_IFMA)
    monkeypatch.setattr(kernel, "IFMA_FEATURE", "")
    monkeypatch.setitem(FIELDS, IFMA, FIELDS["ifma-generic"])


@pytest.mark.usefixtures("has_ifma")
@pytest.mark.parametrize("asked", ["auto", "lanes"])
def test_the_fastest_field_is_taken(asked: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        backend = load_backend(asked, threads=1)
    assert backend.name == "lanes-ifma"


@pytest.mark.usefixtures("has_ifma")
@pytest.mark.parametrize("asked", ["auto", "lanes"])
def test_doubles_take_over_from_ifma(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    """A wrong answer with IFMA leaves the code on doubles, with a word about it."""
    right = LanesBackend.mask

    def wrong(self: LanesBackend, *args: Any) -> Any:
        out = right(self, *args)
        out[-1, 0] ^= self.name == "lanes-ifma"
        return out

    monkeypatch.setattr(LanesBackend, "mask", wrong)
    with pytest.warns(
        RuntimeWarning, match=r"for ifma does not work on this machine \(the self-test failed in mask\)\. The"
    ):
        backend = load_backend(asked, threads=1)
    assert backend.name == "lanes"


@pytest.mark.usefixtures("empty_cache")
def test_ifma_is_not_compiled_for_a_processor_that_llvm_knows_better(monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux says that the processor has it, and LLVM that it has not."""
    here = Target.host()
    without = Target(here.triple, here.cpu, here.features.replace("+avx512ifma", "-avx512ifma"))
    monkeypatch.setattr(Target, "host", classmethod(lambda _: without))
    monkeypatch.setattr(target_module, "processor_description", lambda: WITH_IFMA)
    with pytest.raises(LanesUnavailableError, match="avx512ifma"):
        LanesBackend(1)
    with pytest.warns(RuntimeWarning, match=r"avx512ifma on this processor\)\. The program uses the code for doubles"):
        assert load_backend("auto", threads=1).name == "lanes"


def test_the_processors_flags_are_in_the_name_of_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    names = set()
    for described in (WITH_IFMA, WITHOUT_IFMA):
        monkeypatch.setattr(kernel, "processor_description", lambda described=described: described)
        names |= {kernel._image_name(None, kernel.curve_program(field)) for field in (DOUBLES, IFMA)}
    assert len(names) == 4


@pytest.mark.parametrize("operation", ["mask", "hash_to_curve", "digest"])
def test_a_wrong_answer_makes_the_portable_backend_take_over(monkeypatch: pytest.MonkeyPatch, operation: str) -> None:
    """One wrong bit in one row of one operation's answer is seen by the self-test."""
    right = getattr(LanesBackend, operation)

    def wrong(self: LanesBackend, *args: object) -> object:
        out = right(self, *args)
        out[-1, 0] ^= 1
        return out

    monkeypatch.setattr(lanes_backend.LanesBackend, operation, wrong)
    expect_portable(f"self-test failed in {operation}")


@pytest.mark.usefixtures("empty_cache")
def test_no_llvmlite(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("llvmlite", "psi.group.curve25519.lanes"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    expect_portable("llvmlite")


@pytest.mark.usefixtures("empty_cache")
def test_a_processor_without_fused_multiply_add(monkeypatch: pytest.MonkeyPatch) -> None:
    old = Target("x86_64-unknown-linux-gnu", "nehalem", "+sse2,+sse4.2,-avx2,-fma")
    monkeypatch.setattr(Target, "host", classmethod(lambda _: old))
    expect_portable("fused multiply-add")


@pytest.mark.parametrize(
    ("target", "lanes"),
    [
        (Target("x86_64-unknown-linux-gnu", "znver3", "+avx2,+fma,-avx512f"), 4),
        (Target("x86_64-unknown-linux-gnu", "znver4", "+avx2,+fma,+avx512f"), 8),
        (Target("aarch64-unknown-linux-gnu", "neoverse-n1", "+neon"), 2),
        (Target("arm64-apple-darwin", "apple-m1", ""), 2),
    ],
)
def test_lanes_by_processor(target: Target, lanes: int) -> None:
    assert target.lanes() == lanes
