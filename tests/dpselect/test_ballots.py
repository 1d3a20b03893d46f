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
from support.tables import ballots_of

from cli._table import Table
from cli.vote.ballots import load as load_ballots
from dpselect.ballots import FORMATS, OnInvalid, Profile, Reading, Rules, load_candidates, parse, parse_candidates
from psiselect.base.errors import InputError, UsageError

FIXTURES = Path(__file__).parent.parent / "fixtures" / "ballots"
NAMES = ("Ada", "Bo", "Çelik", "Dvořák")
BALLOTS = {(0, 1): 1, (1,): 1, (): 1, (1, 2): 1, (0, 2, 3): 1}
HEAD = (
    "# DATA TYPE: cat\n# NUMBER ALTERNATIVES: 2\n# NUMBER CATEGORIES: 2\n"
    "# ALTERNATIVE NAME 1: A\n# ALTERNATIVE NAME 2: B\n"
)
PB = "META\nkey;value\nvote_type;approval\nPROJECTS\nproject_id;cost\np;1\nq;2\nVOTES\nvoter_id;vote\n"


def read(text: str, drop: bool = False, names: tuple[str, ...] | None = None, form: str | None = None) -> Profile:
    rules = Rules(names, OnInvalid.DROP if drop else OnInvalid.ERROR)
    return ballots_of(text.encode(), rules, form=form).profile


def load(path: Path, candidates: Path | None = None, form: str | None = None) -> Reading:
    return load_ballots(Table(path), candidates=candidates, form=form)


def by_name(profile: Profile) -> dict[frozenset[str], int]:
    return {frozenset(profile.candidates[i] for i in ballot): n for ballot, n in profile.ballots.items()}


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
        expected = {frozenset(names[i] for i in ballot): times for ballot in BALLOTS if ballot or empty}
        assert by_name(reading.profile) == expected
        counts = dict(zip(reading.profile.candidates, reading.profile.tally().tolist(), strict=True))
        assert counts == {names[0]: 2 * times, names[1]: 3 * times, names[2]: 2 * times, names[3]: times}
        assert reading.profile.voters == times * len(expected)


def test_multiplicities_are_never_expanded() -> None:
    profile = read(HEAD + "999999999999999: 1,2\n", form="cat")
    assert profile.ballots == {(0,): 999999999999999}
    assert profile.tally().tolist() == [999999999999999, 0]
    with pytest.raises(InputError, match="more than 1000000000000000 ballots"):
        read(HEAD + "999999999999999: 1,2\n" * 2)


def test_notes_are_public_and_warnings_are_for_the_tallier() -> None:
    text = (FIXTURES / "town.cat").read_text()
    assert ballots_of(text.encode()).notes == ("approved: category 'Yes'; not approved: 'Perhaps', 'No'",)
    wrong = text.replace("NUMBER VOTERS: 5", "NUMBER VOTERS: 7").encode()
    assert ballots_of(wrong).warnings == ("the header says 7 voters, the file holds 5",)
    assert ballots_of(wrong, Rules(None, OnInvalid.DROP)).warnings == ()
    twice = (FIXTURES / "matrix.csv").read_bytes().replace(b"\n2,", b"\n1,")
    assert "voter_id appears more than once" in ballots_of(twice).warnings[0]


def test_a_file_without_ballots_is_a_profile() -> None:
    for text in ("Ada,Bo\n", HEAD, PB, "num_cand: 2\nprofile: []\n"):
        profile = read(text)
        assert profile.ballots == {}
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


# --- each rule broken, with its line ---

