"""The answer as one self-contained HTML page: no network, no script; for a screen, a telephone and paper.

First what somebody signs: the task in words, the decision, its two main risks, the next step. Then the alternatives
side by side, then the arithmetic.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from html import escape
from typing import Any

from cli.advisor.answer import Answer, Undecided
from cli.advisor.branches import either, lines
from cli.advisor.cautions import Caution
from cli.advisor.curves import charts
from cli.advisor.elsewhere import elsewhere
from cli.advisor.fields import BY_NAME
from cli.advisor.findings import Verdict
from cli.advisor.predictions import Prediction
from cli.advisor.printed_commands import implemented
from cli.advisor.svg import svg
from cli.advisor.text import (
    bytes_text,
    changes_title,
    error_text,
    fit_text,
    seconds_text,
    upper,
    value_text,
)
from cli.advisor.words import phrase, saying

RISKS = 2  # on the part that is signed; all of them follow below

STYLE = """
:root { color-scheme: light dark; --ink: #1d2329; --soft: #4c5661; --line: #c9d0d7; --tint: #f1f4f7; --page: #fff;
--accent: #0b5c8f; --warn: #8f3f12; --curve0: #0b5c8f; --curve1: #b3541e; --curve2: #3a7d34; --curve3: #6b3fa0; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ebee; --soft: #b4bdc6; --line: #4a545e; --tint: #20272e; --page: #14191e; --accent: #6db7e8;
  --warn: #f0a884; --curve0: #6db7e8; --curve1: #f0a884; --curve2: #8fd189; --curve3: #c4a3ee; }
}
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); margin: 0 auto; padding: 1rem;
max-width: 62rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .2rem 0 .6rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .4rem; }
.kicker { color: var(--soft); margin: 0; } .why { font-size: 1.08em; max-width: 46rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid var(--line);
overflow-wrap: break-word; }
th { color: var(--soft); font-weight: 600; } tr.chosen td, tr.chosen th { background: var(--tint); font-weight: 600;
color: var(--ink); }
td.n { text-align: right; font-variant-numeric: tabular-nums; }
dl { margin: 0; } dt { font-weight: 600; margin-top: .8rem; } .warnings dt { color: var(--warn); }
dd { margin: .1rem 0 0; max-width: 46rem; } code, pre { font-family: ui-monospace, monospace; font-size: .88em; }
.task { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); column-gap: 1.5rem; }
.task div { border-bottom: 1px solid var(--line); padding: .3rem 0; } .task dt { font-weight: 400; margin: 0;
color: var(--soft); } .task dd { margin: 0; font-weight: 600; }
pre { background: var(--tint); padding: .7rem .9rem; white-space: pre-wrap; overflow-wrap: anywhere; border-left: 3px
solid var(--accent); margin: .3rem 0 .8rem; } pre span { display: inline-block; }
.sign { display: flex; gap: 2rem; margin-top: 1.6rem; } .sign p { flex: 1; border-top: 1px solid var(--ink);
margin: 2rem 0 0; padding-top: .2rem; color: var(--soft); }
figure { margin: 0 0 1.2rem; } svg { width: 100%; max-width: 44rem; height: auto; display: block; }
svg text { font: 13px system-ui, sans-serif; fill: var(--ink); } svg .title { font-weight: 600; font-size: 15px; }
svg .grid { stroke: var(--line); } svg .mark { stroke: var(--soft); stroke-dasharray: 4 4; }
svg .mark-name { fill: var(--soft); } svg .curve0 { stroke: var(--curve0); } svg .curve1 { stroke: var(--curve1); }
svg .curve2 { stroke: var(--curve2); } svg .curve3 { stroke: var(--curve3); }
@media screen and (max-width: 46rem) {
  .task { display: block; } .sign { display: block; }
  table.wide thead { display: none; } table.wide, table.wide tbody, table.wide tr { display: block; }
  table.wide tr { border: 1px solid var(--line); border-radius: .4rem; margin-bottom: .7rem; padding: .4rem .2rem; }
  table.wide td, table.wide tbody th { display: block; border: 0; padding: .18rem .6rem; text-align: left; }
  table.wide td::before { content: attr(data-name) ": "; color: var(--soft); font-weight: 400; }
  svg text { font-size: 17px; } svg .title { font-size: 17px; }
}
@media print {
  @page { size: A4; margin: 11mm 14mm; }
  :root { --ink: #000; --soft: #333; --line: #bbb; --tint: #f3f3f3; --page: #fff; --accent: #000; --warn: #000; }
  body { padding: 0; font-size: 9pt; line-height: 1.3; max-width: none; } table { font-size: 7.5pt; }
  h1 { font-size: 14pt; } h2 { font-size: 11pt; margin: .6rem 0 .2rem; } dt { margin-top: .3rem; }
  th, td { padding: .08rem .3rem; } tr, figure, dd, pre { break-inside: avoid; } h2, dt { break-after: avoid; }
  .task { grid-template-columns: repeat(3, minmax(0, 1fr)); column-gap: 1rem; font-size: 7.2pt; line-height: 1.2; }
  .task div { padding: .1rem 0; } pre { padding: .3rem .5rem; margin: .2rem 0 .4rem; }
  .sign { margin-top: .4rem; } p { margin: .3rem 0; }
  .details { break-before: page; } .screen { display: none; }
}
"""


def page(answer: Answer | Undecided, title: str, today: date) -> str:
    """The whole page.

    Args:
        answer: a decided task, or one with an open field.
        title: the user's: the task's file name or nothing.
        today: the date that the page bears.
    """
    body = _open_page(answer) if isinstance(answer, Undecided) else _page(answer)
    head = _head(answer)
    version = importlib.metadata.version("psiselect")
    kicker = phrase("page.kicker", date=today.isoformat(), version=version)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(head)} - psiselect advise</title><style>{STYLE}</style></head><body><main>"
        f'<p class="kicker">{escape(kicker)}{": " + escape(title) if title else ""}</p><h1>{escape(head)}</h1>'
        f"{body}</main></body></html>\n"
    )


def _head(answer: Answer | Undecided) -> str:
    return phrase("page.undecided") if isinstance(answer, Undecided) else upper(answer.primary.meaning)


def _page(answer: Answer) -> str:
    signed = (
        f'<p class="why">{escape(answer.because)}</p>',
        _section(phrase("page.task"), _task(answer.given)),
        _section(phrase("page.risks"), _warnings(answer.risks[:RISKS])),
        _section(phrase("page.next"), _next_step(answer)),
        _signature(),
    )
    details = (
        _section(phrase("page.alternatives"), _table(answer)),
        _section(phrase("page.who-learns"), _learns(answer)),
        _section(changes_title(answer), _changes(answer), "screen"),
        _section(phrase("branches.title"), _branches(answer), "screen"),
        _section(phrase("answer.warnings"), _warnings(answer.warnings), "screen"),
        _section(phrase("answer.charts"), _charts(answer), "screen"),
        _section(phrase("answer.arithmetic"), _predictions(answer)),
        _section(phrase("answer.assumed-title"), _task(answer.assumed), "screen"),
    )
    return f'{"".join(signed)}<div class="details">{"".join(details)}</div>'


def _open_page(undecided: Undecided) -> str:
    ways = "".join(
        f"<dt>{escape(value)}</dt><dd>{escape(either(labels))}{_way(answer)}</dd>"
        for value, labels, answer in undecided.branches
    )
    return (
        f'<p class="why">{escape(undecided.question)}</p>'
        + _section(phrase("page.task"), _task(undecided.given))
        + _section(phrase("page.branches"), f"<dl>{ways}</dl>")
        + _signature()
    )


def _way(answer: Answer | None) -> str:
    steps = answer.steps if answer else ()
    return "".join(_command(step.line) for step in steps)


def _command(line: str) -> str:
    """A command whose lines break between words only: a word that fits on a line stays whole."""
    return f"<pre>{' '.join(f'<span>{escape(word)}</span>' for word in line.split(' '))}</pre>"


def _section(title: str, body: str, kind: str = "") -> str:
    if not body:
        return ""
    return f"<section{f' class={kind}' if kind else ''}><h2>{escape(title)}</h2>{body}</section>"


def _task(fields: Mapping[str, Any]) -> str:
    """Fields as questions and answers."""
    rows = "".join(
        f"<div><dt>{escape(_question(name))}</dt><dd>{escape(_answer(name, value))}</dd></div>"
        for name, value in fields.items()
        if value is not None and value != "na"
    )
    return f'<dl class="task">{rows}</dl>' if rows else ""


def _question(name: str) -> str:
    return BY_NAME[name].title


def _answer(name: str, value: Any) -> str:
    return upper(BY_NAME[name].said(value))


def _next_step(answer: Answer) -> str:
    if answer.steps or answer.notes:
        return _commands(answer)
    if answer.changes:
        first = answer.changes[0]
        return f"<p>{escape(upper(first.edit))}: {escape(first.effect)}.</p>"
    if not implemented(answer.setting.f, answer.primary) and answer.primary.family != "NEITHER":
        named = "".join(f"<li>{escape(f'{tool.name}: {tool.asks}')}</li>" for tool in answer.tools)
        return f"<p>{escape(phrase('page.look-for', tool=elsewhere(answer.setting.t)))}</p><ul>{named}</ul>"
    return f"<p>{escape(upper(answer.primary.meaning))}.</p>"


def _signature() -> str:
    places = (phrase("page.name"), phrase("page.place"), phrase("page.signature"))
    return f'<div class="sign">{"".join(f"<p>{escape(place)}</p>" for place in places)}</div>'


def _charts(answer: Answer) -> str:
    drawn = charts(answer.setting, dict(answer.given))
    return "".join(f"<figure>{svg(chart)}</figure>" for chart in drawn)


# Columns of tables: heading, cell, and the class that sets it: h for the row's heading, n for a number.
APPROACHES: tuple[tuple[Callable[[object], str], Callable[[Verdict, bool], str], str], ...] = (
    (saying("page.columns.approach"), lambda v, chosen: upper(v.label.short), "h"),
    (saying("page.columns.fit"), fit_text, ""),
    (saying("page.columns.reason"), lambda v, chosen: upper(v.reason), ""),
    (saying("page.columns.error"), lambda v, chosen: error_text(v), "n"),
    (saying("page.columns.time"), lambda v, chosen: seconds_text(v), "n"),
    (saying("page.columns.traffic"), lambda v, chosen: bytes_text(v), "n"),
)
LEARNS: tuple[tuple[Callable[[object], str], Callable[[Verdict, bool], str], str], ...] = (
    (saying("page.columns.approach"), lambda v, chosen: upper(v.label.short), "h"),
    (saying("page.columns.recipients"), lambda v, chosen: v.recipients, ""),
    (saying("page.columns.party"), lambda v, chosen: v.party, ""),
)
PREDICTIONS: tuple[tuple[Callable[[object], str], Callable[[Prediction], str], str], ...] = (
    (saying("page.columns.quantity"), lambda p: p.title, "h"),
    (saying("page.columns.value"), value_text, "n"),
    (saying("page.columns.unit"), lambda p: p.unit, ""),
    (saying("page.columns.formula"), lambda p: p.formula, ""),
)


def _cell(name: str, text: str, kind: str) -> str:
    if kind == "h":
        return f'<th scope="row">{escape(text)}</th>'
    return f'<td data-name="{escape(name)}"{" class=" + kind if kind else ""}>{escape(text)}</td>'


def _wide(names: Iterable[str], rows: str) -> str:
    """A table that a narrow screen shows as a list of rows."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    return f'<table class="wide"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def _table(answer: Answer) -> str:
    rows = []
    for v in answer.verdicts:
        chosen = v.label is answer.primary
        cells = (_cell(name(v), text(v, chosen), style) for name, text, style in APPROACHES)
        rows.append(f"<tr{' class=chosen' if chosen else ''}>{''.join(cells)}</tr>")
    return _wide((name(answer) for name, _, _ in APPROACHES), "".join(rows))


def _learns(answer: Answer) -> str:
    rows = []
    for v in answer.verdicts:
        chosen = v.label is answer.primary
        if chosen or v.fit.name != "NO":
            cells = (_cell(name(v), text(v, chosen), style) for name, text, style in LEARNS)
            rows.append(f"<tr{' class=chosen' if chosen else ''}>{''.join(cells)}</tr>")
    return _wide((name(answer) for name, _, _ in LEARNS), "".join(rows))


def _warnings(warnings: Sequence[Caution]) -> str:
    items = "".join(f"<dt>{escape(w.title)}</dt><dd>{escape(w.text)}</dd>" for w in warnings)
    return f'<dl class="warnings">{items}</dl>' if items else ""


def _changes(answer: Answer) -> str:
    items = "".join(
        f"<dt>{escape(upper(change.edit))}</dt><dd>{escape(change.effect)}"
        + (_command(change.command) if change.command else "")
        + "</dd>"
        for change in answer.changes
    )
    return f"<dl>{items}</dl>" if items else ""


def _branches(answer: Answer) -> str:
    found = (branch for branch in answer.branches if branch.label)
    items = "".join(
        f"<dt>{escape(branch.question)}</dt><dd>{escape('; '.join(lines(branch)))}</dd>" for branch in found
    )
    return f"<dl>{items}</dl>" if items else ""


def _commands(answer: Answer) -> str:
    steps = "".join(f"<p>{escape(upper(step.who))}:</p>{_command(step.line)}" for step in answer.steps)
    return steps + "".join(f"<p>{escape(note)}</p>" for note in answer.notes)


def _predictions(answer: Answer) -> str:
    rows = ("".join(_cell(name(p), text(p), style) for name, text, style in PREDICTIONS) for p in answer.predictions)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return _wide((name(answer) for name, _, _ in PREDICTIONS), body) if body else ""
