"""`psiselect.mpc_sum`: the other parties may call it too, or run `psiselect mpc sum`."""

from __future__ import annotations

import json
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars
import pytest
from click.testing import CliRunner
from support.mpc_memory import Hub
from support.mpc_processes import Group

import psiselect
from cli.mpc.command import command
from mpc import parties
from psi.identity.identity import Identity

NAMES = ("alice", "bob", "carlos")
NOISY: dict[str, Any] = {
    "epsilon": "1/2",
    "neighbors": "replace",
    "lower": 0,
    "upper": 60,
    "colluding": 1,
    "decimals": 0,
}


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Group:
    return Group(tmp_path_factory.mktemp("sum"), dict.fromkeys(NAMES, "both"))


def who(group: Group, name: str) -> dict[str, Any]:
    return {"party": name, "parties": group.parties, "identity": group.folder / "keys" / name}


def words(group: Group, name: str) -> list[str]:
    return [f"--{key}={value}" for key, value in who(group, name).items()]


def test_a_call_and_a_command_sum_up_together(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    hub, roster = Hub(monkeypatch), parties.load(group.parties)
    seen: list[tuple[int, int]] = []

    def run(name: str) -> Any:
        if name == "carlos":
            return CliRunner().invoke(command, ["sum", *words(group, name), "--value", "0.75", "--json"])
        if name == "bob":
            own = who(group, name) | {"identity": Identity.load(group.folder / "keys" / "bob")}
            return psiselect.mpc_sum(values=polars.DataFrame({"v": [1]}), **own)
        return psiselect.mpc_sum("3800.5", progress=lambda done, of: seen.append((done, of)), **who(group, name))

    found = hub.together(roster, run)
    record = json.loads(found["carlos"].stdout)
    changing = ("seconds", "bytes_sent", "bytes_received")
    for name in ("alice", "bob"):
        sums = found[name]
        assert isinstance(sums, psiselect.JointSum)
        assert (sums.value, sums.values, list(sums.exact)) == (3802.25, [3802.25], [Fraction("3802.25")])
        assert {k: v for k, v in sums.to_dict().items() if k not in changing} == {
            k: v for k, v in record.items() if k not in changing
        }
        assert sums.guarantee in found["carlos"].stderr
        assert all(note in found["carlos"].stderr for note in sums.notes)
        assert (sums.error, sums.charged, sums.unconfirmed) == (None, None, ())
        assert "3802" not in repr(sums)
    assert seen == [(1, 2), (2, 2)]


def test_a_noisy_sum_is_paid_by_each_party(group: Group, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub, roster = Hub(monkeypatch), parties.load(group.parties)
    ledger = psiselect.Ledger.create(tmp_path / "l.db", epsilon=1, neighbors="replace")
    options = ["--epsilon=1/2", "--neighbors=replace", "--lower=0", "--upper=60", "--colluding=1", "--decimals=0"]

    def run(name: str) -> Any:
        if name == "carlos":
            return CliRunner().invoke(command, ["sum", *words(group, name), "--value=41", *options, "--json"])
        paid = {"ledger": ledger, "dataset": "people"} if name == "alice" else {}
        return psiselect.mpc_sum(41, **NOISY, **paid, **who(group, name))

    found = hub.together(roster, run)
    assert found["alice"].charged == psiselect.Charged("people", Fraction(1, 2), Fraction(0), Fraction(1, 2))
    assert [entry.what for entry in ledger.entries()] == ["mpc sum: epsilon 0.5"]
    record = json.loads(found["carlos"].stdout)
    assert found["bob"].to_dict()["value"] == record["value"]
    assert found["bob"].error == record["error95"]
    promise = "The result has random noise that hides the data: epsilon 1/2, replace. It hides them even from 1 of 3"
    assert found["bob"].guarantee.startswith(promise)
    assert found["bob"].charged is None


def test_cancelled_it_tells_the_others(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    roster, cancel = parties.load(group.parties), threading.Event()
    hub = Hub(monkeypatch)

    def run(name: str) -> Any:
        try:
            if name == "alice":  # her links stand, and then she is told to stop
                return psiselect.mpc_sum(1, progress=lambda *_: cancel.set(), cancel=cancel, **who(group, name))
            return psiselect.mpc_sum(1, **who(group, name))
        except psiselect.PsiselectError as error:
            return error

    found = hub.together(roster, run)
    assert type(found["alice"]) is psiselect.CancelError
    assert found["alice"].exit_code == 130
    for name in ("bob", "carlos"):
        assert type(found[name]) is psiselect.TransportError
        assert "alice" in str(found[name])


def test_a_party_that_waits_alone_is_cancelled(group: Group) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(psiselect.CancelError):
        psiselect.mpc_sum(1, cancel=cancel, **who(group, "alice"))


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        ({"value": 1.5}, psiselect.UsageError, 'Write value="1.5"'),
        ({"value": None}, psiselect.UsageError, "give value= or values="),
        ({"values": "v.csv"}, psiselect.UsageError, "give value= or values=, not both"),
        ({"column": "v"}, psiselect.UsageError, "work only together with values="),
        ({"format": "csv"}, psiselect.UsageError, "work only together with values="),
        ({"length": 2}, psiselect.UsageError, "length= is 2, but 1 number was given"),
        ({"value": 10**13}, psiselect.InputError, "value"),
        ({"party": "dora"}, psiselect.UsageError, "dora"),
        ({"parties": "none.toml"}, psiselect.InputError, "none.toml"),
        ({"identity": "none"}, psiselect.InputError, "none"),
        ({"epsilon": 1}, psiselect.UsageError, "epsilon= also needs neighbors="),
        (NOISY | {"epsilon": 0.5}, psiselect.UsageError, 'Write epsilon="0.5"'),
        (NOISY | {"upper": None}, psiselect.UsageError, "give both lower= and upper="),
        (NOISY | {"colluding": None}, psiselect.UsageError, "needs colluding="),
        (NOISY | {"lower": 60, "upper": 0}, psiselect.UsageError, "lower= must be below upper="),
        ({"lower": 0}, psiselect.UsageError, "lower= applies only to a result with noise"),
        ({"ledger": "l.db"}, psiselect.UsageError, "go together"),
        ({"modulus": 0}, psiselect.UsageError, "modulus"),
    ],
)
def test_a_misuse_is_refused_with_what_to_do(
    changed: dict[str, Any], error: type[Exception], says: str, group: Group
) -> None:
    with pytest.raises(error, match=says) as refused:
        psiselect.mpc_sum(**({"value": 1} | who(group, "alice") | changed))
    assert "--" not in str(refused.value)


def test_a_ledger_without_noise_has_nothing_to_pay(group: Group, tmp_path: Path) -> None:
    ledger = psiselect.Ledger.create(tmp_path / "l.db", epsilon=1, neighbors="replace")
    with pytest.raises(psiselect.UsageError, match="ledger= works only with epsilon="):
        psiselect.mpc_sum(1, ledger=ledger, dataset="d", **who(group, "alice"))
