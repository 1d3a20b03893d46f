"""Results on full disks: refused before the peer is called, or kept in another place and named, or to be had again."""

from __future__ import annotations

import errno
import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.checkout import environment
from support.offline_commands import answer, offer
from support.processes import Process
from support.program import Run
from support.psi_processes import address, ended, psiselect
from support.served import Call, serving
from support.small_disk import small_disk
from support.step_callers import HASTY, both, connecting, listening
from support.steps import Steps

from cli import _output
from psi.accounts import audit, results_file
from psi.agreement.modes import Side
from psiselect.base import atomic, durable
from psiselect.base.errors import OutputError, UsageError
from psiselect.matching.words import FINISHED, RESUMED
from psiselect.talk import Talk

FULL = OSError(errno.ENOSPC, "No space left on device")
LOCAL = ("psi", "local", "acme.csv", "globex.parquet", "--key", "Mail:email", "--key-b", "e:email")


@pytest.fixture
def full(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on a disk that is full when a file is complete."""
    folder = here / "full"
    folder.mkdir()
    name = atomic._name

    def named(handle: int, part: Path | None, target: Path) -> Path | None:
        if folder in target.absolute().parents:
            raise FULL
        return name(handle, part, target)

    monkeypatch.setattr(atomic, "_name", named)
    return folder


def connected(patch: pytest.MonkeyPatch, *options: object) -> str:
    """What a whole session says that could not write something."""
    with pytest.raises(OutputError) as found:
        both(patch, Steps(patch), Side.CONNECT, connecting(*options), listening())
    return str(found.value)


@pytest.mark.parametrize(("option", "ending"), [("--output", ".csv"), ("--record", ".record.json")])
def test_what_has_no_room_is_kept_and_named(
    here: Path,
    full: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    option: str,
    ending: str,
) -> None:
    target = f"full/out{ending[-4:] if option == '--output' else '.json'}"
    said = connected(monkeypatch, option, target, "--workdir", "work", "--json")
    (kept,) = (here / "work").iterdir()
    assert kept.name.endswith(ending)
    assert f"{kept.relative_to(here)}', a file that only you can read" in said
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "No space left on device. Instead," in said
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("{")]  # the peer's is text
    told = json.loads(line)
    assert (told["matches"], told["error"]["code"], told["error"]["message"]) == (2, 3, said)
    if option == "--output":
        assert told["output"] == str(kept.relative_to(here))
        assert kept.read_text().count("example") == 2
    assert list(full.iterdir()) == []


def test_what_cannot_be_kept_anywhere_is_said_to_be_lost(
    here: Path, full: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = connected(monkeypatch, "--output", "full/out.csv", "--workdir", "full")
    assert said.endswith("The folder for working files, 'full', has no disk space either, so the matched rows are lost")
    assert "matches         2" in capsys.readouterr().out
    said = connected(monkeypatch, "--record", "full/out.json", "--workdir", "full")
    assert said.endswith(
        "so the record is lost. Without the record, the program does not show the result. Name another file with "
        "--record, and start a new session"
    )
    assert "matches         2" not in capsys.readouterr().out


def test_with_resume_the_same_command_has_it_without_the_peer(
    here: Path, full: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(OutputError) as found:
        both(
            *(monkeypatch, Steps(monkeypatch), Side.CONNECT),
            connecting("--output", "full/out.csv", "--resume", "--workdir", "work"),
            listening(*HASTY, "work2"),
        )
    assert str(found.value).endswith(RESUMED)
    assert "matches         2" not in capsys.readouterr().out
    nobody = connecting("--output", "out.csv", "--resume", "--workdir", "work", "--timeout", "1")
    both(monkeypatch, Steps(monkeypatch), Side.CONNECT, nobody, lambda links: None)
    assert "matches         2" in capsys.readouterr().out
    assert (here / "out.csv").exists()


def test_finish_can_be_run_again_and_is_audited_once(place: Path, program: Run, full: Path) -> None:
    audit = place / "globex.log"
    assert offer(place, "--audit", audit).code == 0
    assert answer(place).code == 0
    words = ("psi", "finish", place / "answer.psi", "--state", place / "offer.state", "--json")
    for option in ("--record", "--output"):
        failed = program(*words, option, full / "out.csv")
        assert (failed.code, failed.error.endswith(FINISHED)) == (3, True)
    again = program(*words, "--output", place / "out.csv")
    assert (again.code, json.loads(again.out)["matches"]) == (0, 2)
    assert [json.loads(line)["outcome"] for line in audit.read_text().splitlines()] == ["offered", "done"]


def test_a_stdout_that_is_full_is_a_fault_with_the_result_in_a_file(place: Path) -> None:
    (place / "work").mkdir()
    options = ("--key", "Mail:email", "--identity", place / "acme", "--peer", place / "globex.crt")
    with psiselect("psi", "listen", "--address", "127.0.0.1:0", "--input", place / "acme.csv", *options) as listener:
        where = address(listener)
        with Path("/dev/full").open("w") as nowhere:
            process = Process(
                *("psi", "connect", where, "--identity", place / "globex", "--peer", place / "acme.crt"),
                *("--input", place / "globex.parquet", "--key", "e:email", "--workdir", place / "work"),
                stdout=nowhere,
            )
        shown = ended(process)
    (kept,) = (place / "work").iterdir()
    assert shown.code == 3
    assert f"Instead, the result is in '{kept}', a file that only you can read" in shown.err
    assert "Traceback" not in shown.err
    assert json.loads(kept.read_text())["matches"] == 2
    assert kept.stat().st_mode & 0o777 == 0o600


@pytest.fixture
def no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    def hold(handle: int, size: int) -> None:
        raise FULL

    monkeypatch.setattr(durable, "hold_room", hold)


@pytest.mark.usefixtures("no_room")
def test_without_room_on_stdout_nobody_is_called(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (place / "out").open("w") as file:
        monkeypatch.setattr("sys.stdout", file)
        with pytest.raises(OutputError, match="cannot print the result on standard output: No space left"):
            _output.hold_stdout()


@pytest.mark.usefixtures("no_room")
@pytest.mark.parametrize("room", ["results", "audit"])
def test_without_room_for_its_line_no_session_begins(here: Path, room: str) -> None:
    hold = audit.check if room == "audit" else functools.partial(results_file.hold, sessions=1)
    with pytest.raises(OutputError, match=f"{room}.+No space left on device. Free some disk space"):
        hold(here / room)


def test_a_line_for_each_session_in_a_private_file(place: Path, call: Call) -> None:
    results = place / "results.jsonl"
    with serving(place, "--learn", "me", "--results", results, "--max-sessions", "2") as served:
        for _ in range(2):
            assert call(served.address, "globex", "--learn", "peer").code == 0
        assert served.stop() == 0
        assert served._out.read_text() == ""
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    assert [(line["result"], line["matches"]) for line in lines] == [("psiselect-1", 2)] * 2
    assert [line["transcript"][:16] for line in lines] == [done["transcript"] for done in served.all("session_done")]
    assert results.stat().st_mode & 0o777 == 0o600
    assert "matches" not in "".join(served.raw)


def test_a_listener_without_room_refuses_sessions_and_says_so_until_there_is_room(place: Path, call: Call) -> None:
    """No session is counted or charged whose result has no place. What is held is held: only a new file needs room."""
    with small_disk(place / "disk") as disk:
        results = disk.folder / "results"
        with serving(place, "--learn", "me", "--results", results, "--health", "0") as served:
            where = served.address  # by now room is taken
            disk.fill()
            assert call(where, "globex", "--learn", "peer").code == 0
            served.settle(200, status="serving", done=1)
            served.wait("session_done")
            results.unlink()
            disk.fill()
            assert call(served.address, "globex", "--learn", "peer").code == 4
            failed = served.wait("session_failed")
            assert (failed["code"], "No space left on device. Free some disk space" in failed["reason"]) == (3, True)
            assert "No space left" in served.wait("results_unwritable")["reason"]
            served.settle(503, status="results unwritable", failed=1)
            disk.free()
            served.wait("results_writable")  # though nobody calls
            served.settle(200, status="serving")
            assert call(served.address, "globex", "--learn", "peer").code == 0
            assert served.stop() == 0
        assert [json.loads(line)["matches"] for line in results.read_text().splitlines()] == [2]


def test_a_result_that_cannot_be_printed_does_not_fail_the_session(place: Path, call: Call) -> None:
    """When a slot is free again may not depend on how much there was to write."""
    (place / "work").mkdir()
    (place / "gone").mkdir()
    options = ("--learn", "me", "--output", place / "gone" / "{session}.csv", "--workdir", place / "work", "--json")
    with serving(place, *options) as served:
        where = served.address
        (place / "gone").rmdir()
        assert call(where, "globex", "--learn", "peer").code == 0
        assert served.stop() == 0
    assert [len(served.all(event)) for event in ("session_done", "session_failed", "result_not_written")] == [1, 0, 1]
    (result,) = served.results()
    (kept,) = (place / "work").iterdir()
    assert (result["matches"], result["output"]) == (2, str(kept))
    assert str(kept) in served.all("result_not_written")[0]["message"]
    assert "matches" not in served.all("result_not_written")[0]


@pytest.mark.parametrize(
    ("output", "code", "words"),
    [
        ("fifo.csv", 3, "this is a pipe or a device. Name an ordinary file"),
        ("folder.csv", 3, "this is a folder. Name a file in this folder"),
        ("nowhere/out.csv", 3, "does not exist"),
        ("to-b.csv", 2, "which is also the input file"),
        ("hard.csv", 2, "which is also the input file"),
    ],
)
def test_outputs_that_cannot_be_written_are_refused_first(
    here: Path, program: Run, output: str, code: int, words: str
) -> None:
    os.mkfifo("fifo.csv")
    (here / "folder.csv").mkdir()
    (here / "b.csv").write_text("e\neve@example.org\n")
    (here / "to-b.csv").symlink_to("b.csv")
    (here / "hard.csv").hardlink_to("b.csv")
    shown = program(*LOCAL[:3], "b.csv", *LOCAL[4:], "--output", output, "--json")
    assert (shown.code, words in shown.error) == (code, True), shown


def test_bytes_that_no_csv_file_can_hold_are_refused_first(here: Path, program: Run) -> None:
    pq.write_table(pa.table({"Mail": ["eve@example.org"], "photo": pa.array([b"\xff\xd8"])}), here / "photos.parquet")
    command = [word if word != LOCAL[2] else "photos.parquet" for word in LOCAL]
    shown = program(*command, "--output", "out.csv", "--json")
    assert (shown.code, "column 'photo' holds bytes that are not text" in shown.error) == (3, True), shown
    assert not (here / "out.csv").exists()


def test_bytes_that_no_csv_file_can_hold_are_refused_before_the_call(here: Path, program: Run) -> None:
    """Nobody listens there, so a call would end with exit code 5."""
    pq.write_table(pa.table({"e": ["eve@example.org"], "photo": pa.array([b"\xff\xd8"])}), here / "photos.parquet")
    command = ("psi", "connect", "127.0.0.1:1", "--identity", "globex", "--peer", "acme.crt", "--key", "e:email")
    shown = program(*command, "--input", "photos.parquet", "--output", "out.csv", "--timeout", "0.1", "--json")
    assert (shown.code, "column 'photo' holds bytes that are not text" in shown.error) == (3, True), shown


def test_an_output_over_a_certificate_is_refused(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "out.csv").symlink_to("acme.crt")
    calling = connecting("--output", "out.csv")
    with pytest.raises(UsageError, match=r"which is also the file of --peer acme.crt"):
        both(monkeypatch, Steps(monkeypatch), Side.CONNECT, calling, lambda links: None)


def test_little_room_is_said_and_the_session_goes_on(here: Path, program: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr("cli.psi.local.TALK", Talk(lambda text: said.append(text.split(":")[0])))
    size = (here / "acme.csv").stat().st_size
    for free in (size - 1, size):
        monkeypatch.setattr(atomic, "room", lambda target, free=free: free)
        assert program(*LOCAL, "--output", "out.csv").code == 0
    assert said.count("'out.csv' may not fit on the disk") == 1


def test_a_link_is_followed_and_the_mode_stays(here: Path, program: Run) -> None:
    (here / "real.csv").write_text("old")
    (here / "real.csv").chmod(0o640)
    (here / "link.csv").symlink_to("real.csv")
    assert program(*LOCAL, "--output", "link.csv").code == 0
    assert (here / "link.csv").is_symlink()
    assert (here / "real.csv").stat().st_mode & 0o777 == 0o640
    assert len((here / "real.csv").read_text()) > 3


def test_chosen_columns_and_the_keys_that_matched(here: Path, program: Run) -> None:
    shown = program(*LOCAL, "--output", "out.csv", "--columns", "matched_by, id", "--json")
    assert shown.code == 0
    assert (here / "out.csv").read_text().splitlines() == ["matched_by,id", "Mail,1", "Mail,4", "Mail,6"]
    shown = program(*LOCAL, "--columns", "id", "--json")
    assert (shown.code, "Name a file with --output" in shown.error) == (2, True)
    shown = program(*LOCAL, "--output", "out.csv", "--columns", "id,nope", "--json")
    assert (shown.code, "no column 'nope'" in shown.error) == (3, True)


def test_a_closed_stdout_is_refused() -> None:
    done = subprocess.run(
        f'exec "{sys.executable}" -m cli.main identity show nobody >&-',
        shell=True, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, "standard output is closed" in done.stderr) == (3, True), done
