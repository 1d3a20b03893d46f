"""What many tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.entropy import FixedEntropy

VECTORS = Path(__file__).parent / "vectors"


@pytest.fixture
def fixed_entropy(request: pytest.FixtureRequest) -> FixedEntropy:
    """Entropy seeded by the test's own name."""
    return FixedEntropy(request.node.nodeid)