BROKEN = [
    # what, text, names, line, message
    ("empty file", "", None, 1, "expected a header"),
    ("names without a list", "approved\nAda\n", None, 1, "--candidates FILE"),
    ("unknown name", "approved\nAda\nZoe\n", ("Ada", "Bo"), 3, "name 1 on the ballot is not on the list"),
    ("name twice", "approved\nAda;Ada\n", ("Ada", "Bo"), 2, "names a candidate twice"),
    ("name twice over columns", "approved_1,approved_2\nAda,Ada\n", ("Ada", "Bo"), 2, "twice"),
    ("trailing separator", "approved\nAda;\n", ("Ada", "Bo"), 2, "name 2 on the ballot"),
    ("blank line inside", "approved\nAda\n\nBo\n", ("Ada", "Bo"), 3, "a blank line among the ballots"),
    ("commas between names", "approved\nAda,Bo\n", ("Ada", "Bo"), 2, "2 fields, the header has 1"),
    ("matrix cell", "Ada,Bo\n1,0\n1,x\n", None, 3, "column 'Bo': expected 0 or 1"),
    ("matrix empty cell", "Ada,Bo\n1,\n", None, 2, "expected 0 or 1"),
    ("matrix row short", "Ada,Bo\n1\n", None, 2, "1 field, the header has 2"),
    ("matrix of another list", "Ada,Bo\n1,1\n", ("Ada", "Cy"), 1, "differ, for one in 'Cy'"),
    ("semicolons above commas", "Ada;Bo\n1,0\n", None, 2, "1 field, the header has 2"),
    ("forgotten header", "x\nAda\n", None, 2, "need a header `approved`"),
    ("candidate twice", "Ada,Bo,Ada\n", None, 1, "'Ada' is already listed in line 1"),
    ("nameless candidate", "Ada,,Bo\n", None, 1, "a candidate's name is"),
    ("escape sequence in a name", "Ada,\x1b[2J\n", None, 1, "printable"),
    ("bidirectional override in a name", "Ada,\u202eBo\n", None, 1, "printable"),
    ("voter_id twice", "voter_id,voter_id,Ada\n", None, 1, "appears twice"),
    ("open quote", 'approved\nAda\n"Bo\n', ("Ada", "Bo"), 3, "a quoted field is not closed"),
    ("text after a quote", 'approved\n"Ada"x\n', ("Ada", "Bo"), 2, "text after a closing quote"),
    ("text after a quote in the header", '"Ada"x,Bo\n1,1\n', None, 1, "text after a closing quote"),
    ("huge field", "approved\n" + "A" * 200_000 + "\n", ("Ada", "Bo"), 2, "not on the list"),
    ("huge line", "approved\nAda\n" + "A" * 5_000_000 + "\n", ("Ada", "Bo"), 3, "a line longer than 4 MiB"),
    ("a NUL", "approved\nAda\nB\0o\n", ("Ada", "Bo"), 3, "a NUL character"),
    ("cat: no alternatives", "# DATA TYPE: cat\n1: 1\n", None, 1, "NUMBER ALTERNATIVES"),
    ("cat: name missing", HEAD.replace("# ALTERNATIVE NAME 2: B\n", "") + "1: 1\n", None, 4, "1 ALTERNATIVE NAME"),
    ("cat: a gap in numbers", HEAD.replace("NAME 2", "NAME 3") + "1: 1\n", None, 5, "without gaps"),
    ("cat: number twice", HEAD.replace("NAME 2", "NAME 1"), None, 5, "no other line has"),
    ("cat: name twice", HEAD.replace(": B", ": A"), None, 5, "'A' is already listed in line 4"),
    ("cat: total twice", "# DATA TYPE: cat\n# NUMBER ALTERNATIVES: 2\n# NUMBER ALTERNATIVES: 2\n", None, 3, "twice"),
    ("cat: not a number", HEAD.replace("ALTERNATIVES: 2", "ALTERNATIVES: two"), None, 2, "a whole number"),
    ("cat: five thousand digits", HEAD + "9" * 5000 + ": 1,2\n", None, 6, "expected `count: groups`"),
    ("cat: count zero", HEAD + "0: 1,2\n", None, 6, "a count of 1 or more"),
    ("cat: negative count", HEAD + "-3: 1,2\n", None, 6, "expected `count: groups`"),
    ("cat: no colon", HEAD + "1,2\n", None, 6, "expected `count: groups`"),
    ("cat: no groups", HEAD + "1:\n", None, 6, "expected groups such as"),
    ("cat: open brace", HEAD + "1: {1,2\n", None, 6, "expected groups such as"),
    ("cat: nested", HEAD + "1: {{1},2}\n", None, 6, "expected groups such as"),
    ("cat: trailing comma", HEAD + "1: 1,\n", None, 6, "expected groups such as"),
    ("cat: comma in braces", HEAD + "1: {1,},2\n", None, 6, "expected groups such as"),
    ("cat: foreign digits", HEAD + "1: {\u0661},2\n", None, 6, "expected groups such as"),
    ("cat: three categories of two", HEAD + "1: 1,2,{}\n", None, 6, "3 categories, the header 2"),
    ("cat: twice in a group", HEAD + "1: {1,1},2\n", None, 6, "twice"),
    ("cat: in two groups", HEAD + "1: {1,2},1\n", None, 6, "twice"),
    ("cat: unknown number", HEAD + "1: {1,7},2\n", None, 6, "no ALTERNATIVE NAME has"),
    ("cat: number zero", HEAD + "1: 0,{1,2}\n", None, 6, "no ALTERNATIVE NAME has"),
    ("cat: late header", HEAD + "1: 1,2\n# TITLE: x\n", None, 7, "after the first ballot"),
    ("strict orders", HEAD.replace("TYPE: cat", "TYPE: soc"), None, 1, "not cat, toc or toi"),
    ("no data type", HEAD.replace("# DATA TYPE: cat\n", ""), None, 1, "--format"),
    ("pb: ordinal", PB.replace("approval", "ordinal"), None, 3, "not approvals"),
    ("pb: no vote type", PB.replace("vote_type;approval\n", ""), None, 1, "vote_type;approval"),
    ("pb: weights", PB.replace("voter_id;vote", "voter_id;vote;weight"), None, 9, "weighted"),
    ("pb: no votes", PB[: PB.index("VOTES")], None, 7, "section VOTES is missing"),
    ("pb: order of sections", "META\nkey;value\nVOTES\n", None, 3, "expected the section PROJECTS"),
    ("pb: no project_id", PB.replace("project_id", "id"), None, 5, "project_id"),
    ("pb: no column vote", PB.replace(";vote", ";votes"), None, 9, "a column vote"),
    ("pb: column twice", PB.replace("voter_id;vote", "vote;vote"), None, 9, "without repeated columns"),
    ("pb: project twice", PB.replace("q;2", "p;2"), None, 7, "'p' is already listed in line 6"),
    ("pb: ragged project", PB.replace("q;2", "q;2;3"), None, 7, "3 columns where the header of PROJECTS has 2"),
    ("pb: ragged vote", PB + "1;p;x\n", None, 10, "3 columns where the header of VOTES has 2"),
    ("pb: unknown project", PB + "1;p\n2;z\n", None, 11, "name 1 on the ballot"),
    ("pb: project twice on a ballot", PB + '1;"p,p"\n', None, 10, "twice"),
    ("pb: too long", PB.replace("PROJ", "max_length;1\nPROJ", 1) + "1;p,q\n", None, 11, "at most 1 may be"),
    ("pb: too short", PB.replace("PROJ", "min_length;1\nPROJ", 1) + "1;\n", None, 11, "at least 1 must be"),
    ("pb: bad bound", PB.replace("PROJ", "max_length;few\nPROJ", 1), None, 4, "META max_length"),
    ("pb: key twice", PB.replace("PROJ", "vote_type;approval\nPROJ", 1), None, 4, "'vote_type' twice"),
    ("yaml: no num_cand", "profile: [[0]]\n", None, 1, "num_cand and profile are needed"),
    ("yaml: weights", "num_cand: 1\nprofile: [[0]]\nvoter_weights: [2]\n", None, 3, "weighted"),
    ("yaml: unknown candidate", "num_cand: 2\nprofile:\n- [0]\n- [2]\n", None, 4, "name 1 on the ballot"),
    ("yaml: negative", "num_cand: 2\nprofile: [[-1]]\n", None, 2, "name 1 on the ballot"),
    ("yaml: twice", "num_cand: 2\nprofile: [[1, 1]]\n", None, 2, "twice"),
    ("yaml: key twice", "num_cand: 2\nnum_cand: 3\nprofile: []\n", None, 2, "once"),
    ("yaml: odd key", "num_cand: 2\nvoters: 3\nprofile: []\n", None, 2, "expected each of"),
    ("yaml: no list", "num_cand: 2\nprofile: 3\n", None, 2, "expected a list of approval sets"),
    ("yaml: no sets", "num_cand: 2\nprofile: [1]\n", None, 2, "expected an approval set"),
    ("yaml: nested sets", "num_cand: 2\nprofile: [[[1]]]\n", None, 2, "expected candidates' numbers"),
    ("yaml: none", "num_cand: 0\nprofile: []\n", None, 1, "expected 1 to"),
    ("yaml: a billion", "num_cand: 1000000000\nprofile: []\n", None, 1, "expected 1 to"),
    ("yaml: an alias", "num_cand: 2\nprofile: [&a [0], *a]\n", None, 2, "anchors and aliases"),
    ("yaml: deep", "num_cand: 2\nprofile: " + "[" * 2000 + "\n", None, 2, "."),
    ("yaml: deep elsewhere", "num_cand: 2\nprofile: []\ncompute: " + "[" * 900 + "]" * 900, None, 3, "deep"),
    ("yaml: broken", "num_cand: 2\nprofile: [[0\n", None, 3, "not well-formed YAML"),
    ("yaml: two documents", "num_cand: 2\nprofile: []\n---\nnum_cand: 2\n", None, 3, "one YAML document"),
    ("yaml: an object", "num_cand: !!python/object:os.system 2\nprofile: []\n", None, None, ""),
]


