"""HELLO, SIZES and ABORT with any JSON in any field that they have: the fields are read off what the product itself
sends."""

from __future__ import annotations

import copy
import dataclasses
import functools
import itertools
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.labelled import Given
from support.parties import declared, setup, terms

from psi.agreement.column_terms import ColumnTerms
from psi.agreement.modes import Matching, Reveal, SessionProtocol, Side
from psi.agreement.terms import Terms
from psi.protocol import messages, words
from psi.protocol.messages import Hello
from psi.protocol.messages import MessageType as M
from psi.protocol.party import Party
from psi.protocol.states import State
from psi.transport.wire import Frame
from psiselect.base import errors, strict_json
from psiselect.base.errors import (
    LocalError,
    MinimumError,
    PolicyError,
    PsiselectError,
    RemoteError,
    TransportError,
    UsageError,
)

Path = tuple[str | int, ...]

AGREED = {
    "fast": terms(protocol=SessionProtocol.FAST),
    "matches with columns": terms(columns=ColumnTerms(connect=(), listen=("city", "plan")), label_bytes=64),
    "noisy-count": terms(reveal=Reveal.NOISY_COUNT, epsilon="1/2", delta="1/100"),
    "sum of two keys": terms(
        reveal=Reveal.SUM,
        value_decimals=2,
        value_max="100",
        keys=terms().keys * 2,
        matching=Matching.ONE_TO_ONE,
        min_matches=1,
        pad_to=5,
    ),
}
LIMIT = 1 << 20  # of the peer's size, in these set-ups

CONTROL = "\x1b[2J\u202e\n"
ESCAPE = "\x1b[2J"
STRANGE: list[object] = [
    None, True, False, 0, 1, 2, -1, 5, 1.0, 1e300, 0.5, (1 << 20) + 1, 1 << 40, (1 << 40) + 1, 1 << 63, 1 << 70,
    "", "1", "x", "ab" * 32, "AB" * 32, "ab" * 31, CONTROL, ESCAPE, "x" * 50_000, "count", "null",
    [], [0], [1], [5], [None], [True], [[]], [CONTROL], ["x"] * 1000, [{}], [0, 0], {}, {"rule": 1}, {CONTROL: CONTROL},
    {"connect": [], "listen": [CONTROL]},
]  # fmt: skip


@functools.cache
def hello_of(name: str, side: Side) -> bytes:
    """What this side sends first."""
    return bytes(Party(setup(side, [b"a"], AGREED[name])).start()[0].payload)


def paths(value: object, start: Path = ()) -> Iterator[Path]:
    """Every place in a JSON value, itself left out."""
    names = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for name in names:
        yield (*start, name)
        yield from paths(value[name], (*start, name))  # type: ignore[index]


PLACES = [(name, path) for name in AGREED for path in paths(json.loads(hello_of(name, Side.CONNECT)))]


def changed(hello: dict[str, Any], path: Path, value: object) -> dict[str, Any]:
    """A copy with another value in this place."""
    made = copy.deepcopy(hello)
    inner: Any = made
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return made


