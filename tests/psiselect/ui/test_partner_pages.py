"""Who takes part in a match on the page, and on what terms: what is refused, and where it is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.paged import Page
from support.paged_match import certificate_of, checked, opened, task_of


@pytest.fixture
def page(tmp_path: Path) -> Page:
    return opened(tmp_path / "one")


@pytest.mark.parametrize("content", [b"", b"x", b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"])
def test_another_file_is_no_certificate(page: Page, content: bytes) -> None:
    where = checked(page)
    certificate_of(page, where, "acme")
    page.post(f"{where}/partner", {"do": "peer"}, file={"certificate": ("a.crt", content)})
    assert (page.now.status_code, 'id="certificate-error"' in page.now.text) == (422, True)


@pytest.mark.parametrize("name", ["", "../x", "a b", "x" * 64, "ä"])
def test_a_name_that_cannot_be_one_is_told(page: Page, name: str) -> None:
    where = checked(page)
    page.post(f"{where}/partner", {"do": "identity", "name": name})
    assert (page.now.status_code, 'id="name-error"' in page.now.text) == (422, True)


def test_an_identity_is_private_and_kept(page: Page) -> None:
    certificate_of(page, checked(page), "acme")
    folder = page.desk.folder.identities()
    assert oct(folder.stat().st_mode)[-3:] == "700"
    assert oct((folder / "acme.key").stat().st_mode)[-3:] == "600"
    where = checked(page)
    page.get(f"{where}/partner")
    assert 'value="acme"' in page.now.text
    page.post(f"{where}/partner", {"do": "identity", "own": "", "name": "acme"})
    assert "you have an identity of this name" in page.text.lower()
    page.post(f"{where}/partner", {"do": "identity", "own": "acme"})
    assert "You are acme" in page.text


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"port": ""}, "port"),
        ({"port": "99999"}, "port"),
        ({"role": "call", "host": ""}, "host"),
        ({"role": "call", "host": "a b:c"}, "host"),
        ({"minimum": "-1"}, "minimum"),
    ],
)
def test_terms_that_make_no_sense_stand_at_their_field(tmp_path: Path, fields: dict[str, str], named: str) -> None:
    page = opened(tmp_path)
    where = checked(page)
    task = task_of(page, where)
    task.peer = task.sure = True  # type: ignore[assignment]
    task.peer = type("P", (), {"name": "globex"})()  # type: ignore[assignment]
    page.post(f"{where}/terms", {"port": "7001", **fields})
    assert (page.now.status_code, f'id="{named}-error"' in page.now.text) == (422, True)
