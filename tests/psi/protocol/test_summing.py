"""Sessions of `sum`: totals against a plain computation, the order of messages, frames that were tampered with."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable

import numpy as np
import pytest
from support.parties import declared, pump, setup, terms

from psi.agreement.modes import Learner, Matching, Reveal, Side
from psi.agreement.terms import KeyTerm, Terms
from psi.protocol.messages import MessageType as M
from psi.protocol.outcome import Outcome
from psi.protocol.party import Party
from psi.protocol.run import Values
from psi.protocol.states import RECEIVE, SEND, TABLE, State
from psi.transport.wire import Frame
from psiselect.base.errors import PsiselectError, RemoteError, UsageError
from psiselect.base.packed import I64

OWN = [b"%d" % i for i in range(30)]
PEER = [b"%d" % i for i in range(18, 43)]
LISTS = {Side.CONNECT: OWN, Side.LISTEN: PEER}


def summed(**changes: object) -> Terms:
    plain = {"reveal": Reveal.SUM, "value_decimals": 2, "value_max": "1000000", "chunk": 16}
    return terms(**{**plain, **changes})


def values_of(numbers: list[int]) -> Values:
    table = np.array([*numbers, 0], np.int64)  # the last one stands for -1

    def values(wanted: I64) -> I64:
        return table[wanted]

    return values


def amounts(items: list[bytes], seed: int = 1) -> list[int]:
    draw = random.Random(seed)
    return [draw.randint(-(10**8), 10**8) for _ in items]


def session(
    agreed: Terms,
    lists: dict[Side, list[bytes]] = LISTS,
    watch: Callable[[Side, Frame], None] = lambda side, frame: None,
) -> tuple[dict[Side, Party], dict[Side, list[int]]]:
    numbers = {side: amounts(lists[side], len(side.value)) for side in Side}
    parties = {
        side: Party(setup(side, lists[side], agreed, values=values_of(numbers[side])))
        for side in Side
    }  # fmt: skip
    pump(parties, watch)
    return parties, numbers


def expected(lists: dict[Side, list[bytes]], numbers: dict[Side, list[int]], learner: Side) -> Outcome:
    other = learner.other
    common = set(lists[Side.CONNECT]) & set(lists[Side.LISTEN])
    return Outcome(
        counts=(len(common),),
        total=sum(v for item, v in zip(lists[other], numbers[other], strict=True) if item in common),
    )


@pytest.mark.parametrize("learn", Learner)
@pytest.mark.parametrize("pad_to", [None, 50])
def test_the_learner_gets_count_and_total_and_the_other_side_nothing(learn: Learner, pad_to: int | None) -> None:
    parties, numbers = session(summed(learn=learn, pad_to=pad_to))
    for side, party in parties.items():
        assert party.outcome == (expected(LISTS, numbers, side) if side in learn.receivers else Outcome())
        assert party.done_operations == party.total_operations
    assert parties[Side.CONNECT].record == parties[Side.LISTEN].record


@pytest.mark.parametrize("lists", [([], []), ([], PEER), (OWN, []), (OWN, OWN), (OWN, [b"none"]), ([b"1"], [b"1"])])
@pytest.mark.parametrize("chunk", [1, 7, 8, 500])
def test_lists_of_every_shape(lists: tuple[list[bytes], list[bytes]], chunk: int) -> None:
    sides = dict(zip(Side, lists, strict=True))
    parties, numbers = session(summed(chunk=chunk), sides)
    assert parties[Side.CONNECT].outcome == expected(sides, numbers, Side.CONNECT)


def test_totals_at_the_ends_of_64_bits() -> None:
    agreed = summed(value_decimals=0, value_max=str((2**63 - 1) // 2))
    for sign in (1, -1):
        parties = {
            side: Party(setup(side, [b"a", b"b"], agreed, values=values_of([sign * ((2**63 - 1) // 2)] * 2)))
            for side in Side
        }
        pump(parties)
        assert parties[Side.CONNECT].outcome.total == sign * (2**63 - 2)


@pytest.mark.parametrize("least", [12, 13])
def test_a_total_of_too_few_matches_is_withheld(least: int) -> None:
    parties, numbers = session(summed(min_matches=least))
    wanted = expected(LISTS, numbers, Side.CONNECT) if least == 12 else Outcome(withheld=True)
    assert parties[Side.CONNECT].outcome == wanted


def test_neither_total_is_in_the_record() -> None:
    parties, _ = session(summed(learn=Learner.BOTH))
    record = parties[Side.CONNECT].record
    assert record["counts"] == [12]
    assert record["terms"]["value_max"] == "1000000"
    assert not {"total", "sum"} & record.keys()


def test_terms_exclude_an_overflow_before_anything_moves() -> None:
    """25 values fit, 30 do not, whoever has them: both sides refuse at the sizes, and the peer is at fault."""
    agreed = summed(value_decimals=0, value_max=str((2**63 - 1) // 25))
    session(agreed)
    for learn in (Learner.LISTEN, Learner.BOTH):
        other = dataclasses.replace(agreed, learn=learn)
        sides = {side: Party(setup(side, LISTS[side], other, values=values_of([0] * 30))) for side in Side}
        sizes = declared(sides)
        for side, party in sides.items():
            with pytest.raises(
                RemoteError, match=r"30 values, each of up to .* --value-max of at most 307445734561825860"
            ):
                party.receive(sizes[side.other])
            assert party.state is State.FAILED


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"value_decimals": None}, "needs --value-decimals"),
        ({"value_max": None}, "needs --value-decimals"),
        ({"value_decimals": 10}, "0 to 9"),
        ({"value_max": "1e6"}, "Write --value-max 1000000"),
        ({"reveal": Reveal.COUNT}, "only with --reveal sum, and this session has --reveal count"),
        ({"keys": (KeyTerm("raw/1", "00" * 32), KeyTerm("raw/1", "11" * 32))}, "one-to-one"),
    ],
)
def test_sums_that_do_not_exist_are_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        summed(**changes)
    if "keys" in changes:
        summed(**changes, matching=Matching.ONE_TO_ONE)


def test_a_side_without_values_says_so() -> None:
    parties = {side: Party(setup(side, LISTS[side], summed())) for side in Side}
    with pytest.raises(UsageError, match="adds up values of your list"):
        pump(parties)


# ---- order


def reachable_before(wanted: State, needed: tuple[object, M]) -> bool:
    """Whether `wanted` can be reached in the table, from its role's opening, without the message `needed`."""
    seen, waiting = set(), [State.ASKING]
    while waiting:
        state = waiting.pop()
        if state is wanted:
            return True
        seen.add(state)
        waiting += [after for event, after in TABLE[state].items() if event != needed and after not in seen]
    return False


