"""What all public calls share: arguments and errors in the words of Python, log, progress, cancelling, event loops."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import logging
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from psi.agreement.modes import Side
from psiselect import words_arguments
from psiselect.arguments import as_arguments, event_of, flag_of, function_of, known, path_of
from psiselect.base.errors import PsiselectError
from psiselect.charges import saying_paid
from psiselect.matching import asked, observing
from psiselect.matching import words_calls as words
from psiselect.matching.answers import MatchResult
from psiselect.matching.given import GivenOptions
from psiselect.matching.results import Found
from psiselect.matching.shared_terms import SharedTerms
from psiselect.matching.spare import Spare
from psiselect.talk import Progress, Talk, nobody_asked, silent, tell_log

logging.getLogger("psiselect").addHandler(logging.NullHandler())  # a library leaves it to the program what is shown

P = ParamSpec("P")
R = TypeVar("R")
Cancel = threading.Event | None


def public(keywords: Any, *needed: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A public call: arguments that are missing or unknown, and all errors, are said in the words of Python. keywords:
    the TypedDict of its options. needed: arguments without which it makes no sense."""

    def apply(function: Callable[P, R]) -> Callable[P, R]:
        shown = asked.signature(function, keywords)
        own = [name for name, each in shown.parameters.items() if each.kind is inspect.Parameter.KEYWORD_ONLY]

        @functools.wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            name = function.__name__
            try:
                known(kwargs, [*own, *_positional(shown)], name)
                asked.require(kwargs, *needed)
                try:
                    inspect.signature(function).bind(*args, **kwargs)
                except TypeError as error:
                    raise words_arguments.wrong_call(name, error) from None
                return function(*args, **kwargs)
            except PsiselectError as error:
                error.args = (as_arguments(str(error)),)
                raise

        called.__signature__ = shown  # type: ignore[attr-defined]
        return called

    return apply


def _positional(shown: inspect.Signature) -> list[str]:
    return [name for name, each in shown.parameters.items() if each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]


class Silent:
    """Says nothing: the result is what the call returns. A `psiselect.matching.results.Speaker`."""

    log: Path | None = None

    def __init__(self, takes_rows: bool) -> None:
        self.takes_rows = takes_rows

    def prepare(self) -> None:
        """Nothing is written."""

    def say(self, found: Found, spare: Spare) -> None:
        """The caller gets it."""

    def refuse(self, *what: object) -> None:
        """The caller gets the error."""


def talk(progress: Progress | None, cancel: Cancel, listening: Callable[[Sequence[str]], None] | None = None) -> Talk:
    function_of(progress, "progress")
    event_of(cancel, "cancel")

    @contextlib.contextmanager
    def shown(keys: int) -> Iterator[Progress]:
        def noted(done: int, total: int) -> None:
            made.look()
            (progress or silent)(done, total)

        yield noted

    made = Talk(
        tell=lambda text: tell_log(as_arguments(text)),
        shown=shown,
        observed=observing.observed,
        cancel=cancel,
        listening=listening or nobody_asked,
    )
    return made


def given_by(
    side: Side,
    table: Any,
    key: Any,
    options: Mapping[str, Any],
    parties: Mapping[str, Any],
    *,
    alone: bool = False,
    among: Mapping[str, Any] = asked.OPTIONS,
) -> GivenOptions:
    """All options of a session, with what `terms=` sets.

    parties: fields about who takes part. alone: both sides are on this machine. among: the options that there are.
    Raises UsageError, InputError.
    """
    usual = {} if alone else {"learn": "me" if side is Side.CONNECT else "peer"}
    given = asked.given(table, key, {**usual, **options}, among, **parties)
    shared = terms_of(options)
    if shared is None:
        return given
    for line in shared.told():
        tell_log(line)
    return shared.apply(side, given, asked.checked(options), alone=alone)


def terms_of(options: Mapping[str, Any]) -> SharedTerms | None:
    """What `terms=` names, None without it. Raises UsageError, InputError."""
    where = options.get("terms")
    return None if where is None else SharedTerms.load(path_of(where, "terms"))


def result(found: Found, given: GivenOptions, rows: bool) -> MatchResult:
    """Raises OutputError, with the result, for what could not be written where it belongs."""
    given_out = MatchResult.of(found, given.table, rows_wanted=rows)
    trouble = found.trouble
    if trouble is not None:
        trouble.result = given_out
        with saying_paid(lambda: found.paid):
            raise trouble
    return given_out


def speaker(rows: bool, given: GivenOptions) -> Silent:
    return Silent(flag_of(rows, "rows") and given.output is None)


def in_thread(function: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
    """The call for programs with an event loop: it runs in a thread, and a task that is cancelled cancels it."""

    @functools.wraps(function)
    async def called(*args: P.args, **kwargs: P.kwargs) -> R:
        name = f"{function.__name__}_async"
        cancel = kwargs.setdefault("cancel", threading.Event())
        try:
            loop = asyncio.get_running_loop()
            work = loop.run_in_executor(None, functools.partial(function, *args, **kwargs))
        except RuntimeError as error:  # no loop runs, or it is closed, or lets nothing in any more
            raise words.no_event_loop(name, function.__name__, error) from None
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            if isinstance(cancel, threading.Event):
                cancel.set()
            while not work.done():  # nothing goes on behind the caller's back
                with contextlib.suppress(asyncio.CancelledError, PsiselectError):
                    await asyncio.wait([work])
            work.exception()
            raise

    called.__name__ = f"{function.__name__}_async"
    called.__doc__ = words.docstring_of_async(function.__name__)
    return called
