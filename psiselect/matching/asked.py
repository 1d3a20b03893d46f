"""Options as a program gives them: keyword arguments under the command's names, checked one by one.

`--min-matches 5` of the command is `min_matches=5` here. Nothing is read or opened.
"""

from __future__ import annotations

import difflib
import enum
import inspect
import os
import typing
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, TypedDict

from psi.agreement.modes import Comparer, Matching, Reveal, SessionProtocol
from psi.identity.identity import Identity, PeerIdentity
from psi.tables import ReadingOptions
from psi.tables.opening import is_stored
from psi.tables.reading import Kind
from psiselect import words_arguments
from psiselect.arguments import flag_of, path_of, seconds_of
from psiselect.exact import Exact, exact
from psiselect.matching import words_calls as words
from psiselect.matching.given import GivenOptions, LearnedBy
from psiselect.tables import HeldTable, table_of
from psiselect.words import parse_size

PathLike = str | os.PathLike[str]
Texts = str | Sequence[str]
IdentityLike = Identity | PathLike
PeerLike = PeerIdentity | PathLike


class ReadingKeywords(TypedDict, total=False):
    """What is said about a table in a file or a database; see docs/tables.md."""

    query: str
    delimiter: str
    encoding: str
    csv_escape: Literal["none", "backslash"]
    header: bool
    header_lines: int
    sheet: str
    format: str


class ListKeywords(ReadingKeywords, total=False):
    """What is read of a table, and with what means.

    null: texts that stand for an empty cell. strict: refuse a table with unreadable rows. workdir: folder for what
    does not fit into memory. memory_limit: bytes, or text such as "800M".
    """

    null: Texts
    strict: bool
    workdir: PathLike
    memory_limit: int | str


class TermKeywords(ListKeywords, total=False):
    """What both sides must say alike, and the means of this side. docs/cli.md explains each.

    terms: a TOML file with what both sides must agree on, which both use; `key` then names columns only.
    """

    terms: PathLike
    protocol: Literal["ecdh", "fast"]
    reveal: Literal["matches", "count", "sum", "noisy-count"]
    matching: Literal["one-to-one", "one-to-many"]
    epsilon: Exact
    delta: Exact
    value: str
    value_decimals: int
    value_max: Exact
    pad_to: int
    min_matches: int
    min_matches_by: Literal["learner", "other"]
    send: Texts
    receive: Texts
    label_bytes: int
    ledger: PathLike
    dataset: str
    output: PathLike
    columns: Texts
    backend: Literal["auto", "lanes", "portable"]
    threads: int


class SessionKeywords(TermKeywords, total=False):
    """All that a session with a peer takes beside its table, key and parties."""

    learn: Literal["me", "peer", "both"]
    max_peer_size: int
    policy: PathLike
    audit: PathLike
    record: PathLike
    timeout: float
    resume: bool


class EstimateKeywords(TypedDict, total=False):
    """What a prediction takes beside the lengths of both lists; `psi estimate` in docs/cli.md explains each."""

    protocol: Literal["ecdh", "fast"]
    reveal: Literal["matches", "count", "sum", "noisy-count"]
    learn: Literal["me", "peer", "both"]
    keys: int
    link: float | str
    epsilon: Exact
    delta: Exact
    value_decimals: int
    value_max: Exact
    pad_to: int
    min_matches: int
    min_matches_by: Literal["learner", "other"]
    label_bytes: int
    key_bytes: int
    memory_limit: int | str
    backend: Literal["auto", "lanes", "portable"]
    threads: int


def text(value: object, name: str) -> str:
    """Text that is not empty. Raises UsageError."""
    if not isinstance(value, str) or not value:
        raise words_arguments.wrong(name, words_arguments.TEXT, value)
    return value


