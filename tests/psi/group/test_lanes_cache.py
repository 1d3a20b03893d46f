"""The cache of compiled code, and what happens when the vector code cannot be had."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

pytest.importorskip("llvmlite")

from psi.group.curve25519.backend import load_backend
from psi.group.curve25519.lanes import backend as lanes_backend
from psi.group.curve25519.lanes import cache, compiler, image, kernel
from psi.group.curve25519.lanes.backend import LanesBackend
from psi.group.curve25519.lanes.cache import CodeCache
from psi.group.curve25519.lanes.target import LanesUnavailableError, Target, processor_description
from psiselect.base.errors import UsageError

try:
    Target.host().lanes()
except LanesUnavailableError as reason:
    pytest.skip(str(reason), allow_module_level=True)

CODE = b"\x90" * 1000


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
    assert LanesBackend(1, cache=CodeCache(tmp_path / "file")).name == "lanes"


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
assert load_backend("lanes", 1).name == "lanes"
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
    script = "from psi.group.curve25519.backend import load_backend; assert load_backend('lanes', 1).name == 'lanes'"
    processes = [run(script, tmp_path) for _ in range(2)]
    assert [process.wait() for process in processes] == [0] * 2
    (file,) = files(tmp_path)
    assert CodeCache(tmp_path / "psiselect").load(file.name.removeprefix("kernel-")) is not None


# Falling back ------------------------------------------------------------------------------------------------------


def test_auto_is_lanes_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        backend = load_backend("auto", threads=1)
    assert backend.name == "lanes"
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