def same(one: object, other: object) -> bool:
    """Equal, and of the same types all the way down."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def is_whole(value: object, most: int) -> bool:
    return type(value) is int and 0 <= value <= most


def expected(name: str, hello: dict[str, Any]) -> type[PsiselectError] | None:
    """What a hello deserves, written out from docs/protocol.md once more; None for an answer."""
    nonce = hello.get("nonce")
    if not same(hello.get("terms"), AGREED[name].to_json()) or hello.keys() != {"terms", "nonce", "time"}:
        return RemoteError
    if not isinstance(nonce, str) or len(nonce) != 64 or set(nonce) - set("0123456789abcdef"):
        return RemoteError
    return None if is_whole(hello["time"], (1 << 40) - 1) else RemoteError


def receive(name: str, side: Side, payload: bytes, wanted: type[PsiselectError] | None) -> None:
    """A party gets this hello: it answers with its proof alone, or raises what is wanted, in printable words."""
    asked: list[object] = []
    policy = {"admit": lambda: asked.append("session"), "check_size": asked.append}
    party = Party(setup(side, [b"a"], AGREED[name], max_peer_size=LIMIT, **policy))
    party.start()
    if wanted is None:
        assert [frame.type for frame in party.receive(Frame(M.HELLO, payload))] == [M.AUTH]
    else:
        refused(name, party, Frame(M.HELLO, payload), wanted)
    assert asked == []


def refused(name: str, party: Party, frame: Frame, wanted: type[PsiselectError]) -> None:
    """A party raises what is wanted for this frame, in printable words, and tells the peer little."""
    with pytest.raises(wanted) as caught:
        party.receive(frame)
    text = str(caught.value)
    assert text.isprintable(), (name, text)
    assert len(text) < 500, (name, text)
    assert party.state is State.FAILED
    told = messages.abort_frame(caught.value).payload
    assert CONTROL[0] not in bytes(told).decode()
    assert len(told) < 100


def test_the_fields_that_are_fuzzed_are_those_of_the_code() -> None:
    for name, agreed in AGREED.items():
        hello = json.loads(hello_of(name, Side.LISTEN))
        assert hello.keys() == {field.name for field in dataclasses.fields(Hello)}
        names = {field.name for field in dataclasses.fields(Terms)} - ({"protocol"} if name != "fast" else set())
        assert hello["terms"].keys() == names
        assert hello["terms"] == agreed.to_json()
        fuzzed = {path for place, path in PLACES if place == name}
        assert {("terms", field) for field in names} <= fuzzed
        assert {(field.name,) for field in dataclasses.fields(Hello)} <= fuzzed


@pytest.mark.parametrize(("name", "path"), PLACES, ids=[f"{name}-{'.'.join(map(str, path))}" for name, path in PLACES])
def test_a_hello_with_any_json_in_any_field_is_answered_or_refused_as_written(name: str, path: Path) -> None:
    """In each field that exists, each strange value; and the field left out. The sides take turns."""
    for value, side in zip(STRANGE, itertools.cycle(Side), strict=False):
        found = changed(json.loads(hello_of(name, side.other)), path, value)
        receive(name, side, json.dumps(found).encode(), expected(name, found))
    for side in Side:
        outer: Any = changed(json.loads(hello_of(name, side.other)), path, None)
        inner = functools.reduce(lambda value, step: value[step], path[:-1], outer)
        del inner[path[-1]]
        receive(name, side, json.dumps(outer).encode(), RemoteError)


@pytest.mark.parametrize("name", AGREED)
def test_a_hello_with_a_field_too_many_anywhere_is_refused(name: str) -> None:
    hello = json.loads(hello_of(name, Side.LISTEN))
    objects = [(), *(path for place, path in PLACES if place == name)]
    tried = 0
    for path in objects:
        inner: Any = functools.reduce(lambda value, step: value[step], path, hello)
        if isinstance(inner, dict):
            found = changed(hello, (*path, "more"), 1) if path else {**hello, "more": 1}
            receive(name, Side.CONNECT, json.dumps(found).encode(), RemoteError)
            tried += 1
    assert tried >= 3


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(PLACES),
    st.sampled_from(Side),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=5,
    ),
)
def test_a_hello_with_drawn_json_in_any_field(place: tuple[str, Path], side: Side, value: object) -> None:
    name, path = place
    found = changed(json.loads(hello_of(name, side.other)), path, value)
    receive(name, side, json.dumps(found).encode(), expected(name, found))


def test_a_hello_in_another_form_of_json_is_refused() -> None:
    name, side = "noisy-count", Side.CONNECT
    good = hello_of(name, side.other)
    receive(name, side, good, None)
    for bad in (
        b"", b"[]", b"null", b"{}", good[:-1], good + b"x", good + good, b"\xef\xbb\xbf" + good,
        good.decode().encode("utf-16"),
        good.replace(b'"time":1700000000', b'"time":NaN'), good.replace(b'"time":1700000000', b'"time":1e400'),
        good.replace(b'"time":', b'"time":1,"time":'), good[:-1] + b',"time":1700000000}',
        good.replace(b'"noisy-count"', b'"noisy-count\xff"'), b"[" * 30_000, b'{"a":' * 10_000,
    ):  # fmt: skip
        receive(name, side, bad, RemoteError)


def test_a_hello_may_have_65536_bytes_and_no_more() -> None:
    name, side = "noisy-count", Side.CONNECT
    good = hello_of(name, side.other)
    receive(name, side, good + b" " * ((1 << 16) - len(good)), None)
    receive(name, side, good + b" " * ((1 << 16) - len(good) + 1), RemoteError)


# ---- sizes


def of_sizes(name: str, body: object) -> type[PsiselectError] | None:
    """What these SIZES deserve, written out from docs/protocol.md once more; None for being taken."""
    agreed = AGREED[name]
    if not isinstance(body, dict) or body.keys() != {"sizes"}:
        return RemoteError
    sizes = body["sizes"]
    if not isinstance(sizes, list) or len(sizes) != 1 or not is_whole(sizes[0], 1 << 40):
        return RemoteError
    if agreed.pad_to is not None and sizes != [agreed.pad_to]:
        return RemoteError
    return PolicyError if sizes[0] * agreed.keys_per_row > LIMIT else None


@functools.cache
def before_sizes(name: str, side: Side) -> tuple[Party, list[object]]:
    """A party that has sent its sizes and waits for the peer's, and what its policy has been asked about."""
    asked: list[object] = []
    policy = {"admit": lambda: asked.append("session"), "check_size": asked.append}
    more: dict[str, object] = {"max_peer_size": LIMIT, "values": np.zeros_like}
    parties = {
        one: Party(setup(one, [b"a"], AGREED[name], **more, labels=Given([b"a"]), **(policy if one is side else {})))
        for one in Side
    }
    declared(parties)
    return parties[side], asked


