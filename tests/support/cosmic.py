"""Cosmic Ray's faults in the modules on which privacy rests: each is planted in a copy of the tree and tested.

    python -m pip install cosmic-ray==8.7.0
    python tests/support/cosmic.py RESULTS [MODULE ...]
    python tests/support/cosmic.py RESULTS --again      plants the survivors of RESULTS once more
    python tests/support/cosmic.py RESULTS --summary    plants nothing

appends a line of JSON for each fault to the file RESULTS and leaves out those that it holds already. A fault that no
test notices is a survivor: it wants a test, or a reason in `tests/mutants/unseen.toml` why nobody can see it. Faults
that this file explains are not planted.

What is left out, since nobody could see it: operators that only repeat another's fault in other words (`OPERATORS`),
annotations, and the options of `dataclass` and `lru_cache`, which guard against slips and save time.

How it is fast. All tests of a group are collected once, and run once with a trace of the lines that each executes. A
fault then meets only the tests that execute its statement: first those that noticed a fault of its module before, then
the quickest. It is planted in a fork of the process that has collected them, into the code of the functions there. A
fault outside of functions is planted in the file alone, and a fork of a process without the product imports it.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import gc
import itertools
import json
import resource
import sys
import threading
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # for those who run this file

from support.forks import FAILED, import_libraries, in_fork, run_pytest
from support.mutants import FOLDER, ROOT, copy_of_the_tree

UNSEEN = FOLDER / "unseen.toml"
MARKS = "not soak and not ballots"
TIMEOUT = 1200  # seconds for the tests of a group with a trace, without a fault

# Modules that are tested together, and the files of tests that faults in them have to pass.
GROUPS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        ("dpselect/numeric.py", "dpselect/mechanisms.py", "dpselect/threshold.py", "dpselect/quantile.py",
         "dpselect/local_dp.py", "dpselect/sampling.py", "dpselect/truncated.py", "dpselect/coins.py"),
        ("tests/dpselect/test_stated_is_drawn.py", "tests/dpselect/test_boundaries.py",
         "tests/dpselect/test_numeric.py", "tests/dpselect/test_numeric_decimals.py",
         "tests/dpselect/test_release_laws.py", "tests/dpselect/test_mechanisms.py", "tests/dpselect/test_exactness.py",
         "tests/dpselect/test_local_dp.py", "tests/dpselect/test_privacy.py", "tests/dpselect/test_coins.py",
         "tests/dpselect/test_truncated.py", "tests/dpselect/test_sampling.py"),
    ),
    (
        ("mpc/sharing.py", "mpc/noise.py", "mpc/winner.py"),
        ("tests/mpc/test_sharing.py", "tests/mpc/test_noise.py", "tests/mpc/test_winner.py",
         "tests/mpc/test_noise_on_every_path.py", "tests/mpc/test_limits.py", "tests/mpc/test_bindings.py"),
    ),
    (
        ("psi/group/masking.py", "psi/inputs/tokens.py", "psi/inputs/row_tokens.py", "psi/inputs/padding.py",
         "psi/inputs/spooled_tokens.py", "psi/protocol/party.py", "psi/protocol/receiver.py", "psi/protocol/sender.py",
         "psi/protocol/summing.py", "psi/protocol/run.py", "psi/protocol/matching.py", "psi/protocol/schedule.py"),
        ("tests/psi/protocol", "tests/psi/inputs"),
    ),
)  # fmt: skip
OPERATORS = (
    "core/AddNot", "core/NumberReplacer", "core/ZeroIterationForLoop", "core/ReplaceBreakWithContinue",
    "core/ReplaceContinueWithBreak", "core/ReplaceTrueWithFalse", "core/ReplaceFalseWithTrue", "core/ReplaceAndWithOr",
    "core/ReplaceOrWithAnd", "core/ReplaceUnaryOperator_Delete_Not", "core/ReplaceUnaryOperator_Delete_USub",
    "core/ReplaceBinaryOperator_Add_Sub", "core/ReplaceBinaryOperator_Sub_Add", "core/ReplaceBinaryOperator_Mul_Add",
    "core/ReplaceBinaryOperator_FloorDiv_Mul", "core/ReplaceBinaryOperator_Mod_Mul",
    "core/ReplaceBinaryOperator_LShift_RShift", "core/ReplaceBinaryOperator_RShift_LShift",
    "core/ReplaceBinaryOperator_BitXor_BitAnd", "core/ReplaceBinaryOperator_BitAnd_BitOr",
    "core/ReplaceComparisonOperator_Eq_NotEq", "core/ReplaceComparisonOperator_NotEq_Eq",
    "core/ReplaceComparisonOperator_Lt_LtE", "core/ReplaceComparisonOperator_LtE_Lt",
    "core/ReplaceComparisonOperator_Gt_GtE", "core/ReplaceComparisonOperator_GtE_Gt",
    "core/ReplaceComparisonOperator_Is_IsNot", "core/ReplaceComparisonOperator_IsNot_Is",
)  # fmt: skip


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


def faults(module: str) -> Iterator[Fault]:
    """Each fault in a module that could be seen."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    text = (ROOT / module).read_text()
    pieces = _pieces(text)
    for name in OPERATORS:
        before, occurrence, operator = 0, 0, get_operator(name)()
        for number, piece in enumerate(pieces):
            plain = ast.dump(_run(piece))
            while (changed := mutate_code(piece, operator, occurrence - before)) is not None:
                with contextlib.suppress(SyntaxError):  # a bare * among arguments is no product
                    if ast.dump(_run(changed)) != plain:
                        whole = "".join([*pieces[:number], changed, *pieces[number + 1 :]])
                        line, old, new = _difference(text, whole)
                        yield Fault(module, line, name.removeprefix("core/"), occurrence, old, new, whole)
                occurrence += 1
            before = occurrence


