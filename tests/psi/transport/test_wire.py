from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psi.transport.wire import HEADER_BYTES, MAX_FRAME_BYTES, Frame, FrameDecoder
from psiselect.base.errors import RemoteError

frames = st.lists(st.builds(Frame, st.integers(0, 255), st.binary(max_size=300)), max_size=8)


def encode(frame: Frame) -> bytes:
    return frame.header() + frame.view()


def torn(draw: st.DrawFn, stream: bytes) -> list[bytes]:
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    return [stream[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


def decode(decoder: FrameDecoder, pieces: list[bytes]) -> list[Frame]:
    return [frame for piece in pieces for frame in decoder.feed(piece)]


def test_the_format_is_as_documented() -> None:
    assert encode(Frame(0x2A, b"abc")) == bytes.fromhex("000000042a616263")
    assert encode(Frame(0, b"")) == bytes.fromhex("0000000100")


@given(frames, st.data())
def test_frames_survive_any_tearing(sent: list[Frame], data: st.DataObject) -> None:
    stream = b"".join(encode(frame) for frame in sent)
    decoder = FrameDecoder()
    assert decode(decoder, data.draw(st.composite(torn)(stream))) == sent
    decoder.end()


@given(st.binary(max_size=400), st.data())
def test_hostile_bytes_raise_remote_error_or_give_frames_within_the_cap(stream: bytes, data: st.DataObject) -> None:
    """Whole or torn, the same frames and the same verdict."""

    def outcome(pieces: list[bytes]) -> tuple[list[Frame], bool]:
        decoder, got = FrameDecoder(max_frame=64), []
        try:
            for piece in pieces:
                for frame in decoder.feed(piece):
                    got.append(frame)
            decoder.end()
        except RemoteError:
            return got, False
        return got, True

    whole = outcome([stream])
    assert outcome(data.draw(st.composite(torn)(stream))) == whole
    assert all(len(frame) <= 64 for frame in whole[0])
    consumed = sum(len(frame) for frame in whole[0])
    assert b"".join(encode(frame) for frame in whole[0]) == stream[:consumed]
    assert whole[1] == (consumed == len(stream))


@pytest.mark.parametrize("length", [0, MAX_FRAME_BYTES - 3, 1 << 31, (1 << 32) - 1])
def test_a_length_outside_the_cap_is_refused_before_room_is_made(length: int) -> None:
    decoder = FrameDecoder()
    with pytest.raises(RemoteError, match=f"message of {length} bytes; expected 1 to {MAX_FRAME_BYTES - 4}"):
        list(decoder.feed(length.to_bytes(4, "big") + b"\0"))
    assert len(decoder.buffer()) <= HEADER_BYTES


def test_the_largest_frame_is_exactly_the_cap() -> None:
    largest = Frame(1, bytes(MAX_FRAME_BYTES - HEADER_BYTES))
    assert len(largest) == MAX_FRAME_BYTES
    assert list(FrameDecoder().feed(encode(largest))) == [largest]


@pytest.mark.parametrize("keep", range(1, 8))
def test_an_end_inside_a_frame_is_refused(keep: int) -> None:
    decoder = FrameDecoder()
    assert not list(decoder.feed(encode(Frame(7, b"abc"))[:keep]))
    with pytest.raises(RemoteError, match="middle of a message"):
        decoder.end()


def test_an_array_is_sent_and_received_without_a_copy() -> None:
    array = np.arange(64, dtype=np.uint32).reshape(2, 32)
    frame = Frame(1, array.data)
    assert len(frame) == HEADER_BYTES + 256
    assert np.shares_memory(np.frombuffer(frame.view(), np.uint8), array)

    decoder = FrameDecoder()
    decoder.buffer()[:] = frame.header()
    assert decoder.advance(HEADER_BYTES) is None
    target = decoder.buffer()
    target[:] = frame.view()
    received = decoder.advance(len(target))
    assert received is not None
    assert np.shares_memory(np.frombuffer(target, np.uint8), np.frombuffer(received.payload, np.uint8))
    assert np.array_equal(np.frombuffer(received.payload, np.uint32).reshape(2, 32), array)


def test_an_empty_array_is_an_empty_payload() -> None:
    frame = Frame(1, np.zeros((0, 32), np.uint8).data)
    assert encode(frame) == bytes.fromhex("0000000101")
