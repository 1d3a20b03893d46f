"""Planted faults: small patches that some test must notice.

A file `tests/mutants/ROOM/NAME.patch` is a unified diff with three lines above it: `Fault:` says what goes wrong,
`Kind:` is the number of its kind in `tests/mutants/README.md`, and each `Caught by:` names a test that then fails.
A patch is applied by its text, not by its line numbers. Its old text must stand exactly once in the file, so a patch
whose code has moved on is an error and not a fault that passes.

    python tests/support/mutants.py                      every fault in a copy of the tree, and the share that is caught
    python tests/support/mutants.py psi/NAME ...         only these
    python tests/support/mutants.py --results FILE ...   goes on where the run that wrote FILE has ended

A fault is *skipped* if no test failed but some were skipped, since something is not installed: nobody knows then.
Every run first tries the named tests without a fault, since a test that fails anyway catches nothing.
"""

import argparse
import json
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))  # for those who run this file

from support.forks import FAILED, PRODUCT, SKIPPED, import_libraries, in_fork, run_pytest  # noqa: E402

FOLDER = ROOT / "tests" / "mutants"
TIMEOUT = 300  # seconds; a test that hangs has not caught the fault
_COPIED = (*PRODUCT, "docs", "bench", "packaging", "pyproject.toml", "README.md")
_HEADER = re.compile(r"^(Fault|Kind|Caught by): (.+)$")


@dataclass(frozen=True)
class Change:
    """Old text of a file and the text that takes its place."""

    path: str
    old: str
    new: str

    def apply(self, root: Path) -> None:
        file = root / self.path
        text = file.read_text()
        if text.count(self.old) != 1:
            raise ValueError(f"the old text stands {text.count(self.old)} times in {self.path}, not once")
        file.write_text(text.replace(self.old, self.new))


@dataclass(frozen=True)
class Mutant:
    """One planted fault: what goes wrong, the kind, the changes and the tests that must fail."""

    name: str
    fault: str
    kind: int
    tests: tuple[str, ...]
    changes: tuple[Change, ...]

    @contextmanager
    def planted(self, root: Path) -> Iterator[None]:
        """Plant the fault in the tree at `root`; every file is as before at the end."""
        kept = {change.path: (root / change.path).read_bytes() for change in self.changes}
        try:
            for change in self.changes:
                change.apply(root)
            yield
        finally:
            for path, data in kept.items():
                (root / path).write_bytes(data)


def _changes(lines: Sequence[str]) -> Iterator[Change]:
    path, old, new = "", list[str](), list[str]()
    for line in [*lines, "@@"]:
        if line.startswith(("@@", "--- ", "diff ")):
            if old:
                yield Change(path, "".join(old), "".join(new))
            old, new = [], []
        elif line.startswith("+++ "):
            path = line[4:].strip().removeprefix("b/")
        elif line[:1] in (" ", "-", "+"):
            text = line[1:] + "\n"
            if line[0] != "+":
                old.append(text)
            if line[0] != "-":
                new.append(text)


def read(file: Path) -> Mutant:
    """The planted fault in `file`. Raises ValueError for a patch without its three lines or without a change."""
    lines = file.read_text().splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith("--- ")), len(lines))
    headers = [match.groups() for line in lines[:start] if (match := _HEADER.match(line))]
    said = {key: value for key, value in headers if key != "Caught by"}
    tests = tuple(value for key, value in headers if key == "Caught by")
    changes = tuple(_changes(lines[start:]))
    name = file.relative_to(FOLDER).with_suffix("").as_posix()
    if not (said.keys() == {"Fault", "Kind"} and tests and changes):
        raise ValueError(f"{name}: a patch needs Fault, Kind, Caught by and a change")
    return Mutant(name, said["Fault"], int(said["Kind"]), tests, changes)


def all_mutants() -> list[Mutant]:
    return [read(file) for file in sorted(FOLDER.rglob("*.patch"))]


@contextmanager
def copy_of_the_tree() -> Iterator[Path]:
    """A copy of the checkout without its environments, in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="psiselect-mutants-") as folder:
        root = Path(folder)
        for name in _COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "*.patch"))
            else:
                shutil.copy2(ROOT / name, root / name)
        yield root


def run_tests(root: Path, tests: Sequence[str]) -> int | None:
    """The exit code of pytest for `tests` in the tree at `root`, or SKIPPED; None if they take longer than TIMEOUT."""
    return in_fork(lambda: run_pytest(root, tests, ""), TIMEOUT)


def failing(root: Path, tests: Sequence[str]) -> list[str]:
    """Those of `tests` that fail in the tree at `root`, each with its parameters."""
    failures = root / "failures.txt"
    failures.touch()
    code = in_fork(lambda: run_pytest(root, tests, "", failures=failures), TIMEOUT + TIMEOUT * len(tests) / 10)
    if code not in (0, FAILED, SKIPPED):
        raise RuntimeError(f"pytest could not run the tests: {code}")
    return sorted(set(failures.read_text().splitlines()))


def ended(mutant: Mutant, root: Path) -> str:
    """`caught`, `MISSED` or `skipped`: what the tests that the patch names say of the fault in the tree at `root`."""
    with mutant.planted(root):
        code = run_tests(root, mutant.tests)
    return {FAILED: "caught", SKIPPED: "skipped"}.get(code if code is not None else -1, "MISSED")


def main(names: Sequence[str], results: Path | None) -> int:
    chosen = [mutant for mutant in all_mutants() if not names or mutant.name in names]
    if unknown := set(names) - {mutant.name for mutant in chosen}:
        print("no such patch:", *sorted(unknown))
        return 2
    known: dict[str, str] = {}
    if results and results.exists():
        known = {said["fault"]: said["ended"] for said in map(json.loads, results.read_text().splitlines())}
    import_libraries()
    counts: Counter[str] = Counter()
    with copy_of_the_tree() as root:
        left = [mutant for mutant in chosen if mutant.name not in known]
        if failed := failing(root, sorted({test for mutant in left for test in mutant.tests})) if left else []:
            print("without a fault, these fail already:", *failed, sep="\n  ")
            return 2
        for mutant in chosen:
            if mutant.name not in known:
                known[mutant.name] = ended(mutant, root)
                print(known[mutant.name], mutant.name, "-", mutant.fault, flush=True)
                if results:
                    with results.open("a") as out:
                        print(json.dumps({"fault": mutant.name, "ended": known[mutant.name]}), file=out)
            counts[known[mutant.name]] += 1
    print(f"{counts['caught']} of {len(chosen)} caught, {counts['MISSED']} missed, {counts['skipped']} skipped")
    return 1 if counts["MISSED"] else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Plants faults, and says which of them tests catch.")
    parser.add_argument("names", nargs="*", help="the patches to plant: all, unless some are named")
    parser.add_argument("--results", type=Path, help="a file of results, one fault each line, to go on with")
    given = parser.parse_intermixed_args()
    sys.exit(main(given.names, given.results))