def take_sizes(name: str, side: Side, payload: bytes, wanted: type[PsiselectError] | None) -> None:
    """A party gets these sizes: it goes on to its run, or raises what is wanted. Policy is asked about none but sizes
    that are in order."""
    reached, asked = before_sizes(name, side)
    party = copy.copy(reached)
    del asked[1:]
    if wanted is None:
        assert party.receive(Frame(M.SIZES, payload)) == []
        assert party.state not in (State.DECLARED, State.FAILED)
        assert asked == ["session", party.peer_size]
    else:
        refused(name, party, Frame(M.SIZES, payload), wanted)
        assert asked == ["session"]
        assert party.transcript == b""


@pytest.mark.parametrize("name", AGREED)
def test_sizes_with_any_json_in_any_place_are_taken_or_refused_as_written(name: str) -> None:
    good = json.loads(bytes(messages.sizes_frame([AGREED[name].pad_to or 1]).payload))
    assert list(paths(good)) == [("sizes",), ("sizes", 0)]
    bodies: list[object] = [good, {**good, "more": 1}, {}]
    bodies += [changed(good, path, value) for path in paths(good) for value in STRANGE]
    bodies += [value for value in STRANGE if not isinstance(value, dict)]
    taken = 0
    for body, side in zip(bodies, itertools.cycle(Side), strict=False):
        wanted = of_sizes(name, body)
        take_sizes(name, side, json.dumps(body).encode(), wanted)
        taken += wanted is None
    assert taken >= 3


def test_sizes_in_another_form_of_json_are_refused() -> None:
    name, side = "matches with columns", Side.LISTEN
    take_sizes(name, side, b'{"sizes":[1]}', None)
    for bad in (
        b"", b'{"sizes":[1]', b'{"sizes":[1]}x', b'{"sizes":[1],"sizes":[1]}', b'{"sizes":[1e0]}', b'{"sizes":[NaN]}',
        b'{"sizes":[01]}', b'{"sizes":' + b"[" * 30_000, b"\xef\xbb\xbf" + b'{"sizes":[1]}', b'{"sizes":[1]}\xff',
    ):  # fmt: skip
        take_sizes(name, side, bad, RemoteError)


# ---- abort

ABORT = json.loads(bytes(messages.BUSY.payload))
UNKNOWN = "the peer ended the session and gave no reason that this program knows. Ask the peer why"
UNNAMED = "the peer refused a setting of this session, but did not say which one. Ask the peer"
BELIEVED = {"minimum": MinimumError, "stopped": TransportError}


