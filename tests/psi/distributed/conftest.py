"""One Sail for all tests of a process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support import sail


@pytest.fixture(scope="session")
def session() -> Iterator[Any]:
    with sail.session() as found:
        yield found
