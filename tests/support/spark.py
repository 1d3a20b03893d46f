"""A Spark in this process, for tests where pyspark and a Java that it runs on are installed."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from psi.distributed import engines
from psiselect.base.errors import UsageError
from support import checkout
from support.attempts import wait_for_text

# Tests are short: compiling costs more than it brings.
JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xss4m"
# Everything that the processes of a Spark say, in one file; of what goes to a console Spark drops the most part.
# Parquet writes every cell to its log at the level `debug`, as the page says; others say much that is of no use here.
_LOG = """
rootLogger.level = debug
rootLogger.appenderRef.all.ref = all
appender.all.type = File
appender.all.name = all
appender.all.fileName = {folder}/all.log
appender.all.layout.type = PatternLayout
appender.all.layout.pattern = %p %c %m%n%ex
logger.parquet.name = org.apache.parquet
logger.parquet.level = info
logger.cleaner.name = org.apache.spark.ContextCleaner
logger.cleaner.level = info
logger.netty.name = org.apache.spark.network.util.NettyLogger
logger.netty.level = info
logger.pages.name = org.sparkproject.jetty
logger.pages.level = info
"""


def require() -> None:
    """Skip the test, with the reason, where there is no Spark."""
    pytest.importorskip("py4j", reason="Spark is not installed (the extra `spark` or `engines`)")
    try:
        engines.require_java()
    except UsageError as error:
        pytest.skip(str(error))


def environment() -> dict[str, str]:
    """Of processes of Spark: workers find this checkout, whatever is installed."""
    return checkout.environment() | {"PYSPARK_PYTHON": sys.executable}


def home(folder: Path) -> Path:
    """A place for Spark's programs, by links: executors that it starts write beside them."""
    import pyspark

    made = folder / "home"
    made.mkdir()
    for path in Path(pyspark.__file__).parent.iterdir():
        (made / path.name).symlink_to(path)
    return made


@contextlib.contextmanager
def session(folder: Path, master: str = "local[2,8]", **more: str) -> Iterator[Any]:
    """Encrypted as the command starts it; a task may fail 8 times. folder: for local files and the log of events."""
    require()
    for name in ("local", "events"):
        (folder / name).mkdir()
    settings = {
        "spark.io.encryption.enabled": "true",
        "spark.authenticate": "true",
        "spark.network.crypto.enabled": "true",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "OFF",
        "spark.sql.shuffle.partitions": "2",
        "spark.default.parallelism": "2",
        "spark.driver.extraJavaOptions": f"{JAVA} -Dderby.system.home={folder}",
        "spark.executor.extraJavaOptions": JAVA,
        "spark.local.dir": str(folder / "local"),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": f"file:{folder}/events",
        "spark.eventLog.compress": "false",
        **more,
    }
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        for name in ("PYSPARK_PYTHON", "PYTHONPATH"):
            patch.setenv(name, environment()[name])
        warnings.filterwarnings("ignore", message="PySpark does not yet", category=FutureWarning)
        from pyspark.sql import SparkSession

        builder = SparkSession.builder.master(master).appName("tests")
        for name, value in settings.items():
            builder = builder.config(name, value)
        found = builder.getOrCreate()
        yield found
        found.stop()


def of_several_processes(folder: Path) -> dict[str, str]:
    """Settings of a Spark whose executors are processes of their own, which shows all that it knows, and logs it."""
    (folder / "log.properties").write_text(_LOG.format(folder=folder))
    java = f"{JAVA} -Dlog4j2.configurationFile=file:{folder}/log.properties"
    return {
        "spark.authenticate.secret": secrets.token_hex(16),
        "spark.driver.extraJavaOptions": f"{java} -Dderby.system.home={folder}",
        "spark.executor.extraJavaOptions": java,
        "spark.driver.host": "127.0.0.1",
        "spark.executor.memory": "600m",
        "spark.ui.enabled": "true",
        "spark.ui.port": "0",
        "spark.log.level": "DEBUG",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "8",  # so that a task has a middle
    }


@contextlib.contextmanager
def standalone(folder: Path) -> Iterator[tuple[str, str]]:
    """A master and two workers, each a process under an address of its own: the master, and the secret of all."""
    require()
    import pyspark

    jars = f"{Path(pyspark.__file__).parent}/jars/*"
    (core,) = Path(pyspark.__file__).parent.glob("jars/spark-core_*.jar")
    scala = core.name.removeprefix("spark-core_").partition("-")[0]
    secret = secrets.token_hex(16)
    secured = [f"-Dspark.authenticate=true -Dspark.authenticate.secret={secret}", "-Dspark.network.crypto.enabled=true"]
    java = ["java", *JAVA.split(), *" ".join(secured).split(), "-cp", jars]
    started = []

    def start(name: str, what: str, *arguments: str) -> None:
        with (folder / f"{name}.log").open("wb") as log:
            command = [*java, f"org.apache.spark.deploy.{what}", *arguments, "--webui-port", "0"]
            # Spark's own scripts set the second one, without which a worker starts no executor.
            place = environment() | {"SPARK_HOME": str(Path(pyspark.__file__).parent), "SPARK_SCALA_VERSION": scala}
            started.append(subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=place))

    try:
        start("master", "master.Master", "--host", "127.0.0.1", "--port", "0")
        address = wait_for_text(folder / "master.log", r"Starting Spark master at (spark://\S+)")
        for number in (1, 2):
            host, work = f"127.0.0.{number}", str(folder / f"work-{number}")
            start(
                f"worker-{number}", "worker.Worker", "--host", host, "-c", "1", "-m", "700M", "-d", str(work), address
            )
        for number in (1, 2):
            wait_for_text(folder / f"worker-{number}.log", "(Successfully registered with master)")
        yield address, secret
    finally:
        for process in started:
            process.kill()
            process.wait()
