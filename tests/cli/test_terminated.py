"""A command that is told to end (SIGTERM: systemd, docker stop) leaves no working files behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from psi.identity import Identity


def test_a_terminated_listener_removes_the_keys_it_had_put_on_disk(tmp_path: Path) -> None:
    for name in ("acme", "globex"):
        Identity.create(name, tmp_path)
    (tmp_path / "list.txt").write_text("".join(f"person{i}\n" for i in range(50_000)))
    work = tmp_path / "work"
    work.mkdir()
    listener = subprocess.Popen(
        [
            *(sys.executable, "-m", "cli.main", "psi", "listen", "--address", "127.0.0.1:0"),
            *("--identity", tmp_path / "acme", "--peer", tmp_path / "globex.crt"),
            *("--input", tmp_path / "list.txt", "--key", "value", "--memory-limit", "200k", "--workdir", work),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert listener.stderr is not None
        assert "listening on" in listener.stderr.readline()
        assert list(work.iterdir())
        listener.terminate()
        out, err = listener.communicate(timeout=60)
    finally:
        listener.kill()
    assert (listener.returncode, out, err) == (143, "", "")
    assert not list(work.iterdir())
