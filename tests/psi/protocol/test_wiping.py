"""Secrets are overwritten at the end of a session, however it ends: every scalar and every choice, in every mode.

A spy keeps all of them; afterwards each must be zeros. Python may have copied bytes elsewhere (docs/threat-model.md).
"""

from __future__ import annotations

import ast
import dataclasses
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import draws
from support.exchanged import MODES as OFFLINE_MODES
from support.exchanged import Pair, silent
from support.inline import Fate, InlineChannel
from support.labelled import Given
from support.parties import RAW, backend, setup, terms
from support.resuming import Switchboard, two_players
from support.resuming import play as play_both

from psi.agreement.column_terms import ColumnTerms
from psi.agreement.modes import Comparer, Learner, Matching, Reveal, Side
from psi.agreement.terms import KeyTerm, Terms
from psi.group import masking
from psi.group.curve25519.scalar import Scalar
from psi.identity.identity import Identity
from psi.inputs.row_tokens import RowTokens
from psi.oblivious.base import BaseReceiver
from psi.oblivious.columns import COLUMNS
from psi.oblivious.correlated import CorrelatedSender
from psi.oblivious.extension import ExtensionReceiver, ExtensionSender
from psi.offline import exchange
from psi.offline.envelope import FileKind
from psi.protocol import messages, schedule
from psi.protocol.messages import MessageType as M
from psi.protocol.party import Party
from psi.protocol.setup import Setup
from psi.protocol.summing import SumReceiver
from psi.session import session
from psi.session.calibration import calibrate
from psi.transport.wire import Frame
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import PolicyError, RemoteError, TransportError
from psiselect.base.packed import Packed

# What is secret, and overwritten; a class that overwrites more needs an entry.
SECRETS: dict[type[Any], tuple[str, ...]] = {
    Scalar: ("key",),
    BaseReceiver: ("bits",),
    ExtensionReceiver: ("_bits", "_seeds"),
    ExtensionSender: ("_seeds", "bits"),
    CorrelatedSender: ("_difference",),
    SumReceiver: ("_bits",),
}
# In runs that no session has yet: tests/psi/fast/test_runs.py closes both sides and looks.
ELSEWHERE = {"FastReceiver": ("_seeds",), "FastSender": ("_delta", "_seeds")}
OWN, PEER = [b"a", b"b", b"c"], [b"b", b"c", b"d", b"e"]
TWO = {"keys": (RAW, KeyTerm("text/1", "11" * 32)), "matching": Matching.ONE_TO_ONE}
SUM = {"reveal": Reveal.SUM, "value_decimals": 0, "value_max": "100"}
GATE = {"min_matches": 1, "min_matches_by": Comparer.OTHER}
MODES: dict[str, dict[str, object]] = {
    "matches": {},
    "both learn": {"learn": Learner.BOTH},
    "count": {"reveal": Reveal.COUNT},
    "noisy count": {"reveal": Reveal.NOISY_COUNT, "epsilon": "1", "delta": "1/10"},
    "padded": {"pad_to": 6},
    "two keys": TWO,
    "columns": {"columns": ColumnTerms((), ("c",)), "label_bytes": 64},
    "minimum": GATE,
    "sum": SUM,
    "sum of rows with two keys": {**SUM, **TWO},
}


