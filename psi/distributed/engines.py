"""Sessions of Spark and Sail: started here, reached over Spark Connect, or held by the program that calls.

Rule: what is missing is named before anything is read, with what to install or to set.
"""

from __future__ import annotations

import contextlib
import enum
import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from psi.distributed import failures, words

Session = Any
LEAST_JAVA = 17
LEAST_SPARK = 3, 5
_RELEASE = re.compile(r"(\d+)\.(\d+)")
_VERSION = re.compile(r'version "(\d+)')
# A Spark that is started here: nothing plain on disk, no page that other users of the machine can open, a quiet log.
_STARTED: Mapping[str, str] = {
    "spark.io.encryption.enabled": "true",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "OFF",
}
# What one machine needs beside that, and what costs it more than it brings: 200 parts of each shuffle, a file for each
# part, sorting what fits in memory, and compiling Java code that runs a few thousand times (tenfold thresholds).
_LOCAL: Mapping[str, str] = {
    "spark.authenticate": "true",
    "spark.network.crypto.enabled": "true",
    "spark.sql.shuffle.partitions": "32",
    "spark.shuffle.sort.bypassMergeThreshold": "1",
    "spark.sql.files.maxPartitionBytes": "32MB",  # a task may have all of it in memory
    "spark.sql.adaptive.maxShuffledHashJoinLocalMapThreshold": "16MB",
    "spark.driver.defaultJavaOptions": " ".join(
        (
            "-XX:+IgnoreUnrecognizedVMOptions",
            "-XX:Tier4InvocationThreshold=50000",
            "-XX:Tier4MinInvocationThreshold=6000",
            "-XX:Tier4CompileThreshold=150000",
            "-XX:Tier4BackEdgeThreshold=400000",
        )
    ),
}
_ENCRYPTED = "spark.io.encryption.enabled"
_AUTHENTICATED, _CRYPTO, _SSL = "spark.authenticate", "spark.network.crypto.enabled", "spark.ssl.rpc.enabled"


class EngineKind(enum.Enum):
    """An engine, by the name that `--engine` has for it."""

    SPARK = "spark"
    SAIL = "sail"


@dataclass(frozen=True)
class EngineAddress:
    """Which session of an engine.

    Attributes:
        kind: the engine.
        master: of a Spark that is started here; None for all cores of this machine.
        remote: of a server of Spark Connect, such as sc://host:15002.
        accept_plain: that an engine which cannot encrypt its files writes keys to disk as they are.
        held: a session that the caller has; it stays open.
    """

    kind: EngineKind
    master: str | None = None
    remote: str | None = None
    accept_plain: bool = False
    held: Session = None

    def check(self) -> None:
        """Raises UsageError for options that make no sense together."""
        if self.held is not None and (self.master or self.remote):
            raise words.session_elsewhere()
        if self.master is not None and self.kind is EngineKind.SAIL:
            raise words.no_master_of_sail()
        if self.master is not None and self.remote is not None:
            raise words.master_and_remote()
        if self.remote is not None and not self.remote.startswith("sc://"):
            raise words.not_spark_connect()
        if self.accept_plain and self.kind is EngineKind.SPARK:
            raise words.spark_can_encrypt(_ENCRYPTED)

    @property
    def here(self) -> bool:
        """Whether the engine works on this machine, as this user: paths mean the same there."""
        if self.held is not None:
            # A server of Spark Connect may say `local` of itself, and be elsewhere.
            return type(self.held).__module__ == "pyspark.sql.session" and _local(_conf(self.held, "spark.master"))
        return self.remote is None and (self.master is None or _local(self.master))


@contextlib.contextmanager
def opened(address: EngineAddress) -> Iterator[Session]:
    """The session, which has shown that it keeps keys from disks and networks. What was started here ends on exit.
    Raises UsageError, ResourceError."""
    address.check()
    if address.held is not None:
        with failures.typed():
            _require_fit(address.held, address)
            yield address.held
        return
    with warnings.catch_warnings(), contextlib.ExitStack() as ends, failures.typed():
        warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)
        with failures.starting():
            session = _sail(address, ends) if address.kind is EngineKind.SAIL else _spark(address)
        ends.callback(_stop, session)
        _require_fit(session, address)
        yield session


