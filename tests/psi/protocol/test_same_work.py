"""Timing as the order of operations: what a side does until the session is over does not depend on what matches.

Each call into the group, the store and the entropy, with its amount, and each frame is written down. Two sessions with
lists of the same sizes, one with nothing in common and one with everything, give the same script on both sides. Where
one side learns and none compares with a minimum, tags are not even compared before the session is over.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from support.entropy import FixedEntropy
from support.other_terms import COLUMNS, NOISY, SUM
from support.parties import RAW, pump, setup, terms
from support.tapped import tapped_pair

from psi.agreement.column_terms import ColumnTerms
from psi.agreement.modes import Comparer, Learner, Matching, Reveal, Side
from psi.agreement.terms import Terms
from psi.group.curve25519.portable import PortableBackend
from psi.group.curve25519.scalar import Scalar
from psi.inputs.row_tokens import RowTokens
from psi.protocol.matching import Comparison
from psi.protocol.party import Party
from psi.session import session
from psi.store.spool import Column, Joined, Store
from psi.transport.memory import MemoryChannel
from psi.transport.wire import Frame
from psiselect.base.packed import I64, U8, Packed

SIZE = 12
Script = list[tuple[object, ...]]


class Written(PortableBackend):
    """A backend that writes down each call and its number of rows."""

    def __init__(self, script: Script) -> None:
        super().__init__(threads=1)
        self._script = script

    def mask(self, elements: U8, scalar: Scalar) -> U8:
        self._script.append(("mask", len(elements)))
        return super().mask(elements, scalar)

    def hash_to_curve(self, items: Packed, dst: bytes) -> U8:
        self._script.append(("hash", len(items)))
        return super().hash_to_curve(items, dst)

    def hash_and_mask(self, items: Packed, scalar: Scalar, dst: bytes) -> U8:
        self._script.append(("hash and mask", len(items)))
        return super().hash_and_mask(items, scalar, dst)

    def digest(self, prefix: bytes, elements: U8, items: Packed | None, width: int) -> U8:
        self._script.append(("digest", len(elements), width))
        return super().digest(prefix, elements, items, width)


class WrittenStore(Store):
    """A store that writes down what is compared and sorted."""

    script: Script

    def join(self, own: Column, peer: Column) -> Joined:
        self.script.append(("join", len(own), len(peer)))
        return super().join(own, peer)

    def ascending(self, column: Column) -> Iterator[U8]:
        self.script.append(("sort", len(column), column.width))
        return super().ascending(column)


class WrittenEntropy(FixedEntropy):
    """Entropy that writes down how much is read, the same bytes for each session."""

    def __init__(self, script: Script, seed: str) -> None:
        super().__init__(seed)
        self._script = script

    def read(self, size: int) -> bytes:
        self._script.append(("entropy", size))
        return super().read(size)


class Columns:
    """What travels along: the rows' numbers."""

    width = 64

    def __init__(self, script: Script) -> None:
        self._script = script

    def payloads(self, numbers: I64) -> U8:
        self._script.append(("payloads", len(numbers)))
        return np.repeat(numbers.astype(np.uint8)[:, None], 64, axis=1)


def script_of(agreed: Terms, common: int) -> dict[Side, Script]:
    """What both sides do, with so many items in common."""
    scripts: dict[Side, Script] = {side: [] for side in Side}

    def party(side: Side) -> Party:
        script = scripts[side]
        first = 100 if side is Side.CONNECT else 100 + SIZE - common
        items = [b"%d" % (first + number) for number in range(SIZE)]
        entropy = WrittenEntropy(script, side.value)

        def stores() -> Store:
            made = WrittenStore()
            made.script = script
            return made

        def values(numbers: I64) -> I64:
            script.append(("values", len(numbers)))
            return np.arange(len(numbers))

        given: dict[str, object] = {"sizes": (SIZE,) * agreed.lists}
        if agreed.keys_per_row > 1:
            packed = [Packed.of(items)] * agreed.keys_per_row
            table = np.stack([np.arange(SIZE)] * agreed.keys_per_row, axis=1)
            given["tokens"] = lambda number: RowTokens(packed, [b"a", b"b"], table, entropy)
        return Party(
            setup(side, items, agreed, backend=Written(script), entropy=entropy, stores=stores, values=values,
                  labels=Columns(script), **given)
        )  # fmt: skip

    parties = {side: party(side) for side in Side}

    def keep(side: Side, frame: Frame) -> None:
        for script in scripts.values():
            script.append(("frame", side.value, frame.type, len(frame.view())))

    pump(parties, keep)
    for side in Side:
        last = max(number for number, event in enumerate(scripts[side]) if event[0] == "frame")
        scripts[side].insert(last + 1, ("over",))
    learners = [parties[side] for side in agreed.learn.receivers]
    assert all(one.outcome.matches in (None, common * agreed.lists) for one in learners)
    return scripts


