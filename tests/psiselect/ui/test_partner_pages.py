"""Who takes part in a match on the page: the own identity, and the partner's certificate."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.paged import Page
from support.paged_match import certificate_of, checked, met, opened, task_of

from psiselect.ui import partner_pages


@pytest.fixture
def page(tmp_path: Path) -> Page:
    return opened(tmp_path / "one")


@pytest.mark.parametrize("content", [b"", b"x", b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"])
def test_another_file_is_no_certificate(page: Page, content: bytes) -> None:
    where = checked(page)
    page.post(f"{where}/partner", {"do": "go", "name": "acme"}, file={"certificate": ("a.crt", content)})
    assert (page.now.status_code, 'id="certificate-error"' in page.now.text) == (422, True)


@pytest.mark.parametrize("do", ["save", "go"])
@pytest.mark.parametrize("name", ["", "../x", "a b", "x" * 64, "ä"])
def test_a_name_that_cannot_be_one_is_told(page: Page, name: str, do: str) -> None:
    where = checked(page)
    page.post(f"{where}/partner", {"do": do, "name": name})
    assert (page.now.status_code, 'id="name-error"' in page.now.text) == (422, True)
    assert page.desk.folder.certificates() == []


@pytest.mark.parametrize(
    ("user", "name"), [("ada", "ada"), ("CORP\\ada l.", "CORP-ada-l"), ("ü", ""), ("x" * 70, "x" * 63)]
)
def test_the_usual_name_is_the_users(page: Page, monkeypatch: pytest.MonkeyPatch, user: str, name: str) -> None:
    """It is shown before the identity is made."""
    monkeypatch.setattr(partner_pages.getpass, "getuser", lambda: user)
    where = checked(page)
    page.get(f"{where}/partner")
    assert f'autocomplete="organization" value="{name}"' in page.now.text
    assert page.desk.folder.certificates() == []


def test_an_identity_is_private_and_kept(page: Page) -> None:
    first = certificate_of(page, checked(page), "acme")
    folder = page.desk.folder.identities()
    assert oct(folder.stat().st_mode)[-3:] == "700"
    assert oct((folder / "acme.key").stat().st_mode)[-3:] == "600"
    where = checked(page)
    page.get(f"{where}/partner")
    assert 'value="acme" checked' in page.now.text
    page.post(f"{where}/partner", {"do": "save", "own": "", "name": "acme"})
    assert "you already have an identity with this name" in page.text.lower()
    assert page.post(f"{where}/partner", {"do": "save", "own": "acme"}).content == first


def test_saving_twice_makes_one_identity(page: Page) -> None:
    where = checked(page)
    assert certificate_of(page, where, "acme") == certificate_of(page, where, "acme")
    assert len(page.desk.folder.certificates()) == 1


def test_a_name_that_is_written_makes_an_identity_though_an_older_one_is_marked(page: Page) -> None:
    """Both sides of a trial on one machine keep their identities in one folder."""
    first = certificate_of(page, checked(page), "acme")
    where = checked(page)
    both = {"own": "acme", "name": "globex"}
    second = page.post(f"{where}/partner", {"do": "save", **both})
    assert second.headers["content-disposition"] == 'attachment; filename="globex.crt"'
    assert second.content != first
    page.post(f"{where}/partner", {"do": "go", **both}, file={"certificate": ("acme.crt", first)})
    assert page.where == f"{where}/session"
    found = task_of(page, where)
    assert found.identity is not None
    assert found.peer is not None
    assert (found.identity.name, found.peer.name) == ("globex", "acme")
    assert len(page.desk.folder.certificates()) == 2


def test_the_partner_may_be_chosen_again(page: Page, tmp_path: Path) -> None:
    where = checked(page)
    certificate_of(page, where, "acme")
    theirs = {}
    for name in ("globex", "hooli"):
        other = opened(tmp_path / name)
        theirs[name] = certificate_of(other, checked(other), name)
    met(page, where, theirs["globex"])
    page.get(f"{where}/partner")
    assert "Your partner is globex" in page.text
    page.post(f"{where}/partner", {"do": "go", "name": "acme"})
    assert page.where == f"{where}/session"
    met(page, where, theirs["hooli"])
    peer = task_of(page, where).peer
    assert peer is not None
    assert peer.name == "hooli"
