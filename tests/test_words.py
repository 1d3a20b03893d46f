"""Errors and notes of a room are in its words.py, so that they can be read through (docs/decisions/0298).

A room is added to `ROOMS` when its sentences have moved; after that a sentence elsewhere in it is a failure.

Help is passed over in `cli`, since it belongs to its option or command: docstrings, the `HELP_ARGUMENTS` of calls, and
what is assigned to the names of `HELP_NAMES` or to a name that ends in _HELP.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from psiselect.base import errors

ROOT = Path(__file__).parent.parent
# Rooms whose sentences have moved.
ROOMS = (
    *("dpselect", "dpselect/ballots"),
    *("psi/accounts", "psi/agreement", "psi/identity", "psi/inputs", "psi/labels", "psi/normalize", "psi/offline"),
    *("psi/protocol", "psi/resume", "psi/serve", "psi/session", "psi/store", "psi/tables", "psi/transport"),
    *("cli", "cli/advisor", "cli/demo", "cli/mpc", "cli/psi", "cli/release", "cli/vote"),
    *("mpc", "psi/distributed", "psi/fast", "psi/group", "psi/oblivious"),
    *("psiselect", "psiselect/base", "psiselect/elections", "psiselect/matching", "psiselect/releases"),
    *("psiselect/selections", "psiselect/sums", "psiselect/ui"),
)
# Packages whose own modules are a room, without the folders in them.
TOPS = {"cli", "dpselect", "psiselect"}
# What `--help` shows, apart from docstrings: headings of options, lines of an overview, and what calls are given.
HELP_NAMES = {"COMMANDS", "headings"}
HELP_ARGUMENTS = {"help", "help_text", "short_help"}
# The tree of errors, as modules call them.
TREE = {name for name, found in vars(errors).items() if isinstance(found, type) and issubclass(found, Exception)}
# What only programmers read: a call that is wrong in the source.
BUGS = {
    *("ValueError", "TypeError", "RuntimeError", "AssertionError", "NotImplementedError", "KeyError", "IndexError"),
    "AttributeError",
    "ModuleNotFoundError",
    "RangeError",  # the bounds of generated code do not hold
}
SENTENCE = 4  # words
# Modules with names of many words, or with all sentences of their own kind.
OTHERS = {
    *("psi/normalize/regions.py", "psi/agreement/disagreement.py"),
    "cli/_read_by.py",  # rows of a table in the docs
    "cli/demo/samples.py",  # names of people, and how they write numbers
    *("cli/advisor/quantities.py", "cli/advisor/fields.py"),  # formulas, units
    *("cli/advisor/printed_commands.py", "cli/advisor/rules.py"),  # commands, names of fields
    "psiselect/ui/told.py",  # what a page says in place of an option
    "psi/group/curve25519/lanes/ladder.py",  # numbers by their names in the formulas
}
# Texts for machines: statements of SQL, what a library says, expressions.
FOR_MACHINES = (
    *("SELECT ", "PRAGMA ", "SET ", "UPDATE ", "INSERT ", "CREATE ", "HTTP/1.1 "),
    *("<", "(?:", "(?P<", ".*(?:", "^[", "^#", "- \\[", r"\A"),
    *("canceling |", "invalid byte sequence for encoding", "unable to open database file"),
    *("case when ", "cast(", "key is not null", "fault is not null", "entry is not null", "import sys, "),
    *("value is not null", "product is not null", "bucket int, ", "key binary, "),
    *("PySpark does not yet fully support pandas", "MALFORMED_", "listening on (", "\n:root {", "\n[[party]]"),
    *("can't start new thread", "Failed to launch worker thread", "body {", "default-src ", "data: {"),
)
# Columns of a DataFrame with their types: "key binary, rows int".
COLUMNS = re.compile(r"\w+ (?:binary|int|string)(?:, \w+ (?:binary|int|string))*")


def is_of_words(path: Path) -> bool:
    return path.stem == "words" or path.stem.startswith("words_")


def modules_of(room: str) -> list[Path]:
    """The modules of a room: those of its folder and what is below, or a package's own."""
    found = (ROOT / room).glob("*.py") if room in TOPS else (ROOT / room).rglob("*.py")
    return sorted(found)


def called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def is_help(node: ast.AST) -> bool:
    """Whether all that stands in here is help; see the beginning of this file."""
    if isinstance(node, ast.keyword):
        return node.arg in HELP_ARGUMENTS
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    names = [target.id for target in targets if isinstance(target, ast.Name)]
    return any(name in HELP_NAMES or name.endswith("_HELP") for name in names)


