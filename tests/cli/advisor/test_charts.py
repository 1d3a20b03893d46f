"""What stands in a chart: a title that says what it shows, names and numbers in words, and nothing that leaves it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from support.advising import MACHINE, known

from cli.advisor import examples
from cli.advisor.answer import Answer, advise
from cli.advisor.curves import Chart, Curve, charts
from cli.advisor.fields import FUNCTIONS
from cli.advisor.svg import HEIGHT, LINE, TOP, WIDTH, svg

CODE = re.compile(r"\b(None|True|False|nan|inf|dict|lambda)\b|[a-z]_[a-z]|[{}\[\]]")
TASK = {"n_units": 500, "n_holders": 5, "n_a": 1000, "n_b": 3000, "epsilon_total": 1.0, "exact": "not_needed",
        "output_privacy": "required", "bounded": "yes", "bounds": [0.0, 100.0], "n_candidates": 8, "score_gap": 40.0,
        "score_sensitivity": 1.0, "tolerance": {"kind": "abs", "value": 3.0}}  # fmt: skip
SHARE = {"bounds": [0.0, 1.0], "tolerance": {"kind": "abs", "value": 0.03}}
LETTER = 9.7  # the widest that a letter of a title is, on average, on a telephone: 17 px, bold
# What the title says, by the names of the axes.
SAID = {
    ("epsilon (total)", "error, 19 times in 20"): "The error, by epsilon",
    ("people or firms in the data", "error, 19 times in 20"): "The error, by the number of people or firms",
    ("epsilon (total)", "below the best, 19 times in 20"): "How far below the best the choice may lie, by epsilon",
    ("people or firms in the data", "below the best, 19 times in 20"): "How far below the best, by number of people "
    "or firms",
    ("epsilon", "share"): "Common items that noise would get right, by epsilon",
    ("items on the list of the side that learns", "seconds"): "How long a match takes here, by the length of the list",
}


def all_charts() -> list[Chart]:
    tasks = [known(item["id"]) for item in examples.items()]
    for function in FUNCTIONS:
        task = {**TASK, "function": function} | (SHARE if function == "proportion" else {})
        for trusted in (True, False):
            tasks.append({**task, "trusted_curator": trusted})
        tasks.append({**task, "n_holders": 500, "each_holder_one_unit": True})
    found = [advise(task, MACHINE) for task in tasks]
    return [
        chart
        for task, a in zip(tasks, found, strict=True)
        if isinstance(a, Answer)
        for chart in charts(a.setting, task)
    ]


@pytest.fixture(scope="module")
def drawn() -> list[Chart]:
    return all_charts()


def texts(chart: Chart) -> list[tuple[dict[str, str], str]]:
    """Each text of a chart: its attributes, and what it says."""
    found = re.findall(r"<text ([^>]*)>([^<]*)</text>", svg(chart))
    return [(dict(re.findall(r'([a-z-]+)="([^"]*)"', attributes)), said) for attributes, said in found]


def test_a_title_says_what_its_chart_shows(drawn: list[Chart]) -> None:
    assert {(chart.x, chart.y) for chart in drawn} == set(SAID)
    for chart in drawn:
        assert chart.title == SAID[chart.x, chart.y]
        titles = [said for attributes, said in texts(chart) if attributes.get("class") == "title"]
        assert " ".join(titles) == chart.title


def test_no_text_of_a_chart_is_code(drawn: list[Chart]) -> None:
    found = {said for chart in drawn for _, said in texts(chart)}
    assert len(found) > 30
    assert [said for said in found if CODE.search(said)] == []
    assert [said for said in found if not said.strip()] == []


def test_every_text_stays_in_its_chart(drawn: list[Chart]) -> None:
    """By the width of its letters; `test_report_in_browser.py` measures."""
    for chart in drawn:
        for attributes, said in texts(chart):
            width, x = LETTER * len(said), float(attributes["x"])
            if "transform" in attributes:  # upright
                assert width < HEIGHT - TOP
                continue
            anchor = attributes["text-anchor"]
            left = x - {"start": 0, "middle": width / 2, "end": width}[anchor]
            assert left > -1
            assert left + width < WIDTH + 10, said


def test_each_curve_has_a_name_of_its_own_and_each_axis_two_numbers(drawn: list[Chart]) -> None:
    for chart in drawn:
        names = [curve.name for curve in chart.curves]
        assert len(set(names)) == len(names)
        lines = re.findall(r'<line x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)" y2="([\d.]+)" class="grid"', svg(chart))
        assert sum(x1 == x2 for x1, _, x2, _ in lines) >= 2, chart.title
        assert sum(y1 == y2 for _, y1, _, y2 in lines) >= 2, chart.title


def chart_of(**changes: Any) -> Chart:
    curve = Curve("a", ((1.0, 1000.0), (100.0, 10.0)))
    said: dict[str, Any] = {"title": "A title", "x": "x", "y": "y", "curves": (curve,), "here": 10.0, **changes}
    return Chart(**said)


def test_a_long_title_takes_two_lines_and_moves_the_rest_down() -> None:
    one, two = chart_of(), chart_of(title="How far below the best the choice may lie, for each number of people")
    places = [[float(a["y"]) for a, said in texts(chart) if said in ("x", "y", "a")] for chart in (one, two)]
    assert len(texts(two)) == len(texts(one)) + 1
    assert places[1] == [places[0][0] + LINE, places[0][1] + LINE, places[0][2] + LINE]
    heights = [float(re.findall(r'viewBox="0 0 \d+ (\d+)"', svg(chart))[0]) for chart in (one, two)]
    assert heights[1] == heights[0] + LINE


@pytest.mark.parametrize("level", [1000.0, 900.0, 700.0, 500.0, 100.0, 10.0])
def test_the_name_of_a_level_stands_on_no_other_text(level: float) -> None:
    chart = chart_of(level=level, level_name="acceptable")
    (name,) = [float(a["y"]) for a, said in texts(chart) if said.startswith("acceptable")]
    for attributes, said in texts(chart):
        if said == "A title" or said.startswith("yours"):
            assert abs(float(attributes["y"]) - name) >= 16, (said, level)
