"""What was queued before this side closed or gave up reaches the peer, in the schedules that once lost it.

Each schedule holds the channel's thread at one point until the others have done their part, so it is the same each
time. TlsChannel is the implementation that has a thread.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.handshakes import Parties

from psi.transport.tls import Listener, connect
from psi.transport.tlschannel import TlsChannel
from psi.transport.wire import Frame
from psiselect.base.errors import TransportError

LAST = Frame(9, b"the last frame")
SECONDS = 20.0  # until a hung thread fails its test; nothing depends on it otherwise


def close(channel: TlsChannel) -> None:
    channel.send(LAST)
    channel.close()


def abandon(channel: TlsChannel) -> None:
    channel.abandon(LAST)


both_ends = pytest.mark.parametrize("end", [close, abandon])


@contextlib.contextmanager
def channels(parties: Parties, listener: Listener) -> Iterator[tuple[TlsChannel, TlsChannel]]:
    """Acme's channel and Globex's."""
    there = connect(listener.address, parties.globex, [parties.acme.public], timeout=SECONDS)
    with there, listener.accept() as here:
        yield here, there


class Held:
    """Stops the thread of a channel at `stop` calls of `_write` or after them."""

    def __init__(self, channel: TlsChannel) -> None:
        self.channel, self.write = channel, channel._write
        self.reached, self.go_on = threading.Event(), threading.Event()

    def install(self, write: Callable[[], object]) -> None:
        """Make the thread call `write` from now on, and wait until it is in it."""
        self.channel._write = write  # type: ignore[method-assign, assignment]
        self.channel._wake()
        assert self.reached.wait(SECONDS)

    def before_writing(self) -> object:
        self.reached.set()
        assert self.go_on.wait(SECONDS)
        return self.write()

    def with_a_stale_result(self) -> object:
        """The queue is empty when the thread looks, and this side closes before it looks at anything else."""
        found = self.write()
        if not self.go_on.is_set():
            self.reached.set()
            until = time.monotonic() + SECONDS
            while self.channel._closing_since is None:
                assert time.monotonic() < until
                time.sleep(0.001)
            self.go_on.set()
        return found


@both_ends
def test_a_reader_that_close_wakes_does_not_drop_what_is_queued(
    parties: Parties, listener: Listener, end: Callable[[TlsChannel], None]
) -> None:
    """close() ends the incoming queue; a reader in another thread takes that for a broken link."""
    with channels(parties, listener) as (here, there):
        held = Held(here)
        held.install(held.before_writing)
        seen: list[Exception] = []
        waiting, wait = threading.Event(), here._incoming._wait

        def told(*arguments: Any) -> None:
            waiting.set()  # under the queue's lock, which only the wait gives up
            wait(*arguments)

        here._incoming._wait = told  # type: ignore[method-assign]

        def read() -> None:
            try:
                here.receive()
            except TransportError as error:
                seen.append(error)

        reader = threading.Thread(target=read)
        reader.start()
        assert waiting.wait(SECONDS)
        closing = threading.Thread(target=end, args=(here,))
        closing.start()
        reader.join(SECONDS)
        assert len(seen) == 1
        held.go_on.set()
        assert there.receive() == LAST
        there.close()
        closing.join(SECONDS)
        assert not closing.is_alive()


@both_ends
def test_a_frame_that_is_queued_just_before_closing_is_sent(
    parties: Parties, listener: Listener, end: Callable[[TlsChannel], None]
) -> None:
    """The thread has just found the queue empty when the last frame is queued and this side closes."""
    with channels(parties, listener) as (here, there):
        held = Held(here)
        held.install(held.with_a_stale_result)
        closing = threading.Thread(target=end, args=(here,))
        closing.start()
        assert there.receive() == LAST
        there.close()
        closing.join(SECONDS)
        assert not closing.is_alive()
