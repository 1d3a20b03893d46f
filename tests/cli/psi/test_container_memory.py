"""In a container with little memory on a large machine, the rest goes to disk and nothing is killed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.mpc_processes import free_port
from support.small_memory import small_memory

from psi.identity.identity import Identity

MIB = 1 << 20
CONTAINER = 300 * MIB
ROWS = 2_000_000  # what a quarter of a large machine's memory would hold, and this container would not


def test_the_usual_limit_is_a_quarter_of_the_container() -> None:
    asked = "from psi.session.job import Memory; print(Memory.usual_limit())"
    with small_memory(CONTAINER) as group:
        told = subprocess.run(group.command(sys.executable, "-c", asked), capture_output=True, text=True, check=True)
    assert int(told.stdout) == CONTAINER // 4


def test_what_takes_more_than_the_container_is_killed() -> None:
    """The kernel keeps to the limit, so that the other tests here can fail."""
    with small_memory(64 * MIB) as group:
        greedy = group.command(sys.executable, "-c", "held = [bytes([1]) * (1 << 20) for _ in range(200)]")
        assert subprocess.run(greedy, capture_output=True, check=False).returncode in (-9, 137)


@pytest.mark.soak
def test_two_long_lists_match_in_two_small_containers(tmp_path: Path) -> None:
    for name, first in (("acme", 0), ("globex", ROWS // 2)):
        Identity.create(name, tmp_path)
        lines = (f"person{number}@example.com\n" for number in range(first, first + ROWS))
        with (tmp_path / f"{name}.csv").open("w") as file:
            file.write("mail\n")
            file.writelines(lines)
    address = f"127.0.0.1:{free_port()}"
    sides = {
        "acme": ("listen", "--address", address, "--peer", "globex.crt", "--learn", "peer"),
        "globex": ("connect", address, "--peer", "acme.crt", "--learn", "me", "--output", "common.csv"),
    }
    with small_memory(CONTAINER) as here, small_memory(CONTAINER) as there:
        running = []
        for group, (name, words) in zip((here, there), sides.items(), strict=True):
            command = group.command(
                *(sys.executable, "-m", "cli.main", "psi", *words, "--identity", name, "--input", f"{name}.csv"),
                *("--key", "mail:email", "--reveal", "matches", "--timeout", "900", "--json"),
            )
            running.append(
                subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            )
        ended = [(*process.communicate(), process.returncode) for process in running]
    assert [code for _, _, code in ended] == [0, 0], ended
    assert json.loads(ended[1][0])["matches"] == ROWS // 2
    assert sum(1 for _ in (tmp_path / "common.csv").open()) == ROWS // 2 + 1
