"""Frames of a hostile peer: changed, repeated, mutated and arbitrary ones give RemoteError and nothing else."""

from __future__ import annotations

import functools
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.parties import pump, setup, terms

from psi.agreement.modes import Reveal, Side
from psi.protocol.messages import MessageType as M
from psi.protocol.party import Party
from psi.protocol.states import State
from psi.transport.wire import Frame, FrameDecoder
from psiselect.base.errors import RemoteError

# ---- counts and forms


def frames_of(side: Side, agreed=None) -> tuple[list[Frame], dict[Side, list[bytes]]]:
    """All frames that `side` sends in an honest session, which is the same each time."""
    lists = {Side.CONNECT: [b"%d" % i for i in range(9)], Side.LISTEN: [b"%d" % i for i in range(4, 12)]}
    kept: list[Frame] = []
    parties = {s: Party(setup(s, lists[s], agreed or terms(chunk=4))) for s in Side}
    pump(
        parties, lambda sender, frame: kept.append(Frame(frame.type, bytes(frame.payload))) if sender is side else None
    )
    return tuple(kept), lists


def feed(side: Side, frames: Iterable[Frame], items: list[bytes], agreed=None) -> Party:
    """Replay frames against a fresh, identically seeded party that works whenever it can."""
    party = Party(setup(side, items, agreed or terms(chunk=4)))
    party.start()
    for frame in frames:
        while party.work() is not None:
            pass
        party.receive(frame)
    return party


@pytest.mark.parametrize("side", Side)
def test_replayed_honest_frames_finish(side: Side) -> None:
    frames, lists = frames_of(side.other)
    assert feed(side, frames, lists[side]).state is State.DONE


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("change", ["drop", "repeat", "cut", "grow", "swap"])
def test_a_changed_sequence_is_refused(side: Side, change: str) -> None:
    frames, lists = frames_of(side.other)
    for index in range(len(frames)):
        altered = list(frames)
        if change == "drop":
            altered = altered[:index] + altered[index + 1 :]
            if index == len(frames) - 1:
                continue  # nothing follows: the party just waits on
        elif change == "repeat":
            altered.insert(index, altered[index])
        elif change == "cut":
            altered[index] = Frame(frames[index].type, bytes(frames[index].payload)[:-1])
            if not len(frames[index].payload):
                continue
        elif change == "grow":
            altered[index] = Frame(frames[index].type, bytes(frames[index].payload) + b"\0")
        elif index + 1 < len(frames) and frames[index].type != frames[index + 1].type:
            altered[index : index + 2] = altered[index + 1], altered[index]
        else:
            continue
        with pytest.raises(RemoteError):
            feed(side, altered, lists[side])


@pytest.mark.parametrize(
    ("kind", "index", "payload", "words"),
    [
        (M.ELEMENTS, 0, bytes(32), "low order"),
        (M.ELEMENTS, 0, b"\xff" * 32, "is not below"),
        (M.ELEMENTS, 0, (2**255 - 19).to_bytes(32, "little"), "is not below"),
        (M.ELEMENTS, 0, (9 + 2**255).to_bytes(32, "little"), "is not below"),
        (
            M.ELEMENTS,
            0,
            (325606250916557431795983626356110631294008115727848805560023387167927233504).to_bytes(32, "little"),
            "low order",
        ),
    ],
)
def test_bad_elements_are_refused_by_the_sender(kind: M, index: int, payload: bytes, words: str) -> None:
    frames, lists = frames_of(Side.CONNECT)
    at = [i for i, frame in enumerate(frames) if frame.type == kind][index]
    good = bytes(frames[at].payload)
    altered = [*frames[:at], Frame(kind, good[:32] + payload + good[64:]), *frames[at + 1 :]]
    with pytest.raises(RemoteError, match=words) as caught:
        feed(Side.LISTEN, altered, lists[Side.LISTEN])
    assert "encrypted key 1 " in str(caught.value)


