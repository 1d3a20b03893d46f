"""Records as JSON, with long lists written a thousand items at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from psiselect.records import json_text, json_text_with


@pytest.mark.parametrize("sizes", [(), (0,), (1,), (0, 0), (3, 0), (0, 2), (999, 1000), (1001, 1), (2500, 2000)])
def test_long_lists_are_written_whole(sizes: tuple[int, ...]) -> None:
    record = {"ledger": Path("town.db"), "budget": Fraction(1, 3)}
    lists = {f"list {k}": [{"n": n, "half": Fraction(n, 2)} for n in range(size)] for k, size in enumerate(sizes)}
    text = json_text_with(record, {name: iter(items) for name, items in lists.items()})
    assert text == json_text(record | lists)
    assert "\n" not in text


def test_lists_are_read_in_turn() -> None:
    """Balances and entries of a long ledger cost the same, and what a thousand cost is remembered."""
    read: list[str] = []

    def items(name: str, size: int) -> Iterator[dict[str, object]]:
        for n in range(size):
            read.append(f"{name}{n // 1000}")
            yield {"n": n}

    text = json_text_with({"a": 1}, {"b": items("b", 2000), "c": items("c", 1500)})
    assert [len(json.loads(text)[name]) for name in "bc"] == [2000, 1500]
    assert list(dict.fromkeys(read)) == ["b0", "c0", "b1", "c1"]
