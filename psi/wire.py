"""Frames on the wire: a length, a type, a payload.

    +----------------+--------+---------------------+
    | length, 4 B BE | type 1 | payload, length - 1 |
    +----------------+--------+---------------------+

`length` counts the type and the payload. A decoder is told its cap and checks it before it keeps a byte of payload;
whatever bytes it is fed, whole or torn, it yields frames or raises RemoteError, nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from psi.errors import RemoteError

HEADER_BYTES = 5
MAX_FRAME_BYTES = 1 << 20  # the whole frame, header included


@dataclass(frozen=True, slots=True)
class Frame:
    """One message: its type (0-255) and its payload."""

    type: int
    payload: bytes | bytearray | memoryview

    def header(self) -> bytes:
        """The five bytes that go before the payload."""
        return (1 + len(self.payload)).to_bytes(4, "big") + bytes((self.type,))

    def __len__(self) -> int:
        return HEADER_BYTES + len(self.payload)


class FrameDecoder:
    """Cuts a byte stream into frames. Holds at most one frame's bytes."""

    def __init__(self, max_frame: int = MAX_FRAME_BYTES) -> None:
        self._max = max_frame
        self._buffer = bytearray()

    def feed(self, data: bytes | bytearray | memoryview) -> Iterator[Frame]:
        """Yield the frames that `data` completes. Raises RemoteError on a length of zero or beyond the cap."""
        view = memoryview(data)
        while len(view):
            need = self._missing()
            self._buffer += view[:need]
            view = view[need:]
            if self._missing() == 0:
                frame = Frame(self._buffer[4], bytes(self._buffer[HEADER_BYTES:]))
                self._buffer.clear()
                yield frame

    def end(self) -> None:
        """The stream ended. Raises RemoteError if it ended inside a frame."""
        if self._buffer:
            raise RemoteError("the peer's stream ended in the middle of a frame")

    def _missing(self) -> int:
        """Bytes until the header, and then the frame, is whole."""
        if len(self._buffer) < 4:
            return 4 - len(self._buffer)
        length = int.from_bytes(self._buffer[:4], "big")
        if not 1 <= length <= self._max - 4:
            raise RemoteError(f"the peer announced a frame of {length} bytes; 1 to {self._max - 4} are allowed")
        return 4 + length - len(self._buffer)
