"""`--terms FILE`: what both sides agree on, in one TOML file that both sides pass (docs/first-match.md).

Rule: the file speaks of both sides alike: rules and not columns, "listen" and "connect" and not "me". It sets nothing
that one side decides alone.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from cli._output import say
from psi.agreement.column_terms import ColumnTerms
from psi.agreement.modes import Learner, Side
from psi.agreement.terms import MAX_KEYS, PROTOCOL_VERSION
from psi.normalize import parse_key
from psi.normalize.key import with_rules
from psiselect.base import toml_file
from psiselect.base.errors import UsageError

OPTION = click.option(
    "--terms",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Take what both sides must agree on from this TOML file. Both sides use the same file; --key then names "
    "columns only. An option that disagrees with the file is an error.",
)
# By the name in the file: the name of click's parameter, and what it means. They are told in this order.
_PLAIN = {
    "protocol": ("protocol", "how matches are found: {}"),
    "reveal": ("reveal", "what the result is: {}"),
    "matching": ("matching", "rows match {}"),
    "epsilon": ("epsilon", "epsilon of the noise: {}"),
    "delta": ("delta", "delta of the noise: {}"),
    "value-decimals": ("value_decimals", "decimal places of a value: {}"),
    "value-max": ("value_max", "largest sum of a key's values: {}"),
    "min-matches": ("min_matches", "a result below {} is withheld"),
    "min-matches-by": ("min_matches_by", "who compares the result with the minimum: {}"),
    "pad-to": ("pad_to", "both lists are filled up to {} items"),
    "label-bytes": ("label_bytes", "columns that travel are padded to {} bytes"),
}
_OTHERS = ("version", "keys", "learn", "columns")
_LEARNERS = {
    Learner.CONNECT: "the connecting side gets the result",
    Learner.LISTEN: "the listening side gets the result",
    Learner.BOTH: "both sides get the result",
}
_WORDS = {
    "matches": "the rows that match",
    "count": "how many rows match",
    "sum": "the sum of the values of the rows that match",
    "noisy-count": "how many rows match, with noise",
    "ecdh": "on the curve (ecdh)",
    "fast": "by the fast protocol, which is experimental",
    "learner": "the side that gets it",
    "other": "the side that does not get it, which then learns the number of matches",
}
_GIVEN = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT, ParameterSource.DEFAULT_MAP)


@dataclass(frozen=True)
class SharedTerms:
    """A file of terms, checked: by the names of click's parameters, and what both sides have."""

    path: Path
    plain: dict[str, Any]
    rules: tuple[str, ...] | None
    learn: Learner | None
    columns: dict[Side, tuple[str, ...]] | None

    @classmethod
    def load(cls, ctx: click.Context, path: Path) -> SharedTerms:
        """Read a file. Raises InputError when it cannot be read or is not TOML, UsageError for what is no term or has
        a value that makes no sense; both name the file, and UsageError the name in it."""
        found = toml_file.load(path, "terms")
        alone = _decided_alone(ctx)
        for name in found:
            if name in _PLAIN or name in _OTHERS:
                continue
            if name in alone:
                raise _wrong(path, name, "each side decides this alone; use the option of the command")
            near = difflib.get_close_matches(name, (*_PLAIN, *_OTHERS), 1)
            known = f"did you mean {near[0]!r}?" if near else f"the terms are {', '.join((*_OTHERS, *_PLAIN))}"
            raise _wrong(path, name, f"this is not a term; {known}")
        version = found.get("version", PROTOCOL_VERSION)
        if version != PROTOCOL_VERSION or isinstance(version, bool):
            raise _wrong(path, "version", f"this program speaks version {PROTOCOL_VERSION} of the protocol")
        options = {option.name: option for option in ctx.command.params}
        plain = {
            parameter: _cast(ctx, path, name, options[parameter], found[name])
            for name, (parameter, _) in _PLAIN.items()
            if name in found
        }
        learn = None
        if "learn" in found:
            learners = [learner.value for learner in Learner]
            if found["learn"] not in learners:
                raise _wrong(path, "learn", f"expected one of {', '.join(learners)}")
            learn = Learner(found["learn"])
        rules = _rules(path, found["keys"]) if "keys" in found else None
        return cls(path, plain, rules, learn, _columns(path, found["columns"]) if "columns" in found else None)

    def words(self) -> list[str]:
        """What the file asks for, a line each."""
        lines = []
        if self.rules is not None:
            lines.append(f"keys, in this order: {'; '.join(self.rules)}")
        if self.learn is not None:
            lines.append(_LEARNERS[self.learn])
        for name, text in _PLAIN.values():
            if name in self.plain:
                value = self.plain[name]
                lines.append(text.format(_WORDS.get(value, value)))
        for side, names in (self.columns or {}).items():
            if names:
                lines.append(f"the {side.value}ing side gives these columns with each match: {', '.join(names)}")
        return lines

    def apply(self, ctx: click.Context, side: Side, values: dict[str, Any]) -> None:
        """Put the terms into a command's values. Raises UsageError where an option says otherwise."""
        wanted = dict(self.plain)
        if self.learn is not None:
            own = {Learner.BOTH: "both", Learner(side.value): "me"}.get(self.learn, "peer")
            if "learn" in values:
                wanted["learn"] = own
            elif own != "me":
                raise _wrong(
                    self.path,
                    "learn",
                    f"`psi local` lets A learn, the connecting side, and not {self.learn.value!r}",
                )
        if self.columns is not None:
            wanted |= {"sent": self.columns[side], "received": self.columns[side.other]}
        for name, value in wanted.items():
            if ctx.get_parameter_source(name) in _GIVEN and not _same(values[name], value):
                option = next(option for option in ctx.command.params if option.name == name).opts[0]
                raise UsageError(
                    f"{option} says {_shown(values[name])}, and {self.path} says {_shown(value)}. Leave out {option}, "
                    "or agree with the peer on another file",
                    term=name,
                )
            values[name] = value
        if self.rules is not None:
            for option, name in (("--key", "keys"), ("--key-b", "keys_b")):
                if values.get(name):
                    values[name] = self._keys(option, values[name], self.rules)

    def _keys(self, option: str, given: Sequence[str], rules: Sequence[str]) -> tuple[str, ...]:
        if len(given) != len(rules):
            raise UsageError(
                f"{self.path} names {len(rules)} keys, and there are {len(given)} {option}. Give one {option} COLUMN "
                "for each, in the order of the file",
                term="keys",
            )
        made = tuple(with_rules(key, rule) for key, rule in zip(given, rules, strict=True))
        for number, (key, rule) in enumerate(zip(made, rules, strict=True), start=1):
            here, agreed = parse_key(key).describe(), parse_key(with_rules(_anything(rule), rule)).describe()
            if here != agreed:
                raise UsageError(
                    f"{option} says {here} for key {number}, and {self.path} says {agreed}. Give {option} COLUMN "
                    "without a rule, or agree with the peer on another file",
                    term="rule",
                )
        return made