def _pieces(text: str) -> list[str]:
    """A module cut before each of its functions and classes, since a small text is changed sooner than a long one."""
    lines = text.splitlines(keepends=True)
    nodes = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    starts = [min(part.lineno for part in (node, *node.decorator_list)) - 1 for node in nodes]
    return ["".join(lines[a:b]) for a, b in itertools.pairwise([0, *starts, len(lines)])]


def _run(text: str) -> ast.Module:
    """What of a module decides what it does: no annotations, and no options that only save time or guard."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg | ast.AnnAssign):
            node.annotation = ast.Constant(None)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("dataclass", "lru_cache"):
            node.keywords = []
    return tree


def _difference(old: str, new: str) -> tuple[int, str, str]:
    pairs = zip(old.splitlines(), new.splitlines(), strict=False)
    return next((number, a.strip(), b.strip()) for number, (a, b) in enumerate(pairs, start=1) if a != b)


def explained(module: str, old: str, new: str) -> bool:
    """Whether `unseen.toml` says why nobody can see that this line becomes that one."""
    entries = _unseen().get(module, [])
    return any(entry["line"] == old and new in entry.get("becomes", [new]) for entry in entries)


@lru_cache(maxsize=1)
def _unseen() -> dict[str, list[dict[str, Any]]]:
    return tomllib.loads(UNSEEN.read_text())


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


def write_trace(items: Sequence[Any], root: Path, modules: Sequence[str], out: Path) -> int:
    """Run all items and write a line of JSON for each into `out`. 0 if all pass or are skipped."""
    files = {str(root / module): module for module in modules}
    seen: dict[str, set[int]] = {}

    def of_a_line(frame: FrameType, event: str, value: object) -> Any:
        if event == "line":
            seen[files[frame.f_code.co_filename]].add(frame.f_lineno)
        return of_a_line

    def of_a_call(frame: FrameType, event: str, value: object) -> Any:
        return of_a_line if frame.f_code.co_filename in files else None

    threading.settrace(of_a_call)
    with out.open("w") as file:
        for item, following in zip(items, [*items[1:], None], strict=True):
            seen.update({module: set() for module in modules})
            began = time.process_time()
            sys.settrace(of_a_call)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            sys.settrace(None)
            seconds = time.process_time() - began
            lines = {module: sorted(numbers) for module, numbers in seen.items() if numbers}
            print(json.dumps({"test": item.nodeid, "seconds": seconds, "lines": lines}), file=file)
            if item.session.testsfailed:
                return FAILED
    return 0


def run_items(items: Sequence[Any], tests: Mapping[str, Traced], noticed: Path) -> int:
    """Run items until one fails, whose name goes into the file `noticed`. Each has a limit of processor time, which
    does not depend on what else the machine does; a signal ends this process at the limit."""
    for item, following in zip(items, [*items[1:], None], strict=True):
        noticed.write_text(item.nodeid)
        limit = int(time.process_time() + 10 + 5 * tests[item.nodeid].seconds)
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
        score: how many faults of a module each test noticed.
    """

    def __init__(self, root: Path, faults: Sequence[Fault], trace: Path, out: Path) -> None:
        self.root = root
        self.faults = faults
        self.trace = trace
        self.out = out
        self.tests: dict[str, Traced] = {}
        self.score: dict[str, Counter[str]] = defaultdict(Counter)

    def order(self, fault: Fault) -> list[str]:
        """The tests that a fault meets, in their order."""
        lines, inside = statement((ROOT / fault.module).read_text(), fault.line)
        met = [
            name
            for name, test in self.tests.items()
            if (executed := test.lines.get(fault.module)) and (not inside or not executed.isdisjoint(lines))
        ]
        score = self.score[fault.module]
        return sorted(met, key=lambda name: (-score[name], self.tests[name].seconds))

    def decide(self, fault: Fault, order: Sequence[str], work: Callable[[], int]) -> None:
        """Plant a fault in its file, run `work` in a fork, and write down how it ended."""
        noticed = self.root / "noticed.txt"
        noticed.unlink(missing_ok=True)
        file = self.root / fault.module
        plain = file.read_text()
        file.write_text(fault.text)
        try:
            seconds = 120 + 10 * sum(self.tests[name].seconds for name in order)
            ended = "survived" if not order or in_fork(work, seconds) == 0 else "noticed"
        finally:
            file.write_text(plain)
        by = noticed.read_text() if ended == "noticed" and noticed.exists() else ""
        self.score[fault.module][by] += 1
        note(self.out, fault, ended, tests=len(order), by=by)

    def read_trace(self) -> None:
        for said in map(json.loads, self.trace.read_text().splitlines()):
            lines = {module: set(numbers) for module, numbers in said["lines"].items()}
            self.tests[said["test"]] = Traced(said["seconds"], lines)

    def pytest_runtestloop(self, session: Any) -> bool:
        items = {item.nodeid: item for item in session.items}
        modules = sorted({fault.module for fault in self.faults})
        if in_fork(lambda: write_trace(session.items, self.root, modules, self.trace), TIMEOUT) != 0:
            session.shouldfail = "without a fault there is something to notice already, or it takes too long"
            return True
        self.read_trace()
        files = {str(self.root / module) for module in modules}
        functions = [found for found in gc.get_objects() if isinstance(found, FunctionType)]
        functions = [found for found in functions if found.__code__.co_filename in files]
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


