"""`mpc --ledger`: what is stated is drawn and charged, and it is charged before a share leaves.

One party runs its command; its peers are played by a script over links in memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from support.mpc_memory import StubMesh, instead_of_mpyc
from support.mpc_processes import Group

from cli._errors import classify
from cli.mpc.command import command
from dpselect.accounting import BudgetKind, Cost, PureDp
from dpselect.ledger import Ledger
from dpselect.privacy import NeighbouringRelation
from mpc import functions, noise, session
from mpc.mesh import Connected, Lost, Received
from mpc.messages import Message
from mpc.parties import PartyList
from psi.transport.wire import Frame
from psiselect.base.errors import TransportError

NAMES = ("alice", "bob", "carlos")
REPLACE, ADD_REMOVE = NeighbouringRelation.REPLACE, NeighbouringRelation.ADD_REMOVE
BUDGET = Fraction(3, 4)
DATA = {Message.SHARE, Message.PARTIAL, Message.RESULT}
NOISY_SUM = ("--value", "41", "--epsilon", "1/2", "--colluding", "1", "--lower", "0", "--upper", "60")


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Group:
    made = Group(tmp_path_factory.mktemp("three"), dict.fromkeys(NAMES, "both"))
    (made.folder / "c.txt").write_text("Anna\nBen\n")
    return made


class Peers(StubMesh):
    """Two peers that hold the same terms and bring nothing. at: called before a frame of a type is sent; says whether
    the peers answer."""

    def __init__(self, roster: PartyList, me: str, seen: list[str], at: Callable[[Peers, Message], bool]) -> None:
        super().__init__()
        self.seen, self.at = seen, at
        seen.append("links")
        for peer in roster.peers(me):
            self.events.put(Connected(peer.name))

    def send(self, peer: str, frame: Frame) -> None:
        kind = Message(frame.type)
        answered = self.at(self, kind)
        self.seen.append(kind.name)
        super().send(peer, frame)
        for answer in self.answers(kind, frame) if answered else []:
            self.events.put(Received(peer, answer))

    def answers(self, kind: Message, frame: Frame) -> list[Frame]:
        if kind is Message.TERMS:
            return [Frame(frame.type, bytes(frame.payload))]
        if kind in DATA:  # zeros of the same length
            return [Frame(frame.type, bytes(len(frame.payload)))]
        return [Frame(Message.DONE, b"")] if kind is Message.DONE else []

    def __enter__(self) -> Peers:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@dataclass
class Alice:
    """Runs of one party. seen: what happened in order: draw, links, charge, and each message."""

    group: Group
    ledger: Ledger
    seen: list[str] = field(default_factory=list)
    exponents: list[Fraction] = field(default_factory=list)
    at: Callable[[Peers, Message], bool] = lambda peers, kind: True
    out: str = ""
    err: str = ""
    error: BaseException | None = None

    def call(self, *arguments: str) -> int:
        who = ["--party", "alice", "--parties", str(self.group.parties)]
        who += ["--identity", str(self.group.folder / "keys/alice")]
        function, *rest = arguments
        done = CliRunner().invoke(command, [function, *who, *rest, "--json"], standalone_mode=False)
        self.out, self.err, self.error = done.stdout, done.stderr, done.exception
        if isinstance(done.exception, click.Abort):  # Ctrl-C
            return 130
        return 0 if done.exception is None else classify(done.exception)[0]

    def paid(self, *arguments: str) -> int:
        return self.call(*arguments, "--ledger", str(self.ledger.path), "--dataset", "people")

    @property
    def charged(self) -> list[Cost]:
        return [entry.cost for entry in self.ledger.entries()]


def book(folder: Path, relation: NeighbouringRelation, kind: BudgetKind = BudgetKind.PURE) -> Ledger:
    return Ledger.create(
        folder / f"{relation.value}-{kind.value}.db", kind=kind, neighbors=relation, budget=Cost(BUDGET)
    )


@pytest.fixture
def alice(group: Group, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Alice:
    found = Alice(group, book(tmp_path, REPLACE))
    sampler, spend = noise.negative_binomials, Ledger.spend

    def draw(entropy: Any, size: Fraction, exponent: Fraction, count: int) -> Any:
        found.seen.append("draw")
        found.exponents.append(exponent)
        return sampler(entropy, size, exponent, count)

    def charge(ledger: Ledger, *arguments: Any, **more: Any) -> Any:
        balance = spend(ledger, *arguments, **more)
        found.seen.append("charge")
        return balance

    monkeypatch.setattr(noise, "negative_binomials", draw)
    monkeypatch.setattr(Ledger, "spend", charge)
    for module in (functions, session):
        monkeypatch.setattr(
            module, "Mesh", lambda people, me, *_: Peers(people, me, found.seen, lambda *how: found.at(*how))
        )
    monkeypatch.setattr(session, "_HEARSAY_SECONDS", 0)
    instead_of_mpyc(monkeypatch)
    return found


def arguments(function: str, group: Group) -> tuple[str, ...]:
    if function == "argmax":
        return (function, "--candidates", str(group.folder / "c.txt"), "--approve", "Ben", "--epsilon", "1/2")
    return (function, *NOISY_SUM, "--decimals", "0")


each_function = pytest.mark.parametrize("function", ["sum", "mean", "argmax"])


@each_function
@pytest.mark.parametrize(("relation", "moved"), [(REPLACE, (60, 2)), (ADD_REMOVE, (60, 1))])
def test_what_is_stated_is_drawn_and_charged(
    function: str, relation: NeighbouringRelation, moved: tuple[int, int], alice: Alice, tmp_path: Path
) -> None:
    if relation is not alice.ledger.neighbors:
        alice.ledger = book(tmp_path, relation)
    assert alice.paid(*arguments(function, alice.group), "--neighbors", relation.value) == 0, alice.err
    record = json.loads(alice.out)
    assert (record["epsilon"], record["epsilon_exact"], record["neighbors"]) == (0.5, "1/2", relation.value)
    assert alice.exponents == [Fraction(1, 2) / moved[function == "argmax"]]
    assert alice.charged == [Cost(Fraction(1, 2))]
    assert (record["ledger_remaining"], record["ledger_remaining_exact"]) == (0.25, "1/4")
    assert f"left for 'people' in the ledger '{alice.ledger.path}': epsilon 1/4" in alice.err
    (entry,) = alice.ledger.entries()
    assert (entry.dataset, entry.what) == ("people", f"mpc {function}: epsilon 0.5")


@each_function
def test_a_zcdp_ledger_pays_in_rho(function: str, alice: Alice, tmp_path: Path) -> None:
    alice.ledger = book(tmp_path, REPLACE, BudgetKind.ZCDP)
    assert alice.paid(*arguments(function, alice.group)) == 0
    assert alice.charged == [Cost(Fraction(1, 8))]


@each_function
def test_it_draws_then_calls_then_charges_then_shares(function: str, alice: Alice) -> None:
    assert alice.paid(*arguments(function, alice.group)) == 0
    steps = [step for number, step in enumerate(alice.seen) if step not in alice.seen[:number]]
    assert steps[:5] == ["draw", "links", "TERMS", "charge", "SHARE"]
    assert alice.seen.count("charge") == 1


def killed(_: Peers, kind: Message) -> bool:
    if kind is Message.SHARE:
        raise KeyboardInterrupt
    return True


def a_link_breaks(peers: Peers, kind: Message) -> bool:
    if kind is Message.SHARE:
        peers.events.put(Lost("bob", TransportError("the link is gone")))
    return kind is not Message.SHARE


@each_function
@pytest.mark.parametrize(("at", "code"), [(killed, 130), (a_link_breaks, 5)])
def test_what_fails_after_the_charge_stays_paid_once(
    function: str, at: Callable[[Peers, Message], bool], code: int, alice: Alice
) -> None:
    alice.at = at
    assert alice.paid(*arguments(function, alice.group)) == code
    assert alice.out == ""
    assert alice.charged == [Cost(Fraction(1, 2))]
    assert "left for 'people'" in alice.err


@each_function
def test_a_budget_that_is_gone_when_all_are_there_lets_no_share_leave(function: str, alice: Alice) -> None:
    def spent_meanwhile(_: Peers, kind: Message) -> bool:
        if kind is Message.TERMS and not alice.charged:
            alice.ledger.spend("people", PureDp(Fraction(1, 2)), neighbors=None, what="another run")
        return True

    alice.at = spent_meanwhile
    assert alice.paid(*arguments(function, alice.group)) == 6
    assert "over budget" in str(alice.error)
    assert alice.charged == [Cost(Fraction(1, 2))]
    assert not {kind.name for kind in DATA} & set(alice.seen)
    assert alice.seen.count("ABORT") == 2
    assert alice.out == ""


@each_function
def test_a_budget_that_does_not_hold_it_calls_nobody(function: str, alice: Alice) -> None:
    alice.ledger.spend("people", PureDp(Fraction(1, 4) + Fraction(1, 10**9)), neighbors=None, what="another run")
    alice.seen.clear()
    assert alice.paid(*arguments(function, alice.group)) == 6
    assert "over budget" in str(alice.error)
    assert (alice.seen, alice.out) == ([], "")


@each_function
def test_a_relation_that_is_not_the_ledgers_is_refused(function: str, alice: Alice) -> None:
    assert alice.paid(*arguments(function, alice.group), "--neighbors", "add-remove") == 6
    assert "counts releases with --neighbors replace" in str(alice.error)
    assert (alice.seen, alice.charged) == ([], [])


@each_function
def test_differing_terms_cost_nothing(function: str, alice: Alice) -> None:
    def others(peers: Peers, kind: Message) -> bool:
        if kind is Message.TERMS:
            peers.events.put(Received("bob", Frame(Message.TERMS, b'{"terms": {}, "seed": "' + b"0" * 64 + b'"}')))
        return False

    alice.at = others
    assert alice.paid(*arguments(function, alice.group)) == 4
    assert alice.charged == []


@each_function
@pytest.mark.parametrize("half", [("--ledger", "LEDGER"), ("--dataset", "people")])
def test_half_an_account_is_refused(function: str, half: tuple[str, str], alice: Alice) -> None:
    option, value = half
    words = (option, str(alice.ledger.path) if value == "LEDGER" else value)
    assert alice.call(*arguments(function, alice.group), *words) == 2
    assert "go together" in str(alice.error)
    assert (alice.seen, alice.charged) == ([], [])


@each_function
def test_without_noise_there_is_nothing_to_charge(function: str, alice: Alice) -> None:
    exact = ("--candidates", str(alice.group.folder / "c.txt"), "--approve", "Ben") if function == "argmax" else ()
    assert alice.paid(function, *(exact or ("--value", "41"))) == 2
    assert "--ledger works only with --epsilon, because only a result with noise uses up a budget" in str(alice.error)
    assert (alice.seen, alice.charged) == ([], [])


@each_function
def test_a_run_without_a_ledger_says_nothing_of_one(function: str, alice: Alice) -> None:
    assert alice.call(*arguments(function, alice.group)) == 0
    assert not [name for name in json.loads(alice.out) if "ledger" in name]
    assert "left for" not in alice.err
    assert alice.charged == []
