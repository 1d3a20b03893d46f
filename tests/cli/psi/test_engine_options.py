"""`--engine` on the command line: what it refuses, with which exit code, before anything is read."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli.main import root
from psiselect import Identity
from psiselect.base.errors import PsiselectError

WHO = ["--identity", "keys/me", "--peer", "peer.crt"]
OFFER = ["psi", "offer", *WHO, "--input", "list.parquet", "--key", "mail:email", "--out", "offer", "--state", "state"]


def refusal(*options: str) -> PsiselectError:
    done = CliRunner().invoke(root, [*OFFER, *options])
    assert isinstance(done.exception, PsiselectError), done.output
    return done.exception


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--master", "local"], "--master needs --engine spark"),
        (["--task-key", "k"], "--task-key needs --engine"),
        (["--accept-plain-shuffle"], "needs --engine sail"),
        (["--engine", "spark", "--accept-plain-shuffle"], "Spark can"),
        (["--engine", "sail", "--master", "local"], "--master works only with Spark"),
        (["--engine", "spark", "--remote", "sc://a:1"], "--engine-workdir"),
        (["--engine", "spark", "--master", "yarn", "--engine-workdir", "hdfs://a/b"], "--task-key"),
        (["--engine", "spark", "--reveal", "sum"], "--reveal sum, which needs more messages"),
        (["--engine", "spark", "--pad-to", "9"], "--pad-to adds random entries"),
        (["--engine", "spark", "--threads", "2"], "--threads works only without an engine"),
        (["--out", "s3a://a/b"], "Add --engine"),
    ],
)
def test_options_that_make_no_sense_end_with_2(options: list[str], said: str) -> None:
    error = refusal(*options)
    assert error.exit_code == 2
    assert said in str(error)


def test_a_master_needs_spark_and_no_other_engine() -> None:
    assert str(refusal("--master", "local")) == "--master needs --engine spark"


def test_a_missing_extra_ends_with_2_and_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Identity.create("me", tmp_path)
    Identity.create("peer", tmp_path)

    real = importlib.import_module

    def missing(name: str, package: str | None = None) -> Any:
        if name.startswith("pyspark"):
            raise ModuleNotFoundError(name)
        return real(name, package)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(importlib, "import_module", missing)
    error = refusal("--identity", "me", "--engine", "spark")
    assert (error.exit_code, str(error)) == (
        2,
        "the engine spark is not installed. Install it: pip install 'psiselect[spark]'",
    )
    assert not (tmp_path / "state").exists()
