"""What Arrow's threads hold of Python's: a reader waits for it, since a process that ends meanwhile is aborted."""

from __future__ import annotations

import contextlib
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from psi.tables import delimited, lent, open_source
from psi.tables.lent import lent as lent_stream
from psiselect.base.errors import InputError


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
    with lent_stream(lambda size: b"x" * size) as handed:
        stream = handed.pop()
        taken.append(stream if held == "stream" else stream.read_buffer(8))
        del stream
        thread.start()
    assert let_go == [held]
    thread.join()


def test_blocks_that_nobody_holds_are_forgotten() -> None:
    """A long file leaves no list of its blocks."""
    with lent_stream(lambda size: b"ab") as handed:
        stream = handed.pop()
        assert [stream.read(2) for _ in range(100)] == [b"ab"] * 100
        last = stream.read_buffer(2)
        assert isinstance(last, pa.Buffer)
        del stream, last


@pytest.mark.parametrize(
    ("content", "how"),
    [
        ("mail\n" + "ann@x.example\n" * 200_000, "whole"),
        ("mail,x\n" + "ann@x.example,1\n" * 270_000, "left"),
        ("mail,x\n" + "ann@x.example,1\n" * 270_000 + "bob@x.example\n", "refused"),
        ("mail,x\nbob@x.example\n", "refused at once"),
        ("mail,x\nbob@x.example,\udcff\n", "refused on its way"),
    ],
)
def test_a_csv_file_is_let_go_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str, how: str) -> None:
    """Read to its end, left in the middle, or refused."""
    held: list[bool] = []
    made: list[weakref.ref[lent._Lent]] = []

    class Known(lent._Lent):
        def __init__(self, read: Callable[[int], bytes], blocks: list[weakref.ref[memoryview]]) -> None:
            super().__init__(read, blocks)
            made.append(weakref.ref(self))

    @contextlib.contextmanager
    def looked_at(read: Callable[[int], bytes]) -> Iterator[list[pa.NativeFile]]:
        try:
            with lent_stream(read) as handed:
                yield handed
        finally:
            held.append(made[-1]() is not None)

    monkeypatch.setattr(lent, "_Lent", Known)
    monkeypatch.setattr(delimited, "lent", looked_at)
    (tmp_path / "t.csv").write_bytes(content.encode(errors="surrogateescape"))
    batches = open_source(tmp_path / "t.csv").batches()
    if how == "left":
        assert len(next(batches)) > 0
        del batches
    elif how != "whole":
        with pytest.raises(InputError, match=r"line (270002|2): (the row has 1 field|this is not UTF-8)"):
            list(batches)
    else:
        assert sum(map(len, batches)) == 200_000
    assert held == [False]
