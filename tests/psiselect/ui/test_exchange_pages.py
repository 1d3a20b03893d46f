"""A match by files on the page: offer, answer, finish; what stays meanwhile, and what goes."""

from __future__ import annotations

import json
import shlex
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.paged import Page
from support.paged_match import ACME, GLOBEX, done, met, opened, pair, started, task_of

from cli.main import root
from psiselect.ui import exchanges, match_commands
from psiselect.ui.match_terms import Terms


def offered(tmp_path: Path, **terms: str) -> tuple[Page, str, Page, str, bytes]:
    """Acme has made an offer."""
    acme, here, globex, there = pair(tmp_path)
    started(acme, here, "offer", **terms)
    done(acme, here)
    assert "Your offer for globex is ready" in acme.text, acme.text
    return acme, here, globex, there, acme.get(f"{here}/file").content


def answered(globex: Page, there: str, offer: bytes, **terms: str) -> bytes:
    started(globex, there, "answer", offer, **terms)
    done(globex, there)
    assert "Your answer for acme is ready" in globex.text, globex.text
    return globex.get(f"{there}/file").content


def finished(page: Page, answer: bytes, own: bytes = ACME, name: str = "acme.csv") -> str:
    """Read the answer; returns the path of the task."""
    (exchange,) = exchanges.waiting(page.desk.folder)
    page.post(f"/match/exchanges/{exchange.name}", file={"answer": ("answer.psi", answer), "own": (name, own)})
    where = "/".join(page.where.split("/")[:3])
    if page.where.startswith("/match/exchanges"):
        return page.where
    done(page, where)
    return where


def test_an_exchange_by_files(tmp_path: Path) -> None:
    """The page may end between the offer and the answer."""
    acme, here, globex, there, offer = offered(tmp_path)
    held = task_of(acme, here).given.upload._held
    assert held.closed
    (exchange,) = exchanges.waiting(acme.desk.folder)
    assert stat.S_IMODE(exchange.place.stat().st_mode) == 0o700
    assert stat.S_IMODE(exchange.state.stat().st_mode) == 0o600
    answer = answered(globex, there, offer)
    assert "Different values in the other list 2" in (globex.get(f"{there}/result") and globex.text)
    assert task_of(globex, there).given.upload._held.closed
    acme.desk.tasks.close()
    later = opened(tmp_path / "acme")
    later.get("/match")
    assert "Offer to globex, made on" in later.text
    later.get(f"/match/exchanges/{exchange.name}")
    assert "the list with the column mail." in later.text
    assert later.get(f"/match/exchanges/{exchange.name}/offer").content == offer
    where = finished(later, answer)
    assert later.where == f"{where}/result", later.text
    assert "2 values in common 3 rows of acme.csv have one of them" in later.text
    assert later.get(f"{where}/matched.csv").text.splitlines()[0] == "mail,city"
    assert json.loads(later.get(f"{where}/record").text)["record"]["sizes"] == {"connect": [2], "listen": [3]}
    assert not exchange.place.exists()
    later.get("/match")
    assert "Offer to globex" not in later.text


@pytest.mark.parametrize("way", ["answer", "finish"])
def test_the_page_and_the_command_answer_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """The commands that the page shows, on the same files."""
    acme, here, globex, there = pair(tmp_path)
    monkeypatch.chdir(tmp_path)
    for page, where, own, peer in ((acme, here, ACME, "globex"), (globex, there, GLOBEX, "acme")):
        task = task_of(page, where)
        assert task.peer is not None
        (tmp_path / f"{peer}.crt").write_text(task.peer.pem)
        (tmp_path / task.given.upload.called).write_bytes(own)

    def run(command: str) -> None:
        extra = [] if " finish " in command else ["--backend", "portable", "--threads", "1"]
        ended = CliRunner().invoke(root, [*shlex.split(command)[1:], *extra])
        assert ended.exit_code == 0, ended.output

    if way == "answer":
        started(acme, here, "offer")
        done(acme, here)
        (tmp_path / "offer.psi").write_bytes(acme.get(f"{here}/file").content)
        run(match_commands.of_terms(task_of(globex, there), Terms(way="answer"))[0])
        finished(acme, (tmp_path / "answer.psi").read_bytes())
        assert "2 values in common" in acme.text
    else:
        offer, finish = match_commands.of_terms(task_of(acme, here), Terms(way="offer"))
        run(offer)
        answer = answered(globex, there, (tmp_path / "offer.psi").read_bytes())
        (tmp_path / "answer.psi").write_bytes(answer)
        run(finish)
        assert (tmp_path / "matched.csv").read_text().count("\n") == 4