MODES: dict[str, dict[str, object]] = {
    "matches": {},
    "matches, both": {"learn": Learner.BOTH},
    "matches with columns": COLUMNS,
    "count": {"reveal": Reveal.COUNT},
    "noisy-count": NOISY,
    "sum": SUM,
    "two lists": {"keys": (RAW, RAW)},
    "linked rows": {"keys": (RAW, RAW), "matching": Matching.ONE_TO_ONE, "reveal": Reveal.COUNT},
    "linked rows with columns": {"keys": (RAW, RAW), "matching": Matching.ONE_TO_ONE, **COLUMNS},
    "padded": {"pad_to": 20},
    "a minimum": {"min_matches": 3},
}


# Both learn, so that the counts are in the record; or each tag's bit goes out hidden.
COMPARED_EARLY = {"matches, both", "sum"}


@pytest.mark.parametrize("name", MODES)
def test_both_sides_do_the_same_whatever_matches(name: str) -> None:
    agreed = terms(chunk=4, **MODES[name])
    scripts = [script_of(agreed, common) for common in (0, 1, SIZE)]
    for side in Side:
        nothing, one, everything = (script[side] for script in scripts)
        assert nothing == one == everything
        assert {"entropy", "frame", "digest"} <= {str(event[0]) for event in nothing}
        early, late = joins(nothing)
        learns = side in agreed.learn.receivers
        assert len(early) + len(late) == learns * agreed.lists * agreed.keys_per_row
        assert (late if name in COMPARED_EARLY else early) == []


def joins(script: Script) -> tuple[Script, Script]:
    """The comparisons before the last frame, and after it."""
    at = script.index(("over",))
    early, late = ([event for event in part if event[0] == "join"] for part in (script[:at], script[at:]))
    return early, late


def test_a_gate_that_is_passed_looks_the_same_however_well() -> None:
    """The side that compares does that before its word leaves; the side that learns, before it signs the counts."""
    agreed = terms(chunk=4, min_matches=1, min_matches_by=Comparer.OTHER)
    script = script_of(agreed, 1)
    assert script == script_of(agreed, SIZE)
    # The comparer also joins answers with answers, twice, to see that one scalar is on all of them.
    assert [len(some) for some in joins(script[Side.LISTEN])] == [3, 0]
    assert [len(some) for some in joins(script[Side.CONNECT])] == [1, 0]


# ---- once the link is closed


GIVEN = {
    Learner.CONNECT: ColumnTerms((), ("c",)),
    Learner.LISTEN: ColumnTerms(("c",), ()),
    Learner.BOTH: ColumnTerms(("c",), ("c",)),
}


@pytest.mark.parametrize("learn", Learner)
def test_matches_are_found_when_the_channel_is_closed(learn: Learner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Finding them, and collecting their labels, takes time for each match, which a peer that is still connected could
    measure."""
    events: dict[int, list[str]] = {}

    def note(owner: type, name: str, *, after: bool = False) -> None:
        plain = getattr(owner, name)

        def noted(self: object, *given: object) -> object:
            done = events.setdefault(threading.get_ident(), [])
            if after:
                found = plain(self, *given)
                done.append(name)
                return found
            done.append(name)
            return plain(self, *given)

        monkeypatch.setattr(owner, name, noted)

    note(MemoryChannel, "close", after=True)
    note(Party, "settle")
    note(Comparison, "outcome")
    note(Comparison, "join")
    note(Joined, "pairs")
    note(Column, "take")
    ends = dict(zip(Side, tapped_pair(), strict=True))
    agreed = terms(learn=learn, columns=GIVEN[learn], label_bytes=64)
    items = [b"%d" % number for number in range(SIZE)]
    setups = {side: setup(side, items, agreed, labels=Columns([])) for side in Side}
    results: dict[Side, session.SessionResult] = {}

    def play(side: Side) -> None:
        results[side] = session.run(ends[side], setups[side])

    other = threading.Thread(target=play, args=(Side.LISTEN,), daemon=True)
    other.start()
    play(Side.CONNECT)
    other.join(30)
    assert all(results[side].outcome.labels is not None for side in learn.receivers)
    learners = [done for done in events.values() if "outcome" in done]
    assert len(learners) == len(learn.receivers)
    late = ["settle", "outcome", "pairs", "take"] + ["join"] * (learn is not Learner.BOTH)
    for done in learners:
        assert all(done.index("close") < done.index(event) for event in late)
    assert all(done.index("close") < done.index("settle") for done in events.values())
