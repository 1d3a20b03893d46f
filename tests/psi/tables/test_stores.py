"""Tables in object stores and on web servers: whole or refused, and no secret of an address in a message."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.stores import BUCKET, Web, chunked, endless, put, s3_server, sent_on, web_server, whole

from psi.tables import files, open_source, stores, web
from psi.tables.files import SpooledFile
from psi.tables.stores import StoreAddress
from psiselect.base.errors import InputError, UsageError

LIST = b"mail\nann@x.example\nbob@x.example\n"


@pytest.fixture(scope="module")
def s3() -> Iterator[object]:
    with pytest.MonkeyPatch.context() as patch, s3_server(patch) as store:
        yield store


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with web_server(tmp_path_factory.mktemp("web")) as found:
        yield found


@pytest.fixture
def trusted(server: Web, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Web:
    """The server, by those who know its authority, in a home without secrets."""
    monkeypatch.setenv("SSL_CERT_FILE", str(server.authority))
    monkeypatch.setenv("HOME", str(tmp_path))
    server.asked.clear()
    return server


def column(where: str, folder: Path, name: str = "mail") -> list[object]:
    return [value for batch in open_source(where, folder=folder).batches([name]) for value in batch[0].to_pylist()]


def parquet(*values: object) -> bytes:
    out = pa.BufferOutputStream()
    pq.write_table(pa.table({"mail": list(values)}), out)
    return bytes(out.getvalue())


def test_an_object_is_read_by_its_ending_and_more_than_once(s3: object, tmp_path: Path) -> None:
    source = open_source(put(s3, "my lists/a b#1.csv", LIST), folder=tmp_path)
    for _ in range(2):
        assert [list(row.cells) for row in source.rows()] == [["ann@x.example"], ["bob@x.example"]]  # type: ignore[union-attr]
    assert source.name == f"s3://{BUCKET}/my lists/a b#1.csv"
    assert list(tmp_path.iterdir()) == []
    assert column(f"s3://{BUCKET}/my%20lists/a%20b%231.csv", tmp_path) == ["ann@x.example", "bob@x.example"]


def test_large_objects_come_in_pieces(s3: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "_PIECE", 7)
    assert column(put(s3, "pieces.csv", LIST), tmp_path) == ["ann@x.example", "bob@x.example"]


@pytest.mark.parametrize("end", ["/", ""])
def test_a_prefix_is_a_folder_of_parts_in_order(s3: object, tmp_path: Path, end: str) -> None:
    put(s3, "parts/country=PL/part-0.parquet", parquet("c"))
    put(s3, "parts/country=DE/part-1.parquet", parquet("b"))
    put(s3, "parts/country=DE/part-0.parquet", parquet("a"))
    put(s3, "parts/_SUCCESS", b"")
    put(s3, "parts/_temporary/x.parquet", b"half a file")
    put(s3, "parts-of-others/part-0.parquet", parquet("z"))
    where = f"s3://{BUCKET}/parts{end}"
    assert column(where, tmp_path) == ["a", "b", "c"]
    assert column(where, tmp_path, "country") == ["DE", "DE", "PL"]


def test_a_part_that_is_no_parquet_is_named(s3: object, tmp_path: Path) -> None:
    put(s3, "mixed/a.parquet", parquet("a"))
    put(s3, "mixed/b.parquet", LIST)
    with pytest.raises(InputError, match=rf"^s3://{BUCKET}/mixed/b\.parquet: this is not a Parquet file"):
        open_source(f"s3://{BUCKET}/mixed/", folder=tmp_path)


def test_a_part_that_comes_meanwhile_is_seen(s3: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(s3, "growing/a.parquet", parquet("a"))
    fetched = stores._fetched

    def slow(*given: object) -> SpooledFile:
        found = fetched(*given)  # type: ignore[arg-type]
        put(s3, "growing/b.parquet", parquet("b"))
        return found

    monkeypatch.setattr(stores, "_fetched", slow)
    with pytest.raises(InputError, match="growing/: the files changed while the program read them"):
        open_source(f"s3://{BUCKET}/growing/", folder=tmp_path)


def test_more_parts_than_open_files_are_refused(s3: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(s3, "many/a.parquet", parquet("a"))
    put(s3, "many/b.parquet", parquet("b"))
    monkeypatch.setattr(stores, "_SPARE_FILES", 0)
    monkeypatch.setattr(stores.resource, "getrlimit", lambda which: (2, 2))
    assert column(f"s3://{BUCKET}/many/", tmp_path) == ["a", "b"]
    monkeypatch.setattr(stores.resource, "getrlimit", lambda which: (1, 1))
    with pytest.raises(InputError, match=r"has 2 files, but the program may open only 1. Raise"):
        open_source(f"s3://{BUCKET}/many/", folder=tmp_path)


def test_an_object_that_changes_while_it_is_read_is_refused(
    s3: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the same size and in the same second: the tag alone differs."""
    where = put(s3, "changing.csv", LIST)
    pieces = stores._pieces

    def replaced(*given: object) -> Iterator[bytes]:
        yield from pieces(*given)  # type: ignore[arg-type]
        put(s3, "changing.csv", LIST.replace(b"bob", b"eve"))

    monkeypatch.setattr(stores, "_pieces", replaced)
    with pytest.raises(InputError, match="changed while the program read it"):
        open_source(where, folder=tmp_path)


