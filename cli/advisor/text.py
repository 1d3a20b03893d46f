"""The answer in a terminal, and the cells that terminal and page share."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli._fitting import Fitted
from cli.advisor.answer import Answer, Undecided
from cli.advisor.branches import Branch, lines
from cli.advisor.fields import BY_NAME
from cli.advisor.findings import Fit, Verdict
from cli.advisor.labels import Label
from cli.advisor.predictions import Prediction
from cli.advisor.tools import written
from cli.advisor.wording import duration, number, size, whole
from cli.advisor.words import phrase

ALONE = (Label.DP_LAPLACE, Label.DP_EXP, Label.DP_LOCAL, Label.NO_PET)
TOGETHER = (Label.MPC_SUM, Label.MPC_DP)


def upper(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def fit_text(verdict: Verdict, chosen: bool) -> str:
    """Recommended, yes, partly, no."""
    return phrase("answer.fits.recommended") if chosen else phrase(f"answer.fits.{verdict.fit.name.lower()}")


def error_text(verdict: Verdict) -> str:
    """The error, "exact", or a dash."""
    if verdict.err95 is None:
        return "-"
    return phrase("answer.cells.exact") if verdict.err95 == 0 else number(verdict.err95)


def seconds_text(verdict: Verdict) -> str:
    """Measured where the cost model knows it; said in words elsewhere."""
    if verdict.seconds is not None:
        return duration(verdict.seconds)
    if verdict.fit is Fit.NO or verdict.label is Label.CHANGE_TASK:
        return "-"
    if verdict.label in ALONE:
        return phrase("answer.cells.moments")
    return phrase("answer.cells.two-rounds" if verdict.label in TOGETHER else "answer.cells.not-predicted")


def bytes_text(verdict: Verdict) -> str:
    """Traffic of the whole run."""
    return "-" if verdict.bytes is None else size(verdict.bytes)


def value_text(prediction: Prediction) -> str:
    """Counts in full, other numbers to three digits."""
    value = prediction.value
    return whole(value) if value == int(value) and abs(value) < 1e15 else number(value)


def changes_title(answer: Answer) -> str:
    """What the list of changes is for."""
    change = answer.primary is Label.CHANGE_TASK
    return phrase("answer.changes-to-fit" if change else "answer.changes-to-show-less")


def render(answer: Answer) -> RenderableType:
    """Everything, in the order in which it is of use."""
    label = answer.primary
    parts: list[RenderableType] = [
        Text(upper(label.meaning), style="bold"),
        Text(answer.because),
        Text(_decided_by(answer)),
    ]
    if answer.steps:
        parts += [_title(phrase("answer.run"))]
        for step in answer.steps:
            parts += [
                Text(f"  {step.who}:", style="dim"),
                _Command(step.line, 4),
            ]
    elif answer.notes:
        parts.append(_title(phrase("page.next")))
    parts += [Padding(Text(note), (0, 0, 0, 2)) for note in answer.notes]
    if answer.tools:
        parts.append(_title(phrase("answer.tools", date=written().isoformat())))
        parts += [Padding(Text(f"- {tool.name}: {tool.asks}"), (0, 0, 0, 2)) for tool in answer.tools]
    if answer.changes:
        parts.append(_title(changes_title(answer)))
        for change in answer.changes:
            parts.append(Padding(Text(f"- {upper(change.edit)}: {change.effect}"), (0, 0, 0, 2)))
            if change.command and label is Label.CHANGE_TASK:
                parts.append(_Command(change.command, 6))
    if answer.warnings:
        parts.append(_title(phrase("answer.warnings")))
        parts += [
            Padding(Text.assemble((w.title, "bold yellow"), f": {w.text}"), (0, 0, 0, 2)) for w in answer.warnings
        ]
    parts += [_title(phrase("answer.approaches")), _approaches(answer), _learns(answer)]
    parts += [_title(phrase("answer.arithmetic")), _predictions(answer)] if answer.predictions else []
    for label_too, title in ((True, phrase("branches.title")), (False, phrase("branches.commands"))):
        found = [branch for branch in answer.branches if branch.label is label_too]
        if found:
            parts.append(_title(title))
            parts += [
                Padding(Text(f"- {branch.question} [{branch.field}]{_ways(branch)}"), (0, 0, 0, 2)) for branch in found
            ]
    assumed = [(name, value) for name, value in answer.assumed.items() if value not in (None, "na")]
    if assumed:
        lines = (f"- {BY_NAME[name].title}: {BY_NAME[name].said(value)} [{name}]" for name, value in assumed)
        parts += [_title(phrase("answer.assumed-title")), Padding(Text("\n".join(lines)), (0, 0, 0, 2))]
    return Group(*parts)


def render_undecided(undecided: Undecided) -> RenderableType:
    """The question, and what each answer would lead to."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2))
    for value, labels in undecided.outcomes:
        table.add_row(f"  {value}", f"\n{phrase('branches.or')} ".join(label.meaning for label in labels))
    return Group(
        Text.assemble((f"{phrase('answer.need-to-know')} ", "bold"), f"{undecided.question} [{undecided.field}]"),
        table,
        Text(phrase("answer.say-it", field=undecided.field)),
    )


