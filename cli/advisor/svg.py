"""A chart as an inline SVG: log-log axes, a legend in words, dashed marks for the user's own numbers. No library, no
script.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable
from html import escape

from cli.advisor.curves import Chart
from cli.advisor.wording import number
from cli.advisor.words import phrase

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 380, 90, 30, 34, 52
LINE = 20  # of text, and of the legend
TITLE = 54  # characters on a line: on a telephone, letters are larger
_FACTORS = ((1,), (1, 2, 5), range(1, 10), range(10, 100))
DASHES = ("", "7 4", "2 4", "10 3 2 3")  # the page's style has the colours


def svg(chart: Chart) -> str:
    """The chart drawn; readable in black and white too, since lines differ by dashes."""
    xs = [x for curve in chart.curves for x, _ in curve.points] + ([chart.here] if chart.here else [])
    ys = [y for curve in chart.curves for _, y in curve.points] + ([chart.level] if chart.level else [])
    title = textwrap.wrap(chart.title, TITLE)
    top, right = TOP + LINE * (len(title) - 1), WIDTH - RIGHT
    height = HEIGHT + top - TOP
    bottom = height - BOTTOM
    x_axis, y_axis = _Axis(min(xs), max(xs), LEFT, right), _Axis(min(ys), max(ys), bottom, top)
    middle, whole = (top + bottom) / 2, height + LINE * len(chart.curves)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {whole}" role="img" aria-label="{escape(chart.title)}">',
        *(_text(LEFT, 18 + LINE * index, line, kind="title") for index, line in enumerate(title)),
        _text((LEFT + right) / 2, height - 12, chart.x, anchor="middle"),
        _text(14, middle, chart.y, anchor="middle", turn=f"rotate(-90 14 {middle:.0f})"),
    ]
    for value, label in x_axis.ticks():
        at = x_axis.at(value)
        parts += [_line(at, top, at, bottom, "grid"), _text(at, bottom + 18, label, anchor="middle")]
    for value, label in y_axis.ticks():
        at = y_axis.at(value)
        parts += [_line(LEFT, at, right, at, "grid"), _text(LEFT - 8, at + 4, label, anchor="end")]
    if chart.here:
        at = x_axis.at(chart.here)
        anchor, shift = ("end", -5) if at > WIDTH * 0.7 else ("start", 5)
        mine = phrase("charts.yours", value=number(chart.here))
        mark = _text(at + shift, top + 14, mine, anchor=anchor, kind="mark-name")
        parts += [_line(at, top, at, bottom, "mark"), mark]
    if chart.level:
        at = y_axis.at(chart.level)
        name = f"{chart.level_name}: {number(chart.level)}"
        falls = chart.curves[0].points[0][1] > chart.curves[0].points[-1][1]  # then there is room on the right
        x, anchor = (right - 6, "end") if falls else (LEFT + 6, "start")
        below = at < top + 2 * LINE  # above it stand the title and "yours"
        parts += [
            _line(LEFT, at, right, at, "mark"),
            _text(x, max(at, top + LINE) + 16 if below else at - 5, name, anchor=anchor, kind="mark-name"),
        ]
    for index, curve in enumerate(chart.curves):
        kind = index % len(DASHES)
        dash = f' stroke-dasharray="{DASHES[kind]}"' if DASHES[kind] else ""
        style = f'fill="none" class="curve{kind}" stroke-width="2.5"{dash}'
        points = " ".join(f"{x_axis.at(x):.1f},{y_axis.at(y):.1f}" for x, y in curve.points)
        y = height + LINE * index + 6
        parts.append(f'<polyline points="{points}" {style}/>')
        parts.append(f'<line x1="{LEFT}" y1="{y}" x2="{LEFT + 44}" y2="{y}" {style}/>')
        parts.append(_text(LEFT + 54, y + 4, curve.name))
    return "".join((*parts, "</svg>"))


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", kind: str = "", turn: str = "") -> str:
    more = (f' class="{kind}"' if kind else "") + (f' transform="{turn}"' if turn else "")
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(text)}</text>'


class _Axis:
    """A logarithmic axis from low to high, drawn between two pixels."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        if high <= low * 1.5:  # a flat line still needs an axis
            low, high = low / 2, high * 2
        self._low, self._high = math.log10(low), math.log10(high)
        self._start, self._end = start, end

    def at(self, value: float) -> float:
        return self._start + (math.log10(value) - self._low) / (self._high - self._low) * (self._end - self._start)

    def ticks(self) -> list[tuple[float, str]]:
        """Two numbers or more, each with its text."""
        tries = _FACTORS if self._high - self._low >= 2 else _FACTORS[1:]
        return next(found for factors in tries if len(found := self._with(factors)) > 1)

    def _with(self, factors: Iterable[int]) -> list[tuple[float, str]]:
        step = max(1, math.ceil((self._high - self._low) / 7))
        exponents = range(math.floor(self._low) - 1, math.ceil(self._high) + 1)
        values = [f * 10.0**e for e in exponents if e % step == 0 for f in factors]
        return [(v, _tick(v)) for v in values if self._low - 1e-9 <= math.log10(v) <= self._high + 1e-9]


def _tick(value: float) -> str:
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= limit:
            scaled = value / (1e3 if unit == "k" else limit)
            return f"{scaled:g}{unit}" if scaled < 1e4 else f"{value:.0e}"
    return f"{value:g}"
