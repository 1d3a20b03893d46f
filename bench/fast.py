"""The engine of the fast protocol beside the curve's, both parties in this process, a thread each, nothing on a wire.

    python bench/fast.py [--rows 262144] [--rounds 3] [--threads 1] [--spu PYTHON] [--processes] [--commands]

Every round runs both protocols on the same lists, so that what else the machine does falls on both. The seconds of
phases are those of a side's thread alone; compiled code and AES run beside the other side's. With --spu, an interpreter
that has spu, its RR22 is run on the same items, from CSV to CSV, in two processes of its own (bench/_spu.py).

With --commands, whole commands instead: `psi local` from CSV to CSV under both protocols, the start of the interpreter
included, beside spu's RR22, in turns.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import queue
import resource
import statistics
import subprocess
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matching
import numpy as np

from psi.agreement.modes import Learner, Reveal, Side
from psi.agreement.terms import KeyTerm, Terms
from psi.fast import band, expansion, items, lookup, tags
from psi.fast.kernels.loading import load_kernels
from psi.fast.receiver import FastReceiver
from psi.fast.run import FastRun
from psi.fast.sender import FastSender
from psi.fast.states import FastState
from psi.group.curve25519.backend import Backend, load_backend
from psi.group.curve25519.suite import DST
from psi.inputs.tokens import KeyTokens, with_prefix
from psi.oblivious import base, trees
from psi.protocol.party import Party
from psi.protocol.setup import Setup
from psi.protocol.states import State
from psi.session.local import EphemeralKey
from psi.store.spool import Store
from psi.transport.wire import Frame
from psiselect.base.entropy import SystemEntropy
from psiselect.base.packed import Packed

ENTROPY = SystemEntropy()
SIDES = ("receiver", "sender")
# Phase -> what it consists of.
PHASES: dict[str, list[tuple[Any, str]]] = {
    "base transfers": [(base.BaseReceiver, "request"), (base.BaseReceiver, "seeds"), (base.BaseSender, "answer")],
    "trees": [(trees, "deal"), (trees, "choose")],
    "hash and sort items": [(items.Located, "work")],
    "solve": [(band.Solving, "work"), (band.Solving, "slots")],
    "expand, encode, turn": [(expansion.Encoder, "next"), (expansion.Opener, "rows")],
    "look up": [(lookup.Sweep, "feed")],
    "tag": [(tags.Tagger, "tags")],
    "sort tags, compare": [(Store, "join"), (Store, "ascending")],
}


def emails(start: int, count: int) -> Packed:
    """Distinct addresses of 23 bytes."""
    numbers = np.arange(start, start + count)
    table = np.empty((count, 23), np.uint8)
    table[:] = np.frombuffer(b"u0000000000@example.com", np.uint8)
    for place in range(10):
        table[:, 10 - place] += (numbers // 10**place % 10).astype(np.uint8)
    return Packed(table.reshape(-1), np.arange(count + 1, dtype=np.int64) * 23)


class _Tokens:
    """A list as it lies in memory; its order does not matter here."""

    def __init__(self, packed: Packed) -> None:
        self._packed = packed

    def __len__(self) -> int:
        return len(self._packed)

    def read(self, start: int, stop: int) -> Packed:
        """See psi.fast.items.ItemList."""
        return with_prefix(b"\x01" * 10, self._packed.slice(start, stop))


class Timers:
    """Seconds of a thread in each phase, by the thread's name."""

    def __init__(self) -> None:
        self.seconds: dict[tuple[str, str], float] = defaultdict(float)
        self._inside = threading.local()

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Around every function of PHASES."""
        kept = [(owner, name, getattr(owner, name)) for parts in PHASES.values() for owner, name in parts]
        for phase, parts in PHASES.items():
            for owner, name in parts:
                setattr(owner, name, self._timed(phase, getattr(owner, name)))
        try:
            yield
        finally:
            for owner, name, function in kept:
                setattr(owner, name, function)

    def _timed(self, phase: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            if getattr(self._inside, "phase", None):
                return function(*arguments, **named)
            self._inside.phase, start = phase, time.thread_time()
            try:
                found = function(*arguments, **named)
                # Generators do their work when they are asked for more.
                return iter(list(found)) if isinstance(found, Iterator) else found
            finally:
                self.seconds[threading.current_thread().name, phase] += time.thread_time() - start
                self._inside.phase = None

        return timed


def both(sides: dict[str, Any], over: object) -> tuple[float, int]:
    """Run two sides to the end, a thread each: wall seconds and bytes."""
    inboxes: dict[str, queue.SimpleQueue[Frame]] = {name: queue.SimpleQueue() for name in sides}
    other = dict(zip(sides, reversed(list(sides)), strict=True))
    sent, failed = dict.fromkeys(sides, 0), list[BaseException]()

    def run(name: str) -> None:
        side = sides[name]

        def send(frames: list[Frame]) -> None:
            for frame in frames:
                sent[name] += len(frame)
                inboxes[other[name]].put(frame)

        try:
            send(side.start())
            idle = False
            while side.state is not over:
                try:
                    send(side.receive(inboxes[name].get(block=idle, timeout=60)))
                    idle = False
                except queue.Empty:
                    frames = side.work()
                    idle = frames is None
                    send(frames or [])
        except BaseException as error:  # noqa: BLE001 - raised again below
            failed.append(error)

    start = time.perf_counter()
    threads = [threading.Thread(target=run, args=(name,), name=name) for name in sides]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return time.perf_counter() - start, sum(sent.values())


def context(own: Packed, peer_size: int, backend: Backend, kernels: Any) -> FastRun:
    """What one side of the fast protocol needs."""
    return FastRun(_Tokens(own), peer_size, bytes(64), DST, backend, kernels, Store(), ENTROPY, 32767)


def fast(lists: dict[str, Packed], backend: Backend, kernels: Any, timers: Timers, common: int) -> tuple[float, int]:
    """A run of the fast protocol, its comparison included."""
    receiver = FastReceiver(context(lists["receiver"], len(lists["sender"]), backend, kernels))
    sender = FastSender(context(lists["sender"], len(lists["receiver"]), backend, kernels))
    with timers.installed():
        start = time.perf_counter()
        _, sent = both({"receiver": receiver, "sender": sender}, FastState.OVER)
        if receiver.comparison is None or receiver.comparison.count() != common:
            raise SystemExit("the fast protocol gave a wrong result")
    return time.perf_counter() - start, sent


def alone(name: str, rows: int, link: Any, said: Any) -> None:
    """One side in a process of its own: seconds of its CPU and its peak memory in MB, its list included."""
    start = 0 if name == "receiver" else rows // 2
    run = context(emails(start, rows), rows, load_backend("auto", 1), load_kernels())
    side: Any = FastReceiver(run) if name == "receiver" else FastSender(run)

    def send(frames: list[Frame]) -> None:
        for frame in frames:
            link.send_bytes(bytes((frame.type,)) + bytes(frame.view()))

    send(side.start())
    while side.state is not FastState.OVER:
        frames = None if link.poll(0) else side.work()
        if frames is not None:
            send(frames)
            continue
        received = link.recv_bytes()
        send(side.receive(Frame(received[0], bytearray(received[1:]))))
    if name == "receiver" and len(side.comparison.matches()[0]) != rows - rows // 2:
        raise SystemExit("the fast protocol gave a wrong result")
    said.put((name, time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10))


def two_processes(rows: int) -> None:
    """Print what each side takes."""
    forks = multiprocessing.get_context("spawn")
    ends, said = forks.Pipe(), forks.Queue()
    start = time.perf_counter()
    parties = [forks.Process(target=alone, args=(name, rows, end, said)) for name, end in zip(SIDES, ends, strict=True)]
    for party in parties:
        party.start()
    for name, seconds, peak in sorted(said.get() for _ in parties):
        print(f"  {name}: {seconds:.1f} s of CPU, start included; peak memory {peak} MB")
    for party in parties:
        party.join()
    print(f"  {rows:,} against {rows:,} in two processes: {time.perf_counter() - start:.1f} s")


def curve(lists: dict[str, Packed], backend: Backend, common: int) -> tuple[float, int]:
    """The same by the protocol on the curve, with its comparison."""
    terms = Terms(reveal=Reveal.MATCHES, learn=Learner.CONNECT, keys=(KeyTerm("text/1", "11" * 32),), chunk=8192)
    keys = {side: EphemeralKey(ENTROPY) for side in Side}
    names = {Side.CONNECT: "receiver", Side.LISTEN: "sender"}

    def party(side: Side) -> Party:
        packed = lists[names[side]]
        return Party(Setup(
            side=side, terms=terms, sizes=(len(packed),), signer=keys[side], verifier=keys[side.other],
            tokens=lambda number: KeyTokens.shuffled(packed, b"\x01" * 10, ENTROPY), backend=backend, stores=Store,
            entropy=ENTROPY, max_peer_size=1 << 30, now=1_800_000_000,
        ))  # fmt: skip

    parties = {names[side]: party(side) for side in Side}
    start = time.perf_counter()
    seconds, sent = both(parties, State.DONE)
    parties["receiver"].settle()
    seconds = max(seconds, time.perf_counter() - start)
    if parties["receiver"].outcome.matches != common:
        raise SystemExit("the protocol on the curve gave a wrong result")
    return seconds, sent


def spu(python: str, lists: dict[str, Packed]) -> dict[str, float]:
    """What bench/_spu.py prints of RR22 on the same items."""
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for name in ("receiver", "sender"):
            files.append(Path(folder) / f"{name}.csv")
            text = lists[name].data[lists[name].offsets[0] :].tobytes().decode().replace(".com", ".com\n")
            files[-1].write_text(f"email\n{text}")
        command = [python, str(Path(__file__).parent / "_spu.py"), *map(str, files), "rr22"]
        ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
        found: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
        return found


def commands(rows: int, rounds: int, spu_python: str | None) -> None:
    """Print seconds, seconds of CPU, peak memory and bytes of whole commands, in turns."""
    seconds, busy = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)

    def cpu() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    about: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        a, b = matching.write_lists(Path(folder), rows)
        for _ in range(rounds):
            for protocol in ("fast", "ecdh"):
                before = cpu()
                found = matching.psiselect(a, b, "auto", protocol)
                busy[f"psi local --protocol {protocol}"].append(cpu() - before)
                seconds[f"psi local --protocol {protocol}"].append(found.seconds)
                about[f"psi local --protocol {protocol}"] = (
                    f"{found.wire_bytes / rows:.1f} bytes an item, peak {found.peak_bytes >> 20} MB of both parties"
                )
                if found.matches != rows - rows // 2:
                    raise SystemExit(f"{protocol} gave a wrong result")
            if spu_python:
                start, before = time.perf_counter(), cpu()
                command = [spu_python, str(Path(__file__).parent / "_spu.py"), str(a), str(b), "rr22"]
                ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
                seconds["spu RR22, whole processes"].append(time.perf_counter() - start)
                busy["spu RR22, whole processes"].append(cpu() - before)
                seconds["spu RR22, its parties' own time"].append(json.loads(ended.stdout.splitlines()[-1])["seconds"])
    print(f"{rows:,} against {rows:,}, CSV to CSV, both parties on this machine, {rounds} rounds")
    for name, taken in seconds.items():
        low, high = min(taken), max(taken)
        of_cpu = f"{statistics.median(busy[name]):.1f} s of CPU" if name in busy else ""
        print(
            f"  {name:32s} {statistics.median(taken):7.2f} s ({low:.2f} to {high:.2f})  {of_cpu}  {about.get(name, '')}"
        )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1 << 18)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="threads of each side on the curve")
    parser.add_argument("--no-curve", action="store_true", help="leave out the protocol on the curve")
    parser.add_argument("--processes", action="store_true", help="a process for each side, and its peak memory")
    parser.add_argument("--commands", action="store_true", help="whole commands, from CSV to CSV")
    parser.add_argument("--spu", help="an interpreter that has spu")
    given = parser.parse_args()
    if given.processes:
        two_processes(given.rows)
        return 0
    if given.commands:
        commands(given.rows, given.rounds, given.spu)
        return 0
    kernels, rows, common = load_kernels(), given.rows, given.rows - given.rows // 2
    lists = {"receiver": emails(0, rows), "sender": emails(rows - common, rows)}
    backends = [load_backend("auto", given.threads) for _ in range(1)]
    seconds: dict[str, list[float]] = defaultdict(list)
    timers, sent = Timers(), {}
    for _ in range(given.rounds):
        taken, sent["fast"] = fast(lists, backends[0], kernels, timers, common)
        seconds["fast"].append(taken)
        if not given.no_curve:
            taken, sent["ecdh"] = curve(lists, backends[0], common)
            seconds["ecdh"].append(taken)
        if given.spu:
            seconds["spu RR22, CSV to CSV"].append(spu(given.spu, lists)["seconds"])
    print(f"{rows:,} against {rows:,}, kernels {kernels.name}, backend {backends[0].name}")
    for name, taken in seconds.items():
        of_item = f", {sent[name] / rows:.1f} bytes an item" if name in sent else ""
        print(f"  {name:22s} {statistics.median(taken):7.2f} s ({min(taken):.2f} to {max(taken):.2f}){of_item}")
    print("  seconds of a side's own thread in the fast protocol, mean of the rounds:")
    for phase in PHASES:
        parts = [f"{name} {timers.seconds[name, phase] / given.rounds:6.3f}" for name in ("receiver", "sender")]
        print(f"    {phase:22s} {'   '.join(parts)}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"  peak memory of this process, both sides and both lists: {peak} MB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
