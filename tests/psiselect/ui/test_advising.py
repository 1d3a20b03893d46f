"""The advisor on the page: its questions, the way back, the report."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from support.paged import Page, let_in

from psiselect.advice import Interview, advise
from psiselect.base.errors import InputError, UsageError


@pytest.fixture
def page(tmp_path: Path) -> Page:
    found = let_in(tmp_path)
    found.post("/advise")
    return found


def field(page: Page) -> str:
    return page.now.text.split('name="field" value="')[1].split('"')[0]


def test_questions_lead_to_the_advice_of_the_command(page: Page) -> None:
    where = page.where
    task = {"function": "sum", "n_holders": 3, "must_hide_each": "no"}
    told: dict[str, object] = {}
    while "Question" in page.text:
        name = field(page)
        page.post(
            where, {"field": name, "answer": str(task.get(name, "")), "do": "answer" if name in task else "unknown"}
        )
        told |= {name: task[name]} if name in task else {}
    expected = advise(told)
    if expected.meaning is not None:
        assert expected.meaning[1:] in page.text
    else:
        assert "Not decided yet" in page.text
    report = page.get(f"{where}/report")
    assert "script" not in report.headers["content-security-policy"]
    assert report.text.split("<h1>")[1] == expected.report_html().split("<h1>")[1]


def test_back_asks_again(page: Page) -> None:
    where = page.where
    first = field(page)
    page.post(where, {"field": first, "answer": "sum"})
    second = field(page)
    assert first != second
    assert "A total" in page.text
    page.post(where, {"do": "back"})
    assert field(page) == first
    page.post(where, {"do": "back"})
    assert field(page) == first


def test_consequences_are_shown_when_they_are_asked_for(page: Page) -> None:
    """What the answers leave is what the advisor says of it; going back brings the rest again."""
    where = page.where
    page.post(where, {"field": field(page), "answer": "intersection"})
    second = field(page)
    page.post(where, {"field": second, "do": "look"})
    assert field(page) == second
    told = page.text.split("What follows so far With these answers")[1]
    outcomes = {label for branch in advise({"function": "intersection"}).branches for label in branch["primary"]}
    assert outcomes == {"CHANGE_TASK", "PSI", "MPC_OTHER", "NO_PET"}
    for words in ("Change the task", "Common items of two lists", "Other secure computation", "Publish as it is"):
        assert words in told
    page.post(where, {"field": field(page), "answer": "2"})
    page.post(where, {"do": "look"})
    assert "The approach is decided: common items of two lists" in page.text
    assert advise({"function": "intersection", "n_holders": 2}).recommendation == "PSI"


def follows(page: Page, answer: str = "") -> tuple[str, list[str]]:
    """What the script of a question is told, with the answer that is chosen."""
    told = page.client.get(page.access.base + page.where + "/follows", params={"answer": answer} if answer else {})
    assert (told.status_code, told.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    (line,) = re.findall(r"^data: (.*)\n\n$", told.text)
    event = json.loads(line)
    return event["words"], event["possible"]


def test_consequences_come_by_themselves_too(page: Page) -> None:
    """Of the answers so far, and of the one that is chosen and not sent; the conversation stays as it is."""
    assert follows(page) == ("", [])
    first = field(page)
    begun = follows(page, "intersection")
    assert begun[0] == "With these answers, the advice may still be one of these:"
    assert len(begun[1]) == 4
    page.get(page.where)
    assert field(page) == first
    page.post(page.where, {"field": first, "answer": "intersection"})
    assert follows(page) == begun
    words = "The approach is decided: common items of two lists. The questions that are left are about the command."
    assert follows(page, "2") == (words, [])
    assert follows(page, "-1") == follows(page, "nonsense") == ("", [])
    assert follows(page) == begun


def test_consequences_are_in_the_page_where_no_script_runs(page: Page) -> None:
    assert "advice may still be" not in page.text
    assert 'aria-live="polite" hidden>' in page.now.text


@pytest.mark.parametrize("answer", ["", "nonsense", "-1"])
def test_a_wrong_answer_is_told_at_the_field(page: Page, answer: str) -> None:
    where = page.where
    page.post(where, {"field": "function", "answer": "sum"})
    name = field(page)
    page.post(where, {"field": name, "answer": answer})
    assert page.now.status_code == 422
    assert 'id="answer-error"' in page.now.text
    assert field(page) == name


def test_the_first_question_offers_no_way_out(page: Page) -> None:
    page.post(page.where, {"field": "function"})
    assert "Choose an answer." in page.text
    assert "I do not know" not in page.text
    assert "that you do not know" not in page.text


@pytest.mark.parametrize(
    ("task", "room"),
    [
        ({"function": "intersection", "n_holders": "2"}, "match"),
        ({"function": "select_best", "n_holders": "200", "output_privacy": "required", "exact": "not_needed",
          "trusted_curator": "yes", "epsilon_total": "1"}, "vote"),
        ({"function": "count", "n_holders": "1", "output_privacy": "required", "exact": "not_needed",
          "recipients": "public", "each_holder_one_unit": "no", "n_units": "1000", "epsilon_total": "1"}, "numbers"),
        ({"function": "sum", "n_holders": "3", "output_privacy": "not_needed", "exact": "required"}, ""),
    ],
)  # fmt: skip
def test_the_advice_leads_to_the_room_where_it_is_done(page: Page, task: dict[str, str], room: str) -> None:
    """Where there is one; the rest is for a terminal."""
    where = page.where
    while "Question" in page.text:
        name = field(page)
        page.post(where, {"field": name, "answer": task.get(name, ""), "do": "answer" if name in task else "unknown"})
    main = page.now.text.split("<main")[1]
    found = re.findall(r'without a terminal: <a href="[^"]*/([a-z]+)"', main)
    assert found == ([room] if room else [])
    assert ("What to run in a terminal" in page.text) == bool(room)


def test_an_answer_from_an_older_page_changes_nothing(page: Page) -> None:
    where = page.where
    page.post(where, {"field": "function", "answer": "sum"})
    name = field(page)
    page.post(where, {"field": "function", "answer": "mean"})
    assert field(page) == name
    assert "A total" in page.text


def test_an_interview_needs_its_first_answer() -> None:
    interview = Interview()
    assert interview.question is not None
    assert interview.question.needed
    with pytest.raises(InputError, match="needs an answer to the question"):
        interview.answer("function", " ")
    with pytest.raises(UsageError, match="the advisor now asks the question '"):
        interview.answer("n_holders", "3")
    interview.answer("function", "sum")
    assert interview.question.field != "function"
    assert interview.back()
    assert not interview.back()
    assert interview.question.field == "function"


def test_an_interview_ends_after_nine_questions() -> None:
    interview = Interview()
    interview.answer("function", "sum")
    for _ in range(20):
        if interview.question is None:
            break
        interview.answer(interview.question.field, "")
    assert interview.question is None
    assert len(interview.answers) <= 9
