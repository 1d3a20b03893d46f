"""Faults planted into the functions of a process that has collected tests, or into a file: what tests notice.

`cosmic.py` says how this is fast.
"""

from __future__ import annotations

import ast
import gc
import hashlib
import itertools
import json
import math
import resource
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

from support.checkout import ROOT
from support.forks import FAILED, in_fork, run_pytest

MARKS = "not soak and not ballots"
_CACHED = type(lru_cache(None)(len))
TIMEOUT = 3600  # seconds for the tests of a group with a trace, without a fault


@dataclass(frozen=True)
class Fault:
    """One change of one line."""

    module: str
    line: int
    operator: str
    occurrence: int
    old: str
    new: str
    text: str = field(repr=False)

    @property
    def name(self) -> str:
        return f"{self.module}:{self.line} {self.operator} {self.occurrence}"


def statement(text: str, line: int) -> tuple[range, bool]:
    """The lines of the statement around a line, without the statements in it, and whether it is in a function."""
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.stmt)]
    around = [node for node in nodes if node.lineno <= line <= (node.end_lineno or 0)]
    own = range(line, line + 1)
    if around:
        node = min(around, key=lambda node: (node.end_lineno or 0) - node.lineno)
        inner = getattr(node, "body", None)
        end = inner[0].lineno if inner else (node.end_lineno or 0) + 1
        own = range(node.lineno, end) if node.lineno <= line < end else own
    inside = any(isinstance(node, ast.FunctionDef) and node.body[0].lineno <= line for node in around)
    return own, inside


@dataclass
class Traced:
    """What the trace says of a test: its seconds, and the lines that it executes in each module."""

    seconds: float
    lines: dict[str, set[int]]


def trace_of(out: Path) -> Path:
    return out.with_name(out.name + ".trace")


def state(root: Path, test: str, modules: Sequence[str]) -> str:
    """A digest of what a test's trace depends on first of all: its file and the modules."""
    files = [test.partition("::")[0], *modules]
    return hashlib.sha256("\0".join((root / name).read_text() for name in files).encode()).hexdigest()[:16]


def read_trace(out: Path, root: Path, modules: Sequence[str]) -> dict[str, Traced]:
    """What the trace of these results says of the tests that are as they were then."""
    now = lru_cache(None)(lambda file: state(root, file, modules))
    path = trace_of(out)
    lines = map(json.loads, path.read_text().splitlines() if path.exists() else [])
    return {
        said["test"]: Traced(said["seconds"], {module: set(numbers) for module, numbers in said["lines"].items()})
        for said in lines
        if (root / (file := said["test"].partition("::")[0])).exists() and said["state"] == now(file)
    }


def write_trace(items: Sequence[Any], root: Path, modules: Sequence[str], out: Path) -> int:
    """Run all items and append a line of JSON for each to the trace of the results. 0 if all pass or are skipped."""
    files = {str(root / module): module for module in modules}
    seen: dict[str, set[int]] = {}
    caches = caches_in(files)

    def of_a_line(frame: FrameType, event: str, value: object) -> Any:
        if event == "line":
            seen[files[frame.f_code.co_filename]].add(frame.f_lineno)
        return of_a_line

    def of_a_call(frame: FrameType, event: str, value: object) -> Any:
        return of_a_line if frame.f_code.co_filename in files else None

    threading.settrace(of_a_call)
    with trace_of(out).open("a") as file:
        for item, following in zip(items, [*items[1:], None], strict=True):
            seen.update({module: set() for module in modules})
            for cache in caches:
                cache.cache_clear()
            began = time.process_time()
            sys.settrace(of_a_call)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            sys.settrace(None)
            seconds = time.process_time() - began
            lines = {module: sorted(numbers) for module, numbers in seen.items() if numbers}
            if item.session.testsfailed:
                return FAILED
            told = {"test": item.nodeid, "state": state(root, item.nodeid, modules), "seconds": seconds, "lines": lines}
            print(json.dumps(told), file=file, flush=True)
    return 0


def caches_in(files: Container[str]) -> list[Any]:
    """Functions of these files that keep results. Emptied before a test, they execute their lines again."""
    found = [each for each in gc.get_objects() if isinstance(each, _CACHED)]
    codes = [getattr(each.__wrapped__, "__code__", None) for each in found]
    return [each for each, code in zip(found, codes, strict=True) if code is not None and code.co_filename in files]