def test_no_correction_can_be_sent_before_the_proof_has_come() -> None:
    may_correct = [state for state, row in TABLE.items() if {(SEND, M.CORRECTIONS), (SEND, M.TOTAL)} & row.keys()]
    assert may_correct == [State.CORRECTING]
    assert reachable_before(State.CORRECTING, (SEND, M.HELLO))
    for needed in ((RECEIVE, M.PROOF), (SEND, M.CHALLENGE), (RECEIVE, M.TRANSFERS_END)):
        assert not reachable_before(State.CORRECTING, needed)


def test_frames_come_in_the_order_of_the_specification() -> None:
    seen: list[tuple[Side, M]] = []
    session(summed(chunk=8), watch=lambda side, frame: seen.append((side, M(frame.type))))
    learner, giver = Side.CONNECT, Side.LISTEN
    order = [event for number, event in enumerate(seen) if number == 0 or event != seen[number - 1]]
    start = order.index((giver, M.TAGS_END))
    assert order[start:-2] == [
        (giver, M.TAGS_END),
        (giver, M.SEED_REQUEST),
        (learner, M.SEED_ANSWER),
        (learner, M.TRANSFERS),
        (learner, M.TRANSFERS_END),
        (giver, M.CHALLENGE),
        (learner, M.PROOF),
        (giver, M.CORRECTIONS),
        (giver, M.TOTAL),
    ]


# ---- tampered frames

