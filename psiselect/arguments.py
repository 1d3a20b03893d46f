"""What callers write, as the rooms below take it; and the errors of these rooms, in the words of a call."""

from __future__ import annotations

import difflib
import enum
import functools
import inspect
import math
import os
import re
import threading
import typing
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, ParamSpec, TypedDict, TypeVar

from dpselect.privacy import NeighbouringRelation, parse_epsilon
from psi.tables.reading import Kind, ReadingOptions
from psiselect.base.errors import PsiselectError, UsageError
from psiselect.exact import Exact, exact
from psiselect.tables import AnyTable, table_of

Neighbors = str | NeighbouringRelation
"""What one person can change: "add-remove", whether the person is there at all, or "replace", what the data say."""

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")
_Choice = TypeVar("_Choice", bound=enum.Enum)
_Function = TypeVar("_Function")

# An option of a command, and the word after it that is its value: a choice, a number, a quoted text, a COLUMN:RULE or a
# NAME.
_VALUE = (
    r"add-remove|replace|drop|error|ignore|refuse|last|first|pure|zcdp|laplace|gaussian|matches|count|sum|noisy-count|"
    r"me|peer|both|one-to-one|one-to-many|[0-9][0-9.,e/-]*\b|'[^']*'|[^\s:'\"`]+:[a-z][^\s:`]*[\w)]|[A-Z]+\b"
)
_OPTION = re.compile(rf"(?<![\w-])--(no-)?([a-z][a-z-]*[a-z]|[a-z])(?![\w-])(?:[= ]({_VALUE})(?![\w-]))?")
_COMMAND = re.compile(r"`psi (offer|answer|finish)`")
# What to write for an argument that is missing.
_NEEDED = {
    "epsilon": 'say how strong the protection is: "0.1" is very strong, 1 usual, 5 weak',
    "neighbors": 'say what one person can change: "add-remove", whether they are there, or "replace", what they say',
    "lower": "name the least value that counts, from what is publicly known",
    "upper": "name the largest value that counts, from what is publicly known",
    "sensitivity": "say by how much one person's data can change any one score",
    "party": "say who this is, as named in the parties file",
    "parties": "name the file of all parties, parties.toml",
    "identity": 'name this party\'s own identity: psiselect.Identity.load("keys/NAME"), or its path',
}
# An argument that has another name than the option of the command.
_RENAMED = {"input": "table", "source": "table"}


class Reading(TypedDict, total=False):
    """What may be said about a file, as the options of the commands say it (docs/tables.md).

    query: one SELECT, for a database. format: the kind of file, such as "csv". delimiter, encoding, csv_escape, header,
    header_lines, sheet: as `--delimiter`, `--encoding`, `--csv-escape`, `--header`, `--header-lines` and `--sheet`.
    """

    query: str
    format: str
    delimiter: str
    encoding: str
    csv_escape: str
    header: bool
    header_lines: int
    sheet: str


