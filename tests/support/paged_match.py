"""A match on the page, as a person would begin it."""

from __future__ import annotations

import re
import socket
from pathlib import Path

from psiselect.ui.match import Match
from support.library import SLOW
from support.paged import Page, let_in

ACME = b"mail,city\nAnn@Example.com,Oslo\nbob@example.com,Bonn\nno address,Rome\n,Paris\nann@example.COM,Bern\n"

GLOBEX = b"e,plan\nANN@example.com,gold\nzoe@example.net,free\nbob@example.com ,free\n"

BY_MAIL = {"column": "mail", "rule": "email"}


def opened(folder: Path) -> Page:
    found = let_in(folder)
    found.desk.means = SLOW
    return found


def task_of(page: Page, where: str) -> Match:
    return page.desk.tasks.find(where.split("/")[2], Match)


def done(page: Page, where: str) -> None:
    """Wait for what is under way, and see what follows."""
    work = task_of(page, where).work
    assert work is not None
    work.wait()
    page.get(f"{where}/work")


def given(page: Page, content: bytes = ACME, file: str = "acme.csv") -> str:
    """A list that was chosen, and checked if the page has found its column; returns the path of its task."""
    page.post("/match", file={"own": (file, content)})
    where = "/".join(page.where.split("/")[:3])
    if task_of(page, where).work is not None:
        done(page, where)
    return where


def checked(page: Page, content: bytes = ACME, file: str = "acme.csv", **fields: str) -> str:
    """A list that was checked; returns the path of its task. fields: of the page that asks what is compared, where the
    page is not to find it by itself."""
    where = given(page, content, file)
    if fields:
        page.post(where, {**BY_MAIL, **fields})
        done(page, where)
    return where


def certificate_of(page: Page, where: str, name: str) -> bytes:
    got = page.post(f"{where}/partner", {"do": "save", "name": name}, file={"certificate": ("", b"")})
    assert got.headers["content-disposition"] == f'attachment; filename="{name}.crt"', page.text
    return got.content


def met(page: Page, where: str, certificate: bytes) -> None:
    """The partner's certificate is chosen."""
    identity = task_of(page, where).identity
    assert identity is not None
    fields = {"do": "go", "name": identity.name}
    page.post(f"{where}/partner", fields, file={"certificate": ("their.crt", certificate)})
    assert page.where == f"{where}/session", page.text


def compared(page: Page) -> dict[str, str]:
    """The fields of whoever has compared the fingerprints that the page shows."""
    both = re.search(r'name="both" value="([0-9a-f]+)"', page.now.text)
    assert both, page.text
    return {"compared": "yes", "both": both[1]}


def pair(tmp_path: Path, acme: bytes = ACME, globex: bytes = GLOBEX) -> tuple[Page, str, Page, str]:
    """Two pages that know each other, and the paths of their tasks."""
    one, other = opened(tmp_path / "acme"), opened(tmp_path / "globex")
    here, there = checked(one, acme), checked(other, globex, "globex.csv")
    own, theirs = certificate_of(one, here, "acme"), certificate_of(other, there, "globex")
    assert own.startswith(b"-----BEGIN CERTIFICATE")
    met(one, here, theirs)
    met(other, there, own)
    return one, here, other, there


def started(page: Page, where: str, do: str = "wait", file: bytes | None = None, **terms: str) -> None:
    """Begin, on these terms. file: the partner's offer."""
    page.get(f"{where}/session")
    files = {"offer": ("offer.psi", file) if file is not None else ("", b"")}
    page.post(f"{where}/session", {**compared(page), "port": "7001", "do": do, **terms}, file=files)


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return str(taken.getsockname()[1])
