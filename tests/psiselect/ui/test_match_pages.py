"""A match on the page: the check, a trial of two files, and a session of two pages over TLS on this machine."""

from __future__ import annotations

import io
import json
import re
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from click.testing import CliRunner
from support.paged import Page
from support.paged_match import ACME, BY_MAIL, GLOBEX, certificate_of, checked, done, opened, task_of

from cli.main import root


@pytest.fixture
def page(tmp_path: Path) -> Page:
    return opened(tmp_path / "one")


def test_a_list_is_checked(page: Page) -> None:
    where = checked(page)
    assert page.where == f"{where}/check"
    for words in ("Rows 5", "Different values that can match 2", "Rows that repeat such a value 1"):
        assert words in page.text
    assert "no @ in the address 1, such as row 4" in page.text
    assert "2 Ann@Example.com ann@example.com" in page.text
    assert "4 no address nothing: no @ in the address" in page.text
    assert "psiselect psi check acme.csv --key mail:email" in page.text


def test_a_list_without_keys_goes_no_further(page: Page) -> None:
    where = checked(page, column="city")
    assert "Look at this first" in page.text or "No row can match" in page.text
    assert "Go on to the partner" not in page.text
    page.post(where, BY_MAIL)
    done(page, where)
    assert "Go on to the partner" in page.text