def test_what_is_not_there_is_said_without_secrets(s3: object, tmp_path: Path) -> None:
    for where in (
        f"s3://{BUCKET}/none.csv",
        f"s3://akey:asecret@{BUCKET}/none.csv",
        f"s3://{BUCKET}/none.csv?bogus=asecret",
        f"s3://akey:ase/cret@{BUCKET}/none.csv",
        f"s3://{BUCKET}/none/",
        "s3://no-such-bucket/none.csv",
        f"s3://{BUCKET}",
        "abfs://box:asecret@/none.csv",
        "https://me:asecret@host.example/none.csv?sig=asecret",
    ):
        with pytest.raises((InputError, UsageError)) as found:
            open_source(where, folder=tmp_path)
        for secret in ("akey", "secret", "cret@", "bogus", "sig="):
            assert secret not in str(found.value), where


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("s3://key:secret@box/a.csv?region=x", "s3://box/a.csv"),
        ("GS://anonymous@box/a.csv", "gs://box/a.csv"),
        ("abfs://box:secret@acc.dfs.core.windows.net/a.csv", "abfs://box@acc.dfs.core.windows.net/a.csv"),
        ("https://host:8443/a.csv?X-Amz-Signature=secret", "https://host:8443/a.csv"),
    ],
)
def test_the_name_has_no_secrets(text: str, name: str) -> None:
    assert StoreAddress(text).name == name
    assert "secret" not in repr(StoreAddress(text))


def test_a_query_says_nothing_about_a_store() -> None:
    with pytest.raises(UsageError, match="--query needs a database"):
        open_source("s3://box/a.csv", query="SELECT 1")


def test_errors_of_libraries_keep_their_code_alone() -> None:
    said = StoreAddress("s3://k:secret@box/a").said(OSError("key 'secret': AWS Error ACCESS_DENIED during HeadObject"))
    assert said.startswith(" (ACCESS_DENIED). Check the address, the network and the login data")
    assert "secret" not in said


def test_a_file_of_a_web_server(trusted: Web, tmp_path: Path) -> None:
    trusted.put("/my%20lists/a.csv?sig=1%2F2", LIST)
    found = open_source(f"{trusted.address}/my lists/a.csv?sig=1%2F2", folder=tmp_path)
    assert found.name == f"{trusted.address}/my lists/a.csv"
    assert len(list(found.rows())) == 2
    trusted.answers["/chunked.csv"] = chunked(LIST)
    assert len(column(f"{trusted.address}/chunked.csv", tmp_path)) == 2
    assert "authorization" not in trusted.asked[0]


def test_its_certificate_is_checked(server: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = server.put("/a.csv", LIST)
    with pytest.raises(InputError, match=r"does not trust the server's certificate \(.*SSL_CERT_FILE"):
        open_source(where, folder=tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(server.authority))
    with pytest.raises(InputError, match=r"does not trust the server's certificate \(Hostname mismatch"):
        open_source(where.replace("127.0.0.1", "localhost"), folder=tmp_path)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (whole(LIST, length=len(LIST) + 1), "should have 34 bytes"),
        (endless(LIST), "does not say how long the file is"),
        (chunked(LIST, end=b""), "ended before the file was complete"),
        (sent_on("http://127.0.0.1:1/a.csv?sig=secret"), "redirects to an address without encryption"),
        (sent_on("file:///etc/hostname"), r"did not send the file \(HTTP 302\)"),
        (sent_on("/none.csv"), r"no such file \(HTTP 404\)"),
    ],
)
def test_half_files_and_ways_without_tls_are_refused(trusted: Web, tmp_path: Path, answer: object, said: str) -> None:
    trusted.answers["/a.csv"] = answer  # type: ignore[assignment]
    with pytest.raises(InputError, match=said) as found:
        open_source(f"{trusted.address}/a.csv", folder=tmp_path)
    assert "secret" not in str(found.value)


def test_the_password_is_that_of_netrc_and_stays_with_its_host(trusted: Web, tmp_path: Path) -> None:
    rules = tmp_path / ".netrc"
    rules.write_text("machine 127.0.0.1 login me password asecret\ndefault login you password other\n")
    rules.chmod(0o600)
    trusted.put("/b.csv", LIST)
    trusted.answers["/a.csv"] = sent_on(f"{trusted.address}/b.csv")
    assert len(column(f"{trusted.address}/a.csv", tmp_path)) == 2
    assert [("authorization" in asked, asked["path"]) for asked in trusted.asked] == [
        (True, "/a.csv"),
        (False, "/b.csv"),
    ]
    assert web._authorization("elsewhere.example") is None


def test_a_folder_of_a_web_server_is_refused() -> None:
    with pytest.raises(UsageError, match="does not list the files in a folder"):
        open_source("https://host.example/lists/")


def test_a_file_needs_room_before_it_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unasked() -> Iterator[bytes]:
        raise AssertionError("fetched")
        yield b""

    monkeypatch.setattr(files, "_room", lambda folder: 10)
    with pytest.raises(InputError, match=r"needs 11 bytes, but only 10 are free there\. Delete files"):
        SpooledFile("x.csv", unasked(), 11, tmp_path)
    assert SpooledFile("x.csv", iter([b"12345", b"67890"]), 10, tmp_path).head(99) == b"1234567890"
    with pytest.raises(InputError, match=r"needs more than 10 bytes, but only 10 are free"):
        SpooledFile("x.csv", iter([b"12345", b"678901"]), None, tmp_path)


@pytest.mark.parametrize("size", [9, 11])
def test_a_file_has_the_length_that_was_announced(tmp_path: Path, size: int) -> None:
    with pytest.raises(InputError, match="should have 10 bytes"):
        SpooledFile("x.csv", iter([b"x" * size]), 10, tmp_path)


def test_a_folder_that_cannot_hold_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot keep a copy of the file in .*none': No such file"):
        SpooledFile("x.csv", iter([b""]), 0, tmp_path / "none")
    assert os.listdir(tmp_path) == []
