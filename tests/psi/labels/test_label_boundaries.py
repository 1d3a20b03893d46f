"""Labels at their edges: the first and the last of each block, payloads that fill their width, items without rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from psi.labels import columns, labels
from psi.labels.labels import SEAL_BYTES, SealedLabels
from psi.labels.payloads import HEADER_BYTES, LENGTH_BYTES
from psi.store.scratch import ScratchFile
from psi.tables import open_source
from psiselect.base.errors import InputError, RemoteError

WIDTH, ROWS, BLOCK = 70, 9, 4
KEYS = np.random.default_rng(1).integers(0, 256, (ROWS, 32), np.uint8)
PLAIN = np.random.default_rng(2).integers(0, 256, (ROWS, WIDTH), np.uint8)


@pytest.fixture
def sealed(monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Nine labels, opened in blocks of four."""
    monkeypatch.setattr(labels, "_BLOCK", BLOCK)
    return labels.seal(KEYS, PLAIN).copy()


@pytest.mark.parametrize("count", range(ROWS + 1))
def test_labels_open_in_blocks_as_they_were(sealed: np.ndarray, count: int) -> None:
    assert np.array_equal(SealedLabels(KEYS[:count], sealed[:count]).open(), PLAIN[:count])


@pytest.mark.parametrize("row", range(ROWS))
@pytest.mark.parametrize("at", [0, WIDTH - 1, WIDTH, WIDTH + SEAL_BYTES - 1])
def test_one_spoilt_label_spoils_all_wherever_it_is(sealed: np.ndarray, row: int, at: int) -> None:
    sealed[row, at] ^= 1
    with pytest.raises(RemoteError, match="cannot be decrypted"):
        SealedLabels(KEYS, sealed).open()


def test_a_label_opens_under_its_own_key_only(sealed: np.ndarray) -> None:
    with pytest.raises(RemoteError, match="cannot be decrypted"):
        SealedLabels(KEYS[::-1].copy(), sealed).open()


# ---- gathered from a table

TEXTS = ["x" * 10, "y" * (WIDTH - HEADER_BYTES - LENGTH_BYTES), "z", "", "the last"]
OWNERS = np.array([0, 3, -1, 1, 1], np.int64)


def gathered(folder: Path, width: int, memory: int | None) -> columns.SentColumns:
    path = folder / "t.csv"
    path.write_text("n,c\n" + "".join(f"{n},{text}\n" for n, text in enumerate(TEXTS)))
    return columns.gather(open_source(path), ["c"], OWNERS, 5, width, folder=folder, memory_limit=memory)


@pytest.mark.parametrize("memory", [None, 0], ids=["memory", "disk"])
def test_a_payload_may_fill_its_width_and_no_byte_more(tmp_path: Path, memory: int | None) -> None:
    """Number 3 has one row that takes it all; one byte less is too little, and the row is named."""
    found = gathered(tmp_path, WIDTH, memory)
    assert isinstance(found._data, ScratchFile)
    assert found._data.in_memory == (memory is None)
    assert found.payloads(np.array([3])).tobytes().endswith(TEXTS[1].encode())
    found.close()
    with pytest.raises(
        InputError, match=rf"for row 3 .* take {WIDTH} bytes, but --label-bytes allows only {WIDTH - 1}"
    ):
        gathered(tmp_path, WIDTH - 1, memory)


@pytest.mark.parametrize("memory", [None, 0], ids=["memory", "disk"])
def test_items_without_rows_have_zeros_and_others_their_own(tmp_path: Path, memory: int | None) -> None:
    """-1 stands for an item that was only added: it has not the last item's rows. Row 2 belongs to nobody."""
    found = gathered(tmp_path, WIDTH, memory)
    wanted = {0: [TEXTS[0]], 1: TEXTS[3:], 2: [], 3: [TEXTS[1]], 4: [], -1: []}
    for numbers in ([*wanted], [-1], [4, -1, 3], [-1, -1, 0], []):
        read = found.payloads(np.array(numbers, np.int64))
        assert read.shape == (len(numbers), WIDTH)
        for number, payload in zip(numbers, read, strict=True):
            assert int(payload[1]) << 8 | int(payload[2]) == len(wanted[number])
            texts = b"".join(text.encode() for text in wanted[number])
            inner = payload[HEADER_BYTES:].tobytes()
            assert bool(payload.any()) == bool(wanted[number])
            assert all(text.encode() in inner for text in wanted[number])
            assert len(inner.rstrip(b"\0")) <= len(texts) + LENGTH_BYTES * len(wanted[number])
    found.close()