def texts(value: object, name: str) -> tuple[str, ...]:
    """One text or several. Raises UsageError."""
    several = (value,) if isinstance(value, str) else value
    if not isinstance(several, Sequence) or not all(isinstance(each, str) for each in several):
        raise words_arguments.wrong(name, words.TEXTS, value)
    return tuple(several)


def where(value: object, name: str) -> Path | str:
    """A path, or as text the address of an object in a store. Raises UsageError."""
    return value if isinstance(value, str) and is_stored(value) else path_of(value, name)


def size(value: object, name: str) -> int:
    """A number of bytes, or text such as 800M. Raises UsageError."""
    if isinstance(value, str):
        found = parse_size(value)
        if found is None:
            raise words.not_a_size(name)
        return found
    return whole(0)(value, name)


def exact_text(value: Any, name: str) -> str:
    """An exact number as text. Raises UsageError; see `psiselect.exact`."""
    return str(exact(value, name))


def decimal_text(value: Any, name: str) -> str:
    """An exact number as decimal text, for amounts. Raises UsageError."""
    found = exact(value, name)
    if isinstance(value, str):
        return value
    return f"{found.numerator}" if found.denominator == 1 else _decimals(found, name)


def _decimals(value: Fraction, name: str) -> str:
    for places in range(1, 31):
        scaled = value * 10**places
        if scaled.denominator == 1:
            digits = str(scaled.numerator).rjust(places + 1, "0")
            return f"{digits[:-places]}.{digits[-places:]}"
    raise words.too_many_places(name)


