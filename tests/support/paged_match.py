"""A match on the page, as a person would begin it."""

from __future__ import annotations

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


def checked(page: Page, content: bytes = ACME, file: str = "acme.csv", **fields: str) -> str:
    """A list that was checked; returns the path of its task."""
    page.post("/match", file={"own": (file, content)})
    where = page.where
    page.post(where, {**BY_MAIL, **fields})
    done(page, where)
    return where


def certificate_of(page: Page, where: str, name: str) -> bytes:
    page.post(f"{where}/partner", {"do": "identity", "name": name})
    assert f"You are {name}" in page.text
    return page.get(f"{where}/certificate").content
