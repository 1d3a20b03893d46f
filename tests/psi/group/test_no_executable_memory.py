"""Where the system lets no memory become executable: no crash in LLVM's loader, and the portable backend instead."""

from __future__ import annotations

import ctypes
import errno
import subprocess
import sys
from pathlib import Path

import pytest
from support.checkout import environment

pytest.importorskip("llvmlite")

from cli import _backend
from psi.group.curve25519.backend import load_backend
from psi.group.curve25519.lanes import compiler, image, kernel
from psi.group.curve25519.lanes.cache import CodeCache
from psi.group.curve25519.lanes.target import LanesUnavailableError, Target
from psiselect.base.errors import UsageError

SAID = "this process may not make memory executable"

# PR_SET_MDWE with PR_MDWE_REFUSE_EXEC_GAIN, as systemd's MemoryDenyWriteExecute=yes sets it from Linux 6.3 on.
DENIED = """
import ctypes, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0):
    sys.exit(77)
from cli.main import main
main()
"""


def denied(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The command in a process whose memory can never become executable."""
    command = [sys.executable, "-c", DENIED, *map(str, arguments)]
    ended = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=120, check=False)
    if ended.returncode == 77:
        pytest.skip("the kernel has no PR_SET_MDWE (Linux 6.3 and later have)")
    return ended


@pytest.fixture
def lists(tmp_path: Path) -> tuple[object, ...]:
    for name, rows in (("a", "ann\nbob\n"), ("b", "bob\ncat\n")):
        (tmp_path / f"{name}.csv").write_text(f"who\n{rows}")
    return ("psi", "local", tmp_path / "a.csv", tmp_path / "b.csv", "--key", "who:text")


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_auto_takes_the_portable_backend_and_says_so_once(lists: tuple[object, ...]) -> None:
    ended = denied(*lists, "--threads", 1)
    assert ended.returncode == 0, ended.stderr
    assert "matches" in ended.stdout
    (line,) = [line for line in ended.stderr.splitlines() if SAID in line]
    assert line.startswith("the fast code (lanes) does not work on this machine (")
    assert line.endswith(". The program uses the portable code, which is several times slower")
    assert "Warning" not in ended.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_the_vector_code_by_name_is_refused_in_words(lists: tuple[object, ...]) -> None:
    ended = denied(*lists, "--threads", 1, "--backend", "lanes")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert SAID in ended.stderr
    assert "Use --backend portable" in ended.stderr


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system refuses, and whatever would touch LLVM fails the test."""

    class Refusing:
        @staticmethod
        def mprotect(_start: int, _size: int, _mode: int) -> int:
            ctypes.set_errno(errno.EACCES)
            return -1

    def touched(*_: object) -> None:
        raise AssertionError("LLVM was asked")

    Refusing.mprotect.argtypes = ()  # type: ignore[attr-defined]
    monkeypatch.setattr(image.ctypes, "CDLL", lambda *_, **__: Refusing)
    monkeypatch.setattr(Target, "host", touched)
    monkeypatch.setattr(compiler, "Library", touched)


@pytest.mark.usefixtures("refusing")
def test_a_refusal_is_found_before_llvm_is_asked(tmp_path: Path) -> None:
    with pytest.raises(LanesUnavailableError, match=SAID):
        kernel.load(None, CodeCache(tmp_path), kernel.curve_program("doubles"))
    with pytest.raises(UsageError, match=SAID):
        load_backend("lanes", 1)
    with pytest.warns(RuntimeWarning, match=f"{SAID}.*. The program uses the portable code"):
        load_backend("auto", 1).close()


@pytest.mark.usefixtures("refusing")
def test_a_command_says_it_once_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    _backend.say_once.cache_clear()
    for _ in range(2):
        with _backend.open_backend("auto", 1) as backend:
            assert backend.name == "portable"
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == err.count(SAID) == 1


@pytest.mark.parametrize("cached", [False, True])
def test_code_that_cannot_be_loaded_is_not_left_to_llvm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cached: bool
) -> None:
    """The probe passed, but not the code: from the cache and freshly compiled."""
    monkeypatch.setattr(kernel, "_image_name", lambda *_: "code")
    monkeypatch.setattr(kernel, "_object", lambda *_: b"")
    monkeypatch.setattr(kernel, "link", lambda *_: image.Image(b"\0", {}))
    store = CodeCache(tmp_path / "psiselect")
    if cached:
        store.store("code", image.Image(b"\0", {}).dump())

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOMEM, "memory cannot be made executable")

    def touched(*_: object) -> None:
        raise AssertionError("LLVM was asked")

    monkeypatch.setattr(kernel, "LoadedImage", refuse)
    monkeypatch.setattr(compiler, "Library", touched)
    with pytest.raises(OSError, match="memory cannot be made executable"):
        kernel.load(4, store, kernel.curve_program("doubles"))
