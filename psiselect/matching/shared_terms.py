"""What both sides agree on, in one TOML file that both sides use (docs/first-match.md, decision 0297).

Rule: the file speaks of both sides alike: of rules and not of columns, of "listen" and "connect" and not of "me". It
sets nothing that one side decides alone.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

from psi.agreement.amounts import MAX_DECIMALS
from psi.agreement.column_terms import MAX_LABEL_BYTES, MIN_LABEL_BYTES, ColumnTerms
from psi.agreement.modes import Comparer, Learner, Matching, Reveal, SessionProtocol, Side
from psi.agreement.terms import MAX_KEYS, MAX_SIZE, PROTOCOL_VERSION
from psi.normalize import parse_key
from psi.normalize.key import REGION_COLUMN, with_rules
from psiselect import words_arguments
from psiselect.base import toml_file
from psiselect.base.errors import UsageError
from psiselect.matching import asked
from psiselect.matching import words_terms as words
from psiselect.matching.given import GivenOptions

_NUMBERS = ("epsilon", "delta", "value_max")


def _whole(least: int, most: int) -> Callable[[Any, str], int]:
    """A check of whole numbers, which may be in quotes."""

    def check(value: Any, name: str) -> int:
        number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
        if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
            raise words.not_a_whole_number(name, least, most)
        return number

    return check


def _number(value: Any, name: str) -> str:
    """An exact number as text. TOML has it as it was written, in quotes or not."""
    return asked.decimal_text(str(value) if isinstance(value, float) else value, name)


def _ratio(value: Any, name: str) -> str:
    return asked.exact_text(str(value) if isinstance(value, float) else value, name)


@dataclass(frozen=True)
class _Term:
    """A term of one value. field: of `GivenOptions`."""

    field: str
    check: Callable[[Any, str], Any]


# By the name in the file, which is the option's. What the file asks for is told in this order.
_PLAIN = {
    "protocol": _Term("protocol", asked.one_of(SessionProtocol)),
    "reveal": _Term("reveal", asked.one_of(Reveal)),
    "matching": _Term("matching", asked.one_of(Matching)),
    "epsilon": _Term("epsilon", _ratio),
    "delta": _Term("delta", _ratio),
    "value-decimals": _Term("value_decimals", _whole(0, MAX_DECIMALS)),
    "value-max": _Term("value_max", _number),
    "min-matches": _Term("min_matches", _whole(1, MAX_SIZE)),
    "min-matches-by": _Term("min_matches_by", asked.one_of(Comparer)),
    "pad-to": _Term("pad_to", _whole(1, MAX_SIZE)),
    "label-bytes": _Term("label_bytes", _whole(MIN_LABEL_BYTES, MAX_LABEL_BYTES)),
}
NAMES = ("version", "keys", "learn", "columns", *_PLAIN)
# What one side decides alone: options of the commands, by name.
_ALONE = {name.replace("_", "-") for name in asked.OPTIONS} | {
    *("key", "address", "identity", "peer", "input", "out", "state", "serve", "config", "health", "log", "results"),
    *("max-sessions", "peer-sessions", "max-duration", "grace", "directory", "json"),
}
_OPTIONS = {"learn": "--learn", "sent": "--send", "received": "--receive"} | {
    term.field: f"--{name}" for name, term in _PLAIN.items()
}


@dataclass(frozen=True)
class SharedTerms:
    """A file of terms, each one checked by itself.

    plain: fields of `GivenOptions` that have the same value on both sides. rules: of each key, None for none. learn:
    who gets the result. columns: which ones each side gives.
    """

    path: Path
    plain: dict[str, Any]
    rules: tuple[str, ...] | None
    learn: Learner | None
    columns: dict[Side, tuple[str, ...]] | None

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file. Raises InputError when it cannot be read or is not TOML, UsageError for what is no term or has
        a value that makes no sense; both name the file, and UsageError the name in it."""
        found = toml_file.load(path, "terms")
        for name in found:
            if name not in NAMES:
                near = difflib.get_close_matches(name, NAMES, 1)
                raise words.no_term(path, name, near, NAMES, alone=name in _ALONE)
        version = found.get("version", PROTOCOL_VERSION)
        if version != PROTOCOL_VERSION or isinstance(version, bool):
            raise words.in_terms(path, "version", words.other_version(PROTOCOL_VERSION))
        plain = {
            term.field: _checked(path, name, term.check, found[name]) for name, term in _PLAIN.items() if name in found
        }
        learn = _checked(path, "learn", asked.one_of(Learner), found["learn"]) if "learn" in found else None
        return cls(
            path,
            plain,
            _rules(path, found["keys"]) if "keys" in found else None,
            None if learn is None else Learner(learn),
            _columns(path, found["columns"]) if "columns" in found else None,
        )

    def told(self) -> Iterator[str]:
        """What the file asks for, a line each, under a heading."""
        yield words.terms_ask_for(self.path)
        if self.rules is not None:
            yield words.asks_for_keys(self.rules)
        if self.learn is not None:
            yield words.asks_for_learner(self.learn)
        for name, term in _PLAIN.items():
            if term.field in self.plain:
                yield words.asks_for(name, self.plain[term.field])
        for side, names in (self.columns or {}).items():
            if names:
                yield f"  {words.columns_given(side, names)}"

    def apply(self, side: Side, given: GivenOptions, said: Collection[str], *, alone: bool = False) -> GivenOptions:
        """The options with the terms in place.

        said: the fields that were said, and not left at their defaults; the keys always are. alone: both sides are on
        this machine, and A learns. Raises UsageError where an option disagrees with the file.
        """
        if alone and self.learn not in (None, Learner.CONNECT):
            raise words.only_a_learns(self.path, self.learn)
        wanted = self._fields(side)
        for name, value in wanted.items():
            here = getattr(given, name)
            if name in said and not _same(name, here, value):
                raise words.option_disagrees(_OPTIONS[name], here, self.path, value, name)
        return replace(given, **wanted, keys=self.keys(given.keys))

    def keys(self, given: Sequence[str], option: str = "--key") -> tuple[str, ...]:
        """Keys as `--key` has them, with the file's rules. option: which one they are from. Raises UsageError where
        they have other rules, or are not as many."""
        if self.rules is None:
            return tuple(given)
        if len(given) != len(self.rules):
            raise words.other_number_of_keys(self.path, len(self.rules), len(given), option)
        made = []
        for number, (key, rule) in enumerate(zip(given, self.rules, strict=True), start=1):
            full = with_rules(key, rule)
            here, agreed = parse_key(full).describe(), _described(rule)
            if here != agreed:
                raise words.other_rule(self.path, option, number, here, agreed)
            made.append(full)
        return tuple(made)

    def require_same(self, given: GivenOptions, side: Side) -> None:
        """Compare the file with the options of an offer that was made. Raises UsageError for the first difference."""
        for name, value in self._fields(side).items():
            here = getattr(given, name)
            if not _same(name, here, value):
                raise words.offer_disagrees(_OPTIONS[name], here, self.path, value, name)
        if self.rules is not None:
            here = "; ".join(parse_key(key).describe() for key in given.keys)
            agreed = "; ".join(map(_described, self.rules))
            if here != agreed:
                raise words.offer_disagrees("--key", here, self.path, agreed, "rule")

    def _fields(self, side: Side) -> dict[str, Any]:
        """What the file sets of this side's options, without the keys."""
        wanted = dict(self.plain)
        if self.learn is not None:
            wanted["learn"] = {Learner.BOTH: "both", Learner(side.value): "me"}.get(self.learn, "peer")
        if self.columns is not None:
            wanted |= {"sent": self.columns[side], "received": self.columns[side.other]}
        return wanted


