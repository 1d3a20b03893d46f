"""A match with a partner on the page: two pages over TLS on this machine, and what is refused before."""

from __future__ import annotations

import json
import re
import shlex
import threading
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.paged import Page
from support.paged_match import (
    ACME,
    certificate_of,
    checked,
    compared,
    done,
    free_port,
    met,
    opened,
    pair,
    started,
    task_of,
)

from cli.main import root
from psiselect.base.errors import UsageError
from psiselect.ui import match_commands
from psiselect.ui.match_terms import Terms
from psiselect.ui.told import told


def fingerprints(page: Page) -> list[str]:
    return re.findall(r"(?:[0-9a-f]{4} ?){16}", page.text.replace("  ", " "))


def both(acme: Page, here: str, globex: Page, there: str, **terms: str) -> None:
    """A match of two pages, the first of which waits."""
    port = free_port()
    started(acme, here, "wait", port=port, **terms)
    started(globex, there, "call", host="127.0.0.1", port=port, **terms)
    done(acme, here)
    done(globex, there)


@pytest.mark.parametrize(("reveal", "minimum"), [("matches", ""), ("count", "2")])
def test_two_pages_match(tmp_path: Path, reveal: str, minimum: str) -> None:
    acme, here, globex, there = pair(tmp_path)
    held = task_of(globex, there).given.upload._held
    both(acme, here, globex, there, reveal=reveal, minimum=minimum)
    assert "globex has the result. You agreed that you do not get it" in acme.text
    assert "2 values in common" in globex.text
    assert "Different values in the other list 2" in globex.text
    assert acme.get(f"{here}/matched.csv").status_code == 404
    got = globex.get(f"{there}/matched.csv")
    if reveal == "matches":
        assert got.text.splitlines() == ["e,plan", "ANN@example.com,gold", "bob@example.com ,free"]
    else:
        assert got.status_code == 404
    one, other = (json.loads(page.get(f"{where}/record").text) for page, where in ((acme, here), (globex, there)))
    assert one == other
    assert held.closed
    assert task_of(acme, here).given.upload._held.closed
    globex.desk.tasks.close()
    assert globex.get(f"{there}/result").status_code == 404


def test_several_columns_and_columns_that_travel(tmp_path: Path) -> None:
    """The one who waits gets the result and a column of the other list; a second column finds what the first misses."""
    mine = b"mail,city\nann@example.com,Oslo\nnobody,Bonn\neve@example.org,Rome\n"
    theirs = b"e,town,plan\nann@example.com,Oslo,gold\nother@example.net,Bonn,free\n"
    acme, here, globex, there = pair(tmp_path, mine, theirs)
    acme.post(here, {"column": "mail", "rule": "email", "column_2": "city", "rule_2": "text", "matching": "one-to-one"})
    globex.post(there, {"column": "e", "rule": "email", "column_2": "town", "rule_2": "text", "matching": "one-to-one"})
    done(acme, here)
    done(globex, there)
    port = free_port()
    shared = {"gets": "waiter", "port": port}
    started(acme, here, "wait", receive="plan\n", **shared)
    started(globex, there, "call", host="127.0.0.1", send_2="yes", **shared)
    done(acme, here)
    done(globex, there)
    assert "acme has the result" in globex.text
    assert "2 values in common 1 by mail 1 by city" in acme.text
    got = acme.get(f"{here}/matched.csv").text.splitlines()
    assert [line.replace(",email", "").replace(",text", "") for line in got][1:] != []
    assert "peer_plan" in got[0]
    assert any("Oslo" in line and "gold" in line for line in got)
    assert any("Bonn" in line and "free" in line for line in got)


