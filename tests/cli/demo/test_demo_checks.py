"""The demo does not call a wrong answer right, and leaves nothing behind but what it was asked to keep."""

from __future__ import annotations

from pathlib import Path

import click
import pyarrow as pa
import pyarrow.csv as pcsv
import pytest

from cli.demo import command as demo
from cli.demo.samples import Samples, write_samples
from psi.tables import open_source
from psiselect.base.errors import PsiselectError

REACH = 14  # of the noise at epsilon 1, delta 1e-6


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return write_samples(tmp_path_factory.mktemp("samples"))


def learnt(**globex: int) -> demo._Run:
    return demo._Run(acme={}, globex=dict(globex))


def written(samples: Samples, path: Path, *, without: int = 0, reverse: bool = False) -> Path:
    """Globex's rows in common as a file, the last ones left out."""
    table = pa.Table.from_batches(open_source(samples.globex.path).batches())
    common = samples.common_emails()
    rows = table.filter(pa.array([email in common for email in samples.globex.emails])).select(["member"])
    rows = rows.slice(0, rows.num_rows - without)
    pcsv.write_csv(rows.take(pa.array(range(rows.num_rows))[::-1]) if reverse else rows, path)
    return path


def test_matches_are_held_against_the_plain_join(samples: Samples, tmp_path: Path) -> None:
    common = samples.common_emails()
    right = written(samples, tmp_path / "right.csv")
    assert demo._check(samples, common, learnt(matches=len(common)), right).num_rows > len(common)
    for count, file in (
        (len(common) - 1, right),
        (len(common) + 1, right),
        (len(common), written(samples, tmp_path / "short.csv", without=1)),
        (len(common), written(samples, tmp_path / "other.csv", reverse=True)),
    ):
        with pytest.raises(PsiselectError, match="a bug"):
            demo._check(samples, common, learnt(matches=count), file)


def test_counts_are_held_against_the_plain_join() -> None:
    for near in (800 - REACH, 800 + REACH):
        demo._check_counts(800, learnt(matches=800), learnt(noisy_count=near))
    for count, near, said in (
        (799, 800, "without noise counted 799"),
        (801, 800, "without noise counted 801"),
        (800, 800 - REACH - 1, "with noise counted"),
        (800, 800 + REACH + 1, "cannot change the number so much"),
    ):
        with pytest.raises(PsiselectError, match=rf"{said}.* a bug"):
            demo._check_counts(800, learnt(matches=count), learnt(noisy_count=near))


def test_a_temporary_folder_goes_and_a_named_one_is_new_and_stays(tmp_path: Path) -> None:
    with demo._folder(None) as temporary:
        assert temporary.is_dir()
    assert not temporary.exists()
    with demo._folder(tmp_path / "a" / "b") as kept:
        (kept / "file").touch()
    assert (kept / "file").exists()
    with (
        pytest.raises(click.UsageError, match="Name a folder that does not exist yet"),
        demo._folder(tmp_path / "a" / "b"),
    ):
        pass