def _checked(path: Path, name: str, check: Callable[[Any, str], Any], value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise words.in_terms(path, name, words.A_VALUE)
    try:
        return check(value, f"{path}: {name!r}")
    except UsageError as error:
        raise words_arguments.as_usage(error, name) from None


def _rules(path: Path, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(rule, str) for rule in value):
        raise words.in_terms(path, "keys", words.A_LIST_OF_RULES)
    if not 1 <= len(value) <= MAX_KEYS:
        raise words.in_terms(path, "keys", words.other_number_of_rules(MAX_KEYS, len(value)))
    for rule in value:
        if ":" in rule or f"{REGION_COLUMN}=" in rule:
            raise words.in_terms(path, "keys", words.NO_COLUMN)
        try:
            _described(rule)
        except UsageError as error:
            raise words.in_terms(path, "keys", words.no_rule(rule, error)) from None
    return tuple(value)


def _described(rule: str) -> str:
    """A rule of the file as both sides compare it; it is read with a column for each part."""
    columns = "+".join(f"x:{REGION_COLUMN}=y" if REGION_COLUMN in part else "x" for part in rule.split("+"))
    return parse_key(with_rules(columns, rule)).describe()


def _columns(path: Path, value: Any) -> dict[Side, tuple[str, ...]]:
    sides = {side.value: side for side in Side}
    if not isinstance(value, dict) or not value.keys() <= sides.keys():
        raise words.in_terms(path, "columns", words.A_TABLE_OF_COLUMNS)
    found: dict[Side, tuple[str, ...]] = dict.fromkeys(Side, ())
    for name, columns in value.items():
        if not isinstance(columns, list) or not all(isinstance(column, str) for column in columns):
            raise words.in_terms(path, "columns", words.not_a_list_of_names(name))
        found[sides[name]] = tuple(columns)
    try:
        ColumnTerms.between(Side.CONNECT, found[Side.CONNECT], found[Side.LISTEN])
    except UsageError as error:
        raise words.in_terms(path, "columns", str(error)) from None
    return found


def _same(name: str, one: Any, other: Any) -> bool:
    """Equal values; the order of columns does not matter, nor how a number is written."""
    if one is None or other is None:
        return one is other
    if isinstance(one, tuple):
        return sorted(one) == sorted(other)
    try:
        return Fraction(one) == Fraction(other) if name in _NUMBERS else one == other
    except (ValueError, ZeroDivisionError):
        return False  # no number; the error of the option itself says so later
