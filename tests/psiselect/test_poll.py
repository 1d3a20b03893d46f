"""`psiselect.poll`: the same responses, shares, charges and refusals as `psiselect poll`."""

from __future__ import annotations

import errno
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars
import pytest
from support.both_ways import HELD, printed

import psiselect
from dpselect import local_dp
from psiselect import poll
from psiselect.base import atomic

WAYS = ("car", "bus", "tram")
LOUD = "40"  # a lie has probability e^-40


def test_a_response_is_the_command_s(tmp_path: Path) -> None:
    found = poll.respond("bus", options=WAYS, epsilon=LOUD, name="way")
    words = ("poll", "respond", "--answer", "bus", "--options", ",".join(WAYS), "--epsilon", LOUD)
    record, _ = printed(*words, "--poll", "way", "--output", tmp_path / "mine.csv")
    assert (found.response, found.charged, found.output) == ("bus", None, None)
    assert found.to_dict() == record | {"output": None}
    here, there = (text.splitlines() for text in (found.row, (tmp_path / "mine.csv").read_text()))
    token = here[0].split(",").index("token")
    assert here[0] == there[0]
    assert [c for i, c in enumerate(here[1].split(",")) if i != token] == [
        c for i, c in enumerate(there[1].split(",")) if i != token
    ]
    assert "bus" not in repr(found)
    assert found.guarantee == "this one answer is protected with epsilon 40 (method: k-ary)"


def test_shares_are_the_command_s(tmp_path: Path) -> None:
    answers = [poll.respond(way, options=WAYS, epsilon="ln(9)", name="way") for way in (*WAYS, "bus")]
    table = tmp_path / "all.csv"
    table.write_text("".join([answers[0].row, *(each.row.split("\n", 1)[1] for each in answers[1:])]))
    words = ("poll", "estimate", table, "--options", ",".join(WAYS), "--epsilon", "ln(9)", "--population")
    record, _ = printed(*words, "--confidence", "0.9")
    same: dict[str, Any] = {"options": WAYS, "epsilon": "ln(9)", "confidence": 0.9, "population": True}
    for held in (answers, *(make(table) for name, make in HELD.items() if name not in ("batches", "duckdb"))):
        found = poll.estimate(held, **same)
        assert found.to_dict() == record
        assert found.responses == 4
    assert list(found.shares) == list(WAYS)
    share = found.shares["bus"]
    # The interval ends at 0 and 1, and an estimate may lie beyond.
    assert share.interval[0] <= min(max(share.estimate, 0), 1) <= share.interval[1]
    assert str(share.estimate)[:4] not in repr(found)


def test_files_folders_and_responses_are_put_together(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(3):
        poll.respond("yes", epsilon=LOUD, output=tmp_path / "in" / f"{number}.csv")
    single = poll.respond("no", epsilon=LOUD, output=tmp_path / "one.csv")
    assert single.output == tmp_path / "one.csv"
    assert (tmp_path / "one.csv").read_text() == single.row
    found = poll.estimate([tmp_path / "in", polars.read_csv(tmp_path / "one.csv")], epsilon=LOUD)
    assert (found.responses, round(found.shares["yes"].estimate, 6)) == (4, 0.75)
    with pytest.raises(psiselect.InputError, match=r"the same response is in .*one.csv"):
        poll.estimate([tmp_path / "one.csv", single], epsilon=LOUD)
    with pytest.raises(psiselect.InputError, match="this answer was given with epsilon 40, but you gave epsilon=1"):
        poll.estimate(single, epsilon=1)


def test_the_respondent_s_budget_pays_before_the_draw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = psiselect.Ledger.create(tmp_path / "me.db", epsilon=1, neighbors="replace")
    paid: dict[str, Any] = {"epsilon": "3/4", "ledger": ledger, "dataset": "me"}
    before: list[int] = []
    coin = local_dp.bernoulli_exp

    def noted(*given: Any) -> bool:
        before.append(len(ledger.entries()))
        return coin(*given)

    monkeypatch.setattr(local_dp, "bernoulli_exp", noted)
    found = poll.respond("yes", **paid)
    assert found.charged == psiselect.Charged("me", Fraction(3, 4), Fraction(0), Fraction(1, 4))
    assert set(before) == {1}
    with pytest.raises(psiselect.BudgetError, match="over budget"):
        poll.respond("yes", **paid)
    assert [entry.what for entry in ledger.entries()] == ["poll respond: randomised-response, epsilon 3/4"]


def test_a_file_that_is_there_stops_it_before_the_charge(tmp_path: Path) -> None:
    ledger = psiselect.Ledger.create(tmp_path / "me.db", epsilon=1, neighbors="replace")
    (tmp_path / "mine.csv").write_text("mine")
    with pytest.raises(psiselect.InputError, match="If you must send your response again, send this file"):
        poll.respond("yes", epsilon=1, output=tmp_path / "mine.csv", ledger=ledger, dataset="me")
    assert (ledger.entries(), (tmp_path / "mine.csv").read_text()) == ([], "mine")


def test_a_response_that_is_not_written_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic, "_name", full)
    ledger = psiselect.Ledger.create(tmp_path / "me.db", epsilon=50, neighbors="replace")
    with pytest.raises(psiselect.OutputError, match=r"^the ledger was charged for the result, but ") as raised:
        poll.respond("no", epsilon=LOUD, output=tmp_path / "mine.csv", ledger=ledger, dataset="me")
    result: Any = raised.value.result
    assert (raised.value.charged, result.response) == (True, "no")


REFUSED: dict[str, tuple[Any, str]] = {
    "a float": (lambda: poll.respond("yes", epsilon=0.5), 'Write epsilon="0.5"'),  # type: ignore[arg-type]
    "no epsilon": (lambda: poll.respond("yes"), r"poll.respond\(\) needs the argument epsilon="),  # type: ignore[call-arg]
    "another answer": (lambda: poll.respond("maybe", epsilon=1), "answer= must be one of these: yes, no"),
    "no text": (lambda: poll.respond(True, epsilon=1), "answer= must be a string, not bool"),  # type: ignore[arg-type]
    "one text for options": (lambda: poll.respond("a", options="ab", epsilon=1), "options= must be a list of strings"),
    "an unknown mechanism": (lambda: poll.respond("yes", epsilon=1, mechanism="coin"), "mechanism= must be one of"),
    "next to nothing": (lambda: poll.respond("yes", epsilon="1e-17"), "even a rough estimate would take"),
    "a ledger alone": (lambda: poll.respond("yes", epsilon=1, ledger="l.db"), "go together"),
    "no table": (lambda: poll.estimate(5, epsilon=1), "is of type int"),
    "a frame and a query": (lambda: poll.estimate(polars.DataFrame(), epsilon=1, query="SELECT 1"), "needs a database"),
    "a text for confidence": (
        lambda: poll.estimate("a.csv", epsilon=1, confidence="0.9"),  # type: ignore[arg-type]
        "confidence= must be a number between 0 and 1",
    ),
    "certainty": (lambda: poll.estimate(poll.respond("yes", epsilon=1), epsilon=1, confidence=1), "between 0 and 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_misuse_is_refused_with_what_to_do(case: str) -> None:
    call, says = REFUSED[case]
    with pytest.raises(psiselect.UsageError, match=says) as refused:
        call()
    assert "--" not in str(refused.value)
