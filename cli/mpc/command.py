"""`psiselect mpc`: each party runs the same command on its own machine."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import click

from cli._numbers import WholeNumber
from cli._options import choice, options
from cli._output import say
from cli.mpc import words
from cli.mpc.functions import argmax_command, max_command, threshold_command
from cli.mpc.help_groups import MpcCommand
from cli.mpc.options import Values, charged_options, common_options, open_session, table_options
from cli.mpc.results import Output
from dpselect.privacy import NeighbouringRelation, parse_epsilon
from mpc.fixedpoint import parse_decimal
from mpc.plan import NoiseGuarantee
from mpc.terms import MAX_LENGTH, Function
from psi.tables import ReadingOptions
from psiselect.sums.linear import Party, Wish, guarantee_of, sum_up

_Command = TypeVar("_Command", bound=Callable[..., Any])

_PRIVATE = ("epsilon", "colluding", "lower", "upper", "neighbors", "contributions", "sensitivity")


@click.group(name="mpc", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Calculate with the numbers of several parties, who do not show them to each other.

    Each party runs the same command on its own machine. All parties use the same file `parties.toml`. This file has a
    section [[party]] for each party, with its name, address and certificate. `psiselect identity create` makes the
    certificates. A run ends with the result, or names the party that failed.

    If you stop one party (by Ctrl-C, or by the signal SIGTERM or SIGHUP), the commands of the other parties name the
    stopped party. They end with exit code 5. A party that already has the result keeps the result.

    \b
    Examples:
      psiselect mpc mean --party alice --parties parties.toml --identity keys/alice --value 3800
      psiselect mpc threshold --party alice --parties parties.toml --identity keys/alice --value 1
    """


command.add_command(threshold_command)
command.add_command(argmax_command)
command.add_command(max_command)


def _value_options(decorated: _Command) -> _Command:
    single = click.option(
        "--value",
        metavar="V",
        help="Give this number as yours. If each party gives several numbers, such as 1,0,2, the result has one number "
        "for each position. For standard input, write -.",
    )
    length = click.option(
        "--length",
        type=WholeNumber(1, MAX_LENGTH),
        metavar="N",
        help='Expect N numbers from each party. Needed only by a party with the role "server" in the parties file, '
        "which helps to compute but has no numbers [default: 1].",
    )
    return single(table_options(length(decorated)))


_sum_options = options(
    click.option(
        "--decimals",
        type=int,
        default=2,
        show_default=True,
        metavar="N",
        help="Use this many decimal places. All parties must use the same value.",
    ),
    click.option(
        "--bound",
        default="1000000000000",
        show_default=True,
        metavar="B",
        help="Refuse values above B or below -B. All parties must use the same value.",
    ),
    click.option(
        "--modulus",
        default="2^64",
        show_default=True,
        metavar="M",
        help="Leave room for large sums. Choose a larger number than 2^64, such as 2^128, only if the command asks for "
        "it. All parties must use the same value.",
    ),
    click.option(
        "--output",
        "target",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Write all numbers of the result to this file, whose name ends in .csv or .json. A .json file has what "
        "--json prints.",
    ),
    click.option(
        "--allow-two-inputs",
        is_flag=True,
        help="Run even if only two parties have a number. Each of them then learns the other's number. All parties "
        "must use this option, or none.",
    ),
    click.option(
        "--epsilon",
        metavar="E",
        help="Add random noise to the result, so that the result hides each party. Nobody sees the result without "
        "noise. 1 is usual; smaller is safer and less accurate. All parties must use the same value.",
    ),
    click.option(
        "--colluding",
        type=int,
        metavar="T",
        help="With --epsilon: protect against T parties (1 or more) that tell each other what they know. All parties "
        "must use the same value.",
    ),
    click.option(
        "--lower",
        metavar="V",
        help="With --epsilon: count smaller values as V. All parties must use the same value.",
    ),
    click.option(
        "--upper",
        metavar="V",
        help="With --epsilon: count larger values as V. All parties must use the same value.",
    ),
    click.option(
        "--neighbors",
        type=choice(NeighbouringRelation),
        help="With --epsilon: hide a party's number (replace), or whether the party has one (add-remove). All parties "
        "must use the same value [default: replace].",
    ),
    click.option(
        "--contributions",
        type=int,
        metavar="C",
        help="With --epsilon: protect a group of C parties together, with C times as much noise. All parties must use "
        "the same value [default: 1].",
    ),
    click.option(
        "--sensitivity",
        metavar="S",
        help="With --epsilon: protect one person, who can change a party's number by at most S. All parties must use "
        "the same value [default: protect a whole party].",
    ),
    charged_options,
)


