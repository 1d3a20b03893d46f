"""A session that is paid for, and whose result or record cannot be written: the error says that it is charged."""

from __future__ import annotations

import errno
import tempfile
import threading
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import click
import pytest
from support import step_callers
from support.steps import Steps

from psi.accounts import audit
from psiselect.base import atomic
from psiselect.base.errors import OutputError


def full_disk(patch: pytest.MonkeyPatch, name: str) -> None:
    """No file of this name can be completed."""
    do = atomic._name

    def named(handle: int, part: Path | None, target: Path) -> Path | None:
        if target.name.startswith(name):
            raise OSError(errno.ENOSPC, "No space left on device")
        return do(handle, part, target)

    patch.setattr(atomic, "_name", named)


def no_screen(patch: pytest.MonkeyPatch) -> None:
    """What this thread prints is refused; the other side's thread prints."""
    me, echo = threading.get_ident(), click.echo

    def refused(*words: object, **more: Any) -> None:
        if threading.get_ident() == me and not more.get("err"):
            raise OSError(errno.ENOSPC, "No space left on device")
        echo(*words, **more)

    patch.setattr(click, "echo", refused)


@pytest.mark.parametrize("name", ["listen_paid", "connect_paid", "local_paid", "listen_noisy", "connect"])
def test_a_session_that_is_not_shown(here: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (here / "spare").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(here / "spare"))
    caller = getattr(step_callers, name)

    def unseen(patch: pytest.MonkeyPatch, steps: Steps) -> None:
        no_screen(patch)
        caller(patch, steps)

    _, said = step_callers.taken(unseen)
    (kept,) = (here / "spare").iterdir()
    found = f"the result is in '{kept}', a file that only you can read"
    if name == "connect":
        assert said.endswith(found)
        assert "charged" not in said
    else:
        assert said.startswith("the ledger was charged for the result, but the result could not be written: ")
        assert said.endswith(f"{found}. The ledger keeps the charge")


@pytest.mark.parametrize(
    ("name", "caller"), [("record", step_callers.listen_paid), ("answer", step_callers.answer_paid)]
)
def test_a_file_of_a_paid_session_that_is_not_written(here: Path, name: str, caller: step_callers.Caller) -> None:
    def unwritten(patch: pytest.MonkeyPatch, steps: Steps) -> None:
        full_disk(patch, name)
        caller(patch, steps)

    steps, said = step_callers.taken(unwritten)
    assert said.startswith("the ledger was charged for the result, but the result could not be written: cannot write")
    assert said.endswith("The ledger keeps the charge")
    assert "charge" in steps


def test_what_fails_before_the_charge_is_not_said_to_be_charged(here: Path) -> None:
    def without_room(patch: pytest.MonkeyPatch, steps: Steps) -> None:
        patch.setattr(audit, "check", Mock(side_effect=OutputError("cannot write the audit file")))
        step_callers.listen_paid(patch, steps)

    _, said = step_callers.taken(without_room)
    assert said == "cannot write the audit file"
