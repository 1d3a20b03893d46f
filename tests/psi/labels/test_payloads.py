"""Payloads against a plain encoder and decoder written here, row by row; what is malformed is refused."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psi.labels import payloads
from psiselect.base.errors import RemoteError

Row = tuple[str | None, ...]

TEXT = st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), max_size=6))
# For each payload its rows; a payload may have none.
TABLES = st.integers(1, 3).flatmap(
    lambda columns: st.tuples(
        st.just(columns), st.lists(st.lists(st.tuples(*[TEXT] * columns), max_size=3), max_size=8)
    )
)


def plain(rows: list[Row], width: int) -> bytes:
    """A payload by the words of the spec."""
    if not rows:
        return bytes(width)
    out = b"\x01" + len(rows).to_bytes(2, "big")
    for row in rows:
        for value in row:
            text = b"" if value is None else value.encode()
            out += (0 if value is None else len(text) + 1).to_bytes(2, "big") + text
    assert len(out) <= width
    return out.ljust(width, b"\0")


def made(table: list[list[Row]], columns: int, width: int) -> np.ndarray:
    flat = [row for rows in table for row in rows]
    encoded, lengths = payloads.encode_rows([pa.array([r[c] for r in flat], pa.large_string()) for c in range(columns)])
    owner = np.repeat(np.arange(len(table)), [len(rows) for rows in table])
    counts = np.bincount(owner, minlength=len(table))
    total = np.bincount(owner, weights=lengths, minlength=len(table)).astype(np.int64)
    return payloads.fill(width, counts, total, encoded.data[encoded.offsets[0] : encoded.offsets[-1]])


def refused(payload: bytes, columns: int = 1) -> None:
    # Beside a proper one, which must not be spoiled or hide it.
    good = plain([("a",) * columns], len(payload))
    for block in ([payload], [good, payload], [payload, good]):
        with pytest.raises(RemoteError, match="cannot be read"):
            payloads.decode(np.frombuffer(b"".join(block), np.uint8).reshape(len(block), -1), columns)


@given(TABLES)
def test_what_goes_in_comes_out(case: tuple[int, list[list[Row]]]) -> None:
    columns, table = case
    found = made(table, columns, 256)
    assert found.shape == (len(table), 256)
    assert [row.tobytes() for row in found] == [plain(rows, 256) for rows in table]
    assert payloads.row_counts(found).tolist() == [len(rows) for rows in table]
    texts = payloads.decode(found, columns)
    assert list(zip(*(column.to_pylist() for column in texts), strict=True)) == [r for rows in table for r in rows]


def test_a_payload_filled_to_the_last_byte() -> None:
    for rows in ([("x" * 59,)], [("x" * 57,), (None,)], [(None,)] * 29 + [("a",)]):
        payload = plain(rows, 64)
        values = payloads.decode(np.frombuffer(payload, np.uint8).reshape(1, -1), 1)[0].to_pylist()
        assert values == [row[0] for row in rows]


def test_null_is_not_empty() -> None:
    assert plain([(None,)], 64) != plain([("",)], 64)
    found = made([[(None,), ("",)]], 1, 64)
    assert payloads.decode(found, 1)[0].to_pylist() == [None, ""]


def test_rows_too_long_for_any_payload_are_told_and_not_kept() -> None:
    long = "x" * 5000
    encoded, lengths = payloads.encode_rows(
        [pa.array(["a", long, "b"], pa.large_string()), pa.array([long, None, "c"], pa.large_string())]
    )
    assert lengths.tolist() == [2 + 1 + 2 + 5000, 2 + 5000 + 2, 2 + 1 + 2 + 1]
    assert [encoded[i] for i in range(3)] == [b"", b"", b"\x00\x02b\x00\x02c"]


@pytest.mark.parametrize(
    "start",
    [
        b"\x02\x00\x01\x00\x02a",  # another format
        b"\x01\x00\x00",  # a format without rows
        b"\x00\x00\x01\x00\x02a",  # rows without a format
        b"\x00\x00\x00\x01",  # no rows, yet not zero
        b"\x01\x00\x01\x00\x02a\x01",  # something after the last row
        b"\x01\x00\x02\x00\x02a\x00\x02\xff",  # not UTF-8
        b"\x01\x00\x01\x00\x03\xed\xa0\x80",  # half a surrogate, cut
        b"\x01\x00\x01\x00\x04\xed\xa0\x80",  # half a surrogate
        b"\x01\x00\x01\x00\x03\xc0\x80",  # overlong
        b"\x01\x00\x01\x00\x3f" + b"a" * 59,  # a value one byte longer than there is room
        b"\x01\x00\x01\xff\xff",
        b"\x01\xff\xff",  # more rows than fit
        b"\x01\x00\x1f",  # 31 nulls where 30 fit
        b"\x01\x00\x02\x00\x3c" + b"a" * 59,  # the second row's length cut
    ],
)
def test_malformed_payloads_are_refused(start: bytes) -> None:
    refused(start.ljust(64, b"\0")[:64])


def test_a_column_too_few_is_refused() -> None:
    refused(plain([("a", "b")], 64), 1)
    refused(plain([("a" * 40,)], 43 + 2), 2)


@given(st.binary(min_size=8, max_size=8), st.integers(1, 2))
def test_any_bytes_are_read_or_refused_and_one_reading_has_one_encoding(payload: bytes, columns: int) -> None:
    payload = b"\x01\x00\x01" + payload
    try:
        texts = payloads.decode(np.frombuffer(payload, np.uint8).reshape(1, -1), columns)
    except RemoteError:
        return
    assert plain([tuple(column[0].as_py() for column in texts)], len(payload)) == payload


def test_spans() -> None:
    found = payloads.spans(np.array([5, 0, 9]), np.array([2, 0, 3]))
    assert found.tolist() == [5, 6, 9, 10, 11]
