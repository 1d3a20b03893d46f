"""A listener that keeps running, as a process; what it logs; and parties that connect to it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from psi.identity.identity import Identity
from psi.transport.tls import connect
from psi.transport.tlschannel import TlsChannel
from support.processes import Process
from support.psi_processes import Ended

Call = Callable[..., Ended]  # (address, name, *options): a whole session of a connecting party
PATIENCE = 90.0  # until a test that hangs is failed; nothing depends on it otherwise


class Served:
    """events: what was logged so far, in order."""

    def __init__(self, process: Process, out: Path) -> None:
        self.process = process
        self.events: list[dict[str, Any]] = []
        self.raw: list[str] = []
        self._out = out
        self._told = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stderr:
            with self._told:
                self.raw.append(line)
                with contextlib.suppress(ValueError):
                    self.events.append(json.loads(line))
                self._told.notify_all()
        with self._told:
            self.events.append({"event": "end of log"})
            self._told.notify_all()

    def all(self, event: str) -> list[dict[str, Any]]:
        with self._told:
            return [found for found in self.events if found["event"] == event]

    def wait(self, event: str, number: int = 1) -> dict[str, Any]:
        """The `number`th event of its kind, once it is there."""
        with self._told:
            done = self._told.wait_for(
                lambda: (
                    len([f for f in self.events if f["event"] == event]) >= number
                    or any(f["event"] == "end of log" for f in self.events)
                ),
                PATIENCE,
            )
        found = self.all(event)
        assert done, (event, self.raw)
        assert len(found) >= number, (event, self.raw)
        return found[number - 1]

    @property
    def address(self) -> str:
        return str(self.wait("listening")["address"])

    def health(self) -> tuple[int, dict[str, Any]]:
        try:
            with urllib.request.urlopen(f"http://{self.wait('health')['address']}/healthz", timeout=30) as found:
                return found.status, json.load(found)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def settle(self, code: int, /, **facts: object) -> None:
        """Wait until the health check says this: a client is done a moment before its listener."""
        deadline = time.monotonic() + PATIENCE
        while not ((found := self.health())[0] == code and facts.items() <= found[1].items()):
            assert time.monotonic() < deadline, (found, self.raw)
            time.sleep(0.02)

    def results(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._out.read_text().splitlines()]

    def memory(self) -> int:
        """Resident bytes."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def handles(self) -> int:
        """Open file descriptors."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal; the exit code once the process has ended."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code


@contextlib.contextmanager
def serving(
    place: Path, *options: object, peers: tuple[str, ...] = ("globex",), key: str = "Mail:email"
) -> Iterator[Served]:
    """Acme's listener, killed at the end unless it has ended."""
    out = place / f"out-{len(list(place.glob('out-*')))}"
    with out.open("w") as file:
        process = Process(
            *("psi", "listen", "--serve", "--address", "127.0.0.1:0"),
            *("--identity", place / "acme", "--input", place / "acme.csv", "--key", key),
            *(word for name in peers for word in ("--peer", place / f"{name}.crt")),
            *options,
            stdout=file,
        )
    try:
        yield Served(process, out)
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def options_of(place: Path, where: str, name: str, *options: object) -> tuple[object, ...]:
    """A connecting party with Globex's list."""
    return (
        *("psi", "connect", where, "--identity", place / name, "--peer", place / "acme.crt", "--json"),
        *("--input", place / "globex.parquet", "--key", "e:email", "--timeout", "60", *options),
    )


def hold(place: Path, served: Served, name: str = "globex") -> TlsChannel:
    """A pinned peer that takes a place and says nothing."""
    acme = Identity.load(place / "acme").public
    return connect(served.address, Identity.load(place / name), [acme], timeout=60)
