"""Two companies that exchange by directories, each on one machine or on an engine."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import psiselect

OWN = [f"User{n}@Example.org" for n in range(60)]
OWN_ROWS = pa.table(
    {
        "mail": [*OWN, "", "not-an-address", "user0@example.org", None],
        "phone": [f"+48 601 000 {n:03}" for n in range(64)],
        "name": [f"name {n}" for n in range(64)],
    }
)
PEER_ROWS = pa.table(
    {
        "email": [f"user{n}@example.org" for n in range(40, 110)],
        "tel": [f"+48601000{n:03}" for n in range(0, 140, 2)],
    }
)
COMMON = 20


class Both:
    """Two companies, with their lists in files, on this machine."""

    def __init__(self, folder: Path, session: Any) -> None:
        """session: of Sail or of a Spark of several processes, which need places that these share, or of a Spark in
        this process."""
        self.folder, self.session = folder, session
        self.own = psiselect.Identity.create("globex", folder)
        self.peer = psiselect.Identity.create("acme", folder)
        pq.write_table(OWN_ROWS, folder / "own.parquet")
        pq.write_table(PEER_ROWS, folder / "peer.parquet")
        (folder / "shared").mkdir()
        self.engine: dict[str, Any] = {"session": session}
        master = session.conf.get("spark.master", "")
        if not master:
            self.engine |= {"accept_plain_shuffle": True}
        if not master.startswith("local["):
            key = folder / "task.key"
            key.touch(0o600)
            key.write_text(secrets.token_hex(32))
            self.engine |= {"engine_workdir": folder / "shared", "task_key": key}

    def on(self, where: str) -> dict[str, Any]:
        return self.engine if where == "engine" else {}

    def offer(self, where: str = "engine", key: Any = "mail:email", **more: Any) -> psiselect.FileResult:
        directory = {} if where == "engine" else {"directory": True}
        return psiselect.offer(
            more.pop("table", self.folder / "own.parquet"),
            key=key,
            identity=self.own,
            peer=self.folder / "acme.crt",
            out=more.pop("out", self.folder / "offer"),
            state=self.folder / "state",
            **self.on(where),
            **directory,
            **more,
        )

    def answer(self, where: str = "engine", key: Any = "email:email", **more: Any) -> psiselect.FileResult:
        return psiselect.answer(
            self.folder / "offer",
            more.pop("table", self.folder / "peer.parquet"),
            key=key,
            identity=self.peer,
            peer=self.folder / "globex.crt",
            out=more.pop("out", self.folder / "answer"),
            **self.on(where),
            **more,
        )

    def finish(self, where: str = "engine", **more: Any) -> psiselect.MatchResult:
        on = {"session": self.session} if where == "engine" else {}
        return psiselect.finish(
            self.folder / "answer",
            state=self.folder / "state",
            identity=self.own,
            peer=self.folder / "acme.crt",
            **on,
            **more,
        )

    @property
    def left(self) -> list[str]:
        """What of an exchange is still there; of the engine's working folder, whether a file in it has a key."""
        found = sorted(name for name in ("state", "offer", "answer") if (self.folder / name).exists())
        files = (path for path in (self.folder / "shared").rglob("*") if path.is_file())
        return found + ["keys"] * any(b"user4" in path.read_bytes() for path in files)

    def found(self, first: str, second: str, **terms: Any) -> psiselect.MatchResult:
        """An exchange to its end. first, second: where each side works."""
        self.offer(first, **terms)
        self.answer(second, **terms)
        rows = {"output": self.folder / ("rows" if first == "engine" else "rows.parquet")}
        return self.finish(first, **({} if "reveal" in terms else rows))
