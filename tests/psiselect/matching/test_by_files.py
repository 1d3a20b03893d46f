"""`offer`, `answer`, `finish`: the exchange by files, with tables in memory and with the command at the other end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.library import ACME, GLOBEX, MATCHED, SLOW, parties
from support.program import Run

import psiselect
from psiselect import FileResult, InputError, RemoteError, UsageError

A, B = pa.table(GLOBEX), pa.table(ACME)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    parties(tmp_path)
    pq.write_table(A, tmp_path / "globex.parquet")
    pq.write_table(B, tmp_path / "acme.parquet")
    return tmp_path


def offer(here: Path, table: Any = A, **more: Any) -> FileResult:
    given = {"identity": here / "globex", "peer": here / "acme.crt", **SLOW, **more}
    return psiselect.offer(table, key="e:email", out=here / "offer.psi", state=here / "offer.state", **given)


def answer(here: Path, **more: Any) -> FileResult:
    parties = {"identity": here / "acme", "peer": here / "globex.crt"}
    return psiselect.answer(here / "offer.psi", B, key="mail:email", out=here / "answer.psi", **parties, **SLOW, **more)


def test_a_table_in_memory_is_given_again_to_finish(here: Path) -> None:
    made = offer(here)
    assert (made.file, made.state, made.peer, made.own_size, made.peer_size) == (
        here / "offer.psi", here / "offer.state", "acme", 3, None,
    )  # fmt: skip
    replied = answer(here)
    assert (replied.file, replied.state, replied.peer, replied.peer_size) == (here / "answer.psi", None, "globex", 3)
    with pytest.raises(
        UsageError, match=r"cannot find the list\. Save the list in a file, and name this file with table="
    ):
        psiselect.finish(here / "answer.psi", state=here / "offer.state")
    found = psiselect.finish(here / "answer.psi", state=here / "offer.state", table=A)
    assert found.rows.column("e").to_pylist() == MATCHED
    assert not (here / "offer.state").exists()


def test_a_table_by_its_path_need_not_be_named_again(here: Path) -> None:
    offer(here, str(here / "globex.parquet"))
    answer(here)
    found = psiselect.finish(here / "answer.psi", state=here / "offer.state", output=here / "out.csv")
    assert (found.count, found.output) == (2, here / "out.csv")


def test_parties_that_were_objects_are_given_again_or_found_by_path(here: Path) -> None:
    me, peer = psiselect.Identity.load(here / "globex"), psiselect.Identity.load(here / "acme").public
    offer(here, identity=me, peer=peer)
    answer(here)
    with pytest.raises(RemoteError, match="you did not give its sender's certificate with peer="):
        psiselect.finish(here / "answer.psi", state=here / "offer.state", table=A)
    assert psiselect.finish(here / "answer.psi", state=here / "offer.state", table=A, peer=peer).count == 2


def test_another_table_than_that_of_the_offer_is_refused(here: Path) -> None:
    offer(here)
    answer(here)
    with pytest.raises(InputError):
        psiselect.finish(here / "answer.psi", state=here / "offer.state", table=A.slice(1))
    assert (here / "offer.state").exists()


def test_an_offer_is_answered_once(here: Path) -> None:
    offer(here)
    answer(here)
    with pytest.raises(psiselect.PsiselectError, match="answered"):
        answer(here)


def test_the_command_answers_a_program_and_finishes_its_offer(here: Path, program: Run) -> None:
    slow = ("--backend", "portable", "--threads", "1", "--json")
    offer(here, here / "globex.parquet")
    done = program(
        *("psi", "answer", here / "offer.psi", "--identity", here / "acme", "--peer", here / "globex.crt"),
        *("--input", here / "acme.parquet", "--key", "mail:email", "--out", here / "answer.psi", *slow),
    )
    assert done.code == 0, done.out
    kept = (here / "offer.state").read_bytes()
    assert psiselect.finish(here / "answer.psi", state=here / "offer.state").count == 2
    (here / "offer.state").write_bytes(kept)
    (here / "offer.state").chmod(0o600)
    done = program("psi", "finish", here / "answer.psi", "--state", here / "offer.state", "--json")
    assert (done.code, '"matches": 2' in done.out) == (0, True), done.out
