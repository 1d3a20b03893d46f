"""The check of a signed record on the page, in words for each outcome; and the same as the command says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.library import SLOW
from support.paged import Page, let_in

import psiselect
from cli.main import root


@dataclass(frozen=True)
class Records:
    """One exchange by files between Acme, who offers, and Globex; a stranger beside."""

    folder: Path
    record: bytes

    def certificate(self, name: str) -> bytes:
        return (self.folder / f"{name}.crt").read_bytes()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Records:
    folder = tmp_path_factory.mktemp("records")
    for name in ("acme", "globex", "hooli"):
        psiselect.Identity.create(name, folder)
    tables = {"acme": {"e": ["a@example.com", "b@example.com"]}, "globex": {"e": ["a@example.com"]}}
    for name, table in tables.items():
        (folder / f"{name}.csv").write_text("\n".join(["e", *table["e"], ""]))
    shared = {"key": "e:email", **SLOW}
    psiselect.offer(folder / "acme.csv", identity=folder / "acme", peer=folder / "globex.crt",
                    out=folder / "o", state=folder / "s", **shared)  # fmt: skip
    psiselect.answer(folder / "o", folder / "globex.csv", identity=folder / "globex", peer=folder / "acme.crt",
                     out=folder / "a", **shared)  # fmt: skip
    psiselect.finish(folder / "a", state=folder / "s", record=folder / "record.json")
    return Records(folder, (folder / "record.json").read_bytes())


@pytest.fixture
def page(tmp_path: Path) -> Page:
    return let_in(tmp_path)


def checked(page: Page, record: bytes, certificate: bytes | None = None) -> None:
    files = {"record": ("record.json", record)}
    page.post("/budgets/record", file=files | ({} if certificate is None else {"certificate": ("g.crt", certificate)}))


def owns(page: Page, made: Records, name: str) -> None:
    """The identity of this name is one of the page's."""
    folder = page.desk.folder.identities()
    for ending in ("crt", "key"):
        (folder / f"{name}.{ending}").write_bytes((made.folder / f"{name}.{ending}").read_bytes())


def test_a_record_is_checked(page: Page, made: Records) -> None:
    checked(page, made.record)
    assert page.now.status_code == 200
    assert "Both signatures are right" in page.text
    assert "does not know whether globex and acme are who you think" in page.text
    assert page.text.count("Not checked: compare the fingerprint") == 2
    said = json.loads(made.record)["record"]
    assert said["fingerprints"]["listen"] in page.text.replace(" ", "")
    for words in ("globex, who waited", "acme, who called", "List 2 distinct keys", "List 1 distinct keys",
                  "Result Which rows match", "E-mail addresses (email/", "Who gets it acme",
                  said["transcript"][:16]):  # fmt: skip
        assert words in page.text


def test_the_parties_that_are_known_are_named(page: Page, made: Records) -> None:
    owns(page, made, "hooli")
    owns(page, made, "acme")
    checked(page, made.record)
    assert "does not know whether globex is who you think" in page.text
    assert "You: the certificate is one of this page’s" in page.text
    checked(page, made.record, made.certificate("globex"))
    assert "Both parties are the ones that you know" in page.text
    assert "--peer g.crt --identity" in page.text
    assert str(page.desk.folder.identities() / "acme") in page.text


def test_what_is_wrong_is_said_in_words(page: Page, made: Records) -> None:
    checked(page, made.record, made.certificate("hooli"))
    assert "does not know whether" not in page.text
    owns(page, made, "acme")
    for record, certificate, words in (
        (made.record, made.certificate("hooli"), "This record is somebody else’s"),
        (made.record.replace(b'"min_matches":null', b'"min_matches":7'), None, "This record is not genuine"),
        (made.record[:-30], None, "This record is not complete"),
        (b"{}", None, "This record is not complete"),
    ):
        checked(page, record, certificate)
        assert (page.now.status_code, words in page.text) == (422, True), page.text
        assert "signatures are right," not in page.text or "somebody else" in words
        assert "/proc" not in page.text
        assert "Both signatures are right" not in page.text


@pytest.mark.parametrize(
    ("files", "named"),
    [
        (None, "record"),
        ({"record": ("r", b"")}, "record"),
        ({"record": ("r", b"{}"), "certificate": ("c.crt", b"no certificate")}, "certificate"),
    ],
)
def test_files_that_are_missing_or_none_are_told(page: Page, files: dict[str, object] | None, named: str) -> None:
    page.post("/budgets/record", file=files)
    assert (page.now.status_code, f'id="{named}-error"' in page.now.text) == (422, True)


@pytest.mark.parametrize("fault", ["none", "stranger", "edited", "cut"])
def test_page_and_command_agree(
    page: Page, made: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """On the same files, by the command that the page shows."""
    record = {"edited": made.record.replace(b'"min_matches":null', b'"min_matches":7'), "cut": made.record[:-30]}.get(
        fault, made.record
    )
    owns(page, made, "acme")
    peer = made.certificate("hooli" if fault == "stranger" else "globex")
    checked(page, record, peer)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "record.json").write_bytes(record)
    (tmp_path / "g.crt").write_bytes(peer)
    words = ["psi", "verify", "record.json", "--peer", "g.crt"]
    words += ["--identity", str(page.desk.folder.identities() / "acme")]
    ended = CliRunner().invoke(root, words)
    assert (page.now.status_code == 200) == (ended.exit_code == 0) == (fault == "none")
    if fault == "none":
        assert f"psiselect {' '.join(words)}" in page.text
        assert ended.output.count("as named") == 2
