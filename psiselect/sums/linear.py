"""One party's part in a sum or a mean: the terms, what is said before a share leaves, the run, and the result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from dpselect.decimals import number, plain
from dpselect.privacy import NeighbouringRelation
from mpc.multiples import Multiples
from mpc.parties import PartyList
from mpc.plan import NoiseGuarantee, SumPlan, plan_sum
from mpc.session import MpcSession, Progress, run_sum
from mpc.sharing import WORD
from mpc.terms import Function
from psi.identity.identity import Identity
from psiselect.base.entropy import SystemEntropy
from psiselect.charges import Charge
from psiselect.sums import words
from psiselect.sums.charging import charge_of, paying

DEFAULT_BOUND = Fraction(10**12)


@dataclass(frozen=True, slots=True)
class Party:
    """Who takes part: this party, and all of them."""

    roster: PartyList
    name: str
    identity: Identity
    timeout: float


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for; see `mpc.plan.plan_sum`."""

    function: Function = Function.SUM
    decimals: int = 2
    bound: Fraction = DEFAULT_BOUND
    modulus: int = WORD
    guarantee: NoiseGuarantee | None = None
    allow_two_inputs: bool = False


@dataclass(frozen=True, slots=True)
class Summed:
    """What a run has found."""

    plan: SumPlan
    roster: PartyList
    run: MpcSession
    charge: Charge | None

    @property
    def results(self) -> Multiples:
        """The numbers of the result, exactly."""
        return Multiples(self.run.totals, self.plan.point.unit / self._divisor)

    @property
    def _divisor(self) -> int:
        return len(self.roster.inputting) if self.plan.terms.function is Function.MEAN else 1

    def to_json(self) -> dict[str, object]:
        """As --json prints it."""
        plan, run = self.plan, self.run
        results = self.results
        found: Sequence[int | float] = results.numbers()
        texts = results.texts()
        record: dict[str, object] = {
            "function": plan.terms.function,
            "value": found[0] if len(results) == 1 else found,
            "value_exact": texts[0] if len(results) == 1 else texts,
            "parties": len(self.roster.inputting),
            "threshold": len(self.roster.computing) - 1,
            "unconfirmed": list(run.unconfirmed),
            "seconds": run.seconds,
            "bytes_sent": run.bytes_sent,
            "bytes_received": run.bytes_received,
        }
        if plan.guarantee is not None:
            error = None if plan.error95 is None else plan.error95 / self._divisor
            record |= {
                "epsilon": float(plan.guarantee.epsilon),
                "epsilon_exact": plan.guarantee.epsilon,
                "neighbors": plan.guarantee.neighbors,
                "colluding": plan.guarantee.colluding,
                "unit": plain(plan.point.unit),
                "sensitivity": number((plan.sensitivity or 0) * plan.point.unit),
                "error95": None if error is None else float(error),
            }
        return record | ({} if self.charge is None else self.charge.fields)


def sum_up(
    me: Party,
    numbers: Sequence[Fraction] | None,
    length: int | None,
    wish: Wish,
    *,
    ledger: Path | None = None,
    dataset: str | None = None,
    tell: Callable[[str], None],
    waiting: Callable[[], AbstractContextManager[Progress]],
    look: Callable[[], None] | None = None,
) -> Summed:
    """One run.

    Args:
        me: who takes part.
        numbers: this party's, None for a server.
        length: how many there are, where this party brings none.
        wish: what is asked for.
        ledger, dataset: what pays for a run with noise.
        tell: hears what the user should know before a share leaves.
        waiting: shows progress.
        look: see `run_sum`.

    Raises UsageError, InputError, PolicyError and BudgetError before there are links; TransportError and RemoteError
    with the name of the party that ended the run.
    """
    count = len(numbers) if numbers is not None else length or 1
    if length not in (None, count):
        raise words.other_length(length, count)
    plan = plan_sum(
        wish.function,
        me.roster,
        length=count,
        decimals=wish.decimals,
        bound=wish.bound,
        modulus=wish.modulus,
        guarantee=wish.guarantee,
        allow_two_inputs=wish.allow_two_inputs,
    )
    guarantee = plan.guarantee
    charge = charge_of(
        wish.function,
        None if guarantee is None else guarantee.epsilon,
        NeighbouringRelation.REPLACE if guarantee is None else guarantee.neighbors,
        ledger,
        dataset,
    )
    entropy = SystemEntropy()
    for line in assumptions(plan, me.roster):
        tell(line)
    encoded = None if numbers is None else plan.encode(numbers, entropy)
    with paying(charge, tell) as admit, waiting() as progress:
        run = run_sum(
            me.roster,
            me.name,
            me.identity,
            plan.terms,
            encoded,
            entropy,
            timeout=me.timeout,
            progress=progress,
            admit=admit,
            look=look,
        )
    return Summed(plan, me.roster, run, charge)


def assumptions(plan: SumPlan, roster: PartyList) -> list[str]:
    """What the user should know before a share leaves."""
    computing, inputs = len(roster.computing), len(roster.inputting)
    lines = [words.split_into(computing)]
    guarantee, error = plan.guarantee, plan.error95
    if guarantee is None or error is None:
        lines.append(words.exact_result(inputs - 1))
    else:
        within = float(error / (inputs if plan.terms.function is Function.MEAN else 1))
        promised = (guarantee.epsilon, guarantee.neighbors, guarantee.colluding)
        lines.append(words.noisy_result(*promised, inputs, within))
        if plan.coarsened > 1:
            lines.append(words.rounded_to(plain(plan.point.unit)))
    return lines


def guarantee_of(
    epsilon: Fraction | None,
    colluding: int | None,
    lower: Fraction | None,
    upper: Fraction | None,
    neighbors: NeighbouringRelation | None,
    contributions: int | None,
    sensitivity: Fraction | None,
) -> NoiseGuarantee | None:
    """What makes a sum differentially private; None without epsilon. Raises UsageError where arguments do not fit."""
    if epsilon is None:
        given = {"colluding": colluding, "lower": lower, "upper": upper, "neighbors": neighbors}
        for name, value in (given | {"contributions": contributions, "sensitivity": sensitivity}).items():
            if value is not None:
                raise words.only_with_noise(name)
        return None
    if lower is None or upper is None:
        missing = "lower" if lower is None else "upper"
        raise words.no_bound(missing)
    if colluding is None:
        raise words.no_colluding()
    return NoiseGuarantee(
        epsilon, neighbors or NeighbouringRelation.REPLACE, lower, upper, colluding, contributions or 1, sensitivity
    )
