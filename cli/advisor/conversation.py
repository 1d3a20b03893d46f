"""The conversation: asks, one at a time, what can still change the answer or the command, and at most nine things.

Fields that are never assumed are asked wherever they matter; of the others, those in `ASKED_TOO` where they matter and
the nine questions allow it. Once the approach is settled, what the command needs is asked. Enter or "don't know" passes
a question: the conversation goes on, and the answer shows what each value would lead to. "back" asks again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cli.advisor import printed_commands
from cli.advisor.fields import ALWAYS, BY_NAME, INTERSECTIONS, SELECTIONS, Field, Kind
from cli.advisor.logic import Open, consistent, settle, touched
from cli.advisor.numbers import Numbers
from cli.advisor.rules import Rule
from cli.advisor.task import Facts, FieldError, Given, check, check_together, parse_value
from cli.advisor.words import phrase
from psiselect.base.errors import InputError

MAX_QUESTIONS = 9
ASKED_TOO = frozenset({"match", "adversary", "bounded", "n_candidates", "score_gap", "tolerance", "helper_servers"})
# Asked once the answer is known, because seconds, bytes and warnings hang on them.
SIZES = ("n_a", "n_b")
NEEDED = "function"  # without it there is no question to answer, so nothing passes it
RANGED = ("sum", "mean", "quantile", "intersection_sum")  # functions whose noise follows from the bounds
MAX_WAYS = 12  # of filling in what the person does not know, looked at to find a question that still matters
BACK = ("back", "b")
UNKNOWN = ("", "don't know", "dont know", "do not know", "unknown", "skip")

Ask = Callable[[str], str]
Say = Callable[[str], None]


@dataclass
class Talk:
    """A conversation so far. It keeps its answers however it ends.

    Attributes:
        known: the fields that are known.
        passed: the fields that the person does not know.
        asked: the questions put, the last one last.
    """

    known: dict[str, Any]
    passed: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def back(self) -> bool:
        """Forget the last answer. False where there is none."""
        if not self.asked:
            return False
        last = self.asked.pop()
        self.known.pop(last, None)
        self.passed.discard(last)
        return True


def converse(given: Given, ask: Ask, say: Say, talk: Talk | None = None) -> dict[str, Any]:
    """Ask for what is missing and return the fields known then.

    Args:
        given: the fields known before.
        ask: shows a prompt and returns a line; what it raises ends the conversation.
        say: shows a line.
        talk: filled in as answers come, so that they outlive an exception of `ask`.
    """
    talk = talk or Talk({})
    talk.known.update(given)
    while len(talk.asked) < MAX_QUESTIONS:
        name = next_question(talk.known, frozenset(talk.passed), MAX_QUESTIONS - len(talk.asked))
        if name is None:
            break
        value = _question(name, len(talk.asked) + 1, talk.known, ask, say)
        if value is _BACK:
            if not talk.back():
                say(f"   {phrase('conversation.first')}")
            continue
        talk.asked.append(name)
        if value is None:
            talk.passed.add(name)
        else:
            talk.known[name] = value
    return talk.known


def next_question(known: Given, passed: frozenset[str] = frozenset(), left: int = MAX_QUESTIONS) -> str | None:
    """The field to ask for, None when nothing that is left can change the answer or the command."""
    if (
        known.get("function") in RANGED
        and known.get("bounded") in ("yes", "clampable")
        and _free("bounds", known, passed)
    ):
        return "bounds"
    extra = ASKED_TOO | ({"output_dim"} if known.get("function") in SELECTIONS else set())
    extra |= {"recipients"} if known.get("n_holders") in (1, 2) else set()  # who is in on it, and who is not
    name = _open(known, ALWAYS | extra, passed)
    if name is not None and name not in ALWAYS and len(touched(known, ALWAYS) & (ALWAYS - passed)) >= left:
        name = _open(known, ALWAYS, passed) or name  # room is kept for what is never assumed
    return name or next(filter(lambda name: _free(name, known, passed), _for_the_command(known)), None)


def _free(name: str, known: Given, passed: frozenset[str]) -> bool:
    return known.get(name) is None and name not in passed


def _open(known: Given, asking: frozenset[str], passed: frozenset[str]) -> str | None:
    """The first open field that was not passed. Where one was passed, its values are followed, breadth first."""
    ways = deque([known])
    for _ in range(MAX_WAYS):
        if not ways:
            break
        way = ways.popleft()
        found = settle(way, asking)
        if isinstance(found, Rule):
            continue
        if found.field not in passed:
            return found.field
        worlds = ({**way, found.field: value} for value in BY_NAME[found.field].alternatives)
        ways.extend(world for world in worlds if consistent(world))
    return None


def _for_the_command(known: Given) -> list[str]:
    """What the settled approach's command and its price depend on."""
    if known.get("function") in INTERSECTIONS and not known.get("data_public"):
        return list(SIZES)
    found = settle(known)
    if isinstance(found, Open):
        return []
    facts = Facts(known, asking=frozenset())
    lacking = printed_commands.lacking(facts, Numbers(facts), found.label)
    noisy = found.label in printed_commands.NOISY
    bounds = ["bounds"] if noisy and known.get("function") in RANGED else []
    repeated = ["epsilon_total", "releases"] if noisy else []
    return [*([lacking] if lacking else []), *bounds, *repeated, *(["recipients"] if noisy else [])]


