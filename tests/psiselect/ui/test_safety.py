"""The page on a shared machine: each attack of docs/threat-model.md that the page answers."""

from __future__ import annotations

import errno
import io
import os
import re
import stat
import tempfile
import tracemalloc
from pathlib import Path

import anyio
import pytest
from support.entropy import FixedEntropy
from support.paged import ORIGIN, PORT, Page, let_in

from psiselect.ui import guard, uploads
from psiselect.ui.access import Access
from psiselect.ui.desk import HERE, LIVE_POLICY, POLICIES, POLICY, PROGRESS, QUESTION, SCRIPT_POLICY
from psiselect.ui.folder import Folder, file_name
from psiselect.ui.guard import ENTRY, HEADERS
from psiselect.ui.server import handed_over, key_page

PATHS = ("/", "/vote", "/match", "/match/try", "/numbers", "/budgets", "/budgets/record", "/advise", "/style.css",
         "/progress.js", "/drop.js", "/epsilon.js", "/follows.js")  # fmt: skip
SCRIPTED = ("/match",)  # of these
MEMBER = stat.S_IRWXG | stat.S_IRWXO


def test_the_token_lets_in_once(tmp_path: Path) -> None:
    page = Page(tmp_path)
    token = page.access.token
    assert page.get().status_code == 403
    entered = page.enter()
    assert entered.status_code == 200
    cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert f"path={page.access.base}".lower() in cookie
    assert "domain" not in cookie
    assert page.get().status_code == 200
    again = page.enter(token)
    assert (again.status_code, "set-cookie" in again.headers) == (403, False)


def test_a_wrong_token_does_not_use_the_token_up(tmp_path: Path) -> None:
    page = Page(tmp_path)
    for wrong in ("", "x", "ä", (page.access.token or "")[:-1]):
        assert page.enter(wrong or "no").status_code == 403
    assert page.get().status_code == 403
    assert page.enter().status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_nobody_gets_in_without_the_cookie(tmp_path: Path, path: str) -> None:
    page = let_in(tmp_path)
    page.client.cookies.clear()
    for cookie in ("", "psiselect=", "psiselect=wrong", f"psiselect={page.access.form_token}", "="):
        assert page.get(path, Cookie=cookie).status_code == 403
        assert page.access.form_token not in page.now.text


def test_a_cookie_is_worth_nothing_before_the_token_was_used() -> None:
    access = Access(FixedEntropy("before"))
    cookie = Access(FixedEntropy("before")).enter(Access(FixedEntropy("before")).token or "")
    assert cookie is not None
    assert not access.holds(cookie)
    assert access.enter(access.token or "") == cookie
    assert access.holds(cookie)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "OPTIONS"])
def test_nobody_is_told_the_path_of_the_pages(tmp_path: Path, method: str) -> None:
    """Whoever knows it could have another port get the cookie: a browser sends it to each port of this machine."""
    page = let_in(tmp_path)
    base = page.access.base
    for path in ("/", "/vote", "/enter", "/style.css", base, base[:-1] + "/", f"{base}x/", "//", "/%2e/"):
        for origin in (ORIGIN, "null"):
            answer = page.client.request(method, path, headers={"Origin": origin})
            assert answer.status_code == 404, path
            assert base[1:] not in answer.text + str(answer.headers)
            assert method == "HEAD" or answer.text.startswith(
                "This page is locked. Start the page with the command psiselect ui"
            )


@pytest.mark.parametrize(
    "host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", f"127.0.0.1:{PORT + 1}", f"localhost:{PORT}", ""]
)
def test_another_host_is_refused_with_the_cookie_too(tmp_path: Path, host: str) -> None:
    """DNS rebinding: a page of another name that leads to this machine."""
    page = let_in(tmp_path)
    assert page.get(Host=host).status_code == 421
    fresh = Page(tmp_path)
    sent = {"Origin": "null", "Host": host}
    entering = fresh.client.post(fresh.access.base + ENTRY, data={"token": fresh.access.token or ""}, headers=sent)
    assert entering.status_code == 421
    assert fresh.access.token is not None


@pytest.mark.parametrize(
    "origin", ["null", "http://evil.example", f"http://localhost:{PORT}", "http://127.0.0.1:1", ""]
)
def test_a_form_of_another_site_is_refused(tmp_path: Path, origin: str) -> None:
    page = let_in(tmp_path)
    assert page.post("/advise", Origin=origin).status_code == 403
    if origin != "null":
        fresh = Page(tmp_path)
        assert fresh.enter(origin=origin).status_code == 403
        assert fresh.access.token is not None
    missing = page.client.post(page.access.base + "/advise", data={"csrf": page.access.form_token})
    assert missing.status_code == 403


