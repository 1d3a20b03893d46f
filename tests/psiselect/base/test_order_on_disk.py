"""Every file that must outlive a crash: what is written, synced and named, in which order, and who may read it.

Each case is one step of one caller. Its events are compared as a whole, so that a sync that is left out, moved or
handed another file shows. `test_every_place_that_writes_files_is_known` finds callers that no case is about.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from support.disk import Disk
from support.parties import setup

from dpselect.accounting import BudgetKind, Cost, PureDp
from dpselect.ledger import Ledger
from dpselect.privacy import NeighbouringRelation
from psi.accounts import audit, results_file
from psi.accounts.policy import Allowance
from psi.accounts.session_counter import SessionCounter
from psi.agreement.modes import Side
from psi.identity.identity import Identity
from psi.offline import state
from psi.offline.answered import AnsweredOffers
from psi.offline.state import OfferState
from psi.protocol.outcome import Outcome
from psi.resume.folder import SessionFolder
from psi.resume.journal import Journal, Mark, Operation
from psi.session.session import SessionResult
from psi.tables import open_source
from psi.tables.joining import write_joined
from psi.tables.writing import write_rows
from psi.transport.wire import Frame
from psiselect.base import atomic
from psiselect.base.packed import I64
from psiselect.elections.draws import DrawRecord
from psiselect.matching.records import SessionRecords

KEY = bytes(range(32))
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
COMMIT = "sql COMMIT (synchronous 3, journal delete)"
APPENDED = ["write log", "sync log"]
APPEARS = ["sync a nameless file", "link a nameless file -> out", "sync ."]
REPLACED = ["sync a nameless file", "link a nameless file -> out~", "rename out~ -> out", "sync ."]
BEGIN = ["sql PRAGMA synchronous = EXTRA", "sql PRAGMA trusted_schema = OFF", "sql BEGIN IMMEDIATE"]

Step = Callable[[Path], object]


def ledger(place: Path) -> Ledger:
    return Ledger.create(
        place / "ledger", kind=BudgetKind.PURE, neighbors=NeighbouringRelation.REPLACE, budget=Cost(Fraction(1))
    )


def spend(place: Path) -> None:
    Ledger.open(place / "ledger").spend("poll", PureDp(Fraction(1, 2)), neighbors=None, what="test")


def count_session(place: Path) -> None:
    SessionCounter(place / "runs").spend(KEY, Allowance(2, 3600, "1h"), 1_800_000_000)


def draw(place: Path) -> None:
    def winners() -> tuple[str, ...]:
        (place / "winner").unlink(missing_ok=True)  # only to be seen among the events
        return ("Ada",)

    DrawRecord(place / "log").draw(
        Fraction(1), NeighbouringRelation.REPLACE, winners, again=True, by_voter=False, titles={}
    )


def audit_line(place: Path) -> None:
    audit.append(place / "log", {"number": 1})


def result_line(place: Path) -> None:
    results_file.append(place / "log", {"number": 1})


def answered(place: Path) -> AnsweredOffers:
    return AnsweredOffers(place / "log")


def answer(place: Path, offer: int) -> None:
    answered(place).add(bytes([offer]) * 32, NOW)


def offer_state(place: Path) -> None:
    with state.reserved(place / "out"):
        OfferState(KEY, KEY, 2 * KEY, 1, KEY, KEY, 9, {}).save(place / "out")


def record(place: Path) -> None:
    """A session's record, as the commands keep it; the audit line comes first."""
    people = [Identity.create(name, place.parent / "people") for name in ("acme", "globex")]
    own = setup(Side.LISTEN, [b"a"], signer=people[0], verifier=people[1].public)
    result = SessionResult(Outcome(), 1, 1, KEY + KEY, {"record": "psiselect-1"}, dict.fromkeys(Side, bytes(64)))
    SessionRecords(place / "log", place / "out").keep(own, people[0], people[1].public, lambda: result)


def session(place: Path) -> SessionFolder:
    return SessionFolder(place, {"side": "listen"})


def begun(place: Path) -> None:
    opened = session(place)
    opened.begin(KEY, 0, KEY)
    opened.close()


def journal(place: Path, step: Callable[[Journal], object]) -> None:
    opened = Journal(place / "log", KEY)
    try:
        step(opened)
    finally:
        opened.close()


def three_steps(journal: Journal) -> None:
    journal.peer(Frame(1, b"theirs"))
    journal.operation(Operation(b"l" * 17, 0, KEY, b"result"))
    journal.own(Frame(2, b"ours"))
    journal.sync()
    journal.sync()


def table(place: Path) -> Path:
    path = place.parent / "table.csv"
    path.write_text("id,mail\n1,a\n2,b\n")
    return path


class OneEach:
    """A peer's table in which every row has one row of one column."""

    columns = ("city",)

    def counts(self, numbers: I64) -> I64:
        return np.ones(len(numbers), np.int64)

    def rows(self, numbers: I64) -> list[pa.Array]:
        return [pa.array(["x"] * len(numbers), pa.large_string())]


def matches(place: Path) -> None:
    write_rows(open_source(table(place)), np.array([True, False]), place / "out.csv")


def joined(place: Path) -> None:
    write_joined(open_source(table(place)), np.array([0, -1]), OneEach(), place / "out.parquet")