def whole(least: int) -> Callable[[object, str], int]:
    """A check of whole numbers of at least `least`."""

    def check(value: object, name: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise words_arguments.wrong(name, words.at_least(least), value)
        if value < least:
            raise words.too_small(name, least)
        return value

    return check


def one_of(kinds: type[enum.Enum] | Sequence[str]) -> Callable[[object, str], str]:
    """A check of texts that are one of these."""
    known = [kind.value for kind in kinds] if isinstance(kinds, type) else list(kinds)

    def check(value: object, name: str) -> str:
        if not isinstance(value, str) or value not in known:
            near = difflib.get_close_matches(value, known, 1) if isinstance(value, str) else []
            raise words.not_one_of(name, known, near[0] if near else None)
        return value

    return check


def identity(value: object, name: str) -> Identity | Path:
    """One's own identity. Raises UsageError."""
    return value if isinstance(value, Identity) else path_of(value, name)


def identities(value: object, name: str) -> tuple[Identity | Path, ...]:
    """One or several. Raises UsageError."""
    several = value if isinstance(value, list | tuple) else (value,)
    if not several:
        raise words.none_named(name)
    return tuple(identity(each, name) for each in several)


def peers(value: object, name: str) -> tuple[PeerIdentity | Path, ...]:
    """Certificates of one peer or several. Raises UsageError."""
    if isinstance(value, Identity):
        raise words.not_a_certificate(name)
    several = value if isinstance(value, list | tuple) else (value,)
    if not several or None in several:
        raise words.no_certificate(name)
    return tuple(each if isinstance(each, PeerIdentity) else path_of(each, name) for each in several)


_Check = Callable[[Any, str], Any]
_BACKENDS = ("auto", "lanes", "portable")

READING: Mapping[str, tuple[str, _Check]] = {
    "query": ("query", text),
    "delimiter": ("delimiter", text),
    "encoding": ("encoding", text),
    "csv_escape": ("csv_escape", one_of(("none", "backslash"))),
    "header": ("header", flag_of),
    "header_lines": ("header_lines", whole(1)),
    "sheet": ("sheet", text),
    "format": ("form", one_of(Kind)),
}
# By name: the field of `GivenOptions`, and the check.
OPTIONS: Mapping[str, tuple[str, _Check]] = {
    **READING,
    "null": ("nulls", texts),
    "strict": ("strict", flag_of),
    "workdir": ("workdir", path_of),
    "memory_limit": ("memory_limit", size),
    "protocol": ("protocol", one_of(SessionProtocol)),
    "reveal": ("reveal", one_of(Reveal)),
    "matching": ("matching", one_of(Matching)),
    "epsilon": ("epsilon", exact_text),
    "delta": ("delta", exact_text),
    "value": ("value", text),
    "value_decimals": ("value_decimals", whole(0)),
    "value_max": ("value_max", decimal_text),
    "pad_to": ("pad_to", whole(1)),
    "min_matches": ("min_matches", whole(1)),
    "min_matches_by": ("min_matches_by", one_of(Comparer)),
    "send": ("sent", texts),
    "receive": ("received", texts),
    "label_bytes": ("label_bytes", whole(1)),
    "ledger": ("ledger", path_of),
    "dataset": ("dataset", text),
    "output": ("output", where),
    "columns": ("columns", texts),
    "backend": ("backend", one_of(_BACKENDS)),
    "threads": ("threads", whole(1)),
    "learn": ("learn", one_of(LearnedBy)),
    "max_peer_size": ("max_peer_size", whole(0)),
    "policy": ("policy", path_of),
    "audit": ("audit", path_of),
    "record": ("record", path_of),
    "timeout": ("timeout", seconds_of),
    "resume": ("resume", flag_of),
}
ESTIMATE: Mapping[str, _Check] = {
    "protocol": OPTIONS["protocol"][1],
    **{name: OPTIONS[name][1] for name in ("reveal", "learn", "value_decimals", "value_max", "pad_to", "min_matches")},
    **{name: OPTIONS[name][1] for name in ("min_matches_by", "label_bytes", "memory_limit", "backend", "threads")},
    "keys": whole(1),
    "key_bytes": whole(1),
    "link": size,
    "epsilon": exact,
    "delta": exact,
}


def require(given: Mapping[str, object], *names: str) -> None:
    """Raise UsageError for an argument that is missing, with what to give."""
    for name in names:
        if given.get(name) is None:
            raise words.missing(name)


def names_of(keywords: Any) -> list[str]:
    """The names that a TypedDict has."""
    return list(typing.get_type_hints(keywords))


def checked(keywords: Mapping[str, object], options: Mapping[str, tuple[str, _Check]] = OPTIONS) -> dict[str, Any]:
    """The keywords as fields of `GivenOptions`; None stands for what was not said. Raises UsageError."""
    return {
        options[name][0]: options[name][1](value, name)
        for name, value in keywords.items()
        if value is not None and name in options
    }


def source_of(table: object, said: Mapping[str, Any], name: str = "the table") -> Path | str | HeldTable:
    """A table as `GivenOptions` has it. said: its fields about reading. Raises UsageError."""
    about = [field for field, _ in READING.values() if field != "query" and field in said]
    reading = ReadingOptions.of(**{field: said[field] for field in about})
    found = table_of(table, query=said.get("query"), reading=reading, name=name)
    return found if isinstance(found, HeldTable) else found.where


def given(
    table: object,
    keys: object,
    keywords: Mapping[str, object],
    options: Mapping[str, tuple[str, _Check]] = OPTIONS,
    /,
    **parties: Any,
) -> GivenOptions:
    """All options of a session, or of what else takes `options`. Raises UsageError."""
    said = checked(keywords, options)
    usual = {"matching": "one-to-many", "reveal": "matches", "min_matches_by": "learner"}
    source = source_of(table, said)
    return GivenOptions(source=source, keys=texts(keys, "key"), **{**usual, **said, **parties})


def signature(function: Callable[..., object], keywords: Any) -> inspect.Signature:
    """The function's signature with each keyword by name, for `help` and editors that ask at run time."""
    plain = inspect.signature(function)
    own = [each for each in plain.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=hint)
        for name, hint in typing.get_type_hints(keywords).items()
        if name not in plain.parameters
    ]
    return plain.replace(parameters=[*own, *more])