@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)]
)
def test_another_site_cannot_lead_here(tmp_path: Path, site: str, status: int) -> None:
    """Another port of this machine is of the same site, so a browser sends the cookie from there."""
    page = let_in(tmp_path)
    assert page.get("/", **{"Sec-Fetch-Site": site}).status_code == status


@pytest.mark.parametrize("token", [None, "", "old"])
@pytest.mark.parametrize(
    "path", ["/vote", "/match", "/match/try", "/numbers", "/budgets", "/budgets/record", "/advise"]
)
def test_a_form_without_the_token_of_this_run_does_nothing(tmp_path: Path, path: str, token: str | None) -> None:
    page = let_in(tmp_path)
    given = {None: {}, "": {"csrf": ""}, "old": {"csrf": Page(tmp_path).access.form_token}}[token]
    answer = page.client.post(page.access.base + path, data={"name": "A", **given}, headers={"Origin": ORIGIN})
    assert (answer.status_code, "too old" in answer.text) == (403, True)
    assert not (tmp_path / "ui").exists()


@pytest.mark.parametrize("token", ["", "old"])
def test_a_file_that_comes_without_the_token_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    kept: list[object] = []
    monkeypatch.setattr("psiselect.ui.forms.keep", lambda *given: kept.append(given))
    page = let_in(tmp_path)
    answer = page.post("/vote", {"name": "A", "csrf": token}, file=("a.csv", b"a\n1\n"))
    assert (answer.status_code, kept) == (403, [])


def test_every_answer_forbids_what_comes_from_elsewhere(tmp_path: Path) -> None:
    page = let_in(tmp_path)
    answers = [page.get(path) for path in PATHS]
    answers += [page.get("/nothing"), page.get("/", Host="evil.example"), page.post("/vote", {"csrf": "old"})]
    for answer in answers:
        policy = SCRIPT_POLICY if answer.url.path.endswith(SCRIPTED) and answer.status_code == 200 else POLICY
        assert {name: answer.headers[name] for name in HEADERS} == {**HEADERS, "content-security-policy": policy}
    assert "default-src 'none'" in POLICY
    assert "frame-ancestors 'none'" in POLICY
    assert "script-src" not in POLICY
    assert HEADERS["cache-control"] == "no-store"


@pytest.mark.parametrize("path", [path for path in PATHS if not path.endswith(".js")])
def test_pages_name_nothing_elsewhere(tmp_path: Path, path: str) -> None:
    page = let_in(tmp_path)
    assert "//" not in page.get(path).text.replace("<!doctype html>", "")
    assert page.now.text.count("<script") == (path in SCRIPTED)


def test_few_pages_run_a_script_and_only_this_servers() -> None:
    assert SCRIPT_POLICY.removeprefix(POLICY) == "; script-src 'self'"
    assert LIVE_POLICY.removeprefix(POLICY) == "; script-src 'self'; connect-src 'self'"
    assert [name for name, policy in POLICIES.items() if "connect-src" in policy] == [PROGRESS, QUESTION]
    for template in (HERE / "templates").glob("*.html"):
        text = template.read_text()
        scripts = re.findall(r"<script[^>]*>", text)
        assert bool(scripts) == (template.name in POLICIES), template.name
        assert all(re.fullmatch(r"""<script src="{{ at\('/[a-z]+\.js'\) }}" defer>""", each) for each in scripts)
        assert not re.search(r"\son[a-z]+=", text), template.name  # no script in an attribute
    for script in (HERE / "static").glob("*.js"):
        text = re.sub(r"(^| )// .*$", "", script.read_text(), flags=re.MULTILINE)
        assert "//" not in text
        for name in ("innerHTML", "eval", "document.write", "fetch("):
            assert name not in text


def test_a_request_that_says_it_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    page = let_in(tmp_path)
    form = "multipart/form-data; boundary=x"
    for path, kind, most in (
        ("/vote", form, guard.MOST_UPLOADED),
        ("/numbers", form, guard.MOST_TABLE),
        ("/numbers", "text/plain", guard.MOST_SENT),
    ):
        for length, status in ((str(most + 1), 413), ("9" * 30, 413), ("-1", 413)):
            headers = {"Origin": ORIGIN, "Content-Length": length, "Content-Type": kind}
            answer = page.client.post(page.access.base + path, content=b"", headers=headers)
            assert (answer.status_code, "takes at most" in answer.text) == (status, True)