def test_a_sum_over_the_matches(tmp_path: Path) -> None:
    theirs = b"e,paid\nann@example.com,12.50\nbob@example.com,2.25\nzoe@example.net,900\n"
    acme, here, globex, there = pair(tmp_path, ACME, theirs)
    started(globex, there, "wait", reveal="sum")
    assert (globex.now.status_code, 'id="value-error"' in globex.now.text) == (422, True)
    port = free_port()
    started(globex, there, "wait", reveal="sum", value="paid", port=port)
    started(acme, here, "call", host="127.0.0.1", reveal="sum", port=port)
    done(globex, there)
    done(acme, here)
    assert "2 values in common" in acme.text
    assert "Their sum in globex’s list: 14.75" in acme.text
    assert acme.get(f"{here}/matched.csv").status_code == 404


def test_columns_that_only_one_side_names_are_told_in_words(tmp_path: Path) -> None:
    acme, here, globex, there = pair(tmp_path)
    port = free_port()
    started(acme, here, "wait", send_1="yes", port=port)
    started(globex, there, "call", host="127.0.0.1", port=port)
    done(acme, here)
    done(globex, there)
    for page in (acme, globex):
        assert page.now.status_code == 409
        assert "columns" in page.text
        for word in ("--", "send=", "receive=", "/proc"):
            assert word not in page.text.split("What happened")[1]


@pytest.mark.parametrize("option", ["send", "receive", "value", "value-decimals", "value-max", "peer", "input"])
def test_options_have_words_on_the_page(option: str) -> None:
    for text in (f"say --{option} there", f"say {option.replace('-', '_')}= there"):
        words = told(UsageError(text))
        assert "--" not in words
        assert option == "input" or "=" not in words
        assert "there" in words


def test_results_that_differ_have_the_words_of_the_page(tmp_path: Path) -> None:
    acme, here, globex, there = pair(tmp_path)
    port = free_port()
    started(acme, here, "wait", reveal="matches", port=port)
    started(globex, there, "call", reveal="count", host="127.0.0.1", port=port)
    done(acme, here)
    done(globex, there)
    assert "you say “which rows match”, your partner says “only how many match”" in acme.text
    assert "you say “only how many match”, your partner says “which rows match”" in globex.text


def test_only_the_part_with_an_error_is_opened(tmp_path: Path) -> None:
    acme, here, _, _ = pair(tmp_path)
    acme.get(f"{here}/session")
    assert "<details open>" not in acme.now.text
    for fields, opened_parts in (
        ({"do": "call", "host": "a.example", "port": "1"}, []),  # the call is missing
        ({"do": "offer", "port": "1"}, ["No machine can call"]),
        ({"do": "wait", "port": "1", "minimum": "x"}, ["Further agreements"]),
        ({"do": "wait", "port": "1", "reveal": "sum"}, ["Further agreements"]),
    ):
        acme.post(f"{here}/session", fields)
        assert acme.now.status_code == 422
        found = re.findall(r"<details open>\s*<summary>(.*?)[:?<]", acme.now.text)
        assert [each.removesuffix(" the other") for each in found] == opened_parts


def test_terms_that_differ_are_told_in_words(tmp_path: Path) -> None:
    acme, here, globex, there = pair(tmp_path)
    port = free_port()
    started(acme, here, "wait", gets="waiter", port=port)
    started(globex, there, "call", gets="caller", host="127.0.0.1", port=port)
    done(acme, here)
    done(globex, there)
    for page in (acme, globex):
        assert page.now.status_code == 409
        assert "disagree on who gets the result" in page.text
        for word in ("--", "learn=", "/proc"):
            assert word not in page.text
    assert not task_of(acme, here).given.upload._held.closed  # to try again
    globex.get(f"{there}/session")
    assert 'value="caller" checked' in globex.now.text
    assert 'name="compared" value="yes" checked' in globex.now.text


