"""`psiselect mpc`: each party runs the same command on its own machine."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import click

from cli._options import choice, options
from cli._output import say
from cli.mpc.functions import argmax_command, max_command, threshold_command
from cli.mpc.options import Values, charged_options, common_options, open_session, table_options
from cli.mpc.results import Output
from dpselect.privacy import NeighbouringRelation, parse_epsilon
from mpc.fixedpoint import parse_decimal
from mpc.plan import NoiseGuarantee
from mpc.terms import MAX_LENGTH, Function
from psi.tables import ReadingOptions
from psiselect.base.errors import UsageError
from psiselect.sums.linear import Party, Wish, guarantee_of, sum_up

_Command = TypeVar("_Command", bound=Callable[..., Any])

_PRIVATE = ("epsilon", "colluding", "lower", "upper", "neighbors", "contributions", "sensitivity")


@click.group(name="mpc", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Compute on everyone's numbers without showing them: every party runs the same command on its own machine.

    `parties.toml`, the same for all, has a [[party]] with name, address and certificate for each of them; `psiselect
    identity create` makes the certificates. A run ends with the result, or with the name of the party that did not
    play its part.

    Ctrl-C, SIGTERM and SIGHUP stop one party. It tells the others, and their commands end with its name and exit code
    5. Those that have the result already keep it.

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
        "--value", metavar="V", help="This party's number, or numbers: 1,0,2; - reads standard input."
    )
    length = click.option(
        "--length", type=click.IntRange(1, MAX_LENGTH), help="Numbers per party; needed by servers of vectors only."
    )
    return single(table_options(length(decorated)))


_sum_options = options(
    click.option("--decimals", type=int, default=2, show_default=True, help="Decimals that count."),
    click.option("--bound", default="1000000000000", show_default=True, help="No value is larger, of either sign."),
    click.option("--modulus", default="2^64", show_default=True, help="Shares are uniform modulo this number, or 2^K."),
    click.option(
        "--output",
        "target",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Write all numbers of the result here: .csv, or .json as --json prints it.",
    ),
    click.option("--allow-two-inputs", is_flag=True, help="Two inputs, although each learns the other's."),
    click.option("--epsilon", metavar="E", help="Make the result differentially private; nobody sees it exact."),
    click.option(
        "--colluding",
        type=int,
        metavar="T",
        help="With --epsilon: how many parties may pool what they know, 1 or more.",
    ),
    click.option("--lower", help="With --epsilon: values below count as this."),
    click.option("--upper", help="With --epsilon: values above count as this."),
    click.option(
        "--neighbors",
        type=choice(NeighbouringRelation),
        help="With --epsilon: what one party may change. Default: replace, since who takes part is known.",
    ),
    click.option(
        "--contributions",
        type=int,
        metavar="C",
        help="With --epsilon: protect a group of C parties together (default 1); costs C times the noise.",
    ),
    click.option(
        "--sensitivity",
        metavar="S",
        help="With --epsilon, for parties that hold many persons' data each: how far one moves a number. "
        "Default: a whole party is protected.",
    ),
    charged_options,
)


@command.command(name="sum")
@common_options
@_value_options
@_sum_options
def sum_command(**options: Any) -> None:
    """The sum of everyone's numbers, and nothing else.

    Everyone talks to everyone, or, when the parties file has two or more parties of role "server", to the servers only.

    \b
    Examples:
      psiselect mpc sum --party alice --parties parties.toml --identity keys/alice --value 3800
      psiselect mpc sum --party alice --parties parties.toml --identity keys/alice --values hours.txt --output sums.csv
      psiselect mpc sum ... --value 41 --epsilon 1 --colluding 2 --lower 0 --upper 60
    """
    _run_linear(Function.SUM, **options)


@command.command(name="mean")
@common_options
@_value_options
@_sum_options
def mean_command(**options: Any) -> None:
    """The mean of everyone's numbers, and nothing else.

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
        raise UsageError("modulus: expected a number or 2^K", term="modulus")
    if not caret:
        return int(text)
    return 1 << min(int(exponent), 1024)
