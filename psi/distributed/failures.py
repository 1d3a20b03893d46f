"""What an engine raises, as errors of this project: by whose fault it is, and without what a row holds.

An engine's own text may quote a row. So only two parts of it are repeated: what the planner says of names, and what a
task of this project has raised.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from psi.distributed import words
from psiselect.base import errors
from psiselect.base.errors import InputError, PsiselectError

_LIBRARIES = frozenset(("pyspark", "py4j", "grpc", "pysail"))
_OWN = re.compile(r"psiselect\.base\.errors\.(\w+Error): ([^\n]+)")
_JAVA = re.compile(r"\b((?:[a-z]\w*\.)+[A-Z]\w*(?:Exception|Error))\b")
_JAVA_SAYS = re.compile(_JAVA.pattern + r": [^\n]+")
_THERE = re.compile(r"PATH_ALREADY_EXISTS|TABLE_OR_VIEW_ALREADY_EXISTS|already exists")
_MALFORMED = re.compile(r"MALFORMED_\w*RECORD|incorrect number of fields|Malformed")
_SHOWN = 300


@contextlib.contextmanager
def typed() -> Iterator[None]:
    """Raises an error of this project for one of an engine."""
    try:
        yield
    except Exception as error:  # by its library: engines have no base class in common
        if type(error).__module__.split(".")[0] not in _LIBRARIES:
            raise
        raise told(error) from None


@contextlib.contextmanager
def starting() -> Iterator[None]:
    """Raises UsageError for what keeps an engine from starting, with its own words: it has seen no row yet."""
    try:
        yield
    except Exception as error:
        if type(error).__module__.split(".")[0] not in _LIBRARIES:
            raise
        text = str(error).strip()
        java = _JAVA_SAYS.search(text)
        why = text.partition("\n")[0] if java is None else java[0]
        raise words.does_not_start(why[:_SHOWN]) from None


def told(error: Exception) -> PsiselectError:
    """The same as an error of this project."""
    text = str(error)
    own = _OWN.search(text)
    if own is not None:
        kind = getattr(errors, own[1], InputError)
        return (kind if issubclass(kind, PsiselectError) else InputError)(own[2])
    if type(error).__name__ == "AnalysisException":
        first = text.strip().partition("\n")[0][:_SHOWN]
        if _THERE.search(text):
            return words.not_written_over(first)
        return words.engine_cannot(first)
    if _MALFORMED.search(text):
        return words.malformed_row()
    found = _JAVA.search(text)
    what = type(error).__name__ if found is None else found[1]
    return words.engine_failed(what)
