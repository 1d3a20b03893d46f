"""What the tests of mutual TLS share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.handshakes import Parties

from psi.identity.identity import Identity
from psi.transport.tls import Listener


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    """Three identities that differ in each test module."""
    folder = tmp_path_factory.mktemp("identities")
    return Parties(*(Identity.create(name, folder) for name in Parties._fields))


@pytest.fixture
def listener(parties: Parties) -> Iterator[Listener]:
    """Acme, waiting for Globex."""
    with Listener("127.0.0.1:0", parties.acme, [parties.globex.public], timeout=30) as listening:
        yield listening
