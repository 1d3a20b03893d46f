"""`psiselect mpc threshold|argmax|max`: functions that tell less than a sum, computed by MPyC."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import click

from cli._ledger import Charge, writing
from cli._options import choice
from cli._output import print_fields, print_json, say
from cli.mpc import words
from cli.mpc.help_groups import MpcCommand
from cli.mpc.options import (
    Session,
    Values,
    charged_options,
    common_options,
    open_session,
    read_lines,
    table_options,
)
from dpselect.decimals import number, plain
from dpselect.privacy import NeighbouringRelation, parse_epsilon
from mpc.fixedpoint import encode_all, parse_decimal
from mpc.function_plan import FunctionPlan, plan_largest, plan_threshold
from mpc.functions import FunctionOutcome, run_function
from mpc.parties import PartyList
from mpc.terms import Function
from psi.tables import ReadingOptions
from psiselect.base.entropy import SystemEntropy
from psiselect.base.words import human_bytes
from psiselect.sums.charging import charge_of, paying

_WORDS = {"yes": "1", "no": "0"}

_decimals = click.option(
    "--decimals",
    type=int,
    default=0,
    show_default=True,
    metavar="N",
    help="Use this many decimal places. All parties must use the same value.",
)


@click.command(
    "threshold", cls=MpcCommand, short_help="Say whether the sum of all numbers reaches a threshold: only yes or no."
)
@common_options
@click.option(
    "--value", metavar="V", help="Give this number as yours; yes and no are 1 and 0. For standard input, write -."
)
@click.option(
    "--at-least",
    metavar="K",
    help="Answer yes if the sum is K or more. All parties must use the same value [default: half the number of "
    "parties with a value].",
)
@click.option(
    "--bound",
    default="1",
    show_default=True,
    metavar="B",
    help="Refuse values above B or below -B. All parties must use the same value.",
)
@_decimals
def threshold_command(value: str | None, at_least: str | None, bound: str, decimals: int, **options: Any) -> None:
    """Say whether the sum of all values reaches a threshold: yes or no, and nothing else.

    A yes-or-no vote with this command shows no counts: a unanimous vote looks like any other that passes. At least
    three parties must compute (role "both" or "server" in the parties file). If half of these parties or more put
    together what they hold, they can read every value. (Technical detail: the computation uses the library MPyC.)

    \b
    Examples:
      psiselect mpc threshold --party alice --parties parties.toml --identity keys/alice --value yes
      psiselect mpc threshold ... --value 1250.50 --decimals 2 --bound 100000 --at-least 250000
    """
    session = open_session(**options)
    least = None if at_least is None else parse_decimal(at_least, "at-least")
    plan = plan_threshold(session.roster, decimals=decimals, bound=parse_decimal(bound, "bound"), at_least=least)
    word = None if value is None else _WORDS.get(value, value)
    mine = _single(plan, Values(word).read(session.roster, session.party))
    outcome = _run(session, plan, mine, words.sum_at_least(plan.terms.at_least))
    _show(session, plan, outcome, "yes" if outcome.value else "no", {"at_least": plan.terms.at_least})


@click.command(
    "max", cls=MpcCommand, short_help="Find the largest of the parties' numbers, without showing whose it is."
)
@common_options
@click.option("--value", metavar="V", help="Give this number as yours. For standard input, write -.")
@click.option(
    "--bound",
    default="1000000000",
    show_default=True,
    metavar="B",
    help="Refuse values above B or below -B. All parties must use the same value.",
)
@_decimals
def max_command(value: str | None, bound: str, decimals: int, **options: Any) -> None:
    """Find the largest of the parties' numbers, such as the highest bid, without showing whose it is.

    \b
    Examples:
      psiselect mpc max --party alice --parties parties.toml --identity keys/alice --value 5200
    """
    session = open_session(**options)
    plan = plan_largest(Function.MAX, session.roster, decimals=decimals, bound=parse_decimal(bound, "bound"))
    mine = _single(plan, Values(value).read(session.roster, session.party))
    outcome = _run(session, plan, mine, words.LARGEST_NUMBER)
    _show(session, plan, outcome, plain(_amount(outcome)), {})


@click.command("argmax", cls=MpcCommand, short_help="Find out who has the largest total, such as the winner of a vote.")
@common_options
@click.option(
    "--value",
    metavar="V",
    help="Give this number as yours. With --candidates: give a number for each candidate, such as 1,0,2.",
)
@click.option(
    "--candidates",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Read the candidates from this file, one on each line. All parties must use the same file.",
)
@click.option("--approve", multiple=True, metavar="NAME", help="Approve this candidate. May be repeated.")
@table_options
@click.option(
    "--bound",
    metavar="B",
    help="Refuse numbers above B or below -B. All parties must use the same value [default: 1 with --candidates, else "
    "1000000000].",
)
@_decimals
@click.option(
    "--epsilon",
    metavar="E",
    help="Draw the winner with some randomness, so that the result hides each ballot. 1 is usual; smaller is safer "
    "and less accurate. All parties must use the same value.",
)
@click.option(
    "--colluding",
    type=int,
    metavar="T",
    help="With --epsilon: hide each ballot even if T of the parties that compute (1 or more) tell each other what they "
    "know. Normally all parties compute; for roles, see `psiselect mpc sum --help`. All parties must use the same "
    "value [default: just under half of the parties that compute, such as 2 of 5 or 2 of 6].",
)
@click.option(
    "--neighbors",
    type=choice(NeighbouringRelation),
    help="With --epsilon: hide how somebody voted (replace), or also whether somebody voted at all (add-remove). All "
    "parties must use the same value [default: replace].",
)
@charged_options
def argmax_command(
    value: str | None,
    candidates: Path | None,
    approve: tuple[str, ...],
    values: Path | str | None,
    query: str | None,
    said: ReadingOptions,
    column: str | None,
    bound: str | None,
    decimals: int,
    epsilon: str | None,
    colluding: int | None,
    neighbors: str | None,
    ledger: Path | None,
    dataset: str | None,
    **options: Any,
) -> None:
    """Find out who has the largest total: the winner of a vote, or the highest bidder. Nobody learns the totals.

    With --candidates, each party gives a number for each candidate. These numbers are its own approvals (--approve), or
    the totals of the ballots that it holds (--values). Ties are broken at random. With --epsilon, chance plays a
    part in choosing the winner, and no party knows all the random numbers that are used.

    \b
    Examples:
      psiselect mpc argmax --party alice --parties parties.toml --identity keys/alice --value 5200
      psiselect mpc argmax ... --candidates names.txt --approve Anna --approve Ben
      psiselect mpc argmax ... --candidates names.txt --values tallies.txt --bound 500 --epsilon 1
    """
    if epsilon is None and (colluding is not None or neighbors is not None):
        raise words.no_noise()
    session = open_session(**options)
    names = None if candidates is None else read_lines(candidates, words.ONE_CANDIDATE)
    default = "1" if names is not None else "1000000000"
    exact = None if epsilon is None else parse_epsilon(epsilon)
    relation = NeighbouringRelation.parse(neighbors or NeighbouringRelation.REPLACE.value)
    plan = plan_largest(
        Function.ARGMAX,
        session.roster,
        decimals=decimals,
        bound=parse_decimal(bound or default, "bound"),
        candidates=names,
        epsilon=exact,
        neighbors=relation,
        colluding=colluding,
    )
    mine = _numbers(session.roster, session.party, plan, Values.of(value, values, query, column, said), names, approve)
    what = words.LARGEST_TOTAL if names is not None else words.HIGHEST_BIDDER
    charge = charge_of(Function.ARGMAX, exact, relation, ledger, dataset)
    outcome = _run(session, plan, mine, what, charge)
    extra: dict[str, object] = {} if charge is None else charge.fields
    if plan.noise is not None and exact is not None:
        extra |= {
            "mechanism": "noisy-maximum",
            "epsilon": float(exact),
            "epsilon_exact": str(exact),
            "neighbors": plan.terms.neighbors,
            "colluding": plan.noise.colluding,
            "exponent_per_vote": float(plan.noise.exponent),
        }
    _show(session, plan, outcome, str(outcome.value), extra, charged=charge is not None)


def _numbers(
    roster: PartyList,
    party: str,
    plan: FunctionPlan,
    values: Values,
    names: Sequence[str] | None,
    approve: tuple[str, ...],
) -> list[int] | None:
    given, table = values.value is not None, values.table is not None
    if not roster[party].inputs or names is None:
        if approve or table:
            raise words.votes_without_candidates() if names is None else words.server_with_votes(party)
        return _single(plan, values.read(roster, party))
    if approve or not (given or table):
        if given or table:
            raise words.votes_twice()
        if unknown := [a for a in approve if a not in names]:
            raise words.no_candidate(unknown[0])
        return [1 if name in approve else 0 for name in names]
    mine = values.read(roster, party)
    if mine is None or len(mine) != len(names):
        raise words.number_for_each(len(names), 0 if mine is None else len(mine))
    encoded = encode_all(plan.point, mine)
    if plan.noise is not None and any(v < 0 for v in encoded):
        raise words.negative_approvals()
    return encoded


def _single(plan: FunctionPlan, mine: Sequence[Fraction] | None) -> list[int] | None:
    """One number; several would land in the other parties' places."""
    if mine is None:
        return None
    if len(mine) != 1:
        raise words.one_number(len(mine))
    return encode_all(plan.point, mine)