def take(side: Side, values: dict[str, Any]) -> None:
    """Take `--terms` out of a command's values, say what it asks for, and put its terms in. Raises UsageError,
    InputError."""
    path = values.pop("terms", None)
    if path is None:
        return
    ctx = click.get_current_context()
    terms = SharedTerms.load(ctx, path)
    terms.apply(ctx, side, values)
    say(f"terms that {path} asks for:")
    for line in terms.words():
        say(f"  {line}")


def _decided_alone(ctx: click.Context) -> set[str]:
    """Options of the command, by their names in a file, and what other commands have of the kind."""
    named: set[str] = {name.lstrip("-") for option in ctx.command.params for name in option.opts}
    return {*named, "key", "address", "identity", "peer", "policy", "output", "state", "out"} - {*_PLAIN, *_OTHERS}


def _wrong(path: Path, name: str, why: str) -> UsageError:
    return UsageError(f"{path}: {name!r}: {why}", term=name)


def _cast(ctx: click.Context, path: Path, name: str, option: click.Parameter, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _wrong(path, name, "expected a text or a number")
    try:
        return option.type_cast_value(ctx, str(value))
    except click.BadParameter as error:
        raise _wrong(path, name, error.message) from None


def _rules(path: Path, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(rule, str) for rule in value):
        raise _wrong(path, "keys", 'expected a list of rules, such as ["email", "phone,region=PL"]')
    if not 1 <= len(value) <= MAX_KEYS:
        raise _wrong(path, "keys", f"expected 1 to {MAX_KEYS} rules, found {len(value)}")
    for rule in value:
        if ":" in rule or "region-column" in rule:
            raise _wrong(path, "keys", "a rule names no column; name columns with --key")
        try:
            parse_key(with_rules(_anything(rule), rule))
        except UsageError:
            raise _wrong(path, "keys", f"{rule!r} is not a rule, such as email or phone,region=PL") from None
    return tuple(value)


def _columns(path: Path, value: Any) -> dict[Side, tuple[str, ...]]:
    sides = {side.value: side for side in Side}
    if not isinstance(value, dict) or not value.keys() <= sides.keys():
        raise _wrong(path, "columns", "expected a table with the lists 'connect' and 'listen': who gives which columns")
    found: dict[Side, tuple[str, ...]] = dict.fromkeys(Side, ())
    for name, columns in value.items():
        if not isinstance(columns, list) or not all(isinstance(column, str) for column in columns):
            raise _wrong(path, "columns", f"{name!r} is not a list of names")
        found[sides[name]] = tuple(columns)
    ColumnTerms.between(Side.CONNECT, found[Side.CONNECT], found[Side.LISTEN])
    return found


def _anything(rule: str) -> str:
    """Columns for each part of a rule, to read the rule by."""
    return "+".join("x" for _ in rule.split("+"))


def _same(one: Any, other: Any) -> bool:
    """Equal values; the order of columns does not matter."""
    return sorted(one) == sorted(other) if isinstance(one, tuple) else str(one) == str(other)


def _shown(value: Any) -> str:
    return ", ".join(value) or "none" if isinstance(value, tuple) else str(value)
