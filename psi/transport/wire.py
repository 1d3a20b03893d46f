"""Frames on the wire: a length, a type, a payload.

    +----------------+--------+---------------------+
    | length, 4 B BE | type 1 | payload, length - 1 |
    +----------------+--------+---------------------+

`length` counts the type and the payload. A decoder is told its cap and checks it before it allocates room for the
payload; whatever bytes it is fed, whole or torn, it yields frames or raises RemoteError, nothing else.

No payload is copied here: a sender hands over views, and a receiver lets the transport write into the very buffer that
becomes the frame's payload.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from psi.transport import words

HEADER_BYTES = 5
MAX_FRAME_BYTES = 1 << 20  # the whole frame, header included


@dataclass(frozen=True, slots=True)
class Frame:
    """One message: its type (0-255) and its payload, any C-contiguous buffer.

    A payload that was received is a `bytearray` of the frame's own. A payload handed to a channel must not be changed
    afterwards: channels keep a view, not a copy.
    """

    type: int
    payload: bytes | bytearray | memoryview

    def header(self) -> bytes:
        """The five bytes that go before the payload."""
        return (len(self) - 4).to_bytes(4, "big") + bytes((self.type,))

    def view(self) -> memoryview:
        """The payload as a flat view of bytes."""
        view = memoryview(self.payload)
        return view.cast("B") if view.nbytes else memoryview(b"")  # a view with a zero in its shape can't be cast

    def __len__(self) -> int:
        return HEADER_BYTES + memoryview(self.payload).nbytes


class FrameDecoder:
    """Cuts a byte stream into frames. Holds at most one frame's bytes.

    A transport that reads into buffers takes `buffer()`, writes some bytes at its start, and tells how many by
    `advance()`; `feed()` does the same for bytes that are there already.
    """

    def __init__(self, max_frame: int = MAX_FRAME_BYTES) -> None:
        self._max = max_frame
        self._header = bytearray(HEADER_BYTES)
        self._payload: bytearray | None = None  # None while the header is being read
        self._filled = 0  # bytes of the header, or of the payload, that have arrived

    def buffer(self) -> memoryview:
        """Where the next bytes of the stream go; never empty, and never beyond the end of the current part."""
        return memoryview(self._header if self._payload is None else self._payload)[self._filled :]

    def advance(self, count: int) -> Frame | None:
        """`count` bytes were written to `buffer()`: the frame that this completes, if it does.

        Raises RemoteError on a length of zero or beyond the cap.
        """
        self._filled += count
        if self._payload is None:
            if self._filled < HEADER_BYTES:
                return None
            length = int.from_bytes(self._header[:4], "big")
            if not 1 <= length <= self._max - 4:
                raise words.frame_length(length, self._max - 4)
            self._payload = bytearray(length - 1)
            self._filled = 0
        if self._filled < len(self._payload):
            return None
        frame = Frame(self._header[4], self._payload)
        self._payload = None
        self._filled = 0
        return frame

    def feed(self, data: bytes | bytearray | memoryview) -> Iterator[Frame]:
        """Yield the frames that `data` completes. Raises RemoteError on a length of zero or beyond the cap."""
        view = memoryview(data).cast("B")
        while view:
            room = self.buffer()
            count = min(len(room), len(view))
            room[:count] = view[:count]
            view = view[count:]
            frame = self.advance(count)
            if frame is not None:
                yield frame

    def end(self) -> None:
        """The stream ended. Raises RemoteError if it ended inside a frame."""
        if self._filled or self._payload is not None:
            raise words.cut_frame()
