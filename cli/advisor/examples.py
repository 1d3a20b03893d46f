"""The worked examples that ship: twelve tasks, most of them from the article *Computing on private data*, each with the
expected label, required warnings and numbers. Provenance: the project's specification of the advisor; copied unchanged.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
from collections.abc import Mapping
from typing import Any

from cli.advisor import words_errors


@functools.cache
def items() -> tuple[dict[str, Any], ...]:
    """All examples, in order; each has id, title, description, fields, expected, must_warn, expected_numbers."""
    text = importlib.resources.files("cli.advisor").joinpath("examples.json").read_text()
    return tuple(json.loads(text)["items"])


def find(name: str) -> dict[str, Any]:
    """An example by its id (A01) or the beginning of its title. Raises UsageError."""
    wanted = name.strip().lower()
    for item in items():
        if item["id"].lower() == wanted or item["title"].lower().startswith(wanted):
            return item
    known = "; ".join(f"{item['id']} {item['title']}" for item in items())
    raise words_errors.no_example(name, known)


def task_file(item: dict[str, Any]) -> str:
    """The example as a TOML task file, unknown fields left out."""
    lines = [f"# {item['id']}: {item['title']}", *(f"# {line}" for line in _wrap(item["description"])), ""]
    lines += [f"{name} = {_toml(value)}" for name, value in item["fields"].items() if value is not None]
    return "\n".join(lines) + "\n"


def fields_file(fields: Mapping[str, Any]) -> str:
    """Fields as a task file."""
    return "".join(f"{name} = {_toml(value)}\n" for name, value in fields.items() if value is not None)


def setting(value: Any) -> str:
    """A value as `--set` takes it."""
    return value if isinstance(value, str) else json.dumps(value)


def _wrap(text: str, width: int = 100) -> list[str]:
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + len(word) + 1 > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return [*lines, line]


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + " }"
    return json.dumps(value)  # strings, numbers, booleans and arrays are written alike in both
