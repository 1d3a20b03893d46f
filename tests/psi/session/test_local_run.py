"""Two parties in one process: each run and each side has a key of its own."""

from __future__ import annotations

from pathlib import Path

from support.jobs import agreed, specs
from support.parties import backend

from psi.agreement.modes import Learner, Reveal, Side
from psi.session import local
from psi.session.job import Job, Memory
from psi.tables import open_source
from psiselect.base.entropy import SystemEntropy


def test_both_sides_of_two_runs_sign_with_four_keys(tmp_path: Path) -> None:
    """And nothing else in their records is the same by accident: the transcripts differ too."""
    keys = specs("a:text")
    terms = agreed(keys, Reveal.MATCHES, Learner.BOTH)
    (tmp_path / "t.csv").write_text("a\n1\n2\n")
    prints, transcripts = set(), set()
    for _ in range(2):
        jobs = {side: Job(open_source(tmp_path / "t.csv"), keys, side, terms, Memory.default()) for side in Side}
        results = local.run(jobs, backend(), SystemEntropy())
        record = results[Side.CONNECT].record
        prints |= set(record["fingerprints"].values())
        transcripts.add(record["transcript"])
        assert [result.outcome.matches for result in results.values()] == [2, 2]
    assert len(prints) == 4
    assert len(transcripts) == 2
