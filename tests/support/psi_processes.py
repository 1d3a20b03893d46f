"""Sessions between two real processes over mutual TLS, and the small lists that they match."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.processes import Process

ACME = [
    ["id", "Mail", "city"],
    ["1", "Ann@Example.com", "Łódź"],
    ["2", "bob@example.com", 'Sao "Paulo"'],
    ["3", "", "blank"],
    ["4", "ann@example.COM ", "duplicate, of 1"],
    ["5", "not an address", "unreadable"],
    ["6", "eve@example.org", "only\nhere"],
]
GLOBEX = {"who": ["x", "y", "z"], "e": ["ANN@example.com", "zoe@example.net", "eve@example.org"], "n": [1, 2, 3]}


@dataclass
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.out)
        return found


@contextmanager
def psiselect(*arguments: object) -> Iterator[Process]:
    process = Process(*arguments)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ended(process: Process) -> Ended:
    out, err = process.communicate(timeout=120)
    return Ended(process.returncode, out, err)


def run(*arguments: object) -> Ended:
    with psiselect(*arguments) as process:
        return ended(process)


def address(listener: Process) -> str:
    for line in listener.stderr or ():
        if found := re.match(r"listening on (\S+) for", line):
            return found[1]
    raise AssertionError(ended(listener))


def session(place: Path, acme: tuple[object, ...] = (), globex: tuple[object, ...] = ()) -> tuple[Ended, Ended]:
    """Acme listens, Globex connects; extra options for each."""
    with psiselect(
        *("psi", "listen", "--address", "127.0.0.1:0", "--identity", place / "acme", "--peer", place / "globex.crt"),
        *("--peer", place / "mallory.crt", "--input", place / "acme.csv", "--key", "Mail:email", "--json", *acme),
    ) as listener:
        where = address(listener)
        connected = run(
            *("psi", "connect", where, "--identity", place / "globex", "--peer", place / "acme.crt"),
            *("--input", place / "globex.parquet", "--key", "e:email", "--json", "--timeout", "60", *globex),
        )
        return ended(listener), connected
