"""A call that is charged and then fails says so: by `charged` and in its words, or in a note beside a foreign error."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pyarrow as pa
import pytest
from support.library import ACME, GLOBEX, SLOW, parties, session
from support.mpc_processes import Group
from support.parties import terms
from support.policies import write_policy

import psiselect
from psi.accounts.policy import Request
from psi.agreement.modes import Reveal
from psiselect import BudgetError, CancelError, OutputError, PsiselectError, TransportError
from psiselect.base import atomic
from psiselect.base.entropy import SystemEntropy
from psiselect.matching.guard import Guard
from psiselect.sums import linear

BALLOTS = pa.table({"Ann": [1, 1], "Ben": [0, 1], "Cid": [0, 0]})
ROWS = pa.table({"name": ["a", "b"], "pay": [3, 4]})
NOISY: dict[str, Any] = {"reveal": "noisy-count", "epsilon": 1, "delta": "1e-6"}
Paid = dict[str, Any]

CALLS: dict[str, Callable[[Paid], object]] = {
    "elect": lambda paid: psiselect.elect(BALLOTS, epsilon=1, **paid),
    "a committee": lambda paid: psiselect.elect(BALLOTS, epsilon=1, seats=2, **paid),
    "select": lambda paid: psiselect.select(ROWS, label="name", score="pay", sensitivity=1, epsilon=1, **paid),
    "a sum": lambda paid: psiselect.release.sum(ROWS, "pay", lower=0, upper=9, epsilon=1, **paid),
    "a quantile": lambda paid: psiselect.release.quantile(ROWS, "pay", lower=0, upper=9, unit=1, epsilon=1, **paid),
    "a table": lambda paid: psiselect.release.table(ROWS, by="name", groups=["a", "b"], epsilon=1, **paid),
}


@pytest.fixture
def ledger(tmp_path: Path) -> psiselect.Ledger:
    return psiselect.Ledger.create(tmp_path / "l.db", epsilon=9, delta="0.1", neighbors="replace")


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """No random bits are to be had."""

    def read(self: SystemEntropy, count: int) -> bytes:
        raise error

    monkeypatch.setattr(SystemEntropy, "read", read)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), MemoryError()], ids=["system", "memory"])
def test_a_draw_that_fails_is_a_typed_error(
    call: str, error: Exception, ledger: psiselect.Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, error)
    with pytest.raises(
        OutputError,
        match=r"^the budget was charged, but the program failed before .*The ledger keeps the charge, and",
    ) as raised:
        CALLS[call]({"neighbors": "replace", "ledger": ledger, "dataset": "d"})
    assert (raised.value.charged, raised.value.exit_code) == (True, 3)
    assert raised.value.__cause__ is error
    assert len(ledger.entries()) == 1


@pytest.mark.parametrize("call", ["elect", "select", "a sum"])
def test_without_a_ledger_it_stays_what_it_was(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, MemoryError())
    with pytest.raises(MemoryError):
        CALLS[call]({"neighbors": "replace"})


def test_a_foreign_error_keeps_its_type_and_gets_a_note(
    ledger: psiselect.Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as the one that a task's time limit raises out of a signal handler."""
    failing(monkeypatch, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt) as raised:
        CALLS["select"]({"neighbors": "replace", "ledger": ledger, "dataset": "d"})
    assert raised.value.__notes__ == ["The ledger keeps the charge."]


def test_what_fails_before_the_charge_says_nothing_of_one(ledger: psiselect.Ledger) -> None:
    paid: Paid = {"neighbors": "replace", "ledger": ledger, "dataset": "d"}
    with pytest.raises(psiselect.InputError) as raised:
        psiselect.release.sum(ROWS, "name", lower=0, upper=9, epsilon=1, **paid)
    assert not raised.value.charged
    with pytest.raises(psiselect.BudgetError) as refused:
        psiselect.release.sum(ROWS, "pay", lower=0, upper=9, epsilon=10, **paid)
    assert (refused.value.charged, "keeps the charge" in str(refused.value)) == (False, False)
    assert ledger.entries() == []


