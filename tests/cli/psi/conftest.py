"""What the tests of the offline exchange and of the listener that keeps running share."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from support.offline_commands import answer, offer
from support.policies import write_policy
from support.program import Run
from support.psi_processes import Ended
from support.served import Call, options_of

from dpselect.accounting import BudgetKind, Cost
from dpselect.ledger import Ledger
from dpselect.privacy import NeighbouringRelation
from psi.accounts.session_counter import SessionCounter


@pytest.fixture
def offered(place: Path) -> Path:
    """A folder with an offer of Globex to Acme."""
    assert offer(place).code == 0
    return place


@pytest.fixture
def answered(offered: Path) -> Path:
    """A folder with an offer and its answer."""
    assert answer(offered).code == 0
    return offered


@pytest.fixture
def call(place: Path, program: Run) -> Call:
    """A session of a connecting party, in this process."""

    def one(where: str, name: str = "globex", *options: object) -> Ended:
        shown = program(*options_of(place, where, name, *options))
        return Ended(shown.code, shown.out, "")

    return one


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The two lists with a policy for matches and one with a ledger; the counter and the ledger are made."""
    monkeypatch.chdir(place)
    for name, reveal in (("matches", '["matches"]'), ("noisy", '["noisy-count"]')):
        write_policy(place, "acme", "globex", reveal=reveal, columns='["Mail", "e"]', output_rows="true",
                     min_matches="0").rename(place / f"{name}.toml")  # fmt: skip
        SessionCounter(place / f"{name}.toml.runs")
    charged = 'ledger = {file = "weekly.budget", dataset = "customers"}\n'
    (place / "noisy.toml").write_text(charged + (place / "noisy.toml").read_text())
    Ledger.create(place / "weekly.budget", kind=BudgetKind.PURE, neighbors=NeighbouringRelation.ADD_REMOVE,
                  budget=Cost(Fraction(5), Fraction(1, 2)))  # fmt: skip
    for name in ("work", "work2"):
        (place / name).mkdir()
    return place
