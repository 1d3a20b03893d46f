"""Files without a name: private, counted, gone however the process ends, safe to use from several threads."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from psi.store.scratch import Scratch
from psi.store.spool import Store
from psiselect.base.errors import InputError

BLOCK = np.arange(5_000, dtype=np.uint8)


def test_files_are_private_have_no_name_and_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int] = []
    plain = Scratch.open

    def noted(self: Scratch, name: str) -> int:
        opened.append(plain(self, name))
        return opened[-1]

    monkeypatch.setattr(Scratch, "open", noted)
    scratch = Scratch(tmp_path)
    small, large = scratch.file("small", memory=100), scratch.file("large")
    small.append(BLOCK[:100])
    large.append(BLOCK)
    assert len(opened) == 1
    status = os.fstat(opened[0])
    assert (stat.S_IMODE(status.st_mode), status.st_nlink, status.st_size) == (0o600, 0, 5_000)
    assert list(tmp_path.iterdir()) == []
    assert (scratch.bytes_on_disk, scratch.peak_bytes) == (5_000, 5_000)
    small.append(BLOCK[:1])  # more than it may keep in memory
    assert scratch.bytes_on_disk == 5_101
    assert np.array_equal(large.read(10, 20, np.uint8), BLOCK[10:30])
    assert np.array_equal(small.read(99, 2, np.uint8), [99, 0])
    large.close()
    large.close()
    assert (scratch.bytes_on_disk, scratch.peak_bytes) == (101, 5_101)
    scratch.close()
    scratch.close()
    assert scratch.bytes_on_disk == 0
    for handle in opened:
        with pytest.raises(OSError, match="Bad file"):
            os.fstat(handle)


def test_closed_files_are_forgotten(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    for _ in range(100):
        file = scratch.file("tokens")
        file.append(BLOCK)
        file.close()
    assert not scratch._files
    assert scratch.peak_bytes == 5_000


def test_several_threads_share_one(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)

    def work() -> None:
        for _ in range(200):
            file = scratch.file("tokens")
            file.append(BLOCK[:7])
            file.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert scratch.bytes_on_disk == 0
    assert 7 <= scratch.peak_bytes <= 28


@pytest.mark.parametrize("end", ["raise KeyboardInterrupt", f"import os; os.kill(os.getpid(), {int(signal.SIGKILL)})"])
def test_nothing_is_left_however_the_process_ends(tmp_path: Path, end: str) -> None:
    script = f"""
import numpy as np, pathlib
from psi.store.spool import Store
store = Store(pathlib.Path({str(tmp_path)!r}), 1000)
store.column("tags", 11).append(np.zeros((5000, 11), np.uint8))
print(store.disk_bytes, flush=True)
{end}
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert int(done.stdout) >= 55_000
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"folder for working files, .*missing"):
        Store(tmp_path / "missing", 10).column("tags", 11).append(np.zeros((50, 11), np.uint8))