KINDS = [M.SEED_REQUEST, M.SEED_ANSWER, M.TRANSFERS, M.TRANSFERS_END, M.CHALLENGE, M.PROOF, M.CORRECTIONS, M.TOTAL]


def spoilt(kind: M, spoil: Callable[[bytes], bytes], which: int = 0) -> dict[Side, Party | PsiselectError]:
    """A session in which one frame of this kind is changed on the way; each side, or the error that ended it."""
    numbers = {side: amounts(LISTS[side], len(side.value)) for side in Side}
    parties = {side: Party(setup(side, LISTS[side], summed(chunk=8), values=values_of(numbers[side]))) for side in Side}
    ends: dict[Side, Party | PsiselectError] = {}
    queues: dict[Side, list[Frame]] = {side: [] for side in Side}
    count = 0

    def deliver(side: Side, frames: list[Frame] | None) -> None:
        nonlocal count
        for frame in frames or []:
            payload = bytes(frame.payload)
            if frame.type == kind:
                payload = spoil(payload) if count == which else payload
                count += 1
            queues[side.other].append(Frame(frame.type, payload))

    for side, party in parties.items():
        deliver(side, party.start())
    for _ in range(10_000):
        for side, party in parties.items():
            if side in ends:
                continue
            if party.state is State.DONE:
                party.settle()
                ends[side] = party
                continue
            try:
                deliver(side, party.receive(queues[side].pop(0)) if queues[side] else party.work())
            except PsiselectError as error:
                ends[side] = error
        if len(ends) == 2 or any(isinstance(end, PsiselectError) for end in ends.values()):
            return ends
    raise AssertionError("the session does not end")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cut", [lambda p: p[:-1], lambda p: p + b"\0", lambda p: b"", lambda p: p * 2])
def test_frames_of_another_length_end_the_session(kind: M, cut: Callable[[bytes], bytes]) -> None:
    ends = spoilt(kind, cut)
    assert any(isinstance(end, RemoteError) for end in ends.values())


def flip(payload: bytes) -> bytes:
    return bytes([payload[0] ^ 1]) + payload[1:]


@pytest.mark.parametrize("kind", [M.SEED_REQUEST, M.SEED_ANSWER, M.CHALLENGE, M.PROOF])
def test_changed_seeds_and_checks_are_refused_or_have_no_effect(kind: M) -> None:
    """Another element gives another seed, so the columns do not fit. The receiver's columns can't be judged by the
    receiver: a changed challenge shows at the sender."""
    error = next(end for end in spoilt(kind, flip).values() if isinstance(end, PsiselectError))
    assert isinstance(error, RemoteError)
    assert "check of their consistency" in str(error)


def test_a_changed_correction_or_share_changes_the_total_only() -> None:
    """What a sender that cheats can do (docs/protocol.md): here it shifts the total by 1, or by a power of two."""
    truth = session(summed(chunk=8))[0][Side.CONNECT].outcome
    assert truth.total is not None
    end = spoilt(M.TOTAL, lambda p: ((int.from_bytes(p, "little") - 5) % 2**64).to_bytes(8, "little"))[Side.CONNECT]
    assert isinstance(end, Party)
    assert end.outcome == dataclasses.replace(truth, total=truth.total + 5)
    shifts = set()
    for which in range(4):
        end = spoilt(M.CORRECTIONS, flip, which)[Side.CONNECT]
        assert isinstance(end, Party)
        assert end.outcome.counts == truth.counts
        assert end.outcome.total is not None
        shifts.add(abs(end.outcome.total - truth.total))
    assert shifts <= {0, 1}


def test_too_many_or_too_few_corrections_are_refused() -> None:
    fewer = spoilt(M.CORRECTIONS, lambda p: p[:-8], 0)[Side.CONNECT]
    assert isinstance(fewer, RemoteError)
    assert "expected 8 rows" in str(fewer)
    more = spoilt(M.CORRECTIONS, lambda p: p + p[:56], 3)[Side.CONNECT]  # the last block has one row
    assert isinstance(more, RemoteError)
    assert "expected 1 row of 8 bytes" in str(more)
