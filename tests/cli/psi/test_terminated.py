"""A command that ends, as it was told to (SIGTERM: systemd, docker stop) or killed, leaves no working files behind."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from support.processes import Process

from psi.identity.identity import Identity


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_listener_that_ends_leaves_nothing_of_the_keys_it_had_put_on_disk(
    tmp_path: Path, number: int, code: int
) -> None:
    for name in ("acme", "globex"):
        Identity.create(name, tmp_path)
    (tmp_path / "list.txt").write_text("".join(f"person{i}\n" for i in range(50_000)))
    work = tmp_path / "work"
    work.mkdir()
    listener = Process(
        *("psi", "listen", "--address", "127.0.0.1:0"),
        *("--identity", tmp_path / "acme", "--peer", tmp_path / "globex.crt"),
        *("--input", tmp_path / "list.txt", "--key", "value", "--memory-limit", "200k", "--workdir", work),
    )
    try:
        assert "listening on" in listener.stderr.readline()
        handles = Path(f"/proc/{listener.pid}/fd")
        if handles.is_dir():
            assert [path for path in handles.iterdir() if os.readlink(path).startswith(f"{work}/psiselect-")]
        assert not list(work.iterdir())
        listener.send_signal(number)
        out, err = listener.communicate(timeout=60)
    finally:
        listener.kill()
    assert (listener.returncode, out, err) == (code, "", "")
    assert not list(work.iterdir())
