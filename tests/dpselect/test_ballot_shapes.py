"""Which columns hold ballots, what a cell of a matrix says, and which row counts for a voter."""

from __future__ import annotations

import pytest
from support.tables import ballots_of

from dpselect.ballots import BallotColumnError, OnInvalid, Other, Reading, Repeated, Rules
from psiselect.base.errors import InputError, UsageError

FORM = (
    "Timestamp,Email Address,Whom do you approve of?\n"
    '10/1/2019 9:01:10,a@x.example,"Ada, Bo"\n10/1/2019 9:02:10,b@x.example,Ada\n10/1/2019 9:03:10,c@x.example,\n'
)
NAMES = ("Ada", "Bo")


def read(text: str, names: tuple[str, ...] | None = None, drop: bool = False, **rules: object) -> Reading:
    on_invalid = OnInvalid.DROP if drop else OnInvalid.ERROR
    return ballots_of(text.encode(), Rules(names, on_invalid, **rules))  # type: ignore[arg-type]


def tally(text: str, names: tuple[str, ...] | None = None, **rules: object) -> dict[str, int]:
    counted = read(text, names, **rules).profile  # type: ignore[arg-type]
    return {**dict(zip(counted.candidates, counted.tally().tolist(), strict=True)), "": counted.voters}


# --- columns ---


@pytest.mark.parametrize("drop", [False, True])
def test_a_column_of_a_form_is_named_by_the_error(drop: bool) -> None:
    with pytest.raises(BallotColumnError, match="--ballot-column NAME") as refused:
        read(FORM, NAMES, drop=drop)
    assert refused.value.column == "Whom do you approve of?"
    assert (refused.value.line, "drop" in str(refused.value)) == (1, False)
    found = tally(FORM, NAMES, drop=drop, ballot_column="Whom do you approve of?")
    assert found == {"Ada": 2, "Bo": 1, "": 3}


def test_no_column_is_named_when_several_or_none_fit() -> None:
    for header, row in (("When,One,Two", "1,Ada,Bo"), ("When,What", "1,2")):
        with pytest.raises(BallotColumnError) as refused:
            read(f"{header}\n{row}\n", NAMES)
        assert refused.value.column is None
    # A column fits if half of its different cells do.
    for cells, fits in ((("Ada", "Zed", ""), "Whom"), (("Ada", "Zed", "Eve"), None)):
        with pytest.raises(BallotColumnError) as refused:
            read("When,Whom\n" + "".join(f"x,{cell}\n" for cell in cells), NAMES)
        assert refused.value.column == fits
    # Under drop nothing but the header is looked at.
    with pytest.raises(BallotColumnError) as refused:
        read("When,Whom\n1,Ada\n", NAMES, drop=True)
    assert refused.value.column is None


@pytest.mark.parametrize(
    ("text", "names", "rules", "message"),
    [
        (FORM, None, {}, "'Timestamp' is probably not a candidate.*--candidates FILE"),
        (FORM, None, {"ballot_column": "Whom"}, "--candidates FILE"),
        (
            FORM,
            NAMES,
            {"ballot_column": "Who"},
            "the table has no column 'Who', which you gave with --ballot-column. Its columns are 'Timestamp'",
        ),
        (
            FORM,
            NAMES,
            {"voter_column": "mail"},
            "the table has no column 'mail', which you gave with --voter-column",
        ),
        ("a,a\nAda,Bo\n", NAMES, {"ballot_column": "a"}, "two columns with this name"),
        ("1,0\n1,0\n", None, {}, "looks like a ballot. Add a header"),
        ("Yes;no;X\n1;0;1\n", None, {}, "looks like a ballot. Add a header"),
        ("17,1,0\n18,0,1\n", None, {}, "looks like a ballot. Add a header"),
        (
            "10/1/2019 9:01:10,Ada\n10/1/2019 9:01:11,Bo\n",
            None,
            {},
            "has a date, so it does not look like a header",
        ),
        (
            "a@x.example,1,0\nb@x.example,0,1\n",
            None,
            {},
            "has an e-mail address, so it does not look",
        ),
        ("Ada,Bo,Ada\n1,0,1\n", NAMES, {}, "'Ada' has two columns"),
        ("Q [Ada],R [Ada],Q [Bo]\n1,0,1\n", NAMES, {}, "'Ada' has two columns"),
        ("Ada,Cy\n1,0\n", NAMES, {}, "not your candidates: there is no column 'Bo', but there is 'Cy'"),
        ("approved,approved_1\nAda,Bo\n", NAMES, {}, "--ballot-column NAME"),
        ("approved\nA\n", ("A,B", "B,C", "A", "C"), {}, "A,B"),
    ],
)
@pytest.mark.parametrize("drop", [False, True])
def test_headers_that_are_refused_whatever_the_rows(
    text: str, names: tuple[str, ...] | None, rules: dict[str, object], message: str, drop: bool
) -> None:
    with pytest.raises(InputError, match=message) as refused:
        read(text, names, drop=drop, **rules)
    assert refused.value.line == 1


