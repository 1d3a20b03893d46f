"""What callers write, as the rooms below take it; and the errors of these rooms, in the words of a call."""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
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

# An option of a command, and the word after it that is its value: a choice, a number, a quoted text, a COLUMN:RULE or a
# NAME.
_VALUE = (
    r"add-remove|replace|drop|error|ignore|refuse|last|first|pure|zcdp|laplace|gaussian|matches|count|sum|noisy-count|"
    r"me|peer|both|one-to-one|one-to-many|[0-9][0-9.,e/-]*\b|'[^']*'|[^\s:'\"`]+:[a-z][^\s:`]*[\w)]|[A-Z]+\b"
)
_OPTION = re.compile(rf"(?<![\w-])--(no-)?([a-z][a-z-]*[a-z]|[a-z])(?![\w-])(?:[= ]({_VALUE})(?![\w-]))?")
_COMMAND = re.compile(r"`psi (offer|answer|finish)`")
# An argument that has another name than the option of the command.
_RENAMED = {"input": "table", "source": "table"}


class Reading(TypedDict, total=False):
    """What may be said about a file, as the options of the commands say it (docs/tables.md).

    query: one SELECT, for a database. format: the kind of file, such as "csv". delimiter, encoding, csv_escape, header,
    sheet: as `--delimiter`, `--encoding`, `--csv-escape`, `--header` and `--sheet`.
    """

    query: str
    format: str
    delimiter: str
    encoding: str
    csv_escape: str
    header: bool
    sheet: str


def in_python(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """The function, with errors that name its arguments where the rooms below name options of a command."""

    @functools.wraps(function)
    def called(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        try:
            return function(*args, **kwargs)
        except PsiselectError as error:
            error.args = (as_arguments(str(error)), *error.args[1:])
            raise

    return called


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


def given_table(table: Any, said: Reading, name: str, *, formatted: bool = True) -> AnyTable:
    """The table with what is said about it. formatted: whether `format` is a kind of table. Raises UsageError, and
    TypeError for an argument that there is not."""
    unknown = [key for key in said if key not in Reading.__annotations__]
    if unknown:
        raise TypeError(f"unexpected keyword argument {unknown[0]!r}")
    form = said.get("format") if formatted else None
    if form is not None:
        choice_of(Kind, form, "format")
    reading = ReadingOptions.of(
        delimiter=said.get("delimiter"),
        encoding=said.get("encoding"),
        csv_escape=_escape(said.get("csv_escape")),
        header=said.get("header"),
        sheet=said.get("sheet"),
        form=form,
    )
    return table_of(table, query=said.get("query"), reading=reading, name=name)


def _escape(text: str | None) -> str | None:
    if text not in (None, "none", "backslash"):
        raise UsageError("csv_escape: expected 'none' or 'backslash'", term="csv_escape")
    return text
