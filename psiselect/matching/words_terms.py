"""What people read of shared terms: what a file asks for, and every error about it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from psi.agreement.modes import Learner, Side
from psiselect.base.errors import UsageError
from psiselect.base.words import counted

_LEARNERS = {
    Learner.CONNECT: "the connecting side gets the result",
    Learner.LISTEN: "the listening side gets the result",
    Learner.BOTH: "both sides get the result",
}
# By the name in the file.
_ASKED = {
    "protocol": "how matches are found: {}",
    "reveal": "what the result is: {}",
    "matching": "rows match {}",
    "epsilon": "epsilon of the noise: {}",
    "delta": "delta of the noise: {}",
    "value-decimals": "decimal places of a value: {}",
    "value-max": "largest sum of a key's values: {}",
    "min-matches": "a result below {} is not shown",
    "min-matches-by": "who compares the result with the minimum: {}",
    "pad-to": "both lists are filled up to {} keys",
    "label-bytes": "the columns of a matched row are filled up to {} bytes",
}
_VALUES: dict[object, str] = {
    "matches": "the rows that match",
    "count": "how many rows match",
    "sum": "the sum of the values of the rows that match",
    "noisy-count": "how many rows match, with noise",
    "ecdh": "with elliptic curves (ecdh)",
    "fast": "by the fast protocol, which is experimental",
    "learner": "the side that gets the result",
    "other": "the side that does not get the result, and that then learns the number of matches",
}
A_VALUE = "this setting must be text in quotes, or a number"
A_LIST_OF_RULES = 'this setting must be a list of rules, such as ["email", "phone,region=PL"]'
NO_COLUMN = "a rule here must not name a column. Give the column with --key"
A_TABLE_OF_COLUMNS = "this setting must be a table with a list 'connect' and a list 'listen'"


def terms_ask_for(path: Path) -> str:
    return f"terms that '{path}' asks for:"


def asks_for_keys(rules: Sequence[str]) -> str:
    return f"  keys, in this order: {'; '.join(rules)}"


def asks_for_learner(learn: Learner) -> str:
    return f"  {_LEARNERS[learn]}"


def asks_for(name: str, value: object) -> str:
    """What the file asks for under this name."""
    return f"  {_ASKED[name].format(_VALUES.get(value, value))}"


def columns_given(side: Side, names: Sequence[str]) -> str:
    return f"of each matched row, the {side.value}ing side gives these columns: {', '.join(names)}"


def in_terms(path: Path, name: str, why: str) -> UsageError:
    return UsageError(f"{path}: {name!r}: {why}", term=name)


def no_term(path: Path, name: str, near: Sequence[str], known: Sequence[str], *, alone: bool) -> UsageError:
    if alone:
        return in_terms(path, name, f"each side chooses this for itself, with --{name}. Remove this line from the file")
    hint = f"Did you mean {near[0]!r}?" if near else f"The settings of this file are {', '.join(known)}"
    return in_terms(path, name, f"there is no such setting. {hint}")


def other_version(version: int) -> str:
    return f"this setting must be {version}, the version of the protocol that this program uses"


def not_a_whole_number(name: str, least: int, most: int) -> UsageError:
    return UsageError(f"{name} must be a whole number from {least:,} to {most:,}")


def other_number_of_rules(most: int, found: int) -> str:
    return f"this setting must have 1 to {most} rules, but has {found}"


def not_a_list_of_names(name: str) -> str:
    return f"{name!r} is not a list of names"


def no_rule(rule: str, error: UsageError) -> str:
    text = str(error)
    why = text.partition(": ")[2] if text.startswith("--key ") else text  # the key is one that nobody wrote
    return f"{rule!r} is not a valid rule: {why}. A valid rule is, for example, 'email' or 'phone,region=PL'"


def only_a_learns(path: Path, learn: Learner | None) -> UsageError:
    said = None if learn is None else learn.value
    return in_terms(
        path, "learn", f"`psi local` gives the result to table A, so this setting must be 'connect', not {said!r}"
    )


def option_disagrees(option: str, here: object, path: Path, agreed: object, term: str) -> UsageError:
    return UsageError(
        f"{option} is {_shown(here)}, but '{path}' says {_shown(agreed)}. Leave out {option}, or agree with the peer "
        "on another file",
        term=term,
    )


def offer_disagrees(option: str, here: object, path: Path, agreed: object, term: str) -> UsageError:
    return UsageError(
        f"in the offer, {option} is {_shown(here)}, but '{path}' says {_shown(agreed)}. Use the file with which you "
        "made the offer, or make a new offer",
        term=term,
    )


def other_number_of_keys(path: Path, agreed: int, here: int, option: str) -> UsageError:
    return UsageError(
        f"'{path}' has {counted(agreed, 'key', 'keys')}, but you gave "
        f"{counted(here, 'key', 'keys')} with {option}. Give one {option} COLUMN for each key, in the "
        "order of the file",
        term="keys",
    )


def other_rule(path: Path, option: str, number: int, here: str, agreed: str) -> UsageError:
    return UsageError(
        f"for key {number}, {option} has the rule '{here}', but '{path}' has '{agreed}'. Give {option} COLUMN without "
        "a rule, or agree with the peer on another file",
        term="rule",
    )


def _shown(value: object) -> str:
    if value is None:
        return "not set"
    if value == ():
        return "empty"
    text = ", ".join(value) if isinstance(value, tuple) else str(value)
    return text if text[:1].isdigit() else repr(text)
