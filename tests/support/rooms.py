"""Who imports whom, and who touches the world, read from the source.

As a script it prints, for each package, how many rooms it has, on how many floors, with how many imports between them:

    python tests/support/rooms.py [CHECKOUT]
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

PACKAGES = ("psiselect", "psi", "dpselect", "mpc", "cli")

# What a module may do to the world, and the names by which the source shows it.
_MODULES = {
    "sockets": {"socket", "ssl", "selectors", "http", "asyncio", "socketserver", "urllib.request", "requests"},
    "databases": {"sqlite3", "adbc_driver_manager", "psiselect.base.durable.transaction"},
    "random": {"random", "secrets", "numpy.random"},
    "processes": {"subprocess", "multiprocessing", "signal"},
    "files": {"tempfile", "shutil", "fcntl", "mmap", "glob", "fileinput", "pyarrow.fs"}
    | {"psiselect.base.durable", "psiselect.base.atomic"},
}
_CALLS = {
    "clock": {
        *(f"time.{name}" for name in ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "process_time")),
        "time.sleep",
        "datetime.now",
        "datetime.datetime.now",
        "datetime.today",
        "datetime.utcnow",
        "date.today",
    },
    "databases": {"durable.transaction"},
    "random": {"os.urandom", "os.getrandom", "np.random", "numpy.random"},
    "processes": {"os.fork", "os.kill", "os.exec", "os.execv", "os.spawnv", "os.system", "os.popen"},
    "files": {"open", "io.open", "pa.memory_map", "pa.OSFile", "pq.ParquetFile", "pq.ParquetWriter"},
}
# Of `os` these are no access to files; whatever else it offers is.
_HARMLESS_OS = {"fspath", "PathLike", "pathsep", "sysconf", "cpu_count", "environ", "getpid", "sched_getaffinity"}
_HARMLESS_OS |= {"path", "devnull", "sep", "urandom", "getrandom", "fork", "kill", "SEEK_END", "_exit", "strerror"}
# Methods of a path that read or change the file system.
_OF_PATHS = {"open", "read_text", "read_bytes", "write_text", "write_bytes", "unlink", "mkdir", "rmdir", "touch"}
_OF_PATHS |= {"rename", "chmod", "symlink_to", "hardlink_to", "exists", "is_file", "is_dir", "stat", "iterdir", "glob"}
_OF_PATHS |= {"rglob", "samefile", "resolve"}
# The project's own, which have a path's names; whoever calls them opens nothing itself.
_OF_PROJECT = {"labels.open", "link.open", "table.open", "Ledger.open", "SessionFolder.exists"}
_OF_PROJECT |= {"ResumableSession.open", "common.open", "BudgetFile.open"}


def modules(root: Path, packages: tuple[str, ...] = PACKAGES) -> dict[str, ast.Module]:
    """Every module of the project by its dotted name."""
    found = {}
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
            found[name] = ast.parse(path.read_text())
    return found


def imports(tree: ast.AST, known: Mapping[str, object]) -> set[str]:
    """Full names of what a module imports, inside functions too. `from a import b` counts as `a.b` where that is one of
    `known`, else as `a`."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError("a relative import")
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if full in known else str(node.module))
    return found


def room(name: str, package: str) -> str:
    """The room of a module: the folder, or module, directly in its package."""
    return ".".join(name.split(".")[: package.count(".") + 2])


def edges(all_modules: Mapping[str, ast.Module], package: str) -> dict[str, set[str]]:
    """Each room of a package with the rooms of the same package that it imports."""
    inside = {name: tree for name, tree in all_modules.items() if name.startswith(f"{package}.")}
    found: dict[str, set[str]] = {room(name, package): set() for name in inside}
    for name, tree in inside.items():
        here = room(name, package)
        there = {room(target, package) for target in imports(tree, all_modules) if target.startswith(f"{package}.")}
        found[here] |= (there & found.keys()) - {here}
    return found


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """One circle of imports, empty when there is none."""
    done: set[str] = set()

    def visit(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return []
        for target in sorted(graph[node]):
            if found := visit(target, [*path, node]):
                return found
        done.add(node)
        return []

    return next((found for node in sorted(graph) if (found := visit(node, []))), [])


def floors(graph: Mapping[str, set[str]]) -> dict[str, int]:
    """The floor of each room: one above the highest that it imports. Raises ValueError when there is a circle."""
    if found := circle(graph):
        raise ValueError(" -> ".join(found))
    known: dict[str, int] = {}

    def floor(node: str) -> int:
        if node not in known:
            known[node] = 1 + max((floor(target) for target in graph[node]), default=0)
        return known[node]

    for node in graph:
        floor(node)
    return known


def touches(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """How a module touches the world (files, sockets, databases, clock, random, processes), with the line."""
    for node in ast.walk(tree):
        for kind, names in _MODULES.items():
            for target in _imported(node):
                if any(target == name or target.startswith(f"{name}.") for name in names):
                    yield kind, node.lineno  # type: ignore[attr-defined]
        if isinstance(node, ast.ImportFrom) and node.module in ("os", "time"):
            yield ("files" if node.module == "os" else "clock"), node.lineno
        if isinstance(node, ast.Attribute):
            full = _dotted(node)
            if full.startswith("os.") and full.count(".") == 1 and node.attr not in _HARMLESS_OS:
                yield "files", node.lineno
            for kind, names in _CALLS.items():
                if full in names:
                    yield kind, node.lineno
        if isinstance(node, ast.Call):
            yield from _called(node)


def _called(node: ast.Call) -> Iterator[tuple[str, int]]:
    if isinstance(node.func, ast.Name) and node.func.id == "open":
        yield "files", node.lineno
    if isinstance(node.func, ast.Attribute):
        # `replace` of a path takes one argument, of a text two.
        moved = node.func.attr == "replace" and len(node.args) == 1 and not node.keywords
        of_project = ".".join(_dotted(node.func).split(".")[-2:]) in _OF_PROJECT
        if (node.func.attr in _OF_PATHS or moved) and not of_project:
            yield "files", node.lineno


def _imported(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom):
        return {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return set()


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def main() -> None:
    """Print the measures of a checkout, this one by default."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2]
    found = modules(root)
    for package in PACKAGES:
        graph = edges(found, package)
        if not graph:
            continue
        pairs, looped = sum(map(len, graph.values())), circle(graph)
        heights = "a circle: " + " -> ".join(looped) if looped else f"{max(floors(graph).values())} floors"
        print(f"{package}: {len(graph)} rooms, {heights}, {pairs} imports between rooms")


if __name__ == "__main__":
    main()
