"""Figures of docs/fast-protocol.md, worked out once more from its formulas."""

from __future__ import annotations

import re
from math import ceil, e, log2
from pathlib import Path

import pytest

from psi.fast import cost, parameters
from psi.fast.hermitian import DISTANCE, SYMBOLS
from psi.group import masking
from psi.oblivious import trees

PAGE = (Path(__file__).parents[3] / "docs" / "fast-protocol.md").read_text()


def cells(start: str) -> list[str]:
    """The cells of the row that begins so."""
    (line,) = re.findall(rf"^\| {re.escape(start)}.*$", PAGE, re.MULTILINE)
    return [cell.strip() for cell in line.strip("|").split("|")]


def exponent(text: str) -> int:
    (found,) = re.findall(r"2\^(-\d+)", text)
    return int(found)


@pytest.mark.parametrize(("column", "bits"), [(3, 20), (4, 24)])
def test_bounds_of_the_parameters(column: int, bits: int) -> None:
    """Each stated bound is at least the formula's value, and within a factor of two of it."""
    n = m = 1 << bits
    width, blocks = masking.tag_bytes(n, m), parameters.slots(n) / 32
    values = {
        "distance of the code": -4 * DISTANCE,
        "values h": log2(m) - 64,
        "tags |": log2(n) + log2(m) - 8 * width,
        "identifiers": log2((n**2 + m**2) / 2 + n * m) - 128,
        "band and slots": -(0.2691 * 256 + 4.79 - log2(n)),
        "AES-128-CTR |": log2(53) + 2 * log2(blocks) - 129,
    }
    for row, value in values.items():
        stated = exponent(cells(row)[column])
        if row == "tags |":  # the bound that widths are chosen by
            assert value <= stated == -40
        else:
            assert stated - 1 <= value <= stated + 1e-9, (row, value)


def test_the_most_items_that_a_cheating_receiver_can_fit() -> None:
    """k items of Q hashed ones: at most where k*log2(e*Q/k) - 64*(k - M) passes -40 bits. Stated rounded up."""
    n, slots = 1 << 20, parameters.slots(1 << 20)
    hashes, most = cells("hashes Q")[1:], cells("most items for n = 2^20")[1:]
    for text, stated in zip(hashes, most, strict=True):
        drawn = 2.0 ** int(text.removeprefix("2^"))
        low, high = slots, 100 * n
        while high - low > 1:
            k = (low + high) // 2
            low, high = (k, high) if k * log2(e * drawn / k) - 64 * (k - slots) >= -40 else (low, k)
        assert float(stated.removesuffix(" n")) == ceil(10 * low / n) / 10


def test_bytes_and_lengths() -> None:
    n = 1 << 20
    sent = cost.receiver_sends(n) + cost.sender_sends(n, masking.tag_bytes(n, n), 32767)
    assert "39.2 an item at 2^20 against 2^20" in PAGE
    assert round(sent / n, 1) == 39.2
    assert "some 18,700 fixed ones" in PAGE
    assert 18_600 < sent - 26.5 * parameters.slots(n) - 10 * n < 19_100  # with the headers of 75 frames
    assert trees.correction_bytes(SYMBOLS, 4) == 5088 == 53 * 3 * 2 * 16
    assert parameters.CHOICES == 212
    two = log2(n * n) - 1 - 8 * masking.tag_bytes(n, n)
    assert two == exponent(cells("F8 | two tags")[2].split(", ")[1]) == -41
    assert exponent(cells("F4 | none of 8")[2]) == 8 * exponent(cells("F4 | an attempt")[2])