def run_items(items: Sequence[Any], tests: Mapping[str, Traced], noticed: Path) -> int:
    """Run items until one fails, whose name goes into the file `noticed`. Each has a limit of processor time, which
    does not depend on what else the machine does; a signal ends this process at the limit."""
    for item, following in zip(items, [*items[1:], None], strict=True):
        noticed.write_text(item.nodeid)
        limit = int(time.process_time() + 3 + 4 * tests[item.nodeid].seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if item.session.testsfailed:
            return FAILED
    return 0


def replaced(old: CodeType, new: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """Each piece of code in `old` that differs from its place in `new`, and what stands there."""
    if old != new:
        yield old, new
        pairs = zip(old.co_consts, new.co_consts, strict=False)
        for a, b in pairs:
            if isinstance(a, CodeType) and isinstance(b, CodeType):
                yield from replaced(a, b)


def note(results: Path, fault: Fault, ended: str, **more: object) -> None:
    said = {"fault": fault.name, "ended": ended, "old": fault.old, "new": fault.new}
    with results.open("a") as out:
        print(json.dumps(said | more), file=out)


class Planter:
    """A plugin of pytest: it plants faults instead of running tests. In a fork that is not for anything else.

    Attributes:
        tests: what the trace says of each test, from `trace`.
        limit: how many seconds the tests of one fault may take, by the trace.
        score: how many faults of a module each test noticed.
    """

    def __init__(
        self, root: Path, faults: Sequence[Fault], modules: Sequence[str], out: Path, limit: float = math.inf
    ) -> None:
        self.root = root
        self.limit = limit
        self.faults = faults
        self.modules = modules
        self.out = out
        self.tests: dict[str, Traced] = {}
        self.score: dict[str, Counter[str]] = defaultdict(Counter)
        lines = out.read_text().splitlines() if out.is_file() else []
        for said in map(json.loads, lines):
            if by := said.get("by"):
                self.score[said["fault"].partition(":")[0]][by] += 1

    def order(self, fault: Fault) -> list[str]:
        """The tests that a fault meets, in their order: those that noticed others, then the first case of each test,
        then the second, each time the quickest first; as many as the limit allows."""
        lines, inside = statement((ROOT / fault.module).read_text(), fault.line)
        met = [
            name
            for name, test in self.tests.items()
            if (executed := test.lines.get(fault.module)) and (not inside or not executed.isdisjoint(lines))
        ]
        score, cases = self.score[fault.module], Counter[str]()
        rank = {}
        for name in sorted(met, key=lambda name: self.tests[name].seconds):
            function = name.partition("[")[0]
            rank[name] = cases[function]
            cases[function] += 1
        ordered = sorted(met, key=lambda name: (-score[name], rank[name], self.tests[name].seconds))
        taken = itertools.accumulate(self.tests[name].seconds for name in ordered)
        return [name for name, seconds in zip(ordered, taken, strict=True) if seconds <= self.limit]

    def decide(self, fault: Fault, order: Sequence[str], work: Callable[[], int]) -> None:
        """Plant a fault in its file, run `work` in a fork, and write down how it ended."""
        noticed = self.root / "noticed.txt"
        noticed.unlink(missing_ok=True)
        file = self.root / fault.module
        plain = file.read_text()
        file.write_text(fault.text)
        try:
            seconds = 600 + 40 * sum(self.tests[name].seconds for name in order)
            code = in_fork(work, seconds) if order else 0
            ended = "late" if code is None else "survived" if code == 0 else "noticed"
        finally:
            file.write_text(plain)
        by = noticed.read_text() if ended == "noticed" and noticed.exists() else ""
        self.score[fault.module][by] += 1
        note(self.out, fault, ended, tests=len(order), by=by)

    def pytest_runtestloop(self, session: Any) -> bool:
        items = {item.nodeid: item for item in session.items}
        known = read_trace(self.out, self.root, self.modules)
        new = [item for item in session.items if item.nodeid not in known]
        if new and in_fork(lambda: write_trace(new, self.root, self.modules, self.out), TIMEOUT) != 0:
            session.testsfailed += 1
            return True
        self.tests = read_trace(self.out, self.root, self.modules)
        self.tests = {name: self.tests[name] for name in items}
        files = {str(self.root / module) for module in self.modules}
        functions = [found for found in gc.get_objects() if isinstance(found, FunctionType)]
        functions = [found for found in functions if found.__code__.co_filename in files]
        caches = caches_in(files)
        gc.freeze()  # the forks share the memory of what is there

        for fault in self.faults:
            if statement((ROOT / fault.module).read_text(), fault.line)[1]:
                path = str(self.root / fault.module)
                texts = ((ROOT / fault.module).read_text(), fault.text)
                changes = dict(replaced(*(compile(text, path, "exec", dont_inherit=True) for text in texts)))
                order = self.order(fault)

                def work(changes: Any = changes, order: Any = order) -> int:
                    for function in functions:
                        function.__code__ = changes.get(function.__code__, function.__code__)
                    for cache in caches:
                        cache.cache_clear()
                    return run_items([items[name] for name in order], self.tests, self.root / "noticed.txt")

                self.decide(fault, order, work)
        return True


class Chosen:
    """A plugin of pytest: it runs some tests, in the given order."""

    def __init__(self, planter: Planter, order: Sequence[str]) -> None:
        self._planter = planter
        self._order = order

    def pytest_runtestloop(self, session: Any) -> bool:
        items = {item.nodeid: item for item in session.items}
        chosen = [items[name] for name in self._order if name in items]
        run_items(chosen, self._planter.tests, self._planter.root / "noticed.txt")
        return True


def plant(
    root: Path, found: Sequence[Fault], modules: Sequence[str], tests: Sequence[str], out: Path, limit: float = math.inf
) -> None:
    """Plant faults in some of the modules of a group, and append how each ended to the file `out`.

    Args:
        tests: the files of tests that have to notice them.
        limit: how many seconds the tests of one fault may take, by the trace.
    """
    planter = Planter(root, found, modules, out, limit)
    code = in_fork(lambda: run_pytest(root, tests, MARKS, plugins=[planter]), 10**6)
    if code != 0:
        raise SystemExit(f"without a fault there is something to notice already, or it takes too long: {tests}")
    planter.tests = read_trace(out, root, modules)
    for fault in found:
        if not statement((ROOT / fault.module).read_text(), fault.line)[1]:
            order = planter.order(fault)
            chosen = Chosen(planter, order)
            files = sorted({name.partition("::")[0] for name in order})
            planter.decide(
                fault, order, lambda files=files, chosen=chosen: run_pytest(root, files, MARKS, plugins=[chosen])
            )
