"""Every format: the same election read alike, and each rule broken gives its line."""

from __future__ import annotations

import csv
import io
import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tables import MemoryFile, ballots_of

from dpselect.ballots import Counted, OnInvalid, Profile, Reading, Rules, parse_candidates
from psiselect.base.errors import InputError, UsageError
from psiselect.elections.ballots import load as load_ballots
from psiselect.elections.ballots import read_file
from psiselect.tables import Table

FIXTURES = Path(__file__).parent.parent / "fixtures" / "ballots"
NAMES = ("Ada", "Bo", "Çelik", "Dvořák")
BALLOTS = {(0, 1): 1, (1,): 1, (): 1, (1, 2): 1, (0, 2, 3): 1}
HEAD = (
    "# DATA TYPE: cat\n# NUMBER ALTERNATIVES: 2\n# NUMBER CATEGORIES: 2\n"
    "# ALTERNATIVE NAME 1: A\n# ALTERNATIVE NAME 2: B\n"
)
PB = "META\nkey;value\nvote_type;approval\nPROJECTS\nproject_id;cost\np;1\nq;2\nVOTES\nvoter_id;vote\n"


def read(text: str, drop: bool = False, names: tuple[str, ...] | None = None, form: str | None = None) -> Counted:
    rules = Rules(names, OnInvalid.DROP if drop else OnInvalid.ERROR)
    return ballots_of(text.encode(), rules, form=form).profile


def load(path: Path, candidates: Path | None = None, form: str | None = None) -> Reading:
    return load_ballots(Table(path), candidates=candidates, form=form)


# --- the same election in every format ---


@pytest.mark.parametrize(
    ("name", "form", "times", "empty"),
    [
        ("list.csv", "csv", 1, True),
        ("columns.csv", "csv", 1, True),
        ("matrix.csv", "csv", 1, True),
        ("town.cat", "cat", 1, True),
        ("zero.cat", "cat", 1_000_000, True),
        ("club.toc", "toc", 1, False),
        ("club.toi", "toi", 1, False),
        ("park.pb", "pb", 1, True),
        ("committee.abc.yaml", "abc.yaml", 1, True),
    ],
)
def test_the_same_election_in_every_format(name: str, form: str, times: int, empty: bool) -> None:
    candidates = FIXTURES / "candidates.txt" if name in ("list.csv", "columns.csv") else None
    for forced in (None, form):
        reading = load(FIXTURES / name, candidates=candidates, form=forced)
        assert reading.format == form
        assert reading.warnings == ()
        names = NAMES if form != "abc.yaml" else ("0", "1", "2", "3")
        assert sorted(reading.profile.candidates) == sorted(names)
        counts = dict(zip(reading.profile.candidates, reading.profile.tally().tolist(), strict=True))
        assert counts == {names[0]: 2 * times, names[1]: 3 * times, names[2]: 2 * times, names[3]: times}
        assert reading.profile.voters == times * (5 if empty else 4)


def test_multiplicities_are_never_expanded() -> None:
    profile = read(HEAD + "10000000000: 1,2\n" * 2, form="cat")
    assert profile.tally().tolist() == [20000000000, 0]
    with pytest.raises(InputError, match="at most 10000000000"):
        read(HEAD + "10000000001: 1,2\n")


def test_notes_are_public_and_warnings_are_for_the_tallier() -> None:
    text = (FIXTURES / "town.cat").read_text()
    assert ballots_of(text.encode()).notes == ("approved: category 'Yes'; not approved: 'Perhaps', 'No'",)
    wrong = text.replace("NUMBER VOTERS: 5", "NUMBER VOTERS: 7").encode()
    assert ballots_of(wrong).warnings == ("the header says that there are 7 voters, but the file holds 5",)
    assert ballots_of(wrong, Rules(None, OnInvalid.DROP)).warnings == ()


def test_a_file_without_ballots_is_a_profile() -> None:
    for text in ("Ada,Bo\n", HEAD, PB, "num_cand: 2\nprofile: []\n"):
        profile = read(text)
        assert profile.voters == 0
        assert profile.tally().tolist() == [0, 0]
        assert profile.tally().dtype == np.int64


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("\ufeffAda,Bo\r\n1,0\r\n", None),
        ("approved\r\nAda;Bo\r\n\r\n\r\n", ("Ada", "Bo")),
        ("approved,approved\nAda,Bo\n", ("Ada", "Bo")),
        ("approved,voter_id\nAda,7\n", ("Ada", "Bo")),
        ('"approved"\n"Ada ; Bo"\n', ("Ada", "Bo")),
        ("Ada;Bo\n1;0\n", None),
        ("voter_id\tAda\tBo\n7\t1\t0\n", None),
        ("approved_1;approved_2\nAda;Bo\n", ("Ada", "Bo")),
        ('voter_id;approved\n7;"Ada;Bo"\n', ("Ada", "Bo")),
        ("\r\n\nAda,Bo\n1,0\n", None),
        (HEAD + "1: {1} , { 2 }\n", None),
        (HEAD.replace("\n", "\r\n") + "1: 1,2\r\n", None),
        (PB + '1;"p,q"\n', None),
        (PB.replace("\nVOTES", "\n\nVOTES") + "1; p , q \n", None),
        ("# a remark\nprofile: [[0, 1]]\nnum_cand: 2\n", None),
        ("num_cand: 2\nprofile:\n  - - '0'\n    - 1\n", None),
    ],
)
def test_spellings_that_are_taken(text: str, names: tuple[str, ...] | None) -> None:
    profile = read(text, names=names)
    assert profile.voters == 1
    assert profile.tally()[0] == 1


