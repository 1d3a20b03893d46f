"""Large files on the page: an upload of 100 MB is not held in memory, and a million rows are checked with progress."""

from __future__ import annotations

import itertools
import re
import tracemalloc
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.paged import ORIGIN, PORT, Page
from support.paged_match import BY_MAIL, done, opened, task_of

from psiselect.ui.lists import GivenList
from psiselect.ui.match import Match
from psiselect.ui.numbers import Numbers
from psiselect.ui.uploads import keep
from psiselect.ui.work import Work

_PART = 1 << 16
_MOST_HELD = 20 << 20  # bytes; the head of a table that is looked at takes 16 MB


def sent(page: Page, size: int) -> int:
    """Send a table of so many bytes, a part at a time, as a server hands it to the page. Returns the most that the
    program held meanwhile."""
    head = (
        f'--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{page.access.form_token}\r\n'
        '--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nMembers\r\n'
        '--x\r\nContent-Disposition: form-data; name="file"; filename="members.csv"\r\n\r\n'
    ).encode()
    rows = b"member,age\n" + b"m,20\n" * 13_000
    body = b"m,20\n" * (_PART // 5)
    parts = itertools.chain([head + rows], itertools.repeat(body, size // _PART), [b"\r\n--x--\r\n"])
    left = size // _PART + 2
    status: list[int] = []

    async def receive() -> dict[str, object]:
        nonlocal left
        left -= 1
        return {"type": "http.request", "body": next(parts), "more_body": left > 0}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            status.append(message["status"])

    path = page.access.base + "/numbers"
    headers = [(b"host", f"127.0.0.1:{PORT}".encode()), (b"origin", ORIGIN.encode()),
               (b"content-type", b"multipart/form-data; boundary=x"),
               (b"cookie", f"psiselect={page.client.cookies['psiselect']}".encode())]  # fmt: skip
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
             "headers": headers, "root_path": "", "scheme": "http", "http_version": "1.1"}  # fmt: skip
    page.get("/numbers")  # what a first request loads is not the upload's
    tracemalloc.start()
    try:
        anyio.run(page.client.app, scope, receive, send)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert status == [303]
    return peak


@pytest.mark.parametrize("megabytes", [32, pytest.param(100, marks=pytest.mark.soak)])
def test_an_upload_through_the_page_is_not_held_in_memory(tmp_path: Path, megabytes: int) -> None:
    page = opened(tmp_path)
    page.post("/numbers", {"name": "Members"}, file={"file": ("a.csv", b"a\n1\n")})  # loads the readers
    assert sent(page, megabytes << 20) < _MOST_HELD
    *_, name = page.desk.tasks._found
    upload = page.desk.tasks.find(name, Numbers).given.upload
    assert upload.size > (megabytes << 20) - megabytes * _PART
    page.desk.tasks.close()


@pytest.mark.parametrize("rows", [50_000, pytest.param(1_000_000, marks=pytest.mark.soak)])
def test_rows_are_checked_with_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    page, told = opened(tmp_path), list[str]()
    say = Work.say
    monkeypatch.setattr(Work, "say", lambda work, words: (told.append(words), say(work, words))[0])
    table = tmp_path / "big.csv"
    with table.open("w") as file:
        file.write("mail,note\n")
        note = "x" * 240  # a block of 4 MB has some 16,000 rows
        file.writelines(f"p{n}@example.com,{note}\n" for n in range(rows))
    with table.open("rb") as file:
        task = Match(page.desk, GivenList(keep(file, "big.csv")))
    where = f"/match/{page.desk.tasks.add(task)}"
    page.post(where, BY_MAIL)
    done(page, where)
    seen = [int(found[1].replace(",", "")) for each in told if (found := re.search(r"([\d,]+) rows so far", each))]
    assert seen == sorted(set(seen))
    assert (len(seen) >= 3, seen[-1]) == (True, rows)
    assert max(later - earlier for earlier, later in zip([0, *seen], seen, strict=False)) <= 20_000
    assert f"Rows {rows:,}" in page.text
    assert task_of(page, where).checked[0].rows_with_key == rows
    page.desk.tasks.close()
