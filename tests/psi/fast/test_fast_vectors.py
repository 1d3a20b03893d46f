"""The published run of the fast protocol: the product still gives its bytes, and other code computes the same."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[3] / "docs"


def module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fast_vectors", DOCS / "fast_vectors.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_the_product_gives_the_published_bytes_and_other_code_the_same_values() -> None:
    made, vectors = module(), json.loads((DOCS / "vectors" / "fast.json").read_text())
    computed = vectors.pop("computed")
    assert made.produce() == vectors
    assert made.check(vectors) == computed
    assert vectors["matches"] == [0, 2]


@pytest.mark.parametrize("name", ["TREES", "SEED_ANSWER"])
def test_a_changed_byte_does_not_pass(name: str) -> None:
    made, vectors = module(), json.loads((DOCS / "vectors" / "fast.json").read_text())
    for message in vectors["messages"]:
        if message[1] == name:
            message[2] = ("1" if message[2][0] == "0" else "0") + message[2][1:]
    with pytest.raises(ValueError, match="differ"):
        made.check(vectors)
