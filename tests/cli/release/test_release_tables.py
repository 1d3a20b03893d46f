"""`release table` and `release threshold`, as their users call them."""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from cli.release.command import command
from dpselect.accounting import BudgetKind, Cost
from dpselect.gaussian import DiscreteGaussian
from dpselect.ledger import Ledger
from dpselect.numeric import DiscreteLaplace
from dpselect.privacy import NeighbouringRelation
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import BudgetError, InputError, UsageError
from psiselect.releases import common, tabling
from psiselect.releases.groups import Grouping, Tabulation

ADD_REMOVE = NeighbouringRelation.ADD_REMOVE
ROWS = """who,region,sex,pay
ada,north,f,10
ada,north,f,12
ada,south,f,30
ben,south,m,-3
ben,north,m,9.5
cem,south,f,7
dee,,f,8
eve, North ,f,1
"""
PAY = ["--column", "pay", "--lower", "0", "--upper", "20"]


@pytest.fixture
def no_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    for noise in (DiscreteLaplace, DiscreteGaussian):
        monkeypatch.setattr(noise, "release", lambda self, values, entropy: list(values))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "t.csv").write_text(ROWS)
    return tmp_path / "t.csv"


def run(*words: object) -> Any:
    result = CliRunner().invoke(command, [*map(str, words), "--json"])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refused(error: type[Exception], *words: object) -> str:
    with pytest.raises(error) as raised:
        run(*words)
    return str(raised.value)


def rows_of(found: Any) -> list[tuple[object, ...]]:
    return [(*row.pop("group").values(), *row.values()) for row in found["value"]]


@pytest.mark.usefixtures("no_noise")
def test_counts_sums_and_means_of_crossings(table: Path) -> None:
    statistics = ["--statistic", "count", "--statistic", "sum", "--statistic", "mean"]
    found = run(
        "table", table, "--by", "region", "--by", "sex", "--groups", "south,north,North,west", "--groups", "f,m",
        *statistics, *PAY, "--unit", "0.5", "--epsilon", 1,
    )  # fmt: skip
    assert rows_of(found) == [
        ("south", "f", 2, 27, 13.5),
        ("south", "m", 1, 0, 0),
        ("north", "f", 2, 22, 11),
        ("north", "m", 1, 9.5, 9.5),
        ("North", "f", 1, 1, 1),
        ("North", "m", 0, 0, 10),
        ("west", "f", 0, 0, 10),
        ("west", "m", 0, 0, 10),
    ]
    assert found["scale"] == {"rows": 6, "total": 120, "deviation": 60}


@pytest.mark.usefixtures("no_noise")
def test_other_takes_in_the_rest_and_a_blank_group_counts_nowhere(table: Path) -> None:
    common = ["table", table, "--by", "region", "--epsilon", 1]
    assert rows_of(run(*common, "--groups", "north", "--other", "else")) == [("north", 3), ("else", 5)]
    assert rows_of(run(*common, "--groups", "north,south", "--on-invalid", "drop")) == [("north", 3), ("south", 3)]
    assert refused(InputError, *common, "--groups", "north,south").endswith(
        "line 9: this row is in none of the groups. Add its group to --groups, use --other NAME to put all remaining "
        "groups into one, or use --on-invalid drop to leave out such rows"
    )


@pytest.mark.usefixtures("no_noise")
def test_groups_from_a_file_are_shown_in_its_order(table: Path, tmp_path: Path) -> None:
    (tmp_path / "g.csv").write_text("sex,region\nm,south\nf,north\n\nm,west\n")
    words = ["table", table, "--by", "region", "--by", "sex", "--groups-file", tmp_path / "g.csv", "--epsilon", 1]
    assert rows_of(run(*words, "--on-invalid", "drop")) == [("south", "m", 1), ("north", "f", 2), ("west", "m", 0)]
    (tmp_path / "g.csv").write_text("sex,region\n")
    assert "names no group" in refused(InputError, *words)


@pytest.mark.usefixtures("no_noise")
def test_found_groups_reach_the_threshold(table: Path) -> None:
    found = run("table", table, "--by", "region", "--delta", "0.1", "--epsilon", 2, "--neighbors", "add-remove")
    assert found["threshold"] == 3
    assert rows_of(found) == [("north", 3), ("south", 3)]
    assert found["delta"] == 0.1
    drawn = run("table", table, "--by", "region", "--delta", "0.1", "--rho", 1, "--noise", "gaussian")
    assert drawn["mechanism"] == "discrete-gaussian"
    assert drawn["threshold"] == 3


def test_an_invalid_value_or_person_is_named_by_its_line(table: Path) -> None:
    table.write_text(ROWS.replace("9.5", "nine") + "\n,north,f,1\n")
    words = ["table", table, "--by", "region", "--groups", "north,south,North", "--epsilon", 1]
    told = refused(InputError, *words, "--statistic", "sum", *PAY)
    assert "line 6: the value in the column 'pay' is not a decimal number" in told
    assert "nine" not in told
    assert "line 11: the column 'who' is empty" in refused(InputError, *words, "--person", "who")


