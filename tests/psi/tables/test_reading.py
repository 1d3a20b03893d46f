"""What may be said about a table, and what is read when nothing is said: delimiters, encodings, headers, escapes."""

from __future__ import annotations

import bz2
import gzip
import io
import random
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.damaged_csv import generated
from support.strict_csv import strict_rows
from support.tables import MemoryFile

from psi.tables import ReadingOptions, Source, open_file, open_source
from psi.tables.headers import looks_like
from psiselect.base.errors import InputError, UsageError
from psiselect.base.rows import Fault, Row


def opened(data: bytes, name: str = "in.csv", **said: object) -> Source:
    return open_file(MemoryFile(data, name), reading=ReadingOptions.of(**said))  # type: ignore[arg-type]


def cells(source: Source) -> list[list[str]]:
    """The rows, which must be the same both ways."""
    texts = [list(row.cells) for row in source.rows() if not isinstance(row, Fault) and row.cells]
    read = [list(row.values()) for batch in source.batches() for row in batch.to_pylist()]
    assert texts == read
    return texts


# --- delimiters ---


@pytest.mark.parametrize(
    ("content", "said", "names", "first"),
    [
        (b"email;Amount, EUR;name\na;12,50;b\n", {}, ["email", "Amount, EUR", "name"], ["a", "12,50", "b"]),
        (b"email;Amount, EUR, gross\na;1\n", {}, ["email", "Amount, EUR, gross"], ["a", "1"]),
        (b"email;Betrag,EUR\na;1\n", {}, ["email", "Betrag,EUR"], ["a", "1"]),
        (b"email, name, plan\na,b,c\n", {}, ["email", "name", "plan"], ["a", "b", "c"]),
        (b"email; name, first; plan\na;b;c\n", {}, ["email", "name, first", "plan"], ["a", "b", "c"]),
        (b"Name, first\temail\na\tb\n", {}, ["Name, first", "email"], ["a", "b"]),
        (b"email,name\t\na,b\n", {}, ["email", "name"], ["a", "b"]),
        (b"email|name\na|b\n", {}, ["email", "name"], ["a", "b"]),
        (b"sep=;\r\nemail;name\r\na;b\r\n", {}, ["email", "name"], ["a", "b"]),
        (b'"sep=|"\n\nemail,x|name\na|b\n', {}, ["email,x", "name"], ["a", "b"]),
        (b"\xef\xbb\xbfsep=\t\nemail\nb;c\n", {}, ["email"], ["b;c"]),
        (b"sep=;\nemail,name\na,b\n", {"delimiter": ","}, ["email", "name"], ["a", "b"]),
        (b"email^name\na^b\n", {"delimiter": "^"}, ["email", "name"], ["a", "b"]),
        (b'email]name\n"a]"]b"\n', {"delimiter": "]"}, ["email", "name"], ["a]", 'b"']),
        (b"email\x01name\na\x01b\n", {"delimiter": r"\x01"}, ["email", "name"], ["a", "b"]),
        (b"a,b;c\nx,y;z\n", {"delimiter": "semicolon"}, ["a,b", "c"], ["x,y", "z"]),
        (b"email\nx;y,z\n", {}, ["email"], None),
        (b"email,name,,,\r\na,b,,,\r\n", {}, ["email", "name"], ["a", "b"]),
        (b"email,name,,\na,b, ,\n", {}, ["email", "name"], ["a", "b"]),
        (b"1,2\n3,4\n", {"header": False}, ["1", "2"], ["1", "2"]),
        (b"a@b.cd,\nc@d.ef,x\n", {"header": False}, ["1", "2"], ["a@b.cd", ""]),
        (b"a@b.cd,x\nc@d.ef,y\n", {"header": True}, ["a@b.cd", "x"], ["c@d.ef", "y"]),
    ],
)
def test_the_header_says_what_separates(
    content: bytes, said: dict[str, object], names: list[str], first: list[str] | None
) -> None:
    source = opened(content, **said)
    assert source.schema.names == names
    if first is None:
        with pytest.raises(InputError, match="line 2: the row has 2 fields"):
            cells(source)
    else:
        assert cells(source)[0] == first