def _run(
    session: Session, plan: FunctionPlan, mine: list[int] | None, what: str, charge: Charge | None = None
) -> FunctionOutcome:
    """State the assumption, then run. charge: paid before a share leaves."""
    computing = len(session.roster.computing)
    threshold = (computing - 1) // 2
    say(words.everyone_learns(what, threshold + 1, (p.name for p in session.roster.computing)))
    say(words.all_trusted(computing))
    if plan.noise is not None:
        say(words.winner_hides(plan.terms.epsilon, plan.terms.neighbors, plan.noise.colluding))
    with paying(charge, say) as admit, session.waiting() as progress:
        return run_function(
            session.roster,
            session.party,
            session.identity,
            plan,
            mine,
            SystemEntropy(),
            timeout=session.timeout,
            progress=progress,
            admit=admit,
        )


def _amount(outcome: FunctionOutcome) -> Fraction:
    if not isinstance(outcome.value, Fraction):
        raise TypeError("the largest number is an amount")
    return outcome.value


def _show(
    session: Session,
    plan: FunctionPlan,
    outcome: FunctionOutcome,
    text: str,
    extra: dict[str, object],
    *,
    charged: bool = False,
) -> None:
    for name in outcome.unconfirmed:
        say(words.unconfirmed(name))
    function = plan.terms.function
    value = outcome.value
    record: dict[str, object] = {
        "function": function,
        "value": number(value) if isinstance(value, Fraction) else value,
        "parties": len(session.roster.inputting),
        "threshold": (len(session.roster.computing) - 1) // 2,
        "unconfirmed": list(outcome.unconfirmed),
        "seconds": outcome.seconds,
        "bytes_sent": outcome.bytes_sent,
        "bytes_received": outcome.bytes_received,
    }
    with writing(charged=charged):
        if session.as_json:
            print_json(record | extra)
        else:
            print_fields({function.value: text})
    if not session.as_json:
        say(words.cost(outcome.seconds, human_bytes(outcome.bytes_sent)))
