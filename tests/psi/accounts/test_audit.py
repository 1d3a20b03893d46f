"""The audit file: only grows, whole lines, several processes, 0600."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import stat
import threading
from pathlib import Path

import pytest
from support.contenders import write_many

from psi.accounts import audit
from psiselect.base.errors import InputError

START = b'{"audit":"psiselect-1",'


def lines(path: Path) -> list[dict[str, object]]:
    text = path.read_text()
    assert not text or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def test_lines_are_added_and_the_file_is_nobody_elses(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    audit.check(path)
    assert path.read_bytes() == b""
    for number in range(3):
        audit.append(path, {"number": number})
    assert [line["number"] for line in lines(path)] == [0, 1, 2]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_bytes_of_a_line_are_what_they_always_were(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    old = b'{"audit":"psiselect-1","outcome":"done","transcript":"abab"}\n'
    path.write_bytes(old)
    audit.append(path, {"transcript": "cdcd", "outcome": "failed"})
    assert path.read_bytes() == old + b'{"audit":"psiselect-1","outcome":"failed","transcript":"cdcd"}\n'
    assert audit.holds(path, b"\xab\xab")
    assert not audit.holds(path, b"\xcd\xcd")


def test_processes_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_many, args=(path, who)) for who in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    found = lines(path)
    assert sorted((line["from"], line["number"]) for line in found) == [(w, n) for w in range(3) for n in range(40)]


def test_a_writer_waits_for_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    audit.check(path)
    writer = threading.Thread(target=audit.append, args=(path, {"number": 1}))
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        writer.start()
        writer.join(timeout=0.3)
        assert writer.is_alive()
        assert path.read_bytes() == b""
    writer.join()
    assert len(lines(path)) == 1


@pytest.mark.parametrize("kept", [1, 5, 22, 40])
def test_a_torn_line_is_taken_off_by_the_next_writer(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "audit.jsonl"
    audit.append(path, {"number": 1})
    whole = path.read_bytes()
    audit.append(path, {"number": 2, "padding": "x" * 100})
    os.truncate(path, len(whole) + kept)
    audit.append(path, {"number": 3})
    assert [line["number"] for line in lines(path)] == [1, 3]


@pytest.mark.parametrize(
    "content",
    [
        *(b"name,mail", b"a,b\nc,d", b"x" * 200_000, b"x" + (START + b"x" * 65_536)[:65_536]),
        *(b"name,mail\na,b\n", b"\n", b"x" * 200_000 + b"\n", b"a,b\n" + START, START + b"1}\na,b\n"),
    ],
)
def test_another_file_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a file that psiselect wrote for --audit"):
        audit.check(path)
    assert path.read_bytes() == content


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "missing" / "audit.jsonl", tmp_path):
        with pytest.raises(InputError, match="cannot write the audit file"):
            audit.check(path)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="cannot write the audit file"):
        audit.append(tmp_path / "link", {"number": 1})
    assert not (tmp_path / "elsewhere").exists()


def test_no_room_is_an_error_and_leaves_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "audit.jsonl"
    audit.append(path, {"number": 1})
    before = path.read_bytes()
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:20]))
    with pytest.raises(InputError, match="disk is full"):
        audit.append(path, {"number": 2})
    assert path.read_bytes() == before