def identity(place: Path) -> None:
    Identity.create("acme", place)


def nothing(place: Path) -> None:
    """There is nothing there before."""


# Name: what is there before, the step, and its events.
CASES: dict[str, tuple[Step, Step, list[str]]] = {
    "a file": (nothing, lambda place: atomic.write_bytes(place / "out", b"x"), APPEARS),
    "a file that is replaced": (
        lambda place: (place / "out").write_bytes(b"old"),
        lambda place: atomic.write_bytes(place / "out", b"x"),
        REPLACED,
    ),
    "a secret file": (nothing, lambda place: atomic.write_bytes(place / "out", b"x", secret=True), APPEARS),
    "a ledger is made": (
        nothing,
        ledger,
        [
            *("sync .", *BEGIN, "sql CREATE TABLE ledger", "sql CREATE TABLE dataset"),
            *("sql CREATE TABLE spend", "sql CREATE INDEX spend_dataset"),
            *("sql PRAGMA application_id = 1886604337", "sql INSERT INTO ledger", COMMIT),
            *("link ledger~ -> ledger", "remove ledger~", "sync ."),
        ],
    ),
    "a ledger is spent from": (
        ledger,
        spend,
        [*BEGIN[:2], "sql BEGIN", COMMIT, *BEGIN, "sql INSERT INTO spend", COMMIT],
    ),
    "a counter is made": (
        nothing,
        lambda place: SessionCounter(place / "runs"),
        [
            *("sync .", *BEGIN, "sql CREATE TABLE run", "sql CREATE INDEX run_peer", "sql CREATE TABLE clock"),
            "sql INSERT INTO clock",
            *("sql PRAGMA application_id = 1886605873", COMMIT),
        ],
    ),
    "a session is counted": (
        lambda place: SessionCounter(place / "runs"),
        count_session,
        [*BEGIN, COMMIT, *BEGIN, "sql UPDATE clock", "sql INSERT INTO run", COMMIT],
    ),
    "the first draw": (nothing, draw, [*APPENDED, "sync .", *APPENDED, "remove winner", *APPENDED]),
    "a draw": (draw, draw, [*APPENDED, "remove winner", *APPENDED]),
    "an audit file is made": (nothing, lambda place: audit.check(place / "log"), [*APPENDED, "sync .", "sync log"]),
    "a line of an audit file": (audit_line, audit_line, APPENDED),
    "room for results is taken": (result_line, lambda place: results_file.hold(place / "log", 2), ["sync log"]),
    "a result": (result_line, result_line, APPENDED),
    "a memory of offers is made": (nothing, answered, [*APPENDED, "sync ."]),
    "an offer is answered": (lambda place: answer(place, 1), lambda place: answer(place, 2), APPENDED),
    "an offer's state": (nothing, offer_state, ["sync .", *REPLACED]),
    "an offer's state goes": (offer_state, lambda place: state.remove(place / "out"), ["remove out", "sync ."]),
    "a record": (audit_line, record, [*APPENDED, *APPEARS]),
    "a journal is opened": (nothing, lambda place: journal(place, lambda opened: None), ["sync log", "sync ."]),
    "steps in a journal": (
        nothing,
        lambda place: journal(place, three_steps),
        ["sync log", "sync .", "write log", "write log", "write log", "sync log"],
    ),
    "a mark in a journal": (
        nothing,
        lambda place: journal(place, lambda opened: opened.mark(Mark.ADMITTED)),
        ["sync log", "sync .", "write log", "sync log"],
    ),
    "a session begins": (
        nothing,
        begun,
        [
            *("remove S/manifest", "sync S", "sync S", "sync ."),
            *("sync a nameless file", "link a nameless file -> S/manifest", "sync S"),
        ],
    ),
    "a session is removed": (
        begun,
        lambda place: session(place).remove(),
        ["remove S/manifest", "sync S", "remove S/journal", "remove S/lock"],
    ),
    "matched rows": (nothing, matches, [event.replace("out", "out.csv") for event in APPEARS]),
    "joined rows": (nothing, joined, [event.replace("out", "out.parquet") for event in APPEARS]),
    "an identity": (nothing, identity, ["sync acme.key", "sync acme.crt", "sync ."]),
}
# What these leave may be read by others, as the umask says; all other files are their owner's alone from the start.
PUBLIC = {
    "a file": {"out"},
    "a file that is replaced": {"out", "out~"},
    "matched rows": {"out.csv"},
    "an identity": {"acme.crt"},
}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """An empty folder, under a umask that leaves everything open."""
    before = os.umask(0)
    (tmp_path / "place").mkdir()
    yield tmp_path / "place"
    os.umask(before)


@pytest.mark.parametrize("name", CASES)
def test_the_order_on_disk(place: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    before, step, expected = CASES[name]
    before(place)
    with monkeypatch.context() as patch:
        disk = Disk(patch, place)
        step(place)
    folder = session_name(place)
    assert [event.replace(folder, "S") for event in disk.events] == expected
    assert disk.readable == PUBLIC.get(name, set())
    assert not [path for path in place.rglob("*") if path.name.endswith((".part", "-journal"))]


def session_name(place: Path) -> str:
    opened = session(place.parent)
    opened.close()
    return opened.path.name
