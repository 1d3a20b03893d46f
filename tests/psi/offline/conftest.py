"""What the tests of the offline exchange share."""

from __future__ import annotations

import pytest
from support.exchanged import Pair
from support.parties import terms

from psi.agreement.modes import Side
from psi.identity.identity import Identity


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> dict[Side, Identity]:
    folder = tmp_path_factory.mktemp("people")
    return {Side.CONNECT: Identity.create("acme", folder), Side.LISTEN: Identity.create("globex", folder)}


@pytest.fixture
def pair(people: dict[Side, Identity]) -> Pair:
    return Pair(people, terms())