def test_names_are_compared_in_one_unicode_form() -> None:
    composed, decomposed = "Dvo\u0159\u00e1k", "Dvor\u030ca\u0301k"
    assert read(f"approved\n{decomposed}\n", names=parse_candidates(composed.encode())).tally().tolist() == [1]
    assert parse_candidates("New\u00a0Street\u200c\n".encode()) == ("New Street\u200c",)


def test_lines_like_a_profile_inside_another_value_are_no_ballots() -> None:
    """Plain lines are read without YAML, so their key has to be one."""
    text = 'num_cand: 2\ndescription: "\nprofile:\n- [0]\n- [0]\ny"\nprofile:\n- [0]\n- [1]\n- [1]\n'
    assert read(text).tally().tolist() == [1, 2]


def test_a_category_is_named_by_its_number() -> None:
    data = (HEAD + "2: 1,2\n").encode()
    for numbers, counts in ((("1",), [2, 0]), (("2",), [0, 2]), (("2", "1"), [2, 2])):
        reading = ballots_of(data, Rules(approve=numbers))
        assert reading.profile.tally().tolist() == counts
    for number in ("0", "3"):
        with pytest.raises(UsageError, match=f"the file has no category '{number}'"):
            ballots_of(data, Rules(approve=(number,)))


def test_remarks_of_a_blt_file() -> None:
    text = '3 1 # seats\n2 1 2 0 # two\n  # nobody\n1 3 0#one\n0 # end\n"A" # first\n"B "b" B"\n"C # c"\n"T" # t\n'
    reading = ballots_of(text.encode(), form="blt")
    assert reading.profile.candidates == ("A", 'B "b" B', "C # c")
    assert (reading.profile.tally().tolist(), reading.profile.voters, reading.left_out) == ([2, 2, 1], 3, {})


def test_a_number_of_any_length_is_one_invalid_ballot_of_belenios() -> None:
    for digits in (19, 20, 5000):
        data = f'{{"result": [[[1,0],[{"9" * digits},0],[0,1],[0,1]]]}}'.encode()
        reading = ballots_of(data, Rules(("Ada", "Bo"), OnInvalid.DROP))
        assert (reading.profile.tally().tolist(), sum(reading.left_out.values())) == ([1, 2], 1)


@pytest.mark.parametrize("row", ["# DATA TYPE: toi", "num_cand: 3", "profile:", "META", '{"result": [[1]]}'])
def test_no_ballot_decides_the_format(row: str) -> None:
    for text, names in (("Ada,Bo\n{}\n1,0\n", None), ("approved\n{}\nAda\n", ("Ada", "Bo"))):
        reading = ballots_of(text.format(row).encode(), Rules(names, OnInvalid.DROP))
        assert (reading.format, reading.profile.tally().tolist()) == ("csv", [1, 0])


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_no_ballot_decides_the_encoding(encoding: str) -> None:
    data = b"approved\n" + "Ada Ada Ada\n".encode(encoding) * 200 + b"\nAda\n"
    reading = ballots_of(data, Rules(("Ada", "Bo"), OnInvalid.DROP))
    assert reading.profile.tally().tolist() == [1, 0]


@pytest.mark.parametrize("header", ['5",approved', 'a "b,approved', '"5""",approved', '"a, ""b",approved'])
def test_no_ballot_decides_where_lines_end(header: str) -> None:
    data = f'{header}\nx,Ada\n"x\rx,Ada\nx"\r,Bo\nx,Ada\n'.encode()
    reading = ballots_of(data, Rules(("Ada", "Bo"), OnInvalid.DROP))
    assert reading.profile.tally().tolist() == [2, 0]


@pytest.mark.parametrize("title", ["", '"T"\n'])
@pytest.mark.parametrize("row", ["0", "0 # end", '"A"', "1 2 0"])
def test_no_ballot_is_the_end_of_the_ballots(row: str, title: str) -> None:
    data = f'2 1\n1 1 0\n{row}\n0\n"A"\n"B"\n{title}'.encode()
    profile = ballots_of(data, Rules(on_invalid=OnInvalid.DROP), form="blt").profile
    assert profile.candidates == ("A", "B")
    assert profile.tally().tolist() == [1, int(row == "1 2 0")]


