"""The advisor's words: `words.toml`, read when the first of them is needed.

Whoever edits the words changes that file and no code. A text is called by its tables and its key, as in
`warnings.edge.two`. Its lines are its sentences, and a space joins them. `{name}` stands for a value that the program
fills in. A test compares keys and names with every call of `phrase` and `saying`.
"""

from __future__ import annotations

import functools
import importlib.resources
import string
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

FILE = "words.toml"


def phrase(key: str, /, **values: object) -> str:
    """The text of a key with its placeholders filled in.

    Args:
        key: the text's tables and key, joined by dots.
        values: what each placeholder stands for, by its name.

    Raises:
        KeyError: there is no such text, or a placeholder has no value.
    """
    return texts()[key].format(**values)


def saying(key: str) -> Callable[[object], str]:
    """A function that says this text of whatever it is given, for tables whose other texts depend on the task."""
    return lambda _: phrase(key)


@functools.cache
def texts() -> Mapping[str, str]:
    """Every text by its key."""
    return parse(importlib.resources.files("cli.advisor").joinpath(FILE).read_text(encoding="utf-8"))


def parse(content: str) -> dict[str, str]:
    """The texts of a file of words.

    Raises:
        ValueError: it is not TOML, or a value is not a text of whole lines with placeholders like {name}. The message
            names the text.
    """
    return {key: _text(key, value) for key, value in _flat("", tomllib.loads(content))}


def placeholders(text: str) -> frozenset[str]:
    """The names that stand for values in a text. Raises ValueError where braces hold anything but a name."""
    names = set()
    for _, name, form, conversion in string.Formatter().parse(text):
        if name is None:
            continue
        if not name.isidentifier() or form or conversion:
            raise ValueError(f"expected a placeholder like {{name}}, found {{{name}...}}")
        names.add(name)
    return frozenset(names)


def _flat(above: str, table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(f"{above}{key}.", value)
        else:
            yield f"{above}{key}", value


def _text(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{FILE}: {key}: expected a text in quotes, found {value!r}")
    lines = value.splitlines()
    if not lines or any(not line or line != line.strip() for line in lines):
        raise ValueError(f"{FILE}: {key}: expected one sentence on each line, without blank lines or space around it")
    text = " ".join(lines)
    try:
        placeholders(text)
    except ValueError as error:
        raise ValueError(f"{FILE}: {key}: {error}") from None
    return text
