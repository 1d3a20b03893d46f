"""Real sessions with --resume whose processes are killed (-9) and whose network fails, at random moments."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import time
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from psi.agreement.modes import Learner, Reveal, Side
from psi.agreement.noise import Noise
from psi.identity.identity import Identity
from support.cutting_proxy import CuttingProxy
from support.resuming import Bookkeeper
from support.zygote import Zygote

NAMES = {Side.LISTEN: "acme", Side.CONNECT: "globex"}
MODES = [
    (reveal, learn) for reveal in Reveal for learn in Learner if (reveal, learn) != (Reveal.NOISY_COUNT, Learner.BOTH)
]
_LEARN = {
    (side, learn): "both" if len(learn.receivers) == 2 else "me" if side in learn.receivers else "peer"
    for side in Side
    for learn in Learner
}
_PATIENCE = 120.0  # until a trial counts as hung


@dataclass(frozen=True)
class Blow:
    """When a process is killed: so many seconds after its start, or so many bytes of its journal later."""

    seconds: float = float("inf")
    journal: float = float("inf")

    @classmethod
    def drawn(cls, draw: random.Random) -> Blow:
        if draw.random() < 0.4:
            return cls(seconds=draw.uniform(0.02, 0.8))
        return cls(journal=draw.uniform(1, 120_000))


@dataclass
class Life:
    """One side, over all its processes."""

    side: Side
    place: Path
    options: list[object]
    kills: list[Blow]  # for each life; then it is let live
    pid: int | None = None
    blow: Blow = Blow()  # in seconds of the clock, and bytes in all
    code: int | None = None
    codes: list[int] = field(default_factory=list)
    books: Bookkeeper = field(default_factory=Bookkeeper)

    @property
    def workdir(self) -> Path:
        return self.place / f"{NAMES[self.side]}.work"

    @property
    def out(self) -> Path:
        return self.place / f"{NAMES[self.side]}.out"

    @property
    def journal(self) -> int:
        """Bytes in its journals."""
        with contextlib.suppress(FileNotFoundError):  # removed while it is looked at
            return sum(path.stat().st_size for path in self.workdir.glob("psiselect-session-*/journal"))
        return 0

    @property
    def over(self) -> bool:
        """Whether all is said and done: a record, and no session left."""
        record = self.place / f"{NAMES[self.side]}.json"
        return record.exists() and not list(self.workdir.glob("psiselect-session-*/manifest"))

    @property
    def result(self) -> dict[str, object]:
        """What its last process printed."""
        shown: dict[str, object] = json.loads(self.out.read_text().splitlines()[-1])
        return shown


@dataclass
class Trial:
    """Two lists of `size` keys, half in common, in one mode, killed as the seed says."""

    place: Path
    zygote: Zygote
    seed: int
    size: int = 2000

    def __post_init__(self) -> None:
        draw = random.Random(self.seed)
        self.reveal, self.learn = MODES[self.seed % len(MODES)]
        # Every other trial has what some modes can have beside: a column that travels, a second key.
        self.joins = self.reveal is Reveal.MATCHES and self.seed % 2 == 1
        self.two_keys = self.reveal is Reveal.COUNT and self.seed % 2 == 1
        self.half = self.size // 2
        self.kills = 0
        self.cuts = [draw.uniform(0.2, 2) for _ in range(draw.choice([0, 0, 1, 3]))]
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = int(free.getsockname()[1])
            self._proxy = CuttingProxy(("127.0.0.1", self._port))  # while the port is held: it must not get the same
        counts = draw.choice([(1, 0), (0, 1), (1, 1), (3, 2)])
        self.lives = {
            side: Life(side, self.place, self._options(side), [Blow.drawn(draw) for _ in range(count)])
            for side, count in zip(Side, counts, strict=True)
        }

    def _options(self, side: Side) -> list[object]:
        name, other = NAMES[side], NAMES[side.other]
        first = 0 if side is Side.LISTEN else self.half
        Identity.create(name, self.place)
        (self.place / f"{name}.work").mkdir()
        rows = "".join(f"k{n},{n / 100:.2f},o{n}\n" for n in range(first, first + self.size))
        (self.place / f"{name}.csv").write_text("key,amount,other\n" + rows)
        where = ["listen", "--address", f"127.0.0.1:{self._port}"]
        learns, peer_learns = side in self.learn.receivers, side.other in self.learn.receivers
        return [
            *("psi", *(where if side is Side.LISTEN else ["connect", self._proxy.address])),
            *("--identity", self.place / name, "--peer", self.place / f"{other}.crt"),
            *("--input", self.place / f"{name}.csv", "--key", "key", "--json", "--threads", "1"),
            *("--resume", "--workdir", self.place / f"{name}.work", "--timeout", "6"),
            *("--record", self.place / f"{name}.json", "--audit", self.place / f"{name}.log"),
            *("--reveal", self.reveal.value, "--learn", _LEARN[side, self.learn]),
            *(("--epsilon", "1", "--delta", "1e-6") if self.reveal is Reveal.NOISY_COUNT else ()),
            *(("--value", "amount") if self.reveal is Reveal.SUM and peer_learns else ()),
            *(("--send", "amount") if self.joins and peer_learns else ()),
            *(("--receive", "amount") if self.joins and learns else ()),
            *(("--key", "other", "--matching", "one-to-one") if self.two_keys else ()),
            *(("--output", self.place / f"{name}.found.csv") if self.reveal is Reveal.MATCHES and learns else ()),
        ]

    def run(self) -> None:
        """Until both sides have ended well. Raises AssertionError when one does not."""
        started = time.monotonic()
        try:
            while any(life.code != 0 for life in self.lives.values()):
                for life in self.lives.values():
                    self._tend(life)
                if self.cuts and time.monotonic() - started > self.cuts[0]:
                    self.cuts.pop(0)
                    self._proxy.cut()
                if time.monotonic() - started > _PATIENCE:
                    raise AssertionError(f"{self.seed}: no end; exit codes so far {self._codes()}")
                time.sleep(0.002)
        finally:
            self._proxy.__exit__(None, None, None)
            for life in self.lives.values():
                if life.pid is not None:
                    os.kill(life.pid, signal.SIGKILL)
        self._check()

    def _tend(self, life: Life) -> None:
        """Start it, kill it, or see how it ended."""
        if life.pid is None:
            if life.code != 0:
                life.pid = self.zygote.start(life.options, life.out, life.place / f"{NAMES[life.side]}.err")
                planned = life.kills.pop(0) if life.kills else Blow()
                life.blow = Blow(time.monotonic() + planned.seconds, life.journal + planned.journal)
            return
        if time.monotonic() >= life.blow.seconds or life.journal >= life.blow.journal:
            os.kill(life.pid, signal.SIGKILL)
            life.blow = Blow()
        code = self.zygote.poll(life.pid)
        if code is None:
            return
        life.pid, life.code = None, code
        life.codes.append(code)
        self.kills += code == -signal.SIGKILL
        life.books.look(life.workdir)
        if code == -signal.SIGKILL and life.over:
            life.code = 0  # it was killed on its way out
        other = self.lives[life.side.other]
        if code == 5 and other.code == 0 and list(other.workdir.glob("psiselect-session-*")):
            other.code = None  # its state is kept for this: the same command serves the peer
        if code not in (0, 5, -signal.SIGKILL):
            raise AssertionError(f"{self.seed}: {NAMES[life.side]} ended with {code}: {life.out.read_text()}")

    def _codes(self) -> dict[str, list[int]]:
        return {NAMES[side]: life.codes for side, life in self.lives.items()}

    def _check(self) -> None:
        """The right result, once, on the right sides."""
        records = [(self.place / f"{name}.json").read_bytes() for name in NAMES.values()]
        assert records[0] == records[1]
        for side, life in self.lives.items():
            name, shown = NAMES[side], life.result
            learns = side in self.learn.receivers
            if self.reveal is Reveal.NOISY_COUNT:
                reach = Noise.of(Fraction(1), Fraction(1, 10**6)).bound
                assert not learns or abs(int(str(shown["noisy_count"])) - self.half) <= reach
            else:
                assert shown["matches"] == (self.half if learns else None)
            if self.reveal is Reveal.SUM and learns:
                assert float(str(shown["sum"])) == sum(range(self.half, self.size)) / 100
            if self.reveal is Reveal.MATCHES and learns:
                rows = (self.place / f"{name}.found.csv").read_text().splitlines()
                wanted = [f"k{n},{n / 100:.2f},o{n}" for n in range(self.half, self.size)]
                found = [f",{n / 100:.2f}" if self.joins else "" for n in range(self.half, self.size)]
                assert rows[1:] == [row + more for row, more in zip(wanted, found, strict=True)]
            lines = [json.loads(line) for line in (self.place / f"{name}.log").read_text().splitlines()]
            assert sum(line["outcome"] == "done" for line in lines) == 1
            assert not [entry for entry in life.workdir.iterdir() if not entry.name.startswith("psiselect-session-")]