def test_columns_that_are_no_candidates_are_passed_over_and_told() -> None:
    text = "member,Ada,Bo,remark\n1,1,0,hi\n2,0,1,\n"
    reading = read(text, ("Bo", "Ada"))
    assert (reading.profile.candidates, reading.profile.approvals) == (NAMES, (1, 1))
    assert reading.notes == ("columns that are not used: 'member', 'remark'",)
    assert tally("when,approved\n1,Ada\n", NAMES) == {"Ada": 1, "Bo": 0, "": 1}
    assert tally("2018,2019\n1,0\n") == {"2018": 1, "2019": 0, "": 1}
    assert tally("0,1,2\n1,0,0\n") == {"0": 1, "1": 0, "2": 0, "": 1}
    assert tally("1,0\n1,0\n", ("1", "0")) == {"1": 1, "0": 0, "": 1}
    assert tally("ID,Q1. [Ada],Q1. [Bo]\n7,Yes,\n", NAMES) == {"Ada": 1, "Bo": 0, "": 1}


def test_numbered_columns_hold_one_name_a_cell() -> None:
    text = 'approved_1,approved 2,approved3\n"Smith, J",Ada,\nAda,,\n,,\n'
    assert tally(text, ("Ada", "Smith, J")) == {"Ada": 2, "Smith, J": 1, "": 3}
    with pytest.raises(
        InputError, match="1 of 1 ballots is invalid, on line 2: name 2 on the ballot is not a candidate"
    ):
        read("approved_1,approved_2\n,Ada;Bo\n", NAMES)


# --- cells of a matrix ---


def test_other_texts_in_numbered_columns_are_ignored_when_that_is_chosen() -> None:
    text = "approved_1,approved_2\nZed,Ada\nZed,Zed\nBo,\n"
    assert tally(text, NAMES, other=Other.IGNORE) == {"Ada": 1, "Bo": 1, "": 3}
    assert tally(text, NAMES, drop=True) == {"Ada": 0, "Bo": 1, "": 1}


def test_what_says_yes_and_what_says_no() -> None:
    yes = ("1", "yes", "Y", "TRUE", "x", "X", " ✓ ", "✔️", "☑", "1.0", "t")
    no = ("0", "no", "N", "False", "", "  ", "-", "0.0", "f")
    rows = "".join(f'"{cell}",7\n' for cell in (*yes, *no))
    assert tally("Ada,n\n" + rows, ("Ada",)) == {"Ada": len(yes), "": len(yes) + len(no)}
    for strange in ("2", "ja", "yes!", "11", "01"):
        with pytest.raises(InputError, match="column 'Ada' must say yes or no"):
            read(f"Ada,Bo\n{strange},1\n")
    text = "Ada,Bo\nJa,nein\nNEIN,ja\n1,0\n"
    assert tally(text, yes=("ja",), no=("Nein",)) == {"Ada": 2, "Bo": 1, "": 3}
    assert tally("Ada,Bo\nx,1\n", no=("x",)) == {"Ada": 0, "Bo": 1, "": 1}
    with pytest.raises(UsageError, match="with both --yes and --no"):
        read("Ada,Bo\n1,1\n", yes=("ja",), no=("JA",))


def test_the_candidates_own_name_says_yes() -> None:
    """As SurveyMonkey writes it; a name that is also a word for no has two readings."""
    text = "when,Ada,Bo,No\n1,ADA,,\n2,Ada, bo ,1\n"
    assert tally(text, ("Ada", "Bo", "No")) == {"Ada": 2, "Bo": 1, "No": 1, "": 2}
    with pytest.raises(InputError, match="column 'No' must say yes or no"):
        read(text + "3,,,no\n", ("Ada", "Bo", "No"))
    with pytest.raises(InputError, match="column 'Ada' must say yes or no"):
        read("Ada,Bo\nBo,1\n", ("Ada", "Bo"))
    with pytest.raises(InputError, match="column 'Cy' must say yes or no"):
        read("Cy,Bo\nCy,1\n", ("Cy", "Bo"), no=("cy",))


