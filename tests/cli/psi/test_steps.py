"""Each psi command: what it counts, charges, sends, writes and prints comes in one order.

Then each step in turn is made to fail: all steps before it were taken, and none after it. So a step that is left out,
moved, or goes on after a failure shows, whichever command it is in.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from support import step_callers
from support.step_callers import taken

from cli.psi.group import COMMANDS
from dpselect.accounting import Cost
from dpselect.ledger import Ledger
from psi.accounts.session_counter import SessionCounter
from psi.identity.identity import Identity

KEPT = ["audit done", "write record.json"]
RESUMED = ["count", "mark admitted", "declare", "send"]
PARTED = ["mark parted", "look", *KEPT, "write out.csv", "print", "remove the session", "part"]
STEPS: dict[str, list[str]] = {
    "connect": ["count", "declare", "send", "look", *KEPT, "write out.csv", "print"],
    "listen_noisy": ["count", "charge", "declare", "send", "look", *KEPT, "print"],
    "serve_noisy": [
        *("count", "charge", "declare", "send", "look", "audit done", "write record-{session}.json"),
        *("free the slot", "print"),
    ],
    "resume_connect": [*RESUMED, *PARTED],
    "resume_unconfirmed": [*RESUMED, *PARTED],
    "resume_unconfirmed_sender": [
        *("count", "charge", "mark admitted", "declare", "send", "look", *KEPT, "print", "mark reported", "part"),
    ],
    "resume_listen_noisy": [
        *("count", "charge", "mark admitted", "declare", "send", "mark parted", "look", *KEPT, "print"),
        *("remove the session", "part"),
    ],
    "local": ["declare", "send", "look", "write out.csv", "print"],
    "offer": [
        *("reserve offer.state", "count", "charge", "write offer.state", "write offer.psi", "audit offered", "print"),
    ],
    "answer": ["count", "charge", "note the offer", "write answer.psi", "audit answered", "print"],
    "finish": ["audit done", "write record.json", "write out.csv", "print", "remove offer.state"],
    "finish_withheld": ["write record.json", "remove offer.state"],
}
# A ledger that the command names pays where a policy's ledger does; without a policy nothing is counted.
STEPS |= {
    f"{name}_paid": [step for step in STEPS[noisy] if step != "count"]
    for name, noisy in (
        ("listen", "listen_noisy"),
        ("connect", "listen_noisy"),
        ("serve", "serve_noisy"),
        ("resume_listen", "resume_listen_noisy"),
        ("answer", "answer"),
    )
}
STEPS["local_paid"] = ["charge", *(step for step in STEPS["local"] if step != "write out.csv")]


@pytest.mark.parametrize("name", STEPS)
def test_steps_come_in_their_order(here: Path, name: str) -> None:
    found, said = taken(getattr(step_callers, name))
    assert found == STEPS[name]
    assert ("does not show the result" in said) == (name == "finish_withheld"), said
    counters = [SessionCounter(here / f"{policy}.toml.runs") for policy in ("matches", "noisy")]
    peers = [Identity.load(here / peer).fingerprint for peer in ("acme", "globex")]
    assert sum(counter.count(peer) for counter in counters for peer in peers) == ("count" in found)
    charged = [(entry.dataset, entry.cost) for entry in Ledger.open(here / "weekly.budget").entries()]
    assert charged == [("customers", Cost(Fraction(1), Fraction(1, 1000)))] * ("charge" in found)  # as the terms say


def test_every_command_is_a_caller() -> None:
    covered = {name.split("_")[0] for name in STEPS}
    assert COMMANDS.keys() - covered == {"check", "estimate", "verify", "runs"}  # these send nothing


@pytest.mark.parametrize(("name", "step"), [(name, step) for name, steps in STEPS.items() for step in steps])
def test_nothing_comes_after_a_step_that_fails(here: Path, name: str, step: str) -> None:
    expected = STEPS[name][: STEPS[name].index(step)]
    found, _ = taken(getattr(step_callers, name), step)
    assert found == [*expected, f"{step} fails"]
    assert not list(here.glob(".*.part"))
    what, _, file = step.partition(" ")
    assert what not in ("write", "reserve") or not (here / file).exists()
    if name == "offer":  # a state without its offer would be in the way of the next one
        assert (here / "offer.psi").exists() == (here / "offer.state").exists()