class _Back:
    """What is returned for `back`."""


_BACK = _Back()


def _question(name: str, number: int, known: Given, ask: Ask, say: Say) -> Any:
    """Put one question until the answer is usable. Returns None for "don't know", `_BACK` for back."""
    asked = BY_NAME[name]
    say("\n" + phrase("conversation.question", number=number, question=asked.ask, field=name))
    choices = offered(asked)
    for index, choice in enumerate(choices, 1):
        say(f"   {index:>2}  {asked.means(choice)} [{choice}]")
    hint = _hint(asked, choices)
    if not hint:
        say(f"   {phrase('conversation.example', example=asked.example)}")
    prompt = phrase("conversation.hint-needed" if name == NEEDED else "conversation.hint", hint=hint)
    while True:
        raw = ask(f"   {prompt}").strip()
        if raw == "?":
            say(f"   {asked.why}\n   {phrase('conversation.why', example=asked.example)}")
            continue
        if raw.lower() in BACK:
            return _BACK
        if raw.lower() in UNKNOWN and name == NEEDED:
            say(f"   {phrase('conversation.needed')}")
            continue
        if raw.lower() in UNKNOWN:
            return None
        try:
            return read_answer(name, raw, known)
        except InputError as error:
            say(f"   {error}")


def read_answer(name: str, raw: str, known: Given) -> Any:
    """The value that a person has written for a field. Raises InputError where it is not allowed, or contradicts what
    is known."""
    asked = BY_NAME[name]
    choices = offered(asked)
    value = _choice(asked, raw, choices) if choices else parse_value(asked, raw)
    if choices and value not in choices:
        raise FieldError(name, phrase("errors.not-offered", most=len(choices), value=repr(raw[:60])))
    value = check(name, value)
    check_together({**known, name: value})
    return value


def offered(asked: Field) -> list[str]:
    """The choices of a field that are shown; none where it takes a number or a yes."""
    return [choice for choice in asked.choices if choice != "na"]


def _hint(asked: Field, choices: list[str]) -> str:
    """How to answer the question, with a space behind it; nothing where an example says it."""
    if asked.kind is Kind.BOOL:
        return f"{phrase('conversation.yes-or-no')} "
    return f"{phrase('conversation.choice')} " if choices else ""


def _choice(asked: Field, raw: str, choices: list[str]) -> str:
    """A choice by number, name, meaning, beginning of a name or meaning that fits only one, or the yes or no of its
    meaning."""
    if raw.isdigit() and 1 <= int(raw) <= len(choices):
        return choices[int(raw) - 1]
    wanted = raw.lower().replace(" ", "_").replace("-", "_")
    if wanted in choices:
        return wanted
    if wanted in ("yes", "y", "no", "n"):
        word = "yes" if wanted in ("yes", "y") else "no"
        meant = [choice for choice in choices if asked.means(choice).replace(",", ":").split(":")[0].split()[0] == word]
        if meant:
            return meant[0]
    said = _bare(raw)
    meant = [choice for choice in choices if _bare(asked.means(choice)).startswith(said)]
    exact = [choice for choice in meant if _bare(asked.means(choice)) == said]
    starting = exact or list(dict.fromkeys([choice for choice in choices if choice.startswith(wanted)] + meant))
    return starting[0] if len(starting) == 1 else wanted


def _bare(text: str) -> str:
    """A meaning as it is compared: "Total" is "a total"."""
    return text.lower().removeprefix("a ").removeprefix("an ")
