"""`psi --ledger`: who may name one, what is charged, and what is refused. Their order is in test_steps.py."""

from __future__ import annotations

import pkgutil
from fractions import Fraction
from pathlib import Path

import click
import pytest
from support import step_callers
from support.program import Run
from support.step_callers import NOISY, OWN_LEDGER, answering, both, connecting, listening, offering, offline, taken

from cli.psi.group import COMMANDS
from dpselect.accounting import ApproximateDp, Cost, PureDp
from dpselect.ledger import Ledger
from psi.agreement.modes import Side
from psi.identity.identity import Identity

WHO = ("--address", "127.0.0.1:0", "--identity", "acme", "--peer", "globex.crt")
LISTEN = ("psi", "listen", *WHO, "--input", "acme.csv", "--key", "Mail:email", "--timeout", "0.1", "--json")


def entries(place: Path) -> list[tuple[str, Cost, str]]:
    return [(e.dataset, e.cost, e.what) for e in Ledger.open(place / "weekly.budget").entries()]


@pytest.mark.parametrize("name", ["listen_paid", "connect_paid", "serve_paid", "resume_listen_paid", "answer_paid"])
def test_the_entry_names_mode_and_peer(here: Path, name: str) -> None:
    taken(getattr(step_callers, name))
    peer = Identity.load(here / ("acme" if name == "connect_paid" else "globex")).fingerprint.hex()[:16]
    assert entries(here) == [("customers", Cost(Fraction(1), Fraction(1, 1000)), f"psi noisy-count with {peer}")]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (OWN_LEDGER, "--ledger works only with --reveal noisy-count"),
        (("--dataset", "customers"), "--dataset works only with --reveal noisy-count"),
        (("--reveal", "count", *OWN_LEDGER), "only results with noise use up a budget"),
        ((*NOISY, "--ledger", "weekly.budget"), "go together"),
        ((*NOISY, "--dataset", "customers"), "go together"),
        ((*NOISY, "--learn", "me", *OWN_LEDGER), "the side that does not get the result"),
    ],
)
def test_a_ledger_with_nothing_to_charge_is_refused(
    here: Path, program: Run, more: tuple[str, ...], words: str
) -> None:
    shown = program(*LISTEN, *more)
    assert shown.code == 2
    assert words in shown.error
    assert entries(here) == []


def test_two_ledgers_for_one_session_are_refused(here: Path, program: Run) -> None:
    """The policy's ledger pays already; a policy without a ledger goes with --ledger."""
    shown = program(*LISTEN, *NOISY, *OWN_LEDGER, "--policy", "noisy.toml")
    assert shown.code == 2
    assert "would charge each session twice. Leave out --ledger and --dataset" in shown.error
    without_a_ledger(here / "noisy.toml")
    assert program(*LISTEN, *NOISY, *OWN_LEDGER, "--policy", "noisy.toml").code == 5  # nobody called
    assert entries(here) == []


def without_a_ledger(policy: Path) -> None:
    lines = policy.read_text().splitlines(keepends=True)
    policy.write_text("".join(line for line in lines if not line.startswith("ledger")))


def test_a_listener_that_reads_its_policy_anew_goes_on_paying(here: Path) -> None:
    without_a_ledger(here / "noisy.toml")
    found, _ = taken(step_callers.serve_paid_under_a_policy)
    assert found[:2] == ["count", "charge"]
    assert len(entries(here)) == 1


def test_a_file_that_is_no_ledger_is_found_before_the_wait(here: Path, program: Run) -> None:
    shown = program(*LISTEN, *NOISY, "--ledger", "acme.csv", "--dataset", "customers")
    assert shown.code == 3


def test_the_side_that_offers_has_no_ledger() -> None:
    """It learns, and so nothing of its list is released."""
    commands: dict[str, click.Command] = {name: pkgutil.resolve_name(place) for name, (place, _) in COMMANDS.items()}
    with_ledger = {name for name, one in commands.items() if "ledger" in {str(p.name) for p in one.params}}
    assert with_ledger == {"listen", "connect", "local", "answer"}


PAID = (*NOISY, *OWN_LEDGER)


@pytest.mark.parametrize(
    "caller",
    [
        lambda patch, steps: both(patch, steps, Side.LISTEN, listening(*PAID), connecting(*NOISY)),
        offline(answering(*PAID), offering(*NOISY)),
        step_callers.local_paid,
        step_callers.serve_paid,
    ],
    ids=["listen", "answer", "local", "serve"],
)
def test_what_the_budget_does_not_hold_lets_nothing_leave(here: Path, caller: step_callers.Caller) -> None:
    book = Ledger.open(here / "weekly.budget")
    book.spend("customers", PureDp(Fraction(4)), neighbors=None, what="other releases")
    book.spend("customers", ApproximateDp(Fraction(0), Fraction(999, 2000)), neighbors=None, what="more")
    found, said = taken(caller)
    assert not {"charge", "send", "note the offer", "write answer.psi", "print"} & set(found)
    assert "over budget" in said or caller is step_callers.serve_paid
    assert len(entries(here)) == 2


def test_a_session_that_goes_on_is_paid_once(here: Path) -> None:
    """The budget holds one session. It breaks off once it is paid, and the same command goes on with it."""
    book = Ledger.open(here / "weekly.budget")
    book.spend("customers", PureDp(Fraction(4)), neighbors=None, what="other releases")
    found, _ = taken(step_callers.resume_listen_paid, "send")
    assert (found[:2], found[-1]) == (["charge", "mark admitted"], "send fails")
    found, said = taken(step_callers.resume_listen_paid)
    assert "charge" not in found
    assert "print" in found, said
    assert len(entries(here)) == 2