def test_waiting_can_be_stopped_and_idle_time_does_not_run(tmp_path: Path) -> None:
    acme, here, _, _ = pair(tmp_path)
    started(acme, here, port=free_port())
    work = task_of(acme, here).work
    assert work is not None
    acme.idle.seconds = 0
    assert not acme.idle.over()
    acme.get(f"{here}/work")
    assert "Working" in acme.text
    assert "script-src 'self'" in acme.now.headers["content-security-policy"]
    acme.post(f"{here}/stop")
    assert "You have stopped it" in acme.text
    assert acme.idle.over()
    assert threading.active_count() < 20
    acme.get(f"{here}/session")
    assert "Match with globex" in acme.text


def test_the_end_of_the_page_ends_a_session(tmp_path: Path) -> None:
    acme, here, _, _ = pair(tmp_path)
    started(acme, here, port=free_port())
    work, upload = task_of(acme, here).work, task_of(acme, here).given.upload
    acme.desk.tasks.close()
    assert work is not None
    assert (work.over, work.stopped, upload._held.closed) == (True, True, True)


def test_a_task_at_work_is_not_ended_by_newer_ones(tmp_path: Path) -> None:
    acme, here, _, _ = pair(tmp_path)
    started(acme, here, port=free_port())
    for _ in range(10):
        acme.post("/match", file={"own": ("a.csv", b"a\nb\n")})
    assert acme.get(f"{here}/work").status_code == 200
    assert "Working" in acme.text
    acme.desk.tasks.close()


def test_no_session_begins_before_the_call(tmp_path: Path) -> None:
    """Nor for another certificate than the page has shown, nor after another one was chosen."""
    page = opened(tmp_path / "one")
    where = checked(page)
    for step in ("session", "result"):
        page.get(f"{where}/{step}")
        assert page.where != f"{where}/{step}"
    certificate = certificate_of(page, where, "acme")
    page.post(f"{where}/partner", {"do": "go", "name": "acme"}, file={"certificate": ("a.crt", certificate)})
    assert "This is your own certificate" in page.text
    theirs = {}
    for name in ("globex", "hooli"):
        other = opened(tmp_path / name)
        theirs[name] = certificate_of(other, checked(other), name)
    met(page, where, theirs["globex"])
    assert len(fingerprints(page)) == 2
    shown = compared(page)
    task = task_of(page, where)

    def refused(fields: dict[str, str]) -> None:
        page.post(f"{where}/session", {"port": "7001", "do": "wait", **fields})
        assert "Telephone your partner first" in page.text
        assert (task.work is None or task.work.over, task.sure, task.terms) == (True, False, None)

    refused({"both": shown["both"]})
    refused({**shown, "both": ""})
    met(page, where, theirs["hooli"])
    refused(shown)  # a window that still shows the other certificate
    task.sure = True
    met(page, where, theirs["globex"])
    assert not task.sure
    task.sure = True
    page.post(f"{where}/partner", {"do": "save", "name": "other"})
    assert not task.sure
    with pytest.raises(Exception, match="is not done yet"):
        task.begin_session()


@pytest.mark.parametrize(
    ("way", "gets", "learn"),
    [("call", "caller", "me"), ("wait", "caller", "peer"), ("call", "waiter", "peer"), ("wait", "waiter", "me"),
     ("call", "both", "both"), ("wait", "both", "both"), ("offer", "both", "me"), ("answer", "caller", "peer")],
)  # fmt: skip
def test_who_gets_the_result_is_the_same_words_on_both_sides(way: str, gets: str, learn: str) -> None:
    assert Terms(way=way, gets=gets).learn == learn


def test_what_only_one_side_may_say_is_left_out() -> None:
    said = {"send": ("a",), "receive": ("b",), "value": "v", "reveal": "sum", "decimals": "0", "largest": "10"}
    learner = Terms(way="call", **said).arguments()  # type: ignore[arg-type]
    other = Terms(way="wait", **said).arguments()  # type: ignore[arg-type]
    assert (learner["receive"], "send" in learner, "value" in learner) == (("b",), False, False)
    assert (other["send"], "receive" in other, other["value"]) == (("a",), False, "v")
    assert other["value_decimals"] == 0
    assert "learn" not in Terms(way="offer").arguments()


