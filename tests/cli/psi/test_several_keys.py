"""Several keys and the compared minimum, through the commands."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.psi_processes import Ended, run, session

ANN = "name,mail,phone\nann,ann@x.org,600700801\nbob,bob@x.org,600700802\neve,eve@x.org,\nno,,\n"
OTHER = "mail,tel\nann@new.org,+48 600 700 801\nBOB@x.org,600700809\neve@x.org,600 700 802\n"
KEYS = ("--key", "mail:email", "--key", "phone:phone,region=PL")


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    (tmp_path / "a.csv").write_text(ANN)
    (tmp_path / "b.csv").write_text(OTHER)
    return tmp_path


def local(tables: Path, *more: str) -> Ended:
    other = ("--key-b", "mail:email", "--key-b", "tel:phone,region=PL")
    return run("psi", "local", tables / "a.csv", tables / "b.csv", *KEYS, *other, *more)


@pytest.mark.parametrize(
    ("matching", "counts", "own", "names"),
    [("one-to-many", [2, 2], 5, ["ann", "bob", "eve"]), ("one-to-one", [2, 1], 3, ["ann", "bob", "eve"])],
)
def test_any_key_matches_and_counts_are_told_by_key(
    tables: Path, matching: str, counts: list[int], own: int, names: list[str]
) -> None:
    shown = local(tables, "--matching", matching, "--output", str(tables / "out.csv"), "--json")
    assert shown.code == 0, shown.err
    found = shown.json
    assert [key["matches"] for key in found["matches_by_key"]] == counts
    assert (found["matches"], found["own_size"], found["matched_rows"]) == (sum(counts), own, 3)
    assert [line.split(",")[0] for line in (tables / "out.csv").read_text().splitlines()[1:]] == names
    assert [key["blank"] for key in found["input"]["keys"]] == [1, 2]


def test_words_for_a_person(tables: Path) -> None:
    shown = local(tables, "--matching", "one-to-one", "--reveal", "count")
    assert shown.code == 0
    assert "3 distinct rows in 4 rows" in shown.out
    assert "mail 2, phone 1" in shown.out


@pytest.mark.parametrize(("least", "code"), [("4", 0), ("5", 6)])
def test_the_side_that_does_not_learn_compares(tables: Path, least: str, code: int) -> None:
    shown = local(tables, "--min-matches", least, "--min-matches-by", "other", "--output", str(tables / "out.csv"))
    assert shown.code == code
    assert (tables / "out.csv").exists() is (code == 0)
    if code:
        assert "fewer matches than --min-matches 5" in shown.err


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--reveal", "noisy-count", "--epsilon", "1", "--delta", "1e-6"), "only with one --key"),
        (("--min-matches-by", "other"), "no minimum"),
        (("--key-b", "mail:email"), "Give both tables the same number of keys"),
    ],
)
def test_what_cannot_be_had_is_refused(tables: Path, more: tuple[str, ...], words: str) -> None:
    shown = local(tables, *more)
    assert shown.code == 2
    assert words in shown.err


def test_over_tls_both_end_with_6_and_the_learner_hears_why(place: Path) -> None:
    both = ("--min-matches", "3", "--min-matches-by", "other")
    acme, globex = session(place, both, both)
    assert (acme.code, globex.code) == (6, 6), (acme, globex)
    for side in (acme, globex):
        assert side.json["error"]["term"] == "min_matches"
    assert "peer" in globex.json["error"]["message"]
    acme, globex = session(place, ("--min-matches", "2", *both[2:]), ("--min-matches", "2", *both[2:]))
    assert (acme.json["matches"], globex.json["matches"]) == (2, 2)
    assert globex.json["matched_rows"] == 2


def test_two_keys_over_tls_with_a_record_that_has_the_counts(place: Path) -> None:
    more = ("--key", "Mail:raw", "--matching", "one-to-one", "--learn", "both", "--record", str(place / "r.json"))
    other = ("--key", "e:raw", *more[2:6], "--record", str(place / "s.json"))
    acme, globex = session(place, more, other)
    assert (acme.code, globex.code) == (0, 0), (acme, globex)
    assert acme.json["matches_by_key"] is not None
    counts = [[key["matches"] for key in side.json["matches_by_key"]] for side in (acme, globex)]
    assert counts[0] == counts[1]
    verified = run("psi", "verify", place / "r.json", "--peer", place / "globex.crt", "--json")
    assert verified.json["record"]["counts"] == counts[0]


def test_a_wrong_column_or_two_rules_are_said_so(tables: Path) -> None:
    shown = run("psi", "local", tables / "a.csv", tables / "b.csv", "--key", "name:email", "--key-b", "mail:email")
    assert shown.code == 3
    assert "Does --key name the right column" in shown.err
    shown = run("psi", "local", tables / "a.csv", tables / "b.csv", "--key", "phone:phone", "--key-b", "mail:email")
    assert shown.code == 2
    assert "--key has the rule 'phone', and --key-b has the rule 'email'. Use the same rule" in shown.err
    other = "mail:email,dots=drop"
    shown = run("psi", "local", tables / "a.csv", tables / "b.csv", "--key", "mail:email", "--key-b", other)
    assert shown.code == 2
    assert "different options: --key has dots=keep, and --key-b has dots=drop. Use the same" in shown.err
