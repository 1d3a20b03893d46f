"""What a side is told of its own list once it is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli.main import main
from cli.psi.talk import table
from psi.agreement.modes import Learner, Matching, Reveal, Side
from psi.agreement.terms import KeyTerm, Terms
from psi.normalize import parse_key
from psi.session.job import Job, Memory
from psi.tables import open_source
from psiselect.base.errors import InputError
from psiselect.matching.own_side import told
from psiselect.talk import Talk

GOOD = [f"{name}@example.com" for name in "abcdefgh"]


Said = Callable[..., tuple[str, str]]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """The program in this process: what it printed, and what it said."""

    def call(*arguments: object) -> tuple[str, str]:
        monkeypatch.setattr("sys.argv", ["psiselect", *map(str, arguments)])
        with pytest.raises(SystemExit):
            main()
        return capsys.readouterr()

    return call


class Heard:
    """lines: all that was told; a table is a line of its own."""

    def __init__(self, *, tables: bool = True) -> None:
        self.lines: list[object] = []
        self.talk = Talk(self.lines.append, self._table if tables else None)

    def _table(self, names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self.lines.append([tuple(names), *map(tuple, rows)])


def read(place: Path, columns: dict[str, list[str]], *keys: str) -> Job:
    pq.write_table(pa.table(columns), place / "t.parquet")
    specs = tuple(map(parse_key, keys))
    terms = Terms(
        reveal=Reveal.COUNT,
        learn=Learner.CONNECT,
        keys=tuple(map(KeyTerm.of, specs)),
        matching=Matching.ONE_TO_MANY,
    )
    return Job(open_source(place / "t.parquet"), specs, Side.CONNECT, terms, Memory(1 << 20, place))


def notes(place: Path, columns: dict[str, list[str]], *keys: str, tables: bool = True) -> list[object]:
    heard = Heard(tables=tables)
    with told(read(place, columns, *keys), heard.talk):
        pass
    return [each.replace(str(place / "t.parquet"), "FILE") if isinstance(each, str) else each for each in heard.lines]


def test_a_list_without_trouble_is_not_talked_of(tmp_path: Path) -> None:
    assert notes(tmp_path, {"mail": [*GOOD, "", GOOD[0]]}, "mail:email") == []


def test_one_reason_is_one_line(tmp_path: Path) -> None:
    for extra, line in (
        (["no"], "FILE: 1 row skipped: no @ in the address (row 9)"),
        (["no"] * 3, "FILE: 3 rows skipped: no @ in the address (rows 9, 10, 11)"),
        (["no"] * 4, "FILE: 4 rows skipped: no @ in the address (rows 9, 10, 11, ...)"),
    ):
        assert notes(tmp_path, {"mail": GOOD + extra}, "mail:email") == [line]


def test_several_reasons_are_one_table_for_people_and_a_line_each_in_a_log(tmp_path: Path) -> None:
    columns = {"mail": [*GOOD, "no", "a@b@example.com", "a@c@example.com", ""]}
    assert notes(tmp_path, columns, "mail:email") == [
        "FILE: of 12 rows, these cannot match or look wrong",
        [
            ("rows", "why", "first rows"),
            ("2", "more than one @ in the address", "10, 11"),
            ("1", "no @ in the address", "9"),
            ("1", "blank", "-"),
        ],
    ]
    assert notes(tmp_path, columns, "mail:email", tables=False) == [
        "FILE: 2 rows skipped: more than one @ in the address (rows 10, 11)",
        "FILE: 1 row skipped: no @ in the address (row 9)",
        "FILE: 1 row skipped: blank",
    ]


def test_a_table_of_several_keys_names_them_and_a_placeholder_has_its_cure(tmp_path: Path) -> None:
    columns = {"mail": ["x@example.com"] * 20 + GOOD, "other": ["no", *map("{}@example.net".format, range(27))]}
    found = notes(tmp_path, columns, "mail:email", "other:email")
    assert found == [
        "FILE: of 28 rows, these cannot match or look wrong",
        [
            ("key", "rows", "why", "first rows"),
            ("mail", "20", "the same key", "1, 2, 3, ..."),
            ("other", "1", "no @ in the address", "1"),
        ],
        "A key in so many rows may stand for a missing value. To leave out such rows, give the key with --null.",
    ]


def test_a_key_that_most_rows_lack_is_told_first_and_with_its_cure(tmp_path: Path) -> None:
    phones = ["0301234567", "0301234568", "0301234569", "+49301234567", ""]
    first, *_ = notes(tmp_path, {"tel": phones}, "tel:phone")
    assert str(first).startswith(
        "FILE: the program cannot read the key in 3 of 5 rows (most frequent problem: a telephone number"
    )
    assert "and the key is empty in 1 more" in str(first)
    assert "--key tel:phone,region=PL" in str(first)
    half, *_ = notes(tmp_path, {"tel": [*phones, "+49301234568", "+49301234569"]}, "tel:phone")
    assert str(half).startswith("FILE: the program cannot read the key in 3 of 7 rows")
    rest = [*phones, *map("+4930123457{}".format, range(3))]
    assert "region" not in "".join(map(str, notes(tmp_path, {"tel": rest}, "tel:phone")))


def test_addresses_compared_letter_by_letter_are_warned_of(tmp_path: Path) -> None:
    (line,) = notes(tmp_path, {"E-Mail": GOOD}, "E-Mail")
    assert "e-mail addresses" in str(line)
    assert "Use --key E-Mail:email." in str(line)
    assert "mostly" not in str(line)


def test_a_list_without_any_key_is_refused_with_its_cure(tmp_path: Path) -> None:
    heard = Heard()
    with pytest.raises(InputError, match=r"cannot read the key in 3 of 3 rows .*region=PL"):
        told(read(tmp_path, {"tel": ["0301234567", "0301234568", "0301234569"]}, "tel:phone"), heard.talk)
    assert heard.lines == []


def test_a_table_is_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    table(("key", "rows", "why"), [("mail", "1,204", "blank"), ("e", "7", "no @ in the address")])
    assert capsys.readouterr().err.splitlines() == [
        "  key    rows  why",
        "  mail  1,204  blank",
        "  e         7  no @ in the address",
    ]


def test_before_the_session_it_is_told_that_rows_are_not_kept(place: Path, said: Said) -> None:
    kept = "the program does not save the matching rows"
    local = ("psi", "local", place / "acme.csv", place / "globex.parquet", "--key", "Mail:email", "--key-b", "e:email")
    assert kept in said(*local)[1].splitlines()[0]
    assert kept not in said(*local, "--output", place / "out.csv")[1]
    assert kept not in said(*local, "--reveal", "count")[1]


def test_an_output_that_was_there_is_replaced_and_told_so(place: Path, said: Said) -> None:
    local = ("psi", "local", place / "acme.csv", place / "globex.parquet", "--key", "Mail:email", "--key-b", "e:email",
             "--output", place / "out.csv")  # fmt: skip
    assert "(replaced)" not in said(*local)[0]
    assert f"{place / 'out.csv'} (replaced)" in said(*local)[0]
