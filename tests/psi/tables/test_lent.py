"""What Arrow's threads hold of Python's: a reader waits for it, since a process that ends meanwhile is aborted."""

from __future__ import annotations

import threading
import time

import pyarrow as pa
import pytest

from psi.tables.lent import lent


@pytest.mark.parametrize("held", ["stream", "block"])
def test_reading_ends_when_no_other_thread_holds_anything(held: str) -> None:
    """Without the wait this thread would be past the reading while the other one still holds what it was lent."""
    let_go: list[str] = []
    taken: list[object] = []

    def hold() -> None:
        time.sleep(0.2)
        let_go.append(held)
        taken.clear()

    thread = threading.Thread(target=hold)
    with lent(lambda size: b"x" * size) as handed:
        stream = handed.pop()
        taken.append(stream if held == "stream" else stream.read_buffer(8))
        del stream
        thread.start()
    assert let_go == [held]
    thread.join()


def test_blocks_that_nobody_holds_are_forgotten() -> None:
    """A long file leaves no list of its blocks."""
    with lent(lambda size: b"ab") as handed:
        stream = handed.pop()
        assert [stream.read(2) for _ in range(100)] == [b"ab"] * 100
        last = stream.read_buffer(2)
        assert isinstance(last, pa.Buffer)
        del stream, last