def workbook(*rows: tuple[str, ...]) -> bytes:
    made = io.BytesIO()
    with xlsxwriter.Workbook(made) as book:
        sheet = book.add_worksheet()
        for number, cells in enumerate(rows):
            sheet.write_row(number, 0, cells)
    return made.getvalue()


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_two_files_are_matched_here_as_the_command_does(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The second file may be of another kind; the rows are those of the command."""
    rows = [tuple(line.split(",")) for line in GLOBEX.decode().splitlines()]
    other = GLOBEX if kind == "csv" else workbook(*rows)
    page.post("/match/try", file={"own": ("acme.csv", ACME), "other": (f"globex.{kind}", other)})
    where = page.where
    page.post(where, {**BY_MAIL, "column_b": "e"})
    done(page, where)
    assert page.text.count("Different values that can match") == 2
    (command,) = task_of(page, where).commands()
    assert command in page.text
    page.post(f"{where}/check")
    done(page, where)
    assert page.where == f"{where}/result"
    assert "2 values in common 3 rows of acme.csv have one of them" in page.text
    got = page.get(f"{where}/matched.csv")
    assert got.headers["content-disposition"] == 'attachment; filename="matched.csv"'
    monkeypatch.chdir(tmp_path)
    (tmp_path / "acme.csv").write_bytes(ACME)
    (tmp_path / f"globex.{kind}").write_bytes(other)
    ended = CliRunner().invoke(root, [*command.split()[1:], "--backend", "portable", "--threads", "1"])
    assert ended.exit_code == 0, ended.output
    assert got.content == (tmp_path / "matched.csv").read_bytes()


@pytest.mark.parametrize(
    ("path", "file", "named"),
    [
        ("/match", None, ["own"]),
        ("/match", {"own": ("a.csv", b"")}, ["own"]),
        ("/match/try", {"own": ("a.csv", ACME)}, ["other"]),
        ("/match/try", None, ["own", "other"]),
    ],
)
def test_files_that_are_missing_are_told(page: Page, path: str, file: Any, named: list[str]) -> None:
    page.post(path, file=file)
    assert page.now.status_code == 422
    for each in named:
        assert f'id="{each}-error"' in page.now.text


@pytest.mark.parametrize(
    ("fields", "named"),
    [({"column": ""}, "column"), ({"column": "mail", "rule": "phone", "region": "XX"}, "region")],
)
def test_a_key_that_makes_no_sense_stands_at_its_field(page: Page, fields: dict[str, str], named: str) -> None:
    page.post("/match", file={"own": ("acme.csv", ACME)})
    page.post(page.where, {"rule": "email", **fields})
    assert (page.now.status_code, f'id="{named}-error"' in page.now.text) == (422, True)
    assert "--" not in page.text


def test_a_column_with_any_name_is_a_key(page: Page) -> None:
    where = checked(page, b"a:b+c=d\nx@example.com\n", column="a:b+c=d")
    assert "Different values that can match 1" in page.text
    assert r"'a\:b\+c\=d:email'" in page.text
    assert where


def test_progress_is_told_until_the_end(page: Page) -> None:
    where = checked(page)
    text = page.get(f"{where}/events").text
    assert page.now.headers["content-type"].startswith("text/event-stream")
    *_, last = text.strip().split("\n\n")
    assert json.loads(last.removeprefix("data: "))["over"] is True


# A session.


def met(page: Page, where: str, certificate: bytes) -> None:
    page.post(f"{where}/partner", {"do": "peer"}, file={"certificate": ("their.crt", certificate)})
    assert "The telephone call" in page.text
    page.post(f"{where}/partner", {"do": "sure", "compared": "yes"})
    assert page.where == f"{where}/terms"


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return str(taken.getsockname()[1])


def pair(tmp_path: Path) -> tuple[Page, str, Page, str]:
    """Two pages that know each other, and the paths of their tasks."""
    acme, globex = opened(tmp_path / "acme"), opened(tmp_path / "globex")
    here, there = checked(acme), checked(globex, GLOBEX, "globex.csv", column="e")
    own, other = certificate_of(acme, here, "acme"), certificate_of(globex, there, "globex")
    assert own.startswith(b"-----BEGIN CERTIFICATE")
    met(acme, here, other)
    met(globex, there, own)
    return acme, here, globex, there


def fingerprints(page: Page) -> list[str]:
    return re.findall(r"(?:[0-9a-f]{4} ?){16}", page.text.replace("  ", " "))


def started(page: Page, where: str, **terms: str) -> None:
    page.post(f"{where}/terms", {"reveal": "matches", "learn": "peer", "role": "wait", **terms})
    assert page.where == f"{where}/session", page.text
    page.post(f"{where}/session")


@pytest.mark.parametrize(("reveal", "minimum"), [("matches", ""), ("count", "2")])
def test_two_pages_match(tmp_path: Path, reveal: str, minimum: str) -> None:
    acme, here, globex, there = pair(tmp_path)
    port = free_port()
    shared = {"port": port, "reveal": reveal, "minimum": minimum}
    started(acme, here, learn="peer", role="wait", **shared)
    started(globex, there, learn="me", role="call", host="127.0.0.1", **shared)
    held = task_of(globex, there).given.upload._held
    done(acme, here)
    done(globex, there)
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


def test_terms_that_differ_are_told_in_words(tmp_path: Path) -> None:
    acme, here, globex, there = pair(tmp_path)
    port = free_port()
    started(acme, here, learn="me", role="wait", port=port)
    started(globex, there, learn="me", role="call", host="127.0.0.1", port=port)
    done(acme, here)
    done(globex, there)
    for page in (acme, globex):
        assert page.now.status_code == 409
        assert "disagree on who gets the result" in page.text
        assert "Change the terms" in page.text
        for word in ("--", "learn=", "/proc"):
            assert word not in page.text
    assert not task_of(acme, here).given.upload._held.closed  # to try again


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
    assert "Ready to match with globex" in acme.text


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
        acme.post("/match", file={"own": ("a.csv", ACME)})
    assert acme.get(f"{here}/work").status_code == 200
    assert "Working" in acme.text
    acme.desk.tasks.close()


def test_no_session_begins_before_the_call(page: Page) -> None:
    """Nor after another certificate was chosen."""
    where, kept = checked(page), (None, None)
    for step in ("terms", "session", "result"):
        page.get(f"{where}/{step}")
        assert page.where != f"{where}/{step}"
    certificate = certificate_of(page, where, "acme")
    page.post(f"{where}/partner", {"do": "peer"}, file={"certificate": ("a.crt", certificate)})
    assert "This is your own certificate" in page.text
    other = opened(page.folder / "other")
    theirs = certificate_of(other, checked(other), "globex")
    page.post(f"{where}/partner", {"do": "peer"}, file={"certificate": ("g.crt", theirs)})
    assert len(fingerprints(page)) == 2
    page.post(f"{where}/partner", {"do": "sure"})
    assert "Telephone your partner first" in page.text
    page.post(f"{where}/terms", {"port": "7001"})
    page.post(f"{where}/session")
    assert task_of(page, where).terms is None
    third = opened(page.folder / "third")
    other_certificate = certificate_of(third, checked(third), "hooli")
    for change, file in (
        ({"do": "peer"}, {"certificate": ("h.crt", other_certificate)}),
        ({"do": "other-peer"}, None),
        ({"do": "other-identity"}, None),
    ):
        task = task_of(page, where)
        task.identity, task.peer = task.identity or kept[0], task.peer or kept[1]
        kept = task.identity, task.peer
        page.post(f"{where}/partner", {"do": "sure", "compared": "yes"})
        assert page.where == f"{where}/terms"
        page.post(f"{where}/partner", change, file=file)
        assert page.get(f"{where}/terms").status_code == 200
        assert page.where == f"{where}/partner"
        assert not task.sure


@pytest.mark.parametrize(
    ("own", "partner"),
    [
        ({"learn": "me", "role": "wait"}, ["“Only your partner”", "“My machine calls my partner’s machine”"]),
        ({"learn": "peer", "role": "call"}, ["“Only you”", "“My machine waits, and my partner calls it”"]),
        ({"learn": "both", "role": "wait", "minimum": "7"}, ["“Both of you”", "shown: 7"]),
    ],
)
def test_what_the_partner_must_choose_is_the_complement(
    tmp_path: Path, own: dict[str, str], partner: list[str]
) -> None:
    acme, here, _, _ = pair(tmp_path)
    acme.post(f"{here}/terms", {"reveal": "count", "host": "globex.example", "port": "7001", **own})
    told = acme.text.split("Your partner must choose")[1].split("If something differs")[0]
    assert "“Only how many match”" in told
    for words in partner:
        assert words in told
    assert task_of(acme, here).rule_digest in told.replace(" ", "")


def test_the_commands_that_are_shown_are_taken(tmp_path: Path) -> None:
    """By the command's own parser, which knows each option."""
    acme, here, _, _ = pair(tmp_path)
    for role in ("wait", "call"):
        acme.post(f"{here}/terms", {"reveal": "matches", "learn": "both", "minimum": "5", "role": role,
                                    "host": "acme.example", "port": "7001"})  # fmt: skip
        for command in task_of(acme, here).commands():
            words = command.split()[1:]
            group = root.get_command(None, words[0])  # type: ignore[arg-type]
            found = group.get_command(None, words[1])  # type: ignore[union-attr]
            with found.make_context(words[1], words[2:], resilient_parsing=True) as context:
                assert "key" in str(context.params)


def test_nothing_of_a_session_is_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    acme, here, globex, there = pair(tmp_path)
    port = free_port()
    started(acme, here, learn="both", role="wait", port=port)
    started(globex, there, learn="both", role="call", host="127.0.0.1", port=port)
    done(acme, here)
    done(globex, there)
    assert "2 values in common" in acme.text
    logged = caplog.text.lower()
    for private in ("ann@", "bob@", "example.com", "oslo", "no address", "2 matches", "acme.csv"):
        assert private not in logged
