"""What follows from a task's numbers: sensitivity, errors at 95 %, and the error that would be tolerable.

Convention: neighbours differ in one unit's data (replace-one, n public), as in the article. An unknown field that a
number needs raises NeedToKnow, which the engine turns into a question and the tables into "not without [field]".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Any

from cli.advisor import formulas, sources
from cli.advisor.fields import COUNTS, ONE_COMMAND_EACH, SELECTIONS
from cli.advisor.lazy import lazy
from cli.advisor.task import Facts, NeedToKnow

QUANTILE_GRID = 1000  # public grid points of a quantile when n_candidates is not given: its logarithm is what counts
FEW_HOLDERS = 1000  # up to here all-to-all or aggregated secret sharing between the holders themselves is practicable


class Limit(Enum):
    """Where the tolerable error comes from; the value is its name among the words."""

    TOLERANCE = "tolerance"
    TYPICAL = "typical"  # a relative tolerance without an expected value
    EXPECTED = "expected"
    HALF = "half"  # neither is stated: half of what is possible


@dataclass(frozen=True)
class Numbers:
    """Derived numbers of one task, each computed when first asked for."""

    f: Facts

    @lazy
    def epsilon(self) -> float:
        """Budget of one release: the total over T, unless it was meant for each release."""
        return float(self.f.need("epsilon_total")) / self.sharing

    @lazy
    def sharing(self) -> int:
        """How many releases share the budget."""
        return 1 if self.f.unit_per_release else int(self.f.releases)

    @lazy
    def command_epsilon(self) -> Fraction:
        """Epsilon of one command, exact: what is printed after --epsilon and what every predicted error follows from.

        All commands of all releases that share the budget together spend no more than it.
        """
        return sources.exact(self.f.need("epsilon_total")) / (self.sharing * self.parts)

    @lazy
    def drawn(self) -> float:
        """`command_epsilon` as a float, for formulas."""
        return self.epsilon / self.parts

    @lazy
    def epsilon_unit(self) -> float:
        """Budget of one release for one record of a unit that may have several, or one of several numbers."""
        return self.drawn / int(self.f.max_contrib)

    @lazy
    def parts(self) -> int:
        """How many commands share a release's budget: one for each number.

        A histogram's cells share nothing, since one unit is in one cell. The seats of a committee are one command.
        """
        return int(self.f.output_dim) if self.f.function in ONE_COMMAND_EACH else 1

    @lazy
    def width(self) -> float:
        """Largest minus smallest value of one record."""
        if self.f.bounds is not None:
            return float(self.f.bounds[1] - self.f.bounds[0])
        if self.f.function in (*COUNTS, "histogram", "intersection_size"):
            return 1.0
        return float(_width(self.f.need("bounds")))

    @lazy
    def n(self) -> int:
        """Units in the aggregate; with one unit a holder, the holders. One holder has the units of many."""
        if not self.f.known("n_units") and self.f.n_holders != 1 and self.f.each_holder_one_unit:
            return int(self.f.n_holders)
        return int(self.f.need("n_units"))

    @lazy
    def cells(self) -> int:
        """Cells of a histogram."""
        return max(2, int(self.f.output_dim), int(self.f.n_candidates or 0))

    @lazy
    def candidates(self) -> int:
        """Options to choose from; grid points of a quantile."""
        if self.f.function in ("quantile", "extreme"):
            return int(self.f.n_candidates or QUANTILE_GRID)
        return int(self.f.need("n_candidates"))

    # Noise, in units of the output.

    @lazy
    def scale(self) -> float:
        """Laplace scale of the number, by a trusted holder or inside MPC: c*sensitivity/epsilon."""
        wide = self.width if self.f.function in ("count", "histogram") else 1.0  # a count per unit may be more than one
        return sources.noise_scale(*self.released) * wide

    @lazy
    def released(self) -> tuple[str, float, float, int, int]:
        """What `dpselect.numeric` needs to know of the number."""
        name = self.f.function
        rows = self.n if name in ("mean", "proportion") else 1
        return name, self.width, self.drawn, int(self.f.max_contrib), rows

    @lazy
    def stated_err95(self) -> float:
        """The error as `psiselect release` states it beforehand."""
        return sources.stated_error95(*self.released, self.cells)

    @lazy
    def central_err95(self) -> float:
        """Error of the number, or of any one cell, with central noise."""
        return formulas.laplace_err95(self.scale)

    @lazy
    def central_worst95(self) -> float:
        """Error of the worst of a histogram's cells with central noise."""
        return formulas.cells_err95(self.scale, self.cells)

    @lazy
    def local_sd(self) -> float:
        """Standard deviation when every holder adds noise, noise alone where the formula allows it."""
        n, eps = self.n, self.epsilon_unit
        if self.f.function == "histogram":
            return n * sources.cell_sd(eps, n, self.cells, self.cell_share)
        if self.f.function in COUNTS:
            share = sources.response_noise_sd(eps, n)
            return share if self.f.function == "proportion" else share * n
        # A value is rounded at random to one end of its range and that bit is randomised (Duchi, Jordan, Wainwright
        # 2018):
        # at most the width times a share's error, drawing included.
        mean = self.width * sources.response_sd_max(eps, n)
        return mean if self.f.function == "mean" else mean * n

    @lazy
    def local_err95(self) -> float:
        """Error of the number, or of any one cell, with noise at the source."""
        return formulas.Z95 * self.local_sd

    @lazy
    def local_worst95(self) -> float:
        """Error of the worst of a histogram's cells with noise at the source: the union bound over cells."""
        # The variance is linear in a cell's share, so that the larger end bounds it.
        ends = (sources.cell_sd(self.epsilon_unit, self.n, self.cells, share) for share in (0.0, 1.0))
        return formulas.normal_quantile(1 - 0.025 / self.cells) * self.n * max(ends)

    @lazy
    def cell_share(self) -> float:
        """The share of the cell whose error is predicted: the expected one, else that of a cell on average."""
        expected = self.f.expected_value
        return 1 / self.cells if expected is None else min(1.0, max(0.0, expected / self.n))

    def split_err95(self, colluding: int) -> float:
        """Error when the parties add shares of the noise that still hide everybody with so many colluding."""
        parties = self.noise_parties
        factor = sources.split_noise_err95(parties / (parties - colluding)) / formulas.LN20
        return self.central_err95 * factor

    @lazy
    def noise_parties(self) -> int:
        """Who adds the noise: the holders, or two helper servers where the holders are too many."""
        holders = int(self.f.n_holders)
        if holders > FEW_HOLDERS or self.f.function.startswith("intersection"):
            return 2
        return max(2, holders)

    @lazy
    def colluding(self) -> int:
        """The most colluders that the tolerance can pay for, at least one: noise for n - t honest shares."""
        parties = self.noise_parties
        least = sources.split_noise_err95(parties / (parties - 1))
        room = max(self.limit / self.central_err95 * formulas.LN20, least)
        shape = sources.split_noise_shape(room)
        return max(1, min(parties - 1, math.floor(parties - parties / shape + 1e-9)))

    @lazy
    def shared_err95(self) -> float:
        """Error of MPC with distributed noise, at the number of colluders chosen."""
        if self.f.function.startswith("intersection"):
            return self.central_err95  # the sender alone adds the noise
        return self.split_err95(self.colluding)

    @lazy
    def shared_worst95(self) -> float:
        """Error of the worst of a histogram's cells with noise that the parties add together."""
        parties = self.noise_parties
        return self.scale * formulas.split_cells_err95(parties / (parties - self.colluding), self.cells)

    # What would do.

    @lazy
    def limit(self) -> float:
        """The error from which the number is useless: the tolerance, else 10 % of the expected value.

        With neither, half of the whole possible range: then the answer would carry no information at all.
        """
        wish, expected = self.f.tolerance, self.f.expected_value
        if wish is not None and wish["kind"] == "abs":
            return float(wish["value"])
        if wish is not None:
            return float(wish["value"]) * (abs(expected) if expected is not None else self.typical)
        return 0.1 * abs(expected) if expected is not None else self.half_range

    @lazy
    def limit_source(self) -> Limit:
        """What `limit` came from."""
        if self.f.tolerance is not None:
            relative = self.f.tolerance["kind"] == "rel" and self.f.expected_value is None
            return Limit.TYPICAL if relative else Limit.TOLERANCE
        return Limit.EXPECTED if self.f.expected_value is not None else Limit.HALF

    @lazy
    def stated_limit(self) -> bool:
        """Does the limit come from the user, rather than from what is possible at all?"""
        return self.limit_source is not Limit.HALF

    @lazy
    def half_range(self) -> float:
        """Half the range of possible outputs."""
        name = self.f.function
        if name.startswith("intersection"):
            shorter = min(int(self.f.need("n_a")), int(self.f.need("n_b")))
            return shorter * (self.width if name == "intersection_sum" else 1) / 2
        per_unit = self.width / 2
        return per_unit if name in ("mean", "proportion") else per_unit * self.n

    @lazy
    def typical(self) -> float:
        """A middling output, for relative tolerances without an expected value."""
        if self.f.function == "histogram":
            return self.n / self.cells
        if self.f.function in ("mean", "sum"):
            low, high = self.f.need("bounds")
            middle = max(abs(low), abs(high)) / 2
            return float(middle * (self.n if self.f.function == "sum" else 1))
        return self.half_range

    def fits(self, error: float) -> bool:
        """Is the error tolerable?"""
        return error <= self.limit * (1 + 1e-12)

    # Selection.

    @lazy
    def exponent(self) -> float:
        """eps/(2*sensitivity): what multiplies a score in the exponential mechanism under replace-one.

        For a committee, in each of its rounds.
        """
        return self.drawn / self.seats / (2 * self.moved)

    @lazy
    def moved(self) -> float:
        """How far one unit can move a score. Where the user states it, it covers all records of the unit."""
        stated = self.f.score_sensitivity if self.f.function in SELECTIONS else None
        return float(stated or self.f.max_contrib)

    @lazy
    def seats(self) -> int:
        """How many options are chosen in one command."""
        if self.f.function != "top_k":
            return 1
        if not self.f.known("output_dim"):
            raise NeedToKnow("output_dim")  # the default of other functions, 1, is no committee
        return int(self.f.output_dim)

    @lazy
    def shortfall95(self) -> float:
        """How far below the best the choice may lie, in votes; in ranks for a quantile.

        For a committee: how far its worst member may lie below the last of the true committee.
        """
        if self.seats == 1 or self.seats >= self.candidates:
            return formulas.em_shortfall95(self.candidates, self.exponent)
        gap = self.f.score_gap
        at_once = sources.draws_sets(self.candidates, self.seats, self.command_epsilon, self.moved, gap)
        sets = formulas.sets_shortfall95(self.candidates, self.seats, self.drawn / (4 * self.moved))
        rounds = formulas.em_shortfall95(self.candidates * self.seats, self.exponent)  # a miss in each round
        return max(sets, rounds) if at_once is None else sets if at_once else rounds

    @lazy
    def gap_needed95(self) -> float:
        """The lead with which the true winner is found in 95 % of draws."""
        return formulas.em_gap_needed95(self.candidates, self.exponent)

    @lazy
    def tallies_err95(self) -> float:
        """Error of the largest of all options' noisy totals: each ballot may touch every option."""
        return formulas.cells_err95(1 / (2 * self.exponent) * self.candidates, self.candidates)

    @lazy
    def at_stake(self) -> float:
        """A public guess of what a wrong choice loses: score_gap, else expected_value, else the units.

        For a quantile it is ranks: a quarter of the units, as a median that may be a quartile is no median.
        """
        if self.f.score_gap is not None:
            return float(self.f.score_gap)
        if self.f.function in ("quantile", "extreme"):
            return self.n / 4
        return float(self.f.expected_value if self.f.expected_value is not None else self.n)

    def or_none(self, name: str) -> Any:
        """A number, or None where a field it needs is unknown."""
        try:
            return getattr(self, name)
        except NeedToKnow:
            return None


def _width(bounds: list[float]) -> float:
    return bounds[1] - bounds[0]
