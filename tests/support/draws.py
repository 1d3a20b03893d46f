"""Where the product draws random bits, found in its syntax trees."""

from __future__ import annotations

import ast
import functools
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from psi.distributed import secret_files
from psi.distributed.secret_files import TaskKey
from psi.identity.identity import Identity
from psi.offline.envelope import NO_FILE
from psiselect.matching import engine_side, placed

ROOT = Path(__file__).parents[2]
PACKAGES = ("psiselect", "psi", "dpselect", "mpc", "cli")
_SOURCES = ("SystemEntropy", "SeededEntropy")
_OTHERS = ("os.urandom", "secrets.", "random.", "uuid.", "np.random.", "numpy.random.")  # of the system, of libraries


def draws_in(tree: ast.AST, module: str) -> Iterator[str]:
    """`module:function` for each place that draws: it reads an entropy, or asks the system or a library for a key."""
    for function, node in _calls(tree):
        if _draws(node):
            yield f"{module}:{function}"


def sources_in(tree: ast.AST, module: str) -> Iterator[str]:
    """`module:function Source` for each place that makes a source of random bits."""
    for function, node in _calls(tree):
        name = _last(node.func)
        if name in _SOURCES:
            yield f"{module}:{function} {name}"


@functools.cache
def all_draws() -> Counter[str]:
    """How often each function of the product draws."""
    return Counter(site for module, tree in modules(*PACKAGES) for site in draws_in(tree, module))


@functools.cache
def all_sources() -> Counter[str]:
    """How often each function of the product makes a source."""
    return Counter(site for module, tree in modules(*PACKAGES) for site in sources_in(tree, module))


@functools.cache
def modules(*packages: str) -> list[tuple[str, ast.AST]]:
    """Each module of these packages: its name and its syntax tree."""
    return list(_modules(packages))


def _modules(packages: Sequence[str]) -> Iterator[tuple[str, ast.AST]]:
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            yield name, ast.parse(path.read_text())


def _calls(tree: ast.AST, function: str = "") -> Iterator[tuple[str, ast.Call]]:
    """Every call, with the qualified name of the function or class around it."""
    for node in ast.iter_child_nodes(tree):
        inner = function
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = f"{function}.{node.name}".lstrip(".")
        if isinstance(node, ast.Call):
            yield inner, node
        yield from _calls(node, inner)


def _draws(node: ast.Call) -> bool:
    match _last(node.func):
        case "read":
            return isinstance(node.func, ast.Attribute) and "entropy" in ast.unparse(node.func.value).lower()
        case "generate":
            return "Key" in ast.unparse(node.func)
        case "draw":
            return ast.unparse(node.func) == "Scalar.draw"
        case "words" | "permutation":
            return bool(node.args) and "entropy" in ast.unparse(node.args[0])
    return ast.unparse(node.func).startswith(_OTHERS)


def _last(function: ast.expr) -> str:
    """The last part of a dotted name."""
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def parts_key(folder: Path) -> bytes:
    """The key of a directory's chunks."""
    own = Identity.create("own", folder)
    return placed.PlacedParts(folder / "parts", own, own.public, NO_FILE)._key


# Where the exchange on an engine makes a source; the seeds are that which the state keeps.
SOURCES_OF_ENGINES = {
    "psi.distributed.functions:Seal.__call__ SystemEntropy": 1,
    "psi.distributed.secret_files:kept SystemEntropy": 1,
    "psiselect.matching.engine_side:new_secret SystemEntropy": 1,
    "psiselect.matching.by_engine:offer SeededEntropy": 1,
    "psiselect.matching.by_engine:finish SeededEntropy": 1,
    "psiselect.matching.by_engine:offer.make SystemEntropy": 1,
    "psiselect.matching.by_engine:answer SystemEntropy": 1,
    "psiselect.matching.by_engine:answer.make SystemEntropy": 1,
}


def of_an_engine() -> bytes:
    """A secret of an exchange on an engine."""
    return engine_side.new_secret(32)


def secrets_of_tasks(folder: Path) -> list[bytes]:
    """What is drawn to keep secrets for tasks, in a file and sealed."""
    return [secret_file(folder), sealed_secrets(folder)]


def sealed_secrets(folder: Path) -> bytes:
    """The nonce that secrets are sealed with for tasks."""
    path = folder / "task.key"
    path.touch(0o600)
    path.write_text("5a" * 32)
    with secret_files.kept(TaskKey(path), {}) as where:
        return bytes.fromhex(where.split(":")[1])[:12]


def secret_file(folder: Path) -> bytes:
    """The random part of a name."""
    with secret_files.kept(folder, {}) as path:
        return path.encode()[-8:]
