"""Cosmic Ray's faults in the modules on which privacy rests: each is planted in a copy of the tree and tested.

    python -m pip install cosmic-ray==8.7.0
    python tests/support/cosmic.py RESULTS [PART/PARTS]

appends a line of JSON a fault to the file RESULTS and leaves out those that it holds already. A fault that no test
notices is a survivor: it wants a test, or a reason why nobody could see it.

Operators that only repeat another's fault in other words are left out (`OPERATORS`), and so are annotations, which
nobody runs. The tests of a module are those files that test it; a process that has imported what they need is forked
for each fault, so one takes about as long as the tests themselves.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from support.mutants import ROOT, copy_of_the_tree

TIMEOUT = 600  # seconds for the tests without a fault

# Each module, and the tests that a fault in it has to pass, the quickest first.
MODULES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("dpselect/numeric.py",),
        ("tests/dpselect/test_stated_is_drawn.py", "tests/dpselect/test_boundaries.py",
         "tests/dpselect/test_numeric.py", "tests/dpselect/test_numeric_decimals.py",
         "tests/dpselect/test_release_laws.py"),
    ),
    **dict.fromkeys(
        ("dpselect/mechanisms.py", "dpselect/threshold.py", "dpselect/quantile.py", "dpselect/local_dp.py"),
        ("tests/dpselect/test_stated_is_drawn.py", "tests/dpselect/test_mechanisms.py",
         "tests/dpselect/test_exactness.py", "tests/dpselect/test_boundaries.py", "tests/dpselect/test_local_dp.py",
         "tests/dpselect/test_privacy.py", "tests/dpselect/test_release_laws.py"),
    ),
    **dict.fromkeys(
        ("dpselect/sampling.py", "dpselect/truncated.py", "dpselect/coins.py"),
        ("tests/dpselect/test_coins.py", "tests/dpselect/test_truncated.py", "tests/dpselect/test_sampling.py",
         "tests/dpselect/test_release_laws.py"),
    ),
    **dict.fromkeys(
        ("mpc/sharing.py", "mpc/noise.py", "mpc/winner.py"),
        ("tests/mpc/test_sharing.py", "tests/mpc/test_noise.py", "tests/mpc/test_winner.py",
         "tests/mpc/test_noise_on_every_path.py", "tests/mpc/test_limits.py", "tests/mpc/test_bindings.py"),
    ),
    **dict.fromkeys(
        ("psi/protocol/party.py", "psi/protocol/receiver.py", "psi/protocol/sender.py", "psi/protocol/summing.py",
         "psi/protocol/run.py", "psi/protocol/matching.py", "psi/protocol/schedule.py", "psi/group/masking.py"),
        ("tests/psi/protocol/test_session_vectors.py", "tests/psi/protocol/test_protocol.py",
         "tests/psi/protocol/test_every_mode.py", "tests/psi/protocol/test_summing.py",
         "tests/psi/protocol/test_several_keys.py", "tests/psi/protocol"),
    ),
    **dict.fromkeys(
        ("psi/inputs/tokens.py", "psi/inputs/row_tokens.py", "psi/inputs/padding.py", "psi/inputs/spooled_tokens.py"),
        ("tests/psi/inputs", "tests/psi/protocol/test_several_keys.py", "tests/psi/protocol/test_hidden_views.py"),
    ),
}  # fmt: skip
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


def faults(module: str) -> Iterator[tuple[str, str]]:
    """A name and the changed text for each fault in a module."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    text = (ROOT / module).read_text()
    plain = ast.dump(_run(text))
    for name in OPERATORS:
        occurrence = 0
        while (changed := mutate_code(text, get_operator(name)(), occurrence)) is not None:
            with contextlib.suppress(SyntaxError):  # a bare * among arguments is no product
                if ast.dump(_run(changed)) != plain:
                    yield f"{module}:{_line(text, changed)} {name.removeprefix('core/')} {occurrence}", changed
            occurrence += 1


def _run(text: str) -> ast.Module:
    """What of a module runs: annotations do not."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg | ast.AnnAssign):
            node.annotation = ast.Constant(None)
    return tree


def _line(old: str, new: str) -> int:
    pairs = zip(old.splitlines(), new.splitlines(), strict=False)
    return next((number for number, (a, b) in enumerate(pairs, start=1) if a != b), 0)


def verdict(root: Path, tests: tuple[str, ...], seconds: float) -> str:
    """`noticed` or `survived`: the tests in a fork of this process, in the tree at `root`. A fault that makes them take
    longer than `seconds` is noticed."""
    child = os.fork()
    if child == 0:
        os.setsid()
        quiet = os.open(os.devnull, os.O_RDWR)
        for number in range(3):
            os.dup2(quiet, number)
        os.chdir(root)
        sys.path[:0] = [str(root), str(root / "tests")]
        import pytest

        options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "--import-mode=importlib"]
        marks = ["-o", "addopts=", "-m", "not soak and not ballots"]
        os._exit(pytest.main([*options, *marks, *tests]))
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return "survived" if os.waitstatus_to_exitcode(status) == 0 else "noticed"
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "noticed"


def main(results: Path, part: int, parts: int) -> None:
    known = {json.loads(line)["fault"] for line in results.read_text().splitlines()} if results.exists() else set()
    # Imported once, for all forks; nothing of the product is.
    import pytest  # noqa: F401

    found = [(name, module, text) for module in MODULES for name, text in faults(module)]
    random.Random(0).shuffle(found)
    with copy_of_the_tree() as root, results.open("a") as out:
        seconds = {}
        for tests in set(MODULES.values()):
            began = time.monotonic()
            if verdict(root, tests, TIMEOUT) != "survived":
                raise SystemExit(f"without a fault there is something to notice already, or it takes too long: {tests}")
            seconds[tests] = 30 + 2 * (time.monotonic() - began)
        for name, module, text in found[part - 1 :: parts]:
            if name in known:
                continue
            plain = (root / module).read_text()
            (root / module).write_text(text)
            ended = verdict(root, MODULES[module], seconds[MODULES[module]])
            (root / module).write_text(plain)
            print(json.dumps({"fault": name, "ended": ended}), file=out, flush=True)


if __name__ == "__main__":
    this, of = map(int, (sys.argv[2] if len(sys.argv) > 2 else "1/1").split("/"))
    main(Path(sys.argv[1]), this, of)
