"""Planted faults: small patches that some test must notice.

A file `tests/mutants/ROOM/NAME.patch` is a unified diff with three lines above it: `Fault:` says what goes wrong,
`Kind:` is the number of its kind in `tests/mutants/README.md`, and each `Caught by:` names a test that then fails.
A patch is applied by its text, not by its line numbers. Its old text must stand exactly once in the file, so a patch
whose code has moved on is an error and not a fault that passes.

    python tests/support/mutants.py                 every fault in a copy of the tree, and the share that is caught
    python tests/support/mutants.py psi/NAME ...    only these
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "mutants"
TIMEOUT = 300  # seconds; a test that hangs has not caught the fault
_COPIED = (
    "psiselect",
    "psi",
    "dpselect",
    "mpc",
    "cli",
    "tests",
    "docs",
    "bench",
    "packaging",
    "pyproject.toml",
    "README.md",
)
_HEADER = re.compile(r"^(Fault|Kind|Caught by): (.+)$")
_FAILED = 1  # pytest: tests ran and some failed; 2 and above say that nothing was run


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
    """The exit code of pytest for `tests` in the tree at `root`; None if they did not end within TIMEOUT."""
    paths = os.pathsep.join((str(root), str(root / "tests")))
    environment = dict(os.environ, PYTHONPATH=paths, PYTHONDONTWRITEBYTECODE="1")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "-o",
        "addopts=--import-mode=importlib",
        *tests,
    ]
    try:
        return subprocess.run(
            command, cwd=root, env=environment, capture_output=True, timeout=TIMEOUT, check=False
        ).returncode
    except subprocess.TimeoutExpired:
        return None


def caught(mutant: Mutant, root: Path) -> bool:
    """Whether a test that the patch names fails once the fault is planted in the tree at `root`."""
    with mutant.planted(root):
        return run_tests(root, mutant.tests) == _FAILED


def main(names: Sequence[str]) -> int:
    chosen = [mutant for mutant in all_mutants() if not names or mutant.name in names]
    if unknown := set(names) - {mutant.name for mutant in chosen}:
        print("no such patch:", *sorted(unknown))
        return 2
    missed = 0
    with copy_of_the_tree() as root:
        for mutant in chosen:
            noticed = caught(mutant, root)
            missed += not noticed
            print("caught" if noticed else "MISSED", mutant.name, "-", mutant.fault, flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