def _stop(session: Session) -> None:
    with contextlib.suppress(Exception):  # an engine that was killed cannot stop, and what ended it is told elsewhere
        session.stop()


def described(session: Session, kind: EngineKind) -> str:
    """The engine and its version, for people."""
    return kind.value if kind is EngineKind.SAIL else f"{kind.value} {session.version}"


def _require_fit(session: Session, address: EngineAddress) -> None:
    if address.kind is EngineKind.SPARK:
        require_version(session.version)
    require_private_shuffle(session, accept_plain=address.accept_plain)


def require_version(version: str) -> None:
    """Raises UsageError for a Spark that lacks what tasks need. A version of another form passes."""
    found = _RELEASE.match(version)
    if found is not None and (int(found[1]), int(found[2])) < LEAST_SPARK:
        raise words.old_spark(version, ".".join(map(str, LEAST_SPARK)))


def require_private_shuffle(session: Session, *, accept_plain: bool) -> None:
    """Before a list is read: what engines write to disk and send among themselves is encrypted, or somebody accepts
    that it is not, where the engine has no such setting. Raises UsageError."""

    def on(name: str) -> bool:
        return _conf(session, name).lower() == "true"

    master = _conf(session, "spark.master")
    if accept_plain and not master:  # every Spark has one, Sail has none
        return
    if not on(_ENCRYPTED):
        raise words.plain_on_disk(_ENCRYPTED, can_encrypt=bool(master))
    if not _local(master) and not on(_SSL) and not (on(_AUTHENTICATED) and on(_CRYPTO)):
        raise words.plain_on_the_network(_AUTHENTICATED, _CRYPTO, _SSL)


def _local(master: str) -> bool:
    return master == "local" or master.startswith("local[")


def _conf(session: Session, name: str) -> str:
    return str(session.conf.get(name, "") or "")


def _sail(address: EngineAddress, ends: contextlib.ExitStack) -> Session:
    if address.remote is not None:
        return _remote(address)
    os.environ.setdefault("RUST_LOG", "error")  # else it says on stderr that it starts and stops
    _require("pysail", EngineKind.SAIL)
    server = importlib.import_module("pysail.spark").SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    ends.callback(server.stop)
    host, port = server.listening_address
    return _remote(replace(address, remote=f"sc://{host}:{port}"))


def _remote(address: EngineAddress) -> Session:
    _require("pyspark.sql", address.kind)
    _require("grpc", address.kind)
    # The class itself: by way of `pyspark.sql`, this process could start no other Spark afterwards.
    builder = importlib.import_module("pyspark.sql.connect.session").SparkSession.builder
    return builder.remote(address.remote).create()


def _spark(address: EngineAddress) -> Session:
    if address.remote is not None:
        return _remote(address)
    _require("pyspark.sql", EngineKind.SPARK)
    if importlib.util.find_spec("py4j") is None:
        raise words.client_only()
    require_java()
    sql = importlib.import_module("pyspark.sql")
    if sql.SparkSession.getActiveSession() is not None:
        raise words.session_exists()
    master = address.master or "local[*]"
    if _local(master):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = sql.SparkSession.builder.appName("psiselect").master(master)
    for name, value in settings(master).items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def settings(master: str) -> dict[str, str]:
    """Of a Spark that is started here."""
    return {**_STARTED, **(_LOCAL if _local(master) else {})}


def _require(module: str, kind: EngineKind) -> None:
    """Raises UsageError when the engine's library is missing."""
    try:
        importlib.import_module(module)
    except ImportError:
        raise words.not_installed(kind.value) from None


def require_java() -> None:
    """Raises UsageError unless Spark finds a Java that it runs on."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else shutil.which("java")
    where = words.IN_JAVA_HOME if home else words.ON_THE_PATH
    try:
        said = subprocess.run([java or "java", "-version"], capture_output=True, text=True, check=True).stderr
    except (OSError, subprocess.CalledProcessError):
        raise words.no_java(LEAST_JAVA, where) from None
    found = _VERSION.search(said)
    if found is None or int(found[1]) < LEAST_JAVA:
        shown = words.OLDER if found is None else words.version_of_java(found[1])
        raise words.other_java(LEAST_JAVA, where, shown)
