"""Tasks of an engine whose first attempt is ended from outside, in the middle: a fault that a test plants.

Tasks are pickled by the names of their classes: so this module must be on the path of an engine's Python too.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cli.main import run
from psi.distributed import parties, secret_files

_PATIENCE = 240.0


@dataclass(frozen=True)
class Interrupted:
    """A task of the product. Its first attempt gives one batch and is ended.

    Attributes:
        task: what it does.
        marker: a file that the first attempt makes.
        how: what ends: `worker`, the Python process; `executor`, the process above it; `machine`, this and the one
            above that; `driver`, the processes in `victims` with those that they started, which so tidy nothing up;
            `slow`, nothing: it waits until another attempt is over.
        victims: process ids.
    """

    task: Any
    marker: str
    how: str
    victims: tuple[int, ...] = ()

    @property
    def schema(self) -> str:
        return str(self.task.schema)

    def __call__(self, given: Any) -> Any:
        if isinstance(given, pa.Table):  # one bucket, whose task has no middle but its end
            return pa.concat_tables(self._given(iter([self.task(given)])))
        return self._given(self.task(given))

    def _given(self, made: Iterator[Any]) -> Iterator[Any]:
        first = next(made, None)
        if first is None:  # an empty partition is no middle of anything
            return
        yield first
        mine = taken(Path(self.marker))
        if mine and self.how == "slow":
            wait_for(Path(f"{self.marker}.over"))
        elif mine:
            for victim in self._victims():
                os.kill(victim, signal.SIGKILL)
            time.sleep(_PATIENCE)  # until the engine ends this process too
        yield from made
        Path(f"{self.marker}.over").touch()

    def _victims(self) -> tuple[int, ...]:
        daemon = os.getppid()
        executor = parent(daemon)
        match self.how:
            case "worker":
                return (os.getpid(),)
            case "executor":
                return (executor,)
            case "machine":
                return (parent(executor), executor)
        return (*self.victims[:-1], *(child for each in self.victims for child in children(each)), self.victims[-1])


def interrupt(patch: pytest.MonkeyPatch, name: str, marker: Path, how: str, victims: tuple[int, ...] = ()) -> None:
    """Put it in the place of a task of `psi.distributed.parties`."""
    real = getattr(parties, name)
    patch.setattr(parties, name, lambda *given, **named: Interrupted(real(*given, **named), str(marker), how, victims))


def note(patch: pytest.MonkeyPatch, path: Path) -> None:
    """Write down every secret of a task, in hexadecimal digits."""
    real = secret_files.kept

    def noted(where: Any, secrets: dict[str, bytes]) -> Any:
        with path.open("a") as file:
            print(*(value.hex() for value in secrets.values()), sep="\n", file=file)
        return real(where, secrets)

    patch.setattr(secret_files, "kept", noted)


def command() -> None:
    """The command psiselect in this process, with secrets noted, which a task kills: FOLDER TASK psi ..."""
    folder, task, *arguments = sys.argv[1:]
    sys.argv = ["psiselect", *arguments]
    with pytest.MonkeyPatch.context() as patch:
        note(patch, Path(folder, "noted"))
        interrupt(patch, task, Path(folder, "marker"), "driver", (os.getpid(),))
        run()


def guises(secret: bytes) -> set[bytes]:
    """How a program may write bytes."""
    signed = [byte - 256 * (byte > 127) for byte in secret]
    lists = (str(list(secret))[1:-1], str(signed)[1:-1])
    texts = {secret.hex(), secret.hex().upper(), base64.b64encode(secret).decode().rstrip("="), *lists}
    return {secret, *(text.encode() for text in (*texts, *(each.replace(" ", "") for each in lists)))}


def noted(folder: Path) -> set[bytes]:
    """The secrets that were written down."""
    return {bytes.fromhex(line) for line in (folder / "noted").read_text().split()}


def taken(marker: Path) -> bool:
    """Whether this call is the one that makes the file."""
    try:
        marker.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def wait_for(path: Path) -> None:
    """Until the file is there."""
    over = time.monotonic() + _PATIENCE
    while not path.exists():
        assert time.monotonic() < over, f"{path} does not appear"
        time.sleep(0.05)


def wait_for_text(path: Path, pattern: str) -> str:
    """Until the file has it; what its group says."""
    over = time.monotonic() + _PATIENCE
    while True:
        found = re.search(pattern, path.read_text())
        if found:
            return found[1]
        assert time.monotonic() < over, f"{path} does not say {pattern}"
        time.sleep(0.1)


def children(process: int) -> list[int]:
    """Java processes that it started."""
    found = []
    for path in Path("/proc").iterdir():
        with contextlib.suppress(OSError):  # it has ended
            if path.name.isdigit() and parent(int(path.name)) == process:
                found += [int(path.name)] * ((path / "comm").read_text().strip() == "java")
    return found


def parent(process: int) -> int:
    return int(Path("/proc", str(process), "stat").read_text().rsplit(")", 1)[1].split()[1])