def test_both_pages_show_what_must_be_the_same(tmp_path: Path) -> None:
    acme, here, globex, there = pair(tmp_path)
    for page, where in ((acme, here), (globex, there)):
        page.get(f"{where}/session")
        assert task_of(acme, here).digits in page.text
    assert "Who gets the result" in acme.text
    assert 'value="caller" checked' in acme.now.text
    acme.post(here, {"column": "city", "rule": "text"})
    done(acme, here)
    acme.get(f"{here}/session")
    assert task_of(globex, there).digits not in acme.text


def test_the_commands_that_are_shown_are_taken(tmp_path: Path) -> None:
    """By the command's own parser, which knows each option."""
    acme, here, _, _ = pair(tmp_path)
    task = task_of(acme, here)
    shown = set()
    for terms in (
        Terms(),
        Terms(gets="both", minimum=5, host="acme.example", send=("city",), receive=("plan", "x y")),
        Terms(reveal="sum", value="city", decimals="0", largest="100", matching="one-to-one"),
    ):
        task.terms = terms
        acme.get(f"{here}/session")
        for commands in match_commands.of_ways(task, terms).values():
            for command in [*commands, *match_commands.checks(task)]:
                assert command in acme.text or "psi check" in command
                words = shlex.split(command)[1:]
                group = root.get_command(None, words[0])  # type: ignore[arg-type]
                found = group.get_command(None, words[1])  # type: ignore[union-attr]
                with found.make_context(words[1], words[2:], resilient_parsing=True) as context:
                    assert "key" in str(context.params) or words[1] == "finish"
                shown.add(words[1])
    assert shown == {"check", "listen", "connect", "offer", "answer", "finish"}


def test_nothing_of_a_session_is_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    acme, here, globex, there = pair(tmp_path)
    both(acme, here, globex, there, gets="both")
    assert "2 values in common" in acme.text
    logged = caplog.text.lower()
    for private in ("ann@", "bob@", "example.com", "oslo", "no address", "2 matches", "acme.csv"):
        assert private not in logged


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"port": ""}, "port"),
        ({"port": "99999"}, "port"),
        ({"do": "call", "host": ""}, "host"),
        ({"do": "call", "host": "a b:c"}, "host"),
        ({"minimum": "-1"}, "minimum"),
        ({"decimals": "x"}, "decimals"),
        ({"do": "answer"}, "offer"),
    ],
)
def test_terms_that_make_no_sense_stand_at_their_field(tmp_path: Path, fields: dict[str, Any], named: str) -> None:
    acme, here, _, _ = pair(tmp_path)
    started(acme, here, **fields)
    assert (acme.now.status_code, f'id="{named}-error"' in acme.now.text) == (422, True)
    assert task_of(acme, here).work is not None
    assert task_of(acme, here).terms is None


def test_the_page_says_what_the_command_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One side on the page, the other one the command that its page shows."""
    acme, here, globex, there = pair(tmp_path)
    port = free_port()
    terms = Terms(way="call", host="127.0.0.1", port=port)
    (command,) = match_commands.of_terms(task_of(globex, there), terms)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "globex.csv").write_bytes(task_of(globex, there).given.upload.path.read_bytes())
    peer = task_of(globex, there).peer
    assert peer is not None
    (tmp_path / "acme.crt").write_text(peer.pem)
    started(acme, here, "wait", port=port)
    ended = CliRunner().invoke(root, [*shlex.split(command)[1:], "--backend", "portable", "--threads", "1"])
    assert ended.exit_code == 0, ended.output
    done(acme, here)
    assert "globex has the result" in acme.text
    rows = (tmp_path / "matched.csv").read_text().splitlines()
    assert rows == ["e,plan", "ANN@example.com,gold", "bob@example.com ,free"]
    assert json.loads((tmp_path / "record.json").read_text()) == json.loads(acme.get(f"{here}/record").text)
