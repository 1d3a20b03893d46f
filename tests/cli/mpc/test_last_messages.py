"""Every party's last message arrives, also on a machine that is busy with other things."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.mpc_processes import Group

RAISES = {"alice": "3800", "bob": "2514", "carlos": "2982", "david": "3390"}
BUSY = 8


@contextlib.contextmanager
def busy_processes() -> Iterator[None]:
    """Processes that do nothing but compute."""
    spinning = [subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) for _ in range(BUSY)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


@pytest.mark.parametrize("rounds", [2, pytest.param(500, marks=pytest.mark.soak)])
def test_four_engineers_confirm_to_each_other(tmp_path: Path, rounds: int) -> None:
    """A last frame that is lost when a link closes leaves its sender unconfirmed. test_last_frame.py shows how."""
    group = Group(tmp_path, dict.fromkeys(RAISES, "both"))
    values = {name: ["--value", value] for name, value in RAISES.items()}
    with busy_processes():
        for number in range(rounds):
            ended = group.run("sum", values)
            assert {name: (end.code, end.stderr) for name, end in ended.items() if end.code} == {}, number
            records = [end.record for end in ended.values()]
            assert [(record["value"], record["unconfirmed"]) for record in records] == [(12686, [])] * 4, number
