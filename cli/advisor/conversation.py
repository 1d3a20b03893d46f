"""The conversation: asks, one at a time, only what can still change the answer, and at most nine things.

Fields that are never assumed are asked wherever they matter; of the others, those listed in `ASKED_TOO` where they
matter and the nine questions allow it. Enter means "I do not know": a default is then used, and listed, where there is
one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cli.advisor.fields import ALWAYS, BY_NAME, INTERSECTIONS, SELECTIONS, Field, Kind
from cli.advisor.logic import Open, settle, touched
from cli.advisor.task import FieldError, Given, check, check_together, parse_value
from cli.advisor.words import phrase
from psiselect.base.errors import InputError

MAX_QUESTIONS = 9
ASKED_TOO = frozenset({"match", "adversary", "bounded", "n_candidates", "score_gap", "tolerance", "helper_servers"})
# Asked once the answer is known, because seconds, bytes and warnings hang on them.
SIZES = ("n_a", "n_b")
NEEDED = "function"  # without it there is no question to answer, so Enter does not pass it

Ask = Callable[[str], str]
Say = Callable[[str], None]


def converse(given: Given, ask: Ask, say: Say) -> dict[str, Any]:
    """Ask for what is missing and return the fields known then. `ask` shows a prompt and returns a line."""
    known, skipped, asked = dict(given), set[str](), 0
    while asked < MAX_QUESTIONS:
        field = _next(known, frozenset(skipped), MAX_QUESTIONS - asked)
        if field is None:
            break
        asked += 1
        value = _question(field, asked, known, ask, say)
        if value is None:
            skipped.add(field)
        else:
            known[field] = value
    return known


def _next(known: Given, skipped: frozenset[str], left: int) -> str | None:
    """The field to ask for, None when nothing that is left can change the answer."""
    must = frozenset(ALWAYS - skipped)
    extra = ASKED_TOO | ({"output_dim"} if known.get("function") in SELECTIONS else set())
    field = _open(known, must | (extra - skipped), skipped)
    if field is not None and field not in ALWAYS and len(touched(known, must) & must) >= left:
        field = _open(known, must, skipped) or field  # room is kept for what is never assumed
    if field is None and known.get("function") in INTERSECTIONS:
        field = next((name for name in SIZES if known.get(name) is None and name not in skipped), None)
    return field


def _open(known: Given, asking: frozenset[str], skipped: frozenset[str]) -> str | None:
    found = settle(known, asking)
    return found.field if isinstance(found, Open) and found.field not in skipped else None


def _question(name: str, number: int, known: Given, ask: Ask, say: Say) -> Any:
    """Put one question until the answer is usable. Returns None for Enter."""
    field = BY_NAME[name]
    say("\n" + phrase("conversation.question", number=number, question=field.ask, field=name))
    choices = [choice for choice in field.choices if choice != "na"]
    for index, choice in enumerate(choices, 1):
        say(f"   {index:>2}  {choice:<24} {field.means(choice)}")
    prompt = phrase("conversation.hint-needed" if name == NEEDED else "conversation.hint", hint=_hint(field, choices))
    while True:
        raw = ask(f"   {prompt}").strip()
        if raw == "?":
            say(f"   {field.why}\n   {phrase('conversation.why', example=field.example)}")
            continue
        if not raw and name == NEEDED:
            say(f"   {phrase('conversation.needed')}")
            continue
        if not raw:
            return None
        try:
            value = check(name, _choice(raw, choices) if choices else parse_value(field, raw))
            check_together({**known, name: value})
        except FieldError as error:
            say(f"   {error}")
            continue
        except InputError as error:
            say(f"   {error}")
            continue
        return value


def _hint(field: Field, choices: list[str]) -> str:
    """How to answer the question."""
    if field.kind is Kind.BOOL:
        return phrase("conversation.yes-or-no")
    return phrase("conversation.choice") if choices else phrase("conversation.example", example=field.example)


def _choice(raw: str, choices: list[str]) -> str:
    """A choice by number, by name, or by the beginning of a name that fits only one."""
    if raw.isdigit() and 1 <= int(raw) <= len(choices):
        return choices[int(raw) - 1]
    wanted = raw.lower().replace(" ", "_").replace("-", "_")
    if wanted in choices:
        return wanted
    starting = [choice for choice in choices if choice.startswith(wanted)]
    return starting[0] if len(starting) == 1 else wanted
