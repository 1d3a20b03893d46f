"""What the tests of the offline exchange and of the listener that stays up share."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.offline_commands import answer, offer
from support.program import Run
from support.psi_processes import Ended
from support.served import Call, options_of


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
