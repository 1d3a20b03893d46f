"""What must be there before an engine sees a list, and what its errors become; no engine runs here."""

from __future__ import annotations

import importlib
import importlib.util
import secrets
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from psi.distributed import engines, failures, secret_files
from psi.distributed.engines import EngineAddress, EngineKind
from psi.distributed.functions import InTurn
from psi.distributed.places import EnginePlaces, source_of
from psi.distributed.secret_files import TaskKey
from psi.tables import ReadingOptions
from psiselect.base.errors import InputError, RemoteError, ResourceError, UsageError

ENCRYPTED = {"spark.io.encryption.enabled": "true"}
CRYPTO = {"spark.network.crypto.enabled": "true"}


@pytest.mark.parametrize(
    ("conf", "said"),
    [
        (ENCRYPTED | {"spark.master": "local[2]"}, None),
        (ENCRYPTED | {"spark.master": "local"}, None),
        (ENCRYPTED | {"spark.master": "spark://a:7077"}, "between its machines without"),
        (ENCRYPTED | {"spark.master": "local-cluster[2,1,1024]"}, "between its machines without"),
        (ENCRYPTED | CRYPTO | {"spark.master": "yarn"}, "between its machines without"),  # no authentication: off
        (ENCRYPTED | CRYPTO | {"spark.master": "yarn", "spark.authenticate": "true"}, None),
        (ENCRYPTED | {"spark.master": "yarn", "spark.ssl.rpc.enabled": "true"}, None),
        (
            {"spark.io.encryption.enabled": "false", "spark.master": "local[2]"},
            "this Spark writes your list's keys to local disks without",
        ),
        (CRYPTO | {"spark.master": "local[2]"}, "local disks without"),
        ({}, "Sail writes your list's keys to local disks without"),
    ],
)
def test_what_a_spark_must_promise(conf: dict[str, str], said: str | None) -> None:
    """Who accepts plain files accepts them from an engine without the setting, and from no Spark."""
    asked = SimpleNamespace(conf=conf)
    for accept_plain in (False, True):
        if said is None or (accept_plain and not conf):
            engines.require_private_shuffle(asked, accept_plain=accept_plain)
        else:
            with pytest.raises(UsageError, match=said):
                engines.require_private_shuffle(asked, accept_plain=accept_plain)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (EngineAddress(EngineKind.SAIL, master="local"), "--master works only with Spark"),
        (EngineAddress(EngineKind.SPARK, master="local", remote="sc://a"), "each say where the engine runs"),
        (EngineAddress(EngineKind.SPARK, remote="http://a"), "sc://HOST:15002"),
        (EngineAddress(EngineKind.SPARK, accept_plain=True), "Spark can. Set"),
        (EngineAddress(EngineKind.SPARK, master="local", held=object()), "the engine is running already"),
    ],
)
def test_options_that_make_no_sense_together(address: EngineAddress, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        address.check()


@pytest.mark.parametrize(
    ("address", "here"),
    [
        (EngineAddress(EngineKind.SPARK), True),
        (EngineAddress(EngineKind.SPARK, master="local[4]"), True),
        (EngineAddress(EngineKind.SPARK, master="local-cluster[2,1,1024]"), False),
        (EngineAddress(EngineKind.SPARK, master="yarn"), False),
        (EngineAddress(EngineKind.SAIL), True),
        (EngineAddress(EngineKind.SAIL, remote="sc://127.0.0.1:1"), False),
        (EngineAddress(EngineKind.SPARK, held=SimpleNamespace(conf={"spark.master": "local[2]"})), False),
    ],
)
def test_where_an_engine_works(address: EngineAddress, here: bool) -> None:
    """A server that calls itself local is elsewhere: only a Spark in this process is not."""
    assert address.here is here


@pytest.mark.parametrize("kind", EngineKind)
def test_an_engine_that_is_not_installed_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, kind: EngineKind
) -> None:
    real = importlib.import_module

    def missing(name: str) -> Any:
        if name.split(".")[0] in ("pyspark", "pysail", "grpc"):
            raise ModuleNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with (
        pytest.raises(UsageError, match=rf"pip install 'psiselect\[{kind.value}\]'"),
        engines.opened(EngineAddress(kind, accept_plain=kind is EngineKind.SAIL)),
    ):
        pytest.fail("it opened")