@pytest.mark.parametrize(("text", "names", "line", "message"), [row[1:] for row in BROKEN], ids=[r[0] for r in BROKEN])
def test_each_broken_rule_names_its_line(
    text: str, names: tuple[str, ...] | None, line: int | None, message: str
) -> None:
    if line is None:  # tags are never acted on: the value is text like any other
        assert read(text, names=names).candidates == ("0", "1")
        return
    with pytest.raises(InputError, match=message) as caught:
        read(text, names=names)
    assert caught.value.line == line
    assert str(caught.value).startswith(f"ballots, line {line}: ")


def test_bytes_that_are_no_text_name_their_line() -> None:
    with pytest.raises(InputError, match="UTF-8") as caught:
        ballots_of(b"Ada,Bo\n1,0\n\xff,1\n")
    assert caught.value.line == 3


def test_errors_never_quote_a_ballot() -> None:
    for text in ("approved\nsecret-name\n", "Ada\nsecret-name\n", PB + "1;secret-name\n"):
        with pytest.raises(InputError) as caught:
            read(text, names=("Ada",) if "approved" in text else None)
        assert "secret" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere.csv: no such file"):
        load(tmp_path / "nowhere.csv")
    with pytest.raises(InputError, match="without Parquet files"):
        load(tmp_path)
    (tmp_path / "names").write_text("Ada\n\nAda\n")
    with pytest.raises(InputError, match=r"names, line 3: .*already listed in line 1"):
        load_candidates(tmp_path / "names")
    for form in ("xls", "csv"):  # a table is not parsed from bytes
        with pytest.raises(UsageError, match="unknown format"):
            parse(b"", form=form)


