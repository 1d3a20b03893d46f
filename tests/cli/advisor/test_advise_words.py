"""What the advisor's commands and tables say: numbers that stand in for the user's own are named, words are whole."""

from __future__ import annotations

import contextlib
import json
import random
import re
from datetime import date
from html import unescape
from pathlib import Path

import pytest
from support.advise_random import random_task
from support.advising import MACHINE, known
from support.program import Run

from cli.advisor import examples
from cli.advisor.answer import advise
from cli.advisor.fields import BY_NAME
from cli.advisor.report import page
from cli.advisor.words import phrase
from psiselect.base.errors import InputError

STAND_IN = phrase("notes.stand-in")


@pytest.fixture
def example(program: Run, tmp_path: Path) -> Run:
    """`psiselect advise` on a worked example."""

    def call(name: str, *options: str) -> object:
        task = tmp_path / f"{name}.toml"
        task.write_text(program("advise", "--example", name).out)
        return program("advise", task, *options)

    return call  # type: ignore[return-value]


def test_bounds_that_nobody_gave_are_named(example: Run) -> None:
    changes = json.loads(example("A08", "--json").out)["change_task"]
    with_bounds = [change for change in changes if change["command"] and "--upper" in change["command"]]
    assert [re.search(r"--upper (\S+)", change["command"])[1] for change in with_bounds] == ["1", "1000000"]  # type: ignore[index]
    assert STAND_IN in with_bounds[0]["effect"]
    assert "0 and 1,000,000 in their place" in with_bounds[1]["edit"]


CODE = re.compile(r"\b(None|True|False|nan|inf)\b|[A-Za-z]+_[A-Za-z_]+|[{}]|\w=\w|\[[a-z]+\]")


def people_read(html: str) -> list[str]:
    """The texts of a page, but for its commands and formulas."""
    body = re.sub(r"<style>.*?</style>|<pre>.*?</pre>", "", html, flags=re.DOTALL)
    body = re.sub(rf'<td data-name="{phrase("page.columns.formula")}">.*?</td>', "", body)
    return [unescape(text).strip() for text in re.split(r"<[^>]*>", body) if text.strip()]


def test_a_page_to_sign_has_no_code() -> None:
    """No name of a field, of a label or of Python's, whatever the task; the terminal has the same reasons."""
    rng = random.Random(71)
    tasks = [known(item["id"]) for item in examples.items()] + [random_task(rng) for _ in range(250)]
    pages = 0
    for task in tasks:
        with contextlib.suppress(InputError):  # it contradicts itself
            texts = people_read(page(advise(task, MACHINE), "", date(2026, 1, 1)))
            pages += 1
            assert [text for text in texts if CODE.search(text)] == []
    assert pages > 200


def test_an_answer_that_the_command_lacks_is_named_where_no_command_is_printed(program: Run, tmp_path: Path) -> None:
    fields = "function=top_k n_holders=1 trusted_curator=true n_candidates=40 n_units=1000 epsilon_total=1 "
    fields += "output_privacy=required exact=not_needed each_holder_one_unit=false recipients=public"
    task = [f"--set={field}" for field in [*fields.split(), "unit_per_release=false"]]
    text = "The command needs one more answer: numbers given out together."
    shown = program("advise", *task, "--report", tmp_path / "page.html").out
    assert "--seats" not in shown
    for said in (shown, (tmp_path / "page.html").read_text()):
        assert text in " ".join(said.split())
    whole = program("advise", *task, "--set=output_dim=5").out
    assert "--seats 5" in whole
    assert text not in " ".join(whole.split())


def test_a_field_in_few_words() -> None:
    found = [("function", "mean"), ("function", None), ("exact", "required"), ("bounded", "na"), ("n_units", 1200)]
    assert [BY_NAME[name].stated(value) for name, value in found] == [
        "what to find out: an average",
        "what to find out: not known",
        "the result must be exact: yes",
        "one person's value has a limit: not known",
        "people or firms in the data: 1,200",
    ]


def test_bounds_that_were_given_need_no_word(program: Run) -> None:
    fields = "function=sum n_holders=1 bounded=yes n_units=500 epsilon_total=1 output_privacy=required exact=not_needed"
    task = [f"--set={field}" for field in fields.split()]
    bare = json.loads(program("advise", *task, "--json").out)
    assert "--upper 1 " in bare["command"]
    assert STAND_IN in bare["notes"]
    told = json.loads(program("advise", *task, "--set=bounds=[0, 50]", "--json").out)
    assert "--upper 50 " in told["command"]
    assert STAND_IN not in told["notes"]


@pytest.mark.parametrize("name", ["A03", "A06", "A10", "A12"])
def test_counts_have_no_decimals(example: Run, name: str) -> None:
    shown = example(name, "--json").out
    found = re.findall(r"psiselect mpc sum [^\"]*", shown)
    assert found
    assert all("--decimals 0" in command for command in found)


def test_sums_keep_their_decimals(example: Run) -> None:
    found = re.findall(r"psiselect mpc mean [^\"]*", example("A01", "--json").out)
    assert found
    assert not any("--decimals" in command for command in found)


@pytest.mark.parametrize("name", ["A01", "A06", "A08", "A09", "A12"])
def test_80_columns_cut_no_word(example: Run, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def words(width: int) -> set[str]:
        monkeypatch.setenv("COLUMNS", str(width))
        tables = example(name).out.split("Every approach")[1].split("Assumed")[0]
        assert max(map(len, tables.splitlines())) <= width
        tables = re.sub(r"quantity +value +unit +formula", "", tables)  # narrow, there is no table of four columns
        return set(re.sub(r"[:=]", " ", tables).split())

    assert words(80) == words(400)
