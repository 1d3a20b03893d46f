"""A directory of the offline exchange, harmed on its way: each harm is to be one typed error."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

Harm = Callable[[Path], None]


def _rows(change: Callable[[list[bytes]], list[bytes | None]], name: str = "sealed", packing: str = "none") -> Harm:
    """Write the first part anew, with other rows."""

    def harm(folder: Path) -> None:
        part = _first_part(folder)
        cells = pq.read_table(part)["sealed"].to_pylist()
        part.unlink()
        pq.write_table(pa.table({name: pa.array(change(cells), pa.binary())}), part, compression=packing)

    return harm


def _cut(folder: Path) -> None:
    part = _first_part(folder)
    part.write_bytes(part.read_bytes()[:-9])


def _of_manifest(change: Callable[[bytes], list[bytes]]) -> Harm:
    def harm(folder: Path) -> None:
        place = folder / "manifest.parquet"
        (content,) = pq.read_table(place)["manifest"].to_pylist()
        pq.write_table(pa.table({"manifest": pa.array(change(content), pa.binary())}), place, compression="none")

    return harm


HARMS: dict[str, Harm] = {
    "a part is missing": lambda folder: _first_part(folder).unlink(),
    "a part is cut short": _cut,
    "a chunk is there twice": _rows(lambda cells: [*cells, cells[0]]),
    "a chunk is there a hundred times": _rows(lambda cells: [*cells * 100]),
    "a chunk has another byte": _rows(lambda cells: [cells[0][:-1] + bytes([cells[0][-1] ^ 1]), *cells[1:]]),
    "a chunk is empty": _rows(lambda cells: [b""]),
    "a chunk is null": _rows(lambda cells: [None]),
    "a strange chunk is added": _rows(lambda cells: [*cells, bytes(500)]),
    "no chunk": _rows(lambda cells: []),
    "another column": _rows(lambda cells: [*cells], "other"),
    "the manifest is cut short": _of_manifest(lambda content: [content[:-1]]),
    "the manifest is there twice": _of_manifest(lambda content: [content, content]),
    "the manifest has another byte": _of_manifest(
        lambda content: [content[:150] + bytes([content[150] ^ 1]) + content[151:]]
    ),
    "the manifest has another signature": _of_manifest(lambda content: [content[:-64] + bytes(64)]),
    "the manifest is empty": _of_manifest(lambda content: [b""]),
    "the manifest is missing": lambda folder: (folder / "manifest.parquet").unlink(),
}


def flips(folder: Path, count: int, seed: int) -> Iterator[None]:
    """So many times, one bit of one file of the directory flipped."""
    files = sorted(path for path in folder.rglob("*.parquet") if path.is_file())
    draw = random.Random(seed)
    for _ in range(count):
        path = draw.choice(files)
        whole = path.read_bytes()
        at = draw.randrange(len(whole))
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << draw.randrange(8))]) + whole[at + 1 :])
        yield
        path.write_bytes(whole)


def _first_part(folder: Path) -> Path:
    column = min(path for path in folder.iterdir() if path.is_dir())
    return min(path for path in column.iterdir() if path.name.endswith(".parquet") and path.name[0] not in "._")
