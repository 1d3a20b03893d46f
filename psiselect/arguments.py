"""What callers write, as the rooms below take it; and the errors of these rooms, in the words of a call."""

from __future__ import annotations

import difflib
import enum
import functools
import inspect
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
from psiselect import words_arguments as words
from psiselect.base.errors import PsiselectError
from psiselect.base.threads import LONGEST_WAIT
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
    r"me|peer|both|one-to-one|one-to-many|learner|other|ecdh|portable|spark|sail|[0-9][0-9.,e/-]*\b|'[^']*'|[^\s:'\"`]+:[a-z][^\s:`]*[\w)]|[A-Z]+\b"
)
_OPTION = re.compile(rf"(?<![\w-])--(no-)?([a-z][a-z-]*[a-z]|[a-z])(?![\w-])(?:[= ]({_VALUE})(?![\w-]))?")
_COMMAND = re.compile(r"`psi (offer|answer|finish)`")
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
            raise words.missing(name, key)
    try:
        inspect.signature(function).bind(*args, **kwargs)
    except TypeError as error:
        raise words.wrong_call(name, error) from None


def _names_of(function: Callable[..., object], key: str) -> list[str]:
    """The names that `**options` stands for."""
    (named,) = typing.get_args(typing.get_type_hints(function)[key])
    return list(typing.get_type_hints(named))


def known(keywords: Mapping[str, object], names: Sequence[str], call: str) -> None:
    """Raise UsageError for a keyword that the call does not take."""
    for name in keywords:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            raise words.unknown(call, name, near[0] if near else None, names)


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
        raise words.not_one_of(name, known, value) from None


def whole(value: Any, name: str, *, least: int = 1) -> int:
    """A whole number of `least` or more. Raises UsageError."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or value.__index__() < least:
        raise words.not_whole(name, least, value)
    return int(value.__index__())


def texts_of(values: Any, name: str) -> tuple[str, ...]:
    """Several texts. Raises UsageError for one text alone, whose letters they would be."""
    if isinstance(values, str) or not isinstance(values, Sequence) or not all(isinstance(v, str) for v in values):
        raise words.not_texts(name)
    return tuple(values)


def text_of(value: Any, name: str) -> str:
    """One text. Raises UsageError."""
    if not isinstance(value, str):
        raise words.wrong(name, words.TEXT, value)
    return value


def flag_of(value: Any, name: str) -> bool:
    """True or False. Raises UsageError."""
    if not isinstance(value, bool):
        raise words.wrong(name, words.A_FLAG, value)
    return value


def path_of(value: Any, name: str) -> Path:
    """A path. Raises UsageError."""
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise words.wrong(name, words.A_PATH, value)
    return Path(os.fspath(value))


def seconds_of(value: Any, name: str) -> float:
    """A time above 0, at most LONGEST_WAIT. Raises UsageError."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise words.wrong(name, words.A_TIME, value)
    if not 0 < value <= LONGEST_WAIT:  # no NaN is between them
        raise words.not_a_time(name, LONGEST_WAIT, value)
    return float(value)


def function_of(value: _Function, name: str) -> _Function:
    """A function that is told of progress, or None. Raises UsageError."""
    if value is not None and not callable(value):
        raise words.not_of_two_numbers(name)
    return value


def event_of(value: threading.Event | None, name: str) -> threading.Event | None:
    """What cancels a call, or None. Raises UsageError."""
    if value is not None and not isinstance(value, threading.Event):
        raise words.wrong(name, words.AN_EVENT, value)
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
        raise words.not_an_escape()
    return text
