"""Each rule broken gives its line, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.tables import ballots_of

from dpselect.ballots import FORMATS, Counted, Reading, Rules, load_candidates, parse
from psiselect.base.errors import InputError, UsageError
from psiselect.elections.ballots import load as load_ballots
from psiselect.tables import Table

HEAD = (
    "# DATA TYPE: cat\n# NUMBER ALTERNATIVES: 2\n# NUMBER CATEGORIES: 2\n"
    "# ALTERNATIVE NAME 1: A\n# ALTERNATIVE NAME 2: B\n"
)
PB = "META\nkey;value\nvote_type;approval\nPROJECTS\nproject_id;cost\np;1\nq;2\nVOTES\nvoter_id;vote\n"


def read(text: str, names: tuple[str, ...] | None = None, form: str | None = None) -> Counted:
    return ballots_of(text.encode(), Rules(names), form=form).profile


def load(path: Path) -> Reading:
    return load_ballots(Table(path))


BROKEN = [
    # what, text, names, line, message
    ("empty file", "", None, 1, "the file is empty. Its first line must have the columns' names"),
    ("names without a list", "approved\nAda\n", None, 1, "--candidates FILE"),
    ("unknown name", "approved\nAda\nZoe\n", ("Ada", "Bo"), 3, "name 1 on the ballot is not a candidate"),
    ("name twice over columns", "approved_1,approved_2\nAda,Ada\n", ("Ada", "Bo"), 2, "twice"),
    ("blank line inside", "approved\nAda\n\nBo\n", ("Ada", "Bo"), 3, "a blank line"),
    ("commas between names", "approved\nAda,Bo\n", ("Ada", "Bo"), 2, "the row has 2 fields, but the header has 1"),
    ("matrix cell", "Ada,Bo\n1,0\n1,2\n", None, 3, "column 'Bo' must say yes or no"),
    ("matrix row short", "Ada,Bo\n1\n", None, 2, "the row has 1 field, but the header has 2"),
    (
        "matrix of another list",
        "Ada,Bo\n1,1\n",
        ("Ada", "Cy"),
        1,
        "candidates: there is no column 'Cy', but there is 'Bo'",
    ),
    ("semicolons above commas", "Ada;Bo\n1,0\n", None, 2, "the row has 1 field, but the header has 2"),
    ("forgotten header", "ballot\nAda\n", None, 2, "with --ballot-column"),
    ("candidate twice", "Ada,Bo,Ada\n", None, 1, "'Ada' is already listed in line 1"),
    ("nameless candidate", "Ada,,Bo\n", None, 1, "a candidate's name must have 1 to"),
    ("escape sequence in a name", "Ada,\x1b[2J\n", None, 1, "printable"),
    ("bidirectional override in a name", "Ada,\u202eBo\n", None, 1, "printable"),
    ("voter_id twice", "voter_id,voter_id,Ada\n", None, 1, "two columns with this name"),
    ("open quote", 'approved\nAda\n"Bo\n', ("Ada", "Bo"), 3, "a quoted field is not closed"),
    ("text after a quote", 'approved\n"Ada"x\n', ("Ada", "Bo"), 2, "text after a closing quote"),
    ("text after a quote in the header", '"Ada"x,Bo\n1,1\n', None, 1, "text after a closing quote"),
    ("huge field", "approved\n" + "A" * 200_000 + "\n", ("Ada", "Bo"), 2, "is not a candidate"),
    ("huge line", "approved\nAda\n" + "A" * 5_000_000 + "\n", ("Ada", "Bo"), 3, "a line longer than 4 MiB"),
    ("a NUL", "approved\nAda\nB\0o\n", ("Ada", "Bo"), 3, "a NUL character"),
    ("cat: no alternatives", "# DATA TYPE: cat\n1: 1\n", None, 1, "NUMBER ALTERNATIVES"),
    (
        "cat: name missing",
        HEAD.replace("# ALTERNATIVE NAME 2: B\n", "") + "1: 1\n",
        None,
        4,
        "1 line in the header begins with `# ALTERNATIVE NAME`",
    ),
    ("cat: a gap in numbers", HEAD.replace("NAME 2", "NAME 3") + "1: 1\n", None, 5, "without gaps"),
    ("cat: number twice", HEAD.replace("NAME 2", "NAME 1"), None, 5, "each line must have a different number"),
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
    ("cat: three categories of two", HEAD + "1: 1,2,{}\n", None, 6, "more categories than the 2 that"),
    ("cat: twice in a group", HEAD + "1: {1,1},2\n", None, 6, "twice"),
    ("cat: in two groups", HEAD + "1: {1,2},1\n", None, 6, "twice"),
    ("cat: unknown number", HEAD + "1: {1,7},2\n", None, 6, "no ALTERNATIVE NAME has"),
    ("cat: number zero", HEAD + "1: 0,{1,2}\n", None, 6, "no ALTERNATIVE NAME has"),
    ("cat: late header", HEAD + "1: 1,2\n# TITLE: x\n", None, 7, "expected `count: groups`"),
    ("strict orders", HEAD.replace("TYPE: cat", "TYPE: soc"), None, 1, "must be cat, toc or toi"),
    ("no data type", HEAD.replace("# DATA TYPE: cat\n", ""), None, 1, "--format"),
    ("pb: ordinal", PB.replace("approval", "ordinal"), None, 3, "votes of other types"),
    ("pb: no vote type", PB.replace("vote_type;approval\n", ""), None, 1, "vote_type;approval"),
    ("pb: weights", PB.replace("voter_id;vote", "voter_id;vote;weight"), None, 9, "gives the votes different weights"),
    ("pb: no votes", PB[: PB.index("VOTES")], None, 7, "section VOTES is missing"),
    ("pb: order of sections", "META\nkey;value\nVOTES\n", None, 3, "the section PROJECTS must come before"),
    ("pb: no project_id", PB.replace("project_id", "id"), None, 5, "project_id"),
    ("pb: no column vote", PB.replace(";vote", ";votes"), None, 9, "a column named 'vote'"),
    ("pb: column twice", PB.replace("voter_id;vote", "vote;vote"), None, 9, "each column must have a different name"),
    ("pb: project twice", PB.replace("q;2", "p;2"), None, 7, "'p' is already listed in line 6"),
    (
        "pb: ragged project",
        PB.replace("q;2", "q;2;3"),
        None,
        7,
        "this row has 3 columns, but the header of PROJECTS has 2",
    ),
    ("pb: ragged vote", PB + "1;p;x\n", None, 10, "the row has 3 fields, but the header has 2"),
    ("pb: unknown project", PB + "1;p\n2;z\n", None, 11, "name 1 on the ballot is not a candidate"),
    (
        "pb: too long",
        PB.replace("PROJ", "max_length;1\nPROJ", 1) + "1;p,q\n",
        None,
        11,
        "approves 2 candidates, .* at most 1",
    ),
    (
        "pb: too short",
        PB.replace("PROJ", "min_length;1\nPROJ", 1) + "1;\n",
        None,
        11,
        "approves 0",
    ),
    ("pb: bad bound", PB.replace("PROJ", "max_length;few\nPROJ", 1), None, 4, "META max_length"),
    ("pb: key twice", PB.replace("PROJ", "vote_type;approval\nPROJ", 1), None, 4, "'vote_type' twice"),
    ("yaml: no num_cand", "profile: [[0]]\n", None, 1, "needs the lines `num_cand: ...` and `profile: ...`"),
    (
        "yaml: weights",
        "num_cand: 1\nprofile: [[0]]\nvoter_weights: [2]\n",
        None,
        3,
        "gives the votes different weights",
    ),
    (
        "yaml: unknown candidate",
        "num_cand: 2\nprofile:\n- [0]\n- [2]\n",
        None,
        4,
        "name 1 on the ballot is not a candidate",
    ),
    ("yaml: negative", "num_cand: 2\nprofile: [[-1]]\n", None, 2, "name 1 on the ballot is not a candidate"),
    ("yaml: twice", "num_cand: 2\nprofile: [[1, 1]]\n", None, 2, "twice"),
    ("yaml: key twice", "num_cand: 2\nnum_cand: 3\nprofile: []\n", None, 2, "at most once"),
    ("yaml: odd key", "num_cand: 2\nvoters: 3\nprofile: []\n", None, 2, "may have only the names 'num_cand'"),
    ("yaml: no list", "num_cand: 2\nprofile: 3\n", None, 2, "'profile' must be a list of ballots"),
    ("yaml: no sets", "num_cand: 2\nprofile: [1]\n", None, 2, "must be a list of numbers"),
    ("yaml: nested sets", "num_cand: 2\nprofile: [[[1]]]\n", None, 2, "must hold the numbers of candidates"),
    ("yaml: none", "num_cand: 0\nprofile: []\n", None, 1, "a number from 1 to"),
    ("yaml: a billion", "num_cand: 1000000000\nprofile: []\n", None, 1, "a number from 1 to"),
    ("yaml: an alias", "num_cand: 2\nprofile: [&a [0], *a]\n", None, 2, "an anchor or alias"),
    ("yaml: deep", "num_cand: 2\nprofile: " + "[" * 2000 + "\n", None, 2, "."),
    ("yaml: deep elsewhere", "num_cand: 2\nprofile: []\ncompute: " + "[" * 900 + "]" * 900, None, 3, "deep"),
    ("yaml: broken", "num_cand: 2\nprofile: [[0\n", None, 3, "not valid YAML"),
    ("yaml: two documents", "num_cand: 2\nprofile: []\n---\nnum_cand: 2\n", None, 3, "a second YAML document"),
    ("belenios: two questions", '{"result": [[[1]], [[0]]]}', ("A",), 1, "the result has 2 questions"),
    ("belenios: key twice", '{"result": [[[1]]], "result": [[[0]]]}', ("A",), 1, "not valid JSON"),
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
    assert str(caught.value).startswith("ballots")
    assert f"line {line}: " in str(caught.value)


def test_bytes_that_are_no_text_name_their_line() -> None:
    with pytest.raises(InputError, match="UTF-8") as caught:
        ballots_of(b"Ada,Bo\n1,0\n\xff,1\n")
    assert caught.value.line == 3
    with pytest.raises(InputError, match="line 1: not UTF-8 text"):
        parse(b"2 1 \xff\n1 1 0\n0\n", form="blt")


def test_a_list_that_is_not_the_files_own_says_which_has_the_other_name() -> None:
    for names, says in (
        (("A", "C"), "your list of candidates has 'C'"),
        (("A",), "the file of ballots has the candidate 'B'"),
    ):
        with pytest.raises(InputError, match=says):
            read(HEAD + "1: 1,2\n", names=names)


def test_a_blt_line_of_withdrawn_candidates_is_named_as_one() -> None:
    text = '2 1\n{}\n1 2 0\n0\n"A"\n"B"\n'
    for line, says in ((" -2", "lines of withdrawn candidates"), ("1 9 x", "expected `weight candidates 0`")):
        with pytest.raises(InputError, match=f"1 of 2 ballots is invalid, on line 2: {says}"):
            read(text.format(line), form="blt")


def test_errors_never_quote_a_ballot() -> None:
    texts = ("approved\nsecret-name\n", "approved_1,approved_2\nAda,secret-name\n", "Ada\nsecret-name\n")
    for text in (*texts, PB + "1;secret-name\n"):
        with pytest.raises(InputError) as caught:
            read(text, names=("Ada",) if "approved" in text else None)
        assert "secret" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere.csv: there is no such file"):
        load(tmp_path / "nowhere.csv")
    with pytest.raises(InputError, match="this folder has no Parquet file in it"):
        load(tmp_path)
    (tmp_path / "names").write_text("Ada\n\nAda\n")
    with pytest.raises(InputError, match=r"names, line 3: .*already listed in line 1"):
        load_candidates(tmp_path / "names")
    for form in ("xls", "csv"):  # a table is not parsed from bytes
        with pytest.raises(UsageError, match="there is no format"):
            parse(b"", form=form)


def test_a_forced_format_wins_over_the_content() -> None:
    assert read(HEAD.replace("TYPE: cat", "TYPE: soc") + "1: {1},2\n", form="toc").tally().tolist() == [1, 0]
    for form in FORMATS:
        if form != "csv":
            with pytest.raises(InputError):
                read("Ada,Bo\n1,0\n", form=form)
