"""`words.toml` and the code agree: each text is asked for, with a value for each of its placeholders."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.advisor import words
from cli.advisor.cautions import TRIGGERS
from cli.advisor.elsewhere import KINDS
from cli.advisor.fields import FIELDS, Kind
from cli.advisor.findings import Fit
from cli.advisor.labels import Label
from cli.advisor.numbers import Limit
from cli.advisor.predictions import named
from cli.advisor.quantities import QUANTITIES
from cli.advisor.rules import RULES

FOLDER = Path(words.__file__).parent
MODULES = {path.stem: ast.parse(path.read_text()) for path in sorted(FOLDER.glob("*.py"))}
TEXTS = words.texts()
# What asks for a text, and the values that it gives by position.
NAMED: dict[str, tuple[str, ...]] = {"phrase": (), "saying": (), "because": ("field",)}
# Names of quantities and their formulas stay beside what computes them; options keep their help, as in every command;
# what is wrong with the file of words cannot be said with words from it.
PROSE_ELSEWHERE = {"quantities", "command", "words"}


@dataclass(frozen=True)
class Call:
    """One place that asks for a text: which keys it can be, as a pattern, and the values that it fills in."""

    place: str
    keys: re.Pattern[str]
    values: frozenset[str]


def calls() -> Iterator[Call]:
    for module, tree in MODULES.items():
        for node in outside(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NAMED:
                place, fixed = f"{module}.py:{node.lineno}", NAMED[node.func.id]
                values = frozenset((*fixed, *(str(keyword.arg) for keyword in node.keywords)))
                assert len(node.args) == 1 + len(fixed), place
                for key in keys(node.args[0], place):
                    yield Call(place, re.compile(key), values)


def outside(tree: ast.AST) -> Iterator[ast.AST]:
    """Everything but the bodies of the functions in `NAMED`, which pass on a key that others give."""
    yield tree
    for child in ast.iter_child_nodes(tree):
        if not (isinstance(child, ast.FunctionDef) and child.name in NAMED):
            yield from outside(child)


def keys(argument: ast.expr, place: str) -> list[str]:
    """The pattern of each key that an argument can be: a text, one of two, or a text with a part left open."""
    if isinstance(argument, ast.IfExp):
        return keys(argument.body, place) + keys(argument.orelse, place)
    if isinstance(argument, ast.Constant):
        return [re.escape(argument.value)]
    assert isinstance(argument, ast.JoinedStr), f"{place}: write the key here, so that it can be found"
    parts = (re.escape(p.value) if isinstance(p, ast.Constant) else r"[^.]+" for p in argument.values)
    return ["".join(parts)]


CALLS = list(calls())


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.place} {call.keys.pattern}")
def test_each_call_has_its_text_and_all_its_values(call: Call) -> None:
    found = [key for key in TEXTS if call.keys.fullmatch(key)]
    assert found, f"words.toml has no {call.keys.pattern}"
    for key in found:
        assert words.placeholders(TEXTS[key]) == call.values, key


def test_each_text_is_asked_for() -> None:
    assert [key for key in TEXTS if not any(call.keys.fullmatch(key) for call in CALLS)] == []


def fields() -> set[str]:
    """The texts of all fields."""
    own = {f"{field.name}.{part}" for field in FIELDS for part in ("title", "ask", "example", "why")}
    return own | {f"{field.name}.words.{choice}" for field in FIELDS for choice in field.choices if choice != "na"}


NOISE = {f"{kind}.{part}" for kind in ("error", "shortfall") for part in ("axis", "level", "epsilon_total", "n_units")}


@pytest.mark.parametrize(
    ("table", "names"),
    [
        ("labels", {f"{label}.{part}" for label in Label for part in ("title", "meaning", "recipients", "party")}),
        ("warning-titles", {trigger.tag for trigger in TRIGGERS}),
        ("rules", {f"{rule.name}.{part}" for rule in RULES for part in ("why", "source")}),
        ("fields", fields()),
        ("quantities", {named(quantity.name) for quantity in QUANTITIES}),
        ("kinds", {kind.value for kind in Kind if kind is not Kind.CHOICE}),
        ("tools", set(KINDS)),
        ("limits", {limit.value for limit in Limit}),
        ("answer.fits", {"recommended", *(fit.name.lower() for fit in Fit)}),
        ("charts.noise", NOISE),
        ("charts.axes", {"epsilon_total", "n_units", "n_a"}),
    ],
)
def test_tables_of_texts_are_those_of_the_code(table: str, names: set[str]) -> None:
    """For keys that the code puts together: neither a text too few nor one too many."""
    assert {key.removeprefix(f"{table}.") for key in TEXTS if key.startswith(f"{table}.")} == names


def test_one_sentence_on_a_line() -> None:
    """So that an editor sees sentences, and a change of one is a change of one line."""
    lines = (FOLDER / words.FILE).read_text().splitlines()
    several = [line for line in lines if not line.startswith("#") and re.search(r"[a-z0-9)][.?!] \(?[A-Z]", line)]
    assert several == []


@pytest.mark.parametrize("module", sorted(MODULES.keys() - PROSE_ELSEWHERE))
def test_no_sentence_is_left_in_the_code(module: str) -> None:
    kept = {id(node.value) for node in ast.walk(MODULES[module]) if isinstance(node, ast.Expr)}  # docstrings
    found = [
        node.value
        for node in ast.walk(MODULES[module])
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in kept
        if re.search(r"\b[A-Za-z]+ [a-z]+ [a-z]+ [a-z]+\b", node.value)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[a]\nb = 3", "a.b: expected a text in quotes"),
        ('[a]\nb = ["x"]', "a.b: expected a text in quotes"),
        ('[a]\nb = ""', "a.b: expected one sentence on each line"),
        ('[a]\nb = " x"', "a.b: expected one sentence on each line"),
        ('[a]\nb = """\nOne.\n\nTwo.\n"""', "a.b: expected one sentence on each line"),
        ('[a.c]\nb = "{}"', "a.c.b: expected a placeholder"),
        ('[a]\nb = "{0}"', "a.b: expected a placeholder"),
        ('[a]\nb = "{n:,}"', "a.b: expected a placeholder"),
        ('[a]\nb = "{n!r}"', "a.b: expected a placeholder"),
        ('[a]\nb = "{n.real}"', "a.b: expected a placeholder"),
        ('[a]\nb = "{n"', "a.b: "),
        ('[a]\nb = "n}"', "a.b: "),
        ('[a]\nb = "x"\nb = "y"', "overwrite"),
        ("[a", "Expected"),
    ],
)
def test_malformed_words_are_refused(content: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        words.parse(content)


def test_lines_are_joined_and_braces_kept() -> None:
    assert words.parse('[a]\nb = """\nOne {n}.\nTwo {{x}}.\n"""') == {"a.b": "One {n}. Two {{x}}."}
    assert words.placeholders("One {n}. Two {{x}}, {n} and {m}.") == {"n", "m"}


def test_an_unknown_key_or_a_missing_value_is_refused() -> None:
    with pytest.raises(KeyError):
        words.phrase("no.such")
    with pytest.raises(KeyError):
        words.phrase("errors.expected", value=1)


def test_importing_the_advisor_reads_no_words() -> None:
    code = "import cli.advisor.command, cli.advisor.docs, cli.advisor.words as w; print(w.texts.cache_info().misses)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "0\n"


def test_the_file_is_toml_that_other_readers_take() -> None:
    with (FOLDER / words.FILE).open("rb") as stream:
        assert set(tomllib.load(stream)) == {key.split(".")[0] for key in TEXTS}
