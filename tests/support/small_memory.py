"""A container's memory: a group of processes that the kernel bounds (cgroups, version 1 and 2)."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

_ROOT = Path("/sys/fs/cgroup")
# Where groups are made, and the files with their limit and with the most that they had at once.
_VERSIONS = (
    (_ROOT / "memory", "memory.limit_in_bytes", "memory.max_usage_in_bytes"),
    (_ROOT, "memory.max", "memory.peak"),
)


class SmallMemory:
    """A group with a limit. peak: the most bytes that its processes had at once, with the files that the kernel keeps
    in memory for them."""

    def __init__(self, folder: Path, peak: str) -> None:
        self._folder, self._peak = folder, peak

    def command(self, *words: object) -> list[str]:
        """The words of a command that runs in the group."""
        return ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self._folder / "cgroup.procs"), *map(str, words)]

    @property
    def peak(self) -> int:
        return int((self._folder / self._peak).read_text())


@contextlib.contextmanager
def small_memory(limit: int) -> Iterator[SmallMemory]:
    """A group of at most `limit` bytes; skips the test where this process may make none."""
    made = _made(limit, _VERSIONS)
    if made is None:
        pytest.skip("this process may not bound the memory of a group of processes")
    folder, peak = made
    try:
        yield SmallMemory(folder, peak)
    finally:
        for _ in range(100):  # a group goes a moment after its last process
            with contextlib.suppress(OSError):
                folder.rmdir()
                break
            time.sleep(0.05)


def _made(limit: int, versions: Sequence[tuple[Path, str, str]]) -> tuple[Path, str] | None:
    for root, most, peak in versions:
        folder = root / f"psiselect-test-{os.getpid()}-{time.monotonic_ns()}"
        try:
            folder.mkdir()
        except OSError:
            continue
        try:
            (folder / most).write_text(str(limit))
            entered = subprocess.run(SmallMemory(folder, peak).command("true"), capture_output=True, check=False)
            if entered.returncode == 0:
                return folder, peak
        except OSError:
            pass
        with contextlib.suppress(OSError):
            folder.rmdir()
    return None