def test_cells_with_line_breaks_need_a_word() -> None:
    """Then a row that is broken breaks the file, whatever is done about invalid ballots."""
    file = MemoryFile(b'approved,x\n"Ada\nBo",1\nZed,1\nAda,2\n', "ballots")
    rules = Rules(("Ada", "Bo"), OnInvalid.DROP)
    assert read_file(file, rules).profile.tally().tolist() == [1, 0]
    assert read_file(file, rules, line_breaks=True).profile.tally().tolist() == [2, 1]
    for broken in (b'approved,x\nAda,1\n"Bo,1\nBo,1\n', b"approved,x\nAda,1\nBo\n", b"approved,x\nAda,1\nB\xf6,1\n"):
        with pytest.raises(InputError, match="line 3: "):
            read_file(MemoryFile(broken, "ballots"), rules, line_breaks=True)


# --- dropping ---

DROPPED: list[tuple[str | bytes, tuple[str, ...] | None]] = [
    ("approved\nAda\nZoe\nAda;Zed\nAda,Bo\n\nBo Ada\n", ("Ada", "Bo")),
    ('approved\n"Bo" x\n"Bo\nAda\nB\0o\n', ("Ada", "Bo")),
    (b"approved\nB\xf6\nAda\n", ("Ada", "Bo")),
    ('Ada,Bo\n"1,0\n1,0\n"1"1,0\n', None),
    ("Ada,Bo\n1,0\n2,0\n1\n1,0,0\n", None),
    (HEAD + "1: 1,2\n5: {1,1},2\n5: {9},2\n5: 1,2,{}\n5: {1\n", None),
    (PB + "1;p\n2;z\n3;p,z\n4\n\n5;p;q\n", None),
    (PB + '1;"q\n2;p\n3;"q"q\n', None),
    ("num_cand: 2\nprofile: [[0], [0, 0], [7], [x]]\n", None),
]


@pytest.mark.parametrize(("text", "names"), DROPPED)
def test_drop_leaves_out_invalid_ballots_silently(text: str | bytes, names: tuple[str, ...] | None) -> None:
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(InputError, match=r"ballots? (is|are) invalid") as refused:
        ballots_of(data, Rules(names, OnInvalid.ERROR))
    assert "drop" not in str(refused.value)
    reading = ballots_of(data, Rules(names, OnInvalid.DROP))
    assert (reading.profile.voters, reading.profile.tally().tolist()) == (1, [1, 0])
    assert reading.warnings == ()


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=12) | st.sampled_from(
    ["Ada", "Bo", "Ada;Bo", "0", "1", "", "Ada;Ada"]
)


def written(rows: list[list[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(CELLS, min_size=1, max_size=3), max_size=6), st.data())
def test_under_drop_one_record_changes_one_ballot(rows: list[list[str]], data: st.DataObject) -> None:
    """What the guarantee needs: with any one record left out, the tally loses one ballot or stays the same."""
    header, names = data.draw(st.sampled_from([(["approved"], ("Ada", "Bo")), (["Ada", "Bo"], None)]))
    everything = read(written([header, *rows]), drop=True, names=names)
    for gone in range(len(rows)):
        without = read(written([header, *rows[:gone], *rows[gone + 1 :]]), drop=True, names=names)
        assert everything.voters - without.voters in (0, 1)
        difference = (everything.tally() - without.tally()).tolist()
        assert 0 <= min(difference) <= max(difference) <= everything.voters - without.voters


# --- the tally ---


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sets(st.integers(0, 5)), st.integers(1, 10**12)), max_size=8))
def test_tally_equals_a_plain_count(ballots: list[tuple[set[int], int]]) -> None:
    merged: dict[tuple[int, ...], int] = {}
    for ballot, count in ballots:
        key = tuple(sorted(ballot))
        merged[key] = merged.get(key, 0) + count
    profile = Profile(tuple("abcdef"), merged)
    assert profile.tally().tolist() == [sum(n for b, n in ballots if i in b) for i in range(6)]
    assert profile.voters == sum(n for _, n in ballots)


def test_every_small_profile_survives_a_round_trip_through_two_formats() -> None:
    subsets = [s for r in range(3) for s in itertools.combinations(range(2), r)]
    for ballots in itertools.product(subsets, repeat=3):
        matrix = "A,B\n" + "".join(f"{int(0 in b)},{int(1 in b)}\n" for b in ballots)
        cat = HEAD + "".join(
            f"1: {{{','.join(str(i + 1) for i in b)}}},{{{','.join(str(i + 1) for i in (0, 1) if i not in b)}}}\n"
            for b in ballots
        )
        assert read(matrix).approvals == read(cat).approvals
