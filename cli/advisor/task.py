"""A task: reading it, checking it field by field and for contradictions, and asking it things."""

from __future__ import annotations

import difflib
import json
import math
import tomllib
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from cli.advisor import words_errors
from cli.advisor.fields import ALWAYS, BY_NAME, FIELDS, Field, Kind
from cli.advisor.wording import count
from cli.advisor.words import phrase, saying
from psiselect.base.errors import InputError

MAX_TASK_BYTES = 1 << 20


class FieldError(InputError):
    """A field's value is not allowed, or contradicts another field's. `term` is the field."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"[{field}] {message}", term=field)
        self.field = field


class NeedToKnow(Exception):  # noqa: N818 (not an error: a question)
    """A rule or a formula needs a field that is unknown."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


def read_task(path: Path) -> dict[str, Any]:
    """The fields of a TOML or JSON file (a file with a table `fields` is read from there), checked one by one.

    Raises InputError for a file that cannot be read or parsed, FieldError for a field.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_TASK_BYTES + 1)
    except OSError as error:
        raise words_errors.unreadable(path, error.strerror) from error
    if len(data) > MAX_TASK_BYTES:
        raise words_errors.too_long(path, MAX_TASK_BYTES)
    written, parse = ("JSON", json.loads) if path.suffix == ".json" else ("TOML", tomllib.loads)
    try:
        content = parse(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise words_errors.malformed(path, written, error) from error
    if isinstance(content, dict) and isinstance(content.get("fields"), dict):
        content = content["fields"]
    if not isinstance(content, dict):
        raise words_errors.no_fields(path)
    return {name: check(name, value) for name, value in content.items()}


def parse_setting(text: str) -> tuple[str, Any]:
    """`FIELD=VALUE` of --set; the value is JSON, a bare word, or yes/no. Raises FieldError."""
    name, equals, raw = text.partition("=")
    name, raw = name.strip(), raw.strip()
    if not equals:
        raise FieldError(name, phrase("errors.no-equals"))
    return name, check(name, parse_value(_field(name), raw))


def parse_value(field: Field, raw: str) -> Any:
    """What a person or --set writes for a field, as a JSON value; not checked yet."""
    if field.kind is Kind.BOOL and raw.lower() in ("yes", "y", "no", "n"):
        return raw.lower() in ("yes", "y")
    if field.kind is Kind.TOLERANCE and not raw.startswith("{"):
        share = raw.endswith("%")
        number = _number(raw.rstrip("%"))
        if number is not None:
            return {"kind": "rel", "value": number / 100} if share else {"kind": "abs", "value": number}
    if field.kind in (Kind.INT, Kind.FLOAT):
        number = _number(raw.replace("_", "").replace(",", ""))
        if number is not None:
            return int(number) if field.kind is Kind.INT and number.is_integer() else number
    if field.kind is Kind.PAIR and not raw.startswith("["):
        raw = f"[{raw.replace(' to ', ',').replace(';', ',')}]"
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return raw


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _field(name: str) -> Field:
    field = BY_NAME.get(name)
    if field is None:
        near = difflib.get_close_matches(name, BY_NAME, n=1)
        if near:
            raise FieldError(name, phrase("errors.no-such-field-near", near=near[0]))
        raise FieldError(name, phrase("errors.no-such-field"))
    return field


def check(name: str, value: Any) -> Any:
    """The value if it is allowed for the field (None means unknown), else FieldError naming field and expectation."""
    field = _field(name)
    if value is None:
        return None
    checker: Callable[[Field, Any], Any] = _CHECKS[field.kind]
    return checker(field, value)


def _refuse(field: Field, value: Any) -> FieldError:
    if field.choices:
        *others, last = map(repr, field.choices)
        said = phrase("errors.one-of", words=", ".join(others), last=last, value=_quoted(value))
        return FieldError(field.name, said)
    return FieldError(field.name, phrase("errors.expected", expected=field.allowed, value=_quoted(value)))


def _quoted(value: Any) -> str:
    """The beginning of a value that was refused."""
    return repr(str(value)[:60])


def _check_choice(field: Field, value: Any) -> str:
    if not isinstance(value, str) or value not in field.choices:
        near = difflib.get_close_matches(str(value), field.choices, n=1)
        if near:
            raise FieldError(field.name, phrase("errors.no-such-word", value=_quoted(value), near=near[0]))
        raise _refuse(field, value)
    return value


def _check_bool(field: Field, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _refuse(field, value)
    return value


def _check_number(field: Field, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
        raise _refuse(field, value)
    if field.kind is Kind.INT and value != int(value):
        raise _refuse(field, value)
    if field.low is not None and (value < field.low or (field.above and value == field.low)):
        limit = f"{field.low:g}"
        raise FieldError(
            field.name, phrase("errors.above" if field.above else "errors.at-least", limit=limit, value=value)
        )
    if field.high is not None and value > field.high:
        raise FieldError(field.name, phrase("errors.at-most", limit=f"{field.high:g}", value=value))
    return int(value) if field.kind is Kind.INT else float(value)


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value) and abs(value) < 1e300
    except OverflowError:
        return False


def _check_pair(field: Field, value: Any) -> list[float]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise _refuse(field, value)
    low, high = (_check_number(field, end) for end in value)
    if low >= high:
        raise FieldError(field.name, phrase("errors.order", low=f"{low:g}", high=f"{high:g}"))
    return [low, high]


def _check_tolerance(field: Field, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping) or set(value) != {"kind", "value"} or value["kind"] not in ("abs", "rel"):
        raise _refuse(field, value)
    number = _check_number(field, value["value"])
    if number <= 0:
        raise FieldError(field.name, phrase("errors.no-tolerance", value=f"{number:g}"))
    return {"kind": value["kind"], "value": number}


_CHECKS: Mapping[Kind, Callable[[Field, Any], Any]] = {
    Kind.CHOICE: _check_choice,
    Kind.BOOL: _check_bool,
    Kind.INT: _check_number,
    Kind.FLOAT: _check_number,
    Kind.PAIR: _check_pair,
    Kind.TOLERANCE: _check_tolerance,
}

Given = Mapping[str, Any]
DEFAULTS: dict[str, Any] = {field.name: field.default for field in FIELDS}


def _below_zero(g: Given) -> bool:
    return g.get("function") in ("count", "histogram") and bool(g.get("bounds")) and g["bounds"][0] < 0


def _outside_share(g: Given) -> bool:
    return g.get("function") == "proportion" and bool(g.get("bounds")) and (g["bounds"][0] < 0 or g["bounds"][1] > 1)


# Field to name, when it is contradictory, what to say.
CONTRADICTIONS: tuple[tuple[str, Callable[[Given], bool], Callable[[Given], str]], ...] = (
    ("bounds", _below_zero, saying("errors.together.count-below-zero")),
    ("bounds", _outside_share, saying("errors.together.share-bounds")),
    (
        "n_units",
        lambda g: g.get("n_units") is not None and g["n_units"] < (g.get("n_holders") or 1),
        saying("errors.together.fewer-units"),
    ),
    (
        "n_units",
        lambda g: bool(g.get("each_holder_one_unit")) and 1 < (g.get("n_holders") or 1) < (g.get("n_units") or 0),
        lambda g: phrase("errors.together.more-units", holders=count(g["n_holders"])),
    ),
    (
        "expected_value",
        lambda g: g.get("function") in ("count", "histogram", "proportion") and (g.get("expected_value") or 0) < 0,
        saying("errors.together.below-zero"),
    ),
    (
        "expected_value",
        lambda g: g.get("function") == "proportion" and (g.get("expected_value") or 0) > 1,
        saying("errors.together.share-above-one"),
    ),
    (
        "tolerance",
        lambda g: (
            g.get("function") == "proportion"
            and g.get("tolerance") is not None
            and g["tolerance"]["kind"] == "abs"
            and g["tolerance"]["value"] > 1
        ),
        saying("errors.together.share-error"),
    ),
    (
        "n_candidates",
        lambda g: (
            g.get("function") == "top_k"
            and g.get("n_candidates") is not None
            and g["n_candidates"] <= (g.get("output_dim") or 1)
        ),
        saying("errors.together.too-few-candidates"),
    ),
)


def check_together(given: Given) -> None:
    """Raises FieldError, naming the field, when fields contradict each other."""
    for field, contradicts, message in CONTRADICTIONS:
        if contradicts(given):
            raise FieldError(field, message(given))


@lru_cache(maxsize=16)
def _assumed(asking: frozenset[str]) -> Mapping[str, Any]:
    """The defaults of all fields that may be assumed."""
    return {name: value for name, value in DEFAULTS.items() if name not in asking}


class Facts:
    """A task as the rules see it: attributes are fields.

    An unknown field in `asking` raises NeedToKnow; any other unknown field has its default. Both are decided here and
    nowhere else, so that a rule reads like the sentence it stands for.
    """

    def __init__(self, given: Given, asking: frozenset[str] = ALWAYS) -> None:
        self._given = given
        self._missed: set[str] = set()
        self.__dict__.update(_assumed(asking))
        self.__dict__.update({name: value for name, value in given.items() if value is not None})

    def told(self, name: str, value: Any) -> Facts:
        """The same task with one more field known."""
        facts = Facts.__new__(Facts)
        facts.__dict__.update(self.__dict__)
        facts.__dict__.update({name: value, "_given": {**self._given, name: value}, "_missed": set(self._missed)})
        return facts

    def unread(self, name: str) -> bool:
        """Does nothing that was computed so far depend on this unknown field? What looked at its value has raised."""
        return name not in self.__dict__ and name not in self._missed

    def __getattr__(self, name: str) -> Any:
        # Only reached for what __init__ did not set: an unknown field that is never assumed.
        if name in DEFAULTS:
            raise NeedToKnow(name)
        raise AttributeError(name)

    def need(self, name: str) -> Any:
        """A field without which a formula means nothing; NeedToKnow when it is unknown."""
        value = getattr(self, name)
        if value is None or value == "na":
            raise NeedToKnow(name)
        return value

    def known(self, name: str) -> bool:
        """Was it given?"""
        if self._given.get(name) is not None:
            return True
        self._missed.add(name)
        return False
