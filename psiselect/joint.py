"""Sums that nobody has to disclose: `psiselect.mpc_sum`."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any, Unpack

from mpc import parties as rosters
from mpc.session import DEFAULT_TIMEOUT
from mpc.terms import Function
from psi.identity.identity import Identity
from psiselect import words, words_arguments
from psiselect.arguments import (
    Neighbors,
    Reading,
    epsilon_of,
    event_of,
    flag_of,
    function_of,
    given_table,
    in_python,
    path_of,
    relation_of,
    seconds_of,
    text_of,
    whole,
)
from psiselect.budgets import AnyLedger, Charged, budget_file
from psiselect.exact import Exact, exact, signed
from psiselect.identities import load_identity
from psiselect.results import JointSum
from psiselect.sums.linear import DEFAULT_BOUND, Party, Wish, guarantee_of, sum_up
from psiselect.sums.numbers import read_numbers
from psiselect.talk import Progress, silent, tell_log

_MODULUS = 1 << 64


@in_python
def mpc_sum(
    value: Exact | Sequence[Exact] | None = None,
    *,
    party: str,
    parties: str | os.PathLike[str],
    identity: Identity | str | os.PathLike[str],
    values: Any = None,
    column: str | None = None,
    length: int | None = None,
    decimals: int = 2,
    bound: Exact = DEFAULT_BOUND,
    modulus: int = _MODULUS,
    allow_two_inputs: bool = False,
    epsilon: Exact | None = None,
    neighbors: Neighbors | None = None,
    lower: Exact | None = None,
    upper: Exact | None = None,
    colluding: int | None = None,
    contributions: int | None = None,
    sensitivity: Exact | None = None,
    ledger: AnyLedger | None = None,
    dataset: str | None = None,
    timeout: float = DEFAULT_TIMEOUT,
    progress: Callable[[int, int], None] | None = None,
    cancel: threading.Event | None = None,
    **reading: Unpack[Reading],
) -> JointSum:
    """The sum of everyone's numbers, and nothing else: every party makes this call on its own machine.

    Without `epsilon` the sum is exact, and whoever knows all inputs but one learns the last from it.

    Args:
        value: this party's number, or numbers in a list; None for a server, or with `values`.
        party: who this is, as named in the parties file.
        parties: parties.toml, the same for everyone.
        identity: the own key and certificate, loaded or by their path.
        values: in place of `value`, a table of numbers: a path, an address, or a table in memory.
        column: read this column of `values`, when it has several.
        length: how many numbers each party has; needed by servers of vectors only.
        decimals: decimals that count.
        bound: no value is larger, of either sign.
        modulus: shares are uniform modulo this number.
        allow_two_inputs: two inputs, although each learns the other's.
        epsilon: make the result differentially private; nobody sees it exact.
        neighbors: with epsilon: what one party may change, "replace" or "add-remove".
        lower: with epsilon: values below count as this.
        upper: with epsilon: values above count as this.
        colluding: with epsilon: how many parties may pool what they know, 1 or more.
        contributions: with epsilon: protect a group of so many parties together [1].
        sensitivity: with epsilon, for parties that hold many persons' data: how far one moves a number. Without, a
            whole party is protected.
        ledger: with epsilon: a budget that pays before a share leaves, as `Ledger` or its path.
        dataset: the name of this party's data in the ledger.
        timeout: seconds for the whole run, waiting for the others included.
        progress: called with how many of the other parties are connected, and of how many.
        cancel: an event that ends the run when it is set; the others are told.
        reading: `query` for a database, `format` and what else is said about the file of `values`.

    Raises:
        UsageError: arguments that make no sense together.
        InputError: numbers, parties or an identity that cannot be read, or do not fit the terms.
        PolicyError: a sum that would give an input away.
        BudgetError: the budget does not hold the cost; no share has left.
        TransportError, RemoteError: another party is missing or broke the protocol; the message names it.
        CancelError: `cancel` was set.
    """
    if epsilon is not None and neighbors is None:
        raise words_arguments.epsilon_needs_neighbors()
    roster = rosters.load(path_of(parties, "parties"))
    brings = roster[text_of(party, "party")].inputs
    if values is None and (column is not None or reading):
        raise words_arguments.column_needs_values()
    if brings and (value is None) == (values is None):
        raise words_arguments.one_of_value_and_values(both=value is not None)
    if not brings and not (value is None and values is None):
        raise words_arguments.server_has_no_value(party)
    numbers: Sequence[Fraction] | None = None
    if values is not None:
        numbers = read_numbers(given_table(values, reading, words_arguments.OF_VALUES), column)
    elif value is not None:
        numbers = _numbers(value)
    guarantee = guarantee_of(
        None if epsilon is None else epsilon_of(epsilon),
        None if colluding is None else whole(colluding, "colluding"),
        None if lower is None else signed(lower, "lower"),
        None if upper is None else signed(upper, "upper"),
        None if neighbors is None else relation_of(neighbors),
        None if contributions is None else whole(contributions, "contributions"),
        None if sensitivity is None else exact(sensitivity, "sensitivity"),
    )
    digits = whole(decimals, "decimals", least=0)
    two = flag_of(allow_two_inputs, "allow_two_inputs")
    wish = Wish(Function.SUM, digits, exact(bound, "bound"), whole(modulus, "modulus"), guarantee, two)
    own = load_identity(identity if isinstance(identity, Identity) else path_of(identity, "identity"), tell_log)
    shown, stop = function_of(progress, "progress"), event_of(cancel, "cancel")
    told: list[str] = []
    book = budget_file(ledger, dataset)
    found = sum_up(
        Party(roster, party, own, seconds_of(timeout, "timeout")),
        numbers,
        None if length is None else whole(length, "length"),
        wish,
        ledger=None if book is None else book.path,
        dataset=dataset,
        tell=told.append,
        waiting=lambda: _shown(shown),
        look=None if stop is None else lambda: _look(stop),
    )
    charge = found.charge
    paid = None if charge is None else charge.ledger.charged(charge.event)
    error = None if found.plan.error95 is None else float(found.plan.error95)
    return JointSum(
        told[1],
        Charged.of(paid, None if charge is None else charge.balance),
        (told[0], *told[2:]),
        found.to_json(),
        error,
        tuple(found.run.unconfirmed),
        found.results,
    )


def _numbers(value: Exact | Sequence[Exact]) -> Sequence[Fraction]:
    many = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return [signed(number, "value") for number in many]


@contextlib.contextmanager
def _shown(progress: Callable[[int, int], None] | None) -> Iterator[Progress]:
    yield progress or silent


def _look(cancel: threading.Event) -> None:
    if cancel.is_set():
        raise words.joint_work_cancelled()
