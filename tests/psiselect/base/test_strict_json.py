"""Strict JSON: each thing that the standard reader takes and this one must not, and the exact limits."""

from __future__ import annotations

import pytest

from psiselect.base import strict_json
from psiselect.base.errors import RemoteError


def test_one_encoding_which_reads_back() -> None:
    value = {"b": [1, True, None, 1.5], "a": {"d": "é", "c": -(1 << 70)}}
    assert strict_json.encode(value) == b'{"a":{"c":-1180591620717411303424,"d":"\\u00e9"},"b":[1,true,null,1.5]}'
    assert strict_json.decode(strict_json.encode(value), "word") == value
    for number in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="JSON"):
            strict_json.encode({"a": number})


def sized(size: int) -> bytes:
    return b'{"a":"%s"}' % (b"x" * (size - 8))


def test_64_kib_are_allowed_and_not_a_byte_more() -> None:
    assert len(strict_json.decode(sized(65_536), "word")["a"]) == 65_528
    with pytest.raises(RemoteError, match=r"the peer's message 'word' has 65537 bytes, and 65536 are allowed"):
        strict_json.decode(sized(65_537), "word")


@pytest.mark.parametrize("data", [bytearray(b'{"a":1e308}'), memoryview(b'{"a":1e308}')])
def test_other_views_of_bytes_and_the_largest_numbers(data: bytearray | memoryview) -> None:
    assert strict_json.decode(data, "word") == {"a": 1e308}


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"{", b"{} {}", b'{"a":}', b"{'a':1}", b'{"a":1,}', b'{"a":01}', b'\xef\xbb\xbf{"a":1}'),
        *(b'{"a":1,"a":1}', b'{"a":{"b":1,"b":2}}', b'{"a":[{"b":1,"c":2,"b":3}]}', b'{"a":1,"\\u0061":2}'),
        *(b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}', b'{"a":1e400}', b'{"a":[-1e400]}'),
        *(b'{"a":"\xff"}', b'{"a":"\n"}', '{"a":1}'.encode("utf-16"), b'{"a":' + b"[" * 60_000),
        b'{"a":' + b"9" * 5_000 + b"}",  # more digits than Python reads
    ],
)
def test_what_is_not_strict_is_refused(data: bytes) -> None:
    with pytest.raises(RemoteError, match=r"\(technical detail: the peer's message 'word' is not strict JSON\)$"):
        strict_json.decode(data, "word")


@pytest.mark.parametrize("data", [b"[]", b"1", b"null", b'"a"', b"true"])
def test_only_an_object_is_taken(data: bytes) -> None:
    with pytest.raises(RemoteError, match=r"\(technical detail: the peer's message 'word' is not a JSON object\)$"):
        strict_json.decode(data, "word")


VALUES = {bool: True, int: 1, float: 1.0, str: "1", list: [], dict: {}}


@pytest.mark.parametrize("kind", VALUES)
def test_a_field_is_of_its_type_exactly(kind: type) -> None:
    for found, value in VALUES.items():
        if found is kind:
            assert strict_json.field({"a": value}, "a", kind, "word") is value
            continue
        with pytest.raises(
            RemoteError, match=r"the peer's message 'word' has no field 'a' of the right type"
        ) as caught:
            strict_json.field({"a": value}, "a", kind, "word")
        assert caught.value.term == "a"
    for value in ({}, {"a": None}, {"b": VALUES[kind]}):
        with pytest.raises(RemoteError):
            strict_json.field(value, "a", kind, "word")


def test_names_that_are_not_known_are_refused() -> None:
    for names in (set(), {"a"}, {"a", "b"}):
        strict_json.only(dict.fromkeys(names), {"a", "b"}, "word")
    for names in ({"c"}, {"a", "c"}, {"a", "b", "c"}):
        with pytest.raises(RemoteError, match="fields that this version does not know"):
            strict_json.only(dict.fromkeys(names), frozenset("ab"), "word")
