"""Commands of `mpc` whose run is played: no links, and a result that the test chooses."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from cli.mpc import command as sums
from cli.mpc import functions
from mpc.functions import FunctionOutcome
from mpc.session import MpcSession
from psiselect.sums import linear
from support.mpc_processes import Group

ROLES = {"alice": "input", "bob": "input", "carlos": "input", "s1": "server", "s2": "server", "s3": "server"}


class Played:
    """A run that ends with what a test says, and notes this party's numbers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.values: Any = "not run"
        self.sum = MpcSession((), 1.0, 2, 3, ())
        self.function = FunctionOutcome(True, 1.0, 2, 3, ())
        monkeypatch.setattr(linear, "run_sum", lambda *args, **_: self.note(args[4], self.sum))
        monkeypatch.setattr(functions, "run_function", lambda *args, **_: self.note(args[4], self.function))

    def note(self, values: Any, outcome: Any) -> Any:
        self.values = values
        return outcome


def invoke(group: Group, party: str, *arguments: str, typed: str | None = None) -> Any:
    function, *rest = arguments
    who = ["--party", party, "--parties", str(group.parties), "--identity", str(group.folder / "keys" / party)]
    return CliRunner().invoke(sums.command, [function, *who, *rest], input=typed)