class Spy:
    """All secrets that were made."""

    def __init__(self) -> None:
        self.holders: list[Any] = []
        self.scalars: list[bytes] = []  # as they were when they were made

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        for kind in SECRETS:
            patch.setattr(kind, "__init__", self._watched(kind.__init__))

    def _watched(self, plain: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(plain)
        def made(holder: Any, *args: Any, **more: Any) -> None:
            self.holders.append(holder)
            plain(holder, *args, **more)
            if isinstance(holder, Scalar):
                self.scalars.append(bytes(holder.key))

        return made

    def of(self, kind: type[Any]) -> list[Any]:
        return [holder for holder in self.holders if type(holder) is kind]

    def left(self) -> set[str]:
        """What is not zeros, and forget all."""
        found = {
            f"{type(holder).__name__}.{name}"
            for holder in self.holders
            for name in SECRETS[type(holder)]
            if np.any(np.frombuffer(getattr(holder, name), np.uint8))
        }
        self.holders.clear()
        return found


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Spy:
    backend()  # which tries itself with scalars of no secret
    made = Spy()
    made.watch(monkeypatch)
    return made


def side_of(side: Side, agreed: Terms, **changes: object) -> Setup:
    items = OWN if side is Side.CONNECT else PEER
    table = np.stack([np.arange(len(items))] * agreed.keys_per_row, axis=1)
    prefixes = [bytes((1, key)) for key in range(agreed.keys_per_row)]
    plain = setup(side, items, agreed, entropy=SystemEntropy(), backend=backend(), labels=Given(items),
                  values=lambda numbers: np.maximum(numbers, 0))  # fmt: skip
    if agreed.keys_per_row > 1:
        rows = RowTokens([Packed.of(items)] * len(prefixes), prefixes, table, SystemEntropy())
        plain = dataclasses.replace(plain, tokens=lambda number: rows)
    return dataclasses.replace(plain, **changes)


@dataclasses.dataclass
class Interrupted:
    """A backend that is interrupted at a step of its own."""

    step: int
    calls: int = 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def called(*args: Any) -> Any:
            self.calls += 1
            if self.calls == self.step:
                raise KeyboardInterrupt
            return getattr(backend(), name)(*args)

        return called


def spoilt(frame: Frame) -> Frame:
    """A frame that no honest peer sends there."""
    return Frame(frame.type, b"\xff" * (len(frame.payload) + 1))


def stopped(error: type[BaseException]) -> Callable[[Frame], Frame]:
    def stop(frame: Frame) -> Frame:
        raise error("stopped")

    return stop


FIRST_TRANSFER = 5  # the number of the first frame that reaches a side after the tags, or the one before
ABORT = messages.abort_frame(RuntimeError())
ENDINGS: dict[str, tuple[Callable[[Frame], Frame], type[BaseException]]] = {
    "ctrl-c": (stopped(KeyboardInterrupt), KeyboardInterrupt),
    "broken link": (stopped(TransportError), TransportError),
    "abort": (lambda frame: ABORT, RemoteError),
    "cheating peer": (spoilt, RemoteError),
}


def play(agreed: Terms, side: Side, fate: Fate = lambda number, frame: frame, **changes: object) -> InlineChannel:
    """A session of this side; the peer, which is honest, is closed too."""
    peer = Party(side_of(side.other, agreed))
    channel = InlineChannel(peer, fate)
    try:
        session.run(channel, side_of(side, agreed, **changes))
    finally:
        peer.close()
    return channel


def at(step: int, change: Callable[[Frame], Frame]) -> Fate:
    return lambda number, frame: change(frame) if number == step else frame


by_mode = pytest.mark.parametrize("mode", MODES)
by_side = pytest.mark.parametrize("side", Side, ids=lambda side: side.value)


@by_mode
@by_side
def test_nothing_is_left_of_a_whole_session(spy: Spy, mode: str, side: Side) -> None:
    """And no two scalars of a session are the same: each run, each key, each transfer and each copy has its own."""
    agreed = terms(**MODES[mode])
    play(agreed, side)
    transfers = 3 * COLUMNS if agreed.reveal is Reveal.SUM else 0  # masks and unmasks of a chooser, scalars of a dealer
    runs = schedule.plan(agreed)
    items = {side: len(OWN if side is Side.CONNECT else PEER) for side in Side}
    copies = sum(run.copies(items[run.receiver]) - 1 for run in runs)
    assert len(spy.scalars) == len(runs) * (2 + agreed.keys_per_row) + transfers + copies
    assert len(set(spy.scalars)) == len(spy.scalars)
    for kind in SECRETS.keys() - {Scalar}:
        assert len(spy.of(kind)) == (agreed.reveal is Reveal.SUM), kind
    assert spy.left() == set()


# In a sum only what comes after the tags: what comes before is as in a count, and it takes long.
EVERY_END = [(mode, ending) for mode in ("matches", "both learn") for ending in ENDINGS]
SUM_ENDS = [("sum", "ctrl-c"), ("sum", "cheating peer")]
ONE_END = [(mode, "ctrl-c") for mode in MODES if not mode.startswith(("matches", "both", "sum"))]


@by_side
@pytest.mark.parametrize(("mode", "ending"), [*EVERY_END, *SUM_ENDS, *ONE_END])
def test_nothing_is_left_of_a_session_that_ends_at_any_frame(spy: Spy, mode: str, ending: str, side: Side) -> None:
    agreed = terms(**MODES[mode])
    change, error = ENDINGS[ending]
    step, made = FIRST_TRANSFER if mode == "sum" else 1, 0
    while True:
        try:
            play(agreed, side, at(step, change))
        except error:
            made += len(spy.holders)
            assert spy.left() == set(), step
            step += 3 if mode == "sum" else 1
        else:
            break
    assert step > 5
    assert made > 0


@by_side
@pytest.mark.parametrize("mode", ["matches", "two keys"])
def test_nothing_is_left_of_a_session_that_is_interrupted_while_it_computes(spy: Spy, mode: str, side: Side) -> None:
    """Ctrl-C in the middle of own work."""
    for step in range(1, 4):
        with pytest.raises(KeyboardInterrupt):
            play(terms(**MODES[mode]), side, backend=Interrupted(step))
        assert spy.of(Scalar)
        assert spy.left() == set(), step


@by_side
@pytest.mark.parametrize("step", [1, 100, 129, 200, 300])
def test_nothing_is_left_of_a_sum_that_is_interrupted_while_128_scalars_deal_or_choose(
    spy: Spy, step: int, side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They choose, deal and open in steps of 128."""
    interrupted = Interrupted(step)
    monkeypatch.setattr(masking.FewRows, "mask", lambda self, elements, scalar: interrupted.mask(elements, scalar))
    with pytest.raises(KeyboardInterrupt):
        play(terms(**SUM), side)
    assert spy.of(BaseReceiver) or side is Side.CONNECT
    assert spy.left() == set()


def test_nothing_is_left_when_the_policy_or_the_minimum_ends_it(spy: Spy) -> None:
    def refuse(*size: int) -> None:
        raise PolicyError("no")

    for side in Side:
        for question in ("admit", "check_size"):
            with pytest.raises(PolicyError):
                play(terms(), side, **{question: refuse})
            assert spy.left() == set()
        with pytest.raises(PolicyError):
            play(terms(**{**GATE, "min_matches": 3}), side)
        assert spy.of(Scalar)
        assert spy.left() == set()


def test_a_role_that_hands_over_is_overwritten_at_once(spy: Spy) -> None:
    """When the tags are compared, the run's scalars have done their work; transfers have their own."""
    seen: list[set[str]] = []

    def look(number: int, frame: Frame) -> Frame:
        if frame.type == M.SEED_ANSWER:
            masks = [holder for holder in spy.of(Scalar)[:3] if any(holder.key)]
            seen.append({type(holder).__name__ for holder in masks})
        return frame

    play(terms(**SUM), Side.LISTEN, look)
    assert seen == [set()]


def test_the_runs_of_a_session_are_overwritten_one_by_one(spy: Spy) -> None:
    """At the second run's first elements nothing of the first run is left, on either side."""
    seen: list[list[bool]] = []

    def look(number: int, frame: Frame) -> Frame:
        if frame.type == M.ELEMENTS:
            seen.append([any(holder.key) for holder in spy.of(Scalar)])
        return frame

    play(terms(learn=Learner.BOTH), Side.CONNECT, look)
    assert seen == [[False] * 3 + [True] * 3] or seen == [[True] * 3, [False] * 3 + [True] * 3], seen


# ---- by files


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> dict[Side, Identity]:
    folder = tmp_path_factory.mktemp("people")
    return {side: Identity.create(side.value, folder) for side in Side}


@pytest.mark.parametrize("mode", OFFLINE_MODES)
def test_nothing_is_left_of_an_exchange_by_files(spy: Spy, people: dict[Side, Identity], mode: str) -> None:
    """Each command in turn, whole and interrupted at each of its first steps."""
    pair = Pair(people, terms(**OFFLINE_MODES[mode]))
    offer, contents = pair.offer()
    assert len(spy.of(Scalar)) == 2
    assert spy.left() == set()
    answer, _ = pair.answer(offer)
    assert len(spy.of(Scalar)) == 1
    assert spy.left() == set()
    pair.finish(offer, contents, answer)
    assert len(spy.of(Scalar)) == 2
    assert spy.left() == set()
    commands = (
        lambda **ended: pair.offer(**ended),
        lambda **ended: pair.answer(offer, **ended),
        lambda **ended: pair.finish(offer, contents, answer, **ended),
    )
    for command in commands:
        with pytest.raises(KeyboardInterrupt):
            command(backend=Interrupted(1))
        assert spy.of(Scalar)
        assert spy.left() == set()


def test_nothing_is_left_of_an_exchange_with_a_faulty_answer(spy: Spy, people: dict[Side, Identity]) -> None:
    pair = Pair(people, terms())
    offer, contents = pair.offer()
    answer, _ = pair.answer(offer)
    frames = list(pair.read(FileKind.ANSWER, answer).frames())
    offer_id = pair.read(FileKind.OFFER, offer).id
    for number in range(1, len(frames)):
        wrong = [*frames[:number], spoilt(frames[number]), *frames[number + 1 :]]
        with pytest.raises(RemoteError):
            exchange.finish(pair.offerer(), offer_id, contents, iter(wrong), silent)
        assert spy.left() == set()


# ---- that go on after a break


def test_nothing_is_left_of_sessions_that_can_be_resumed(spy: Spy, tmp_path: Path) -> None:
    players = two_players(tmp_path, Switchboard(), [b"1", b"2"], [b"2", b"3"])
    assert all(not isinstance(ended, BaseException) for ended in play_both(players).values())
    assert len(spy.of(Scalar)) == 3
    assert spy.left() == set()


# ---- that only measure


def test_nothing_is_left_of_a_measurement(spy: Spy) -> None:
    """However it ends: the elements are computed first, and the scalar is used from the second step on."""
    for step in (2, 3, 5):
        with pytest.raises(KeyboardInterrupt):
            calibrate(Interrupted(step), 1)  # type: ignore[arg-type]
        assert spy.of(Scalar)
        assert spy.left() == set()


# ---- the table of secrets


def overwritten() -> dict[str, tuple[str, ...]]:
    """What each class of psi overwrites when it is closed or wiped."""
    found: dict[str, set[str]] = {}
    for _, tree in draws.modules("psi"):
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                for function in node.body:
                    if isinstance(function, ast.FunctionDef) and function.name in ("close", "wipe"):
                        found.setdefault(node.name, set()).update(_filled(function))
    return {name: tuple(sorted(fields)) for name, fields in found.items() if fields}


def _filled(function: ast.FunctionDef) -> Iterator[str]:
    """Names in statements like `self.name[:] = 0`."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            owner = node.targets[0].value
            if isinstance(owner, ast.Attribute):
                yield owner.attr


def test_the_spy_watches_all_that_is_overwritten() -> None:
    assert overwritten() == {kind.__name__: fields for kind, fields in SECRETS.items()} | ELSEWHERE