# --- voters ---

TWICE = "voter_id,approved\n17,Ada\n18,Bo\n17 ,Bo\n19,Zed\nÄ,Ada\n19,Ada\nä,Bo\n"


def test_a_voter_has_one_ballot() -> None:
    with pytest.raises(InputError, match=r"on line 4: the same voter has another ballot on line 2.*--repeated-voter"):
        read(TWICE, NAMES)
    last, first = (tally(TWICE, NAMES, drop=True, repeated=rule) for rule in (Repeated.LAST, Repeated.FIRST))
    assert last == {"Ada": 1, "Bo": 3, "": 4} == tally(TWICE, NAMES, drop=True)
    # The first row of voter 19 is invalid, and no other takes its place.
    assert first == {"Ada": 2, "Bo": 1, "": 3}
    assert tally(TWICE, NAMES, repeated=Repeated.LAST) == last  # a row that does not count may be anything
    with pytest.raises(
        InputError, match="1 of 4 ballots is invalid, on line 5: name 1 on the ballot is not a candidate"
    ):
        read(TWICE, NAMES, repeated=Repeated.FIRST)
    reading = read(TWICE, NAMES, drop=True)
    assert reading.by_voter
    assert sum(reading.left_out.values()) == 3


def test_a_candidate_may_be_called_voter_id() -> None:
    assert tally("voter_id,Ada\n1,0\n1,1\n", ("Ada", "voter_id")) == {"voter_id": 2, "Ada": 1, "": 2}


def test_a_blank_id_is_an_invalid_ballot() -> None:
    text = "who,approved\n,Ada\n 1,Ada\n  ,Bo\n"
    with pytest.raises(
        InputError, match=r"2 of 3 ballots are invalid\. The first is on line 2: the voter's id is blank"
    ):
        read(text, NAMES, voter_column="who")
    assert tally(text, NAMES, drop=True, voter_column="who") == {"Ada": 1, "Bo": 0, "": 1}
    assert tally("who,approved\n,Ada\n", NAMES, drop=True, voter_column="who") == {"Ada": 0, "Bo": 0, "": 0}


def test_a_row_that_cannot_be_read_is_nobodys() -> None:
    """It has no id, so the voter's other row counts."""
    assert tally('voter_id,approved\n1,Ada\n1,"Bo\n1,Bo,Bo\n', NAMES, drop=True) == {"Ada": 1, "Bo": 0, "": 1}


def test_the_voters_of_a_pabulib_file() -> None:
    text = "META\nkey;value\nvote_type;choose-1\nPROJECTS\nproject_id;name\n1;Park\n2;Pool\nVOTES\nvoter_id;vote\n{}"
    assert tally(text.format("a;1\nb;2\nc;2\n")) == {"1": 1, "2": 2, "": 3}
    assert tally(text.format("a;1\nA;2\n"), repeated=Repeated.FIRST) == {"1": 1, "2": 0, "": 1}
    assert read(text.format("a;1\n")).titles == {"1": "Park", "2": "Pool"}
    with pytest.raises(InputError, match="same voter"):
        read(text.format("a;1\nA;2\n"))
    with pytest.raises(InputError, match="approves 2 candidates, and must approve at least 0 and at most 1"):
        read(text.format("a;1,2\n"))


@pytest.mark.parametrize(
    "rules",
    [
        {"repeated": Repeated.LAST},  # no voter column
        {"ballot_column": "approved", "voter_column": "approved"},
        {"on_invalid": OnInvalid.DROP, "repeated": Repeated.ERROR},
    ],
)
def test_rules_that_do_not_go_together(rules: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        ballots_of(b"approved\nAda\n", Rules(NAMES, **rules))  # type: ignore[arg-type]


@pytest.mark.parametrize("form", ["cat", "blt", "abc.yaml", "belenios", "pb"])
@pytest.mark.parametrize("option", ["ballot_column", "separator", "voter_column", "approve", "yes"])
def test_formats_refuse_what_they_do_not_have(form: str, option: str) -> None:
    if (form, option) in (("cat", "approve"), ("pb", "voter_column")):
        return
    with pytest.raises(UsageError, match=f"cannot be used with files of the format '{form}'"):
        ballots_of(b"x", Rules(**{option: ("x",) if option in ("approve", "yes") else "x"}), form=form)  # type: ignore[arg-type]