@dataclass(frozen=True)
class _Command:
    """A command that can be copied whole from a terminal of any width: broken before an option, with a backslash."""

    line: str
    indent: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.max_width - self.indent - len(" \\")
        lines: list[str] = []
        for piece in re.split(r" (?=--)", self.line):
            if lines and len(lines[-1]) + 1 + len(piece) <= room:
                lines[-1] += f" {piece}"
            else:
                lines.append(f"  {piece}" if lines else piece)
        shown = " \\\n".join(" " * self.indent + line for line in lines)
        yield Text(shown, no_wrap=True, overflow="ignore")


def _title(text: str) -> Text:
    return Text(f"\n{text}", style="bold")


def _table(*columns: str, apart: int = 2) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, apart, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _approaches(answer: Answer) -> Fitted:
    table = _table(
        phrase("answer.columns.approach"),
        phrase("answer.columns.fit"),
        phrase("answer.columns.error"),
        phrase("answer.columns.time"),
        phrase("answer.columns.traffic"),
        phrase("answer.columns.reason"),
        apart=1,
    )
    for v in answer.verdicts:
        chosen = v.label is answer.primary
        style = "bold" if chosen else "dim" if v.fit is Fit.NO else ""
        table.add_row(
            v.label.short, fit_text(v, chosen), error_text(v), seconds_text(v), bytes_text(v), v.reason, style=style
        )
    return Fitted(table)


def _learns(answer: Answer) -> Fitted:
    names = (
        phrase("answer.columns.approach"),
        phrase("answer.columns.recipients"),
        phrase("answer.columns.party"),
    )
    table = _table(*(f"\n{name}" for name in names))
    for v in answer.verdicts:
        if v.fit is not Fit.NO or v.label is answer.primary:
            table.add_row(v.label.short, v.recipients, v.party)
    return Fitted(table)


def _predictions(answer: Answer) -> Fitted:
    table = _table(
        phrase("answer.columns.quantity"),
        phrase("answer.columns.value"),
        phrase("answer.columns.unit"),
        phrase("answer.columns.formula"),
    )
    table.columns[1].justify = "right"
    stacked: list[RenderableType] = []
    for p in answer.predictions:
        table.add_row(p.title, value_text(p), p.unit, p.formula)
        stacked.append(Text.assemble(f"{p.title}: ", (value_text(p), "bold"), f" {p.unit}"))
        stacked.append(Padding(Text(p.formula, style="dim"), (0, 0, 0, 4)))
    return Fitted(table, Group(*stacked))


def _decided_by(answer: Answer) -> str:
    """The fields that are responsible, in words."""
    facts = answer.setting.f
    named = [
        f"- {BY_NAME[name].title}: {BY_NAME[name].said(getattr(facts, name, None))}" for name in answer.rule.because
    ]
    return "\n".join([phrase("answer.decided-by"), *named])


def _ways(branch: Branch) -> str:
    """What each value leads to, where the approach depends on it."""
    return "".join(f"\n    {way}" for way in lines(branch)) if branch.label else ""
