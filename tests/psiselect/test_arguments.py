"""Errors of the rooms below, in the words of a call."""

from __future__ import annotations

from pathlib import Path

import pytest

import psiselect
from psiselect.arguments import as_arguments

WORDS = {
    "add --show": "add show=",
    "leave out --ledger and --dataset, or say --reveal noisy-count": "leave out ledger= and dataset=, or say "
    'reveal="noisy-count"',
    "below --min-matches 1,000 and withheld": "below min_matches=1000 and withheld",
    "--key mail:emial: no rule 'emial'": "key=\"mail:emial\": no rule 'emial'",
    "Use --key a:phone,region=PL. Both sides": 'Use key="a:phone,region=PL". Both sides',
    "--key-b and --key": "key_b= and key=",
    "give --lower A and --upper B": "give lower=A and upper=B",
    "--voter-column NAME, such as 'id'": "voter_column=NAME, such as 'id'",
    "--separator ';'": "separator=';'",
    "name another file with --input": "name another file with table=",
    "or --no-header": "or header=False",
    "as `psi finish` reads it": "as psiselect.finish() reads it",
    "--counting and --matches-by": "counting= and matches_by=",
    "a -- b, and x--y": "a -- b, and x--y",
    "--learn men": "learn= men",
    "use --protocol ecdh, on both sides": 'use protocol="ecdh", on both sides',
    "Use --min-matches-by learner": 'Use min_matches_by="learner"',
    "Add --engine spark or --engine sail": 'Add engine="spark" or engine="sail"',
}


@pytest.mark.parametrize("said", WORDS)
def test_options_become_arguments(said: str) -> None:
    assert as_arguments(said) == WORDS[said]


def test_a_call_speaks_of_no_option_that_it_has_not(tmp_path: Path) -> None:
    """`elect` has no argument for --show of the command."""
    ballots = tmp_path / "ballots.csv"
    ballots.write_text("approved\nAnn\nZoe\n")
    with pytest.raises(psiselect.InputError) as refused:
        psiselect.elect(ballots, candidates=["Ann", "Ben"], ballot_column="approved", epsilon="1", neighbors="replace")
    assert "1 of 2 ballots" in str(refused.value)
    assert "show" not in str(refused.value)
    assert "--" not in str(refused.value)