def plant(root: Path, found: Sequence[Fault], tests: Sequence[str], out: Path) -> None:
    """Plant faults that the same files of tests have to notice, and append how each ended to the file `out`."""
    planter = Planter(root, found, root / "trace.jsonl", out)
    code = in_fork(lambda: run_pytest(root, tests, MARKS, plugins=[planter]), 10**6)
    if code != 0:
        raise SystemExit(f"without a fault there is something to notice already, or it takes too long: {tests}")
    planter.read_trace()
    for fault in found:
        if not statement((ROOT / fault.module).read_text(), fault.line)[1]:
            order = planter.order(fault)
            chosen = Chosen(planter, order)
            files = sorted({name.partition("::")[0] for name in order})
            planter.decide(
                fault, order, lambda files=files, chosen=chosen: run_pytest(root, files, MARKS, plugins=[chosen])
            )


def read_results(results: Path) -> dict[str, dict[str, Any]]:
    """What the file says last of each fault, by the fault's name."""
    lines = results.read_text().splitlines() if results.exists() else []
    return {said["fault"]: said for said in map(json.loads, lines)}


def summary(known: Mapping[str, dict[str, Any]], modules: Sequence[str]) -> None:
    """Print how many faults of each module were planted and noticed, and the survivors that nothing explains."""
    print("| module | faults | noticed | explained | neither |\n| --- | --- | --- | --- | --- |")
    left = []
    for module in modules:
        of_it = [said for name, said in known.items() if name.startswith(f"{module}:")]
        others = [said for said in of_it if said["ended"] != "noticed"]
        neither = [said for said in others if not explained(module, said["old"], said["new"])]
        numbers = len(of_it), len(of_it) - len(others), len(others) - len(neither), len(neither)
        print(f"| `{module}` |", " | ".join(map(str, numbers)), "|")
        left += neither
    for said in left:
        print(f"\n{said['fault']}\n    - {said['old']}\n    + {said['new']}")


def main(results: Path, modules: Sequence[str], *, again: bool) -> None:
    import_libraries()
    with copy_of_the_tree() as root:
        for of_group, tests in GROUPS:
            known = {name: said["ended"] for name, said in read_results(results).items()}
            found = [fault for module in of_group if module in modules for fault in faults(module)]
            found = [fault for fault in found if known.get(fault.name) == ("survived" if again else None)]
            told = [fault for fault in found if explained(fault.module, fault.old, fault.new)]
            for fault in told:
                note(results, fault, "explained")
            if found := [fault for fault in found if fault not in told]:
                plant(root, found, tests, results)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Plants Cosmic Ray's faults, and says which of them tests notice.")
    parser.add_argument("results", type=Path, help="a file of results, one fault each line, to go on with")
    parser.add_argument("modules", nargs="*", help="the modules to plant faults in: all, unless some are named")
    parser.add_argument("--again", action="store_true", help="plant the survivors of RESULTS once more")
    parser.add_argument("--summary", action="store_true", help="plant nothing, only print what RESULTS says")
    given = parser.parse_intermixed_args()
    every = [module for modules, _ in GROUPS for module in modules]
    chosen = given.modules or every
    if not given.summary:
        main(given.results, chosen, again=given.again)
    summary(read_results(given.results), chosen)