@pytest.mark.parametrize("compares", [True, False])
@pytest.mark.parametrize("field", [*ABORT, "more"])
@pytest.mark.parametrize("code", words.ABORTS)
def test_an_abort_with_any_json_in_any_field_is_one_of_our_own_sentences(code: str, field: str, compares: bool) -> None:
    """Whatever the peer gives as its reason is not shown, but for a term's plain name."""
    for value in STRANGE:
        check_abort({**ABORT, "code": code, "term": "chunk" if code == "terms" else None, field: value}, compares)
    check_abort({"code": code}, compares)
    check_abort({"term": None}, compares)


def check_abort(body: dict[str, object], compares: bool) -> None:
    """What an ABORT amounts to, written out from docs/protocol.md once more."""
    try:
        error = messages.decode_abort(json.dumps(body).encode(), compares=compares)
    except RemoteError as caught:
        error = caught
    assert str(error).isprintable()
    term, code = body.get("term"), body.get("code")
    if body.keys() - {"code", "term"}:
        assert "(technical detail: the peer's message 'abort' has fields that this version does not know)" in str(error)
    elif not isinstance(code, str):
        assert "(technical detail: the peer's message 'abort' has no field 'code' of the right type)" in str(error)
    elif code not in words.ABORTS or (term is None) is (code == "terms"):
        assert str(error) == UNKNOWN
    elif code == "terms" and not (isinstance(term, str) and plain(term)):
        assert str(error) == UNNAMED
    elif code == "terms":
        assert str(error) == str(words.terms_refused(term))
        assert error.term == term
    elif code == "minimum" and not compares:
        assert str(error) == str(words.abort_for_a_minimum())
    else:
        assert str(error) == words.ABORTS[code]
        assert error.term == ("min_matches" if code == "minimum" else None)
        assert type(error) is BELIEVED.get(code, RemoteError)
        return
    assert type(error) is RemoteError


def plain(term: str) -> bool:
    """Whether an ABORT may name this term."""
    letters = set("abcdefghijklmnopqrstuvwxyz")
    return 1 <= len(term) <= 40 and term[0] in letters and set(term) <= letters | set("_-")


@pytest.mark.parametrize(
    ("term", "shown"),
    [("x" * 40, True), ("x" * 41, False), ("max-peer-size", True), ("min_matches", True), ("", False), ("_x", False),
     ("x1", False), ("X", False), ("x\n", False), ("é", False), ("a\tb", False), ("\x7f", False)],
)  # fmt: skip
def test_a_term_that_an_abort_names_is_short_and_plain(term: str, shown: bool) -> None:
    payload = strict_json.encode({"code": "terms", "term": term})
    if shown:
        error = messages.decode_abort(payload)
        assert error.term == term
        assert f"'{term}'" in str(error) or f"--{term.replace('_', '-')}." in str(error)
        return
    with pytest.raises(RemoteError) as caught:
        messages.decode_abort(payload)
    assert str(caught.value) == UNNAMED
    assert caught.value.term is None


def test_every_error_of_the_tree_is_tried() -> None:
    assert {LocalError, UsageError, TransportError, PsiselectError} <= {type(one) for one in all_errors()}


def all_errors() -> list[BaseException]:
    tree = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, PsiselectError)]
    named = [kind("ann@example.com", term=term) for kind in tree for term in (None, "chunk")]
    return [*named, KeyboardInterrupt(), SystemExit(3), ZeroDivisionError("ann@example.com"), MemoryError()]


@pytest.mark.parametrize("error", all_errors(), ids=repr)
def test_an_abort_says_a_code_and_at_most_a_term(error: BaseException) -> None:
    """No error of this side reaches the peer in words; a fault of this side is not told from any other. What is said is
    an ABORT that this version takes."""
    body = strict_json.decode(messages.abort_frame(error).payload, "abort")
    assert body.keys() == ABORT.keys()
    if isinstance(error, MinimumError):
        assert body == {"code": "minimum", "term": None}
    elif isinstance(error, PolicyError):
        assert body == {"code": "refused", "term": None}
    elif isinstance(error, RemoteError):
        assert body == {"code": "terms" if error.term else "protocol", "term": error.term}
    elif isinstance(error, KeyboardInterrupt | SystemExit):
        assert body == {"code": "stopped", "term": None}
    else:
        assert body == {"code": "failed", "term": None}
    assert str(messages.decode_abort(messages.abort_frame(error).payload, compares=True)).startswith(
        words.ABORTS[body["code"]]
    )
