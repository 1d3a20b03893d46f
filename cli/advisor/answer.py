"""The answer to a task: everything that is printed, in one frozen record; and its JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cli.advisor import fast_protocol, printed_commands
from cli.advisor.approaches import judge
from cli.advisor.branches import Branch, branches
from cli.advisor.case import Case
from cli.advisor.cautions import Caution, cautions
from cli.advisor.costs import Machine
from cli.advisor.edits import Edit, edits
from cli.advisor.elsewhere import kind_of
from cli.advisor.fields import BY_NAME
from cli.advisor.findings import Fit, Verdict
from cli.advisor.labels import Label
from cli.advisor.logic import Open, settle, spell_out, telling
from cli.advisor.predicates import Traits
from cli.advisor.predictions import Prediction, Setting, predict
from cli.advisor.printed_commands import Step
from cli.advisor.quantities import QUANTITIES
from cli.advisor.rules import Rule
from cli.advisor.task import Facts, Given, check_together
from cli.advisor.tools import Tool, tools_for
from cli.advisor.wording import value_words

EXIT_RECOMMENDED, EXIT_CHANGE_TASK, EXIT_UNDECIDED = 0, 10, 11


@dataclass(frozen=True)
class Undecided:
    """One field decides and is unknown. `branches`: for each of its values the whole answer, where there is one."""

    given: Given
    field: str
    question: str
    outcomes: tuple[tuple[str, tuple[Label, ...]], ...]
    branches: tuple[tuple[str, tuple[Label, ...], Answer | None], ...]

    exit_code = EXIT_UNDECIDED

    def to_json(self) -> dict[str, Any]:
        """The JSON of an undecided task: `primary` is null."""
        return {
            "primary": None,
            "need_to_know": {
                "field": self.field,
                "question": self.question,
                "outcomes": [{"value": value, "primary": list(labels)} for value, labels in self.outcomes],
            },
            "branches": [
                {
                    "field": self.field,
                    "value": value,
                    "primary": list(labels),
                    "why": answer.why if answer else None,
                    "command": answer.steps[-1].line if answer and answer.steps else None,
                }
                for value, labels, answer in self.branches
            ],
            "stated": {name: value for name, value in self.given.items() if value is not None},
        }


@dataclass(frozen=True)
class Answer:
    """A decided task. `verdicts` is the table, the recommended approach first."""

    given: Given
    setting: Setting
    rule: Rule
    verdicts: tuple[Verdict, ...]
    warnings: tuple[Caution, ...]
    predictions: tuple[Prediction, ...]
    changes: tuple[Edit, ...]
    steps: tuple[Step, ...]
    notes: tuple[str, ...]
    assumed: Mapping[str, Any]
    branches: tuple[Branch, ...] = ()

    @property
    def tools(self) -> tuple[Tool, ...]:
        """Tools by name, where the toolkit has no command for the recommendation."""
        shipped = self.primary.family == "NEITHER" or printed_commands.implemented(self.setting.f, self.primary)
        return () if shipped else tools_for(kind_of(self.setting.t))

    @property
    def primary(self) -> Label:
        """The recommendation."""
        return self.rule.label

    @property
    def exit_code(self) -> int:
        """0 recommended, 10 change the task."""
        return EXIT_CHANGE_TASK if self.primary is Label.CHANGE_TASK else EXIT_RECOMMENDED

    @property
    def risks(self) -> tuple[Caution, ...]:
        """The warnings about what is recommended: that noise would be too much is no risk of an exact result."""
        exact = self.primary.family in ("MPC", "NEITHER") and self.primary is not Label.CHANGE_TASK
        return tuple(w for w in self.warnings if not (exact and w.tag == "SMALL_N"))

    @property
    def because(self) -> str:
        """Why, with the number that decided."""
        own = next(verdict for verdict in self.verdicts if verdict.label is self.primary)
        detail = f" {own.reason[0].upper()}{own.reason[1:]}." if own.number is not None and own.fit is Fit.FITS else ""
        return f"{self.rule.why}{detail}"

    @property
    def why(self) -> str:
        """One paragraph that names the fields responsible."""
        reasons = ", ".join(f"{name}={_plain(getattr(self.setting.f, name))}" for name in self.rule.because)
        return f"{self.because} [{reasons}]"

    def to_json(self) -> dict[str, Any]:
        """The JSON that docs/advisor.md describes."""
        return {
            "primary": self.primary,
            "family": self.primary.family,
            "why": self.why,
            "rule": self.rule.name,
            "source": self.rule.source,
            "alternatives": [v.label for v in self.verdicts if v.fit is not Fit.NO and v.label is not self.primary],
            "rejected": [
                {"label": v.label, "reason": v.reason, "number": v.number}
                for v in self.verdicts
                if v.fit is Fit.NO and v.label is not self.primary
            ],
            "table": [_row(v, self.primary) for v in self.verdicts],
            "warnings": [asdict(warning) for warning in self.warnings],
            "predictions": [asdict(prediction) for prediction in self.predictions],
            "change_task": [asdict(change) for change in self.changes],
            "command": self.steps[-1].line if self.steps else None,
            "commands": [{"who": step.who, "command": step.line, "times": step.times} for step in self.steps],
            "notes": list(self.notes),
            "tools": [asdict(tool) for tool in self.tools],
            "assumed": dict(self.assumed),
            "branches": [
                {
                    "field": branch.field,
                    "question": branch.question,
                    "changes": "primary" if branch.label else "command",
                    "outcomes": [
                        {"value": way.value, "primary": list(way.labels), "command": way.command} for way in branch.ways
                    ],
                }
                for branch in self.branches
            ],
        }


def advise(given: Given, machine: Machine) -> Answer | Undecided:
    """Decide a checked task. Raises FieldError when its fields contradict each other."""
    check_together(given)
    rule = settle(given)
    if isinstance(rule, Open):
        rule = telling(rule)
        outcomes = tuple((value, tuple(sorted(labels))) for value, labels in spell_out(given, rule))
        ways = tuple(
            (value_words(value), tuple(sorted(labels)), _followed({**given, rule.field: value}, machine))
            for value, labels in rule.outcomes
        )
        return Undecided(given, rule.field, BY_NAME[rule.field].ask, outcomes, ways)
    return _decided(given, rule, machine, branches(given, rule))


def _followed(given: Given, machine: Machine) -> Answer | None:
    """The answer of a branch, where it is decided."""
    rule = settle(given)
    return _decided(given, rule, machine, ()) if isinstance(rule, Rule) else None


def _decided(given: Given, rule: Rule, machine: Machine, open_fields: tuple[Branch, ...]) -> Answer:
    case = Case(Traits(Facts(given, asking=frozenset())), machine, rule)
    verdicts = sorted(judge(case), key=lambda v: (v.label is not rule.label, v.fit))
    return Answer(
        given,
        case,
        rule,
        tuple(verdicts),
        tuple(cautions(case)),
        tuple(predict(case, QUANTITIES)),
        tuple(edits(case, given)),
        printed_commands.steps(case.f, case.n, rule.label),
        (*printed_commands.notes(case.f, case.n, rule.label), *fast_protocol.notes(case)),
        {name: field.default for name, field in BY_NAME.items() if given.get(name) is None},
        open_fields,
    )


def _row(verdict: Verdict, primary: Label) -> dict[str, Any]:
    return {
        "label": verdict.label,
        "fit": "recommended" if verdict.label is primary else verdict.fit.name.lower(),
        "reason": verdict.reason,
        "number": verdict.number,
        "error95": verdict.err95,
        "seconds": verdict.seconds,
        "bytes": verdict.bytes,
        "recipients_learn": verdict.recipients,
        "each_party_learns": verdict.party,
    }


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return f"{value['value']:g} {value['kind']}"
    return "unknown" if value is None else f"{value:,}" if isinstance(value, int | float) else str(value)