def test_what_the_disk_has_no_room_for_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "room", lambda: 1000)
    page = let_in(tmp_path)
    headers = {"Origin": ORIGIN, "Content-Type": "multipart/form-data; boundary=x"}
    for length, status in (("1001", 507), ("1000", 403)):
        answer = page.client.post(
            page.access.base + "/numbers", content=b"", headers={**headers, "Content-Length": length}
        )
        assert answer.status_code == status
        assert ("is full" in answer.text) == (status == 507)


def test_a_disk_that_fills_up_meanwhile_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("psiselect.ui.forms.keep", full)
    page = let_in(tmp_path)
    answer = page.post("/numbers", {"name": "A"}, file={"file": ("a.csv", b"a\n1\n")})
    assert (answer.status_code, "There is no room for this file" in answer.text) == (507, True)


def test_a_refusal_is_sent_when_the_form_was_taken_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser that still sends would show that the connection was lost."""
    monkeypatch.setattr(guard, "MOST_TABLE", 1000)
    page, left = let_in(tmp_path), []

    async def run(length: bool) -> int:
        parts = [b"a" * 600] * 3 + [b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n'.ljust(600, b"a")]
        status = []
        headers = [(b"host", f"127.0.0.1:{PORT}".encode()), (b"origin", ORIGIN.encode()),
                   (b"content-type", b"multipart/form-data; boundary=x"),
                   (b"cookie", f"psiselect={page.client.cookies['psiselect']}".encode())]  # fmt: skip
        headers += [(b"content-length", b"2400")] if length else []

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": parts.pop(), "more_body": bool(parts)}

        async def send(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                status.append(message["status"])
                left.append(len(parts))

        path = page.access.base + "/numbers"
        scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
                 "headers": headers, "root_path": "", "scheme": "http", "http_version": "1.1"}  # fmt: skip
        await page.client.app(scope, receive, send)  # type: ignore[operator]
        return int(status[0])  # type: ignore[call-overload,no-any-return]

    assert [anyio.run(run, length) for length in (True, False)] == [413, 413]
    assert left == [0, 0]


def test_a_large_upload_is_not_held_in_memory_and_not_copied() -> None:
    """100 MB, of which the program holds a block at a time."""
    size = 100 << 20
    with tempfile.SpooledTemporaryFile(max_size=1 << 20) as sent:
        for _ in range(100):
            sent.write(b"x" * (1 << 20))
        tracemalloc.start()
        found = uploads.keep(sent, "big.csv")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert os.fstat(found._held.fileno()).st_ino == os.fstat(sent.fileno()).st_ino
    assert (found.size, found.path.stat().st_size, peak < 1 << 20) == (size, size, True)
    assert (found.path.stat().st_mode & MEMBER, found.path.stat().st_nlink) == (0, 0)
    found.close()
    assert not found.path.exists()


def test_a_request_that_does_not_say_its_length_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MOST_UPLOADED", 2000)
    kept: list[object] = []
    monkeypatch.setattr("psiselect.ui.forms.keep", lambda *given: kept.append(given))
    page = let_in(tmp_path)
    body = io.BytesIO(b'--x\r\nContent-Disposition: form-data; name="ballots"; filename="a.csv"\r\n\r\n' + b"a" * 3000)
    headers = {"Origin": ORIGIN, "Content-Type": "multipart/form-data; boundary=x", "Transfer-Encoding": "chunked"}
    answer = page.client.post(page.access.base + "/vote", content=iter([body.read(1000), body.read()]), headers=headers)
    assert (answer.status_code, kept) == (413, [])


@pytest.mark.parametrize("body", [b"", b"--x", b"--x\r\n\r\n", b"\xff" * 100])
def test_a_broken_form_is_refused(tmp_path: Path, body: bytes) -> None:
    page = let_in(tmp_path)
    headers = {"Origin": ORIGIN, "Content-Type": "multipart/form-data; boundary=x"}
    answer = page.client.post(page.access.base + "/vote", content=body, headers=headers)
    assert answer.status_code in (400, 403)


def test_a_form_has_one_file_and_few_fields(tmp_path: Path) -> None:
    page = let_in(tmp_path)
    many = {"csrf": page.access.form_token, **{f"field{n}": "x" for n in range(100)}}
    answer = page.client.post(page.access.base + "/vote", data=many, headers={"Origin": ORIGIN})
    assert answer.status_code == 400
    files = [("ballots", ("a", b"x")), ("ballots", ("b", b"x"))]
    answer = page.client.post(
        page.access.base + "/vote", data={"csrf": page.access.form_token}, files=files, headers={"Origin": ORIGIN}
    )
    assert answer.status_code == 400


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "..\\..\\a.csv", "..", "", "a\0b", "x" * 5000])
def test_no_path_is_made_of_the_name_of_a_file(tmp_path: Path, name: str) -> None:
    found = uploads.keep(io.BytesIO(b"content"), name)
    try:
        assert found.path.read_bytes() == b"content"
        assert str(found.path).startswith("/proc/self/fd/")
        assert not set("/\\") & set(found.called)
        assert 1 <= len(found.called) <= 200
    finally:
        found.close()


def test_an_upload_is_private_has_no_name_and_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    found = uploads.keep(io.BytesIO(b"content"), "form.csv")
    assert list(tmp_path.iterdir()) == []
    status = found.path.stat()
    assert (status.st_mode & MEMBER, status.st_nlink, status.st_size) == (0, 0, 7)
    found.close()
    assert not found.path.exists()


def test_an_upload_is_private_and_goes_where_files_need_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(uploads, "_BY_NUMBER", tmp_path / "no-proc")
    found = uploads.keep(io.BytesIO(b"content"), "../form.csv")
    assert [each.stat().st_mode & MEMBER for each in tmp_path.iterdir()] == [0]
    assert found.path.parent == tmp_path
    assert found.path.read_bytes() == b"content"
    found.close()
    assert list(tmp_path.iterdir()) == []


def test_other_users_read_neither_the_key_nor_the_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    before = os.umask(0)
    try:
        with handed_over(Access(), PORT) as key:
            assert stat.S_IMODE(key.stat().st_mode) == 0o600
            assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
        draw = Folder(tmp_path / "data" / "ui").draws_of("Board")
        for folder in (draw.parent, draw.parent.parent):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    finally:
        os.umask(before)
    assert not key.exists()
    draw.parent.chmod(0o777)
    assert stat.S_IMODE(Folder(tmp_path / "data" / "ui").draws_of("Board").parent.stat().st_mode) == 0o700


def test_the_token_stands_in_no_address_and_not_in_the_name_of_the_file() -> None:
    access = Access()
    page = key_page(access, PORT)
    assert page.count(access.token or "") == 1
    assert f'value="{access.token}"' in page
    assert access.token not in access.base
    with handed_over(access, PORT) as key:
        assert (access.token or "") not in str(key)


def test_a_bug_shows_and_logs_nothing_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*given: object) -> None:
        raise ValueError("secret-cell")

    monkeypatch.setattr("psiselect.ui.vote_pages.Vote", fail)
    page = let_in(tmp_path)
    answer = page.post("/vote", {"name": "secret-name"}, file=("secret-file.csv", b"secret-cell"))
    assert (answer.status_code, "This page has failed" in answer.text) == (500, True)
    assert "secret" not in answer.text + caplog.text
    assert "ValueError" in caplog.text


def test_the_secrets_of_a_run_are_its_own() -> None:
    one, other = Access(), Access()
    mine = {one.base[1:], one.form_token, one.token, one.enter(one.token or "")}
    others = {other.base[1:], other.form_token, other.token, other.enter(other.token or "")}
    assert len(mine | others) == 8
    assert min(len(secret or "") for secret in mine | others) >= 43


@pytest.mark.parametrize("name", ["../x", "a/b", "..", "x" * 200, "Żółw", "投票", "con\u202ex"])
def test_a_name_of_an_election_leads_to_one_file_in_the_folder(tmp_path: Path, name: str) -> None:
    if not name.isprintable():
        with pytest.raises(Exception, match="the name must have"):
            file_name(name)
        return
    path = Folder(tmp_path).draws_of(name)
    assert path.parent == tmp_path / "elections"
    assert path.name.isascii()
    assert len(path.name) < 70
    assert path == Folder(tmp_path).draws_of(f"  {name.upper()} ")
    assert path != Folder(tmp_path).draws_of(name[:-1] + "y")
