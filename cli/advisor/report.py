"""The answer as one self-contained HTML page: no network, no script; for a screen, a telephone and paper."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape

from cli.advisor.answer import Answer
from cli.advisor.curves import charts
from cli.advisor.findings import Verdict
from cli.advisor.predictions import Prediction
from cli.advisor.svg import svg
from cli.advisor.text import bytes_text, changes_title, error_text, fit_text, seconds_text, value_text
from cli.advisor.words import phrase, saying

STYLE = """
:root { --ink: #1d2329; --soft: #5a6672; --line: #d5dbe1; --tint: #f3f6f9; --accent: #0b5c8f; --warn: #b3541e; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: #fff; margin: 0 auto; padding: 1rem;
max-width: 62rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .2rem 0 .6rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .6rem; }
.kicker { color: var(--soft); margin: 0; } .why { font-size: 1.08rem; max-width: 46rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; } caption { text-align: left; color: var(--soft); }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid var(--line);
overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 600; } tr.chosen td { background: var(--tint); font-weight: 600; } tr.no td {
color: var(--soft); }
td.l { white-space: nowrap; } td.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
dl { margin: 0; } dt { font-weight: 600; margin-top: .8rem; } dt .tag { color: var(--warn); font-family: ui-monospace,
monospace; }
dd { margin: .1rem 0 0; max-width: 46rem; } code, pre { font-family: ui-monospace, monospace; font-size: .88rem; }
pre { background: var(--tint); padding: .7rem .9rem; white-space: pre-wrap; overflow-wrap: anywhere; border-left: 3px
solid var(--accent); margin: .3rem 0 .8rem; }
figure { margin: 0 0 1.2rem; } svg { width: 100%; max-width: 44rem; height: auto; display: block; }
svg text { font: 13px system-ui, sans-serif; fill: var(--ink); } svg .title { font-weight: 600; font-size: 15px; }
svg .grid { stroke: var(--line); } svg .mark { stroke: var(--soft); stroke-dasharray: 4 4; } svg .mark-name { fill:
var(--soft); }
@media (max-width: 46rem) {
  table.wide thead { display: none; } table.wide, table.wide tbody, table.wide tr { display: block; }
  table.wide tr { border: 1px solid var(--line); border-radius: .4rem; margin-bottom: .7rem; padding: .4rem .2rem; }
  table.wide td { display: flex; gap: .8rem; justify-content: space-between; border: 0; padding: .18rem .6rem;
  text-align: right; }
  table.wide td::before { content: attr(data-name); color: var(--soft); font-weight: 400; text-align: left; flex: 0 0
  8.5rem; }
  table.wide td.n { white-space: normal; } svg text { font-size: 17px; } svg .title { font-size: 17px; }
}
@media print {
  @page { margin: 16mm; } body { padding: 0; font-size: 10.5pt; max-width: none; } table { font-size: 8.5pt; }
  tr, figure, dd, pre { break-inside: avoid; } h2, dt { break-after: avoid; } svg { max-width: 15cm; }
}
"""


def page(answer: Answer, title: str) -> str:
    """The whole page. `title` is the user's: the task's file name or nothing."""
    label = answer.primary
    head = f"{label}: {label.meaning}"
    sections = (
        _section(phrase("answer.approaches"), _table(answer)),
        _section(
            phrase("answer.charts"),
            "".join(f"<figure>{svg(chart)}</figure>" for chart in charts(answer.setting, dict(answer.given))),
        ),
        _section(phrase("answer.warnings"), _warnings(answer)),
        _section(changes_title(answer), _changes(answer)),
        _section(phrase("answer.commands"), _commands(answer)),
        _section(phrase("answer.arithmetic"), _predictions(answer)),
        _section(phrase("answer.fields"), _fields(answer)),
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(label)} - psiselect advise</title><style>{STYLE}</style></head><body>"
        f'<p class="kicker">psiselect advise{": " + escape(title) if title else ""}</p><h1>{escape(head)}</h1>'
        f'<p class="why">{escape(answer.why)}</p>{"".join(sections)}</body></html>\n'
    )


def _section(title: str, body: str) -> str:
    return f"<h2>{escape(title)}</h2>{body}" if body else ""


# Columns of tables: heading, cell, and the class that sets it: l for a name kept on one line, n for a number.
APPROACHES: tuple[tuple[Callable[[object], str], Callable[[Verdict, bool], str], str], ...] = (
    (saying("page.columns.approach"), lambda v, chosen: v.label, "l"),
    (saying("page.columns.fit"), fit_text, "l"),
    (saying("page.columns.reason"), lambda v, chosen: v.reason, ""),
    (saying("page.columns.error"), lambda v, chosen: error_text(v), "n"),
    (saying("page.columns.time"), lambda v, chosen: seconds_text(v), "n"),
    (saying("page.columns.traffic"), lambda v, chosen: bytes_text(v), "n"),
    (saying("page.columns.recipients"), lambda v, chosen: v.recipients, ""),
    (saying("page.columns.party"), lambda v, chosen: v.party, ""),
)
PREDICTIONS: tuple[tuple[Callable[[object], str], Callable[[Prediction], str], str], ...] = (
    (saying("page.columns.quantity"), lambda p: p.quantity, ""),
    (saying("page.columns.value"), value_text, "n"),
    (saying("page.columns.unit"), lambda p: p.unit, ""),
    (saying("page.columns.formula"), lambda p: p.formula, ""),
)


def _cell(name: str, text: str, kind: str) -> str:
    return f'<td data-name="{escape(name)}"{" class=" + kind if kind else ""}>{escape(text)}</td>'


def _wide(names: Iterable[str], rows: str) -> str:
    """A table that a narrow screen shows as a list of rows."""
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    return f'<table class="wide"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def _table(answer: Answer) -> str:
    rows = []
    for v in answer.verdicts:
        chosen = v.label is answer.primary
        kind = "chosen" if chosen else "no" if v.fit.name == "NO" else ""
        cells = (_cell(name(v), text(v, chosen), style) for name, text, style in APPROACHES)
        rows.append(f'<tr class="{kind}">{"".join(cells)}</tr>')
    return _wide((name(answer) for name, _, _ in APPROACHES), "".join(rows))


def _warnings(answer: Answer) -> str:
    items = "".join(
        f'<dt><span class="tag">{escape(w.tag)}</span> [{escape(w.field)}]</dt><dd>{escape(w.text)}</dd>'
        for w in answer.warnings
    )
    return f"<dl>{items}</dl>" if items else ""


def _changes(answer: Answer) -> str:
    items = "".join(
        f"<dt>{escape(change.edit)}</dt><dd>{escape(change.effect)}"
        + (f"<pre>{escape(change.command)}</pre>" if change.command else "")
        + "</dd>"
        for change in answer.changes
    )
    return f"<dl>{items}</dl>" if items else ""


def _commands(answer: Answer) -> str:
    steps = "".join(f"<p>{escape(step.who)}:</p><pre>{escape(step.line)}</pre>" for step in answer.steps)
    return steps + "".join(f"<p>{escape(note)}</p>" for note in answer.notes)


def _predictions(answer: Answer) -> str:
    rows = ("".join(_cell(name(p), text(p), style) for name, text, style in PREDICTIONS) for p in answer.predictions)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return _wide((name(answer) for name, _, _ in PREDICTIONS), body) if body else ""


def _fields(answer: Answer) -> str:
    stated = ", ".join(f"{name} = {value}" for name, value in answer.given.items() if value is not None)
    assumed = ", ".join(f"{name} = {value}" for name, value in answer.assumed.items())
    lines = (
        phrase("answer.stated", fields=stated) if stated else phrase("answer.nothing-stated"),
        phrase("answer.assumed", fields=assumed),
    )
    return "".join(f"<p>{escape(line)}</p>" for line in lines)
