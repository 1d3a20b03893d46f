"""A peer that cheats in the middle of a fast session, over TLS: the other side ends with the peer's fault, both in time
and by name, and keeps nothing of the session."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from support.fast import without_curve
from support.library import ACME, GLOBEX, parties, session, threads
from support.tampered import tampering

from psi.fast.parameters import CHOICES, MAX_ITEMS
from psi.protocol.messages import MessageType as M
from psi.transport.wire import Frame
from psiselect import Identity, RemoteError, TransportError

Bytes = Callable[[bytes], bytes]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    parties(folder)
    return folder


def other(change: Bytes) -> Callable[[Frame], list[Frame]]:
    """The same message with another payload."""
    return lambda frame: [Frame(frame.type, change(bytes(frame.view())))]


def first_point(element: bytes) -> Callable[[Frame], list[Frame]]:
    return other(lambda sent: element + sent[32:])


def descending(tags: bytes) -> bytes:
    """Globex's tags, the last one first."""
    width = len(tags) // len(GLOBEX["e"])
    return b"".join(tags[start : start + width] for start in reversed(range(0, len(tags), width)))


# Each with the side that cheats: what of its messages becomes what, and what its victim says of it.
RECEIVER: list[tuple[M, Callable[[Frame], list[Frame]], str]] = [
    (M.SIZES, other(lambda sent: json.dumps({"sizes": [MAX_ITEMS + 1]}).encode()), "at most 16,777,216"),
    (M.SEED_ANSWER, first_point(bytes(32)), "encrypted key 0 .*low order"),
    (M.SEED_ANSWER, lambda frame: [], "message type 24"),
    (M.TREES, other(lambda sent: sent + b"\0"), "trees"),
    (M.TREES, lambda frame: [frame, frame], "message type 24"),
    (M.ENCODING, other(lambda sent: b"\x08"), "expected at most 8"),
    (M.MATRIX, other(lambda sent: sent[:-CHOICES]), "slice of the matrix"),
    (M.MATRIX, lambda frame: [frame, frame], "more slices"),
    (M.MATRIX, lambda frame: [], "fewer slices"),
    (M.MATRIX_END, lambda frame: [Frame(M.ELEMENTS, bytes(32))], "message type 3"),
]
SENDER: list[tuple[M, Callable[[Frame], list[Frame]], str]] = [
    (M.SEED_REQUEST, first_point(b"\xff" * 32), "encrypted key 0 .*is not below"),
    (M.SEED_REQUEST, lambda frame: [Frame(M.TAGS_END, b"")], "message type 8"),
    (M.TAGS, other(descending), "ascending order"),
    (M.TAGS, lambda frame: [], "fewer encrypted values"),
    (M.TAGS_END, lambda frame: [Frame(M.TAGS, bytes(8)), frame], "more encrypted values"),
]


@pytest.mark.parametrize(("learns", "message", "change", "said"), [
    *((True, *case) for case in RECEIVER), *((False, *case) for case in SENDER),
])  # fmt: skip
def test_a_changed_message_is_the_peers_fault(
    keys: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    learns: bool,
    message: M,
    change: Callable[[Frame], list[Frame]],
    said: str,
) -> None:
    """Globex cheats, and learns or not. Acme ends with the reason, and Globex hears a code only."""
    if "encrypted key" not in said:  # real points are for the two cases that change one
        without_curve(monkeypatch)
    tampering(monkeypatch, Identity.load(keys / "acme").fingerprint, message, change)
    record, output = tmp_path / "record.json", tmp_path / "out.csv"
    kept: dict[str, Any] = {} if learns else {"output": output}
    pair = session(
        *(keys, pa.table(ACME), pa.table(GLOBEX)),
        {"protocol": "fast", "learn": "peer" if learns else "me", "record": record, "max_peer_size": 1 << 30, **kept},
        {"protocol": "fast", "learn": "me" if learns else "peer"},
    )
    with pytest.raises(RemoteError, match=said) as caught:
        raise pair.listener
    assert (caught.value.exit_code, caught.value.kind) == (4, "peer")
    assert isinstance(pair.connector, RemoteError | TransportError)
    assert not record.exists()
    assert not output.exists()
    assert threads() == []


@pytest.mark.parametrize("learns", [True, False])
def test_a_link_that_breaks_in_the_middle_is_no_ones_fault(
    keys: Path, monkeypatch: pytest.MonkeyPatch, learns: bool
) -> None:
    without_curve(monkeypatch)

    def broken(frame: Frame) -> list[Frame]:
        raise TransportError("the test cuts the link")

    tampering(monkeypatch, Identity.load(keys / "acme").fingerprint, M.TREES if learns else M.TAGS, broken)
    options = {"protocol": "fast"}
    pair = session(
        *(keys, pa.table(ACME), pa.table(GLOBEX)),
        {**options, "learn": "peer" if learns else "me"}, {**options, "learn": "me" if learns else "peer"},
    )  # fmt: skip
    for error in (pair.listener, pair.connector):
        assert isinstance(error, TransportError)
        assert error.exit_code == 5
    assert threads() == []
