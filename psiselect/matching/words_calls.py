"""What programmers read from this room: every error about a function's arguments, and about what an answer holds."""

from __future__ import annotations

from collections.abc import Iterable

from psiselect.base.errors import UsageError
from psiselect.words_arguments import named

# Arguments.

TEXTS = "a string, or a list of strings"
A_SESSION = "a SparkSession"
A_FUNCTION = "a function"


def not_a_size(name: str) -> UsageError:
    return UsageError(f'{named(name)} must be a size such as "800M", "1.5G" or "2GiB"', term=name)


def too_many_places(name: str) -> UsageError:
    return UsageError(f"{named(name)} must be a number with at most 30 decimal places", term=name)


def at_least(least: int) -> str:
    return f"a whole number of at least {least}"


def too_small(name: str, least: int) -> UsageError:
    return UsageError(f"{named(name)} must be {at_least(least)}, but is smaller", term=name)


def not_one_of(name: str, known: Iterable[str], near: str | None) -> UsageError:
    hint = f". Did you mean {near!r}?" if near else ""
    return UsageError(f"{named(name)} must be one of {', '.join(map(repr, known))}{hint}", term=name)


def none_named(name: str) -> UsageError:
    return UsageError(f"{name}= is an empty list. Put at least one item in the list", term=name)


def not_a_certificate(name: str) -> UsageError:
    return UsageError(f"{name}= must be the peer's certificate, but is an identity with private keys", term=name)


def no_certificate(name: str) -> UsageError:
    return UsageError(
        f"{name}= is missing. Give the certificate of the other side. Ask them for their .crt file", term=name
    )


_NEEDED = {
    "key": 'Name the column to match by and its rule, such as key="email:email"',
    "identity": 'Name this side\'s own identity: psiselect.Identity.load("keys/NAME"), or its path',
    "peer": "Give the certificate of the other side. Ask them for their .crt file, and compare its fingerprint with "
    "them",
    "out": "Name the file to write for the peer",
    "state": "Name the file in which this side keeps its secrets between offer and finish",
}


def missing(name: str) -> UsageError:
    return UsageError(f"{name}= is missing. {_NEEDED[name]}", term=name)


def port_zero() -> UsageError:
    return UsageError(
        "address= has port 0, on which no program can listen. Use the port that the peer's program shows",
        term="address",
    )


def number_of_keys(found: int, most: int) -> UsageError:
    return UsageError(f"key= must name 1 to {most} keys, but names {found}", term="key")


def one_rule() -> UsageError:
    return UsageError('rule= must be a rule that needs only one column, such as "email"', term="rule")


def not_values() -> UsageError:
    return UsageError("values= must be a series, an Arrow array, or a list whose items are strings or None")


def no_event_loop(name: str, plain: str, error: RuntimeError) -> UsageError:
    return UsageError(
        f"{name}() works only in an asyncio program. Await it inside asyncio.run(...), or call {plain}() (technical "
        f"detail: {error})"
    )


def docstring_of_async(plain: str) -> str:
    return f"The same as `psiselect.{plain}`, for asyncio programs: await it; it runs in a thread of its own."


# Answers.

NUMBER_OF_MATCHES = "the number of matches"
MATCHES_BY_KEY = "the number of matches of each key"
WHICH_ROWS = "which rows match"


def not_learnt(learn: str) -> UsageError:
    return UsageError(f"this side does not get the result: with learn='{learn}', only the other side gets it")


def not_in_the_result(reveal: str, what: str, instead: str | None) -> UsageError:
    more = "" if instead is None else f". Use .{instead}"
    return UsageError(f"a session with reveal='{reveal}' does not show {what}{more}")


def rows_are_written(output: object) -> UsageError:
    return UsageError(f"the rows are in the file '{output}'. Read them there, or leave out output=")


def engine_writes_rows() -> UsageError:
    return UsageError("an engine writes the rows and does not return them. Name a place for them with output=")


def rows_not_asked_for() -> UsageError:
    return UsageError("the call did not ask for the rows. Call the function with rows=True")


def not_installed(library: str) -> UsageError:
    return UsageError(
        f"{library} is not installed. Run `pip install {library}`, or use .rows, a pyarrow table, which "
        "needs no other package"
    )
