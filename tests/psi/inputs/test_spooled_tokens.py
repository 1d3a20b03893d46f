"""Tokens of keys on disk: written in several pieces, and few partitions in memory at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from support.entropy import FixedEntropy

from psi.inputs import spooled_tokens
from psi.inputs.distinct import DistinctBuilder, SpooledKeys
from psi.inputs.spooled_tokens import SpooledTokens

MANY = [b"key number %d" % number for number in range(3_000)]


class Counted(FixedEntropy):
    """It counts how many bytes are read at a time."""

    def __init__(self, seed: str = "") -> None:
        super().__init__(seed)
        self.sizes: list[int] = []

    def read(self, size: int) -> bytes:
        self.sizes.append(size)
        return super().read(size)


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[SpooledKeys]:
    builder = DistinctBuilder(tmp_path, 4_000)
    builder.add(pa.array(MANY, pa.binary()))
    found = builder.finish().keys
    assert isinstance(found, SpooledKeys)
    yield found
    found.close()


@pytest.mark.parametrize("chunk", [3_000, 2_999, 1_024, 7])
def test_keys_that_are_spooled_in_pieces_are_all_there_once(
    chunk: int, keys: SpooledKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spooled_tokens, "_CHUNK", chunk)
    source, given = Counted(), keys.read(0, len(keys))
    tokens = SpooledTokens(keys, b"\x01", source)
    read = tokens.read(0, len(tokens))
    numbers = tokens.numbers(np.arange(len(tokens))).tolist()
    assert sorted(numbers) == list(range(3_000))
    assert list(read) == [b"\x01" + given[number] for number in numbers]
    pieces = -(-3_000 // chunk)
    assert source.sizes[:pieces] == [min(chunk, 3_000 - start) for start in range(0, 3_000, chunk)]
    tokens.close()


def test_a_partition_is_loaded_once_for_each_of_two_places(keys: SpooledKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver reads at one place for what it sends, and further back for what comes in."""
    tokens = SpooledTokens(keys, b"\x01", FixedEntropy())
    loads, load = Counter[int](), tokens._buckets.load
    monkeypatch.setattr(tokens._buckets, "load", lambda number: loads.update([number]) or load(number))
    for start in range(0, 3_000, 5):
        tokens.read(start, start + 5)
        if start >= 1_000:
            tokens.read(start - 1_000, start - 995)
        assert len(tokens._loaded) <= 3
    assert max(loads.values()) == 2
    tokens.close()
