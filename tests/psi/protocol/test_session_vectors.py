"""The session vectors of the specification: the product still makes them, and independent code agrees with them."""

from __future__ import annotations

import copy
import functools
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from psi.group.curve25519 import reference

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("session_vectors", DOCS / "session_vectors.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(DOCS)
        spec.loader.exec_module(module)
        # A change leaves most points as they are: the independent code computes each of their products once.
        for name in ("x25519", "map_item"):
            patch.setattr(reference, name, functools.cache(getattr(reference, name)))
        yield module


def test_the_file_is_what_the_product_makes(script: ModuleType) -> None:
    assert json.loads(script.VECTORS.read_text()) == script.build()


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4])
def test_independent_code_agrees_and_notices_a_change(script: ModuleType, number: int) -> None:
    session = json.loads(script.VECTORS.read_text())["sessions"][number]
    assert script.check(session) == session["computed"]
    of_sum = ("seed answer", "proof", "total")
    for kind in ("hello", "sizes", "elements", "replies", "tags", *(of_sum if session["sum"] else ())):
        for index, message in enumerate(session["flow"]):
            if message["type"] == kind:
                altered = copy.deepcopy(session)
                payload = message["payload"]
                altered["flow"][index]["payload"] = payload[:-1] + ("0" if payload[-1] != "0" else "1")
                with pytest.raises(SystemExit):
                    script.check(altered)
