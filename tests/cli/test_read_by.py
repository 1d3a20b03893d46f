"""Every cell of the table "what each command reads" in docs/tables.md: the same data in every kind, to each command."""

from __future__ import annotations

import bz2
import contextlib
import csv
import gzip
import io
import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from support.program import Run
from support.spreadsheets import write_spreadsheet
from support.stores import Web, put, s3_server, web_server

from cli._read_by import COMMANDS, READ_BY, YES
from psi.tables import ReadingOptions
from psiselect.base.errors import InputError
from psiselect.sums.numbers import read_numbers
from psiselect.tables import Table

Rows = Sequence[Sequence[str | int]]
LOUD = ["--epsilon", "1e10", "--json"]  # the noise is 0 but for probability e^-1000


@dataclass
class Place:
    """Where a table is: its name, the options that go with it, what is on standard input, and what to do meanwhile."""

    where: str
    options: Sequence[str] = ()
    stdin: bytes | None = None
    meanwhile: Callable[[], None] = lambda: None


def as_csv(rows: Rows, delimiter: str = ",") -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue().encode()


def as_table(rows: Rows) -> pa.Table:
    return pa.table(dict(zip(rows[0], map(list, zip(*rows[1:], strict=True)), strict=True)))


def parquet(rows: Rows) -> bytes:
    out = pa.BufferOutputStream()
    pq.write_table(as_table(rows), out)
    return bytes(out.getvalue())


def zstandard(data: bytes) -> bytes:
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as packed:
        packed.write(data)
    return bytes(out.getvalue())


def in_file(name: str, make: Callable[[Rows], bytes], *options: str) -> Callable[[Path, Rows], Place]:
    def write(folder: Path, rows: Rows) -> Place:
        (folder / name).write_bytes(make(rows))
        return Place(str(folder / name), options)

    return write


def in_sheet(name: str) -> Callable[[Path, Rows], Place]:
    def write(folder: Path, rows: Rows) -> Place:
        write_spreadsheet(folder / name, rows)
        return Place(str(folder / name))

    return write


def in_feather(folder: Path, rows: Rows) -> Place:
    feather.write_feather(as_table(rows), folder / "t.arrow")
    return Place(str(folder / "t.arrow"))


def in_parts(folder: Path, rows: Rows) -> Place:
    (folder / "t").mkdir()
    (folder / "t" / "_SUCCESS").touch()
    (folder / "t" / "part-0.snappy.parquet").write_bytes(parquet(rows[:3]))
    (folder / "t" / "part-1.snappy.parquet").write_bytes(parquet([rows[0], *rows[3:]]))
    return Place(str(folder / "t"))


def in_sqlite(folder: Path, rows: Rows) -> Place:
    names = ", ".join(f'"{name}"' for name in rows[0])
    with sqlite3.connect(folder / "t.db") as connection:
        connection.execute(f"CREATE TABLE t ({names})")
        connection.executemany(f"INSERT INTO t VALUES ({', '.join('?' * len(rows[0]))})", rows[1:])
    connection.close()
    return Place(f"sqlite:///{folder}/t.db", ("--query", "SELECT * FROM t"))


def on_stdin(make: Callable[[Rows], bytes], *options: str) -> Callable[[Path, Rows], Place]:
    return lambda folder, rows: Place("-", options, make(rows))


def in_pipe(folder: Path, rows: Rows) -> Place:
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(as_csv(rows)), daemon=True)
    return Place(str(pipe), meanwhile=writer.start)


KINDS: dict[str, Callable[[Path, Rows], Place]] = {
    ".csv": in_file("t.csv", as_csv),
    ".tsv, .tab": in_file("t.tsv", lambda rows: as_csv(rows, "\t")),
    ".txt": in_file("t.txt", as_csv),
    ".csv.gz": in_file("t.csv.gz", lambda rows: gzip.compress(as_csv(rows))),
    ".csv.zst": in_file("t.csv.zst", lambda rows: zstandard(as_csv(rows))),
    ".csv.bz2": in_file("t.csv.bz2", lambda rows: bz2.compress(as_csv(rows))),
    ".parquet, .parq, .pq": in_file("t.pq", parquet),
    "folder of Parquet files": in_parts,
    ".arrow, .feather": in_feather,
    ".xlsx, .xlsm": in_sheet("t.xlsx"),
    ".xls": in_sheet("t.xls"),
    ".ods": in_sheet("t.ods"),
    "sqlite:///FILE and --query": in_sqlite,
    "standard input: Parquet, Arrow or a spreadsheet": on_stdin(parquet),
    "standard input: text": on_stdin(as_csv),
    "standard input and --format csv": on_stdin(as_csv, "--format", "csv"),
    "a text file with another ending, such as .dat": in_file("t.data", as_csv),
    "a text file with another ending, and --format csv": in_file("t.data", as_csv, "--format", "csv"),
    "a pipe in place of a file, such as <(ssh example.com cat list.csv)": in_pipe,
}

# What serves them is started once; docs/decisions/0228 says why s3:// stands for the other stores.
STORED = ("s3://, gs://, abfs://: a file", "s3://, gs://, abfs://: a folder of Parquet files", "https:// file")