def test_repeated_element_is_refused_where_replies_are_shuffled() -> None:
    agreed = terms(chunk=4, reveal=Reveal.COUNT)
    frames, lists = frames_of(Side.CONNECT, agreed)
    at = next(i for i, frame in enumerate(frames) if frame.type == M.ELEMENTS)
    good = bytes(frames[at].payload)
    u = int.from_bytes(good[:32], "little")
    for twin in (good[:32], pow(u, -1, 2**255 - 19).to_bytes(32, "little")):
        altered = list(frames)
        altered[at] = Frame(M.ELEMENTS, good[:32] + twin + good[64:])
        party = Party(setup(Side.LISTEN, lists[Side.LISTEN], agreed))
        party.start()
        with pytest.raises(RemoteError, match="same masked value"):
            deliver(party, altered)


def deliver(party: Party, frames: list[Frame]) -> None:
    for frame in frames:
        party.receive(frame)
        while party.work() is not None:
            pass


# ---- fuzz


@functools.cache
def honest(side: Side) -> tuple[list[Frame], bytes, Party]:
    """The frames that `side` gets in an honest session, the same as bytes, and its party at the end of it."""
    frames, lists = frames_of(side.other)
    stream = b"".join(frame.header() + bytes(frame.payload) for frame in frames)
    party = Party(setup(side, lists[side], terms(chunk=4), max_peer_size=1 << 41))
    party.start()
    deliver(party, frames)
    assert party.state is State.DONE
    party.settle()
    return frames, stream, party


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_mutated_bytes_raise_remote_error_or_change_data_only(data: st.DataObject) -> None:
    """A party that comes to its end has the honest session's transcript and record, and no match that is not there:
    greeting, proof and signature came unchanged, and whatever else changed made the result smaller at most."""
    side = data.draw(st.sampled_from(Side))
    frames, whole, good = honest(side)
    stream = bytearray(whole)
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(stream) - 1))
        kind = data.draw(st.sampled_from(["flip", "cut", "insert"]))
        if kind == "flip":
            stream[at] ^= data.draw(st.integers(1, 255))
        elif kind == "cut":
            del stream[at : at + data.draw(st.integers(1, 40))]
        else:
            stream[at:at] = data.draw(st.binary(min_size=1, max_size=40))
        if not stream:
            break
    untouched = bytes(stream) == whole
    decoder, arrived = FrameDecoder(), list[Frame]()
    items = [b"%d" % i for i in (range(9) if side is Side.CONNECT else range(4, 12))]
    party = Party(setup(side, items, terms(chunk=4), max_peer_size=1 << 41))
    party.start()
    try:
        while stream:
            size = data.draw(st.integers(1, len(stream)))
            for frame in decoder.feed(bytes(stream[:size])):
                deliver(party, [frame])
                arrived.append(frame)
            del stream[:size]
        decoder.end()
    except RemoteError:
        assert not untouched
        assert party.state is not State.DONE or len(arrived) >= len(frames)  # it is what comes after the end
        return
    if party.state is not State.DONE:
        assert not untouched
        assert party.state is not State.FAILED
        assert party.signatures.keys() <= {side}  # it waits for more, and holds nothing that the peer signed
        return
    party.settle()
    assert party.transcript == good.transcript
    assert (party.record, party.signatures) == (good.record, good.signatures)
    fixed = (M.HELLO, M.AUTH, M.FINISH)
    assert [f for f in arrived if f.type in fixed] == [f for f in frames if f.type in fixed]
    if side is Side.CONNECT:
        matched, all_matched = ({int(n) for n in p.outcome.matched[0]} for p in (party, good))
        assert matched <= all_matched
        assert (matched == all_matched) or not untouched


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 255), st.binary(max_size=300), st.sampled_from(Side))
def test_arbitrary_first_frames_raise_remote_error_and_nothing_else(kind: int, payload: bytes, side: Side) -> None:
    party = Party(setup(side, [b"a"]))
    party.start()
    with pytest.raises(RemoteError):
        party.receive(Frame(kind, payload))