def in_python(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """The function, with errors that name its arguments where the rooms below name options of a command. Arguments that
    are missing or unknown are such errors too."""
    room = function.__module__.removeprefix("psiselect.")
    name = f"{room}.{function.__name__}" if room in ("release", "poll") else function.__qualname__

    @functools.wraps(function)
    def called(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        try:
            _bind(function, name, args, kwargs)
            return function(*args, **kwargs)
        except PsiselectError as error:
            error.args = (as_arguments(str(error)), *error.args[1:])
            raise

    return called


def _bind(function: Callable[..., object], name: str, args: Sequence[object], kwargs: Mapping[str, object]) -> None:
    """Raise UsageError for arguments that the function does not take, and for those that it needs."""
    parameters = inspect.signature(function).parameters
    taken = [
        key
        for key, each in parameters.items()
        for key in (_names_of(function, key) if each.kind is inspect.Parameter.VAR_KEYWORD else [key])
    ]
    known(kwargs, taken, name)
    for key, each in parameters.items():
        needed = each.kind is inspect.Parameter.KEYWORD_ONLY and each.default is inspect.Parameter.empty
        if needed and key not in kwargs:
            raise UsageError(f"{name}() needs {key}=: {_NEEDED.get(key, f'see help(psiselect.{name})')}", term=key)
    try:
        inspect.signature(function).bind(*args, **kwargs)
    except TypeError as error:
        raise UsageError(f"{name}(): {error}; see help(psiselect.{name})") from None


def _names_of(function: Callable[..., object], key: str) -> list[str]:
    """The names that `**options` stands for."""
    (named,) = typing.get_args(typing.get_type_hints(function)[key])
    return list(typing.get_type_hints(named))


def known(keywords: Mapping[str, object], names: Sequence[str], call: str) -> None:
    """Raise UsageError for a keyword that the call does not take."""
    for name in keywords:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            hint = f"did you mean {near[0]}=?" if near else f"it takes {', '.join(sorted(names))}"
            raise UsageError(f"{call}() has no option {name}=; {hint}", term=name)


def as_arguments(text: str) -> str:
    """Words about options as words about arguments: --on-invalid drop becomes on_invalid="drop", and --show show=."""

    def argument(found: re.Match[str]) -> str:
        option, value = found[2].replace("-", "_"), found[3]
        name = _RENAMED.get(option, option)
        if found[1]:
            return f"{name}=False"
        if value is None:
            return f"{name}="
        if value[0].isdigit():
            return f"{name}={value.replace(',', '')}"
        return f'{name}="{value}"' if value[0].islower() or (":" in value and value[0] != "'") else f"{name}={value}"

    return _OPTION.sub(argument, _COMMAND.sub(r"psiselect.\1()", text))


def epsilon_of(value: Exact) -> Fraction:
    """Epsilon, above 0. Raises UsageError, for a float with the exact text to write instead."""
    if isinstance(value, str) and value.strip().startswith("ln("):
        return parse_epsilon(value)  # raises, with the reason
    return parse_epsilon(exact(value, "epsilon"))


def relation_of(neighbors: Neighbors) -> NeighbouringRelation:
    """Raises UsageError for anything but a relation or its name."""
    return neighbors if isinstance(neighbors, NeighbouringRelation) else NeighbouringRelation.parse(neighbors)


def choice_of(kind: type[_Choice], value: Any, name: str) -> _Choice:
    """The member with this value. Raises UsageError, with those that there are."""
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(repr(member.value) for member in kind)
        raise UsageError(f"{name}: expected one of {known}, got {value!r:.60}", term=name) from None


def whole(value: Any, name: str, *, least: int = 1) -> int:
    """A whole number of `least` or more. Raises UsageError."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or value.__index__() < least:
        raise UsageError(f"{name}: expected a whole number of {least} or more, got {value!r:.40}", term=name)
    return int(value.__index__())


def texts_of(values: Any, name: str) -> tuple[str, ...]:
    """Several texts. Raises UsageError for one text alone, whose letters they would be."""
    if isinstance(values, str) or not isinstance(values, Sequence) or not all(isinstance(v, str) for v in values):
        raise UsageError(f'{name}: expected a list of texts, such as ["a", "b"]', term=name)
    return tuple(values)


def text_of(value: Any, name: str) -> str:
    """One text. Raises UsageError."""
    if not isinstance(value, str):
        raise UsageError(f"{name}: expected text, got {type(value).__name__}", term=name)
    return value


def flag_of(value: Any, name: str) -> bool:
    """True or False. Raises UsageError."""
    if not isinstance(value, bool):
        raise UsageError(f"{name}: expected True or False, got {type(value).__name__}", term=name)
    return value


def path_of(value: Any, name: str) -> Path:
    """A path. Raises UsageError."""
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise UsageError(f"{name}: expected a path, got {type(value).__name__}", term=name)
    return Path(os.fspath(value))


def seconds_of(value: Any, name: str) -> float:
    """A time above 0. Raises UsageError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise UsageError(f"{name}: expected a number of seconds above 0, got {type(value).__name__}", term=name)
    return float(value)


def function_of(value: _Function, name: str) -> _Function:
    """A function that is told of progress, or None. Raises UsageError."""
    if value is not None and not callable(value):
        raise UsageError(f"{name}: expected a function of two numbers: how much is done, and of how much", term=name)
    return value


def event_of(value: threading.Event | None, name: str) -> threading.Event | None:
    """What cancels a call, or None. Raises UsageError."""
    if value is not None and not isinstance(value, threading.Event):
        raise UsageError(f"{name}: expected a threading.Event, got {type(value).__name__}", term=name)
    return value


_SAID: Mapping[str, Callable[[Any, str], object]] = {"header": flag_of, "header_lines": whole}  # the rest is text


def given_table(table: Any, said: Reading, name: str, *, formatted: bool = True) -> AnyTable:
    """The table with what is said about it. formatted: whether `format` is a kind of table. Raises UsageError."""
    for key, value in said.items():
        if value is not None:
            _SAID.get(key, text_of)(value, key)
    form = said.get("format") if formatted else None
    if form is not None:
        choice_of(Kind, form, "format")
    reading = ReadingOptions.of(
        delimiter=said.get("delimiter"),
        encoding=said.get("encoding"),
        csv_escape=_escape(said.get("csv_escape")),
        header=said.get("header"),
        header_lines=said.get("header_lines"),
        sheet=said.get("sheet"),
        form=form,
    )
    return table_of(table, query=said.get("query"), reading=reading, name=name)


def _escape(text: str | None) -> str | None:
    if text not in (None, "none", "backslash"):
        raise UsageError("csv_escape: expected 'none' or 'backslash'", term="csv_escape")
    return text
