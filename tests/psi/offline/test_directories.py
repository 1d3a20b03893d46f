"""The exchange by directories on one machine: a plain computation's result, and whatever is damaged is refused."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from Crypto.Cipher import ChaCha20_Poly1305
from support.exchanged import OWN, Pair
from support.in_parts import InParts
from support.parties import terms

from psi.agreement.modes import Reveal, Side
from psi.agreement.terms import Terms
from psi.group.curve25519.scalar import Scalar
from psi.group.curve25519.suite import FIELD_PRIME
from psi.identity.identity import Identity
from psi.offline import by_parts, chunks, directory
from psi.offline.chunks import ChunkEntry, ColumnForm, ColumnKind
from psi.offline.directory import SEALED
from psi.offline.envelope import FileKind
from psi.offline.manifest import ManifestReader
from psi.store.spool import Store
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import InputError, RemoteError, UsageError

VECTORS = Path(__file__).parents[3] / "docs" / "vectors" / "directory.json"
COUNT = {"reveal": Reveal.COUNT}
FORM = ColumnForm(ColumnKind.ELEMENTS, 1, 32, 16)


@pytest.fixture
def parts(pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InParts:
    monkeypatch.setattr(chunks, "CHUNK_VALUES", 16)  # so that short lists have several chunks
    return InParts(pair, tmp_path)


@pytest.mark.parametrize("mode", [{}, COUNT])
@pytest.mark.parametrize("sizes", [(4, 3), (0, 5), (5, 0), (40, 70), (33, 16)])
def test_the_offerer_learns_what_a_plain_computation_says(
    people: dict[Side, Identity],
    parts: InParts,
    mode: dict[str, object],
    sizes: tuple[int, int],
) -> None:
    parts = InParts(Pair(people, terms(**mode)), parts.folder)
    own = [b"%d" % n for n in range(sizes[0])]
    peer = [b"%d" % n for n in range(sizes[0] // 2, sizes[0] // 2 + sizes[1])]
    common = set(own) & set(peer)
    offer, contents = parts.offer(items=own)
    answer, here = parts.answer(offer, items=peer)
    there = parts.finish(offer, contents, answer, items=own)
    assert (there.transcript, there.record) == (here.transcript, here.record)
    assert not here.outcome.learnt
    assert there.outcome.matches == len(common)
    if mode:
        assert there.outcome.matched is None
    else:
        assert {own[key] for key in there.outcome.matched[0]} == common


def test_what_the_peer_gets_depends_on_the_set_and_not_on_the_order_of_the_table(parts: InParts) -> None:
    """The order by value takes the place of the shuffle: rearranging the list changes no value that goes out."""
    seen = []
    for name, items in (("a", OWN), ("b", OWN[::-1])):
        folder, _ = parts.offer(name, items=items)
        seen.append(values(parts, FileKind.OFFER_MANIFEST, folder, FORM, len(OWN)).tolist())
    assert seen[0] == seen[1] == sorted(seen[0])


@pytest.mark.parametrize("mode", [{}, COUNT])
def test_an_answer_ascends(people: dict[Side, Identity], parts: InParts, mode: dict[str, object]) -> None:
    """A simulator that knows the set of replies and the set of tags makes the same columns by sorting."""
    parts = InParts(Pair(people, terms(**mode)), parts.folder)
    own = [b"%d" % n for n in range(40)]
    offer, _ = parts.offer(items=own)
    answer, _ = parts.answer(offer, items=[*own[10:], b"x"])
    reader = ManifestReader(parts.read(FileKind.ANSWER_MANIFEST, answer))
    for form, size in (
        (chunks.replies_form(1, parts.pair.agreed.reveal), 40),
        (chunks.tags_form(1, 7), 31),
    ):
        listed = reader.column(form, size)
        found = np.concatenate(list(directory.read_column(answer, reader.key, listed))).tolist()
        assert found == sorted(found)
        if form.kind is ColumnKind.REPLIES:
            assert form.width == (32 if mode else 48)


def values(parts: InParts, kind: FileKind, folder: Path, form: ColumnForm, size: int) -> np.ndarray:
    reader = ManifestReader(parts.read(kind, folder))
    listed = reader.column(form, size)
    return np.concatenate(list(directory.read_column(folder, reader.key, listed)))


@pytest.mark.parametrize(
    "items", [[b"a", b"b", b"c"], [b"a", b"b", b"c", b"e"], [b"a", b"bc", b"", b"d"]], ids=["less", "other", "cut"]
)
def test_another_input_at_the_end_is_refused(parts: InParts, items: list[bytes]) -> None:
    offer, contents = parts.offer()
    answer, _ = parts.answer(offer)
    with pytest.raises(InputError, match="made from another list"):
        parts.finish(offer, contents, answer, items=items)


def test_an_answer_to_another_offer_names_other_elements(parts: InParts) -> None:
    offer, contents = parts.offer()
    answer, _ = parts.answer(offer)
    other, _ = parts.offer("other", seed=bytes(32))
    strange, _ = parts.answer(other, "strange")
    shutil.rmtree(answer / "replies-1")
    shutil.copytree(strange / "replies-1", answer / "replies-1")
    with pytest.raises(RemoteError, match="cannot decrypt a part"):
        parts.finish(offer, contents, answer)


@pytest.mark.parametrize(
    ("change", "term"),
    [
        ({"reveal": Reveal.NOISY_COUNT, "epsilon": "1", "delta": "1/1000"}, "reveal"),
        ({"pad_to": 9}, "pad_to"),
    ],
)
def test_what_a_directory_cannot_do_is_refused_with_the_reason(change: dict[str, object], term: str) -> None:
    agreed: Terms = terms(**change)
    with pytest.raises(UsageError, match=r"--directory and --engine are not possible here") as caught:
        by_parts.require_parts(agreed)
    assert caught.value.term == term


def sealed_rows(path: Path) -> list[bytes]:
    return pq.read_table(path)["sealed"].to_pylist()


def write_rows(path: Path, rows: list[bytes]) -> None:
    pq.write_table(
        pa.table([pa.array(rows, pa.binary())], schema=SEALED), path, compression="none", use_dictionary=False
    )


HARMS = ["twice", "in two files", "missing", "other column", "compressed", "not parquet", "null"]


@pytest.mark.parametrize("harm", HARMS)
def test_harmed_parts_are_refused(parts: InParts, harm: str) -> None:
    own = [b"%d" % n for n in range(40)]
    offer, _ = parts.offer(items=own)
    (path,) = (offer / "elements-1").iterdir()
    rows = sealed_rows(path)
    assert len(rows) == 3
    match harm:
        case "twice":
            write_rows(path, [*rows, rows[-1]])
        case "in two files":
            write_rows(path.with_name("part-z"), rows[-1:])
        case "missing":
            write_rows(path, rows[:-1])
        case "other column":
            pq.write_table(pa.table({"x": rows}), path, compression="none")
        case "compressed":
            pq.write_table(pa.table({"sealed": pa.array(rows, pa.binary())}), path, compression="zstd")
        case "not parquet":
            path.write_bytes(b"PAR1" + b"x" * 100)
        case "null":
            pq.write_table(pa.table({"sealed": pa.array([None], pa.binary())}), path, compression="none")
    with pytest.raises((RemoteError, InputError)):
        parts.answer(offer, items=own)
    assert not (parts.folder / "answer" / directory.MANIFEST).exists()


def test_parts_that_spark_cuts_otherwise_are_read(parts: InParts) -> None:
    """Several files, in whatever order their names come, with files of Spark's beside them."""
    own = [b"%d" % n for n in range(40)]
    offer, contents = parts.offer(items=own)
    (path,) = (offer / "elements-1").iterdir()
    rows = sealed_rows(path)
    path.unlink()
    for name, some in (("part-b", rows[:1]), ("part-a", rows[1:]), ("part-c", [])):
        write_rows(path.with_name(name), some)
    (path.parent / "_SUCCESS").write_bytes(b"")
    (path.parent / ".part-a.crc").write_bytes(b"x")
    answer, _ = parts.answer(offer, items=own[3:])
    assert parts.finish(offer, contents, answer, items=own).outcome.matches == 37


