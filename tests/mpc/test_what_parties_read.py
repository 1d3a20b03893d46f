"""The sentences that end a run name each term in words, and the party that can mend it."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace

import pytest
from support.mpc_network import roster, terms

from mpc import words_messages
from mpc.function_plan import plan_largest
from mpc.messages import Cause, Failure
from mpc.plan import plan_sum
from mpc.securesum import SecureSum
from mpc.session import Driver
from mpc.terms import Function
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import RemoteError, TransportError, UsageError


def test_every_term_has_words() -> None:
    people = roster(3)
    record = plan_sum(Function.SUM, people, length=1).terms.record(people)
    assert words_messages._TERMS.keys() == record.keys()


def test_terms_that_differ_are_named_in_words() -> None:
    error = Failure(Cause.TERMS, "bob", "alice", ("bound", "unit", "from_a_later_version")).error("alice")
    assert isinstance(error, RemoteError)
    assert str(error) == (
        "there is no result: bob and alice do not agree on: the bound (--bound); the decimal places (--decimals); "
        "from_a_later_version. Nothing was shared. Agree on the same values, and start all parties again"
    )
    assert error.term == "bound"
    assert Failure(Cause.TERMS, "bob", "alice").error("alice").term == "bob"


@pytest.mark.parametrize(
    ("by", "told"),
    [
        (
            "alice",
            "Check that bob's program is running and can be reached, then start all parties again "
            "(technical detail: connection refused). alice has no connection to carlos either",
        ),
        (
            "carlos",
            "Check that bob's program is running and can be reached, then start all parties again. "
            "alice has no connection to carlos either",
        ),
    ],
)
def test_a_party_adds_what_it_knows_of_its_own_link(by: str, told: str) -> None:
    machine = SecureSum(roster(3), "alice", terms(), [1], SystemEntropy())
    machine.failure, machine.missing = Failure(Cause.MISSING, "bob", by), ("bob", "carlos")
    mesh = SimpleNamespace(events=None, problems={"bob": "connection refused"})
    error = Driver(machine, mesh, 1.0).error()  # type: ignore[arg-type]
    assert str(error) == f"there is no result: {by} reports that bob did not connect in time. {told}"
    assert (type(error), error.term) == (TransportError, "bob")


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_a_sentence_that_names_the_party(cause: Cause) -> None:
    error = Failure(cause, "bob", "carlos").error("alice")
    who = "bob and carlos " if cause is Cause.TERMS else "carlos reports that bob "
    assert str(error).startswith(f"there is no result: {who}")
    assert isinstance(error, TransportError) is (cause in (Cause.MISSING, Cause.LATE, Cause.LOST))
    assert error.term == "bob"


def test_one_party_with_a_number_is_told_that_there_is_nothing_to_compare() -> None:
    with pytest.raises(UsageError, match="only one party contributes a number"):
        plan_largest(Function.MAX, roster(1, 3), decimals=0, bound=Fraction(9))
