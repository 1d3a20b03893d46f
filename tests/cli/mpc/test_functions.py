"""Threshold, max, argmax and the noisy winner as processes, through MPyC over our own links."""

from __future__ import annotations

import time
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest
from scipy import stats
from support.mpc_processes import Group

from dpselect.privacy import NeighbouringRelation
from mpc.winner import vote_noise, winner_law

THREE = dict.fromkeys(("alice", "bob", "carlos"), "both")
SERVERS = {"alice": "input", "bob": "input", "s1": "server", "s2": "server", "s3": "server"}
HELPER = {"alice": "both", "bob": "both", "helper": "server"}


def values(group: Group, function: str, arguments: dict[str, list[str]], *common: str) -> list[object]:
    ended = group.run(function, arguments, *common)
    for name, end in ended.items():
        assert end.code == 0, (name, end.stdout, end.stderr)
        assert "show each other what they hold" in end.stderr  # the assumption, before anything is sent
    return [end.record["value"] for end in ended.values()]


def test_a_referendum_tells_yes_or_no(tmp_path: Path) -> None:
    group = Group(tmp_path, THREE)
    votes = {"alice": ["--value", "yes"], "bob": ["--value", "no"], "carlos": ["--value", "yes"]}
    assert values(group, "threshold", votes) == [True] * 3
    assert values(group, "threshold", votes, "--at-least", "3") == [False] * 3


def test_two_parties_with_a_helper(tmp_path: Path) -> None:
    group = Group(tmp_path, HELPER)
    votes = {"alice": ["--value", "12.50"], "bob": ["--value", "-2.25"], "helper": []}
    more = ("--decimals", "2", "--bound", "100")
    assert values(group, "threshold", votes, *more, "--at-least", "10.25") == [True] * 3
    assert values(group, "threshold", votes, *more, "--at-least", "10.26") == [False] * 3


def test_two_computing_parties_are_refused_and_a_helper_offered(tmp_path: Path) -> None:
    group = Group(tmp_path, {"alice": "both", "bob": "both"})
    for ended in group.run("threshold", {"alice": ["--value", "1"], "bob": ["--value", "1"]}).values():
        assert ended.code == 6
        assert "Add a third party" in ended.record["error"]["message"]


def test_auction_by_three_servers(tmp_path: Path) -> None:
    group = Group(tmp_path, SERVERS)
    bids = {"alice": ["--value", "5200"], "bob": ["--value", "4100"], "s1": [], "s2": [], "s3": []}
    assert values(group, "max", bids) == [5200] * 5
    assert values(group, "argmax", bids) == ["alice"] * 5


def test_winner_without_tallies(tmp_path: Path) -> None:
    group = Group(tmp_path, THREE)
    (tmp_path / "c.txt").write_text("Anna\nBen\nCleo\n")
    votes = {
        "alice": ["--approve", "Ben"],
        "bob": ["--approve", "Ben", "--approve", "Cleo"],
        "carlos": ["--value", "1,0,0"],
    }
    assert values(group, "argmax", votes, "--candidates", str(tmp_path / "c.txt")) == ["Ben"] * 3


def test_a_noisy_winner_is_the_same_for_all(tmp_path: Path) -> None:
    group = Group(tmp_path, THREE)
    (tmp_path / "c.txt").write_text("Anna\nBen\n")
    for name, tallies in (("alice", "1\n90"), ("bob", "2\n80"), ("carlos", "0\n70")):
        (tmp_path / f"{name}.txt").write_text(tallies + "\n")
    votes = {n: ["--values", str(tmp_path / f"{n}.txt")] for n in THREE}
    common = ("--candidates", str(tmp_path / "c.txt"), "--bound", "100", "--epsilon", "2")
    ended = group.run("argmax", votes, *common)
    records = [e.record for e in ended.values()]
    # A gap of 237 votes at exponent 1 per vote: the other candidate once in e^237 runs.
    assert [r["value"] for r in records] == ["Ben"] * 3
    assert {(r["colluding"], r["exponent_per_vote"], r["neighbors"]) for r in records} == {(1, 1.0, "replace")}


def test_a_server_that_dies_inside_mpyc_is_named(tmp_path: Path) -> None:
    group = Group(tmp_path, THREE)
    candidates = tmp_path / "c.txt"
    candidates.write_text("\n".join(f"c{i}" for i in range(2000)) + "\n")  # long enough to be killed in the middle
    started = {n: group.start(n, "argmax", "--candidates", str(candidates), "--approve", "c7") for n in THREE}
    victim = started.pop("carlos")
    for line in victim.stderr or ():
        if "trusted to follow" in line:
            break
    time.sleep(1.5)  # somewhere inside; the test holds wherever it is
    victim.kill()
    victim.communicate()
    for end in (group.wait(p) for p in started.values()):
        assert end.code == 5, end
        assert "carlos" in end.record["error"]["message"]


@pytest.mark.soak
def test_noisy_winners_through_mpyc_follow_the_law(tmp_path: Path) -> None:
    """40 whole runs; the chi-square test's false alarm is 1e-8."""
    group = Group(tmp_path, THREE)
    (tmp_path / "c.txt").write_text("Anna\nBen\nCleo\n")
    for name, tallies in (("alice", "3\n2\n0"), ("bob", "1\n1\n1"), ("carlos", "0\n1\n1")):
        (tmp_path / f"{name}.txt").write_text(tallies + "\n")
    votes = {n: ["--values", str(tmp_path / f"{n}.txt")] for n in THREE}
    common = ("--candidates", str(tmp_path / "c.txt"), "--bound", "9", "--epsilon", "1", "--neighbors", "add-remove")
    won = Counter(str(values(group, "argmax", votes, *common)[0]) for _ in range(40))
    law = winner_law([4, 4, 2], vote_noise(Fraction(1), NeighbouringRelation.ADD_REMOVE, 3, 1))
    assert stats.chisquare([won[c] for c in ("Anna", "Ben", "Cleo")], law * 40).pvalue > 1e-8