@pytest.mark.parametrize("in_a_group", [1, 2, 9])
@pytest.mark.parametrize("files", [[[0, 2, 4], [1, 3]], [[4, 2, 0], [3, 1]], [[3, 4, 0, 1, 2]], [[4, 3, 2, 1, 0]]])
def test_chunks_in_any_order_are_read(parts: InParts, files: list[list[int]], in_a_group: int) -> None:
    """A task of an engine has several buckets, which do not follow each other."""
    own = [b"%d" % n for n in range(70)]
    offer, contents = parts.offer(items=own)
    (path,) = (offer / "elements-1").iterdir()
    rows = sealed_rows(path)
    assert len(rows) == 5
    path.unlink()
    for number, chosen in enumerate(files):
        some = pa.table([pa.array([rows[each] for each in chosen], pa.binary())], schema=SEALED)
        pq.write_table(some, path.with_name(f"part-{number}"), compression="none", row_group_size=in_a_group)
    answer, _ = parts.answer(offer, items=own[3:])
    assert parts.finish(offer, contents, answer, items=own).outcome.matches == 67


def test_an_order_that_makes_a_reader_pass_over_rows_again_and_again_is_refused(
    parts: InParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = [b"%d" % n for n in range(70)]
    offer, _ = parts.offer(items=own)
    (path,) = (offer / "elements-1").iterdir()
    write_rows(path, sealed_rows(path)[::-1])  # 0, 1, 2, 3 and 4 rows are before the five chunks
    monkeypatch.setattr(directory, "_MOST_PASSED_OVER", 2)
    parts.answer(offer, "one", items=own)
    monkeypatch.setattr(directory, "_MOST_PASSED_OVER", 1)
    with pytest.raises(RemoteError, match="does not match the directory's list"):
        parts.answer(offer, "two", items=own)


@pytest.mark.parametrize("later", [[], [1, 0, 2], [0, 1]])
def test_a_file_that_changes_between_two_looks_is_refused(
    parts: InParts, monkeypatch: pytest.MonkeyPatch, later: list[int]
) -> None:
    offer, _ = parts.offer(items=[b"%d" % n for n in range(40)])
    (path,) = (offer / "elements-1").iterdir()
    rows, look, looks = sealed_rows(path), directory._rows, []

    def looked(place: Path, column: str, start: int = 0) -> Iterator[bytes]:
        looks.append(place)
        if looks.count(path) == 2:
            write_rows(path, [rows[each] for each in later])
        return look(place, column, start)

    reader = ManifestReader(parts.read(FileKind.OFFER_MANIFEST, offer))
    monkeypatch.setattr(directory, "_rows", looked)
    with pytest.raises(InputError, match="changed while"):
        list(directory.read_column(offer, reader.key, reader.column(FORM, 40)))


@pytest.mark.parametrize("count", [150, pytest.param(5_000, marks=pytest.mark.soak)])
def test_mutated_directories_are_refused_or_read_and_nothing_else_is_raised(parts: InParts, count: int) -> None:
    offer, _ = parts.offer(items=[b"%d" % n for n in range(40)])
    source, refused = random.Random(count), 0
    files = [offer / directory.MANIFEST, *(offer / "elements-1").iterdir()]
    good = {path: path.read_bytes() for path in files}
    for _ in range(count):
        path = source.choice(files)
        data = bytearray(good[path])
        at = source.randrange(len(data))
        match source.randrange(3):
            case 0:
                del data[at : at + 40]
            case 1:
                data[at] ^= 1 << source.randrange(8)
            case 2:
                data[at:at] = source.randbytes(9)
        path.write_bytes(data)
        try:
            reader = ManifestReader(parts.read(FileKind.OFFER_MANIFEST, offer))
            listed = reader.column(FORM, 40)
            assert len(np.concatenate(list(directory.read_column(offer, reader.key, listed)))) == 40
        except (RemoteError, InputError):  # anything else fails this test
            refused += 1
        path.write_bytes(good[path])
    assert refused > count // 2


def test_entries_out_of_order_or_twice_are_refused() -> None:
    low, high = (ChunkEntry.of(np.full((1, 32), byte, np.uint8)) for byte in (1, 2))
    chunks.check_entries(FORM, [low, high], 2)
    for entries, total in (([high, low], 2), ([low, low], 2), ([low], 2), ([low, high], 1)):
        with pytest.raises(RemoteError):
            chunks.check_entries(FORM, entries, total)
    alike = np.full((1, 32), 1, np.uint8)
    alike[0, 31] = 2
    with pytest.raises(RemoteError, match="ascending"):
        chunks.check_entries(FORM, [low, ChunkEntry.of(alike)], 2)


def test_a_chunk_of_one_column_does_not_open_as_anothers() -> None:
    values = np.sort(np.arange(64, dtype=np.uint8).reshape(2, 32), axis=0)
    sealed = chunks.seal(bytes(32), FORM, values, SystemEntropy())
    assert chunks.unseal(bytes(32), FORM, sealed)[1].tolist() == values.tolist()
    assert sealed != chunks.seal(bytes(32), FORM, values, SystemEntropy())
    for key, form in ((bytes(31) + b"x", FORM), (bytes(32), ColumnForm(ColumnKind.ELEMENTS, 2, 32, 16))):
        with pytest.raises(RemoteError, match="cannot decrypt a part"):
            chunks.unseal(key, form, sealed)
    unordered = chunks.seal(bytes(32), FORM, values[::-1], SystemEntropy())
    with pytest.raises(RemoteError, match="ascending"):
        chunks.unseal(bytes(32), FORM, unordered)


def test_chunks_and_entries_are_those_of_the_published_vectors() -> None:
    """Computed again by other code: PyCryptodome and hashlib."""
    known = json.loads(VECTORS.read_text())
    key, nonce = bytes.fromhex(known["key"]), bytes.fromhex(known["nonce"])
    forms = chunks.elements_form(1), chunks.replies_form(2, Reveal.MATCHES), chunks.replies_form(1, Reveal.COUNT)
    for form, column in zip((*forms, chunks.tags_form(3, 9)), known["columns"], strict=True):
        content = b"".join(map(bytes.fromhex, column["values"]))
        cipher = ChaCha20_Poly1305.new(key=key, nonce=nonce)
        cipher.update(b"psiselect-1 part\0" + column["folder"].encode())
        assert nonce + b"".join(cipher.encrypt_and_digest(content)) == bytes.fromhex(column["sealed"])
        head = hashlib.sha256(content).digest() + (3).to_bytes(4, "big")
        entry = head + content[: form.width] + content[-form.width :]
        assert entry == bytes.fromhex(column["entry"])
        found, _ = chunks.unseal(key, form, bytes.fromhex(column["sealed"]))
        assert (form.name, found.encode()) == (column["folder"], entry)
        assert ChunkEntry.decode(entry, form.width) == found
        assert chunks.contents_digest([found]).hex() == column["contents"] == hashlib.sha512(entry).hexdigest()


def test_guises_of_one_element_are_refused_in_count(people: dict[Side, Identity], parts: InParts) -> None:
    """u and 1/u differ by a point of small order, so that their products are one value."""
    pair = Pair(people, terms(**COUNT))
    u = 9
    guises = sorted(value.to_bytes(32, "little") for value in (u, pow(u, -1, FIELD_PRIME)))
    chunk = np.frombuffer(b"".join(guises), np.uint8).reshape(2, 32)
    run = SimpleNamespace(
        store=Store(), backend=pair.answerer().backend, reveal=Reveal.COUNT, advance=lambda operations: None
    )
    with pytest.raises(RemoteError, match="same masked value"):
        list(by_parts._replies(run, Scalar(bytes(range(32))), iter([chunk])))


def test_replies_that_name_other_elements_are_refused(parts: InParts, monkeypatch: pytest.MonkeyPatch) -> None:
    offer, contents = parts.offer()
    real = by_parts._replies

    def strange(*given: Any) -> Iterator[np.ndarray]:
        for block in real(*given):
            yield block ^ np.array([255] + [0] * 47, np.uint8)

    monkeypatch.setattr(by_parts, "_replies", lambda *given: (block[::-1] for block in strange(*given)))
    answer, _ = parts.answer(offer)
    with pytest.raises(RemoteError, match="does not fit the encrypted keys"):
        parts.finish(offer, contents, answer)