@pytest.mark.parametrize(
    ("version", "said"),
    [(None, "there is no Java"), ('openjdk version "11.0.2"', "is version 11"), ("strange", "an older one")],
)
def test_a_java_that_spark_needs_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str | None, said: str
) -> None:
    if version is not None:
        java = tmp_path / "bin" / "java"
        java.parent.mkdir()
        java.write_text(f"#!/bin/sh\necho '{version}' >&2\n")
        java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setattr(importlib, "import_module", lambda name: SimpleNamespace())
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    with pytest.raises(UsageError, match=f"Java 17.*{said}"), engines.opened(EngineAddress(EngineKind.SPARK)):
        pytest.fail("it opened")


def test_what_a_spark_is_started_with() -> None:
    """It promises what is asked of every Spark. What suits one machine is not put on a cluster."""
    for master in ("local[2]", "yarn"):
        made = engines.settings(master)
        assert (made["spark.io.encryption.enabled"], made["spark.ui.enabled"]) == ("true", "false")
        engines.require_private_shuffle(SimpleNamespace(conf=made | {"spark.master": "local"}), accept_plain=False)
    assert set(engines.settings("yarn")) < set(engines.settings("local[2]"))
    here = engines.settings("local[2]")["spark.driver.defaultJavaOptions"].split()
    assert here[0] == "-XX:+IgnoreUnrecognizedVMOptions"  # another Java may lack the others
    assert all(option.startswith("-XX:Tier4") for option in here[1:])


def test_a_client_without_spark_is_told_from_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib, "import_module", lambda name: SimpleNamespace())
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with (
        pytest.raises(UsageError, match="is only a client, and Spark itself is missing"),
        engines.opened(EngineAddress(EngineKind.SPARK)),
    ):
        pytest.fail("it opened")


@pytest.mark.parametrize(
    ("version", "old"),
    [("3.4.4", True), ("2.4.8", True), ("3.5.0", False), ("4.0.1", False), ("10.0", False), ("x", False)],
)
def test_the_oldest_spark(version: str, old: bool) -> None:
    if old:
        with pytest.raises(UsageError, match=rf"this is Spark {version}, but psiselect needs Spark 3\.5"):
            engines.require_version(version)
    else:
        engines.require_version(version)


def test_an_old_spark_that_the_caller_holds_is_refused() -> None:
    held = SimpleNamespace(conf=ENCRYPTED | {"spark.master": "local"}, version="3.4.0")
    with (
        pytest.raises(UsageError, match=r"3\.4\.0"),
        engines.opened(EngineAddress(EngineKind.SPARK, held=held)),
    ):
        pytest.fail("it opened")


def in_buckets(*batches: list[tuple[bytes, int]]) -> Any:
    for rows in batches:
        yield pa.RecordBatch.from_arrays(
            [pa.array([value for value, _ in rows], pa.binary()), pa.array([bucket for _, bucket in rows], pa.int32())],
            names=["value", "bucket"],
        )


@pytest.mark.parametrize(
    "batches",
    [
        [[(b"a", 0), (b"b", 0), (b"c", 1)]],
        [[(b"a", 0)], [(b"b", 0)], [(b"c", 1)]],
        [[], [(b"a", 0), (b"b", 0)], [], [(b"c", 1)], []],
    ],
)
def test_a_spark_without_functions_of_groups_seals_one_bucket_after_the_other(batches: Any) -> None:
    """Spark 3.5: buckets come in order, cut anyhow."""
    seen: list[list[bytes]] = []

    class Together:
        schema = "sealed binary"

        def __call__(self, bucket: pa.Table) -> pa.Table:
            seen.append(bucket.column("value").to_pylist())
            return pa.table({"sealed": pa.array([b"+".join(seen[-1])], pa.binary())})

    made = list(InTurn(Together())(in_buckets(*batches)))
    assert [cell for batch in made for cell in batch.column(0).to_pylist()] == [b"a+b", b"c"]
    assert list(InTurn(Together())(in_buckets([], []))) == []