def test_a_tsv_file_has_tabs_whatever_else_its_header_holds() -> None:
    assert opened(b"a,b,c\td,e\n1\t2\n", "in.tsv").schema.names == ["a,b,c", "d,e"]
    assert opened(b"a,b\n1,2\n", "in.tsv").schema.names == ["a", "b"]


def test_a_value_without_a_name_is_a_fault() -> None:
    source = opened(b"a,b,,\n1,2,,\n3,4,,x\n5,6,,\n")
    assert [type(row).__name__ for row in source.rows(["b"])] == ["Row", "Fault", "Row"]
    with pytest.raises(InputError, match="line 3: there is a value in column 4, which has no name"):
        list(source.batches(["b"]))


@pytest.mark.parametrize(
    "said",
    [
        {"delimiter": "ab"},
        {"delimiter": '"'},
        {"delimiter": "a"},
        {"delimiter": "\n"},
        {"delimiter": "é"},
        {"delimiter": ""},
        {"encoding": "none-such"},
        {"encoding": "rot13"},
        {"encoding": "utf-7"},
        {"encoding": "a\0b"},
    ],
)
def test_what_cannot_be_meant(said: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        ReadingOptions.of(**said)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("t.parquet", {"delimiter": ";"}),
        ("t.parquet", {"header": False}),
        ("t.txt", {"delimiter": ";"}),
        ("t.txt", {"header": True}),
        ("t.csv", {"sheet": "1"}),
        ("t.parquet", {"encoding": "cp1252"}),
    ],
)
def test_what_says_nothing_about_a_file_is_refused(tmp_path: Path, name: str, said: dict[str, object]) -> None:
    pq.write_table(pa.table({"a": ["x"]}), tmp_path / "t.parquet")
    for text in ("t.csv", "t.txt"):
        (tmp_path / text).write_text("a\nx\n")
    reading = ReadingOptions.of(**said)  # type: ignore[arg-type]
    with pytest.raises((UsageError, InputError), match=r"does not apply to|not UTF-8|no meaning|NUL|cp1252"):
        list(open_source(tmp_path / name, reading=reading).batches())


# --- headers ---


@pytest.mark.parametrize(
    "cell",
    [
        "email",
        "2019",
        "1",
        "123456",
        "Q1 2026",
        "2019-2020",
        "2019/2020",
        "Amount, EUR",
        "a@b",
        "10115",
        "cafe",
        "5'9",
        "12:30",
    ],
)
def test_names(cell: str) -> None:
    assert looks_like(cell) is None


@pytest.mark.parametrize(
    "cell",
    [
        "ann@example.com",
        "<ann@example.com>",
        "+49 (0)30 123456",
        "030/1234567",
        "48601234567",
        "1990-02-03",
        "3.2.1990",
        "03/02/90",
        "2026-01-02T03:04:05Z",
        "12.50",
        "12,50",
        "-3",
        "d41d8cd98f00b204e9800998ecf8427e",
        "123e4567-e89b-12d3-a456-426614174000",
        "https://example.com/x",
    ],
)
def test_what_is_no_name(cell: str) -> None:
    assert looks_like(cell) is not None
    with pytest.raises(InputError, match=r"line 1: the first row has .*--no-header") as caught:
        opened(f'x,"{cell}"\ny,z\n'.encode())
    assert cell not in str(caught.value)


# --- encodings and packed files ---


@pytest.mark.parametrize("encoding", ["cp1252", "iso-8859-15", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8"])
def test_other_encodings_are_read_on_request(encoding: str) -> None:
    text = "email,näme\n" + "".join(f"a{i}@x.example,Zoë {i}\n" for i in range(40_000))
    source = opened(text.encode(encoding), encoding=encoding)
    assert source.schema.names == ["email", "näme"]
    assert cells(source) == [line.split(",") for line in text.splitlines()[1:]]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("email\nZoë\n".encode("utf-16"), "the text is in UTF-16. Use --encoding utf-16"),
        ("email\nZoe\n".encode("utf-16-le"), "the text is in UTF-16-LE. Use --encoding utf-16-le"),
        ("email\nZoe\n".encode("utf-16-be"), "the text is in UTF-16-BE. Use --encoding utf-16-be"),
        ("email\nZoe\n".encode("utf-32"), "the text is in UTF-32. Use --encoding utf-32"),
        ("email\nZoë\n".encode("cp1252"), "line 2: this is not UTF-8 text.*--encoding cp1252"),
        (
            b"email\nZo\x81\n",
            "line 2: this is not UTF-8 text. Save the file as UTF-8, or name the file's encoding with --encoding",
        ),
    ],
)
@pytest.mark.parametrize("name", ["in.csv", "in.txt"])
def test_an_encoding_is_proposed(content: bytes, says: str, name: str) -> None:
    with pytest.raises(InputError, match=says):
        list(opened(content, name).batches())