@pytest.mark.usefixtures("no_noise")
def test_dropped_rows_count_nowhere(table: Path) -> None:
    table.write_text(ROWS.replace("9.5", "nine").replace("ben,south", ",south"))
    words = ["table", table, "--by", "region", "--groups", "north,south", "--epsilon", 1, "--on-invalid", "drop"]
    statistics = ["--statistic", "count", "--statistic", "sum", *PAY, "--unit", 1]
    assert rows_of(run(*words, *statistics)) == [("north", 2, 22), ("south", 3, 27)]
    assert rows_of(run(*words, *statistics, "--person", "who", "--contributions", 9))[1] == ("south", 2, 27)


def kept_by_hand(rows: Sequence[tuple[str, str]], most: int, per_group: int | None) -> Counter[str]:
    """How many rows each group keeps at most: those of each person, cut twice."""
    found: Counter[str] = Counter()
    persons: dict[str, Counter[str]] = defaultdict(Counter)
    for person, group in rows:
        persons[person][group] += 1
    for groups in persons.values():
        cut = Counter({g: n if per_group is None else min(n, per_group) for g, n in groups.items()})
        found["kept"] += min(most, sum(cut.values()))
        for group, count in cut.items():
            found[group] += min(most, count)
    return found


@pytest.mark.usefixtures("no_noise")
@pytest.mark.parametrize(("most", "per_group"), [(1, None), (2, None), (2, 1), (4, 2), (9, 3)])
def test_no_person_has_more_rows_than_stated(tmp_path: Path, most: int, per_group: int | None) -> None:
    dice = random.Random(5)
    rows = [(dice.choice("abcdefgh"), dice.choice("xyz")) for _ in range(120)]
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"p": [p for p, _ in rows], "g": [g for _, g in rows]}), path, row_group_size=7)
    limit = [] if per_group is None else ["--rows-per-group", per_group]
    words = ["--person", "p", "--contributions", most, *limit]
    found = dict(rows_of(run("table", path, "--by", "g", "--groups", "x,y,z", "--epsilon", 1, *words)))  # type: ignore[arg-type]
    wanted = kept_by_hand(rows, most, per_group)
    assert sum(found.values()) == wanted["kept"]
    assert all(found[group] <= wanted[group] for group in "xyz")
    for person in "abcdefgh":
        alone = [row for row in rows if row[0] == person]
        pq.write_table(pa.table({"p": [p for p, _ in alone], "g": [g for _, g in alone]}), path)
        mine = dict(rows_of(run("table", path, "--by", "g", "--groups", "x,y,z", "--epsilon", 1, *words)))  # type: ignore[arg-type]
        assert max(mine.values()) <= (per_group or most)
        assert sum(mine.values()) <= most


def test_batches_make_no_difference(tmp_path: Path) -> None:
    """What is tabulated of batches is what one row after another would give, with totals that leave int64."""
    dice = random.Random(3)
    rows = [
        (dice.choice(["a", "b", None, "c "]), dice.choice([True, False]), dice.randrange(10**15)) for _ in range(500)
    ]
    path = tmp_path / "t.parquet"
    columns = list(zip(*rows, strict=True))
    schema = {"g": pa.array(columns[0]), "h": pa.array(columns[1]), "v": pa.array(columns[2])}
    pq.write_table(pa.table(schema), path, row_group_size=20)
    wanted: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for g, h, v in rows:
        if g is not None:
            cell = wanted[g.strip(), str(h).lower()]
            cell[0], cell[1] = cell[0] + 1, cell[1] + 1000 * v
    from cli.release.options import GivenOptions
    from dpselect.grid import Grid
    from psi.tables import ReadingOptions

    given = GivenOptions(
        file=path, query=None, said=ReadingOptions(), column="v", epsilon="1", neighbors="replace", contributions=1,
        person=None, on_invalid="error", ledger=None, dataset=None, plan=False, as_json=False,
    )  # fmt: skip
    grid = Grid(Fraction(0), Fraction(10**15), Fraction(1, 1000))
    cells = Tabulation(given.common("table"), Grouping(("g", "h")), grid, None).cells()
    assert {group: [cell.rows, cell.total] for group, cell in cells.items()} == wanted


