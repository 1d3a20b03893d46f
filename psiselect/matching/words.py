"""What people read from this room: every error, and every note."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from psi.agreement.modes import Learner, Side
from psiselect.base.errors import UsageError

# Shared terms.

LEARNERS = {
    Learner.CONNECT: "the connecting side gets the result",
    Learner.LISTEN: "the listening side gets the result",
    Learner.BOTH: "both sides get the result",
}
OF_TERMS: dict[object, str] = {
    "matches": "the rows that match",
    "count": "how many rows match",
    "sum": "the sum of the values of the rows that match",
    "noisy-count": "how many rows match, with noise",
    "ecdh": "on the curve (ecdh)",
    "fast": "by the fast protocol, which is experimental",
    "learner": "the side that gets it",
    "other": "the side that does not get it, which then learns the number of matches",
}


def terms_ask_for(path: Path) -> str:
    return f"terms that {path} asks for:"


def columns_given(side: Side, names: Sequence[str]) -> str:
    return f"the {side.value}ing side gives these columns with each match: {', '.join(names)}"


def in_terms(path: Path, name: str, why: str) -> UsageError:
    return UsageError(f"{path}: {name!r}: {why}", term=name)


def no_term(path: Path, name: str, near: Sequence[str], known: Sequence[str], *, alone: bool) -> UsageError:
    if alone:
        return in_terms(path, name, "each side decides this alone; use the option of the command")
    hint = f"did you mean {near[0]!r}?" if near else f"the terms are {', '.join(known)}"
    return in_terms(path, name, f"this is not a term; {hint}")


def whole_number(least: int, most: int) -> str:
    return f"expected a whole number from {least:,} to {most:,}"


def no_rule(rule: str, error: UsageError) -> str:
    text = str(error)
    why = text.partition(": ")[2] if text.startswith("--key ") else text  # the key is one that nobody wrote
    return f"{rule!r} is not a rule, such as email or phone,region=PL ({why})"


def only_a_learns(path: Path, learn: Learner | None) -> UsageError:
    said = None if learn is None else learn.value
    return in_terms(path, "learn", f"`psi local` lets A learn, the connecting side, and not {said!r}")


def option_disagrees(option: str, here: object, path: Path, agreed: object, term: str) -> UsageError:
    return UsageError(
        f"{option} says {_shown(here)}, and {path} says {_shown(agreed)}. Leave out {option}, or agree with the peer "
        "on another file",
        term=term,
    )


def offer_disagrees(option: str, here: object, path: Path, agreed: object, term: str) -> UsageError:
    return UsageError(
        f"the offer was made with {option} {_shown(here)}, and {path} says {_shown(agreed)}. Use the file with which "
        "the offer was made, or make a new offer",
        term=term,
    )


def other_number_of_keys(path: Path, agreed: int, here: int, option: str) -> UsageError:
    return UsageError(
        f"{path} names {agreed} keys, and there are {here} {option}. Give one {option} COLUMN for each, in the order "
        "of the file",
        term="keys",
    )


def other_rule(path: Path, option: str, number: int, here: str, agreed: str) -> UsageError:
    return UsageError(
        f"{option} says {here} for key {number}, and {path} says {agreed}. Give {option} COLUMN without a rule, or "
        "agree with the peer on another file",
        term="rule",
    )


def _shown(value: object) -> str:
    return ", ".join(value) or "none" if isinstance(value, tuple) else "none" if value is None else str(value)
