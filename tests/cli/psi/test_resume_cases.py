"""What users of --resume see: one side without it, other lists, reruns, policies, interruptions."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.cutting_proxy import CuttingProxy
from support.program import Run
from support.zygote import Zygote

from psi.identity.identity import Identity

PATIENCE = 60.0
POLICY = """
reveal = ["matches"]
columns = ["value"]
send_columns = []
output_rows = false
max_own_size = 10_000
max_peer_size = 10_000
min_matches = 0
runs = {count = 1, per = "7d"}
"""


@pytest.fixture(scope="module")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    with Zygote(tmp_path_factory.mktemp("zygote")) as started:
        yield started


@dataclass
class Process:
    """One process of the program."""

    zygote: Zygote
    pid: int
    place: Path
    code: int | None = None

    def end(self) -> int:
        """Its exit code."""
        self.until(lambda: self._over())
        assert self.code is not None
        return self.code

    def until(self, true: Callable[[], bool]) -> None:
        """Wait for something to come true."""
        deadline = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < deadline, self.err
            time.sleep(0.01)

    def is_connected_to(self, port: int) -> bool:
        """Whether it has an established connection to that port."""
        wanted = f":{port:04X} 01 "
        inodes = set()
        for entry in Path(f"/proc/{self.pid}/fd").iterdir():
            with contextlib.suppress(OSError):  # closed meanwhile
                inodes.add(os.readlink(entry))
        return any(
            wanted in line and f"socket:[{line.split()[9]}]" in inodes
            for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        )

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    @property
    def err(self) -> str:
        return self.place.with_suffix(".err").read_text() if self.place.with_suffix(".err").exists() else ""

    @property
    def json(self) -> dict:
        found: dict = json.loads(self.place.with_suffix(".out").read_text().splitlines()[-1])
        return found

    def _over(self) -> bool:
        if self.code is None:
            self.code = self.zygote.poll(self.pid)
        return self.code is not None


@dataclass
class Pair:
    """Acme listens, Globex connects through a proxy that can be cut."""

    zygote: Zygote
    place: Path
    proxy: CuttingProxy
    port: int
    timeout: str = "8"
    started: int = 0
    lists: dict[str, range] = field(default_factory=lambda: {"acme": range(4000), "globex": range(3000, 6000)})

    def acme(self, *more: object, resume: bool = True) -> Process:
        started = self.start("acme", "globex", ["listen", "--address", f"127.0.0.1:{self.port}"], more, resume)
        started.until(lambda: "listening on" in started.err)
        return started

    def globex(self, *more: object, resume: bool = True) -> Process:
        return self.start("globex", "acme", ["connect", self.proxy.address], more, resume)

    def work(self, name: str) -> list[Path]:
        return list((self.place / f"{name}.work").glob("psiselect-session-*"))

    def journal_of(self, name: str) -> int:
        """Bytes in the journal of a session, 0 when there is none."""
        return sum(path.stat().st_size for path in (self.place / f"{name}.work").glob("psiselect-session-*/journal"))

    def write(self, name: str, numbers: range) -> None:
        (self.place / f"{name}.txt").write_text("".join(f"k{n}\n" for n in numbers))

    def halfway(self) -> None:
        """Both sides are killed when a good part is done."""
        pair = self.acme(), self.globex()
        pair[0].until(lambda: self.journal_of("globex") > 100_000)
        for process in pair:
            process.send(signal.SIGKILL)
            assert process.end() == -signal.SIGKILL

    def start(self, name: str, other: str, where: list[str], more: tuple[object, ...], resume: bool) -> Process:
        self.started += 1
        place = self.place / f"{name}-{self.started}"
        pid = self.zygote.start(
            [
                *("psi", *where, "--identity", self.place / name, "--peer", self.place / f"{other}.crt"),
                *("--input", self.place / f"{name}.txt", "--key", "value", "--json", "--threads", "1"),
                *("--timeout", self.timeout, "--backend", "portable"),
                *(("--resume", "--workdir", self.place / f"{name}.work") if resume else ()),
                *more,
            ],
            place.with_suffix(".out"),
            place.with_suffix(".err"),
        )
        return Process(self.zygote, pid, place)


@pytest.fixture
def pair(zygote: Zygote, tmp_path: Path) -> Iterator[Pair]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
        cutting = CuttingProxy(("127.0.0.1", port))  # while the port is held: it must not get the same
    with cutting as proxy:
        made = Pair(zygote, tmp_path, proxy, port)
        for name, numbers in made.lists.items():
            Identity.create(name, tmp_path)
            (tmp_path / f"{name}.work").mkdir()
            made.write(name, numbers)
        yield made


def test_both_go_on_after_kill_and_the_run_counts_once(pair: Pair) -> None:
    fingerprint = Identity.load(pair.place / "globex").fingerprint.hex()
    (pair.place / "policy.toml").write_text(POLICY + f'[[peer]]\nfingerprint = "{fingerprint}"\n')
    policy = ("--policy", pair.place / "policy.toml")
    acme, globex = pair.acme(*policy), pair.globex()
    acme.until(lambda: pair.journal_of("globex") > 100_000)
    for process in (acme, globex):
        process.send(signal.SIGKILL)
        process.end()
    again = pair.acme(*policy), pair.globex()
    assert [process.end() for process in again] == [0, 0], again[0].err + again[1].err
    assert again[1].json["matches"] == 1000
    third = pair.acme(*policy), pair.globex()
    assert [process.end() for process in third] == [6, 4]


def test_a_cut_link_is_made_again_in_the_same_processes(pair: Pair) -> None:
    acme, globex = pair.acme(), pair.globex()
    for size in (50_000, 200_000):
        acme.until(lambda size=size: pair.journal_of("globex") > size)
        pair.proxy.cut()
    assert (acme.end(), globex.end()) == (0, 0)
    assert "tries to connect again and to go on" in acme.err + globex.err
    assert globex.json["matches"] == 1000
    assert not pair.work("acme")
    assert not pair.work("globex")


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="looks at connections in /proc")
def test_another_peer_does_not_disturb(pair: Pair) -> None:
    Identity.create("mallory", pair.place)
    pair.write("mallory", range(10))
    acme = pair.acme("--peer", pair.place / "mallory.crt")
    globex = pair.globex()
    acme.until(lambda: pair.journal_of("globex") > 50_000)
    mallory = pair.start("mallory", "acme", ["connect", f"127.0.0.1:{pair.port}"], (), False)
    mallory.until(lambda: mallory.is_connected_to(pair.port))
    pair.proxy.cut()
    assert (acme.end(), globex.end(), mallory.end()) == (0, 0, 4)
    assert globex.json["matches"] == 1000
    assert "Try again later" in mallory.json["error"]["message"]


@pytest.mark.parametrize("without", ["acme", "globex"])
def test_one_side_without_resume_is_told_so(pair: Pair, without: str) -> None:
    acme, globex = pair.acme(resume=without != "acme"), pair.globex(resume=without != "globex")
    assert (acme.end(), globex.end()) == (4, 4)
    for process in (acme, globex):
        assert "resume" in process.json["error"]["message"]
        assert process.json["error"]["term"] == "resume"
    assert not pair.work("acme") + pair.work("globex")


def test_the_list_must_be_the_one_it_was_begun_with(pair: Pair) -> None:
    pair.halfway()
    pair.write("globex", range(3001, 6001))
    acme, globex = pair.acme(), pair.globex()
    assert globex.end() == 3
    assert "another list" in globex.json["error"]["message"]
    pair.write("globex", range(3000, 6000))
    again = pair.globex()
    assert (acme.end(), again.end()) == (0, 0)


def test_a_peer_that_has_lost_its_state_is_not_served_with_the_same_secrets(pair: Pair) -> None:
    pair.halfway()
    (found,) = pair.work("globex")
    for entry in found.iterdir():
        entry.unlink()
    found.rmdir()
    acme, globex = pair.acme(), pair.globex()
    assert (acme.end(), globex.end()) == (4, 4)
    assert "but has begun another session" in acme.json["error"]["message"]
    assert "an unfinished session that this side does not have" in globex.json["error"]["message"]
    for entry in pair.work("acme")[0].iterdir():
        entry.unlink()
    pair.work("acme")[0].rmdir()
    acme, globex = pair.acme(), pair.globex()
    assert (acme.end(), globex.end()) == (0, 0)


def test_terminated_sides_keep_the_session_and_say_so(pair: Pair) -> None:
    pair.timeout = "3"
    acme, globex = pair.acme(), pair.globex()
    acme.until(lambda: pair.journal_of("globex") > 100_000)
    globex.send(signal.SIGTERM)
    assert globex.end() == 143
    assert "run the same command again to go on" in globex.err
    assert acme.end() == 5
    assert "run the same command again" in acme.json["error"]["message"]
    pair.timeout = "8"
    acme, globex = pair.acme(), pair.globex()
    assert (acme.end(), globex.end()) == (0, 0)
    assert globex.json["matches"] == 1000


def test_options_that_do_not_go_together(pair: Pair, program: Run) -> None:
    common = ("--identity", pair.place / "acme", "--peer", pair.place / "globex.crt", "--input",
              pair.place / "acme.txt", "--key", "value", "--json")  # fmt: skip
    shown = program("psi", "connect", "127.0.0.1:1", *common, "--resume")
    assert shown.code == 2
    assert "--workdir" in shown.error
    shown = program(
        "psi", "listen", "--address", "127.0.0.1:0", *common, "--resume", "--workdir", pair.place, "--serve"
    )
    assert shown.code == 2
