"""Parties as real processes on loopback, each running the command line."""

from __future__ import annotations

import json
import random
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psi.identity.identity import Identity
from support.processes import Process

PATIENCE = 300  # seconds until a hung process fails its test: sooner than it would give up by itself


def free_port() -> int:
    """A port that nobody listens on, below the range that outgoing connections take theirs from."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@dataclass
class Ended:
    """How a process ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def record(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.stdout)
        return found


class Group:
    """Identities and a parties file for `roles`, a role a name."""

    def __init__(self, folder: Path, roles: dict[str, str]) -> None:
        self.folder, self.names = folder, list(roles)
        lines = []
        for name, role in roles.items():
            Identity.create(name, folder / "keys")
            lines += ["[[party]]", f'name = "{name}"', f'role = "{role}"', f'certificate = "keys/{name}.crt"']
            lines += [f'address = "127.0.0.1:{free_port()}"', ""]
        self.parties = folder / "parties.toml"
        self.parties.write_text("\n".join(lines))

    def start(self, name: str, function: str, *arguments: str, first: tuple[str, ...] = ()) -> Process:
        """One party's process. first: see `Process`."""
        who = ("--party", name, "--parties", self.parties, "--identity", self.folder / "keys" / name)
        return Process("mpc", function, *who, "--json", "--timeout", "600", *arguments, first=first)

    def run(
        self, function: str, arguments: dict[str, list[str]], *common: str, first: tuple[str, ...] = ()
    ) -> dict[str, Ended]:
        """Every party of `arguments`, to its end."""
        started = {n: self.start(n, function, *own, *common, first=first) for n, own in arguments.items()}
        try:
            return {n: self.wait(p) for n, p in started.items()}
        finally:
            for process in started.values():
                process.kill()
                process.wait()

    @staticmethod
    def wait(process: Process) -> Ended:
        stdout, stderr = process.communicate(timeout=PATIENCE)
        return Ended(process.returncode, stdout, stderr)
