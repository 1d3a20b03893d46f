"""Every command that releases something: one call each, and what it should draw with, print and cost, worked by hand.

The epsilon of all calls is 1/2. Noise is planted where the sampler of integers would draw it (`PLANTED`).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from dpselect.privacy import NeighbouringRelation

ADD_REMOVE, REPLACE = NeighbouringRelation.ADD_REMOVE, NeighbouringRelation.REPLACE
EPSILON = Fraction(1, 2)
FULL, QUARTER = EPSILON**2 / 2, EPSILON**2 / 8  # prices in rho; the second is the exponential mechanism's
PLANTED = (7, -1, 13)
FILES = {
    "rows.csv": "name,raise,smoker\nalice,3800,yes\nbob,2514,no\ncarlos,2982,no\ndavid,3390,yes\n",
    "scores.csv": "name,score\nA,10\nB,9\nC,8\nD,7\n",
    "ballots.csv": "A,B,C,D\n1,0,0,0\n1,1,0,0\n0,0,1,0\n",
}


@dataclass(frozen=True)
class Case:
    """A call and what follows from it.

    exponents: those that reach a sampler; of the noise on each number, or of one unit of a score.
    rho: its price on a zCDP ledger. shown: fields of the record that --json prints. said: parts of the talk on stderr.
    printed: the words at the end of the result as text, where that is a number or a table.
    """

    words: tuple[object, ...]
    relation: NeighbouringRelation
    exponents: list[Fraction]
    rho: Fraction
    shown: dict[str, object]
    said: tuple[str, ...]
    printed: tuple[str, ...] = ()

    @property
    def command(self) -> tuple[str, ...]:
        """The names of the command, without its arguments."""
        return tuple(str(word) for word in self.words[: 1 if self.words[0] == "select" else 2])

    def arguments(self, folder: Path) -> list[str]:
        """The call, with its table in `folder`. The table is written."""
        words = []
        for word in map(str, self.words):
            if word in FILES:
                (folder / word).write_text(FILES[word])
                word = str(folder / word)
            words.append(word)
        return [*words, "--epsilon", "1/2", "--neighbors", self.relation.value]


def _release(
    words: str,
    relation: NeighbouringRelation,
    exponents: list[Fraction],
    scale: object,
    sensitivity: object,
    value: object,
    text: str = "",
    errors: tuple[int, ...] = (),
) -> Case:
    statistic, *rest = words.split()
    group = f", for {rest[-1]} rows together" if "--contributions" in rest else ""
    shown = {"scale": scale, "sensitivity": sensitivity, "value": value, "statistic": statistic, "epsilon_exact": "1/2"}
    said = f"{statistic}: epsilon 1/2, {relation.value}{group}; hides changes of up to {sensitivity}; "
    said += f"the noise is typically {scale:g}"
    shown["mechanism"] = "discrete-laplace"
    if isinstance(value, dict):
        shown |= dict(zip(("error95", "error95_all"), errors, strict=True))
        printed = tuple(word for cell, number in value.items() for word in (cell, str(number)))
    else:
        printed = (statistic, text or str(value))
    return Case(("release", statistic, "rows.csv", *rest), relation, exponents, FULL, shown, (said,), printed)


def _chosen(
    words: str, relation: NeighbouringRelation, exponent: Fraction, rho: Fraction, mechanism: str, of: str = "vote"
) -> Case:
    table = ("select", "scores.csv", "--label", "name", "--score", "score", "--sensitivity", "1/5")
    start = ("vote", "winner", "ballots.csv") if of == "vote" else table
    shown = {"exponent_per_vote_exact": str(exponent), "exponent_per_vote": float(exponent), "mechanism": mechanism}
    said = f"{mechanism}, exponent {exponent} per "
    return Case((*start, *words.split()), relation, [exponent], rho, shown | {"epsilon_exact": "1/2"}, (said,))


F = Fraction
RAISES = "--column raise --lower 0 --upper 5000"
# At unit 10 the raises are 380, 251, 298 and 339 units; in all 12,680. At unit 1 they are 12,686.
CASES = {
    "count": _release("count --column smoker --equals yes --contributions 3", REPLACE, [F(1, 6)], 6.0, 3, 9),
    "count of all": _release("count", ADD_REMOVE, [F(1, 2)], 2.0, 1, 11),
    "sum": _release(f"sum {RAISES} --unit 10 --contributions 2", REPLACE, [F(1, 2000)], 20000.0, 10000, 12750),
    # A row that is replaced by one that cannot be read adds nothing any more: all of 5,000 and not 4,000.
    "sum, drop": _release(
        "sum --column raise --lower 1000 --upper 5000 --unit 1 --on-invalid drop",
        REPLACE,
        [F(1, 10000)],
        10000.0,
        5000,
        12693,
    ),
    "mean, drop": _release(
        "mean --column raise --lower 1000 --upper 5000 --unit 1 --on-invalid drop --n 4",
        REPLACE,
        [F(1, 8000)],  # a row without a value counts as the middle, so a row moves the sum by 4,000 at most
        2000.0,
        1000,
        3173.25,
    ),
    "mean, public n": _release(
        f"mean {RAISES} --unit 1 --n 4 --contributions 3", REPLACE, [F(1, 30000)], 7500.0, 3750, 3173.25
    ),
    # Around the middle 2,500: 12,686 - 10,000 + 7 over 4 - 1 rows, that is 10193/3.
    "mean, private n": _release(
        f"mean {RAISES} --unit 1 --contributions 2",
        ADD_REMOVE,
        [F(1, 20000), F(1, 8)],
        20000.0,
        5000,
        10193 / 3,
        "10193/3",
    ),
    "categories": _release(
        "histogram --column smoker --categories yes,no,maybe --contributions 2",
        REPLACE,
        [F(1, 8)] * 3,
        8.0,
        4,
        {"yes": 9, "no": 1, "maybe": 13},
        errors=(24, 33),  # 2 z^(e+1)/(1+z) is at most 5 % for one cell, and a third of that for all three
    ),
    "bins": _release(
        "histogram --column raise --bins 0,2982,3390,3800",
        ADD_REMOVE,
        [F(1, 2)] * 3,
        2.0,
        1,
        {"0..2982": 8, "2982..3390": 0, "3390..3800": 15},
        errors=(6, 8),
    ),
    # Scores of a median are counted in halves. Off by 7/10 * 7 bits of 20 * 6 points / exponent at 95 %.
    "median": Case(
        ("release", "quantile", "rows.csv", *RAISES.split(), "--unit", 1000, "--contributions", 2),
        REPLACE,
        [F(1, 16)],
        QUARTER,
        {"scale": 8.0, "sensitivity": 4, "error95": 39.2, "mechanism": "exponential", "epsilon_exact": "1/2"},
        ("quantile 0.5: epsilon 1/2, replace", "at most 39.2 rows"),
    ),
    "table": Case(
        ("release", "table", "rows.csv", "--by", "smoker", "--groups", "yes,no"),
        REPLACE,
        [F(1, 4)] * 2,
        FULL,
        {
            "scale": {"rows": 4.0},
            "value": [{"group": {"smoker": "yes"}, "count": 9}, {"group": {"smoker": "no"}, "count": 1}],
            "mechanism": "discrete-laplace",
            "epsilon_exact": "1/2",
        },
        ("table: epsilon 1/2, replace", "rows: the random noise (laplace) is typically 4"),
        ("yes", "9", "no", "1"),
    ),
    # With its noise the threshold is 8. The count of "yes" is 2 - 1 then, that of "no" 2 + 13.
    "threshold": Case(
        ("release", "threshold", "rows.csv", "--column", "smoker", "--categories", "yes,no", "--at-least", 1),
        REPLACE,
        [F(1, 4), F(1, 8), F(1, 8)],
        FULL,
        {"scale": 8.0, "value": "no", "mechanism": "above-threshold", "epsilon_exact": "1/2"},
        ("threshold: epsilon 1/2, replace", "The random noise on each count is typically 8"),
        ("first", "no"),
    ),
    "select": _chosen("--mechanism permute-and-flip", REPLACE, F(5, 4), FULL, "permute-and-flip", "select"),
    "select, one way": _chosen(
        "--mechanism exponential --monotonic", ADD_REMOVE, F(5, 2), QUARTER, "exponential", "select"
    ),
    "select a set": _chosen(
        "--seats 2 --mechanism subset-exponential", REPLACE, F(5, 8), QUARTER, "subset-exponential", "select"
    ),
    "select by peeling": _chosen(
        "--seats 3 --mechanism peeling", ADD_REMOVE, F(5, 12), 3 * (EPSILON / 3) ** 2 / 2, "peeling", "select"
    ),
    "winner": _chosen("--mechanism permute-and-flip", REPLACE, F(1, 4), FULL, "permute-and-flip"),
    "winner, exponential": _chosen("--mechanism exponential", ADD_REMOVE, F(1, 2), QUARTER, "exponential"),
    "committee": _chosen("--seats 2 --mechanism subset-exponential", REPLACE, F(1, 8), QUARTER, "subset-exponential"),
    "committee by peeling": _chosen(
        "--seats 2 --mechanism peeling", ADD_REMOVE, F(1, 4), 2 * (EPSILON / 2) ** 2 / 2, "peeling"
    ),
}