@pytest.mark.parametrize(
    "content", ["a,b\n\ufeff1,2\n", "\ufeffa,b\n\ufeff1,2\n", "a\n\ufeff\ufeff1\n", '"a"\n\ufeff"1"\n']
)
def test_a_mark_below_the_header_is_a_part_of_its_cell(content: str) -> None:
    """To both ways of reading, so that a row is the same row in both."""
    source = opened(content.encode())
    read = [list(row.values()) for batch in source.batches() for row in batch.to_pylist()]
    assert read == [list(row.cells) for row in source.rows() if isinstance(row, Row)]
    assert read[0][0].startswith("\ufeff")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
@pytest.mark.parametrize("content", [b"email\nann@x.example\n", "email\nZoe\n".encode("utf-16-le")])
@pytest.mark.parametrize("name", ["in.csv", "in.txt"])
def test_an_encoding_that_needs_a_mark_says_so(encoding: str, content: bytes, name: str) -> None:
    """Without one the order of the bytes is not known, and nothing is guessed."""
    with pytest.raises(
        InputError,
        match=f"{name}, line 1: the file does not begin with the byte order mark.*--encoding utf-8.*{encoding}-le or",
    ):
        opened(content, name, encoding=encoding)


def test_bytes_without_a_meaning_are_a_fault_of_their_line() -> None:
    source = opened(b"a,b\n1,\xeb\n2,\x81\n3,\x81\xc3\x8d\n4,x\n", encoding="cp1252")
    assert [isinstance(row, Fault) for row in source.rows()] == [False, True, True, False]
    with pytest.raises(InputError, match="line 3: there are bytes that are not text in cp1252"):
        list(source.batches())
    odd = opened("a,b\n1,2\n".encode("utf-16-le") + b"x", encoding="utf-16-le")
    with pytest.raises(InputError, match="not text in utf-16-le"):
        list(odd.batches())


def zstandard(data: bytes) -> bytes:
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as packed:
        packed.write(data)
    return bytes(out.getvalue())


PACKERS = {"gz": gzip.compress, "bz2": bz2.compress, "zst": zstandard}