def test_a_count_by_files_has_no_rows(tmp_path: Path) -> None:
    acme, _, globex, there, offer = offered(tmp_path, reveal="count", minimum="2")
    answer = answered(globex, there, offer, reveal="count", minimum="2")
    where = finished(acme, answer)
    assert "2 values in common" in acme.text
    assert acme.get(f"{where}/matched.csv").status_code == 404


def test_an_offer_is_answered_once_and_wrong_files_are_told(tmp_path: Path) -> None:
    acme, here, globex, there, offer = offered(tmp_path)
    (exchange,) = exchanges.waiting(acme.desk.folder)
    for wrong in (b"", b"no offer", offer[: len(offer) // 2]):
        started(globex, there, "answer", wrong)
        if wrong:
            done(globex, there)
        assert globex.now.status_code in (409, 422)
        assert "/proc" not in globex.text
    answer = answered(globex, there, offer)
    for wrong, own in ((offer, ACME), (answer, b"mail,city\nnew@example.com,Oslo\n"), (b"", ACME), (answer, b"")):
        finished(acme, wrong, own)
        assert acme.now.status_code in (409, 422), acme.text
        assert "/proc" not in acme.text
        assert exchange.state.exists()  # to try again
    again = opened(tmp_path / "globex")
    again.post("/match", file={"own": ("globex.csv", GLOBEX)})
    second = "/".join(again.where.split("/")[:3])
    done(again, second)
    again.post(f"{second}/partner", {"do": "save", "own": "globex"})
    met(again, second, (exchange.place.parent.parent / "identities" / "acme.crt").read_bytes())
    started(again, second, "answer", offer)
    done(again, second)
    assert again.now.status_code == 409
    assert "answered" in again.text
    finished(acme, answer)
    assert "2 values in common" in acme.text
    assert here


def test_a_withheld_result_uses_the_secret_up(tmp_path: Path) -> None:
    acme, _, globex, there, offer = offered(tmp_path, minimum="3")
    answer = answered(globex, there, offer, minimum="3")
    finished(acme, answer)
    assert acme.now.status_code == 409
    assert list((acme.desk.folder.path / "exchanges").iterdir()) == []


def test_an_exchange_may_be_given_up(tmp_path: Path) -> None:
    acme, _, _, _, _ = offered(tmp_path)
    (exchange,) = exchanges.waiting(acme.desk.folder)
    for name in ("exchange-none", ".."):
        assert acme.post(f"/match/exchanges/{name}/forget").status_code == 404
    assert exchange.state.exists()
    acme.post(f"/match/exchanges/{exchange.name}/forget")
    assert not exchange.place.exists()
    assert acme.get(f"/match/exchanges/{exchange.name}").status_code == 404


def test_an_offer_that_fails_leaves_nothing(tmp_path: Path) -> None:
    acme, here, _, _ = pair(tmp_path)
    acme.desk.means = {**acme.desk.means, "backend": "none"}
    started(acme, here, "offer")
    done(acme, here)
    assert acme.now.status_code == 409
    assert list((acme.desk.folder.path / "exchanges").iterdir()) == []
    started(acme, here, "offer", reveal="sum")
    assert (acme.now.status_code, "A sum needs both machines at once" in acme.text) == (422, True)


def test_a_damaged_exchange_hides_no_other(tmp_path: Path) -> None:
    acme, _, _, _, _ = offered(tmp_path)
    broken = acme.desk.folder.exchanges() / "exchange-broken"
    broken.mkdir()
    (broken / "offer.state").write_text("damaged")
    acme.get("/match")
    assert acme.text.count("Offer to globex") == 1
