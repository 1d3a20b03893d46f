"""The one tree of errors: by whose fault, with one exit code and one word each, and what a peer is told."""

from __future__ import annotations

import click
import pytest

from cli._errors import classify
from psi.protocol import messages
from psiselect import (
    BudgetError,
    InputError,
    LocalError,
    MinimumError,
    OutputError,
    PolicyError,
    PsiselectError,
    RemoteError,
    ResourceError,
    TransportError,
    UsageError,
)

TREE = {
    LocalError: PsiselectError,
    UsageError: LocalError,
    InputError: LocalError,
    OutputError: InputError,
    PolicyError: LocalError,
    MinimumError: PolicyError,
    BudgetError: PolicyError,
    ResourceError: LocalError,
    RemoteError: PsiselectError,
    TransportError: PsiselectError,
}


@pytest.mark.parametrize(("error", "parent"), TREE.items())
def test_each_error_stands_where_its_fault_is(error: type[PsiselectError], parent: type[PsiselectError]) -> None:
    assert error.__bases__ == (parent,)
    raised = error("what happened", term="epsilon")
    assert (str(raised), raised.term) == ("what happened", "epsilon")
    assert error("what happened").term is None


def test_a_fault_of_a_file_names_its_line() -> None:
    assert InputError("x", term="key", line=3).line == 3
    assert InputError("x").line is None


@pytest.mark.parametrize(
    ("error", "code", "kind"),
    [
        (UsageError("x"), 2, "usage"),
        (click.UsageError("x"), 2, "usage"),
        (InputError("x"), 3, "input"),
        (OutputError("x"), 3, "input"),
        (RemoteError("x"), 4, "peer"),
        (TransportError("x"), 5, "transport"),
        (ResourceError("x"), 5, "resource"),
        (PolicyError("x"), 6, "policy"),
        (MinimumError("x"), 6, "policy"),
        (BudgetError("x"), 6, "budget"),
        (ValueError("x"), 1, "bug"),
    ],
)
def test_each_error_has_its_exit_code_and_its_word(error: Exception, code: int, kind: str) -> None:
    assert classify(error) == (code, kind)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PolicyError("secret", term="ledger"), b'{"code":"refused","term":null}'),
        (BudgetError("secret", term="ledger"), b'{"code":"refused","term":null}'),
        (MinimumError("secret", term="min_matches"), b'{"code":"minimum","term":null}'),
        (InputError("secret", term="value"), b'{"code":"failed","term":null}'),
        (UsageError("secret"), b'{"code":"failed","term":null}'),
        (ResourceError("secret", term="threads"), b'{"code":"failed","term":null}'),
        (ValueError("secret"), b'{"code":"failed","term":null}'),
        (RemoteError("secret"), b'{"code":"protocol","term":null}'),
        (RemoteError("secret", term="reveal"), b'{"code":"terms","term":"reveal"}'),
    ],
)
def test_a_peer_is_told_a_code_and_nothing_else(error: BaseException, told: bytes) -> None:
    assert bytes(messages.abort_frame(error).payload) == told