def found_elsewhere(source: str, *, with_help: bool = False) -> Iterator[tuple[int, str]]:
    """Lines of a module with an error that is made there, or with a sentence. with_help: some of them may be help."""
    tree = ast.parse(source)
    passed: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):  # a docstring
            passed.add(id(node.value))
        elif with_help and is_help(node):
            passed |= {id(part) for part in ast.walk(node)}
        elif isinstance(node, ast.Call) and called(node) in TREE:
            yield node.lineno, f"makes a {called(node)}"
        elif isinstance(node, ast.Call) and called(node) in BUGS:
            passed |= {id(part) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in passed:
            continue
        if isinstance(node, ast.JoinedStr):
            passed |= {id(part) for part in ast.walk(node)}
            text = "".join(part.value if isinstance(part, ast.Constant) else "X" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        if (
            len(text.split()) >= SENTENCE
            and re.search("[A-Za-z]{2}", text)
            and not (text.startswith(FOR_MACHINES) or COLUMNS.fullmatch(text))
        ):
            yield node.lineno, f"says {text!r}"


def names_in(modules: Iterable[Path]) -> set[str]:
    """Names that these modules use."""
    return {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for path in modules
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.Attribute, ast.Name)) and isinstance(node.ctx, ast.Load)
    }


@functools.cache
def names_elsewhere() -> set[str]:
    """What modules use by name, after they have imported it from a room's words."""
    packages = ("dpselect", "psi", "mpc", "psiselect", "cli")
    sources = (path for package in packages for path in (ROOT / package).rglob("*.py"))
    return {
        alias.name
        for path in sources
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").rpartition(".")[2].startswith("words")
        for alias in node.names
    }


@pytest.mark.parametrize("room", ROOMS)
def test_sentences_are_in_one_place(room: str) -> None:
    modules = modules_of(room)
    assert any(map(is_of_words, modules))
    wrong = [
        f"{path.relative_to(ROOT)}:{line} {what}"
        for path in modules
        if not is_of_words(path) and str(path.relative_to(ROOT)) not in OTHERS
        for line, what in found_elsewhere(path.read_text(), with_help=room.startswith("cli"))
    ]
    assert wrong == []


@pytest.mark.parametrize("room", ROOMS)
def test_each_sentence_is_used(room: str) -> None:
    """A name of words.py that nothing uses is left over."""
    modules = modules_of(room)
    used = names_in(modules)
    for path in filter(is_of_words, modules):
        made = [
            *(node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)),
            *(
                target.id
                for node in ast.parse(path.read_text()).body
                if isinstance(node, ast.Assign)
                for target in node.targets
                if isinstance(target, ast.Name)
            ),
        ]
        assert sorted(set(made) - used - names_elsewhere()) == [], path


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ('raise InputError("x")', "makes a InputError"),
        ('raise errors.RemoteError(f"{a}")', "makes a RemoteError"),
        ('problem = f"a line longer than {most} MiB"', "says 'a line longer than X MiB'"),
        ('def f():\n    "A docstring of many words."\n    return "a, b c"', None),
        ('raise ValueError("this is for programmers only")', None),
        ('sql = "SELECT a FROM b WHERE c"', None),
        ('schema = "key binary, rows int"', None),
        ('note = "the key, binary, rows as int"', "says 'the key, binary, rows as int'"),
    ],
)
def test_the_rule_itself(source: str, says: str | None) -> None:
    assert [what for _, what in found_elsewhere(source)] == ([] if says is None else [says])


def test_a_package_is_a_room_without_its_folders() -> None:
    assert {path.parent.name for path in modules_of("psiselect")} == {"psiselect"}
    assert {path.parent.name for path in modules_of("psiselect/matching")} == {"matching"}
    assert {path.parent.name for path in modules_of("cli")} == {"cli"}
    assert ROOT / "psi/group/curve25519/backend.py" in modules_of("psi/group")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ('option("--a", help=f"Take {many} words of help.")', None),
        ('option("--a", metavar="four words are said")', "says 'four words are said'"),
        ('COMMANDS = {"psi": "Match two lists with a peer."}', None),
        ('EPSILON_HELP = "Set the strength of the protection."', None),
        ('EPSILON = "Set the strength of the protection."', "says 'Set the strength of the protection.'"),
        ('option("--a", help=words.text(InputError("x")))', "makes a InputError"),
    ],
)
def test_help_is_passed_over_where_commands_are(source: str, says: str | None) -> None:
    assert [what for _, what in found_elsewhere(source, with_help=True)] == ([] if says is None else [says])
    if source.startswith(("COMMANDS", "option")):
        assert list(found_elsewhere(source)) != []
