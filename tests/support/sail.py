"""A Sail in this process, for tests where the extra `sail` is installed."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator
from typing import Any

import pytest


@contextlib.contextmanager
def session() -> Iterator[Any]:
    os.environ.setdefault("RUST_LOG", "error")
    sail = pytest.importorskip("pysail.spark", reason="Sail is not installed (the extra `sail` or `engines`)")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="PySpark does not yet", category=FutureWarning)
        from pyspark.sql.connect.session import SparkSession  # beside it, a Spark can be in this process

        server = sail.SparkConnectServer("127.0.0.1", 0)
        server.start(background=True)
        host, port = server.listening_address
        found = SparkSession.builder.remote(f"sc://{host}:{port}").create()
    yield found
    found.stop()
    server.stop()