@pytest.mark.parametrize("call", CALLS)
def test_a_ledger_of_another_relation_pays_for_nothing(
    call: str, ledger: psiselect.Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replace costs up to twice what add-remove costs, so a charge under the other relation would be too small."""
    failing(monkeypatch, AssertionError("drawn without a charge"))
    with pytest.raises(BudgetError, match="add-remove"):
        CALLS[call]({"neighbors": "add-remove", "ledger": ledger, "dataset": "d"})
    assert ledger.entries() == []


def test_a_sum_that_the_budget_does_not_hold_calls_nobody(
    ledger: psiselect.Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = Group(tmp_path / "g", dict.fromkeys(("alice", "bob", "carlos"), "both"))
    monkeypatch.setattr(linear, "run_sum", Mock(side_effect=AssertionError("peers were called")))
    with pytest.raises(BudgetError, match="over budget"):
        psiselect.mpc_sum(
            41, party="alice", parties=group.parties, identity=group.folder / "keys" / "alice", epsilon=10, lower=0,
            upper=60, neighbors="replace", colluding=1, decimals=0, ledger=ledger, dataset="d",
        )  # fmt: skip
    assert ledger.entries() == []


def test_a_sum_that_another_party_ends(ledger: psiselect.Ledger, tmp_path: Path, monkeypatch: Any) -> None:
    group = Group(tmp_path / "g", dict.fromkeys(("alice", "bob", "carlos"), "both"))

    def run(*_: object, admit: Callable[[], None], **__: object) -> Any:
        admit()
        raise TransportError("bob is gone")

    monkeypatch.setattr(linear, "run_sum", run)
    with pytest.raises(TransportError, match=r"^bob is gone\. The ledger keeps the charge$") as raised:
        psiselect.mpc_sum(
            41, party="alice", parties=group.parties, identity=group.folder / "keys" / "alice", epsilon=1, lower=0,
            upper=60, neighbors="replace", colluding=1, decimals=0, ledger=ledger, dataset="d",
        )  # fmt: skip
    assert raised.value.charged
    assert len(ledger.entries()) == 1


def test_a_match_that_is_cancelled_after_the_charge(ledger: psiselect.Ledger) -> None:
    cancel = threading.Event()
    terms: dict[str, Any] = {**NOISY, **SLOW, "ledger": ledger.path, "dataset": "d"}
    with pytest.raises(CancelError, match=r"The ledger keeps the charge$") as raised:
        psiselect.match(
            pa.table(GLOBEX), pa.table(ACME), key="e", key_b="mail", cancel=cancel,
            progress=lambda done, total: cancel.set(), **terms,
        )  # fmt: skip
    assert raised.value.charged


def test_a_session_that_a_policys_ledger_has_paid_for_says_so(ledger: psiselect.Ledger, tmp_path: Path) -> None:
    peer = psiselect.Identity.create("globex", tmp_path).public
    policy = write_policy(tmp_path, "globex", reveal='["noisy-count"]')
    policy.write_text(f'ledger = {{file = "{ledger.path.name}", dataset = "d"}}\n{policy.read_text()}')
    request = Request((Reveal.NOISY_COUNT,), ("Mail",), (), output_rows=False, min_matches=1, own_size=None)
    agreed = terms(reveal=Reveal.NOISY_COUNT, epsilon="1", delta="1/1000", min_matches=1)
    admission = Guard.load(policy, request).admission(peer, agreed)

    def play(*steps: Callable[[], None]) -> None:
        with admission.saying_paid():
            for step in steps:
                step()
            raise TransportError("the peer is gone")

    with pytest.raises(TransportError, match=r"^the peer is gone$") as before:
        play()
    assert (before.value.charged, ledger.entries()) == (False, [])
    with pytest.raises(TransportError, match=r"^the peer is gone\. The ledger keeps the charge$") as raised:
        play(admission)
    assert raised.value.charged
    assert len(ledger.entries()) == 1


@pytest.mark.parametrize("pays", [True, False])
def test_a_record_that_is_not_written(
    ledger: psiselect.Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pays: bool
) -> None:
    parties(tmp_path)
    name = atomic._name

    def full(handle: int, part: Path | None, target: Path) -> Path | None:
        if target.name == "record.json":
            raise OSError(errno.ENOSPC, "No space left on device")
        return name(handle, part, target)

    monkeypatch.setattr(atomic, "_name", full)
    (tmp_path / "spare").mkdir()
    mine = {"record": tmp_path / "record.json", "workdir": tmp_path / "spare", "learn": "peer"}
    paid = {"ledger": ledger.path, "dataset": "d"} if pays else {}
    pair = session(tmp_path, pa.table(ACME), pa.table(GLOBEX), {**NOISY, **mine, **paid}, NOISY)
    error: Any = pair.listener
    assert isinstance(error, OutputError)
    assert (
        error.charged,
        str(error).startswith("the ledger was charged for the result, but the result could not be written: cannot"),
    ) == (pays, pays)
    assert error.result.reveal == "noisy-count"
    assert isinstance(pair.connector, psiselect.MatchResult)
    assert len(ledger.entries()) == pays


def test_every_error_can_be_asked() -> None:
    assert PsiselectError("x").charged is False
