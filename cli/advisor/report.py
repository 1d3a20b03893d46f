"""The answer as one self-contained HTML page: no network, no script; for a screen, a telephone and paper."""

from __future__ import annotations

from html import escape

from cli.advisor.answer import Answer
from cli.advisor.curves import charts
from cli.advisor.labels import LABELS
from cli.advisor.svg import svg
from cli.advisor.text import bytes_text, changes_title, error_text, fit_text, seconds_text, value_text

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
    head = f"{label}: {LABELS[label].meaning}"
    sections = (
        _section("Every approach", _table(answer)),
        _section(
            "Error at your numbers",
            "".join(f"<figure>{svg(chart)}</figure>" for chart in charts(answer.setting, dict(answer.given))),
        ),
        _section("Warnings", _warnings(answer)),
        _section(changes_title(answer), _changes(answer)),
        _section("Commands", _commands(answer)),
        _section("The arithmetic", _predictions(answer)),
        _section("Your fields, and what was assumed", _fields(answer)),
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


def _cell(name: str, text: str, *, numeric: bool = False, whole: bool = False) -> str:
    kind = " class=n" if numeric else " class=l" if whole else ""
    return f'<td data-name="{escape(name)}"{kind}>{escape(text)}</td>'


def _table(answer: Answer) -> str:
    names = (
        "Approach",
        "Fits?",
        "Because",
        "Error at 95 %",
        "Time",
        "Traffic",
        "Recipients learn",
        "Each party learns",
    )
    rows = []
    for v in answer.verdicts:
        chosen = v.label is answer.primary
        kind = "chosen" if chosen else "no" if v.fit.name == "NO" else ""
        rows.append(
            f'<tr class="{kind}">'
            + _cell(names[0], v.label, whole=True)
            + _cell(names[1], fit_text(v, chosen), whole=True)
            + _cell(names[2], v.reason)
            + _cell(names[3], error_text(v), numeric=True)
            + _cell(names[4], seconds_text(v), numeric=True)
            + _cell(names[5], bytes_text(v), numeric=True)
            + _cell(names[6], v.recipients)
            + _cell(names[7], v.party)
            + "</tr>"
        )
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    return f'<table class="wide"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


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
    rows = "".join(
        f"<tr>{_cell('Quantity', p.quantity)}{_cell('Value', value_text(p), numeric=True)}"
        f"{_cell('Unit', p.unit)}{_cell('Formula', p.formula)}</tr>"
        for p in answer.predictions
    )
    head = "<thead><tr><th>Quantity</th><th>Value</th><th>Unit</th><th>Formula</th></tr></thead>"
    return f'<table class="wide">{head}<tbody>{rows}</tbody></table>' if rows else ""


def _fields(answer: Answer) -> str:
    stated = ", ".join(f"{name} = {value}" for name, value in answer.given.items() if value is not None)
    assumed = ", ".join(f"{name} = {value}" for name, value in answer.assumed.items())
    return f"<p>Stated: {escape(stated) or 'nothing'}.</p><p>Assumed, as nothing was said: {escape(assumed)}.</p>"