def test_the_charge(table: Path, tmp_path: Path) -> None:
    pure, zcdp = tmp_path / "pure.db", tmp_path / "zcdp.db"
    half = Cost(Fraction(3), Fraction(1, 100))
    for path, kind in ((pure, BudgetKind.PURE), (zcdp, BudgetKind.ZCDP)):
        Ledger.create(path, kind=kind, neighbors=ADD_REMOVE, budget=half)
    common = ["table", table, "--by", "region", "--neighbors", "add-remove", "--on-invalid", "drop", "--dataset", "d"]
    named, found = ["--groups", "north"], ["--delta", "1e-6"]
    run(*common, *named, "--epsilon", "1/2", "--ledger", pure)
    run(*common, *found, "--epsilon", "1/2", "--ledger", pure)
    run(*common, *found, "--epsilon", 1, "--noise", "gaussian", "--ledger", pure)
    assert Ledger.open(pure).balance("d").spent == Cost(Fraction(2), Fraction(2, 10**6))
    assert [entry.what for entry in Ledger.open(pure).entries("d")] == [
        "release table: epsilon 1/2, 1 contributions",
        "release table: epsilon 1/2, delta 0.000001, 1 contributions",
        "release table: epsilon 1, delta 0.000001, rho 229371/10000000, 1 contributions",
    ]
    run(*common, *named, "--rho", "1/4", "--noise", "gaussian", "--ledger", zcdp)
    run(*common, *found, "--rho", "1/4", "--noise", "gaussian", "--ledger", zcdp)
    assert Ledger.open(zcdp).balance("d").spent == Cost(Fraction(1, 2), Fraction(1, 10**6))
    assert "noise that is set with --rho has no epsilon" in refused(
        UsageError, *common, *named, "--rho", 1, "--noise", "gaussian", "--ledger", pure
    )
    assert "over budget" in refused(BudgetError, *common, *named, "--epsilon", 4, "--ledger", pure)
    assert run(*common, *named, "--epsilon", 4, "--ledger", pure, "--plan")["value"] is None


@pytest.mark.parametrize(
    "words",
    [
        ["table", "--by", "region", "--groups", "north"],
        ["threshold", "--column", "region", "--categories", "north", "--at-least", 1],
    ],
)
def test_the_charge_comes_before_the_draw(words: list[object], table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order = []

    def charge(*given: object) -> None:
        order.append("charge")

    class Watched(SystemEntropy):
        def read(self, size: int) -> bytes:
            order.append("draw")
            return super().read(size)

    monkeypatch.setattr(common, "charge", charge)
    monkeypatch.setattr(tabling, "SystemEntropy", Watched)
    run(words[0], table, *words[1:], "--epsilon", 1, "--on-invalid", "drop")
    assert order[:2] == ["charge", "draw"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--epsilon", 1], "name the groups"),
        (["--groups", "x", "--epsilon", 1, "--delta", "1e-6"], "only with --noise gaussian"),
        (["--groups", "x"], "needs --epsilon"),
        (["--groups", "x", "--rho", 1], "--rho works only with --noise gaussian"),
        (["--groups", "x", "--noise", "gaussian"], "needs either --epsilon and --delta"),
        (["--groups", "x", "--noise", "gaussian", "--rho", 1, "--epsilon", 1], "needs either --epsilon and --delta"),
        (["--groups", "x", "--noise", "gaussian", "--rho", 1, "--delta", "0.1"], "--rho needs no --delta"),
        (["--groups", "x", "--noise", "gaussian", "--epsilon", 1], "needs --delta"),
        (["--groups", "x", "--groups", "y", "--epsilon", 1], "given once for each --by"),
        (["--groups", "x,x", "--epsilon", 1], "given twice"),
        (["--groups", "x", "--other", "x", "--epsilon", 1], "given twice"),
        (["--delta", "0.1", "--other", "x", "--epsilon", 1], "--other works only with --groups"),
        (["--by", "region", "--groups", "x", "--groups", "y", "--epsilon", 1], "two different columns"),
        (["--by", "raise", "--by", "smoker", "--delta", "0.1", "--epsilon", 1], "two different columns"),
        (["--groups", "x", "--epsilon", 1, "--person", "region"], "nobody would be hidden"),
        (["--groups", "x", "--epsilon", 1, "--lower", 1], "apply only to --statistic sum and mean"),
        (["--groups", "x", "--epsilon", 1, "--statistic", "sum"], "needs --column"),
        (["--groups", "x", "--epsilon", 1, "--rows-per-group", 2], "--rows-per-group must be 1"),
    ],
)
def test_options_that_do_not_go_together(table: Path, words: list[object], told: str) -> None:
    assert told in refused(UsageError, "table", table, "--by", "region", *words)


def test_columns_that_are_missing(table: Path) -> None:
    assert "no column 'regoin'. Did you mean 'region'?" in refused(
        InputError, "table", table, "--by", "regoin", "--groups", "x", "--epsilon", 1
    )


def test_the_first_value_that_is_frequent_enough(table: Path) -> None:
    common = ["threshold", table, "--column", "region", "--epsilon", 10**6]
    for order, least in itertools.product(["north,south", "south,north"], (1, 2, 3)):
        found = run(*common, "--categories", order, "--at-least", least)
        assert (found["value"], found["position"]) == (order.split(",")[0], 0) if least < 3 else True
    assert run(*common, "--categories", "west,north", "--at-least", 2)["value"] == "north"
    assert run(*common, "--categories", "north,south", "--at-least", 9)["value"] is None
    assert run(*common, "--categories", "a", "--at-least", 1, "--contributions", 3)["scale"] == pytest.approx(12e-6)
    replaced = run(*common, "--categories", "a", "--at-least", 1, "--neighbors", "add-remove")
    assert replaced["scale"] == pytest.approx(2e-6)
    assert "to list the values to look for" in refused(UsageError, *common, "--at-least", 1)
    assert "Give each value once" in refused(UsageError, *common, "--at-least", 1, "--categories", "a,a")