@pytest.mark.parametrize("ending", PACKERS)
def test_packed_files_are_read_whole_or_not_at_all(ending: str) -> None:
    rng = random.Random(1)
    data = b"a,b\n" + b"".join(b"%d,%d\n" % (rng.getrandbits(40), i) for i in range(8_000))
    packed = PACKERS[ending](data)
    assert len(cells(opened(packed, f"in.csv.{ending}"))) == 8_000
    assert len(cells(opened(packed + PACKERS[ending](b"1,2\n"), f"in.csv.{ending}"))) == 8_001
    assert len(cells(opened(packed, "in.csv"))) == 8_000  # whatever it is called
    for bad in (packed[:-1], packed[: len(packed) // 2], packed + b"x", packed + b"a,b\n1,2\n"):
        with pytest.raises(InputError, match="is not a complete"):
            list(opened(bad, f"in.csv.{ending}").batches())
        with pytest.raises(InputError, match="is not a complete"):
            list(opened(bad, f"in.csv.{ending}").rows())


def test_packed_text_in_another_encoding_and_packed_lines() -> None:
    assert cells(opened(gzip.compress("a;b\n1;Zoë\n".encode("cp1252")), "in.csv.gz", encoding="cp1252")) == [
        ["1", "Zoë"]
    ]
    assert cells(opened(gzip.compress(b"x\ny"), "in.txt.gz")) == [["x"], ["y"]]


def test_a_packed_parquet_file_is_to_be_unpacked(tmp_path: Path) -> None:
    out = io.BytesIO()
    pq.write_table(pa.table({"a": [1]}), out)
    with pytest.raises(InputError, match=r"parquet file inside a gzip file. Unpack the file first"):
        opened(gzip.compress(out.getvalue()), "t.parquet.gz")


# --- lines ---


def test_lines_with_other_line_ends() -> None:
    assert cells(opened(b"a\rb\rc", "in.txt")) == [["a"], ["b"], ["c"]]
    for content, line in ((b"a\nb\rc\nd", 2), (b"a\n\0\n", 2), (b"a\rb\nc\rd", 2)):
        source = opened(content, "in.txt")
        assert [row.line for row in source.rows() if isinstance(row, Fault)] == [line]
        with pytest.raises(InputError, match=f"line {line}: "):
            list(source.batches())


# --- backslashes ---


def test_backslashes_escape_on_request() -> None:
    text = b'a,b,c\n1,"6\'2\\"",x\n2,\\N,C:\\dir\n3,"a\\\\",y\\,z\n4,"x""y","p\\\nq"\n'
    source = opened(text, csv_escape="backslash")
    assert cells(source) == [
        ["1", "6'2\"", "x"],
        ["2", r"\N", r"C:\dir"],
        ["3", "a\\", "y,z"],
        ["4", 'x"y', "p\nq"],
    ]
    assert [row["c"] for batch in source.batches(["c"]) for row in batch.to_pylist()][2] == "y,z"


def test_a_backslash_before_a_quote_hides_no_row() -> None:
    """Read without escapes, the second row would be inside a field of the first."""
    text = b'a,b,c\n1,"a\\"",x\n2,",y"\n'
    assert [row.line for row in opened(text).rows() if isinstance(row, Fault)] == [2, 3]
    with pytest.raises(InputError, match=r"line 2: .*--csv-escape backslash, otherwise with --csv-escape none"):
        list(opened(text).batches())
    assert cells(opened(text, csv_escape="none")) == [["1", 'a\\",x\n2,', 'y"']]
    assert cells(opened(b'a,b\n"C:\\",x\n', csv_escape="none")) == cells(opened(b'a,b\n"C:\\",x\n'))


def escaped(rng: random.Random) -> bytes:
    """A file with backslashes, as other programs write them and as nobody does."""
    data = generated(rng, rng.randrange(6))
    for _ in range(rng.randrange(4)):
        at = rng.randrange(len(data) + 1)
        data = data[:at] + rng.choice((b"\\", b'\\"', b"\\\\", b"\\,", b"\\\n", b"\\\r\n", b'"a\\"",')) + data[at:]
    return data


def compare(rng: random.Random, files: int) -> Counter[str]:
    """Read files in each way and compare them with the strict reader: the same rows, or a fault in the same line."""
    outcomes = Counter[str]()
    for _ in range(files):
        data, escape = escaped(rng), rng.choice(("none", "backslash", None))
        try:
            source = opened(data, csv_escape=escape)
        except InputError:
            outcomes["header"] += 1
            continue
        expected = strict_rows(data, source.delimiter, escape=escape or "unknown")  # type: ignore[attr-defined]
        rows = list(source.rows())
        faults = [row.line for row in rows if isinstance(row, Fault)]
        if [(row.line, None if isinstance(row, Fault) else list(row.cells)) for row in rows] != expected:
            # The reader may be stricter, about line breaks that are escaped beside others: an error, no row fewer.
            assert faults, data
            assert b"\\\n" in data or b"\\\r" in data, data
            outcomes["stricter"] += 1
        outcomes["fault" if faults else "sound"] += 1
        if faults:
            with pytest.raises(InputError) as caught:
                list(source.batches())
            assert caught.value.line == faults[0], data
        else:
            single = len(source.schema) == 1
            read = [list(row.values()) for batch in source.batches() for row in batch.to_pylist()]
            assert read == [list(row[1]) or [""] for row in rows if row[1] or single], data
    return outcomes


def test_no_row_is_lost_whatever_the_backslashes() -> None:
    outcomes = compare(random.Random(5), 1_000)
    assert outcomes.pop("stricter", 0) < 10
    assert min(outcomes.values()) > 30


@pytest.mark.soak
def test_no_row_is_lost_in_many_files() -> None:
    outcomes = compare(random.Random(6), 100_000)
    assert outcomes["header"] + outcomes["fault"] + outcomes["sound"] == 100_000
