"""Several commands at the same time, each in a process of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from support.mpc_processes import PATIENCE, Ended
from support.processes import Process


def run_together(folder: Path, runs: Sequence[Sequence[str]]) -> list[Ended]:
    """Every run to its end, all at the same time, in `folder`."""
    started = [Process(*run, folder=folder) for run in runs]
    try:
        shown = [process.communicate(PATIENCE) for process in started]
        return [Ended(process.wait(), *texts) for process, texts in zip(started, shown, strict=True)]
    finally:
        for process in started:
            process.kill()
