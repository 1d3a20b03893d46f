"""Learners that cheat in the gate to pass with fewer matches than the minimum: refused, each of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from support.gates import Cheat, Sent, Watched, backend, cheating, context, exchange, gated, parties, play, watching

from psi.agreement.modes import Side
from psi.group.curve25519.scalar import Scalar
from psi.group.curve25519.suite import DST
from psi.protocol.gate import GateReceiver
from psi.protocol.messages import MessageType as M
from psi.protocol.party import Party
from psi.protocol.states import State
from psiselect.base.errors import MinimumError, RemoteError
from psiselect.base.packed import U8

ITEMS, LEAST = 8, 7  # the comparer's items, of which the learner has half
SCALAR, OTHER = 0, 1
REFUSED = "the answers do not fit together"


def multiples(cheat: Cheat, rows: U8) -> U8:
    """As many products of one element as there are elements."""
    return np.concatenate([cheat.times(rows[:1], number) for number in range(len(rows))])


def multiples_of_a_match(cheat: Cheat) -> U8:
    """Under each scalar the product of one item that both hold: one of them is a match, if the element was its."""
    token = cheat.run.tokens.read(0, 1)
    hashed = cheat.run.backend.hash_to_curve(token, DST)
    return np.concatenate([cheat.times(hashed, number) for number in range(len(cheat.run.tokens))])


def two_groups(cheat: Cheat, rows: U8) -> U8:
    half = len(rows) // 2
    return np.concatenate([cheat.times(rows[:half], SCALAR), cheat.times(rows[half:], OTHER)])


def one_other(cheat: Cheat, rows: U8) -> U8:
    """One element under another scalar."""
    return np.concatenate([cheat.times(rows[:1], OTHER), cheat.times(rows[1:], SCALAR)])


def one_replaced(cheat: Cheat, rows: U8) -> U8:
    """One product replaced by another one of the first element."""
    return np.concatenate([cheat.times(rows[1:2], OTHER), cheat.times(rows[1:], SCALAR)])


def one_made_up(cheat: Cheat, rows: U8) -> U8:
    """One product replaced by one of an item that the learner hashed itself."""
    hashed = cheat.run.backend.hash_to_curve(cheat.run.tokens.read(0, 1), DST)
    return np.concatenate([cheat.times(hashed, SCALAR).reshape(1, -1), cheat.times(rows[1:], SCALAR)])


def one_repeated(cheat: Cheat, rows: U8) -> U8:
    answered = cheat.times(rows, SCALAR)
    return np.concatenate([answered[1:2], answered[1:]])


def few_repeated(cheat: Cheat, rows: U8) -> U8:
    """Four products, again and again."""
    return cheat.times(rows, SCALAR)[np.arange(len(rows)) % 4]


def guessed_tuple(cheat: Cheat, rows: U8) -> U8:
    """The best guess: so many elements are copies of one item, and are answered under another scalar."""
    copies = cheat.run.copies
    return np.concatenate([cheat.times(rows[:copies], OTHER), cheat.times(rows[copies:], SCALAR)])


def consecutive_tuples(cheat: Cheat, rows: U8) -> U8:
    """What would pass if copies came one after the other: a scalar for each item."""
    copies = cheat.run.copies
    return np.concatenate([
        cheat.times(rows[start : start + copies], number) for number, start in enumerate(range(0, len(rows), copies))
    ])  # fmt: skip


CHEATS = [multiples, two_groups, one_other, one_replaced, one_made_up, one_repeated, few_repeated, guessed_tuple,
          consecutive_tuples]  # fmt: skip


@pytest.mark.parametrize("keys", [1, 2])
@pytest.mark.parametrize("answer", CHEATS)
def test_answers_that_are_not_of_one_scalar_are_refused(
    monkeypatch: pytest.MonkeyPatch, answer: object, keys: int
) -> None:
    """Also when so many items match that the gate would be passed, so that the answers alone are at fault."""
    watched = watching(monkeypatch)
    cheating(monkeypatch, answer)
    sent: Sent = {}
    with pytest.raises(RemoteError, match=rf"{REFUSED}|have the same first bytes"):
        play(parties(range(ITEMS), range(ITEMS), gated(1, keys)), sent)
    assert {M.REPLIES, M.TAGS}.isdisjoint(frame.type for frame in sent[Side.LISTEN])
    assert not any(any(scalar.key) for scalar in watched[0].all_scalars)


@pytest.mark.parametrize("seed", ["one", "two", "three", "four"])
def test_multiples_of_one_element_do_not_pass(monkeypatch: pytest.MonkeyPatch, seed: str) -> None:
    """The attack on the gate as it was: see the next test for how often it passed."""
    cheating(monkeypatch, multiples, multiples_of_a_match)
    with pytest.raises(RemoteError, match=REFUSED):
        play(attacked(seed))


def attacked(seed: str) -> dict[Side, Party]:
    """Half of the comparer's items are the learner's too, which are fewer than the minimum; it has more of its own."""
    return parties([*range(ITEMS // 2), *range(100, 100 + ITEMS)], range(ITEMS), gated(LEAST), seed)


def test_with_one_copy_of_each_item_the_same_attack_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """So it is the copies that stop it. The learner makes its tags of one match, and answers with products of one
    element, which is that match's with a chance of 1 in 8. So 100 attempts fail with a chance of 2 in a million; with
    these fixed random bits one of them passes."""
    monkeypatch.setattr("psi.protocol.schedule.gate_copies", lambda items: 1)
    cheating(monkeypatch, multiples, multiples_of_a_match)
    for seed in range(100):
        sent: Sent = {}
        with pytest.raises((MinimumError, RemoteError)):  # past the gate, the record has other counts than the result
            play(attacked(f"{seed}"), sent)
        if any(frame.type == M.TAGS for frame in sent[Side.LISTEN]):
            return
    raise AssertionError("no attempt passed")


def test_an_honest_answer_of_the_same_learner_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that it is the answers that are refused above, and not the way in which they are made."""
    cheating(monkeypatch, lambda cheat, rows: cheat.times(rows, SCALAR))
    given = parties(range(ITEMS // 2), range(ITEMS), gated(ITEMS // 2))
    play(given)
    assert given[Side.LISTEN].outcome.counts == (ITEMS // 2,)
    with pytest.raises(MinimumError):
        play(parties(range(ITEMS // 2), range(ITEMS), gated(ITEMS // 2 + 1)))


# ---- several keys


def keys_exchanged(cheat: Cheat, rows: U8) -> U8:
    """Under each key the product of the other one's element, in every row."""
    return np.roll(cheat.times(rows, SCALAR), 32, axis=1)


def keys_exchanged_in_some_rows(cheat: Cheat, rows: U8) -> U8:
    answered = cheat.times(rows, SCALAR)
    return np.concatenate([np.roll(answered[:5], 32, axis=1), answered[5:]])


def one_key_under_another_scalar_in_some_rows(cheat: Cheat, rows: U8) -> U8:
    answered = cheat.times(rows, SCALAR)
    answered[:5, 32:] = cheat.times(rows[:5, 32:], OTHER)
    return answered


def rows_of_two_halves(cheat: Cheat, rows: U8) -> U8:
    """The first key of one row beside the second of the next."""
    answered = cheat.times(rows, SCALAR)
    answered[:, 32:] = np.roll(answered[:, 32:], 1, axis=0)
    return answered


@pytest.mark.parametrize(
    "answer", [keys_exchanged_in_some_rows, one_key_under_another_scalar_in_some_rows, rows_of_two_halves]
)
def test_rows_are_checked_whole(monkeypatch: pytest.MonkeyPatch, answer: object) -> None:
    """Each element alone is that of one scalar in the first case and in the last, and in all cases for one key."""
    cheating(monkeypatch, answer)
    with pytest.raises(RemoteError, match=REFUSED):
        play(parties(range(ITEMS), range(ITEMS), gated(1, 2)))


def test_the_same_mixture_of_keys_in_every_row_counts_each_row_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """That passes the check and gains nothing: a list with the values under the other key has as many matches."""
    cheating(monkeypatch, keys_exchanged)
    with pytest.raises(MinimumError):
        play(parties(range(ITEMS), range(ITEMS), gated(1, 2)))  # no value of one key is one of the other

    def exchanged_too(cheat: Cheat) -> U8:
        hashed = cheat.run.backend.hash_to_curve(cheat.run.tokens.read(0, len(cheat.run.tokens)), DST)
        return np.roll(cheat.times(hashed, SCALAR).reshape(-1, 64), 32, axis=1)

    cheating(monkeypatch, keys_exchanged, exchanged_too)
    given = parties(range(ITEMS // 2), range(ITEMS), gated(1, 2))
    play(given)
    assert sum(given[Side.LISTEN].outcome.counts or ()) == ITEMS // 2


# ---- elements that are refused, and the best guess


@pytest.mark.parametrize("bad", [bytes(32), (1).to_bytes(32, "little"), b"\xff" * 32])
@pytest.mark.parametrize("items", [1, 3])
def test_a_reply_that_is_no_element_is_refused(bad: bytes, items: int) -> None:
    """Of low order, or not canonical; also where one copy is enough."""
    copies = {1: 1, 3: 4}[items]

    def answer(rows: U8) -> U8:
        return np.concatenate([np.frombuffer(bad, np.uint8)[None], rows[1:]])

    with pytest.raises(RemoteError, match=r"low order|is not below"):
        exchange(GateReceiver(context(items, copies, "bad")), answer, 32)


@pytest.mark.parametrize("change", [-1, 1])
def test_replies_are_as_many_as_elements(change: int) -> None:
    def answer(rows: U8) -> U8:
        return rows[:-1] if change < 0 else np.concatenate([rows, rows[:1]])

    with pytest.raises(RemoteError, match=r"encrypted keys|replies"):
        exchange(GateReceiver(context(3, 4, "number")), answer, 32)


def test_the_best_guess_succeeds_as_often_as_stated() -> None:
    """Two items and, forced, two copies each: two of the four elements are copies of one item with probability 1/3.
    The bounds are 7 standard deviations away: a false alarm has probability below 1e-10."""
    trials, chance = 200, 2 / math.comb(4, 2)
    scalars = [Scalar(bytes([number]) * 32) for number in (3, 5)]

    def answer(rows: U8) -> U8:
        return np.concatenate([backend().mask(rows[:2], scalars[0]), backend().mask(rows[2:], scalars[1])])

    passed = 0
    for trial in range(trials):
        gate = GateReceiver(context(2, 2, f"guess {trial}"))
        try:
            exchange(gate, answer, 32)
            passed += 1
        except RemoteError:
            pass
        gate.close()
    assert abs(passed - trials * chance) < 7 * math.sqrt(trials * chance * (1 - chance))


def test_with_all_copies_no_such_guess_succeeds() -> None:
    """The same with the copies that the protocol has: one in 2^40 would."""
    copies = 23
    scalars = [Scalar(bytes([number]) * 32) for number in (3, 5)]

    def answer(rows: U8) -> U8:
        split = [backend().mask(half, scalar) for half, scalar in zip(np.split(rows, 2), scalars, strict=True)]
        return np.concatenate(split)

    with pytest.raises(RemoteError, match=REFUSED):
        exchange(GateReceiver(context(2, copies, "all")), answer, 32)


def test_copies_after_the_second_are_checked() -> None:
    """Answers that are right but for one copy of the third kind or later, which only the test knows."""
    gate = Told(context(3, 4, "third"))
    third = gate.third()

    def answer(rows: U8) -> U8:
        scalar, other = (Scalar(bytes([number]) * 32) for number in (3, 5))
        answered = backend().mask(rows, scalar)
        place = next(number for number, row in enumerate(rows) if row.tobytes() in third)
        answered[place] = backend().mask(rows[place : place + 1], other)[0]
        return answered

    with pytest.raises(RemoteError, match=REFUSED):
        exchange(gate, answer, 32)


def test_one_copy_is_as_large_as_the_list() -> None:
    """A chain, each reply the one before times d_2, has more pairs than items; it takes d_2, which the test is told."""
    gate = Told(context(2, 2, "chain"))

    def answer(rows: U8) -> U8:
        chain = [rows[:1]]
        while len(chain) < len(rows):
            chain.append(backend().mask(chain[-1], gate.all_scalars[2]))
        return np.concatenate(chain)

    with pytest.raises(RemoteError, match=REFUSED):
        exchange(gate, answer, 32)


class Told(Watched):
    """Tells which elements are of the third copy."""

    seen: list[Watched] = []  # noqa: RUF012

    def third(self) -> set[bytes]:
        first = self._run.backend.hash_and_mask(self._run.tokens.read(0, 3), self._mask, DST)
        return {row.tobytes() for row in self._run.backend.mask(first, self._factors[1])}


def test_tags_must_be_complete() -> None:
    gate = exchange(GateReceiver(context(1, 1, "tags")), lambda rows: rows, 32)
    with pytest.raises(RemoteError, match="fewer encrypted values"):
        gate.receive(M.TAGS_END, b"", State.COMPARING)
