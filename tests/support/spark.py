"""A Spark in this process, for tests where the extra `spark` and Java are installed."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# Tests are short: compiling costs more than it brings.
JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xss4m"


@contextlib.contextmanager
def session(folder: Path, **more: str) -> Iterator[Any]:
    """Encrypted as the command starts it; a task may fail 8 times. folder: for local files and the log of events."""
    pytest.importorskip("pyspark.core.context", reason="the extra `spark` is not installed")
    if shutil.which("java") is None:
        pytest.skip("there is no Java")
    os.environ["PYSPARK_PYTHON"] = sys.executable
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
        "spark.local.dir": str(folder / "local"),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": f"file:{folder}/events",
        "spark.eventLog.compress": "false",
        **more,
    }
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="PySpark does not yet", category=FutureWarning)
        from pyspark.sql import SparkSession

        builder = SparkSession.builder.master("local[2,8]").appName("tests")
        for name, value in settings.items():
            builder = builder.config(name, value)
        found = builder.getOrCreate()
        yield found
        found.stop()