def test_a_forced_format_wins_over_the_content() -> None:
    assert read(HEAD.replace("TYPE: cat", "TYPE: soc") + "1: {1},2\n", form="toc").tally().tolist() == [1, 0]
    for form in FORMATS:
        if form != "csv":
            with pytest.raises(InputError):
                read("Ada,Bo\n1,0\n", form=form)


# --- dropping ---

DROPPED: list[tuple[str | bytes, tuple[str, ...] | None]] = [
    ("approved\nAda\nZoe\nAda;Ada\nAda,Bo\n", ("Ada", "Bo")),
    ('approved\n"Bo" x\n"Bo\nAda\nB\0o\n', ("Ada", "Bo")),
    (b"approved\nB\xf6\nAda\n", ("Ada", "Bo")),
    ('Ada,Bo\n"1,0\n1,0\n"1"1,0\n', None),
    ("Ada,Bo\n1,0\n2,0\n1\n1,0,0\n", None),
    (HEAD + "1: 1,2\n5: {1,1},2\n5: {9},2\n5: 1,2,{}\n5: {1\n", None),
    (PB + "1;p\n2;z\n3;p,p\n4\n", None),
    (PB + '1;"q\n2;p\n3;"q"q\n', None),
    ("num_cand: 2\nprofile: [[0], [0, 0], [7], [x]]\n", None),
]


@pytest.mark.parametrize(("text", "names"), DROPPED)
def test_drop_leaves_out_invalid_ballots_silently(text: str | bytes, names: tuple[str, ...] | None) -> None:
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(InputError, match="--on-invalid drop"):
        ballots_of(data, Rules(names, OnInvalid.ERROR))
    reading = ballots_of(data, Rules(names, OnInvalid.DROP))
    assert reading.profile.ballots == {(0,): 1}
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
    """What the guarantee needs: with any one record left out, the profile loses that ballot or stays the same."""
    header, names = data.draw(st.sampled_from([(["approved"], ("Ada", "Bo")), (["Ada", "Bo"], None)]))
    everything = read(written([header, *rows]), drop=True, names=names).ballots
    for gone in range(len(rows)):
        without = read(written([header, *rows[:gone], *rows[gone + 1 :]]), drop=True, names=names).ballots
        difference = {b: everything.get(b, 0) - without.get(b, 0) for b in {*everything, *without}}
        assert sorted(d for d in difference.values() if d) in ([], [1])


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
        assert read(matrix).ballots == read(cat).ballots
