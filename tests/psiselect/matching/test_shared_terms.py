"""`terms=FILE`: what both sides agree on, for programs, and with the command at the other end."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.library import ACME, GLOBEX, MATCHED, SLOW, parties
from support.psi_processes import address, ended
from support.psi_processes import psiselect as command

import psiselect
from psiselect import UsageError

TERMS = """
keys = ["email"]
learn = "connect"
min-matches = 1
[columns]
listen = ["city"]
"""
A, B = pa.table(GLOBEX), pa.table(ACME)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("t.toml").write_text(TERMS)
    return tmp_path


def test_two_processes_with_one_file(here: Path) -> None:
    """The command listens, a program calls; both name their columns only."""
    parties(here)
    pq.write_table(B, here / "acme.parquet")
    with command(
        *("psi", "listen", "--address", "127.0.0.1:0", "--identity", "acme", "--peer", "globex.crt", "--input"),
        *("acme.parquet", "--key", "mail", "--terms", "t.toml", "--backend", "portable", "--threads", "1", "--json"),
        *("--timeout", "60"),
    ) as process:
        found = psiselect.connect(
            *(address(process), A), key="e", terms="t.toml", identity="globex", peer="acme.crt", **SLOW
        )
        listener = ended(process)
    assert found.rows.column("e").to_pylist() == [MATCHED[0], *MATCHED]  # Acme has the first one twice
    assert found.rows.column("peer_city").to_pylist()[1:] == ["again", "only"]
    assert listener.code == 0, listener.err
    assert json.loads(listener.out)["learn"] == "peer"


def test_two_tables_here(here: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "psiselect"):
        found = psiselect.match(A, B, key="e", key_b="mail", terms="t.toml", min_matches=1, **SLOW)
    assert (found.count, found.matched_rows) == (2, 2)
    assert "  a result below 1 is not shown" in caplog.messages


def test_an_argument_that_disagrees_is_named(here: Path) -> None:
    with pytest.raises(UsageError, match=r"^min_matches= is 2, but 't.toml' says 1") as raised:
        psiselect.match(A, B, key="e", key_b="mail", terms="t.toml", min_matches=2)
    assert raised.value.term == "min_matches"
    Path("t.toml").write_text('learn = "both"')
    with pytest.raises(UsageError, match=r"t.toml: 'learn': `psi local` gives the result to table A"):
        psiselect.match(A, B, key="e", key_b="mail", terms="t.toml")
    with pytest.raises(UsageError, match="terms= must be a path"):
        psiselect.match(A, B, key="e", terms=1)  # type: ignore[arg-type]


def test_files_that_were_offered_by_other_terms(here: Path) -> None:
    parties(here)
    psiselect.offer(
        *(A,), key="e", terms="t.toml", receive="city", identity="globex", peer="acme.crt",
        out="o.psi", state="o.state", **SLOW,
    )  # fmt: skip
    psiselect.answer(*("o.psi", B), key="mail", terms="t.toml", identity="acme", peer="globex.crt", out="a.psi", **SLOW)
    Path("other.toml").write_text("min-matches = 2")
    with pytest.raises(UsageError, match=r"in the offer, min_matches= is 1, but 'other.toml' says 2"):
        psiselect.finish("a.psi", state="o.state", table=A, terms="other.toml")
    found = psiselect.finish("a.psi", state="o.state", table=A, terms="t.toml")
    assert found.rows.column("peer_city").to_pylist()[1:] == ["again", "only"]