def raised(name: str, text: str) -> Exception:
    """An error of an engine's library."""
    kind = type(name, (Exception,), {"__module__": "pyspark.errors.exceptions"})
    made: Exception = kind(text)
    return made


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (raised("AnalysisException", "[PATH_NOT_FOUND] no x\nmore"), InputError, r"\[PATH_NOT_FOUND\] no x\)$"),
        (raised("AnalysisException", "[PATH_ALREADY_EXISTS] x"), UsageError, "does not overwrite"),
        (raised("PythonException", "psiselect.base.errors.InputError: the reason\nmore"), InputError, "^the reason$"),
        (raised("PythonException", "psiselect.base.errors.RemoteError: it"), RemoteError, "^it$"),
        (raised("SparkException", "[MALFORMED_RECORD] somebody@example.org"), InputError, "more or fewer fields"),
        (raised("Py4JJavaError", "java.io.IOException: somebody@example.org"), ResourceError, r"java\.io\.IOException"),
        (raised("SparkConnectGrpcException", "somebody@example.org"), ResourceError, "SparkConnectGrpcException"),
    ],
)
def test_errors_of_an_engine_are_typed_and_quote_no_row(error: Exception, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said) as caught, failures.typed():
        raise error
    assert "somebody" not in str(caught.value)


def test_what_keeps_an_engine_from_starting_is_said_in_its_words() -> None:
    text = (
        "An error occurred while calling None.\n: java.lang.IllegalArgumentException: A secret key is missing.\n\tat x"
    )
    with pytest.raises(UsageError, match=r"does not start.*: java.*Exception: A secret key is missing\.\)$"):  # noqa: SIM117
        with failures.typed(), failures.starting():
            raise raised("Py4JJavaError", text)


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(ZeroDivisionError), failures.typed():
        raise ZeroDivisionError


@pytest.fixture
def key(tmp_path: Path) -> TaskKey:
    path = tmp_path / "task.key"
    path.touch(0o600)
    path.write_text(secrets.token_hex(32) + "\n")
    return TaskKey(path)


def test_a_task_key_opens_secrets_that_stand_sealed_in_a_plan(key: TaskKey) -> None:
    planted = b"canary-of-thirty-two-bytes......"
    with secret_files.kept(key, {"mask": planted}) as where, secret_files.kept(key, {"mask": planted}) as again:
        assert secret_files.read(where) == secret_files.read(again) == {"mask": planted}
        assert planted.hex() not in where
        assert where != again
    key.path.write_text("00" * 32)
    with pytest.raises(InputError, match="differs from the one on the machine where you ran the command"):
        secret_files.read(where)


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        ("00" * 32, 0o644, "others can read"),
        ("00" * 32, 0o640, "others can read"),
        ("00" * 31, 0o600, "64 hexadecimal digits"),
        ("", 0o600, "64 hexadecimal"),
    ],
)
def test_a_task_key_is_private_and_whole(key: TaskKey, content: str, mode: int, said: str) -> None:
    key.path.write_text(content)
    key.path.chmod(mode)
    with pytest.raises(InputError, match=said), secret_files.kept(key, {}):
        pytest.fail("it was taken")


def test_packed_parts_are_refused_before_an_engine_parses_them(tmp_path: Path) -> None:
    (tmp_path / "elements-1").mkdir()
    part = tmp_path / "elements-1" / "part-0.parquet"
    here = EnginePlaces(None, here=True)
    for packing in ("none", "zstd"):
        pq.write_table(pa.table({"sealed": pa.array([bytes(100)], pa.binary())}), part, compression=packing)
        if packing == "none":
            here.check_parts(str(tmp_path), ["elements-1", "elements-2"])
        else:
            with pytest.raises(InputError, match="is compressed"):
                here.check_parts(str(tmp_path), ["elements-1"])


@pytest.mark.parametrize(
    ("name", "said", "words"),
    [
        ("s3://a/list.csv", {"header_lines": 2}, "an engine reads only one header line"),
        ("s3://a/list.parquet", {"header_lines": 2}, "an engine reads only one header line"),
        ("s3://a/list.parquet", {"delimiter": ";"}, "--delimiter does not apply"),
        ("table:people", {"encoding": "cp1252"}, "--encoding does not apply"),
    ],
)
def test_what_is_said_of_a_list_is_never_passed_over(name: str, said: dict[str, Any], words: str) -> None:
    session = SimpleNamespace()  # nothing is asked of it
    with pytest.raises(UsageError, match=words):
        source_of(session, name, ReadingOptions.of(**said), EnginePlaces(session, here=False))