@command.command(name="sum", cls=MpcCommand)
@common_options
@_value_options
@_sum_options
def sum_command(**options: Any) -> None:
    """Add up the numbers of all parties. Nobody learns more than the sum.

    Each party connects to all others, unless the parties file gives roles. A party with the role "input" only gives
    numbers. A party with the role "server" only computes, and "both" does both. If there are servers, parties with the
    role "input" connect only to the parties that compute.

    \b
    Examples:
      psiselect mpc sum --party alice --parties parties.toml --identity keys/alice --value 3800
      psiselect mpc sum --party alice --parties parties.toml --identity keys/alice --values hours.txt --output sums.csv
      psiselect mpc sum ... --value 41 --epsilon 1 --colluding 2 --lower 0 --upper 60
    """
    _run_linear(Function.SUM, **options)


@command.command(name="mean", cls=MpcCommand)
@common_options
@_value_options
@_sum_options
def mean_command(**options: Any) -> None:
    """Take the mean of the numbers of all parties. Nobody learns more than the mean.

    \b
    Examples:
      psiselect mpc mean --party alice --parties parties.toml --identity keys/alice --value 3800
    """
    _run_linear(Function.MEAN, **options)


def _run_linear(
    function: Function,
    *,
    value: str | None,
    values: Path | str | None,
    query: str | None,
    said: ReadingOptions,
    column: str | None,
    length: int | None,
    decimals: int,
    bound: str,
    modulus: str,
    allow_two_inputs: bool,
    target: Path | None,
    ledger: Path | None,
    dataset: str | None,
    **options: Any,
) -> None:
    private = {name: options.pop(name) for name in _PRIVATE}
    session = open_session(**options)
    given, output = Values.of(value, values, query, column, said), Output(target, session.as_json)
    output.check(given)
    mine = given.read(session.roster, session.party)
    wish = Wish(
        function,
        decimals,
        parse_decimal(bound, "bound"),
        parse_modulus(modulus),
        _guarantee(**private),
        allow_two_inputs,
    )
    me = Party(session.roster, session.party, session.identity, session.timeout)
    output.give(sum_up(me, mine, length, wish, ledger=ledger, dataset=dataset, tell=say, waiting=session.waiting))


def _guarantee(
    epsilon: str | None,
    colluding: int | None,
    lower: str | None,
    upper: str | None,
    neighbors: str | None,
    contributions: int | None,
    sensitivity: str | None,
) -> NoiseGuarantee | None:
    def decimal(text: str | None, name: str) -> Fraction | None:
        return None if text is None else parse_decimal(text, name)

    return guarantee_of(
        None if epsilon is None else parse_epsilon(epsilon),
        colluding,
        decimal(lower, "lower"),
        decimal(upper, "upper"),
        None if neighbors is None else NeighbouringRelation.parse(neighbors),
        contributions,
        decimal(sensitivity, "sensitivity"),
    )


def parse_modulus(text: str) -> int:
    """A decimal number or 2^K. Raises UsageError."""
    base, caret, exponent = text.partition("^")
    digits = base + exponent
    if len(digits) > 160 or not digits.isascii() or not digits.isdigit() or (caret and (base != "2" or not exponent)):
        raise words.modulus()
    if not caret:
        return int(text)
    return 1 << min(int(exponent), 1024)
