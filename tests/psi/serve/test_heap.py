"""One heap for all threads, seen in processes of their own: what is set there stays."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest
from support.checkout import environment

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have one heap")

# Prints whether the heap is shared, and how many heaps there are once several threads at a time have used theirs.
_PROGRAM = """
import ctypes, os, sys, tempfile, threading
from psi.serve import heap

shared = heap.share(os.environ) if "share" in sys.argv else False
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.fdopen.restype = ctypes.c_void_p, ctypes.c_void_p
libc.fdopen.argtypes, libc.malloc_info.argtypes = (ctypes.c_int, ctypes.c_char_p), (ctypes.c_int, ctypes.c_void_p)
libc.fflush.argtypes = (ctypes.c_void_p,)
together = threading.Barrier(4)


def take():
    together.wait()
    libc.malloc(5000)
    together.wait()


threads = [threading.Thread(target=take) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
with tempfile.TemporaryFile() as file:
    stream = libc.fdopen(os.dup(file.fileno()), b"w")
    libc.malloc_info(0, stream)
    libc.fflush(stream)
    file.seek(0)
    print(shared, file.read().count(b"<heap nr="))
"""


def _run(*words: str, **more: str) -> tuple[bool, int]:
    kept = {name: text for name, text in environment().items() if name not in ("MALLOC_ARENA_MAX", "GLIBC_TUNABLES")}
    command = [sys.executable, "-c", _PROGRAM, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=kept | more)
    shared, heaps = done.stdout.split()
    return shared == "True", int(heaps)


def test_threads_take_from_one_heap() -> None:
    shared, heaps = _run("share")
    assert shared
    assert heaps == 1


def test_they_have_several_otherwise() -> None:
    shared, heaps = _run()
    assert not shared
    assert heaps > 1


@pytest.mark.parametrize(
    "said", [{"MALLOC_ARENA_MAX": "3"}, {"GLIBC_TUNABLES": "glibc.malloc.arena_max=3"}], ids=["variable", "tunable"]
)
def test_the_environment_decides(said: dict[str, str]) -> None:
    shared, heaps = _run("share", **said)
    assert not shared
    assert 1 < heaps <= 3