PEOPLE = [["name", "mail", "raise"], ["Ann, A.", "ann@x.example", 10], ["Bob", "bob@x.example", 20], ["Cy", "", 40]]
MATRIX = [["Ada", "Bo Jr"], [1, 0], [1, 1], [0, 1], [0, 1]]
SCORES = [["option", "score"], ["car, red", 10], ["bus", 300], ["tram", 20]]
ANSWERS = [["epsilon", "response"], ["ln(3)", "yes"], ["ln(3)", "no"], ["ln(3)", "yes"]]


@contextlib.contextmanager
def there(place: Place) -> Iterator[None]:
    """The table is where it should be: on standard input, or coming through its pipe."""
    place.meanwhile()
    if place.stdin is None:
        yield
        return
    own, (reader, writer) = os.dup(0), os.pipe()
    os.write(writer, place.stdin)  # less than a pipe holds
    os.close(writer)
    os.dup2(reader, 0)
    os.close(reader)
    try:
        yield
    finally:
        os.dup2(own, 0)
        os.close(own)


def shown(program: Run, place: Place, *words: object) -> dict[str, Any] | None:
    """What a command prints as JSON; None where it refuses the table with exit 3."""
    with there(place):
        ended = program(*[place.where if word == "TABLE" else word for word in words], "--json", *place.options)
    assert ended.code in (0, 3), ended.error
    return json.loads(ended.out) if ended.code == 0 else None


def psi(program: Run, folder: Path, place: Place) -> object:
    (folder / "other.csv").write_text("mail\nBOB@x.example\neve@x.example\n")
    found = shown(program, place, "psi", "local", "TABLE", folder / "other.csv", "--key", "mail:email")
    return found and found["matches"]


def vote(program: Run, folder: Path, place: Place) -> object:
    found = shown(program, place, "vote", "count", "TABLE", "--not-private")
    return found and found["counts"]


def release(program: Run, folder: Path, place: Place) -> object:
    found = shown(program, place, "release", "sum", "TABLE", "--column", "raise", "--lower", 0, "--upper", 100, *LOUD)
    return found and found["value"]


def select(program: Run, folder: Path, place: Place) -> object:
    asked = ["--label", "option", "--score", "score", "--sensitivity", 1, "--epsilon", 2000, "--seats", 2]
    found = shown(program, place, "select", "TABLE", *asked)
    return found and found["winners"]


def poll(program: Run, folder: Path, place: Place) -> object:
    found = shown(program, place, "poll", "estimate", "TABLE", "--epsilon", "ln(3)")
    return found and found["responses"]


def mpc(program: Run, folder: Path, place: Place) -> object:
    """`--values`, as the options of its commands read it."""
    query = place.options[1] if "--query" in place.options else None
    reading = ReadingOptions.of(form="csv" if "--format" in place.options else None)
    is_path = not query and place.where != "-" and "://" not in place.where
    table = Table(Path(place.where) if is_path else place.where, query, reading)
    with there(place):
        return read_numbers(table, "raise")


# How a command is asked, with what, and what comes out.
TRIED: dict[str, tuple[Callable[[Run, Path, Place], object], Rows, object]] = {
    "psi": (psi, PEOPLE, 1),
    "vote": (vote, MATRIX, {"Ada": 2, "Bo Jr": 3}),
    "release": (release, PEOPLE, 70),
    "select": (select, SCORES, ["bus", "tram"]),
    "poll estimate": (poll, ANSWERS, 3),
    "mpc --values": (mpc, PEOPLE, [10, 20, 40]),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_cell(program: Run, tmp_path: Path, kind: str, command: str) -> None:
    ask, rows, result = TRIED[command]
    place = KINDS[kind](tmp_path, rows)
    expected = READ_BY[kind][COMMANDS.index(command)]
    if command == "mpc --values" and expected != YES:
        with pytest.raises(InputError, match="no column 'raise'"):
            ask(program, tmp_path, place)
    else:
        assert ask(program, tmp_path, place) == (result if expected == YES else None)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[object, Web]]:
    """A bucket and a web server."""
    folder = tmp_path_factory.mktemp("web")
    with pytest.MonkeyPatch.context() as patch, s3_server(patch) as store, web_server(folder) as web:
        patch.setenv("SSL_CERT_FILE", str(web.authority))
        yield store, web


@pytest.mark.parametrize("kind", STORED)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_cell_of_stores(
    program: Run, tmp_path: Path, served: tuple[object, Web], kind: str, command: str
) -> None:
    ask, rows, result = TRIED[command]
    store, web = served
    if kind == "https:// file":
        where = web.put("/t.csv", as_csv(rows))
    elif "folder" in kind:
        name = command.replace(" ", "")
        put(store, f"{name}/part-0.parquet", parquet(rows[:3]))
        put(store, f"{name}/part-1.parquet", parquet([rows[0], *rows[3:]]))
        where = f"s3://lists/{name}/"
    else:
        where = put(store, "t.csv.gz", gzip.compress(as_csv(rows)))
    assert READ_BY[kind][COMMANDS.index(command)] == YES
    assert ask(program, tmp_path, Place(where)) == result


def test_the_table_has_no_other_kinds() -> None:
    assert {*KINDS, *STORED, "postgresql://... and --query"} == set(
        READ_BY
    )  # that one: tests/psi/tables/test_postgres.py
    assert tuple(TRIED) == COMMANDS
    assert all(len(cells) == len(COMMANDS) for cells in READ_BY.values())
