"""Quotes of a CSV file: bits and expression say the same, and both say what reading field by field says."""

from __future__ import annotations

import random

import numpy as np
import pytest

from psi.tables import quotes
from psi.tables.quotes import Quotes


def by_hand(part: bytes, delimiter: bytes, quoted: bool) -> bool | None:
    """Whether the part ends inside quotes; None where text follows a closing quote."""
    edges = [delimiter, b"\r", b"\n"]
    at, fresh = 0, not quoted
    while at < len(part):
        here, following = part[at : at + 1], part[at + 1 : at + 2]
        if quoted:
            if here != b'"':
                at += 1
            elif following == b'"':
                at += 2
            elif following in edges:
                quoted, fresh, at = False, True, at + 2
            else:
                return None
        else:
            quoted = fresh and here == b'"'
            fresh = here in edges
            at += 1
    return quoted


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_bits_expression_and_reading_agree(monkeypatch: pytest.MonkeyPatch, delimiter: str) -> None:
    monkeypatch.setattr(quotes, "_SLICE", 64)
    rng, simple, unsound, open_at_end = random.Random(delimiter), 0, 0, 0
    tokens = [b'"', b'"', b'""', delimiter.encode(), b"\n", b"x", b"xyz", b"\r\n", b"y" * 61, b"\xc3\xa9"]
    tokens += [b'","'.replace(b",", delimiter.encode()), b'"\n"', b'x"']
    for _ in range(1_500):
        weights = [rng.choice((0, 1, 4)) for _ in tokens]
        part = b"".join(rng.choices(tokens, weights if any(weights) else None, k=rng.randrange(1, 60))) + b"\n"
        found = Quotes(delimiter)
        found._quoted = rng.random() < 0.3
        expected = by_hand(part, delimiter.encode(), found._quoted)
        assert found._by_expression(part, 0, len(part)) is expected, part
        bits = found._by_bits(np.frombuffer(part, np.uint8))
        assert bits in (None, expected), part
        simple += bits is not None
        unsound += expected is None
        open_at_end += expected is True
    assert min(simple, unsound, open_at_end) > 100, (simple, unsound, open_at_end)


@pytest.mark.parametrize(
    "part",
    [b'"a","b"\n"","c""d"\n' * 99, b'a,5" pipe\nb,6" "pipe\n' * 99, b'"a\nb","c"\n' * 99, b'a,"b"\n' * 99],
)
def test_common_files_need_no_expression(monkeypatch: pytest.MonkeyPatch, part: bytes) -> None:
    monkeypatch.setattr(quotes, "_SLICE", 128)
    assert Quotes(",")._by_bits(np.frombuffer(part, np.uint8)) is False


def test_an_open_quote_is_seen_at_the_end_only() -> None:
    found = Quotes(",")
    assert found.sound(b'a,b\n1,"x\n', ended=False)
    assert found.sound(b"y\n", ended=False)
    assert not found.sound(b"z\n", ended=True)
    assert Quotes(",").sound(b'a,b\n1,"x"\n', ended=True)
    closed = Quotes(",")
    assert all(closed.sound(block, ended=False) for block in (b'1,"x\n', b'y"', b",z\n"))
    assert not closed.sound(b'"a"b\n', ended=False)
