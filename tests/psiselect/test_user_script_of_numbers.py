"""A user's program: mypy --strict reads it with the rest of the tree, and it runs where warnings are errors."""

from __future__ import annotations

import warnings
from pathlib import Path

from support import user_script_of_numbers as user_script


def test_it_runs_without_a_warning(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("raise,smoker\n3800,yes\n2514,no\n")
    (tmp_path / "ballots.csv").write_text("Ada,Bo\n1,0\n0,1\n")
    (tmp_path / "scores.csv").write_text("name,score\nA,1\nB,2\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shown = user_script.main(tmp_path / "rows.csv", tmp_path / "ballots.csv", tmp_path / "scores.csv", tmp_path)
    assert len(shown) == 10
    for secret in ("6314", "Ada", "Bo", "yes", "winner", "value"):
        assert secret not in "".join(shown).replace(str(tmp_path), "")
