"""Cosmic Ray's faults in the modules on which privacy rests: each is planted in a copy of the tree and tested.

    python -m pip install cosmic-ray==8.7.0
    python tests/support/cosmic.py RESULTS [MODULE ...]
    python tests/support/cosmic.py RESULTS --again      plants the survivors of RESULTS once more
    python tests/support/cosmic.py RESULTS --summary    plants nothing

appends a line of JSON for each fault to the file RESULTS and leaves out those that it holds already. A fault that no
test notices is a survivor: it wants a test, or a reason in `tests/mutants/unseen.toml` why nobody can see it. Faults
that this file explains are not planted. A fault is *late* if its tests took too long on a busy machine: the next run
plants it again.

What is left out, since nobody could see it: operators that only repeat another's fault in other words (`OPERATORS`),
annotations, and the options of `dataclass` and `lru_cache`, which guard against slips and save time.

How it is fast. All tests of a group are collected once, and run once with a trace of the lines that each executes. The
file RESULTS.trace keeps that for as long as the test's file and the modules of its group stay as they are. A fault then
meets only the tests that execute its statement: first those that noticed a fault of its module before, then the first
case of each test, then the second and so on, until they have taken `LIMIT` seconds. What survives these may still be
noticed by others: `--again` plants it with all its tests. A fault is planted in a fork of the process that has
collected the tests, into the code of the functions there. A fault outside of functions is planted in the file alone,
and a fork of a process without the product imports it.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import itertools
import json
import math
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # for those who run this file

from support.forks import import_libraries
from support.mutants import FOLDER, ROOT, copy_of_the_tree
from support.planting import Fault, note, plant

UNSEEN = FOLDER / "unseen.toml"
LIMIT = 10.0

# Modules that are tested together, and the files of tests that faults in them have to pass.
GROUPS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        ("dpselect/numeric.py", "dpselect/mechanisms.py", "dpselect/threshold.py", "dpselect/quantile.py",
         "dpselect/local_dp.py", "dpselect/sampling.py", "dpselect/truncated.py", "dpselect/coins.py"),
        ("tests/dpselect/test_stated_is_drawn.py", "tests/dpselect/test_boundaries.py",
         "tests/dpselect/test_numeric.py", "tests/dpselect/test_numeric_decimals.py",
         "tests/dpselect/test_release_laws.py", "tests/dpselect/test_mechanisms.py", "tests/dpselect/test_exactness.py",
         "tests/dpselect/test_local_dp.py", "tests/dpselect/test_privacy.py", "tests/dpselect/test_coins.py",
         "tests/dpselect/test_truncated.py", "tests/dpselect/test_sampling.py", "tests/dpselect/test_rare_paths.py",
         "tests/dpselect/test_quantiles.py", "tests/dpselect/test_threshold.py"),
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
        ("tests/psi/protocol", "tests/psi/inputs", "tests/psi/labels", "tests/psi/group/test_masking.py",
         "tests/psi/session/test_cost.py"),
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
            for module in filter(modules.__contains__, of_group):
                wanted = {"survived"} if again else {None, "late"}
                known = {name: said["ended"] for name, said in read_results(results).items()}
                found = [fault for fault in faults(module) if known.get(fault.name) in wanted]
                told = [fault for fault in found if explained(fault.module, fault.old, fault.new)]
                for fault in told:
                    note(results, fault, "explained")
                if found := [fault for fault in found if fault not in told]:
                    plant(root, found, of_group, tests, results, math.inf if again else LIMIT)


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
