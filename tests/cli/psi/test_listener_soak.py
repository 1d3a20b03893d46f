"""A listener under all that can happen to it, in random order, with honest sessions during each trouble and after it.

`make soak` runs it for an hour, half of it over a database and half over a file. PSISELECT_SOAK_SECONDS says otherwise.
"""

from __future__ import annotations

import contextlib
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.program import Run, Shown
from support.small_disk import mounted
from support.troubled import Trouble, TroubledListener

MIB = 1 << 20
SEED = 14
SOAK_SECONDS = float(os.environ.get("PSISELECT_SOAK_SECONDS", "3600"))
ALLOWED = 12 * MIB  # by which memory may grow after every trouble came twice
_REFUSED, _NO_LINK = 4, 5  # exit codes: the listener has said why; or there was no link, or none in time
_CALLS = 20  # of an honest peer, on a machine so busy that a handshake takes longer than the listener allows

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")


class Soak:
    """Honest sessions, and how they ended. refused: by trouble. again: calls that no handshake came of in time."""

    def __init__(self, listener: TroubledListener, program: Run) -> None:
        self.listener, self._program = listener, program
        self.done = self._rotated = self.again = 0
        self.refused: Counter[str] = Counter()

    def session(self, name: str, trouble: Trouble | None) -> Shown:
        refused = trouble is not None and trouble.refused
        for _ in range(_CALLS):
            shown = self._program(*self.listener.call(*(("--timeout", "1") if trouble and trouble.deaf else ())))
            if shown.code != _NO_LINK or refused:
                break
            self.again += 1
        if shown.code == 0:
            assert f'"matches": {self.listener.matches},' in shown.out, (name, shown.out)
            self.done += 1
        else:
            assert refused, (name, shown, self.listener.said[-20:])
            assert shown.code in (_REFUSED, _NO_LINK), (name, shown)
            self.refused[name] += 1
        return shown

    def meet(self, name: str, trouble: Trouble) -> None:
        """A trouble, with an honest session while it lasts; then the listener is as it was."""
        listener = self.listener
        self.wait_for_results()
        with trouble.come():
            self.session(name, trouble)
            assert trouble.deaf or listener.live(), name
        listener.until(lambda: listener.health()[0] == 200 or "unreadable" in str(listener.health()[1]))
        for _ in range(_CALLS):  # a peer whose last session failed waits a second for its slot
            if self.session(f"after {name}", Trouble(trouble.come, refused=True)).code == 0:
                break
        else:
            raise AssertionError((f"after {name}", listener.log()[-3000:]))

    def wait_for_results(self) -> None:
        """Until each session that was done has its line: a peer is let go before that."""
        self.listener.until(lambda: self._rotated + self.listener.results() == self.done)

    def rotate(self) -> None:
        """Results and records are taken away, as logrotate does it; each session had its line."""
        self.wait_for_results()
        self._rotated = self.done
        for path in (*self.listener.rows.iterdir(), *(self.listener.place / "work").iterdir()):
            path.unlink()
        (self.listener.kept / "results").unlink(missing_ok=True)
        (self.listener.kept / "audit").unlink(missing_ok=True)


@contextlib.contextmanager
def listening(place: Path, *, database: bool) -> Iterator[TroubledListener]:
    with mounted(place / "disk") as disk:
        listener = TroubledListener(place, database=database, disk=disk)
        try:
            yield listener
        finally:
            listener.kill()


def soak(place: Path, program: Run, *, database: bool, seconds: float, seed: int) -> None:
    """All troubles in random order, once more as long as there is time; then nothing is left of them."""
    chance = random.Random(seed)
    with listening(place, database=database) as listener:
        found = Soak(listener, program)
        troubles = listener.troubles()
        began, rounds, sizes, calm = time.monotonic(), 0, [], {}
        while rounds < 1 or time.monotonic() - began < seconds:
            for name in chance.sample(sorted(troubles), len(troubles)):
                found.meet(name, troubles[name])
            found.session("between rounds", None)
            found.rotate()
            calm = calm or {what: listener.calm(what) for what in ("task", "fd")}
            listener.settle(calm)
            sizes.append(listener.memory())
            rounds += 1
        code = listener.stop()
        log = listener.log()
    print(
        f"{rounds} rounds of {len(troubles)} troubles, {found.done} sessions done, {dict(found.refused)} refused, "
        f"{found.again} without a link in time; "
        f"threads and files {calm}; MiB after rounds: "
        f"{[round(size / MIB, 1) for size in sizes[:: max(1, len(sizes) // 10)]]}",
        file=sys.stderr,
    )
    assert code == 0, log[-3000:]
    assert "Traceback" not in log
    assert '"event": "bug"' not in log
    assert "had to give way" not in log  # the door has room for all who are here
    assert max(sizes[2:], default=0) <= max(sizes[:2]) + ALLOWED, sizes


def test_a_listener_meets_every_trouble_once(place: Path, program: Run) -> None:
    soak(place, program, database=True, seconds=0, seed=SEED)


@pytest.mark.soak
@pytest.mark.parametrize("database", [True, False], ids=["database", "file"])
def test_a_listener_for_an_hour_among_all_troubles(place: Path, program: Run, database: bool) -> None:
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed}", file=sys.stderr)
    soak(place, program, database=database, seconds=SOAK_SECONDS / 2, seed=seed)
